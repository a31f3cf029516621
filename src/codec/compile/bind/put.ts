import { SCRATCH, VIEW } from '../scratch.ts'
import { putVarint, varintSize } from '../varint.ts'

/** Pieces of the wire format, written to the scratch at `q`. Each gives the position behind what it wrote. */

/** 64 bits in two halves. */
export const putVarint64 = (q: number, low: number, high: number): number => {
  let at = q
  let lowRest = low >>> 0
  let highRest = high >>> 0
  while (highRest !== 0) {
    SCRATCH[at++] = (lowRest & 0x7f) | 0x80
    lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0
    highRest >>>= 7
  }
  return putVarint(at, lowRest)
}

/** An int32, which is sign-extended to 64 bits. */
export const putInt32 = (q: number, value: number): number =>
  value < 0 ? putVarint64(q, value, 0xffff_ffff) : putVarint(q, value)

export const putFixed32 = (q: number, value: number): number => {
  VIEW.setUint32(q, value, true)
  return q + 4
}
export const putFixed64 = (q: number, low: number, high: number): number => {
  VIEW.setUint32(q, low, true)
  VIEW.setUint32(q + 4, high, true)
  return q + 8
}

export const putBytes = (q: number, bytes: Uint8Array): number => {
  const { length } = bytes
  // A native copy is faster from some length on.
  if (length > 48) SCRATCH.set(bytes, q)
  else {
    const scratch = SCRATCH
    for (let i = 0; i < length; i++) scratch[q + i] = bytes[i]!
  }
  return q + length
}

/** Writes the length of what stands behind `at`, where one byte was left free for it, and moves that when it takes more. */
export const closeLength = (at: number, q: number): number => {
  const size = q - at - 1
  if (size < 0x80) {
    SCRATCH[at] = size
    return q
  }
  const extra = varintSize(size) - 1
  SCRATCH.copyWithin(at + 1 + extra, at + 1, q)
  putVarint(at, size)
  return q + extra
}
