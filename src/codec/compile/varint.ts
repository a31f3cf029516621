import { SCRATCH } from './scratch.ts'

/** The 32 bits of a number as a varint, written to the scratch at `q`; gives the position behind it. There must be room for five bytes. */
export const putVarint = (q: number, value: number): number => {
  const scratch = SCRATCH
  let at = q
  let rest = value >>> 0
  while (rest > 0x7f) {
    scratch[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  scratch[at++] = rest
  return at
}

/** Bytes of the varint of a length. */
export const varintSize = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5

/** Whether all bytes of the scratch between two positions are zero: then a single value is the default of its kind. */
export const allZero = (from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (SCRATCH[at] !== 0) return false
  return true
}
