import { isUtf8 } from 'node:buffer'
import { SCRATCH } from '../scratch.ts'
import { putVarint } from '../varint.ts'
import { closeLength } from './put.ts'

/** What percent-decoding leaves as it was received: nothing, `%2F`, or all reserved characters of RFC 6570. */
export const KEEP_NOTHING = 0
export const KEEP_SLASH = 1
export const KEEP_RESERVED = 2

/** 1: a reserved character of RFC 6570. */
const RESERVED = new Uint8Array(256)
for (const c of Buffer.from("!#$&'()*+,/:;=?@[]")) RESERVED[c] = 1

const PERCENT = 0x25
const PLUS = 0x2b

/** Value of a hexadecimal digit; negative when it is none. */
const HEX = new Int8Array(128).fill(-1)
for (let i = 0; i < 16; i++) {
  HEX['0123456789abcdef'.charCodeAt(i)] = i
  HEX['0123456789ABCDEF'.charCodeAt(i)] = i
}

/** Longer paths and queries are for the reference lane: what is made of them has room in the scratch, whatever it is. */
export const MAX_TEXT: number = 256 * 1024

/**
 * The query and the captures of a call as bytes, which are read faster than a string. Behind them there is room for one piece of
 * them that had to be decoded first. Loops keep it, and SCRATCH, in locals: what is imported is looked up at each use.
 */
export const RAW: Buffer = Buffer.allocUnsafeSlow(2 * MAX_TEXT)
export const DECODED_AT: number = RAW.length - MAX_TEXT

/** Up to this length the characters are copied one by one. */
const SHORT = 24

/** Copies a text to RAW. false: characters that should have been escaped are in it. */
export const loadText = (text: string, at: number): boolean => {
  const { length } = text
  // Only ASCII has as many bytes as characters.
  if (length > SHORT) return RAW.write(text, at) === length
  const raw = RAW
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c > 0x7f) return false
    raw[at + i] = c
  }
  return true
}

/** Length and bytes of a piece of RAW in which nothing is escaped. */
export const putPlain = (q: number, start: number, end: number): number => {
  const length = end - start
  const at = putVarint(q, length)
  if (length > 48) {
    RAW.copy(SCRATCH, at, start, end)
    return at + length
  }
  const scratch = SCRATCH
  const raw = RAW
  for (let i = 0; i < length; i++) scratch[at + i] = raw[start + i]!
  return at + length
}
/** Length and UTF-8 of a text. */
export const putUtf8 = (q: number, text: string): number => closeLength(q, q + 1 + SCRATCH.write(text, q + 1))

/** Length and bytes of a percent-encoded piece of RAW. −1: malformed, or not UTF-8. */
export const putDecoded = (q: number, start: number, end: number, keep: number, plusIsSpace: boolean): number => {
  const scratch = SCRATCH
  const raw = RAW
  let at = q + 1
  let high = 0
  for (let i = start; i < end; i++) {
    const c = raw[i]!
    if (c !== PERCENT) {
      scratch[at++] = c === PLUS && plusIsSpace ? 0x20 : c
      continue
    }
    if (i + 2 >= end) return -1
    const byte = (HEX[raw[i + 1]!]! << 4) | HEX[raw[i + 2]!]!
    if (byte < 0) return -1
    if (keep !== KEEP_NOTHING && (keep === KEEP_SLASH ? byte === 0x2f : RESERVED[byte] === 1)) {
      scratch[at++] = PERCENT
      scratch[at++] = raw[i + 1]!
      scratch[at++] = raw[i + 2]!
    } else {
      scratch[at++] = byte
      high |= byte
    }
    i += 2
  }
  if (high > 0x7f && !isUtf8(SCRATCH.subarray(q + 1, at))) return -1
  return closeLength(q, at)
}
