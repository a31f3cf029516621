import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_HEADER,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  put32,
  putFrame,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './frames.ts'
import type { HeaderEncoder } from './header-encoder.ts'
import type { Output } from './output.ts'

/** The head of a call, without what all calls have. */
export interface CallHead {
  readonly path: string
  /** Own fields of the call, names and values in turn. */
  readonly fields: readonly string[]
}

/** Room for the fixed fields and a few of the call's own: the encoder makes more where it is needed. */
const USUAL_HEAD = 512

/** Writes whole frames into the output of a connection, which sends them at the end of this turn. */
export class FrameWriter {
  readonly #out: Output

  constructor(out: Output) {
    this.#out = out
  }

  /** The preface and our settings. */
  start(settings: readonly (readonly [name: number, value: number])[]): void {
    const out = this.#out
    out.ensure(PREFACE.length)
    out.length += PREFACE.copy(out.buffer, out.length)
    this.#frame(SETTINGS, 0, 0, settings.length * 6)
    for (const [name, value] of settings) {
      out.buffer[out.length++] = name >>> 8
      out.buffer[out.length++] = name
      this.#put(value)
    }
  }
  settingsTaken(): void {
    this.#frame(SETTINGS, ACK, 0, 0)
  }

  /** A block that is longer than a frame goes on in continuations (RFC 9113 §6.10). */
  headers(id: number, { path, fields }: CallHead, encoder: HeaderEncoder, maxFrame: number): void {
    const out = this.#out
    const start = out.length
    out.ensure(FRAME_HEADER + USUAL_HEAD)
    out.length += FRAME_HEADER
    encoder.writeFixed(path, out)
    for (let i = 0; i < fields.length; i += 2) encoder.writeOwn(fields[i]!, fields[i + 1]!, out)
    const size = out.length - start - FRAME_HEADER
    out.schedule()
    if (size <= maxFrame) {
      putFrame(out.buffer, start, size, HEADERS, END_HEADERS, id)
      return
    }
    const block = Buffer.from(out.buffer.subarray(start + FRAME_HEADER, out.length))
    out.length = start
    for (let at = 0; at < size; at += maxFrame) {
      const end = Math.min(size, at + maxFrame)
      this.#frame(at === 0 ? HEADERS : CONTINUATION, end === size ? END_HEADERS : 0, id, end - at)
      out.length += block.copy(out.buffer, out.length, at, end)
    }
  }

  data(id: number, bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#frame(DATA, last ? END_STREAM : 0, id, end - start)
    const out = this.#out
    out.length += bytes.copy(out.buffer, out.length, start, end)
  }
  windowUpdate(id: number, more: number): void {
    this.#frame(WINDOW_UPDATE, 0, id, 4)
    this.#put(more)
  }
  reset(id: number, code: number): void {
    this.#frame(RST_STREAM, 0, id, 4)
    this.#put(code)
  }
  /** Eight bytes from `start` on. */
  ping(answer: boolean, bytes: Buffer, start: number): void {
    this.#frame(PING, answer ? ACK : 0, 0, 8)
    const out = this.#out
    out.length += bytes.copy(out.buffer, out.length, start, start + 8)
  }
  /** We take no streams of the peer: the last one that we have seen is none. */
  goaway(code: number): void {
    this.#frame(GOAWAY, 0, 0, 8)
    this.#put(0)
    this.#put(code)
  }

  /** The frame header; room for the payload behind it. */
  #frame(type: number, flags: number, id: number, size: number): void {
    const out = this.#out
    out.ensure(FRAME_HEADER + size)
    putFrame(out.buffer, out.length, size, type, flags, id)
    out.length += FRAME_HEADER
    out.schedule()
  }
  #put(value: number): void {
    put32(this.#out.buffer, this.#out.length, value)
    this.#out.length += 4
  }
}
