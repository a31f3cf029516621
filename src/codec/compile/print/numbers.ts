import { SCRATCH, VIEW } from '../scratch.ts'

/** Numbers as decimal digits at `q`. Every function returns the new q. */

// Constants of this module are cheaper to reach than imported ones.
const O = SCRATCH
const V = VIEW

/** `0000` to `9999`, each as the four bytes that `setUint32` stores, and how many zeros stand in front and behind. */
const FOUR = new Uint32Array(10_000)
const ZEROS = new Uint8Array(10_000)
const TRAILING = new Uint8Array(10_000)
for (let i = 0; i < 10_000; i++) {
  FOUR[i] = Buffer.from(String(i).padStart(4, '0')).readUInt32LE()
  TRAILING[i] = i % 10 > 0 ? 0 : i % 100 > 0 ? 1 : i % 1000 > 0 ? 2 : 3
  ZEROS[i] = i < 10 ? 3 : i < 100 ? 2 : i < 1000 ? 1 : 0
}

/** Up to four digits. */
const putSmall = (q: number, value: number): number => {
  const zeros = ZEROS[value]!
  V.setUint32(q, FOUR[value]! >>> (zeros << 3), true)
  return q + 4 - zeros
}

/** Exactly eight digits. */
const putEight = (q: number, value: number): number => {
  const whole = value | 0
  const high = (whole / 10_000) | 0
  V.setUint32(q, FOUR[high]!, true)
  V.setUint32(q + 4, FOUR[whole - high * 10_000]!, true)
  return q + 8
}

/** Exactly nine digits. */
export const putNine = (q: number, value: number): number => {
  const whole = value | 0
  const first = (whole / 100_000_000) | 0
  O[q] = 48 + first
  return putEight(q + 1, whole - first * 100_000_000)
}

/** Exactly four digits. */
export const putFour = (q: number, value: number): number => {
  V.setUint32(q, FOUR[value]!, true)
  return q + 4
}

/** Two digits. */
export const putTwo = (q: number, value: number): number => {
  V.setUint16(q, FOUR[value]! >>> 16, true)
  return q + 2
}

/** A whole number from 0 to 2^53. */
export const putUnsigned = (q: number, value: number): number => {
  if (value < 10_000) return putSmall(q, value | 0)
  if (value < 100_000_000) {
    const whole = value | 0
    const high = (whole / 10_000) | 0
    const p = putSmall(q, high)
    V.setUint32(p, FOUR[whole - high * 10_000]!, true)
    return p + 4
  }
  const high = Math.floor(value / 100_000_000)
  return putEight(putUnsigned(q, high), value - high * 100_000_000)
}

/** A whole number from -2^53 to 2^53. */
export const putSigned = (q: number, value: number): number => {
  if (value >= 0) return putUnsigned(q, value)
  O[q] = 0x2d
  return putUnsigned(q + 1, -value)
}

/** The 64 bits `high`, `low` without sign. */
const putBits = (q: number, low: number, high: number): number => {
  const l = low >>> 0
  const h = high >>> 0
  if (h < 0x20_0000) return putUnsigned(q, h * 0x1_0000_0000 + l)
  // Long division by 10^9, sixteen bits at a time: every step stays below 2^53.
  const a = Math.floor(h / 1_000_000_000)
  const b = (h - a * 1_000_000_000) * 0x1_0000 + (l >>> 16)
  const c = Math.floor(b / 1_000_000_000)
  const d = (b - c * 1_000_000_000) * 0x1_0000 + (l & 0xffff)
  const e = Math.floor(d / 1_000_000_000)
  return putNine(putUnsigned(q, a * 0x1_0000_0000 + c * 0x1_0000 + e), d - e * 1_000_000_000)
}

/** Whether every double is exact there: up to 2^53 - 1. */
const isSafe = (low: number, high: number): boolean =>
  high >= 0 ? high < 0x20_0000 : high >= -0x20_0000 && (high !== -0x20_0000 || low !== 0)

/** 64 bits as an integer, with a sign or without; in quotes unless `bare` is set and doubles hold it exactly. */
export const putInt64 = (q: number, low: number, high: number, signed: boolean, bare: boolean): number => {
  const negative = signed && high < 0
  const quotes = !bare || !(signed || high >= 0) || !isSafe(low, high)
  let p = q
  if (quotes) O[p++] = 0x22
  if (negative) {
    O[p++] = 0x2d
    p = putBits(p, -low | 0, low === 0 ? -high | 0 : ~high)
  } else p = putBits(p, low, high)
  if (quotes) O[p++] = 0x22
  return p
}

/** Text that is ASCII. */
export const putAscii = (q: number, text: string): number => {
  const { length } = text
  for (let i = 0; i < length; i++) O[q + i] = text.charCodeAt(i)
  return q + length
}

/** Powers of ten that doubles hold exactly. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/** `value` with its last `count` digits behind the point, without zeros behind. Not a whole number, and below 2^53. */
const putPoint = (q: number, value: number, count: number): number => {
  let p: number
  if (value >= POWERS[count]!) {
    p = putUnsigned(q + 1, value)
    const whole = p - q - 1 - count
    for (let i = 0; i < whole; i++) O[q + i] = O[q + 1 + i]!
    O[q + whole] = 0x2e
  } else {
    O[q] = 0x30
    O[q + 1] = 0x2e
    const start = q + 2
    const length = putUnsigned(start, value) - start
    p = start + count
    for (let i = 1; i <= length; i++) O[p - i] = O[start + length - i]!
    for (let i = start; i < p - length; i++) O[i] = 0x30
  }
  while (O[p - 1] === 0x30) p--
  return p
}

/** A double as JavaScript writes it; `"NaN"` and the infinities in quotes. */
export const putDouble = (q: number, value: number): number => {
  if ((value | 0) === value) {
    if (value !== 0 || 1 / value > 0) return putSigned(q, value)
    O[q] = 0x2d
    O[q + 1] = 0x30
    return q + 2
  }
  const size = Math.abs(value)
  if (!(size >= 1e-5 && size < 1e15)) return putOther(q, value)
  let p = q
  if (value < 0) O[p++] = 0x2d
  if (size === Math.floor(size)) return putUnsigned(p, size)
  // A decimal of at most 15 digits that reads back as this double is the only one so short: it is what JavaScript writes.
  if (size < 1e11) {
    const scaled = Math.floor(size * 1e4 + 0.5)
    if (scaled / 1e4 === size) {
      const whole = Math.floor(size)
      const part = (scaled - whole * 1e4) | 0
      p = putUnsigned(p, whole)
      O[p] = 0x2e
      V.setUint32(p + 1, FOUR[part]!, true)
      return p + 5 - TRAILING[part]!
    }
  }
  const end = putShortest(p, size)
  return end < 0 ? putOther(q, value) : end
}

const putOther = (q: number, value: number): number =>
  Number.isFinite(value) ? putAscii(q, String(value)) : putAscii(q, `"${value}"`)

const BITS = new DataView(new ArrayBuffer(8))
/** Half a unit in the last place of doubles from 2^(i - 64) on. */
const HALVES = Float64Array.from({ length: 128 }, (_, i) => 2 ** (i - 64 - 53))
/** 2^27 + 1: splits a double into two halves whose products are exact. */
const SPLIT = 0x800_0001
/** Distances below this are too close for a decision. */
const CLOSE = 1e-6

/**
 * The shortest decimal that reads back as `size`, which is from 10^-5 to 10^15 and not whole; -1: too close to call. The double times
 * the power of ten that gives 17 digits before the point is worked out exactly, as a sum of two doubles; then the nearest multiple of
 * 100, of 10 or of 1 is taken, whichever is the first within half a unit of the double's last place.
 */
const putShortest = (q: number, size: number): number => {
  BITS.setFloat64(0, size)
  const bits = BITS.getInt32(0)
  if ((bits & 0xf_ffff) === 0 && BITS.getInt32(4) === 0) return -1
  const exponent = (bits >>> 20) - 1023
  let count = 16 - Math.floor(exponent * 0.301_029_995_663_981_2)
  if (count > 22) return -1
  let power = POWERS[count]!
  let product = size * power
  if (product >= 1e17) {
    power = POWERS[--count]!
    product = size * power
  }
  if (product < 1e16 || product >= 1e17) return -1
  let t = SPLIT * size
  const sizeHigh = t - (t - size)
  const sizeLow = size - sizeHigh
  t = SPLIT * power
  const powerHigh = t - (t - power)
  const powerLow = power - powerHigh
  const rest = sizeHigh * powerHigh - product + sizeHigh * powerLow + sizeLow * powerHigh + sizeLow * powerLow
  const half = HALVES[exponent + 64]! * power
  let high = Math.floor(product / 1e8)
  let low = product - high * 1e8 + rest
  let nearest = Math.floor(low / 100 + 0.5) * 100
  let distance = Math.abs(low - nearest)
  if (distance > half - CLOSE) {
    if (distance < half + CLOSE) return -1
    nearest = Math.floor(low / 10 + 0.5) * 10
    distance = Math.abs(low - nearest)
    if (distance > half - CLOSE || distance > 5 - CLOSE) {
      if (distance < half + CLOSE) return -1
      nearest = Math.floor(low + 0.5)
      distance = Math.abs(low - nearest)
      if (distance > 0.5 - CLOSE || distance > half - CLOSE) return -1
    }
  }
  low = nearest
  if (low < 0) {
    high--
    low += 1e8
  } else if (low >= 1e8) {
    high++
    low -= 1e8
  }
  if (high >= 1e9 || high < 1e8) return -1
  return putDigits(q, high, low, count)
}

/** Nine digits and eight, of which the last `count` stand behind the point; without zeros behind. */
const putDigits = (q: number, high: number, low: number, count: number): number => {
  let start = q + 1
  const whole = 17 - count
  if (whole <= 0) {
    O[q] = 0x30
    O[q + 1] = 0x2e
    start = q + 2 - whole
    for (let i = q + 2; i < start; i++) O[i] = 0x30
  }
  let p = putEight(putNine(start, high), low)
  if (whole > 0) {
    for (let i = 0; i < whole; i++) O[q + i] = O[start + i]!
    O[q + whole] = 0x2e
  }
  while (O[p - 1] === 0x30) p--
  return p
}

/** A float with as few digits, six at least, as read back as the same float. */
export const putFloat = (q: number, value: number): number => {
  const size = Math.abs(value)
  if (size === Math.floor(size) && size <= 0x100_0000) return putDouble(q, value)
  if (!(size >= 1e-3 && size < 0x80_0000)) return putOtherFloat(q, value)
  let p = q
  if (value < 0) O[p++] = 0x2d
  let decimals = 9
  for (let bound = 1e-3; size >= bound; bound *= 10) decimals--
  // 24 bits times a power of ten below 10^13 is exact in a double, so this rounds like decimal digits do.
  let scaled = 0
  let count = decimals
  for (; ; count++) {
    if (count < 1) continue
    const power = POWERS[count]!
    scaled = Math.floor(size * power + 0.5)
    if (count === decimals + 3 || Math.fround(scaled / power) === size) break
  }
  return putPoint(p, scaled, count)
}

const putOtherFloat = (q: number, value: number): number => {
  if (!Number.isFinite(value)) return putOther(q, value)
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return putAscii(q, String(shorter))
  }
  return putAscii(q, String(Number(value.toPrecision(9))))
}
