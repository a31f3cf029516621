import type { HttpBinding } from './binding.ts'
import type { MessageType } from './descriptor.ts'
import type { Schema } from './schema.ts'

/**
 * Where encoders write. A Transcode writes `buffer` from `length` on with its positions in locals and sets `length` once;
 * on failure `length` is unchanged. `ensure` makes room for `more` bytes and may replace `buffer`.
 */
export interface ByteWriter {
  buffer: Buffer
  length: number
  ensure(more: number): void
}

/**
 * One wire form *with* its options (`json`, `json` with proto names, `json` of one response_body …), interned per snapshot by
 * `schema.codec(name, options)`, so that identity is equality.
 */
export interface Codec {
  /** `proto`, `json`, `opaque`, `text` … */
  readonly name: string
  decode(type: MessageType, bytes: Uint8Array): unknown
  encode(type: MessageType, value: unknown, out: ByteWriter): void
}

/** Straight from one wire form to another. Throws GatewayError INVALID_ARGUMENT when the bytes do not fit the type. */
export type Transcode = (bytes: Uint8Array, out: ByteWriter, overlay: Overlay | undefined) => void

/**
 * Path variables and query of an HTTP binding, raw (still percent-encoded). The transcoder is compiled for the binding and
 * weaves them in: a bound field is skipped in the body and written once. `params` is empty and `query` is '' on the second
 * and later messages of a client stream.
 */
export interface Overlay {
  readonly binding: HttpBinding
  readonly params: readonly string[]
  readonly query: string
  /** For a body that feeds a `google.api.HttpBody`: the request's Content-Type. */
  readonly contentType: string | undefined
  /**
   * The bytes are a whole message (a WebSocket frame) and not an HTTP body: `binding.body` does not narrow them; path and query
   * bind what the message leaves unset, and may repeat but not contradict it.
   */
  readonly whole?: boolean | undefined
}

/** One payload: bytes plus the codec that they are in, decoded only if somebody asks. */
export interface Message {
  readonly type: MessageType
  readonly codec: Codec
  /** As it arrived; never changed. */
  readonly bytes: Uint8Array
  /** `identity` unless the snapshot proved that nobody looks inside. */
  readonly encoding: string
  readonly overlay: Overlay | undefined
  /** Transcoded once, then remembered by codec identity, at most two. Own codec without overlay: `bytes` itself. */
  as(codec: Codec): Uint8Array
  /** The same without the intermediate array. */
  writeTo(codec: Codec, out: ByteWriter): void
  /**
   * Decoded on first call: null-prototype object, JSON field names, unset absent, 64-bit as bigint, bytes as Uint8Array, enum
   * as number, map as Map, Any as `{ '@type', value }` with `value` decoded (Uint8Array when its type is unknown). Fields that the type does
   * not have are kept under a symbol: they go out again with a copy made by `{ ...value }`.
   */
  value<T = unknown>(): T
  /** A changed copy; the old bytes no longer count. */
  with(value: unknown): Message
}

/** A growing ByteWriter. `take` returns what was written as a buffer that nobody else will write to. */
export class Bytes implements ByteWriter {
  buffer: Buffer
  length = 0
  constructor(size = 256) {
    this.buffer = size === 0 ? NOTHING : Buffer.allocUnsafe(size)
  }
  ensure(more: number): void {
    const needed = this.length + more
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2))
    if (this.length > 0) this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
  }
  take(): Buffer {
    return this.length === this.buffer.length ? this.buffer : this.buffer.subarray(0, this.length)
  }
}
const NOTHING = Buffer.alloc(0)

export interface MessageInit {
  readonly schema: Schema
  readonly type: MessageType
  readonly codec: Codec
  readonly bytes: Uint8Array
  readonly overlay?: Overlay | undefined
  readonly encoding?: string
}

class WireMessage implements Message {
  readonly type: MessageType
  readonly codec: Codec
  readonly bytes: Uint8Array
  readonly encoding: string
  readonly overlay: Overlay | undefined
  readonly #schema: Schema
  #firstCodec: Codec | undefined
  #first: Uint8Array | undefined
  #secondCodec: Codec | undefined
  #second: Uint8Array | undefined
  #value: unknown

  constructor(init: MessageInit) {
    this.#schema = init.schema
    this.type = init.type
    this.codec = init.codec
    this.bytes = init.bytes
    this.encoding = init.encoding ?? 'identity'
    this.overlay = init.overlay
  }

  as(codec: Codec): Uint8Array {
    if (codec === this.codec && this.overlay === undefined) return this.bytes
    if (codec === this.#firstCodec) return this.#first!
    if (codec === this.#secondCodec) return this.#second!
    // Its first room is as large as the transcoder asks for, which mostly knows how long its message is.
    const out = new Bytes(0)
    this.writeTo(codec, out)
    const bytes = out.take()
    if (this.#firstCodec !== undefined) {
      this.#secondCodec = this.#firstCodec
      this.#second = this.#first
    }
    this.#firstCodec = codec
    this.#first = bytes
    return bytes
  }

  writeTo(codec: Codec, out: ByteWriter): void {
    const { overlay } = this
    const ready =
      codec === this.codec && overlay === undefined
        ? this.bytes
        : codec === this.#firstCodec
          ? this.#first
          : codec === this.#secondCodec
            ? this.#second
            : undefined
    if (ready !== undefined) {
      out.ensure(ready.length)
      out.buffer.set(ready, out.length)
      out.length += ready.length
      return
    }
    this.#schema.transcoder(this.type, this.codec, codec, overlay?.binding)(this.bytes, out, overlay)
  }

  value<T = unknown>(): T {
    if (this.#value !== undefined) return this.#value as T
    const plain = this.overlay === undefined
    const codec = plain ? this.codec : this.#schema.codec('proto')
    this.#value = codec.decode(this.type, plain ? this.bytes : this.as(codec))
    return this.#value as T
  }

  with(value: unknown): Message {
    const raw = this.codec.name === 'opaque' || this.codec.name === 'text'
    const codec = raw ? this.codec : this.#schema.codec('proto')
    const out = new Bytes(this.bytes.length + 64)
    codec.encode(this.type, value, out)
    return new WireMessage({ schema: this.#schema, type: this.type, codec, bytes: out.take() })
  }
}

/** A Message over `bytes`, which nobody may write to afterwards. */
export const makeMessage = (init: MessageInit): Message => new WireMessage(init)
