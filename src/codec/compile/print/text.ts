import { isUtf8 } from 'node:buffer'
import { LIMIT, SCRATCH, VIEW } from '../scratch.ts'
import { flush } from './page.ts'

/** Strings and bytes as JSON strings, straight from the wire. The result is the new q; -1: not UTF-8. */

// Constants of this module are cheaper to reach than imported ones.
const O = SCRATCH
const V = VIEW

/** What a byte of a string is: PLAIN stands for itself; others are the letter behind the backslash of their escape. */
const CLASS = new Uint8Array(256)
const PLAIN = 0
/** Needs an escape without a letter: `\u00XX`. */
const CONTROL = 1
/** Part of a character beyond ASCII. */
const HIGH = 2
CLASS.fill(CONTROL, 0, 0x20)
for (const c of '\b\t\n\f\r"\\') CLASS[c.charCodeAt(0)] = JSON.stringify(c).charCodeAt(2)
CLASS.fill(HIGH, 0x80)

const HEX = Buffer.from('0123456789abcdef')
const putControl = (q: number, c: number): number => {
  V.setUint32(q, 0x5c753030)
  O[q + 4] = 0x30 | (c >> 4)
  O[q + 5] = HEX[c & 15]!
  return q + 6
}
const putEscape = (q: number, c: number, letter: number): number => {
  if (letter === CONTROL) return putControl(q, c)
  O[q] = 0x5c
  O[q + 1] = letter
  return q + 2
}

/** Up to this many bytes a loop over single ones is the fastest. */
const SHORT = 20
/** A rest of more bytes is checked by a native call and not character by character. */
const CHECKED = 48

/** The string that stands from `start` to `end`, quotes included. */
export const putText = (buffer: Buffer, start: number, end: number, q: number): number => {
  if (end - start > SHORT) return putLong(buffer, start, end, q)
  let p = q
  O[p++] = 0x22
  for (let k = start; k < end; k++) {
    const c = buffer[k]!
    if (CLASS[c] !== PLAIN) return putRest(buffer, k, end, p)
    O[p++] = c
  }
  O[p] = 0x22
  return p + 1
}

const putRest = (buffer: Buffer, start: number, end: number, q: number): number => {
  let p = q
  let k = start
  while (k < end) {
    const c = buffer[k]!
    const kind = CLASS[c]!
    if (kind !== HIGH) {
      if (kind === PLAIN) O[p++] = c
      else p = putEscape(p, c, kind)
      k++
      continue
    }
    const size = characterSize(buffer, k, end, c)
    if (size === 0) return -1
    for (const next = k + size; k < next; k++) O[p++] = buffer[k]!
  }
  O[p] = 0x22
  return p + 1
}

const isTail = (c: number): boolean => (c & 0xc0) === 0x80

/** Bytes of the character beyond ASCII that starts at `k` with `c`; 0: not UTF-8. */
const characterSize = (buffer: Buffer, k: number, end: number, c: number): number => {
  if (c < 0xc2 || c > 0xf4) return 0
  const size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4
  if (size > end - k) return 0
  const second = buffer[k + 1]!
  if (!isTail(second)) return 0
  if (size === 2) return 2
  // No long forms of short characters, no surrogates, nothing above U+10FFFF.
  if (
    c === 0xe0 ? second < 0xa0 : c === 0xed ? second > 0x9f : c === 0xf0 ? second < 0x90 : c === 0xf4 && second > 0x8f
  )
    return 0
  if (!isTail(buffer[k + 2]!)) return 0
  return size === 3 || isTail(buffer[k + 3]!) ? size : 0
}

/** The memory of the message that is being printed, for reading four bytes at once. Small memory, which is shared, is kept. */
let input: DataView = new DataView(new ArrayBuffer(0))
let shift = -1
const KEPT = 0x10_0000

/** Ends the reading of a message. */
export const closeText = (): void => {
  shift = -1
  if (input.byteLength > KEPT) input = new DataView(new ArrayBuffer(0))
}
const openInput = (buffer: Buffer): void => {
  shift = buffer.byteOffset
  if (input.buffer !== buffer.buffer) input = new DataView(buffer.buffer)
}

/** Most bytes between two looks at LIMIT. */
const PIECE = 8192
/** From here on a native copy, which is searched afterwards, is faster than reading and writing eight bytes at a time. */
const NATIVE = 192
/** So long after an escape there is no native copy: the next escape would come soon. */
const CALM = 512
/** An escape so close behind the last one is often followed by others: then so many bytes are done one by one. */
const CLOSE = 12
const DENSE = 64

const putLong = (buffer: Buffer, start: number, end: number, q: number): number => {
  if (shift < 0) openInput(buffer)
  let p = q
  O[p++] = 0x22
  let checked = false
  let last = start - CALM
  for (let k = start; k < end; ) {
    if (p > LIMIT) p = flush(p)
    const stop = Math.min(end, k + PIECE)
    let same: number
    if (k - last >= CALM && stop - k >= NATIVE) {
      buffer.copy(O, p, k, stop)
      same = (checked ? findEscape(p, p + stop - k) : findSpecial(p, p + stop - k)) - p
    } else same = checked ? copyToEscape(k, stop, p) : copyToSpecial(k, stop, p)
    k += same
    p += same
    if (k === stop) continue
    const c = buffer[k]!
    const kind = CLASS[c]!
    if (kind === HIGH && !checked) {
      if (end - k <= CHECKED) return putRest(buffer, k, end, p)
      if (!isUtf8(buffer.subarray(k, end))) return -1
      checked = true
    } else if (kind === PLAIN || kind === HIGH) {
      p = copyOnes(buffer, k, Math.min(stop, k + 8), p, checked)
      k = reached
    } else {
      if (kind === CONTROL) {
        for (; k < stop && p <= LIMIT && CLASS[buffer[k]!] === CONTROL; k++) p = putControl(p, buffer[k]!)
      } else {
        p = copyOnes(buffer, k, Math.min(stop, k - last < CLOSE ? k + DENSE : k + 1), p, checked)
        k = reached
      }
      last = k
    }
  }
  O[p] = 0x22
  return p + 1
}

/** What each byte becomes, as two bytes for `setUint16`, and how many of them count; 0: it is not that simple. */
const PAIR = new Uint16Array(256)
const SIZE = new Uint8Array(256)
for (let c = 0; c < 256; c++) {
  const kind = CLASS[c]!
  PAIR[c] = kind > HIGH ? 0x5c | (kind << 8) : c
  SIZE[c] = kind === PLAIN ? 1 : kind > HIGH ? 2 : 0
}
const UTF8_SIZE = SIZE.map((size, c) => (c > 0x7f ? 1 : size))

/** Where `copyOnes` stopped reading. */
let reached = 0
/** Copies byte by byte, with escapes, up to a control character or, unless the text is known to be UTF-8, one beyond ASCII. */
const copyOnes = (buffer: Buffer, from: number, stop: number, q: number, checked: boolean): number => {
  const sizes = checked ? UTF8_SIZE : SIZE
  let p = q
  let k = from
  for (; k < stop; k++) {
    const c = buffer[k]!
    const size = sizes[c]!
    if (size === 0) break
    V.setUint16(p, PAIR[c]!, true)
    p += size
  }
  reached = k
  return p
}

const isPlain = (kind: number): boolean => kind === PLAIN || kind === HIGH

/** Sets the high bit of every byte of `w` that needs an escape, and maybe of bytes beyond such a one or beyond ASCII. */
const marks = (w: number): number =>
  (w - 0x20202020) | ((w ^ 0x22222222) - 0x01010101) | ((w ^ 0x5c5c5c5c) - 0x01010101)

/** Which byte of four has the lowest high bit. */
const lowest = (bits: number): number => (31 - Math.clz32(bits & -bits)) >> 3

/** Copies plain ASCII, eight bytes at a time, up to something else or to the last seven; returns how many. */
const copyToSpecial = (from: number, stop: number, q: number): number => {
  const start = from + shift
  const last = stop + shift - 8
  let k = start
  for (let p = q; k <= last; k += 8, p += 8) {
    const a = input.getInt32(k, true)
    V.setInt32(p, a, true)
    const first = (marks(a) | a) & 0x80808080
    if (first !== 0) return k - start + lowest(first)
    const b = input.getInt32(k + 4, true)
    V.setInt32(p + 4, b, true)
    const second = (marks(b) | b) & 0x80808080
    if (second !== 0) return k - start + 4 + lowest(second)
  }
  return k - start
}
/** The same in UTF-8, whose bytes beyond ASCII are plain. */
const copyToEscape = (from: number, stop: number, q: number): number => {
  const start = from + shift
  const last = stop + shift - 8
  let k = start
  for (let p = q; k <= last; k += 8, p += 8) {
    const a = input.getInt32(k, true)
    V.setInt32(p, a, true)
    const first = marks(a) & ~a & 0x80808080
    if (first !== 0) return k - start + lowest(first)
    const b = input.getInt32(k + 4, true)
    V.setInt32(p + 4, b, true)
    const second = marks(b) & ~b & 0x80808080
    if (second !== 0) return k - start + 4 + lowest(second)
  }
  return k - start
}

/** Where from `from` to `stop` of SCRATCH stands a byte that is not plain ASCII; `stop`: nowhere. */
const findSpecial = (from: number, stop: number): number => {
  let p = from
  for (; p + 16 <= stop; p += 16) {
    const a = V.getInt32(p, true)
    const b = V.getInt32(p + 4, true)
    const c = V.getInt32(p + 8, true)
    const d = V.getInt32(p + 12, true)
    if (((marks(a) | a | marks(b) | b | marks(c) | c | marks(d) | d) & 0x80808080) !== 0) break
  }
  while (p < stop && CLASS[O[p]!] === PLAIN) p++
  return p
}
const findEscape = (from: number, stop: number): number => {
  let p = from
  for (; p + 16 <= stop; p += 16) {
    const a = V.getInt32(p, true)
    const b = V.getInt32(p + 4, true)
    const c = V.getInt32(p + 8, true)
    const d = V.getInt32(p + 12, true)
    if ((((marks(a) & ~a) | (marks(b) & ~b) | (marks(c) & ~c) | (marks(d) & ~d)) & 0x80808080) !== 0) break
  }
  while (p < stop && isPlain(CLASS[O[p]!]!)) p++
  return p
}

const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
/** Bytes of one native call: a multiple of three, whose text fits behind LIMIT. */
const BASE64_PIECE = 24_576

/** Bytes in base64, quotes included. */
export const putBytes = (buffer: Buffer, start: number, end: number, q: number): number => {
  let p = q
  O[p++] = 0x22
  let k = start
  if (end - start > 96)
    for (; k < end; k += BASE64_PIECE) {
      if (p > LIMIT) p = flush(p)
      p += O.write(buffer.toString('base64', k, Math.min(k + BASE64_PIECE, end)), p, 'latin1')
    }
  else {
    for (; k + 3 <= end; k += 3) {
      const bits = (buffer[k]! << 16) | (buffer[k + 1]! << 8) | buffer[k + 2]!
      O[p] = BASE64[bits >> 18]!
      O[p + 1] = BASE64[(bits >> 12) & 63]!
      O[p + 2] = BASE64[(bits >> 6) & 63]!
      O[p + 3] = BASE64[bits & 63]!
      p += 4
    }
    if (k < end) {
      const two = k + 1 < end
      const bits = (buffer[k]! << 8) | (two ? buffer[k + 1]! : 0)
      O[p] = BASE64[bits >> 10]!
      O[p + 1] = BASE64[(bits >> 4) & 63]!
      O[p + 2] = two ? BASE64[(bits << 2) & 63]! : 0x3d
      O[p + 3] = 0x3d
      p += 4
    }
  }
  O[p] = 0x22
  return p + 1
}
