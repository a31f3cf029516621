import { gunzipSync, inflateSync } from 'node:zlib'
import { Bytes, formatSize } from '../../../src/spi.ts'

const PREFIX = 5
/** The first room for a message that comes in pieces: what a peer announces and does not send costs no more. */
const FIRST_ROOM = 64 * 1024

/** Why an answer cannot be read on. */
export interface Trouble {
  readonly kind: 'flags' | 'encoding' | 'size' | 'inflate'
  readonly text: string
}

export interface MessageTaker {
  /** One whole message, decompressed; the bytes are the taker's. false: nothing more before `resume`. */
  take(bytes: Buffer): boolean
  /** Once, last. */
  trouble(trouble: Trouble): void
}

/**
 * Cuts the body of an answer into its messages (gRPC PROTOCOL-HTTP2 "Length-Prefixed-Message"). While its taker waits, bytes are kept
 * as they came, and no message is made of them: packed ones may be a thousand times as long.
 */
export class MessageReader {
  readonly #taker: MessageTaker
  readonly #limit: number
  readonly #encoding: string
  readonly #prefix = Buffer.allocUnsafe(PREFIX)
  #prefixLength = 0
  /** The message that is being collected. */
  #message: Buffer | undefined
  #have = 0
  #length = 0
  #done = false
  #waiting = false
  #cutting = false
  #resumes = 0
  /** What came while the taker waited; its first bytes are cut already. */
  #held = new Bytes(0)
  #heldAt = 0

  /** `limit`: bytes of one message, decompressed or not. `encoding`: `grpc-encoding` of the answer. */
  constructor(taker: MessageTaker, limit: number, encoding: string) {
    this.#taker = taker
    this.#limit = limit
    this.#encoding = encoding
  }

  /** The bytes end within a message. */
  get cut(): boolean {
    return this.#prefixLength > 0
  }

  /** Bytes are here that the taker has not asked for. */
  get holds(): boolean {
    return this.#held.length > 0 && !this.#done
  }
  /** The taker has said "no more for now". */
  get waiting(): boolean {
    return this.#waiting
  }

  push(bytes: Buffer, start: number, end: number): void {
    const at = this.#waiting ? start : this.#cut(bytes, start, end)
    if (at < end && !this.#done) this.#hold(bytes, at, end)
  }

  /** The taker goes on: what was kept is given, until it waits again. */
  resume(): void {
    this.#resumes++
    this.#waiting = false
    if (this.#cutting || this.#held.length === 0) return
    const { buffer, length } = this.#held
    this.#heldAt = this.#cut(buffer, this.#heldAt, length)
    if (this.#heldAt < length && !this.#done) return
    this.#held = new Bytes(0)
    this.#heldAt = 0
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const held = this.#held
    if (this.#heldAt > held.length / 2) {
      held.buffer.copyWithin(0, this.#heldAt, held.length)
      held.length -= this.#heldAt
      this.#heldAt = 0
    }
    held.ensure(end - start)
    held.length += bytes.copy(held.buffer, held.length, start, end)
  }

  /** Returns how far it came. */
  #cut(bytes: Buffer, start: number, end: number): number {
    this.#cutting = true
    let at = start
    while (at < end && !this.#done && !this.#waiting) {
      if (this.#prefixLength === 0 && end - at >= PREFIX) {
        const length = lengthOf(bytes, at)
        const whole = at + PREFIX + length
        if (whole <= end && length <= this.#limit && bytes[at] === 0) {
          this.#give(Buffer.from(bytes.subarray(at + PREFIX, whole)))
          at = whole
          continue
        }
      }
      at = this.#collect(bytes, at, end)
    }
    this.#cutting = false
    return at
  }

  #collect(bytes: Buffer, start: number, end: number): number {
    let at = start
    if (this.#prefixLength < PREFIX) {
      while (this.#prefixLength < PREFIX && at < end) this.#prefix[this.#prefixLength++] = bytes[at++]!
      if (this.#prefixLength < PREFIX || !this.#announced()) return at
    }
    const take = Math.min(this.#length - this.#have, end - at)
    const message = this.#room(this.#have + take)
    bytes.copy(message, this.#have, at, at + take)
    this.#have += take
    if (this.#have === this.#length) this.#whole(message)
    return at + take
  }

  /** The prefix is here. false: the message is not to be read. */
  #announced(): boolean {
    const flags = this.#prefix[0]!
    this.#length = lengthOf(this.#prefix, 0)
    this.#have = 0
    this.#message = undefined
    if (flags > 1) return this.#fail('flags', 'a message with flags that gRPC does not know')
    if (flags === 1 && !PACKED.has(this.#encoding)) return this.#fail('encoding', strange(this.#encoding))
    if (this.#length > this.#limit) return this.#fail('size', formatSize(this.#limit))
    return true
  }

  #room(needed: number): Buffer {
    const message = this.#message
    if (message !== undefined && needed <= message.length) return message
    const size = Math.min(this.#length, Math.max(needed, message === undefined ? FIRST_ROOM : message.length * 2))
    const grown = Buffer.allocUnsafe(size)
    message?.copy(grown, 0, 0, this.#have)
    this.#message = grown
    return grown
  }

  #whole(message: Buffer): void {
    const compressed = this.#prefix[0] === 1
    this.#prefixLength = 0
    this.#message = undefined
    if (!compressed) {
      this.#give(message)
      return
    }
    const options = Number.isFinite(this.#limit) ? { maxOutputLength: Math.max(1, this.#limit) } : {}
    try {
      this.#give(this.#encoding === 'gzip' ? gunzipSync(message, options) : inflateSync(message, options))
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException
      if (code === 'ERR_BUFFER_TOO_LARGE') this.#fail('size', formatSize(this.#limit))
      else this.#fail('inflate', `a message that is not ${this.#encoding}`)
    }
  }

  /** A taker may say "wait" and, before it returns, "go on": that counts as "go on". */
  #give(message: Buffer): void {
    const before = this.#resumes
    if (!this.#taker.take(message) && this.#resumes === before) this.#waiting = true
  }

  #fail(kind: Trouble['kind'], text: string): false {
    this.#done = true
    this.#taker.trouble({ kind, text })
    return false
  }
}

const PACKED: ReadonlySet<string> = new Set(['gzip', 'deflate'])
const strange = (encoding: string): string =>
  encoding === 'identity'
    ? 'a compressed message without an encoding'
    : `the encoding ${JSON.stringify(encoding.slice(0, 40))}, which was not offered`

const lengthOf = (bytes: Uint8Array, at: number): number =>
  ((bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!) >>> 0
