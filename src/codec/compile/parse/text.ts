import { toBytes } from '../../lexical.ts'
import { SCRATCH, VIEW } from '../scratch.ts'
import { putVarint, varintSize } from '../varint.ts'
import { IN, INPUT, isValid, S } from './state.ts'

/** Strings and bytes. Each reader stands on the first quote and writes length and content, without a tag. */

/** What stands for the character behind a backslash; 0: no such escape. */
const ESCAPE = new Uint8Array(256)
for (const [from, to] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'])
  ESCAPE[from!.charCodeAt(0)] = to!.charCodeAt(0)
/** Value of a hexadecimal digit; negative: none. */
const HEX = new Int8Array(256).fill(-1)
for (const c of Buffer.from('0123456789abcdefABCDEF')) HEX[c] = Number.parseInt(String.fromCharCode(c), 16)

/** A string that goes on after so many bytes may have a length of two bytes or more, which is worth to know before it is copied. */
const LONG = 112

/**
 * Not zero when one of four bytes is a quote, a backslash or a control character: the lowest of them has its top bit set, and no
 * byte below it. (A quote is 2 away from a space, so that with that bit turned around it is next to the control characters.)
 */
const stops = (word: number): number =>
  (((word ^ 0x0202_0202) - 0x2121_2121) | ((word ^ 0x5c5c_5c5c) - 0x0101_0101)) & ~word & 0x8080_8080

export const string = (i: number, q: number): number => {
  let limit = q + LONG
  let from = i + 1
  let start = q + 1
  let to = start
  let all = 0
  for (;;) {
    // This loop has nothing in it that is seldom done, which makes it twice as fast.
    let word = IN.getInt32(from, true)
    let stop = stops(word)
    while (stop === 0 && to < limit) {
      VIEW.setInt32(to, word, true)
      all |= word
      from += 4
      to += 4
      word = IN.getInt32(from, true)
      stop = stops(word)
    }
    if (stop !== 0) {
      VIEW.setInt32(to, word, true)
      const bits = (31 - Math.clz32(stop & -stop)) & 0x18
      const c = (word >>> bits) & 0xff
      all |= word & ((1 << bits) - 1)
      from += bits >> 3
      to += bits >> 3
      if (c === 0x22) break
      if (c !== 0x5c) return -1
      const plain = ESCAPE[INPUT[from + 1]!]!
      if (plain !== 0) {
        SCRATCH[to++] = plain
        from += 2
      } else {
        if (INPUT[from + 1] !== 0x75) return -1
        to = unicode(from, to) | 0
        if (to < 0) return -1
        from = S.at | 0
      }
    }
    if (to >= limit) {
      // Likely the length: to the next quote. If it is not, what was written is moved at the end.
      start = (q + varintSize(INPUT.indexOf(0x22, from) - i - 1)) | 0
      if (start > q + 1) SCRATCH.copyWithin(start, q + 1, to)
      to += start - q - 1
      limit = SCRATCH.length
    }
  }
  if ((all & 0x8080_8080) !== 0 && !isValid()) return -1
  S.at = from + 1
  return to < start + 0x80 && start === q + 1 ? short(q, to) : measured(q, start, to)
}
/** A length of one byte, for which there is room. */
const short = (q: number, to: number): number => {
  SCRATCH[q] = to - q - 1
  return to
}
/** Any other: what goes from `start` to `to` is moved when the length needs another room than it has. */
const measured = (q: number, start: number, to: number): number => {
  const size = to - start
  const wanted = q + varintSize(size)
  if (wanted !== start) SCRATCH.copyWithin(wanted, start, to)
  putVarint(q, size)
  return wanted + size
}

/** `\uXXXX`, or two of them that are a surrogate pair, as UTF-8. −1: four digits are missing, or a lone surrogate. */
const unicode = (from: number, to: number): number => {
  let code = hex(from + 2)
  if (code < 0) return -1
  S.at = from + 6
  if (code < 0x80) {
    SCRATCH[to] = code
    return to + 1
  }
  if (code < 0x800) {
    SCRATCH[to] = 0xc0 | (code >> 6)
    SCRATCH[to + 1] = 0x80 | (code & 0x3f)
    return to + 2
  }
  if (code >= 0xd800 && code <= 0xdfff) {
    if (code > 0xdbff || INPUT[from + 6] !== 0x5c || INPUT[from + 7] !== 0x75) return -1
    const low = hex(from + 8)
    if (low < 0xdc00 || low > 0xdfff) return -1
    S.at = from + 12
    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00)
    SCRATCH[to] = 0xf0 | (code >> 18)
    SCRATCH[to + 1] = 0x80 | ((code >> 12) & 0x3f)
    SCRATCH[to + 2] = 0x80 | ((code >> 6) & 0x3f)
    SCRATCH[to + 3] = 0x80 | (code & 0x3f)
    return to + 4
  }
  SCRATCH[to] = 0xe0 | (code >> 12)
  SCRATCH[to + 1] = 0x80 | ((code >> 6) & 0x3f)
  SCRATCH[to + 2] = 0x80 | (code & 0x3f)
  return to + 3
}

/** The four hexadecimal digits at `i`; negative: they are not. */
const hex = (i: number): number =>
  (HEX[INPUT[i]!]! << 12) | (HEX[INPUT[i + 1]!]! << 8) | (HEX[INPUT[i + 2]!]! << 4) | HEX[INPUT[i + 3]!]!

/** Value of a character of base64 in either alphabet; 64: not one. */
const SEXTET = new Uint8Array(256).fill(64)
for (const alphabet of [
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
])
  for (let k = 0; k < 64; k++) SEXTET[alphabet.charCodeAt(k)] = k

/** Base64 of this many characters is decoded here, what is longer natively. */
const SHORT = 160

export const bytes = (i: number, q: number): number => {
  const first = i + 1
  let from = first
  let to = q + 1
  while (from - first < SHORT) {
    const a = SEXTET[INPUT[from]!]!
    const b = SEXTET[INPUT[from + 1]!]!
    const c = SEXTET[INPUT[from + 2]!]!
    const d = SEXTET[INPUT[from + 3]!]!
    if ((a | b | c | d) > 63) return ending(i, from, q, to)
    const bits = (a << 18) | (b << 12) | (c << 6) | d
    SCRATCH[to] = bits >> 16
    SCRATCH[to + 1] = bits >> 8
    SCRATCH[to + 2] = bits
    from += 4
    to += 3
  }
  return longBytes(i, q)
}

/** The last quantum: fewer than four characters, padding, the quote. */
const ending = (i: number, from: number, q: number, to: number): number => {
  let end = from
  while (SEXTET[INPUT[end]!]! < 64) end++
  const left = end - from
  let close = end
  if (INPUT[close] === 0x3d) {
    if (left === 2 && INPUT[close + 1] === 0x3d) close += 2
    else if (left === 3) close++
    else return escaped(i, q)
  } else if (left === 1) return escaped(i, q)
  if (INPUT[close] !== 0x22) return escaped(i, q)
  S.at = close + 1
  let last = to
  if (left > 1) {
    const a = SEXTET[INPUT[from]!]!
    const b = SEXTET[INPUT[from + 1]!]!
    SCRATCH[last++] = (a << 2) | (b >> 4)
    if (left > 2) SCRATCH[last++] = (b << 4) | (SEXTET[INPUT[from + 2]!]! >> 2)
  }
  SCRATCH[q] = last - q - 1
  return last
}

/** Native decoding passes over what is not base64: then fewer bytes come out than the length promises. */
const longBytes = (i: number, q: number): number => {
  const first = i + 1
  const close = INPUT.indexOf(0x22, first)
  let length = close - first
  if (INPUT[close - 1] === 0x3d) {
    if (length % 4 !== 0) return escaped(i, q)
    length -= INPUT[close - 2] === 0x3d ? 2 : 1
  }
  if (length % 4 === 1 || close > S.end) return escaped(i, q)
  const size = Math.floor((length * 3) / 4)
  const start = putVarint(q, size)
  const written = SCRATCH.write(INPUT.toString('latin1', first, first + length), start, size, 'base64')
  if (written !== size) return escaped(i, q)
  S.at = close + 1
  return start + size
}

/** Whatever else it is: the reference's own conversion decides. An escaped slash is the usual case. */
const escaped = (i: number, q: number): number => {
  const end = string(i, q)
  if (end < 0) return -1
  const size = readLength(q)
  const decoded = toBytes(SCRATCH.toString('latin1', end - size, end))
  if (decoded === undefined) return -1
  const start = putVarint(q, decoded.length)
  SCRATCH.set(decoded, start)
  return start + decoded.length
}
const readLength = (q: number): number => {
  let value = 0
  let at = q
  for (let shift = 0; ; shift += 7) {
    const byte = SCRATCH[at++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
}
