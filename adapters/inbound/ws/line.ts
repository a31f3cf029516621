import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Clock } from '../../../src/spi.ts'
import { Heartbeat } from './heartbeat.ts'
import type { SocketOptions } from './options.ts'

export interface LineInit {
  readonly ws: WebSocket
  readonly socket: Duplex
  readonly clock: Clock
  readonly options: SocketOptions
}
export interface LineEvents {
  frame(data: Buffer, binary: boolean): void
  /** The client took enough of what was waiting: after `send` returned false. */
  low(): void
  /** The client broke the protocol; `ws` has closed with this code already. */
  broken(closeCode: number, error: Error): void
  /** The connection is over: the client's close frame, 1005 when it had no code, 1006 when there was none. */
  closed(code: number, reason: string): void
}

const TEXT = { binary: false }
const BINARY = { binary: true }

/** One accepted WebSocket: frames in and out, both with backpressure, and whether somebody is still there. */
export class Line {
  readonly #ws: WebSocket
  readonly #socket: Duplex
  readonly #options: SocketOptions
  readonly #events: LineEvents
  readonly #heartbeat: Heartbeat
  #waiting = false
  #corked = false
  #over = false
  readonly #uncork = (): void => {
    if (!this.#corked) return
    this.#corked = false
    this.#socket.uncork()
  }
  readonly #flushed = (error?: Error | null): void => {
    // A write that failed makes no room: the socket is about to close.
    if (error || !this.#waiting || this.#ws.bufferedAmount > this.#options.lowWater) return
    this.#waiting = false
    // Above the mark the kernel was full, so that somebody has read at the other end.
    this.#heartbeat.alive()
    if (!this.#over) this.#events.low()
  }

  constructor({ ws, socket, clock, options }: LineInit, events: LineEvents) {
    this.#ws = ws
    this.#socket = socket
    this.#options = options
    this.#events = events
    this.#heartbeat = new Heartbeat(clock, options.heartbeat, {
      ping: () => {
        if (ws.readyState === WebSocket.OPEN) ws.ping()
      },
      isReading: () => !ws.isPaused,
      dead: () => ws.terminate(),
    })
    ws.on('message', (data, binary) => {
      if (this.#over) return
      this.#heartbeat.alive()
      // `ws` gives Buffers unless its binaryType is changed.
      events.frame(data as Buffer, binary)
    })
    ws.on('pong', () => this.#heartbeat.alive())
    ws.on('error', (error) => events.broken(closeCodeOf(error), error))
    ws.on('close', (code, reason) => {
      this.#stop()
      events.closed(code, reason.toString())
    })
    // It was paused while it changed hands.
    socket.resume()
  }

  /** false: wait for `low`, or for the end when the socket is closing. */
  send(bytes: Uint8Array, binary: boolean): boolean {
    const ws = this.#ws
    if (ws.readyState !== WebSocket.OPEN) return false
    // The frames of one turn of the loop leave in one write.
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      setImmediate(this.#uncork)
    }
    ws.send(bytes, binary ? BINARY : TEXT, this.#flushed)
    if (ws.bufferedAmount <= this.#options.highWater) return true
    this.#waiting = true
    return false
  }

  pause(): void {
    if (!this.#over) this.#ws.pause()
  }
  resume(): void {
    if (!this.#ws.isPaused) return
    this.#heartbeat.alive()
    this.#ws.resume()
  }

  /** The last frame; what comes afterwards is dropped. `code` undefined closes without one. */
  close(code: number | undefined, reason: string): void {
    this.#stop()
    // The client's answer must be read, or the socket would wait for its time to be over.
    this.#ws.resume()
    this.#ws.close(code, reason)
    this.#uncork()
  }

  #stop(): void {
    this.#over = true
    this.#heartbeat.stop()
  }
}

/** What `ws` closes with after an error of the receiver. */
const closeCodeOf = (error: Error & { code?: string }): number => {
  switch (error.code) {
    case 'WS_ERR_INVALID_UTF8':
      return 1007
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 1008
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 1009
    default:
      return error.code?.startsWith('WS_ERR_') === true ? 1002 : 1006
  }
}
