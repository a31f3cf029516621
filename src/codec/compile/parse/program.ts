import { MAX_DEPTH, type TypePlan } from '../../plan.ts'
import { type Op, tagBytes } from './field.ts'

/** The program text that reads one field: `c` is the character at `i`, where the value starts, and `q` the place to write to. */

/** A reader of messages by its name in the text. */
export interface Target {
  readonly name: string
  /** It starts behind the `{`, otherwise on the first character. */
  readonly members: boolean
}
interface Context {
  readonly addOp: (op: Op) => string
  readonly target: (plan: TypePlan) => Target
}

/** `oneof`: what marks the oneof of the field, to be done for all values but null. */
export const fieldText = (op: Op, oneof: string, addOp: Context['addOp'], target: Context['target']): string => {
  const { field, nullIsValue } = op.plan
  const context = { addOp, target }
  const many = field.repeated || field.mapKey !== undefined
  if (nullIsValue && !many) return `${oneof}${singleText(op, context)}`
  return `if(c===110){if(!takesNull(i))return -1}else{${oneof}${valueText(op, context)}}`
}

const valueText = (op: Op, context: Context): string => {
  const { field } = op.plan
  if (field.mapKey !== undefined) return `q=map(${context.addOp(op)},i,q,d+1);if(q<0)return -1;`
  return field.repeated ? listText(op, context) : singleText(op, context)
}

const singleText = (op: Op, context: Context): string => {
  const size = op.tagSize
  if (op.plan.field.kind === 'message') return messageText(op, context, 'd+1')
  const read = `${putTag(op)}${scalarText(op, context, `q+${size}`)}`
  if (!op.implicit) return `${read}q=r;`
  switch (op.plan.field.kind) {
    case 'fixed32':
    case 'sfixed32':
    case 'float':
      return `${read}if(V.getInt32(q+${size},true)!==0)q=r;`
    case 'fixed64':
    case 'sfixed64':
    case 'double':
      return `${read}if((V.getInt32(q+${size},true)|V.getInt32(q+${size + 4},true))!==0)q=r;`
    default:
      return `${read}if(O[q+${size}]!==0)q=r;`
  }
}

/** A value that is no message, to `to`; its end is in `r`. */
const scalarText = (op: Op, context: Context, to: string): string => {
  const { kind } = op.plan.field
  if (kind === 'enum') return `r=${context.addOp(op)}.enum(i,${to});if(r<0)return -1;`
  const quote = kind === 'string' || kind === 'bytes' ? 'if(c!==34)return -1;' : ''
  // The kinds of scalars are the names of their readers.
  return `${quote}r=${kind}(i,${to});if(r<0)return -1;`
}

/** A message with its tag; `q` is then behind it. */
const messageText = (op: Op, context: Context, depth: string): string => {
  const size = op.tagSize
  const { name, members } = context.target(op.plan.message)
  const start = members ? 'if(c!==123)return -1;' : ''
  const at = members ? 'i+1' : 'i'
  if (op.endTag !== 0)
    return `${start}${putTag(op)}q=${name}(${at},q+${size},${depth});if(q<0)return -1;${tagText('q', tagBytes(op.endTag))}q+=${size};`
  return `${start}${putTag(op)}r=${name}(${at},q+${size + 1},${depth});if(r<0)return -1;if(r-q<${129 + size}){O[q+${size}]=r-q-${size + 1};q=r}else{q=close(q+${size},r);if(q<0)return -1}`
}

const listText = (op: Op, context: Context): string => {
  const size = op.tagSize
  const element =
    op.plan.field.kind === 'message'
      ? messageText(op, context, 'd+2')
      : op.packed
        ? `${scalarText(op, context, 'q')}q=r;`
        : `${putTag(op)}${scalarText(op, context, `q+${size}`)}q=r;`
  return `if(c!==91||d>=${MAX_DEPTH})return -1;
i=space(i+1);c=I[i];
if(c!==93){${op.packed ? `${putTag(op)}const p=q+${size};q=p+1;` : ''}
for(;;){
if(q-i>S.slack)return -1;
${element}
i=S.at|0;c=I[i];
if(c<33){i=space(i);c=I[i]}
if(c!==44)break;
c=I[++i];
if(c<33){i=space(i);c=I[i]}
}
if(c!==93)return -1;${op.packed ? 'q=close(p,q);if(q<0)return -1;' : ''}}
S.at=i+1;`
}

const putTag = (op: Op): string => tagText('q', tagBytes(op.packed ? op.plan.packedTag : op.plan.tag))

const tagText = (at: string, tag: readonly number[]): string => {
  const [a, b, c, d, e] = tag
  if (b === undefined) return `O[${at}]=${a};`
  if (c === undefined) return `V.setInt16(${at},${a! | (b << 8)},true);`
  const word = `V.setInt32(${at},${a! | (b << 8) | (c << 16) | ((d ?? 0) << 24)},true);`
  return e === undefined ? word : `${word}O[${at}+4]=${e};`
}
