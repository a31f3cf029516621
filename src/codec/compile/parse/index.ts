import type { ByteWriter } from '../../../core/message.ts'
import type { FieldPlan, TypePlan, Types } from '../../plan.ts'
import { LIMIT, type Mode, SCRATCH } from '../scratch.ts'
import { member } from './element.ts'
import { Op } from './field.ts'
import { settle } from './lengths.ts'
import { type Readers, readersOf } from './readers.ts'
import { load, S, space, TOP, unload } from './state.ts'
import { oneofBits, WORD } from './table.ts'

/**
 * JSON text → wire, compiled. Everything here hands over (`false`, −1) instead of failing: what is refused, what is unusual and
 * what does not fit into the scratch is for the reference lane, which does the whole text again and makes the answer or the error.
 * What is accepted here is accepted there, as the same Value; the order of the fields on the wire is that of the text.
 */

/** A whole text as a message, appended to `out`; an empty text is an empty message. False: handed over, `out` is as it was. */
export type Parse = (text: Uint8Array, out: ByteWriter) => boolean

/**
 * The JSON object of a message, which is a part of a text or all of it: starts at `at` (white space before `{` is passed over here)
 * and is written to SCRATCH from `q` on, as the bare fields: no tag, no length. Returns the place behind what was written, which is
 * at most LIMIT, or −1: handed over, and then SCRATCH holds nothing of use from `q` on. A member that touches a field which is
 * `taken`, or that is a non-null member of a oneof of which a field is taken, hands over. Of a type with a JSON form of its own
 * (`plan.wellKnown`) nothing may be taken: that hands over too. After success `parsedEnd`, `parsedAll` and `mentions` tell more,
 * until anything else is parsed.
 */
export type ObjectParser = (text: Uint8Array, at: number, q: number, taken: Taken) => number

/**
 * The JSON of one field (the body of a binding that names it): like ObjectParser, but what stands at `at` is the value of the field,
 * and it is written as fields of the message: each with its tag. `null` where it means "unset" and empty lists write nothing.
 */
export type FieldParser = (text: Uint8Array, at: number, q: number) => number

/** Fields of one type, as bits: 31 in a word, by `FieldPlan.index`, and behind them the oneofs of the type. Made by `takenOf`. */
export type Taken = readonly number[]
export const NOTHING_TAKEN: Taken = []

/** These fields of the type, and the oneofs that they are members of. */
export const takenOf = (plan: TypePlan, fields: Iterable<FieldPlan>): Taken => {
  const oneofs = oneofBits(plan)
  const words: number[] = []
  const add = (index: number): void => {
    const word = Math.floor(index / WORD)
    while (words.length <= word) words.push(0)
    words[word]! |= 1 << (index % WORD)
  }
  for (const { index, field } of fields) {
    add(index)
    if (field.oneof !== undefined) add(oneofs.get(field.oneof)!)
  }
  return words
}

let taken: Taken = NOTHING_TAKEN
let words = 0

/** Where in the text the last ObjectParser or FieldParser stopped: directly behind the object or value. */
export const parsedEnd = (): number => S.at
/** Whether nothing but white space follows there. */
export const parsedAll = (): boolean => space(S.at) === S.end
/**
 * Whether the object that the last ObjectParser read has a member for this field of its type, `null` included. Of a type with a
 * JSON form of its own, and after a FieldParser, nothing is mentioned.
 */
export const mentions = (field: FieldPlan): boolean => {
  const word = Math.floor(field.index / WORD)
  return word < words && (TOP[word]! & ~(taken[word] ?? 0) & (1 << (field.index % WORD))) !== 0
}

/** Reads at `at` by `readers`; the outermost object finds `bits` taken. */
const start = (readers: Readers, text: Uint8Array, bits: Taken, at: number, q: number): number => {
  taken = bits
  words = readers.own?.words ?? 0
  if (q > LIMIT || (words === 0 && bits.length > 0) || !load(text)) return -1
  for (let w = 0; w < words; w++) TOP[w] = bits[w] ?? 0
  return finish(readers.read(space(at), q, 1))
}
const finish = (q: number): number => {
  unload()
  const end = q < 0 ? -1 : settle(q)
  return end > LIMIT ? -1 : end
}

export const makeObjectParser = (plan: TypePlan, types: Types, mode?: Mode): ObjectParser => {
  const readers = readersOf(plan, types, mode)
  return (text, at, q, bits) => start(readers, text, bits, at, q)
}

export const makeFieldParser = (field: FieldPlan, types: Types, mode?: Mode): FieldParser => {
  const op = new Op(field)
  const readers = field.field.kind === 'message' ? readersOf(field.message, types, mode) : undefined
  if (readers !== undefined) op.read = readers.read
  return (text, at, q) => {
    words = 0
    if (q > LIMIT || !load(text)) return -1
    TOP.fill(0, 0, readers?.own?.words ?? 0)
    return finish(member(op, space(at), q, 1))
  }
}

export const makeParse = (plan: TypePlan, types: Types, mode?: Mode): Parse => {
  const readers = readersOf(plan, types, mode)
  return (text, out) => {
    if (text.length === 0) return true
    const size = start(readers, text, NOTHING_TAKEN, 0, 0)
    if (size < 0 || !parsedAll()) return false
    out.ensure(size)
    SCRATCH.copy(out.buffer, out.length, 0, size)
    out.length += size
    return true
  }
}
