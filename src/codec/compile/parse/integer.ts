import { numberEnd, toNumber } from '../../lexical.ts'
import { SCRATCH, VIEW } from '../scratch.ts'
import { INPUT, S } from './state.ts'

/**
 * Whole numbers, bare or in quotes. Each reader writes the value in its wire form, without a tag. Up to 20 digits are read here;
 * the other forms that JSON has (`1e3`, `10.0`) go through the reference's own conversion.
 */

/** How a whole number is bounded and written. */
const KINDS = [
  'int32',
  'sint32',
  'sfixed32',
  'uint32',
  'fixed32',
  'int64',
  'sint64',
  'sfixed64',
  'uint64',
  'fixed64',
] as const
type Kind = number
const [INT32, SINT32, SFIXED32, UINT32, FIXED32, INT64, SINT64, SFIXED64, UINT64, FIXED64] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
]

/** 0: what `small` has read. 1: where it gave up after nine digits, which READ[0] then has without their sign. */
const READ = new Int32Array(2)
/** Powers of ten. */
const TEN = Float64Array.from({ length: 10 }, (_, n) => 10 ** n)

/** At most nine digits: where they end, the value in READ[0]. −1: something else. */
const small = (at: number): number => {
  let i = at
  let c = INPUT[i]!
  const quoted = c === 0x22
  if (quoted) c = INPUT[++i]!
  const negative = c === 0x2d
  if (negative) c = INPUT[++i]!
  let value = c - 0x30
  READ[1] = 0
  if (value >>> 0 > 9) return -1
  c = INPUT[++i]!
  if (value !== 0) {
    const last = i + 8
    let digit = c - 0x30
    while (digit >>> 0 <= 9 && i < last) {
      value = (Math.imul(value, 10) + digit) | 0
      c = INPUT[++i]!
      digit = c - 0x30
    }
    if (i === last && digit >>> 0 <= 9) {
      READ[0] = value
      READ[1] = i
      return -1
    }
  }
  if (quoted) {
    if (c !== 0x22) return -1
    i++
  } else if ((c >= 0x30 && c <= 0x39) || c === 0x2e || (c | 0x20) === 0x65) return -1
  READ[0] = negative ? -value : value
  return i
}

const varint = (q: number, value: number): number => {
  let rest = value
  let at = q
  while (rest >>> 0 > 0x7f) {
    SCRATCH[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  SCRATCH[at] = rest
  return at + 1
}
/** All 64 bits; the low and the high half as signed or unsigned numbers. */
export const varint64 = (q: number, lowHalf: number, highHalf: number): number => {
  let low = lowHalf | 0
  let high = highHalf | 0
  let at = q
  while (high !== 0) {
    SCRATCH[at++] = (low & 0x7f) | 0x80
    low = (low >>> 7) | (high << 25)
    high >>>= 7
  }
  return varint(at, low)
}
/** An int32 or an enum: negative ones take ten bytes. */
export const signed = (q: number, value: number): number => (value >= 0 ? varint(q, value) : varint64(q, value, -1))

export const int32 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, INT32)
  S.at = end
  return signed(q, READ[0]!)
}
export const uint32 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, UINT32)
  if (READ[0]! < 0) return -1
  S.at = end
  return varint(q, READ[0]!)
}
export const sint32 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, SINT32)
  S.at = end
  const value = READ[0]!
  return varint(q, (value << 1) ^ (value >> 31))
}
export const sfixed32 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, SFIXED32)
  S.at = end
  VIEW.setInt32(q, READ[0]!, true)
  return q + 4
}
export const fixed32 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, FIXED32)
  if (READ[0]! < 0) return -1
  S.at = end
  VIEW.setInt32(q, READ[0]!, true)
  return q + 4
}
export const int64 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, INT64)
  S.at = end
  return signed(q, READ[0]!)
}
export const uint64 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, UINT64)
  if (READ[0]! < 0) return -1
  S.at = end
  return varint(q, READ[0]!)
}
export const sint64 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, SINT64)
  S.at = end
  const value = READ[0]!
  return varint(q, (value << 1) ^ (value >> 31))
}
export const sfixed64 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, SFIXED64)
  S.at = end
  VIEW.setInt32(q, READ[0]!, true)
  VIEW.setInt32(q + 4, READ[0]! >> 31, true)
  return q + 8
}
export const fixed64 = (i: number, q: number): number => {
  const end = small(i)
  if (end < 0) return large(i, q, FIXED64)
  if (READ[0]! < 0) return -1
  S.at = end
  VIEW.setInt32(q, READ[0]!, true)
  VIEW.setInt32(q + 4, 0, true)
  return q + 8
}

/** Ten to twenty digits, of which `small` has read nine. */
const large = (at: number, q: number, kind: Kind): number => {
  let i = READ[1]!
  if (i === 0) return odd(at, q, kind)
  const first = i - 9
  const head = READ[0]!
  const quoted = INPUT[at] === 0x22
  const negative = first > at && INPUT[first - 1] === 0x2d
  let middle = 0
  let c = INPUT[i]!
  for (const last = i + 9; c >= 0x30 && c <= 0x39 && i < last; c = INPUT[++i]!)
    middle = (Math.imul(middle, 10) + c - 0x30) | 0
  let tail = 0
  for (const last = i + 2; c >= 0x30 && c <= 0x39 && i < last; c = INPUT[++i]!) tail = tail * 10 + c - 0x30
  if (quoted ? c !== 0x22 : c === 0x2e || (c | 0x20) === 0x65) return odd(at, q, kind)
  if (c >= 0x30 && c <= 0x39) return -1
  S.at = quoted ? i + 1 : i
  const count = i - first
  if (count <= 15) {
    const value = head * TEN[count - 9]! + middle
    const high = Math.floor(value / 0x1_0000_0000)
    return write(q, kind, negative, value - high * 0x1_0000_0000, high)
  }
  // The last nine digits, and the up to eleven before them: their product with 10^9 is then made of two exact parts.
  let before = head
  let last = middle
  if (count < 18) {
    const scale = TEN[count - 9]!
    const kept = TEN[18 - count]!
    before = Math.floor(head / kept)
    last = (head - before * kept) * scale + middle
  } else if (count > 18) {
    const scale = TEN[count - 18]!
    const moved = Math.floor((middle * scale) / 1e9)
    before = head * scale + moved
    last = middle * scale - moved * 1e9 + tail
  }
  const top = Math.floor(before / 0x4_0000)
  const bottom = (before - top * 0x4_0000) * 1e9 + last
  const product = top * 1e9
  const productTop = Math.floor(product / 0x4000)
  const sum = (product - productTop * 0x4000) * 0x4_0000 + bottom
  const carry = Math.floor(sum / 0x1_0000_0000)
  return write(q, kind, negative, sum - carry * 0x1_0000_0000, productTop + carry)
}

/** A number of two halves, without its sign: bounded by the kind, then written. */
const write = (q: number, kind: Kind, negative: boolean, low: number, high: number): number => {
  switch (kind) {
    case UINT32:
    case FIXED32:
      if (negative || high !== 0) return -1
      if (kind === UINT32) return varint(q, low | 0)
      VIEW.setUint32(q, low, true)
      return q + 4
    case INT32:
    case SINT32:
    case SFIXED32: {
      if (high !== 0 || low > (negative ? 0x8000_0000 : 0x7fff_ffff)) return -1
      const value = negative ? -low | 0 : low | 0
      if (kind === INT32) return signed(q, value)
      if (kind === SINT32) return varint(q, (value << 1) ^ (value >> 31))
      VIEW.setInt32(q, value, true)
      return q + 4
    }
    case UINT64:
    case FIXED64:
      if (negative || high > 0xffff_ffff) return -1
      if (kind === UINT64) return varint64(q, low, high)
      VIEW.setUint32(q, low, true)
      VIEW.setUint32(q + 4, high, true)
      return q + 8
    default: {
      if (high > 0x7fff_ffff && !(negative && high === 0x8000_0000 && low === 0)) return -1
      const bottom = negative ? -low | 0 : low | 0
      const top = negative ? ~high + (low === 0 ? 1 : 0) : high | 0
      if (kind === INT64) return varint64(q, bottom, top)
      if (kind === SINT64) {
        const sign = top >> 31
        return varint64(q, (bottom << 1) ^ sign, ((top << 1) | (bottom >>> 31)) ^ sign)
      }
      VIEW.setInt32(q, bottom, true)
      VIEW.setInt32(q + 4, top, true)
      return q + 8
    }
  }
}

/** Any other form that a whole number may have in JSON. */
const odd = (i: number, q: number, kind: Kind): number => {
  const text = source(i)
  const value = text === undefined ? undefined : toNumber(KINDS[kind]!, text, false)
  if (value === undefined) return -1
  const big = BigInt(value)
  const size = big < 0n ? -big : big
  return write(q, kind, big < 0n, Number(size & 0xffff_ffffn), Number(size >> 32n))
}

/** Longest text of a number that is looked at in another way than digit by digit. */
const LONGEST = 1000

/** The text of the number or the quoted text at `i`, which is then read; undefined: an escape, or no such thing. */
export const source = (at: number): string | undefined => {
  const quoted = INPUT[at] === 0x22
  const start = quoted ? at + 1 : at
  let i = start
  if (quoted) {
    while (INPUT[i]! >= 0x20 && INPUT[i] !== 0x22 && INPUT[i] !== 0x5c) i++
    if (INPUT[i] !== 0x22) return undefined
  } else while (isNumeric(INPUT[i]!)) i++
  if (i - start > LONGEST) return undefined
  const text = INPUT.toString('latin1', start, i)
  if (!quoted && numberEnd(text, 0) !== text.length) return undefined
  S.at = quoted ? i + 1 : i
  return text
}
const isNumeric = (c: number): boolean =>
  (c >= 0x30 && c <= 0x39) || c === 0x2e || c === 0x2b || c === 0x2d || (c | 0x20) === 0x65
