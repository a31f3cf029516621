import { STATUS_CODES } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type Clock,
  forwardable,
  isFieldValue,
  isLegalKey,
  type MessageSink,
  type Reply,
  type Status,
  type Tally,
} from '../../../src/spi.ts'

/**
 * HTTP answers on the bare socket of an upgrade that did not become a WebSocket. Each is the last thing on its connection:
 * `connection: close`, and the body ends with it.
 */
export class HttpAnswer {
  readonly #socket: Duplex
  readonly #clock: Clock
  readonly #closeTime: number

  constructor(socket: Duplex, clock: Clock, closeTime: number) {
    this.#socket = socket
    this.#clock = clock
    this.#closeTime = closeTime
  }

  get closed(): boolean {
    return this.#socket.destroyed || !this.#socket.writable
  }

  whole(status: number, headers: readonly string[], body: Uint8Array): void {
    this.#head(status, [...headers, 'content-length', String(body.length)])
    this.#socket.write(body)
    this.#finish()
  }

  /** A reply of plain HTTP: head and body as they come; `touch` for every piece, `done` after the last byte. */
  relay(
    reply: Reply,
    own: readonly string[],
    tally: Tally,
    events: { touch(): void; done(status: Status): void },
  ): void {
    const httpStatus = reply.httpStatus ?? 200
    tally.httpStatus = httpStatus
    this.#head(httpStatus, [...forwardable(reply.metadata).raw, ...own])
    const socket = this.#socket
    const hasBody = httpStatus >= 200 && httpStatus !== 204 && httpStatus !== 304
    const resume = (): void => flow.resume()
    const sink: MessageSink = {
      message: (message) => {
        if (!hasBody || this.closed) return true
        events.touch()
        const { bytes } = message
        tally.bytesOut += bytes.length
        return socket.write(bytes)
      },
      end: (status) => {
        socket.removeListener('drain', resume)
        if (status.code === 0) this.#finish()
        else cut(socket)
        events.done(status)
      },
    }
    socket.on('drain', resume)
    const flow = reply.messages.pipe(sink)
  }

  #head(status: number, headers: readonly string[]): void {
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
    if (!headers.includes('date')) text += `date: ${new Date().toUTCString()}\r\n`
    for (const line of headerLines(headers)) text += `${line}\r\n`
    text += 'connection: close\r\n\r\n'
    this.#socket.write(text, 'latin1')
  }

  /** Closes when everything is written; a client that takes nothing is cut. */
  #finish(): void {
    const socket = this.#socket
    const timer = this.#clock.after(this.#closeTime, () => socket.destroy())
    socket.once('close', () => void timer.stop())
    socket.end(() => socket.destroy())
  }
}

/** The body ends with its connection: only a reset tells a client that something is missing. */
export const cut = (socket: Duplex): void => {
  if (socket instanceof Socket && !socket.destroyed) socket.resetAndDestroy()
  else socket.destroy()
}

/** Header lines from a flat `[name, value, …]`. What is no field of HTTP is left out. */
export const headerLines = (headers: readonly string[]): string[] => {
  const lines: string[] = []
  for (let i = 0; i < headers.length; i += 2)
    if (isLegalKey(headers[i]!) && isFieldValue(headers[i + 1]!)) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return lines
}
