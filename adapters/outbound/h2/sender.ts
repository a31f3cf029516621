import type { FrameWriter } from './frame-writer.ts'
import { ConnectionError, DEFAULT_FRAME, DEFAULT_WINDOW, ErrorCode, LARGEST_WINDOW, protocolError } from './frames.ts'
import type { Output } from './output.ts'
import type { Stream } from './stream.ts'

export const flowError = (message: string): ConnectionError =>
  new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, message)

const NOTHING = Buffer.alloc(0)
/** The largest frame that is sent, whatever the peer takes: streams go in turns. */
const LARGEST_SENT = 64 * 1024

/** The sending half of flow control (RFC 9113 §5.2, §6.9): message bytes go out as the windows and the socket allow. */
export class Sender {
  #maxFrame = DEFAULT_FRAME
  /** Window of a new stream. */
  initialWindow = DEFAULT_WINDOW
  #window = DEFAULT_WINDOW
  readonly #out: Output
  readonly #write: FrameWriter
  /** Frames of messages that were sent. */
  frames = 0
  /** Streams whose bytes wait for the connection's window or for the socket. */
  readonly #waiting = new Set<Stream>()

  constructor(out: Output, write: FrameWriter) {
    this.#out = out
    this.#write = write
  }

  get maxFrame(): number {
    return this.#maxFrame
  }
  /** SETTINGS_MAX_FRAME_SIZE: the largest frame that the peer takes. */
  set maxFrame(size: number) {
    this.#maxFrame = Math.min(size, LARGEST_SENT)
  }

  /** The first message goes straight out when the windows take it whole; else it is copied and waits. */
  first(stream: Stream, frame: Buffer, end: boolean): void {
    const { length } = frame
    const fits = length <= this.#maxFrame && length <= this.#window && length <= stream.sendWindow
    if (fits && !this.#out.full) {
      this.#data(stream, frame, 0, length, end)
      return
    }
    stream.queue.push({ bytes: Buffer.from(frame), at: 0, sent: undefined })
    stream.ending = end
    this.pump(stream)
  }

  /** Sends what is queued as far as it may go now. */
  pump(stream: Stream): void {
    // Whoever was told `sent` for another stream may have ended this one.
    if (stream.closed) return
    const { queue } = stream
    while (queue.length > 0) {
      if (stream.sendWindow <= 0) return
      if (this.#window <= 0 || this.#out.full) {
        this.#waiting.add(stream)
        return
      }
      const head = queue[0]!
      const size = Math.min(head.bytes.length - head.at, this.#maxFrame, this.#window, stream.sendWindow)
      const whole = head.at + size === head.bytes.length
      this.#data(stream, head.bytes, head.at, head.at + size, whole && queue.length === 1 && stream.ending)
      head.at += size
      if (!whole) continue
      queue.shift()
      head.sent?.()
      if (stream.closed) return
    }
    if (stream.ending && !stream.localClosed) this.#data(stream, NOTHING, 0, 0, true)
  }
  /** The connection's window or the socket has room again. */
  pumpAll(): void {
    for (const stream of [...this.#waiting]) {
      if (this.#out.full || this.#window <= 0) return
      // Behind the others from now on, so that one large upload does not starve them.
      this.#waiting.delete(stream)
      this.pump(stream)
    }
  }
  /** The stream is over: what it had queued is not sent. */
  forget(stream: Stream): void {
    stream.queue.length = 0
    this.#waiting.delete(stream)
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE: holds for the streams that are open too (§6.9.2), which are to be pumped then. */
  changeInitial(value: number, open: Iterable<Stream>): void {
    if (value > LARGEST_WINDOW) throw flowError(`an initial window of ${value}`)
    const change = value - this.initialWindow
    this.initialWindow = value
    for (const stream of open) {
      stream.sendWindow += change
      if (stream.sendWindow > LARGEST_WINDOW) throw flowError('a window beyond 2^31-1')
    }
  }
  /** WINDOW_UPDATE of the connection. */
  widen(more: number): void {
    if (more === 0) throw protocolError('a window update of nothing')
    this.#window += more
    if (this.#window > LARGEST_WINDOW) throw flowError('a window beyond 2^31-1')
    this.pumpAll()
  }

  #data(stream: Stream, bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#write.data(stream.id, bytes, start, end, last)
    this.frames++
    this.#window -= end - start
    stream.sendWindow -= end - start
    if (last) stream.localClosed = true
  }
}
