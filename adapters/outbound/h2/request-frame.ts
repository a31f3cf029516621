import { Bytes, type Codec, type Message } from '../../../src/spi.ts'

const PREFIX = 5
/** The room for a unary request that is kept. */
const KEPT = 64 * 1024

/** Where a unary request is written before it is copied behind its head: one call at a time is at that point. */
const room = new Bytes(KEPT)

/** The message behind its prefix, in a room that the next call uses again. */
export const frameOf = (message: Message, codec: Codec): Buffer => {
  room.length = PREFIX
  message.writeTo(codec, room)
  const { buffer, length } = room
  putPrefix(buffer, length - PREFIX)
  // A large one must not hold its memory until the next call.
  if (buffer.length > KEPT) room.buffer = Buffer.allocUnsafeSlow(KEPT)
  return buffer.subarray(0, length)
}

/** A copy behind the prefix. */
export const withPrefix = (bytes: Buffer): Buffer => {
  const frame = Buffer.allocUnsafe(PREFIX + bytes.length)
  putPrefix(frame, bytes.length)
  bytes.copy(frame, PREFIX)
  return frame
}

const putPrefix = (frame: Buffer, length: number): void => {
  frame[0] = 0
  frame[1] = length >>> 24
  frame[2] = length >>> 16
  frame[3] = length >>> 8
  frame[4] = length
}
