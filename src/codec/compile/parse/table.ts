import { MAX_DEPTH, type TypePlan } from '../../plan.ts'
import { member } from './element.ts'
import { Op, type Reader } from './field.ts'
import type { Members } from './known.ts'
import { Names } from './names.ts'
import { INPUT, S, SEEN, space, TOP } from './state.ts'

/** Bits in a word: as many as a small integer has on every platform. */
export const WORD = 31

/** Places of the oneofs of a type among its bits: behind the fields. */
export const oneofBits = (plan: TypePlan): ReadonlyMap<string, number> => {
  const bits = new Map<string, number>()
  for (const { field } of plan.fields)
    if (field.oneof !== undefined && !bits.has(field.oneof)) bits.set(field.oneof, plan.fields.length + bits.size)
  return bits
}

/** What the readers of one ordinary type work with. */
export class Table implements Members {
  readonly plan: TypePlan
  /** By FieldPlan.index. */
  readonly ops: readonly Op[]
  /** For each field the bit of its oneof; −1: not in one. */
  readonly oneofs: readonly number[]
  readonly words: number
  /** Values are indexes of fields. */
  readonly names: Names
  members: Reader
  readonly read: Reader

  constructor(plan: TypePlan) {
    this.plan = plan
    this.ops = plan.fields.map((field) => new Op(field))
    const bits = oneofBits(plan)
    this.oneofs = plan.fields.map(({ field }) => (field.oneof === undefined ? -1 : bits.get(field.oneof)!))
    this.words = Math.ceil((plan.fields.length + bits.size) / WORD)
    this.names = new Names(namesOf(plan))
    this.members = (at, q, depth) => readMembers(this, at, q, depth)
    this.read = (i, q, depth) => (INPUT[i] === 0x7b ? this.members(i + 1, q, depth) : -1)
  }
}

/** Names as `TypePlan.find` knows them. */
const namesOf = function* (plan: TypePlan): Iterable<readonly [string, number]> {
  for (const name of plan.names()) yield [name, plan.find(name)!.index]
}

/** Members without program text: from the first one, or the `}`, on. */
const readMembers = (table: Table, at: number, q: number, depth: number): number => {
  const { words, names } = table
  const base = S.seen
  if (depth > MAX_DEPTH || base + words > SEEN.length) return -1
  S.seen = base + words
  for (let w = 0; w < words; w++) SEEN[base + w] = depth === 1 ? TOP[w]! : 0
  let i = space(at)
  let to = q
  let name = -1
  while (INPUT[i] !== 0x7d) {
    if (to - i > S.slack || INPUT[i] !== 0x22) return -1
    name = names.find(i + 1, name)
    if (name < 0) return -1
    i = space(S.at)
    if (INPUT[i] !== 0x3a) return -1
    i = space(i + 1)
    const index = names.values[name]!
    const op = table.ops[index]!
    if (!mark(base, index)) return -1
    const oneof = table.oneofs[index]!
    if (oneof >= 0 && (INPUT[i] !== 0x6e || op.plan.nullIsValue) && !mark(base, oneof)) return -1
    to = member(op, i, to, depth + 1)
    if (to < 0) return -1
    i = space(S.at)
    const c = INPUT[i]
    if (c === 0x7d) break
    if (c !== 0x2c) return -1
    i = space(i + 1)
    if (INPUT[i] !== 0x22) return -1
  }
  S.at = i + 1
  S.seen = base
  if (depth === 1) for (let w = 0; w < words; w++) TOP[w] = SEEN[base + w]!
  return to
}

/** Sets a bit. False: it was set. */
const mark = (base: number, index: number): boolean => {
  const word = base + Math.floor(index / WORD)
  const bit = 1 << (index % WORD)
  const bits = SEEN[word]!
  if ((bits & bit) !== 0) return false
  SEEN[word] = bits | bit
  return true
}
