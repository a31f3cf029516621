import type { HeaderBlock } from './header-decoder.ts'

/** What a stream tells its call. After `closed` or `refused` it says nothing more. */
export interface StreamEvents {
  /** Informational heads are not told. `end`: the peer sends nothing behind it. */
  onHead(block: HeaderBlock, end: boolean): void
  /** Bytes of the body, gone when this returns. */
  onData(bytes: Buffer, start: number, end: number): void
  /** The body is over without trailers. */
  onEnd(): void
  /** The peer ended the stream with an error code of HTTP/2. */
  onReset(code: number): void
  /** The peer has not seen the stream, or done nothing with it: it may be sent again elsewhere. */
  onRefused(note: string): void
  /** The connection was lost. */
  onLost(note: string): void
}

/** Bytes that wait for a window. */
export interface Pending {
  readonly bytes: Buffer
  /** What of them is gone already. */
  at: number
  readonly sent: (() => void) | undefined
}

/** The state of one HTTP/2 stream (RFC 9113 §5.1), as its connection keeps it. */
export class Stream {
  readonly id: number
  readonly events: StreamEvents
  /** What we may still send, and what the peer may still send. */
  sendWindow: number
  receiveWindow: number
  /** Received and not given back to the peer's window yet. */
  unreturned = 0
  /** The reader waits: nothing is given back. */
  paused = false
  readonly queue: Pending[] = []
  /** END_STREAM follows the queue. */
  ending = false
  localClosed = false
  headSeen = false
  /** The output's `turn` when the stream was opened. */
  turn = 0
  closed = false

  constructor(id: number, events: StreamEvents, sendWindow: number, receiveWindow: number) {
    this.id = id
    this.events = events
    this.sendWindow = sendWindow
    this.receiveWindow = receiveWindow
  }
}
