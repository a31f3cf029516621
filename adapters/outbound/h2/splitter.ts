import { ConnectionError, DEFAULT_FRAME, ErrorCode, FRAME_HEADER, get32 } from './frames.ts'

/** Takes one frame; its payload is `bytes[start … end)` and belongs to the caller's read buffer: gone when this returns. */
export type FrameTaker = (type: number, flags: number, id: number, bytes: Buffer, start: number, end: number) => void

/**
 * Cuts what a socket reads into frames. A frame that lies whole in a read is not copied; one that is cut off is completed in a
 * small buffer of its own. Throws ConnectionError FRAME_SIZE_ERROR for a frame above the size that we allow.
 */
export class FrameSplitter {
  readonly #take: FrameTaker
  readonly #carry = Buffer.allocUnsafeSlow(FRAME_HEADER + DEFAULT_FRAME)
  #carried = 0

  constructor(take: FrameTaker) {
    this.#take = take
  }

  push(bytes: Buffer, end: number): void {
    let at = this.#carried === 0 ? 0 : this.#complete(bytes, end)
    if (at < 0) return
    while (end - at >= FRAME_HEADER) {
      const length = lengthAt(bytes, at)
      const next = at + FRAME_HEADER + length
      if (next > end) break
      this.#give(bytes, at, next)
      at = next
    }
    if (at < end) this.#carried = bytes.copy(this.#carry, 0, at, end)
  }

  /** Completes the frame that was cut off; returns where the next one starts, or -1: it is not whole yet. */
  #complete(bytes: Buffer, end: number): number {
    const carry = this.#carry
    let at = 0
    while (this.#carried < FRAME_HEADER) {
      if (at === end) return -1
      carry[this.#carried++] = bytes[at++]!
    }
    const whole = FRAME_HEADER + lengthAt(carry, 0)
    const take = Math.min(whole - this.#carried, end - at)
    bytes.copy(carry, this.#carried, at, at + take)
    this.#carried += take
    at += take
    if (this.#carried < whole) return -1
    this.#carried = 0
    this.#give(carry, 0, whole)
    return at
  }

  #give(bytes: Buffer, at: number, end: number): void {
    const id = get32(bytes, at + 5) & 0x7fff_ffff
    this.#take(bytes[at + 3]!, bytes[at + 4]!, id, bytes, at + FRAME_HEADER, end)
  }
}

const lengthAt = (bytes: Buffer, at: number): number => {
  const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
  if (length > DEFAULT_FRAME)
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes, more than ${DEFAULT_FRAME}`)
  return length
}
