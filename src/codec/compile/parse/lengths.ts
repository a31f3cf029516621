import { SCRATCH, VIEW } from '../scratch.ts'
import { putVarint, varintSize } from '../varint.ts'
import { S } from './state.ts'

/**
 * Lengths before what they measure. One byte is kept for each; when it does not do, what follows is moved. Something big is not
 * moved at once, because messages in messages would then be moved once for each level: its length is put down as a patch, and
 * `settle` moves everything once.
 */

const BIG = 2048
/** Where the byte of the length is; the length; bytes that it and the patches inside it need more; the first patch inside it. */
const AT = new Int32Array(8192)
const LENGTH = new Int32Array(8192)
const MORE = new Int32Array(8192)
const FIRST = new Int32Array(8192)

/** The length at `at`, of what goes from there to `q`, where something inside may be patched. Returns the new `q`. */
export const close = (at: number, q: number): number => {
  const size = q - at - 1
  if (size < 0x80) {
    SCRATCH[at] = size
    return q
  }
  if (size >= BIG) return patch(at, q, size)
  if (size < 512) {
    let k = q
    for (; k - at > 4; k -= 4) VIEW.setInt32(k - 3, VIEW.getInt32(k - 4, true), true)
    for (; k > at + 1; k--) SCRATCH[k] = SCRATCH[k - 1]!
  } else SCRATCH.copyWithin(at + 2, at + 1, q)
  SCRATCH[at] = (size & 0x7f) | 0x80
  SCRATCH[at + 1] = size >> 7
  return q + 1
}

const patch = (at: number, q: number, size: number): number => {
  const own = S.patches
  if (own === AT.length) return -1
  let first = own
  let inside = 0
  while (first > 0 && AT[first - 1]! > at) {
    inside += MORE[first - 1]!
    first = FIRST[first - 1]!
  }
  const length = size + inside
  AT[own] = at
  LENGTH[own] = length
  MORE[own] = inside + varintSize(length) - 1
  FIRST[own] = first
  S.patches = own + 1
  return q
}

/** Writes what is still to be written up to `q`, and returns the new `q`. */
export const settle = (q: number): number => {
  const count = S.patches
  if (count === 0) return q
  S.patches = 0
  const order = Array.from({ length: count }, (_, k) => k).sort((a, b) => AT[b]! - AT[a]!)
  let shift = 0
  for (const k of order) shift += varintSize(LENGTH[k]!) - 1
  const total = q + shift
  let tail = q
  for (const k of order) {
    const at = AT[k]!
    SCRATCH.copyWithin(at + 1 + shift, at + 1, tail)
    shift -= varintSize(LENGTH[k]!) - 1
    putVarint(at + shift, LENGTH[k]!)
    tail = at
  }
  return total
}
