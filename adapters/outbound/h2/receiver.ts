import {
  ACK,
  CONTINUATION,
  ConnectionError,
  DATA,
  END_HEADERS,
  END_STREAM,
  ErrorCode,
  GOAWAY,
  get32,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  protocolError,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  WITH_PRIORITY,
} from './frames.ts'
import { type HeaderBlock, HeaderDecoder } from './header-decoder.ts'
import { FrameSplitter } from './splitter.ts'

/** The largest header list that is taken, and the largest block with its continuations. */
export const MAX_LIST = 64 * 1024
const MAX_BLOCK = 128 * 1024
const MAX_CONTINUATIONS = 64

/** What a peer has sent, in a form that makes sense by itself; bytes are gone when a method returns. */
export interface FrameEvents {
  /** `size`: what counts against the windows, padding included. */
  onDataFrame(id: number, size: number, bytes: Buffer, start: number, end: number, over: boolean): void
  onHeaderBlock(id: number, block: HeaderBlock, over: boolean): void
  onResetFrame(id: number, code: number): void
  /** Names and values in turn. */
  onSettings(settings: readonly number[]): void
  onWindowUpdate(id: number, more: number): void
  /** Eight bytes from `start` on, to be sent back. */
  onPing(bytes: Buffer, start: number): void
  onPong(): void
  onGoaway(last: number, code: number, words: string): void
  /** A frame that asks for nothing and carries nothing. */
  onIdle(): void
}

/**
 * Bytes of a peer → frames that are whole and legal by themselves: sizes, flags, padding, continuations, header compression. Throws
 * ConnectionError for what is not; nothing can be read after that.
 */
export class Receiver {
  readonly #events: FrameEvents
  readonly #splitter: FrameSplitter
  readonly #decoder = new HeaderDecoder(MAX_LIST)
  #greeted = false
  #began = false
  #stopped = false
  /** A header block whose continuation is awaited. */
  #block: { readonly id: number; readonly over: boolean; readonly parts: Buffer[]; size: number } | undefined

  constructor(events: FrameEvents) {
    this.#events = events
    this.#splitter = new FrameSplitter((type, flags, id, bytes, start, end) => {
      if (!this.#stopped) this.#frame(type, flags, id, bytes, start, end)
    })
  }

  /** What was read, from the start of `bytes` on. */
  push(bytes: Buffer, length: number): void {
    // A server of HTTP/1 answers the preface with an error of its own.
    if (!this.#began && bytes.toString('latin1', 0, Math.min(5, length)) === 'HTTP/')
      throw protocolError('it answered in HTTP/1')
    this.#began = true
    this.#splitter.push(bytes, length)
  }
  /** Whatever is left of the bytes that are being read is passed over. */
  stop(): void {
    this.#stopped = true
  }

  #frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (!this.#greeted && (type !== SETTINGS || (flags & ACK) !== 0))
      throw protocolError(`a frame of the type ${type} in place of the settings`)
    if (this.#block !== undefined && (type !== CONTINUATION || id !== this.#block.id))
      throw protocolError('a frame between a header block and its continuation')
    switch (type) {
      case DATA:
        this.#data(flags, id, bytes, start, end)
        break
      case HEADERS:
        this.#headers(flags, id, bytes, start, end)
        break
      case CONTINUATION:
        this.#continuation(flags, bytes, start, end)
        break
      case SETTINGS:
        this.#settings(flags, id, bytes, start, end)
        break
      case WINDOW_UPDATE:
        if (end - start !== 4) throw sizeError('WINDOW_UPDATE')
        this.#events.onWindowUpdate(id, get32(bytes, start) & 0x7fff_ffff)
        break
      case RST_STREAM:
        if (end - start !== 4) throw sizeError('RST_STREAM')
        this.#events.onResetFrame(id, get32(bytes, start))
        break
      case PING:
        this.#ping(flags, id, bytes, start, end)
        break
      case GOAWAY:
        this.#goaway(id, bytes, start, end)
        break
      case PRIORITY:
        if (end - start !== 5) throw sizeError('PRIORITY')
        this.#events.onIdle()
        break
      case PUSH_PROMISE:
        throw protocolError('a push, which was not allowed')
      default:
        // Unknown types are ignored (RFC 9113 §4.1).
        this.#events.onIdle()
        break
    }
  }

  #data(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const size = to - from
    let start = from
    let end = to
    if ((flags & PADDED) !== 0) {
      if (size === 0 || bytes[start]! >= size) throw protocolError('more padding than frame')
      end -= bytes[start++]!
    }
    const over = (flags & END_STREAM) !== 0
    if (start === end && !over) this.#events.onIdle()
    this.#events.onDataFrame(id, size, bytes, start, end, over)
  }

  #headers(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    let start = from
    let end = to
    if ((flags & PADDED) !== 0) {
      if (start === end) throw sizeError('HEADERS')
      end -= bytes[start++]!
    }
    if ((flags & WITH_PRIORITY) !== 0) start += 5
    if (start > end) throw protocolError('more padding than frame')
    const over = (flags & END_STREAM) !== 0
    if ((flags & END_HEADERS) !== 0) {
      this.#events.onHeaderBlock(id, this.#decoder.decode(bytes, start, end), over)
      return
    }
    this.#block = { id, over, parts: [Buffer.from(bytes.subarray(start, end))], size: end - start }
  }

  #continuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block
    if (block === undefined) throw protocolError('a continuation of nothing')
    block.parts.push(Buffer.from(bytes.subarray(start, end)))
    block.size += end - start
    if (block.size > MAX_BLOCK || block.parts.length > MAX_CONTINUATIONS)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block that does not end')
    if ((flags & END_HEADERS) === 0) return
    this.#block = undefined
    const whole = Buffer.concat(block.parts)
    this.#events.onHeaderBlock(block.id, this.#decoder.decode(whole, 0, whole.length), block.over)
  }

  #settings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolError('settings of a stream')
    if ((flags & ACK) !== 0) {
      if (start !== end) throw sizeError('SETTINGS')
      this.#events.onIdle()
      return
    }
    if ((end - start) % 6 !== 0) throw sizeError('SETTINGS')
    const settings: number[] = []
    for (let at = start; at < end; at += 6) settings.push((bytes[at]! << 8) | bytes[at + 1]!, get32(bytes, at + 2))
    this.#greeted = true
    this.#events.onIdle()
    this.#events.onSettings(settings)
  }

  #ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 8) throw sizeError('PING')
    if (id !== 0) throw protocolError('a ping of a stream')
    if ((flags & ACK) !== 0) {
      this.#events.onPong()
      return
    }
    this.#events.onIdle()
    this.#events.onPing(bytes, start)
  }

  #goaway(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start < 8) throw sizeError('GOAWAY')
    if (id !== 0) throw protocolError('a goodbye of a stream')
    const words = bytes.toString('latin1', start + 8, Math.min(end, start + 208))
    this.#events.onGoaway(get32(bytes, start) & 0x7fff_ffff, get32(bytes, start + 4), words)
  }
}

const sizeError = (what: string): ConnectionError =>
  new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${what} of a size that it cannot have`)
