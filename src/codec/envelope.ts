import type { ByteWriter } from '../core/message.ts'
import { Code, errors, GatewayError, makeStatus, type Origin } from '../core/status.ts'

/** The five bytes before each message of gRPC, gRPC-Web and Connect: a flag byte and a length, big-endian (PROTOCOL-HTTP2). */
export const HEADER_BYTES = 5
/** The flag of a compressed message. */
export const COMPRESSED = 0x01

/** Appends one frame. */
export const writeFrame = (out: ByteWriter, payload: Uint8Array, flags = 0): void => {
  out.ensure(HEADER_BYTES + payload.length)
  const { buffer, length } = out
  buffer[length] = flags
  buffer.writeUInt32BE(payload.length, length + 1)
  buffer.set(payload, length + HEADER_BYTES)
  out.length = length + HEADER_BYTES + payload.length
}

export interface FrameReaderOptions {
  /** Longest payload in bytes. A longer one is refused as soon as its header is there: RESOURCE_EXHAUSTED, `MESSAGE_TOO_LARGE`. */
  readonly maxBytes: number
  /** The stream declared an encoding other than identity: a compressed flag is legal. Otherwise it is INTERNAL (SEMANTICS §10.1). */
  readonly compression: boolean
  /** Who sends the frames; to blame when they are broken. */
  readonly origin: Origin
  /** Whole payloads, in order. They are views of what was pushed where that is possible; nobody writes to them afterwards. */
  readonly onFrame: (payload: Uint8Array, flags: number) => void
}

/**
 * Cuts a byte stream into frames, however it was cut into chunks. `push` and `end` throw GatewayError; after that the reader is
 * over. Pushed buffers must not be written to again.
 */
export class FrameReader {
  readonly #options: FrameReaderOptions
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  #flags = 0
  /** Payload bytes that are still to come; -1 while the header is incomplete. */
  #missing = -1
  #payload: Buffer = EMPTY
  #filled = 0

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#missing === -1) {
        at = this.#readHeader(chunk, at)
        continue
      }
      const take = Math.min(this.#missing, chunk.length - at)
      if (this.#filled === 0 && take === this.#missing) {
        at += take
        this.#emit(chunk.subarray(at - take, at))
        continue
      }
      this.#keep(chunk, at, take)
      at += take
      if (this.#missing === 0) this.#emit(this.#payload.subarray(0, this.#filled))
    }
  }

  /** The byte stream is over: a frame that has begun must be complete. */
  end(): void {
    if (this.#headerBytes > 0 || this.#missing !== -1)
      throw this.#broken('FRAME_TRUNCATED', 'the stream ended within a message')
  }

  #readHeader(chunk: Uint8Array, from: number): number {
    let at = from
    while (this.#headerBytes < HEADER_BYTES && at < chunk.length) this.#header[this.#headerBytes++] = chunk[at++]!
    if (this.#headerBytes < HEADER_BYTES) return at
    const { maxBytes, compression } = this.#options
    this.#headerBytes = 0
    this.#flags = this.#header[0]!
    const length = this.#header.readUInt32BE(1)
    if ((this.#flags & ~COMPRESSED) !== 0)
      throw this.#broken('FRAME_INVALID', `the flag byte of a message is ${this.#flags}`)
    if (this.#flags === COMPRESSED && !compression)
      throw this.#broken('FRAME_INVALID', 'a message is marked as compressed, but the stream has no encoding')
    if (length > maxBytes) throw errors.messageTooLarge(`a message of ${length} bytes; at most ${maxBytes} are allowed`)
    this.#missing = length
    if (length === 0) this.#emit(EMPTY)
    return at
  }

  /** Room grows with what has really come, at most twofold: a length alone reserves nothing. */
  #keep(chunk: Uint8Array, at: number, take: number): void {
    const needed = this.#filled + take
    if (needed > this.#payload.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#filled + this.#missing, Math.max(needed * 2, 256)))
      this.#payload.copy(grown, 0, 0, this.#filled)
      this.#payload = grown
    }
    this.#payload.set(chunk.subarray(at, at + take), this.#filled)
    this.#filled = needed
    this.#missing -= take
  }

  #emit(payload: Uint8Array): void {
    const flags = this.#flags
    this.#missing = -1
    this.#payload = EMPTY
    this.#filled = 0
    this.#options.onFrame(payload, flags)
  }

  #broken(reason: string, message: string): GatewayError {
    return new GatewayError(makeStatus(Code.INTERNAL, message, { reason }), this.#options.origin)
  }
}

const EMPTY = Buffer.alloc(0)
