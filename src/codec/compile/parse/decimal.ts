import { toNumber } from '../../lexical.ts'
import { VIEW } from '../scratch.ts'
import { source } from './integer.ts'
import { INPUT, S } from './state.ts'

/** Floats and doubles, bare or in quotes, rounded as `Number` rounds the text. Each reader writes the value without a tag. */

/** What `decimal` has read. */
const READ = new Float64Array(1)

/** Powers of ten from 10^−64 to 10^64, as the nearest double and, nearest again, what that lacks. */
const REACH = 64
const POWER = new Float64Array(2 * REACH + 1)
const REST = new Float64Array(2 * REACH + 1)
for (let e = 0; e <= REACH; e++) {
  const exact = 10n ** BigInt(e)
  POWER[REACH + e] = Number(exact)
  REST[REACH + e] = Number(exact - BigInt(POWER[REACH + e]!))
  // 2^320 times the nearest double is a whole number, and what is left of 2^320 / 10^e has more than the bits that are wanted.
  const inverse = Number(`1e-${e}`)
  POWER[REACH - e] = inverse
  REST[REACH - e] = Number((1n << 320n) / exact - BigInt(inverse * 2 ** 320)) / 2 ** 320
}

export const double = (i: number, q: number): number => {
  const end = decimal(i)
  if (end < 0) return odd(i, q, 'double')
  S.at = end
  VIEW.setFloat64(q, READ[0]!, true)
  return q + 8
}
export const float = (i: number, q: number): number => {
  const end = decimal(i)
  if (end < 0) return odd(i, q, 'float')
  const rounded = Math.fround(READ[0]!)
  if (rounded === Number.POSITIVE_INFINITY || rounded === Number.NEGATIVE_INFINITY) return -1
  S.at = end
  VIEW.setFloat32(q, rounded, true)
  return q + 4
}

/** More digits or a bigger exponent, and the texts of the numbers that are not finite. */
const odd = (i: number, q: number, kind: 'double' | 'float'): number => {
  const quoted = INPUT[i] === 0x22
  const text = source(i)
  const value = text === undefined ? undefined : toNumber(kind, text, quoted)
  if (value === undefined) return -1
  if (kind === 'float') {
    VIEW.setFloat32(q, value as number, true)
    return q + 4
  }
  VIEW.setFloat64(q, value as number, true)
  return q + 8
}

/** At most 18 digits and a small exponent: where the number ends, its value in READ. −1: something else. */
const decimal = (at: number): number => {
  let i = at
  let c = INPUT[i]!
  const quoted = c === 0x22
  if (quoted) c = INPUT[++i]!
  const negative = c === 0x2d
  if (negative) c = INPUT[++i]!
  let head = 0
  let tail = 0
  let count = 0
  if (c === 0x30) {
    c = INPUT[++i]!
    if (c >= 0x30 && c <= 0x39) return -1
  } else {
    const first = i
    while (c >= 0x30 && c <= 0x39) {
      if (count < 9) head = Math.imul(head, 10) + c - 0x30
      else tail = Math.imul(tail, 10) + c - 0x30
      count++
      c = INPUT[++i]!
    }
    if (i === first) return -1
  }
  let exponent = 0
  if (c === 0x2e) {
    c = INPUT[++i]!
    const first = i
    if (count === 0) while (c === 0x30) c = INPUT[++i]!
    while (c >= 0x30 && c <= 0x39) {
      if (count < 9) head = Math.imul(head, 10) + c - 0x30
      else tail = Math.imul(tail, 10) + c - 0x30
      count++
      c = INPUT[++i]!
    }
    if (i === first) return -1
    exponent = first - i
  }
  if (count > 18) return -1
  if ((c | 0x20) === 0x65) {
    c = INPUT[++i]!
    const minus = c === 0x2d
    if (minus || c === 0x2b) c = INPUT[++i]!
    const first = i
    let value = 0
    while (c >= 0x30 && c <= 0x39 && i < first + 4) {
      value = value * 10 + c - 0x30
      c = INPUT[++i]!
    }
    if (i === first || (c >= 0x30 && c <= 0x39)) return -1
    exponent += minus ? -value : value
  }
  if (quoted) {
    if (c !== 0x22) return -1
    i++
  } else if (c === 0x2e || (c | 0x20) === 0x65) return -1
  if (count <= 15 && exponent <= 22 && exponent >= -22) {
    const digits = count <= 9 ? head : head * POWER[REACH + count - 9]! + tail
    const value = exponent < 0 ? digits / POWER[REACH - exponent]! : digits * POWER[REACH + exponent]!
    READ[0] = negative ? -value : value
    return i
  }
  return rounded(head, tail, count, exponent, negative) ? i : -1
}

const SPLIT = 134_217_729

/**
 * The digits times a power of ten in twice the precision of a double. Its error is less than 2^-98 of the value: if the value
 * plus and minus that much round to the same double, that one is right, and otherwise nobody knows.
 */
const rounded = (head: number, tail: number, count: number, exponent: number, negative: boolean): boolean => {
  if (exponent < -REACH || exponent > REACH || count === 0) return false
  // The digits as a sum of two doubles, exactly.
  const scale = count > 9 ? POWER[REACH + count - 9]! : 1
  const upper = head >> 15
  const large = upper * 0x8000 * scale
  const small = (head - upper * 0x8000) * scale + tail
  const high = large + small
  const low = small - (high - large)
  // Times the power: the product of the two big parts exactly, the others rounded.
  const power = POWER[REACH + exponent]!
  const product = high * power
  const a = high * SPLIT
  const aHigh = a - (a - high)
  const aLow = high - aHigh
  const b = power * SPLIT
  const bHigh = b - (b - power)
  const bLow = power - bHigh
  const error = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)
  const rest = error + (high * REST[REACH + exponent]! + low * power)
  const sum = product + rest
  const left = rest - (sum - product)
  const margin = sum * 2 ** -98
  const value = sum + (left + margin)
  if (value !== sum + (left - margin)) return false
  READ[0] = negative ? -value : value
  return true
}
