import { MAX_DEPTH } from '../../plan.ts'
import { SCRATCH, VIEW } from '../scratch.ts'
import { allZero, putVarint } from '../varint.ts'
import { double, float } from './decimal.ts'
import type { Op } from './field.ts'
import { fixed32, fixed64, int32, int64, sfixed32, sfixed64, sint32, sint64, uint32, uint64 } from './integer.ts'
import { distinct, key, note } from './keys.ts'
import { close } from './lengths.ts'
import { IN, INPUT, S, space, takesNull } from './state.ts'
import { bytes, string } from './text.ts'

/** Values of fields: one element, a list, a map, and what the member of an object may be. All of them stand on the first character. */

export const bool = (i: number, q: number): number => {
  const word = IN.getInt32(i, true)
  if (word === 0x6575_7274) {
    S.at = i + 4
    SCRATCH[q] = 1
    return q + 1
  }
  if (word !== 0x736c_6166 || INPUT[i + 4] !== 0x65) return -1
  S.at = i + 5
  SCRATCH[q] = 0
  return q + 1
}

/** One element without its tag; `depth` is that of a bracket which may stand here. */
export const element = (op: Op, i: number, q: number, depth: number): number => {
  // In the order of CODES.
  switch (op.code) {
    case 0:
      return INPUT[i] === 0x22 ? string(i, q) : -1
    case 1:
      return int32(i, q)
    case 2:
      return uint32(i, q)
    case 3:
      return sint32(i, q)
    case 4:
      return fixed32(i, q)
    case 5:
      return sfixed32(i, q)
    case 6:
      return int64(i, q)
    case 7:
      return uint64(i, q)
    case 8:
      return sint64(i, q)
    case 9:
      return fixed64(i, q)
    case 10:
      return sfixed64(i, q)
    case 11:
      return double(i, q)
    case 12:
      return float(i, q)
    case 13:
      return bool(i, q)
    case 14:
      return INPUT[i] === 0x22 ? bytes(i, q) : -1
    case 15:
      return op.enum(i, q)
    default:
      return message(op, i, q, depth)
  }
}

const message = (op: Op, i: number, q: number, depth: number): number => {
  if (op.endTag === 0) {
    const end = op.read(i, q + 1, depth)
    return end < 0 ? -1 : close(q, end)
  }
  const end = op.read(i, q, depth)
  return end < 0 ? -1 : putVarint(end, op.endTag)
}

export const putTag = (op: Op, q: number): number => {
  VIEW.setInt32(q, op.tagWord, true)
  if (op.tagSize === 5) SCRATCH[q + 4] = op.tagLast
  return q + op.tagSize
}

/** A list, of which the bracket stands here. */
export const list = (op: Op, at: number, q: number, depth: number): number => {
  if (INPUT[at] !== 0x5b || depth > MAX_DEPTH) return -1
  let i = space(at + 1)
  if (INPUT[i] === 0x5d) {
    S.at = i + 1
    return q
  }
  let to = op.packed ? putTag(op, q) + 1 : q
  const start = to
  for (;;) {
    if (to - i > S.slack) return -1
    to = element(op, i, op.packed ? to : putTag(op, to), depth + 1)
    if (to < 0) return -1
    i = space(S.at)
    const c = INPUT[i]
    if (c === 0x5d) break
    if (c !== 0x2c) return -1
    i = space(i + 1)
  }
  S.at = i + 1
  return op.packed ? close(start - 1, to) : to
}

/** A map, of which the bracket stands here. */
export const map = (op: Op, at: number, q: number, depth: number): number => {
  if (INPUT[at] !== 0x7b || depth > MAX_DEPTH) return -1
  let i = space(at + 1)
  if (INPUT[i] === 0x7d) {
    S.at = i + 1
    return q
  }
  const base = S.keys
  let to = q
  for (;;) {
    if (to - i > S.slack || INPUT[i] !== 0x22) return -1
    const start = putTag(op, to)
    SCRATCH[start + 1] = op.keyTag
    to = key(op.key, i, start + 2)
    if (to < 0) return -1
    i = space(S.at)
    if (INPUT[i] !== 0x3a) return -1
    SCRATCH[to] = op.valueTag
    const end = element(op, space(i + 1), to + 1, depth + 1)
    if (end < 0) return -1
    to = close(start, end)
    if (to < 0 || !note(start + 2 + to - end)) return -1
    i = space(S.at)
    const c = INPUT[i]
    if (c === 0x7d) break
    if (c !== 0x2c) return -1
    i = space(i + 1)
  }
  S.at = i + 1
  return distinct(op.key.form, base) ? to : -1
}

/** A singular value that is not null, with its tag. */
export const single = (op: Op, i: number, q: number, depth: number): number => {
  const start = putTag(op, q)
  const end = element(op, i, start, depth)
  return end >= 0 && op.implicit && allZero(start, end) ? q : end
}

/** The value of a member, with its tags. */
export const member = (op: Op, i: number, q: number, depth: number): number => {
  const { field, nullIsValue } = op.plan
  const many = field.repeated || field.mapKey !== undefined
  if (INPUT[i] === 0x6e && (many || !nullIsValue)) return takesNull(i) ? q : -1
  if (field.repeated) return list(op, i, q, depth)
  return many ? map(op, i, q, depth) : single(op, i, q, depth)
}
