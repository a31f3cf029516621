import type { ServerResponse } from 'node:http'
import type { HttpResponse } from '../core/http.ts'
import { Bytes } from '../core/message.ts'
import type { Log } from '../core/module.ts'
import type { Connection } from './connection.ts'
import { declaredLength, writable, writableTrailers } from './headers.ts'
import type { NodeRequest } from './request.ts'

const EMPTY = new Uint8Array(0)
/** A piece of this size goes out at once; smaller ones of one turn of the event loop are one write, up to the second size. */
const LARGE = 8 * 1024
const BATCH = 64 * 1024

/** Statuses whose answer ends with its head (RFC 9110 §6.4.1). */
const isBodiless = (status: number): boolean => status === 204 || status === 304

/** `HttpResponse` over node:http. */
export class NodeResponse implements HttpResponse {
  readonly #response: ServerResponse
  readonly #request: NodeRequest
  readonly #connection: Connection
  readonly #log: Log
  readonly #draining: () => boolean
  #listeners: ((complete: boolean) => void)[] = []
  /** undefined: not over. */
  #complete: boolean | undefined
  #ended = false
  /** Bytes that the head promised; undefined: none promised, or none are sent. */
  #promised: number | undefined
  #sent = 0
  /** Written in this turn, and not yet given to Node. */
  #batch = new Bytes(0)
  #scheduled = false
  /** The client does not take more. */
  #blocked = false

  constructor(init: {
    readonly response: ServerResponse
    readonly request: NodeRequest
    readonly connection: Connection
    readonly log: Log
    readonly draining: () => boolean
  }) {
    this.#response = init.response
    this.#request = init.request
    this.#connection = init.connection
    this.#log = init.log
    this.#draining = init.draining
    init.response.on('error', () => {})
    init.response.once('close', () => this.#close())
    init.response.on('drain', () => {
      this.#blocked = false
    })
  }

  get closed(): boolean {
    return this.#ended || this.#response.destroyed || this.#connection.socket.destroyed
  }
  /** The head was written. */
  get begun(): boolean {
    return this.#response.headersSent
  }

  reply(status: number, headers: readonly string[], body: Uint8Array): void {
    if (this.closed || this.begun) return
    const head = this.#request.head.method === 'HEAD'
    const bodiless = isBodiless(status)
    // The length of a representation that is not sent may be known only to who made the answer.
    const given = (head || status === 304) && body.length === 0 ? declaredLength(headers) : undefined
    // No trailers follow an answer of one piece; Node throws when they are announced beside a length.
    const fields = without(writable(headers, this.#log, 'content-length'), 'trailer')
    if (given !== undefined) fields.push('content-length', String(given))
    else if (!bodiless) fields.push('content-length', String(body.length))
    this.#writeHead(status, fields, true)
    this.#ended = true
    this.#response.end(bodiless || head ? EMPTY : body)
  }

  head(status: number, headers: readonly string[]): void {
    if (this.closed || this.begun) return
    const silent = isBodiless(status) || this.#request.head.method === 'HEAD'
    const length = declaredLength(headers)
    const unchunked = length !== undefined || silent || this.#request.head.httpVersion === '1.0'
    let fields = writable(headers, this.#log, 'content-length')
    if (unchunked) fields = without(fields, 'trailer')
    if (length !== undefined && status !== 204) fields.push('content-length', String(length))
    if (!silent) this.#promised = length
    this.#writeHead(status, fields, false)
    this.#schedule()
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed || bytes.length === 0) return true
    this.#sent += bytes.length
    if (this.#promised !== undefined && this.#sent > this.#promised) {
      this.#log.warn({ promised: this.#promised }, 'an answer is longer than its content-length; it was cut')
      this.abort()
      return true
    }
    if (bytes.length >= LARGE) {
      this.#flush()
      this.#give(bytes)
    } else this.#collect(bytes)
    return !this.#blocked
  }

  #collect(bytes: Uint8Array): void {
    const batch = this.#batch
    batch.ensure(bytes.length)
    batch.buffer.set(bytes, batch.length)
    batch.length += bytes.length
    if (batch.length >= BATCH) this.#flush()
    else this.#schedule()
  }
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.closed) return
      // With nothing behind it, an empty write sends the head.
      if (this.#batch.length === 0 && this.#sent === 0) this.#response.write(EMPTY)
      else this.#flush()
    })
  }
  /** The batch is Node's from now on; the next one will be about as large. */
  #flush(): void {
    const { length } = this.#batch
    if (length === 0) return
    const bytes = this.#batch.take()
    this.#batch = new Bytes(length)
    this.#give(bytes)
  }
  #give(bytes: Uint8Array): void {
    if (!this.#response.write(bytes)) this.#blocked = true
  }

  end(trailers?: readonly string[]): void {
    if (this.closed) return
    if (this.#promised !== undefined && this.#sent < this.#promised) {
      this.#log.warn(
        { promised: this.#promised, sent: this.#sent },
        'an answer is shorter than its content-length; it was cut',
      )
      this.abort()
      return
    }
    this.#ended = true
    if (trailers !== undefined && trailers.length > 0 && this.#promised === undefined)
      this.#response.addTrailers(writableTrailers(trailers, this.#log))
    this.#flush()
    this.#response.end()
  }

  abort(): void {
    if (this.closed) return
    if (this.begun) this.#flush()
    this.#ended = true
    const { socket } = this.#connection
    // Without chunks the end of the connection is the end of the body: only a reset shows that something is missing.
    if (this.begun && this.#request.head.httpVersion === '1.0') socket.resetAndDestroy()
    else this.#connection.close()
  }

  onDrain(listener: () => void): void {
    this.#response.on('drain', listener)
  }
  onClose(listener: (complete: boolean) => void): void {
    if (this.#complete === undefined) this.#listeners.push(listener)
    else listener(this.#complete)
  }

  /** `whole`: the answer ends with this head and its body. */
  #writeHead(status: number, fields: string[], whole: boolean): void {
    // Who is still reading the body may read it to its end before a longer answer ends.
    const spoiled = this.#request.spoils && (whole || !this.#request.reading)
    if (spoiled || this.#draining()) {
      fields.push('connection', 'close')
      this.#connection.spent = true
    }
    const known = Number.isInteger(status) && status >= 200 && status <= 999
    if (!known) this.#log.warn({ status }, 'an answer has no valid HTTP status; 500 was sent')
    // Node knows no name for nginx's 499.
    if (status === 499) this.#response.writeHead(status, 'Client Closed Request', fields)
    else this.#response.writeHead(known ? status : 500, fields)
  }

  #close(): void {
    const { spoils, unread } = this.#request
    this.#complete = this.#response.writableFinished
    this.#ended = true
    this.#connection.done(this.#request)
    this.#request.release(this.#complete)
    if (this.#complete && (spoils || (unread && this.#draining()))) this.#connection.linger()
    else if (this.#complete && this.#draining() && this.#connection.inFlight === 0) this.#connection.close()
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(this.#complete)
  }
}

const without = (headers: string[], name: string): string[] => {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) if (headers[i] !== name) kept.push(headers[i]!, headers[i + 1]!)
  return kept
}
