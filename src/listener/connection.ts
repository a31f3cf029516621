import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Peer } from '../core/exchange.ts'

/** What a connection knows of the request that it reads. */
export interface Incoming {
  /** Its body is still on its way. */
  readonly unread: boolean
  /** What comes is no valid body. True: whoever reads it was told, and will answer. */
  break(): boolean
}

/** How long an answered client that still sends is listened to before the connection is cut, ms. */
const LINGER = 2_000

/** One client socket and what goes on on it. */
export class Connection {
  readonly socket: Socket
  /** The directly connected machine. */
  readonly peer: Peer
  /** Requests whose response is not over. */
  inFlight = 0
  upgraded = false
  /** Its last answer is written: requests that were sent behind it are not looked at. */
  spent = false
  newest: Incoming | undefined
  readonly #clock: Clock
  readonly #destroySoon: () => void
  #leaving = false

  constructor(socket: Socket, clock: Clock) {
    this.socket = socket
    this.peer = { address: plainAddress(socket.remoteAddress), certificate: undefined }
    this.#clock = clock
    this.#destroySoon = socket.destroySoon.bind(socket)
    // A socket without a listener for errors takes the process down with it.
    socket.on('error', () => {})
    // Node calls this after the last answer of a connection. Closing a socket that holds unread bytes sends a reset, which
    // can destroy the answer before the client has read it; so a client that is still sending is read out first.
    socket.destroySoon = () => (this.newest?.unread ? this.linger() : this.#destroySoon())
  }

  begin(request: Incoming): void {
    this.newest = request
    this.inFlight++
  }

  /** The answer of `request` is over. What it holds is not kept while the connection waits for another one. */
  done(request: Incoming): void {
    this.inFlight--
    if (this.newest === request && !request.unread) this.newest = undefined
  }

  /** No request is being answered, and none was begun. */
  get idle(): boolean {
    return this.inFlight === 0 && !this.upgraded && this.socket.bytesRead === 0
  }

  /** Sends what is written, then FIN; reads on until the client closes, for a short while. */
  linger(): void {
    if (this.#leaving || this.socket.destroyed) return
    this.#leaving = true
    this.spent = true
    this.socket.end()
    this.socket.resume()
    this.#destroyLater()
  }

  /** Sends what is written, then closes, whatever the client still sends. */
  close(): void {
    if (this.#leaving || this.socket.destroyed) return
    this.#leaving = true
    this.spent = true
    this.#destroySoon()
    this.#destroyLater()
  }

  /** A client that takes nothing must not keep its socket. */
  #destroyLater(): void {
    const { socket } = this
    const timer = this.#clock.after(LINGER, () => socket.destroy())
    socket.once('close', () => void timer.stop())
  }
}

/** `::ffff:192.0.2.1` is how a dual-stack socket writes `192.0.2.1`. */
const plainAddress = (address: string | undefined): string => {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
