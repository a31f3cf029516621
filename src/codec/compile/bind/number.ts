import type { FieldType } from '../../../core/descriptor.ts'
import { toNumber } from '../../lexical.ts'
import { VIEW } from '../scratch.ts'
import { putVarint } from '../varint.ts'
import { putFixed32, putFixed64, putInt32, putVarint64 } from './put.ts'
import { RAW } from './text.ts'

/** What scalars become on the wire. Forms are numbers, because a `switch` over them is a jump. */
export const STRING = 0
export const BYTES = 1
export const BOOL = 2
const INT32 = 3
const UINT32 = 4
const SINT32 = 5
const FIXED32 = 6
/** From here on whole numbers have 64 bits. */
const INT64 = 8
const UINT64 = 9
const SINT64 = 10
const FIXED64 = 11
const SFIXED64 = 12
/** From here on numbers have fractions. */
const FLOAT = 13

/** The kinds, each at the place of its form. */
const KINDS: readonly FieldType['kind'][] = [
  'string',
  'bytes',
  'bool',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'float',
  'double',
]
/** The form of a scalar kind; undefined for an enum or a message. */
export const formOfScalar = (kind: FieldType['kind']): number | undefined => {
  const form = KINDS.indexOf(kind)
  return form < 0 ? undefined : form
}

/** Digits that a double always holds exactly, and those of the longest uint64. */
const EXACT = 15
const LONGEST = 20
const TWO_32 = 0x1_0000_0000
const TWO_31 = 0x8000_0000

/**
 * A whole number that is written as digits, with or without a minus before them, from a piece of RAW. 0: some other text, which may
 * still be a number of this form, or a number that is too large.
 */
export const putDigits = (q: number, form: number, start: number, end: number): number => {
  const raw = RAW
  const negative = raw[start] === 0x2d
  const first = negative ? start + 1 : start
  const count = end - first
  if (form >= FLOAT || count < 1 || count > LONGEST || (count > 1 && raw[first] === 0x30)) return 0
  const exact = count > EXACT ? first + EXACT : end
  let value = 0
  for (let i = first; i < exact; i++) {
    const digit = raw[i]! - 0x30
    if (digit < 0 || digit > 9) return 0
    value = value * 10 + digit
  }
  if (form < INT64) return exact === end ? put32(q, form, negative && value !== 0 ? -value : value) : 0
  let high = Math.floor(value / TWO_32)
  let low = value - high * TWO_32
  for (let i = exact; i < end; i++) {
    const digit = raw[i]! - 0x30
    if (digit < 0 || digit > 9) return 0
    const next = low * 10 + digit
    const carry = Math.floor(next / TWO_32)
    low = next - carry * TWO_32
    high = high * 10 + carry
  }
  return put64(q, form, negative, low, high)
}

/** A value of a form with 32 bits. 0: out of its range. */
const put32 = (q: number, form: number, value: number): number => {
  if (form === UINT32 || form === FIXED32) {
    if (value < 0 || value >= TWO_32) return 0
    return form === UINT32 ? putVarint(q, value) : putFixed32(q, value)
  }
  if (value < -TWO_31 || value >= TWO_31) return 0
  if (form === INT32) return putInt32(q, value)
  return form === SINT32 ? putVarint(q, (value << 1) ^ (value >> 31)) : putFixed32(q, value)
}

/** The same with 64 bits, from the halves of an amount without its sign. */
const put64 = (q: number, form: number, negative: boolean, low: number, high: number): number => {
  const fixed = form === FIXED64 || form === SFIXED64
  if (form === UINT64 || form === FIXED64) {
    if (high >= TWO_32 || (negative && (low !== 0 || high !== 0))) return 0
    return fixed ? putFixed64(q, low, high) : putVarint64(q, low, high)
  }
  if (high >= TWO_31 && !(negative && high === TWO_31 && low === 0)) return 0
  const lowBits = negative ? -low | 0 : low | 0
  const highBits = !negative ? high | 0 : low === 0 ? -high | 0 : ~high
  if (form !== SINT64) return fixed ? putFixed64(q, lowBits, highBits) : putVarint64(q, lowBits, highBits)
  const sign = highBits >> 31
  return putVarint64(q, (lowBits << 1) ^ sign, ((highBits << 1) | (lowBits >>> 31)) ^ sign)
}

/** Any text of a number. −1: it does not fit the form. */
export const putNumber = (q: number, form: number, text: string): number => {
  const value = toNumber(KINDS[form]!, text, true)
  if (value === undefined) return -1
  if (typeof value === 'bigint') {
    const amount = value < 0n ? -value : value
    return put64(q, form, value < 0n, Number(amount & 0xffff_ffffn), Number(amount >> 32n))
  }
  if (form < INT64) return put32(q, form, value)
  if (form === FLOAT) {
    VIEW.setFloat32(q, value, true)
    return q + 4
  }
  VIEW.setFloat64(q, value, true)
  return q + 8
}
