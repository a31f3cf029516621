import { MAX_DEPTH, planOf, type TypePlan } from '../../plan.ts'
import { LIMIT, SCRATCH } from '../scratch.ts'
import { closeMap, isNewText, openMap } from './keys.ts'
import { putAscii, putDouble, putFour, putNine, putTwo, putUnsigned } from './numbers.ts'
import { AT, flush, type Write } from './page.ts'
import { varint } from './read.ts'
import { readDouble, readLength, scalarWriter } from './scalars.ts'
import { putText } from './text.ts'

const O = SCRATCH

/** Well-known types: everything between `at` and `end` is the message. Fields that such a type does not have are not done here. */

const MIN_SECONDS = -62_135_596_800
const MAX_SECONDS = 253_402_300_799
const MAX_DURATION = 315_576_000_000

let seconds = 0
let nanos = 0
/** Reads `seconds` and `nanos`; false: something else. Beyond 2^53 seconds are rounded, which is outside any range. */
const readInstant = (buffer: Buffer, at: number, end: number, depth: number): boolean => {
  seconds = 0
  nanos = 0
  if (depth > MAX_DEPTH) return false
  let j = at
  while (j < end) {
    const tag = buffer[j++]
    if (tag === 0x10) {
      nanos = varint(buffer, j, end)
      j = AT[0]!
      if (j < 0) return false
    } else if (tag === 0x08) {
      j = readSeconds(buffer, j, end)
      if (j < 0) return false
    } else return false
  }
  return true
}
const readSeconds = (buffer: Buffer, at: number, end: number): number => {
  let low = 0
  let high = 0
  let j = at
  for (let shift = 0; shift < 70; shift += 7) {
    if (j >= end) return -1
    const byte = buffer[j++]!
    const bits = byte & 0x7f
    if (shift < 28) low |= bits << shift
    else if (shift === 28) {
      low |= bits << 28
      high = bits >> 4
    } else high |= bits << (shift - 32)
    if (byte < 0x80) {
      if (shift === 63 && byte > 1) return -1
      seconds = high * 0x1_0000_0000 + (low >>> 0)
      return j
    }
  }
  return -1
}

/** `.5` as 0, 3, 6 or 9 digits. */
const putNanos = (q: number, value: number): number => {
  if (value === 0) return q
  O[q] = 0x2e
  putNine(q + 1, value)
  return q + (value % 1_000_000 === 0 ? 4 : value % 1000 === 0 ? 7 : 10)
}

/** `2024-02-29` of a number of days since 1970-01-01. */
const putDay = (q: number, day: number): void => {
  // Years start in March here, so that the leap day is their last; eras have 400 years. Nothing is negative since the year 1.
  const shifted = day + 719_468
  const era = (shifted / 146_097) | 0
  const ofEra = shifted - era * 146_097
  const year = ((ofEra - ((ofEra / 1460) | 0) + ((ofEra / 36_524) | 0) - ((ofEra / 146_096) | 0)) / 365) | 0
  const ofYear = ofEra - (365 * year + ((year / 4) | 0) - ((year / 100) | 0))
  const march = ((5 * ofYear + 2) / 153) | 0
  const month = march < 10 ? march + 3 : march - 9
  putFour(q, year + era * 400 + (month <= 2 ? 1 : 0))
  O[q + 4] = 0x2d
  putTwo(q + 5, month)
  O[q + 7] = 0x2d
  putTwo(q + 8, ofYear - (((153 * march + 2) / 5) | 0) + 1)
}

const timestamp: Write = (buffer, at, end, q, depth) => {
  if (!readInstant(buffer, at, end, depth)) return -1
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS || nanos < 0 || nanos > 999_999_999) return -1
  const day = Math.floor(seconds / 86_400)
  const rest = (seconds - day * 86_400) | 0
  const hour = (rest / 3600) | 0
  const minute = ((rest - hour * 3600) / 60) | 0
  O[q] = 0x22
  putDay(q + 1, day | 0)
  O[q + 11] = 0x54
  putTwo(q + 12, hour)
  O[q + 14] = 0x3a
  putTwo(q + 15, minute)
  O[q + 17] = 0x3a
  putTwo(q + 18, rest - hour * 3600 - minute * 60)
  const p = putNanos(q + 20, nanos)
  O[p] = 0x5a
  O[p + 1] = 0x22
  return p + 2
}

const duration: Write = (buffer, at, end, q, depth) => {
  if (!readInstant(buffer, at, end, depth)) return -1
  if (seconds < -MAX_DURATION || seconds > MAX_DURATION || nanos < -999_999_999 || nanos > 999_999_999) return -1
  if ((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) return -1
  let p = q
  O[p++] = 0x22
  if (seconds < 0 || nanos < 0) O[p++] = 0x2d
  p = putNanos(putUnsigned(p, Math.abs(seconds)), Math.abs(nanos))
  O[p] = 0x73
  O[p + 1] = 0x22
  return p + 2
}

/** Paths of small letters, digits, dots and underscores; everything else is not done here. */
const mask: Write = (buffer, at, end, q, depth) => {
  if (depth > MAX_DEPTH) return -1
  let p = q
  O[p++] = 0x22
  for (let j = at; j < end; ) {
    if (buffer[j] !== 0x0a) return -1
    let k = readLength(buffer, j + 1, end)
    if (k < 0) return -1
    if (j > at) O[p++] = 0x2c
    j = AT[0]!
    while (k < j) {
      if (p > LIMIT) p = flush(p)
      let c = buffer[k++]!
      if (c === 0x5f) {
        c = k < j ? buffer[k++]! : 0
        if (c < 0x61 || c > 0x7a) return -1
        O[p++] = c - 0x20
      } else if ((c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x2e) O[p++] = c
      else return -1
    }
  }
  O[p] = 0x22
  return p + 1
}

const list: Write = (buffer, at, end, q, depth) => {
  if (depth > MAX_DEPTH) return -1
  let p = q
  O[p++] = 0x5b
  for (let j = at; j < end; ) {
    if (p > LIMIT) p = flush(p)
    if (buffer[j] !== 0x0a) return -1
    const start = readLength(buffer, j + 1, end)
    if (start < 0) return -1
    j = AT[0]!
    p = value(buffer, start, j, p, depth)
    if (p < 0) return -1
    O[p++] = 0x2c
  }
  return ended(p, 0x5d)
}

/** The bracket in place of the last comma. */
const ended = (q: number, bracket: number): number => {
  if (O[q - 1] === 0x2c) {
    O[q - 1] = bracket
    return q
  }
  O[q] = bracket
  return q + 1
}

const struct: Write = (buffer, at, end, q, depth) => {
  if (depth > MAX_DEPTH) return -1
  const map = openMap()
  let p = q
  O[p++] = 0x7b
  for (let j = at; j < end; ) {
    if (p > LIMIT) p = flush(p)
    if (buffer[j] !== 0x0a) return -1
    let start = readLength(buffer, j + 1, end)
    if (start < 0) return -1
    j = AT[0]!
    let keyStart = start
    let keyEnd = start
    if (start < j && buffer[start] === 0x0a) {
      keyStart = readLength(buffer, start + 1, j)
      if (keyStart < 0) return -1
      keyEnd = AT[0]!
      start = keyEnd
    }
    if (!isNewText(map, buffer, keyStart, keyEnd)) return -1
    p = putText(buffer, keyStart, keyEnd, p)
    if (p < 0) return -1
    O[p++] = 0x3a
    if (start === j) p = putAscii(p, 'null')
    else {
      if (buffer[start] !== 0x12) return -1
      start = readLength(buffer, start + 1, j)
      if (start < 0 || AT[0] !== j) return -1
      p = value(buffer, start, j, p, depth)
      if (p < 0) return -1
    }
    O[p++] = 0x2c
  }
  closeMap()
  return ended(p, 0x7d)
}

/** One kind at most. Its message is no level of its own (see decode). */
const value: Write = (buffer, at, end, q, depth) => {
  if (depth > MAX_DEPTH) return -1
  if (at === end) return putAscii(q, 'null')
  const from = at + 1
  let p = q
  switch (buffer[at]) {
    case 0x08:
      varint(buffer, from, end)
      p = putAscii(q, 'null')
      break
    case 0x11: {
      if (from + 8 > end) return -1
      const number = readDouble(buffer, from)
      if (!Number.isFinite(number)) return -1
      p = putDouble(q, number)
      AT[0] = from + 8
      break
    }
    case 0x20:
      if (from >= end || buffer[from]! > 0x7f) return -1
      p = buffer[from] === 0 ? putAscii(q, 'false') : putAscii(q, 'true')
      AT[0] = from + 1
      break
    case 0x1a:
    case 0x2a:
    case 0x32: {
      const start = readLength(buffer, from, end)
      if (start < 0 || AT[0] !== end) return -1
      if (buffer[at] === 0x1a) return putText(buffer, start, end, q)
      return buffer[at] === 0x2a ? struct(buffer, start, end, q, depth + 1) : list(buffer, start, end, q, depth + 1)
    }
    default:
      return -1
  }
  return AT[0] === end ? p : -1
}

/** A wrapper is its value alone; without one, the default. */
const wrapper = (plan: TypePlan, bare: boolean): Write => {
  const { field, tag } = plan.fields[0]!
  const kind = field.kind
  if (kind === 'enum' || kind === 'message') return refuse
  const write = scalarWriter(kind, bare)
  const zero = Buffer.alloc(8)
  return (buffer, at, end, q, depth) => {
    if (depth > MAX_DEPTH) return -1
    if (at === end) return write(zero, 0, 8, q, depth)
    if (buffer[at] !== tag) return -1
    const p = write(buffer, at + 1, end, q, depth)
    return p >= 0 && AT[0] === end ? p : -1
  }
}

/** Does no message. */
export const refuse: Write = () => -1

/** Fields that each form is made of; a type that has others as well is not done here. */
const COUNT: Readonly<Record<string, number>> = {
  timestamp: 2,
  duration: 2,
  mask: 1,
  struct: 1,
  value: 6,
  list: 1,
  wrapper: 1,
  any: 2,
}

/** Whether a well-known type is the usual one in everything that its bytes depend on, and so are those inside. */
export const isUsual = (plan: TypePlan, seen = new Set<TypePlan>()): boolean => {
  const { wellKnown: form, fields } = plan
  if (seen.has(plan)) return true
  seen.add(plan)
  if (form === undefined || fields.length !== COUNT[form]) return false
  const oneof = fields[0]!.field.oneof
  return fields.every(({ field }) => {
    if (field.delimited || (form === 'struct' && field.mapKey !== 'string')) return false
    if (form === 'value' && !(field.presence && oneof !== undefined && field.oneof === oneof)) return false
    return field.message === undefined || isUsual(planOf(field.message), seen)
  })
}

/** The JSON of a well-known type that is usual and not `Any`. */
export const wellKnownWriter = (plan: TypePlan, bare: boolean): Write => {
  if (!isUsual(plan)) return refuse
  switch (plan.wellKnown) {
    case 'timestamp':
      return timestamp
    case 'duration':
      return duration
    case 'mask':
      return mask
    case 'struct':
      return struct
    case 'value':
      return value
    case 'list':
      return list
    case 'wrapper':
      return wrapper(plan, bare)
    default:
      return refuse
  }
}
