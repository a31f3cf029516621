import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Peer, RequestHead } from './exchange.ts'

/**
 * One shape for every reader of HTTP: node:http now, other readers later. Adapters never see Node's own objects, upgrades
 * aside.
 */
export interface HttpRequest {
  readonly head: RequestHead
  readonly peer: Peer
  /** The whole body, when it is already here; an empty array when the request has none. */
  readonly body: Uint8Array | undefined
  /** Starts reading; sends `100 Continue` where it was asked for. `chunk` returning false pauses until `resume()`. */
  read(sink: BodySink): void
  resume(): void
}
export interface BodySink {
  chunk(bytes: Uint8Array): boolean
  end(trailers: readonly string[]): void
  /**
   * The body will not be read to its end. `gone`: the client left. `idle`: it sent nothing for the idle time of bodies.
   * `malformed`: its framing is broken. After the last two the response is still open for an answer (408, 400).
   */
  lost(why: 'gone' | 'idle' | 'malformed'): void
}
export interface HttpResponse {
  /** The connection is gone or the response is over: writes are dropped. */
  readonly closed: boolean
  /** Head and body in one write. `content-length` is added. A HEAD request gets the head alone. */
  reply(status: number, headers: readonly string[], body: Uint8Array): void
  head(status: number, headers: readonly string[]): void
  /** false: wait for `onDrain`. */
  write(bytes: Uint8Array): boolean
  end(trailers?: readonly string[]): void
  /** Destroys the connection without an orderly end, so that the client sees that the answer is cut. */
  abort(): void
  onDrain(listener: () => void): void
  /** Once, when the response is over: `complete` is false when the connection was lost first. */
  onClose(listener: (complete: boolean) => void): void
}

/** Owns sockets and their limits; adapters claim what they understand, in the order of their registration. */
export interface Listener {
  onRequest(
    claims: (head: RequestHead) => boolean,
    handle: (request: HttpRequest, response: HttpResponse) => void,
  ): void
  onUpgrade(
    claims: (head: RequestHead) => boolean,
    handle: (request: IncomingMessage, socket: Duplex, head: Buffer, about: { head: RequestHead; peer: Peer }) => void,
  ): void
}
