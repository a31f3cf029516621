import type { ScalarKind } from '../../../core/descriptor.ts'
import { SCRATCH } from '../scratch.ts'
import { putAscii, putDouble, putFloat, putInt64, putSigned, putUnsigned } from './numbers.ts'
import { AT, type Write } from './page.ts'
import { lengthVarint, varint } from './read.ts'
import { putBytes, putText } from './text.ts'

const O = SCRATCH

/**
 * One value of a scalar kind, from its wire form at `at` to its JSON form at `q`; AT: where the wire form ends. A varint that is
 * zero in more than one byte is not done: so one look at the first byte tells whether a value is its default.
 */

/** A varint of 32 bits for the functions below: its value, with AT at its end; AT is -1 when it is not done. */
const varint32 = (buffer: Buffer, at: number, end: number): number => {
  if (at < end && buffer[at]! < 0x80) {
    AT[0] = at + 1
    return buffer[at]!
  }
  const value = varint(buffer, at, end)
  if (value === 0) AT[0] = -1
  return value
}

const int32: Write = (buffer, at, end, q) => {
  const value = varint32(buffer, at, end)
  return AT[0]! < 0 ? -1 : putSigned(q, value)
}
const uint32: Write = (buffer, at, end, q) => {
  const value = varint32(buffer, at, end)
  return AT[0]! < 0 ? -1 : putUnsigned(q, value >>> 0)
}
const sint32: Write = (buffer, at, end, q) => {
  const value = varint32(buffer, at, end)
  return AT[0]! < 0 ? -1 : putSigned(q, (value >>> 1) ^ -(value & 1))
}

const bool: Write = (buffer, at, end, q) => {
  // Longer forms of 0 and 1 exist, but nobody writes them.
  if (at >= end || buffer[at]! > 0x7f) return -1
  AT[0] = at + 1
  return buffer[at] === 0 ? putAscii(q, 'false') : putAscii(q, 'true')
}

/** `signs`: 0 unsigned, 1 two's complement, 2 zigzag. */
const varint64 = (signs: number, bare: boolean): Write => {
  const signed = signs > 0
  return (buffer, at, end, q) => {
    if (at >= end) return -1
    let j = at
    let byte = buffer[j++]!
    let low = byte & 0x7f
    let high = 0
    if (byte > 0x7f) {
      let shift = 7
      for (; shift < 28; shift += 7) {
        if (j >= end) return -1
        byte = buffer[j++]!
        low |= (byte & 0x7f) << shift
        if (byte < 0x80) break
      }
      if (byte > 0x7f) {
        if (j >= end) return -1
        byte = buffer[j++]!
        low |= byte << 28
        high = (byte & 0x7f) >> 4
        for (shift = 3; byte > 0x7f; shift += 7) {
          if (j >= end || shift > 31) return -1
          byte = buffer[j++]!
          if (shift === 31 && byte > 1) return -1
          high |= (byte & 0x7f) << shift
        }
      }
      if (low === 0 && high === 0) return -1
    }
    AT[0] = j
    if (signs === 2) {
      const sign = -(low & 1)
      low = ((low >>> 1) | (high << 31)) ^ sign
      high = (high >>> 1) ^ sign
    }
    return putInt64(q, low, high, signed, bare)
  }
}

const word = (buffer: Buffer, at: number): number =>
  buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)

const fixed32: Write = (buffer, at, end, q) => {
  if (at + 4 > end) return -1
  AT[0] = at + 4
  return putUnsigned(q, word(buffer, at) >>> 0)
}
const sfixed32: Write = (buffer, at, end, q) => {
  if (at + 4 > end) return -1
  AT[0] = at + 4
  return putSigned(q, word(buffer, at))
}
const fixed64 =
  (signed: boolean, bare: boolean): Write =>
  (buffer, at, end, q) => {
    if (at + 8 > end) return -1
    AT[0] = at + 8
    return putInt64(q, word(buffer, at), word(buffer, at + 4), signed, bare)
  }

const BITS = new DataView(new ArrayBuffer(8))
/** The double that starts at `at`, of which there are eight bytes. */
export const readDouble = (buffer: Buffer, at: number): number => {
  BITS.setInt32(0, word(buffer, at), true)
  BITS.setInt32(4, word(buffer, at + 4), true)
  return BITS.getFloat64(0, true)
}
const double: Write = (buffer, at, end, q) => {
  if (at + 8 > end) return -1
  AT[0] = at + 8
  return putDouble(q, readDouble(buffer, at))
}
const float: Write = (buffer, at, end, q) => {
  if (at + 4 > end) return -1
  AT[0] = at + 4
  BITS.setInt32(0, word(buffer, at), true)
  return putFloat(q, BITS.getFloat32(0, true))
}

/** Start of what stands behind the length at `at`, with AT at its end; -1: not there. */
export const readLength = (buffer: Buffer, at: number, end: number): number => {
  if (at >= end) return -1
  let length = buffer[at]!
  let start = at + 1
  if (length > 0x7f) {
    length = lengthVarint(buffer, at, end)
    start = AT[0]!
    if (start < 0 || length <= 0) return -1
  }
  if (length > end - start) return -1
  AT[0] = start + length
  return start
}

const string: Write = (buffer, at, end, q) => {
  const start = readLength(buffer, at, end)
  return start < 0 ? -1 : putText(buffer, start, AT[0]!, q)
}
const bytes: Write = (buffer, at, end, q) => {
  const start = readLength(buffer, at, end)
  return start < 0 ? -1 : putBytes(buffer, start, AT[0]!, q)
}

const scalars = (bare: boolean): Readonly<Record<ScalarKind, Write>> => ({
  double,
  float,
  int32,
  int64: varint64(1, bare),
  uint32,
  uint64: varint64(0, bare),
  sint32,
  sint64: varint64(2, bare),
  fixed32,
  fixed64: fixed64(false, bare),
  sfixed32,
  sfixed64: fixed64(true, bare),
  bool,
  string,
  bytes,
})
const QUOTED = scalars(false)
const BARE = scalars(true)

/** `bare`: 64-bit numbers without quotes where doubles hold them (`int64Numbers`). */
export const scalarWriter = (kind: ScalarKind, bare: boolean): Write => (bare ? BARE : QUOTED)[kind]

/** Whether the wire form at `at` is the default of a field without presence; `size` as of `zeroSize`. */
export const isZero = (buffer: Buffer, at: number, end: number, size: number): boolean => {
  if (at + size > end || buffer[at] !== 0) return false
  for (let k = at + 1; k < at + size; k++) if (buffer[k] !== 0) return false
  return true
}
/** Bytes of a default on the wire: all of them are zero. */
export const zeroSize = (wire: number): number => (wire === 1 ? 8 : wire === 5 ? 4 : 1)

/** Bytes that are known beforehand. */
export const putRaw = (q: number, bytes: Uint8Array): number => {
  const { length } = bytes
  for (let i = 0; i < length; i++) O[q + i] = bytes[i]!
  return q + length
}
