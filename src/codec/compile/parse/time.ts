import { SCRATCH } from '../scratch.ts'
import { putVarint, varintSize } from '../varint.ts'
import { varint64 } from './integer.ts'
import { INPUT, isValid, S } from './state.ts'

/** Timestamp, Duration and FieldMask from their texts: the fields of the message, without a length. */

const MIN_SECONDS = -62_135_596_800
const MAX_SECONDS = 253_402_300_799
const MAX_DURATION = 315_576_000_000

/** Two digits; negative: they are not. */
const two = (i: number): number => {
  const tens = INPUT[i]! - 0x30
  const ones = INPUT[i + 1]! - 0x30
  return tens >>> 0 > 9 || ones >>> 0 > 9 ? -1 : tens * 10 + ones
}

/** One to nine digits behind a point, as nanoseconds; S.at is where they end. −1: none, or more. */
const fraction = (start: number): number => {
  let i = start
  let nanos = 0
  let c = INPUT[i]!
  while (c >= 0x30 && c <= 0x39 && i - start < 9) {
    nanos = nanos * 10 + c - 0x30
    c = INPUT[++i]!
  }
  if (i === start || (c >= 0x30 && c <= 0x39)) return -1
  S.at = i
  for (let count = i - start; count < 9; count++) nanos *= 10
  return nanos
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Days since 1970-01-01. Years start in March here, so that the leap day is their last. */
const daysOf = (year: number, month: number, day: number): number => {
  const y = month > 2 ? year : year - 1
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

export const timestamp = (at: number, q: number): number => {
  const i = at + 1
  if (INPUT[at] !== 0x22 || INPUT[i + 4] !== 0x2d || INPUT[i + 7] !== 0x2d || INPUT[i + 10] !== 0x54) return -1
  if (INPUT[i + 13] !== 0x3a || INPUT[i + 16] !== 0x3a) return -1
  const century = two(i)
  const year = century * 100 + two(i + 2)
  const month = two(i + 5)
  const day = two(i + 8)
  const hour = two(i + 11)
  const minute = two(i + 14)
  const second = two(i + 17)
  if (century < 0 || two(i + 2) < 0 || month < 1 || month > 12 || day < 1) return -1
  if (day > (month === 2 && isLeap(year) ? 29 : DAYS[month - 1]!)) return -1
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1
  let nanos = 0
  S.at = i + 19
  if (INPUT[i + 19] === 0x2e) {
    nanos = fraction(i + 20)
    if (nanos < 0) return -1
  }
  let end = S.at
  let offset = 0
  const sign = INPUT[end]
  if (sign === 0x5a) end++
  else {
    const hours = two(end + 1)
    const minutes = two(end + 4)
    if ((sign !== 0x2b && sign !== 0x2d) || INPUT[end + 3] !== 0x3a) return -1
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return -1
    offset = (hours * 3600 + minutes * 60) * (sign === 0x2d ? -1 : 1)
    end += 6
  }
  if (INPUT[end] !== 0x22) return -1
  const seconds = daysOf(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) return -1
  S.at = end + 1
  return instant(q, seconds, nanos)
}

export const duration = (at: number, q: number): number => {
  let i = at + 1
  if (INPUT[at] !== 0x22) return -1
  const negative = INPUT[i] === 0x2d
  if (negative) i++
  const first = i
  let seconds = 0
  let c = INPUT[i]!
  while (c >= 0x30 && c <= 0x39 && i - first < 13) {
    seconds = seconds * 10 + c - 0x30
    c = INPUT[++i]!
  }
  if (i === first || i - first > 12) return -1
  let nanos = 0
  S.at = i
  if (c === 0x2e) {
    nanos = fraction(i + 1)
    if (nanos < 0) return -1
  }
  i = S.at
  if (INPUT[i] !== 0x73 || INPUT[i + 1] !== 0x22) return -1
  if (seconds > MAX_DURATION) return -1
  S.at = i + 2
  return negative ? instant(q, -seconds, -nanos) : instant(q, seconds, nanos)
}

/** Fields 1 and 2 of both types. */
const instant = (q: number, seconds: number, nanos: number): number => {
  let end = q
  if (seconds !== 0) {
    SCRATCH[end] = 0x08
    end = varint64(end + 1, seconds | 0, Math.floor(seconds / 0x1_0000_0000))
  }
  if (nanos !== 0) {
    SCRATCH[end] = 0x10
    end = varint64(end + 1, nanos, nanos >> 31)
  }
  return end
}

/** Paths in lowerCamelCase, joined by commas, as paths in proto names. */
export const mask = (at: number, q: number): number => {
  const first = at + 1
  if (INPUT[at] !== 0x22) return -1
  const close = INPUT.indexOf(0x22, first)
  // A path of one letter and its comma become a tag, a length and two letters.
  if (close > S.end || q - at + 4 * (close - first) > S.slack) return -1
  S.at = close + 1
  if (close === first) return q
  let all = 0
  let to = q
  for (let i = first; i <= close; i++) {
    SCRATCH[to] = 0x0a
    const start = to + 2
    let empty = true
    to = start
    let c = INPUT[i]!
    for (; c !== 0x2c && i < close; c = INPUT[++i]!) {
      // Also a backslash: an escape is for the reference.
      if (c < 0x20 || c === 0x5c || c === 0x5f || (c === 0x2e && empty)) return -1
      all |= c
      empty = c === 0x2e
      if (c >= 0x41 && c <= 0x5a) {
        SCRATCH[to++] = 0x5f
        SCRATCH[to++] = c | 0x20
      } else SCRATCH[to++] = c
    }
    if (empty) return -1
    const size = to - start
    const extra = varintSize(size) - 1
    if (extra > 0) SCRATCH.copyWithin(start + extra, start, to)
    putVarint(start - 1, size)
    to += extra
  }
  return all > 0x7f && !isValid() ? -1 : to
}
