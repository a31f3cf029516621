import { GROUP, MAX_DEPTH } from '../../plan.ts'
import { LIMIT, SCRATCH, VIEW } from '../scratch.ts'
import { type Compiler, contentOf, type Form, groupEnd, levelOf, type Members, type Node } from './form.ts'
import { AT, flush } from './page.ts'
import { gap, lengthVarint, readTag } from './read.ts'
import { isZero, putRaw } from './scalars.ts'
import { NOTHING, stepOf } from './steps.ts'

/**
 * Program text for `Members`: the fields of a type in a straight line, in the order of their numbers. The text is made of our own
 * identifiers and of numbers: names of the schema are bytes, and everything else of it comes in as captured data.
 *
 * In the text: b buffer, j where reading is, e its end, q where writing is, d depth, g tag that ends the group, t the tag that was
 * read last, or END.
 */

/** Bytes that may be written without a look at LIMIT. */
const UNCHECKED = 8192
/** After so many fields a message that has ended is left. */
const STRIDE = 8
const NO_LIMIT = 2 ** 53

const RUNTIME = { O: SCRATCH, V: VIEW, A: AT, flush, gap, tag: readTag, size: lengthVarint, raw: putRaw, isZero }
const PRELUDE = `'use strict';const {${Object.keys(RUNTIME).join()}}=R;`

/** The text of one batch: its functions, and what they capture. */
class Program {
  readonly compiler: Compiler
  readonly data: unknown[] = []
  readonly places: ReadonlyMap<Node, number>
  constructor(nodes: readonly Node[], compiler: Compiler) {
    this.compiler = compiler
    this.places = new Map(nodes.map((node, i) => [node, i]))
  }
  capture(value: unknown): string {
    return `c${this.data.push(value) - 1}`
  }
}

/** Compiles the members of these nodes, all of them with forms. */
export const generate = (nodes: readonly Node[], compiler: Compiler): void => {
  const program = new Program(nodes, compiler)
  const parts: string[] = []
  nodes.forEach((node, i) => {
    parts.push(`function f${i}(b,j,e,q,d){${membersText(program, node, false)}}`)
    parts.push(`function g${i}(b,j,e,q,d,g){${membersText(program, node, true)}}`)
  })
  const captured = program.data.map((_, i) => `const c${i}=D[${i}];`).join('')
  const result = `return [${nodes.map((_, i) => `f${i},g${i}`).join()}];`
  const make = new Function('R', 'D', `${PRELUDE}${captured}${parts.join('\n')}\n${result}`)
  const functions = make(RUNTIME, program.data) as Members[]
  nodes.forEach((node, i) => {
    node.members = functions[2 * i]!
    node.grouped = functions[2 * i + 1]!
  })
}

/** Stores at q, four bytes at a time. */
const store = (program: Program, bytes: Buffer): string => {
  if (bytes.length > 64) return `q=raw(q,${program.capture(bytes)});`
  let text = ''
  let k = 0
  const at = (): string => (k === 0 ? 'q' : `q+${k}`)
  for (; k + 4 <= bytes.length; k += 4) text += `V.setInt32(${at()},${bytes.readInt32LE(k)},true);`
  if (k + 2 <= bytes.length) {
    text += `V.setUint16(${at()},${bytes.readUInt16LE(k)},true);`
    k += 2
  }
  if (k < bytes.length) text += `O[${at()}]=${bytes[k]};`
  return `${text}q+=${bytes.length};`
}

const FLUSH = `if(q>${LIMIT})q=flush(q);`
const FAIL = 'if(q<0)return -1;'
const COMMA = 'O[q++]=44;'

const membersText = (program: Program, { forms }: Node, grouped: boolean): string => {
  const fields = forms!
  // As long as tags fit into 31 bits, so does the mark.
  const last = fields.every(({ plan }) => plan.field.number < 2 ** 28) ? 0x7fff_ffff : 0xffff_ffff
  const next = nextTag(last, grouped)
  const known = program.capture(new Set(fields.flatMap(({ plan: { tag, packedTag } }) => [tag, packedTag])))
  const skipTo = (limit: number): string =>
    `t=gap(b,j,e,t,${limit},${known},d,${last},${grouped ? 'g' : 0});if(t<0)return -1;j=A[0];`
  const oneofs = Math.max(-1, ...fields.map(({ oneof }) => oneof)) + 1
  let text = `if(d>${MAX_DEPTH})return -1;${FLUSH}let t=${last};${next}`
  for (let i = 0; i < oneofs; i++) text += `let o${i}=0;`
  text += 'all:{'
  const defaults = fields.some(({ absent }) => absent !== undefined)
  let written = 0
  fields.forEach((form, i) => {
    const { plan, key, absent } = form
    const room = key.length + 2048
    if (written + room > UNCHECKED) text += FLUSH
    written = written + room > UNCHECKED ? room : written + room
    const otherwise = absent === undefined ? '' : `${store(program, Buffer.concat([key, absent, Buffer.from(',')]))}`
    const first = (plan.field.number << 3) >>> 0
    text += `if(t<${first}){${skipTo(first)}}`
    const tags = plan.packedTag === 0 ? `t===${plan.tag}` : `t===${plan.tag}||t===${plan.packedTag}`
    text += `if(${tags}){${fieldText(program, form, next, otherwise)}}`
    if (otherwise !== '') text += `else{${otherwise}}`
    else if (!defaults && i % STRIDE === STRIDE - 1) text += `if(t===${last})break all;`
  })
  return `${text}if(t!==${last}){${skipTo(NO_LIMIT)}}}A[0]=j;return q;`
}

const nextTag = (last: number, grouped: boolean): string => {
  const read = 't=b[j];if(t<128){j++;if(t<8)return -1;}else{t=tag(b,j,e);if(t<0)return -1;j=A[0];}'
  return grouped ? `if(j>=e)return -1;${read}if(t===g)t=${last};` : `if(j<e){${read}}else t=${last};`
}

/** A field whose tag has been read, up to the next tag. */
const fieldText = (program: Program, form: Form, next: string, otherwise: string): string => {
  if (form.mapKey !== undefined) return stepText(program, form, next, otherwise)
  if (form.plan.field.repeated) return listText(program, form, next, otherwise)
  return `${singleText(program, form, otherwise)}${next}`
}

/** What the closures do, behind its key. */
const stepText = (program: Program, form: Form, next: string, otherwise: string): string => {
  const step = program.capture(stepOf(form, program.compiler))
  const take = `if(q===${NOTHING}){q=r;${otherwise}}else{${COMMA}${FLUSH}}`
  return `const r=q;${store(program, form.key)}q=${step}(b,j,e,q,d,t);if(q===-1)return -1;j=A[0];${take}${next}`
}

const singleText = (program: Program, form: Form, otherwise: string): string => {
  const { key, zero, drops, scalar, oneof } = form
  const mark = oneof < 0 ? '' : `if(o${oneof}!==0)return -1;o${oneof}=1;`
  if (scalar === undefined) return `${mark}${messageText(program, form, key)}${COMMA}`
  const value = `q=${program.capture(scalar)}(b,j,e,q,d);${FAIL}j=A[0];`
  const text = drops
    ? `const r=q;${store(program, key)}const s=q;${value}if(q!==s){${mark}${COMMA}}else{q=r;${otherwise}}`
    : `${mark}${store(program, key)}${value}${COMMA}`
  if (zero === 1) return `if(j<e&&b[j]===0)j++;else{${text}}`
  return zero === 0 ? text : `if(isZero(b,j,e,${zero}))j+=${zero};else{${text}}`
}

const LENGTH = `if(j>=e)return -1;let l=b[j++];if(l>127){l=size(b,j-1,e);j=A[0];if(j<0)return -1;}if(l<0||l>e-j)return -1;`
const CLOSE = 'if(O[q-1]===44)O[q-1]=125;else O[q++]=125;'

/** A message behind `before`, braces included. */
const messageText = (program: Program, form: Form, before: Buffer): string => {
  const { plan } = form
  const { compiler } = program
  const level = levelOf(plan)
  const depth = level === 0 ? 'd' : `d+${level}`
  if (plan.wellKnown !== undefined) {
    const write = program.capture(contentOf(plan, compiler))
    return `{${store(program, before)}${LENGTH}q=${write}(b,j,j+l,q,${depth});${FAIL}j+=l;${FLUSH}}`
  }
  const open = store(program, Buffer.concat([before, Buffer.from('{')]))
  const node = compiler.node(plan.message)
  const place = program.places.get(node)
  if (plan.wire === GROUP) {
    const call = place === undefined ? `${program.capture(node)}.grouped` : `g${place}`
    return `{${open}q=${call}(b,j,e,q,${depth},${groupEnd(plan)});${FAIL}j=A[0];${CLOSE}${FLUSH}}`
  }
  const call = place === undefined ? `${program.capture(node)}.members` : `f${place}`
  return `{${open}${LENGTH}q=${call}(b,j,j+l,q,${depth},0);${FAIL}j+=l;${CLOSE}${FLUSH}}`
}

const listText = (program: Program, form: Form, next: string, otherwise: string): string => {
  const { plan, key, scalar, drops } = form
  const open = store(program, Buffer.concat([key, Buffer.from('[')]))
  const close = 'O[q-1]=93;O[q++]=44;'
  if (scalar === undefined) {
    const element = messageText(program, form, Buffer.alloc(0))
    return `${open}do{${element}${COMMA}${next}}while(t===${plan.tag});${close}`
  }
  const write = program.capture(scalar)
  const done = `${COMMA}${FLUSH}`
  const value = (end: string): string =>
    drops
      ? `{const s=q;q=${write}(b,j,${end},q,d);${FAIL}j=A[0];if(q!==s){${done}}}`
      : `q=${write}(b,j,${end},q,d);${FAIL}j=A[0];${done}`
  if (plan.packedTag === 0) return `${open}do{${value('e')}${next}}while(t===${plan.tag});${close}`
  const packed = `{${LENGTH}const z=j+l;while(j<z){${value('z')}}}`
  const loop = `do{if(t===${plan.packedTag})${packed}else{${value('e')}}${next}}while(t===${plan.tag}||t===${plan.packedTag});`
  return `const r=q;${open}${loop}if(O[q-1]===44){${close}}else{q=r;${otherwise}}`
}
