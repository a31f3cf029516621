import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { Peer, RequestHead } from '../core/exchange.ts'
import type { BodySink, HttpRequest } from '../core/http.ts'
import { type IdleWatch, watchIdle } from '../core/idle.ts'
import type { Incoming } from './connection.ts'

const EMPTY = new Uint8Array(0)
/** A body that nobody reads is read and thrown away up to this size, so that the connection can be used again. */
const DUMP = 64 * 1024

/** `HttpRequest` over node:http. */
export class NodeRequest implements HttpRequest, Incoming {
  readonly head: RequestHead
  readonly peer: Peer
  readonly body: Uint8Array | undefined
  readonly #message: IncomingMessage
  readonly #response: ServerResponse
  readonly #length: number | undefined
  readonly #clock: Clock
  readonly #idleTimeout: number
  #expects: boolean
  #sink: BodySink | undefined
  #idle: IdleWatch | undefined
  #done = false
  #spoilt = false

  constructor(init: {
    readonly head: RequestHead
    readonly peer: Peer
    readonly message: IncomingMessage
    readonly response: ServerResponse
    /** Declared bytes of the body; undefined when it is chunked. */
    readonly length: number | undefined
    readonly expects: boolean
    readonly clock: Clock
    readonly idleTimeout: number
  }) {
    this.head = init.head
    this.peer = init.peer
    this.body = init.length === 0 ? EMPTY : undefined
    this.#message = init.message
    this.#response = init.response
    this.#length = init.length
    this.#expects = init.expects && init.length !== 0
    this.#clock = init.clock
    this.#idleTimeout = init.idleTimeout
  }

  /** The body has not arrived whole. */
  get unread(): boolean {
    return !this.#message.complete
  }
  /**
   * The connection cannot be used after an answer that is given now: the rest of the body is unknown or long, or the client
   * still waits for `100 Continue` and may send its body or not.
   */
  get spoils(): boolean {
    if (!this.unread) return false
    return this.#expects || this.#spoilt || this.#length === undefined || this.#length > DUMP
  }
  get reading(): boolean {
    return this.#sink !== undefined && !this.#done
  }

  read(sink: BodySink): void {
    if (this.#sink !== undefined) throw new Error('the body of a request was read twice')
    this.#sink = sink
    if (this.#expects) {
      this.#expects = false
      this.#response.writeContinue()
    }
    const message = this.#message
    message.on('error', () => {})
    if (message.destroyed && !message.complete) {
      this.#lose('gone')
      return
    }
    this.#watch()
    message.on('data', this.#onData)
    message.once('end', () => {
      if (this.#done) return
      this.#finish()
      sink.end(lowerCaseNames(message.rawTrailers))
    })
    message.once('close', () => this.#lose('gone'))
  }

  resume(): void {
    if (this.#done || this.#sink === undefined || !this.#message.isPaused()) return
    this.#watch()
    this.#message.resume()
  }

  /** The answer is over: nobody wants the body any more, and what comes of it is thrown away. */
  release(complete: boolean): void {
    if (complete) this.#finish()
    else if (this.reading) this.#lose('gone')
    if (!this.#message.complete) this.#message.resume()
  }

  readonly #onData = (bytes: Uint8Array): void => {
    if (this.#done) return
    this.#idle?.touch()
    if (this.#sink!.chunk(bytes) || this.#done) return
    void this.#idle?.stop()
    this.#idle = undefined
    this.#message.pause()
  }

  #watch(): void {
    this.#idle ??= watchIdle(this.#clock, this.#idleTimeout, () => {
      this.#lose('idle')
    })
  }

  break(): boolean {
    this.#spoilt = true
    if (!this.reading) return false
    this.#lose('malformed')
    return true
  }

  #lose(why: 'gone' | 'idle' | 'malformed'): void {
    if (this.#done) return
    this.#finish()
    this.#spoilt = true
    this.#sink!.lost(why)
  }

  #finish(): void {
    this.#done = true
    void this.#idle?.stop()
    this.#idle = undefined
  }
}

const NONE: readonly string[] = []
const lowerCaseNames = (raw: readonly string[]): readonly string[] =>
  raw.length === 0 ? NONE : raw.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
