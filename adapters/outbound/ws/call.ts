import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'
import {
  backendClose,
  Code,
  type Codec,
  clientClose,
  type Exchange,
  errors,
  type Flow,
  formatDuration,
  forwardable,
  fromRawHeaders,
  GatewayError,
  type Message,
  type MessageSink,
  type Metadata,
  makeMessage,
  makeStatus,
  OK,
  offeredSubprotocols,
  type Reply,
  type Resource,
  Source,
  type SourceControl,
  type Status,
  targetPath,
} from '../../../src/spi.ts'
import type { ChannelInit } from './channel.ts'
import {
  badHandshake,
  connectionFailed,
  handshakeTimeout,
  noSubprotocol,
  refused,
  statusOfClose,
  unreachable,
} from './status.ts'

/** Bytes that wait for a backend that reads slowly before the client is told to wait, and at which it goes on. */
const HIGH_WATER = 1024 * 1024
const LOW_WATER = HIGH_WATER / 4
/** ms that a backend has to answer the close of a call that was given up. */
const GIVE_UP = 1000
const TEXT = { binary: false }
const BINARY = { binary: true }
const PATH = /^\/[\x21-\x7e]*$/

/** One proxied WebSocket: a connection to the backend for one exchange. */
export class WsCall implements SourceControl, MessageSink {
  readonly #init: ChannelInit
  readonly #exchange: Exchange
  readonly #done: () => void
  readonly #source = new Source(this)
  readonly #offered: readonly string[]
  readonly #limit: number
  readonly #textCodec: Codec
  readonly #binaryCodec: Codec
  #ws: WebSocket | undefined
  #resolve: ((reply: Reply) => void) | undefined
  #reject: ((error: GatewayError) => void) | undefined
  #timer: Resource | undefined
  #requests: Flow | undefined
  #waiting = false
  /** Nothing more is sent: the client has ended its side. */
  #leaving = false
  #over = false
  readonly #flushed = (error?: Error | null): void => {
    // A write that failed makes no room: the socket is about to close.
    if (error || !this.#waiting || this.#ws!.bufferedAmount > LOW_WATER) return
    this.#waiting = false
    this.#requests?.resume()
  }

  constructor(init: ChannelInit, exchange: Exchange, done: () => void) {
    const { route, snapshot } = exchange.match
    this.#init = init
    this.#exchange = exchange
    this.#done = done
    this.#offered = exchange.get(offeredSubprotocols) ?? []
    this.#limit = Math.min(init.maxMessageBytes, route.settings.maxMessageBytes)
    this.#textCodec = snapshot.schema.codec('text')
    this.#binaryCodec = snapshot.schema.codec('opaque')
  }

  /** Resolves when the backend has answered the handshake. `stopped`: the channel is, so nothing is sent. */
  run(stopped: Status | undefined): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#exchange.onEnd((status) => this.#exchangeEnded(status))
      if (this.#over) return
      if (stopped !== undefined) {
        this.lost(stopped)
        return
      }
      try {
        this.#connect()
      } catch (thrown) {
        this.#fail(thrown instanceof GatewayError ? thrown : badHandshake(String(thrown), thrown))
      }
    })
  }

  #connect(): void {
    const { origin, connectTimeout, tls, clock } = this.#init
    const path = this.#init.basePath + (this.#exchange.get(targetPath) ?? this.#exchange.head.path)
    if (!PATH.test(path)) throw errors.invalidArgument('the path has characters that must be percent-encoded')
    const options: ClientOptions & { closeTimeout: number } = {
      ...tls,
      headers: handshakeHeaders(this.#exchange.metadata),
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: Number.isFinite(this.#limit) ? Math.min(this.#limit, 2 ** 31 - 1) : 0,
      closeTimeout: 30_000,
      finishRequest: (request) => {
        // Set here, because a URL would be normalised: the backend gets the path as the client wrote it.
        request.path = path
        request.once('socket', (socket: Socket) => this.#follow(socket, origin.startsWith('wss:')))
        request.end()
      },
    }
    const ws = new WebSocket(origin, [...this.#offered], options)
    this.#ws = ws
    this.#timer = clock.after(connectTimeout, () =>
      this.#fail(unreachable(`no connection within ${formatDuration(connectTimeout)}`)),
    )
    let head: IncomingMessage | undefined
    ws.on('upgrade', (response) => {
      head = response
    })
    ws.on('unexpected-response', (request, response) => this.#refused(request, response))
    ws.on('error', (error) => this.#failed(error))
    ws.on('open', () => this.#opened(ws, head!))
    ws.on('message', (data, binary) => this.#frame(data as Buffer, binary))
    ws.on('close', (code, reason) => this.#closed(code, reason.toString()))
  }

  /** There is a connection; from now on it is the backend that is slow. */
  #follow(socket: Socket, secure: boolean): void {
    const { handshakeTimeout: ms, clock } = this.#init
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      if (this.#resolve === undefined) return
      void this.#timer?.stop()
      this.#timer = clock.after(ms, () => this.#fail(handshakeTimeout(ms)))
    })
  }

  #opened(ws: WebSocket, head: IncomingMessage): void {
    void this.#timer?.stop()
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#resolve = undefined
    this.#reject = undefined
    const metadata = forwardable(fromRawHeaders(head.rawHeaders))
    for (const name of HANDSHAKE_ANSWER) metadata.delete(name)
    metadata.delete('sec-websocket-protocol')
    if (ws.protocol !== '') metadata.append('sec-websocket-protocol', ws.protocol)
    resolve({ metadata, messages: this.#source, httpStatus: undefined, position: undefined })
    this.#requests = this.#exchange.request.pipe(this)
    if (this.#over) this.#requests.cancel(ENDED)
  }

  #frame(data: Buffer, binary: boolean): void {
    if (this.#over) return
    const { route, snapshot } = this.#exchange.match
    const message = makeMessage({
      schema: snapshot.schema,
      type: route.operation.output,
      codec: binary ? this.#binaryCodec : this.#textCodec,
      bytes: data,
    })
    if (!this.#source.push(message)) this.#ws!.pause()
  }

  /** A message of the client. */
  message(message: Message): boolean {
    const ws = this.#ws!
    if (this.#over) return true
    // Its end is on the way.
    if (ws.readyState !== WebSocket.OPEN) return false
    ws.send(message.as(message.codec), message.codec === this.#textCodec ? TEXT : BINARY, this.#flushed)
    if (ws.bufferedAmount <= HIGH_WATER) return true
    this.#waiting = true
    return false
  }

  /** The client's end: its close frame, when it came with one. */
  end(status: Status): void {
    this.#requests = undefined
    if (this.#over) return
    if (status.code !== Code.OK) {
      this.#giveUp(status)
      return
    }
    this.#leaving = true
    const close = this.#exchange.get(clientClose)
    this.#ws!.resume()
    if (close?.code === 1005) this.#ws!.close()
    else this.#ws!.close(close?.code ?? 1000, close?.reason ?? '')
  }

  /** The reader of the reply goes on. */
  resume(): void {
    if (this.#ws?.isPaused === true) this.#ws.resume()
  }
  /** The reader of the reply wants no more. */
  cancel(status: Status): void {
    this.#giveUp(status)
  }

  /** The channel was stopped. */
  lost(status: Status): void {
    if (this.#reject === undefined) this.#giveUp(status)
    else this.#fail(new GatewayError(status, 'upstream'))
  }

  #exchangeEnded(status: Status): void {
    if (this.#reject !== undefined) {
      this.#fail(new GatewayError(status, status.code === Code.CANCELLED ? 'client' : 'gateway'))
      // Another attempt may still read a request that can be read again.
      if (!this.#exchange.request.replayable) this.#exchange.request.cancel(status)
    } else if (!this.#over) {
      const end = status.code === Code.OK ? ENDED : status
      // What is still waiting for a slow reader is not wanted any more.
      this.#source.cancel(end)
      this.#giveUp(end)
    }
  }

  /** The call is over before the backend has closed it. */
  #giveUp(status: Status): void {
    if (this.#over) return
    this.#finish(status)
    const ws = this.#ws!
    ws.resume()
    if (ws.readyState === WebSocket.OPEN) {
      const close = this.#exchange.get(clientClose)
      if (close === undefined || close.code === 1005) ws.close(1001)
      else ws.close(close.code, close.reason)
    }
    const timer = this.#init.clock.after(GIVE_UP, () => ws.terminate())
    ws.once('close', () => void timer.stop())
  }

  #finish(status: Status): void {
    this.#over = true
    void this.#timer?.stop()
    this.#done()
    this.#source.end(status)
    const requests = this.#requests
    this.#requests = undefined
    requests?.cancel(status)
  }

  /** There will be no reply. */
  #fail(error: GatewayError): void {
    if (this.#over) return
    this.#over = true
    void this.#timer?.stop()
    this.#done()
    this.#reject?.(error)
    this.#reject = undefined
    this.#resolve = undefined
    this.#ws?.terminate()
  }

  #refused(request: ClientRequest, response: IncomingMessage): void {
    const { statusCode = 0, rawHeaders } = response
    this.#fail(refused(statusCode, fromRawHeaders(rawHeaders)))
    request.destroy()
  }

  #failed(error: Error & { code?: string }): void {
    if (this.#over) return
    if (this.#reject === undefined) {
      this.#giveUp(this.#brokenBy(error))
    } else if (
      error.message === 'Server sent no subprotocol' ||
      error.message === 'Server sent an invalid subprotocol'
    ) {
      this.#fail(noSubprotocol(this.#offered))
    } else if (error.code !== undefined) {
      this.#fail(connectionFailed(error))
    } else {
      this.#fail(badHandshake(error.message, error))
    }
  }

  #brokenBy(error: Error & { code?: string }): Status {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || error.code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH')
      return makeStatus(Code.RESOURCE_EXHAUSTED, `a message of the backend is larger than ${this.#limit} bytes`, {
        reason: 'MESSAGE_TOO_LARGE',
      })
    return makeStatus(Code.INTERNAL, 'the backend broke the WebSocket protocol', {
      reason: 'UPSTREAM_INVALID',
      note: error.message,
    })
  }

  #closed(code: number, reason: string): void {
    if (this.#over) return
    if (this.#reject !== undefined) {
      this.#fail(unreachable('the connection was closed during the handshake'))
      return
    }
    if (code !== 1006 && !this.#leaving) this.#exchange.set(backendClose, { code, reason })
    // The echo of the client's own close says nothing about the backend.
    this.#finish(this.#leaving && code !== 1006 ? OK : statusOfClose(code, reason))
  }
}

const ENDED = makeStatus(Code.CANCELLED, 'the call is over')

/** Fields of the answer 101 that hold for this connection alone. */
const HANDSHAKE_ANSWER = ['sec-websocket-accept', 'sec-websocket-extensions', 'sec-websocket-version']

/** What the client sent, without the fields of its own handshake. */
const handshakeHeaders = (metadata: Metadata): Record<string, string> => {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (const [name, value] of forwardable(metadata)) {
    if (name.startsWith('sec-websocket-')) continue
    const before = headers[name]
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  // The types of `ws` leave out that node:http takes lists of values.
  return headers as Record<string, string>
}
