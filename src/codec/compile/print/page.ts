import type { ByteWriter } from '../../../core/message.ts'
import { SCRATCH } from '../scratch.ts'

/**
 * The output of one call. Positions in SCRATCH go from function to function as numbers; what has to leave it early goes to the
 * ByteWriter from here.
 */

/** Writes what stands in `buffer` from `at` to `end` at `q`; returns the new q, or -1 for a message that it does not do. */
export type Write = (buffer: Buffer, at: number, end: number, q: number, depth: number) => number

/** Where reading stopped, for functions that return something else; -1: there is nothing readable. */
export const AT: Int32Array = new Int32Array(1)

let target: ByteWriter | undefined
let flushes = 0

/** Starts a page that ends up in `out`. */
export const begin = (out: ByteWriter): void => {
  target = out
  flushes = 0
}

/** How often this page has been flushed: a position is good for going back to as long as this stays the same. */
export const flushCount = (): number => flushes

const copyOut = (out: ByteWriter, count: number): void => {
  out.ensure(count)
  SCRATCH.copy(out.buffer, out.length, 0, count)
  out.length += count
}

/** Makes room: all but the last byte goes out, so that a comma can still become a bracket. Returns the new q. */
export const flush = (q: number): number => {
  if (q < 2) return q
  copyOut(target!, q - 1)
  SCRATCH[0] = SCRATCH[q - 1]!
  flushes++
  return 1
}

/** The rest goes out. */
export const finish = (q: number): void => {
  const out = target!
  if (q > 64) copyOut(out, q)
  else {
    out.ensure(q)
    const { buffer, length } = out
    for (let i = 0; i < q; i++) buffer[length + i] = SCRATCH[i]!
    out.length = length + q
  }
}

/** Ends the page, whatever became of it. */
export const close = (): void => {
  target = undefined
}
