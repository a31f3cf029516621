import { MAX_DEPTH, type TypePlan } from '../../plan.ts'
import { SCRATCH, VIEW } from '../scratch.ts'
import { double, float } from './decimal.ts'
import { bool, map } from './element.ts'
import type { Op, Reader } from './field.ts'
import { fixed32, fixed64, int32, int64, sfixed32, sfixed64, sint32, sint64, uint32, uint64 } from './integer.ts'
import type { Members } from './known.ts'
import { close } from './lengths.ts'
import { fieldText, type Target } from './program.ts'
import { IN, INPUT, S, space, TOP, takesNull } from './state.ts'
import { type Table, WORD } from './table.ts'
import { bytes, string } from './text.ts'
import { matchText } from './trie.ts'

/**
 * Readers of objects as program text, one function for each type. The text has numbers and identifiers of our own in it and nothing
 * else: names are compared as numbers, and what is not a number comes in as a value.
 */

/** What the text of every batch refers to. */
const RUNTIME = {
  O: SCRATCH,
  V: VIEW,
  I: INPUT,
  N: IN,
  S,
  T: TOP,
  space,
  takesNull,
  close,
  map,
  string,
  bytes,
  bool,
  double,
  float,
  int32,
  uint32,
  sint32,
  fixed32,
  sfixed32,
  int64,
  uint64,
  sint64,
  fixed64,
  sfixed64,
}

/** A function for so many fields is no longer optimized, so that a table is faster. */
const MAX_FIELDS = 96
/** Nor are names of so many bytes worth their comparisons. */
const MAX_NAMES = 16_384
/** Words of bits that are kept in variables. */
const MAX_WORDS = 4

/** Two texts are never the same: the engine then has one closure of each function, and takes what it refers to as constants. */
let batches = 0

/** Gives the tables readers made of program text, all by one compilation. */
export const generate = (
  tables: readonly Table[],
  readersFor: (plan: TypePlan) => { read: Reader; own: Members | undefined },
): void => {
  const chosen = tables.filter(isWorthIt)
  if (chosen.length === 0) return
  const numbers = new Map(chosen.map((table, number) => [table.plan, number]))
  const ops: Op[] = []
  const readers: Reader[] = []
  const addOp = (op: Op): string => `d${ops.push(op) - 1}`
  const target = (plan: TypePlan): Target => {
    const number = numbers.get(plan)
    if (number !== undefined) return { name: `m${number}`, members: true }
    const { read, own } = readersFor(plan)
    return { name: `r${readers.push(own?.members ?? read) - 1}`, members: own !== undefined }
  }
  const functions = chosen.map((table, number) => typeText(`m${number}`, table, addOp, target))
  const text = [
    `// ${batches++}`,
    `const {${Object.keys(RUNTIME).join()}}=runtime;`,
    ...ops.map((_, k) => `const d${k}=ops[${k}];`),
    ...readers.map((_, k) => `const r${k}=readers[${k}];`),
    ...functions,
    `return [${chosen.map((_, k) => `m${k}`).join()}];`,
  ].join('\n')
  const made: Reader[] = new Function('runtime', 'ops', 'readers', text)(RUNTIME, ops, readers)
  for (const [number, table] of chosen.entries()) table.members = made[number]!
}

const isWorthIt = ({ ops, words, names }: Table): boolean =>
  ops.length > 0 &&
  ops.length <= MAX_FIELDS &&
  words <= MAX_WORDS &&
  names.entries().reduce((size, [name]) => size + name.length, 0) <= MAX_NAMES

const typeText = (
  name: string,
  table: Table,
  addOp: (op: Op) => string,
  target: (plan: TypePlan) => Target,
): string => {
  const words = Array.from({ length: table.words }, (_, w) => w)
  const mark = (index: number): string => {
    const word = `s${Math.floor(index / WORD)}`
    const bit = 1 << (index % WORD)
    return `if((${word}&${bit})!==0)return -1;${word}|=${bit};`
  }
  const cases = table.ops.map((op, index) => {
    const oneof = table.oneofs[index]!
    return `case ${index}:${mark(index)}${fieldText(op, oneof < 0 ? '' : mark(oneof), addOp, target)}break;`
  })
  return `function ${name}(i,q,d){
if(d>${MAX_DEPTH})return -1;
let r=0,f=0${words.map((w) => `,s${w}=0`).join('')};
if(d===1){${words.map((w) => `s${w}=T[${w}];`).join('')}}
let c=I[i];
if(c<33){i=space(i);c=I[i]}
if(c!==125)for(;;){
if(c!==34||q-i>S.slack)return -1;
i++;
k:{${matchText(table.names)}return -1}
c=I[i];
if(c!==58){i=space(i);if(I[i]!==58)return -1}
c=I[++i];
if(c<33){i=space(i);c=I[i]}
switch(f){
${cases.join('\n')}
}
i=S.at|0;c=I[i];
if(c<33){i=space(i);c=I[i]}
if(c===125)break;
if(c!==44)return -1;
c=I[++i];
if(c<33){i=space(i);c=I[i]}
}
S.at=i+1;
if(d===1){${words.map((w) => `T[${w}]=s${w};`).join('')}}
return q}`
}
