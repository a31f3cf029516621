import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  Code,
  connectionFault,
  type Exchange,
  errors,
  formatDuration,
  forwardable,
  fromRawHeaders,
  GatewayError,
  makeMessage,
  makeStatus,
  OK,
  type Reply,
  type Resource,
  Source,
  type Status,
  targetPath,
  type Upgrade,
} from '../../../src/spi.ts'
import type { ChannelInit } from './channel.ts'
import type { GuardedProxy } from './proxy.ts'

/** ms that one side may take to read the rest after the other has closed. */
const LINGER = 10_000
const PATH = /^\/[\x21-\x7e]*$/
const ENDED = makeStatus(Code.CANCELLED, 'the call is over')

/** One upgrade on its way to a backend: an answer of plain HTTP, or two sockets that belong together. */
export class TunnelCall {
  readonly #init: ChannelInit
  readonly #proxy: GuardedProxy
  readonly #exchange: Exchange
  readonly #upgrade: Upgrade
  readonly #done: () => void
  #request: ClientRequest | undefined
  #upstream: Duplex | undefined
  #source: Source | undefined
  #resolve: ((reply: Reply) => void) | undefined
  #reject: ((error: GatewayError) => void) | undefined
  #timer: Resource | undefined
  #over = false

  constructor(init: ChannelInit, proxy: GuardedProxy, exchange: Exchange, upgrade: Upgrade, done: () => void) {
    this.#init = init
    this.#proxy = proxy
    this.#exchange = exchange
    this.#upgrade = upgrade
    this.#done = done
  }

  /** Resolves when the backend has answered. `stopped`: the channel is, so nothing is sent. */
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
        this.#fail(thrown instanceof GatewayError ? thrown : unreachable(String(thrown), thrown))
      }
    })
  }

  #connect(): void {
    const { secure, host, port, tls, basePath, connectTimeout, clock } = this.#init
    const path = basePath + (this.#exchange.get(targetPath) ?? this.#exchange.head.path)
    if (!PATH.test(path)) throw errors.invalidArgument('the path has characters that must be percent-encoded')
    const { socket } = this.#upgrade
    const request = this.#proxy.ws(
      socket,
      { secure, host, port, tls, path, headers: this.#headers() },
      {
        onUpgrade: (response, upstream) => this.#upgraded(response, upstream),
        onResponse: (response) => this.#answered(response),
        onError: (error) => this.#failed(error),
      },
    )
    this.#request = request
    this.#timer = clock.after(connectTimeout, () =>
      this.#fail(unreachable(undefined, undefined, `no connection within ${formatDuration(connectTimeout)}`)),
    )
    request.once('socket', (own: Socket) => own.once(secure ? 'secureConnect' : 'connect', () => this.#connected()))
    socket.once('close', () => this.#clientClosed())
  }

  /** There is a connection; from now on it is the backend that is slow. */
  #connected(): void {
    const { handshakeTimeout, clock } = this.#init
    if (this.#resolve === undefined) return
    void this.#timer?.stop()
    this.#timer = clock.after(handshakeTimeout, () =>
      this.#fail(
        new GatewayError(
          makeStatus(
            Code.DEADLINE_EXCEEDED,
            `the backend did not answer the upgrade within ${formatDuration(handshakeTimeout)}`,
            { reason: 'UPSTREAM_TIMEOUT' },
          ),
          'upstream',
        ),
      ),
    )
  }

  /** The metadata of the call, and the handshake of the client as it came: the two ends agree between themselves. */
  #headers(): NodeJS.Dict<string | string[]> {
    const headers: NodeJS.Dict<string | string[]> = Object.create(null)
    const add = (name: string, value: string): void => {
      const before = headers[name]
      headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
    }
    for (const [name, value] of forwardable(this.#exchange.metadata)) add(name, value)
    headers.host = this.#init.authority
    headers.connection = 'Upgrade'
    headers.upgrade = 'websocket'
    return headers
  }

  /** Whether http-proxy shall write the head to the client and join the two sockets. */
  #upgraded(response: IncomingMessage, upstream: Duplex): boolean {
    upstream.on('error', () => {})
    const { socket } = this.#upgrade
    const resolve = this.#take()
    if (resolve === undefined || socket.destroyed) {
      upstream.destroy()
      return false
    }
    const early = this.#upgrade.take()
    if (early.length > 0) socket.unshift(early)
    this.#upstream = upstream
    for (const name of CONNECTION_FIELDS) delete response.headers[name]
    this.#source = new Source({ resume() {}, cancel: (status) => this.#cut(status) })
    upstream.once('close', () => this.#upstreamClosed(upstream))
    resolve({
      metadata: forwardable(fromRawHeaders(response.rawHeaders)),
      messages: this.#source,
      httpStatus: 101,
      position: undefined,
    })
    return true
  }

  /** No upgrade: the answer is passed on as what it is. */
  #answered(response: IncomingMessage): void {
    const resolve = this.#take()
    if (resolve === undefined) {
      response.destroy()
      return
    }
    const { route, snapshot } = this.#exchange.match
    const codec = snapshot.schema.codec('opaque')
    const source = new Source({
      resume: () => response.resume(),
      cancel: (status) => this.#cut(status),
    })
    this.#source = source
    response.on('data', (bytes: Buffer) => {
      if (!source.push(makeMessage({ schema: snapshot.schema, type: route.operation.output, codec, bytes })))
        response.pause()
    })
    response.once('end', () => this.#finish(OK))
    response.once('error', () => this.#finish(LOST))
    response.once('close', () => this.#finish(LOST))
    resolve({
      metadata: forwardable(fromRawHeaders(response.rawHeaders)),
      messages: source,
      httpStatus: response.statusCode,
      position: undefined,
    })
  }

  /** The promise may be settled once; whoever does it takes the right to. */
  #take(): ((reply: Reply) => void) | undefined {
    const resolve = this.#resolve
    this.#resolve = undefined
    this.#reject = undefined
    void this.#timer?.stop()
    return resolve
  }

  #clientClosed(): void {
    const { socket } = this.#upgrade
    if (this.#upstream === undefined) {
      if (this.#resolve !== undefined) this.#fail(errors.cancelled('the client closed the connection'))
      this.#request?.destroy()
      return
    }
    this.#closeSoon(this.#upstream)
    this.#finish(socket.errored === null ? OK : errors.cancelled('the connection to the client was lost').status)
  }

  #upstreamClosed(upstream: Duplex): void {
    this.#closeSoon(this.#upgrade.socket)
    this.#finish(upstream.errored === null ? OK : LOST)
  }

  /** Sends what is written, then closes. A side that reads no more is cut. */
  #closeSoon(side: Duplex): void {
    if (side.destroyed) return
    const timer = this.#init.clock.after(LINGER, () => side.destroy())
    side.once('close', () => void timer.stop())
    if (side.errored !== null) side.destroy()
    else if (side.writableFinished) side.destroy()
    else side.end(() => side.destroy())
  }

  /** The channel was stopped. */
  lost(status: Status): void {
    if (this.#reject === undefined) this.#cut(status)
    else this.#fail(new GatewayError(status, 'upstream'))
  }

  #exchangeEnded(status: Status): void {
    if (this.#reject !== undefined)
      this.#fail(new GatewayError(status, status.code === Code.CANCELLED ? 'client' : 'gateway'))
    else this.#cut(status.code === Code.OK ? ENDED : status)
  }

  /** Ends both sides at once. */
  #cut(status: Status): void {
    if (this.#over) return
    this.#finish(status)
    this.#request?.destroy()
    if (this.#upstream === undefined) return
    this.#upstream.destroy()
    this.#upgrade.socket.destroy()
  }

  #finish(status: Status): void {
    if (this.#over) return
    this.#over = true
    this.#done()
    this.#source?.end(status)
  }

  #failed(error: Error & { code?: string }): void {
    if (this.#reject === undefined) this.#finish(LOST)
    else this.#fail(unreachable(`${error.code ?? 'error'}: ${error.message}`, error))
  }

  /** There will be no reply. The client's socket stays open for the answer of the gateway. */
  #fail(error: GatewayError): void {
    const reject = this.#reject
    if (this.#over || reject === undefined) return
    this.#take()
    this.#over = true
    this.#done()
    reject(error)
    this.#request?.destroy()
  }
}

const LOST: Status = makeStatus(Code.UNAVAILABLE, 'the connection to the backend was lost', { reason: 'UPSTREAM_LOST' })

/** No connection. `text` names addresses: it is for the log. */
const unreachable = (text: string | undefined, cause?: unknown, why = connectionFault(text ?? '')): GatewayError =>
  new GatewayError(
    makeStatus(Code.UNAVAILABLE, `the backend is not available: ${why}`, {
      reason: 'UPSTREAM_UNAVAILABLE',
      note: text,
    }),
    'upstream',
    { cause },
  )

/** What a backend may not say about the client's connection; `connection` and `upgrade` belong to the 101. */
const CONNECTION_FIELDS = [
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
]
