import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type RequestRefused, requestRefused } from '../core/channels.ts'
import type { Clock } from '../core/clock.ts'
import type { Peer, RequestHead } from '../core/exchange.ts'
import type { HttpRequest, Listener } from '../core/http.ts'
import { fromRawHeaders } from '../core/metadata.ts'
import type { Log, Resource } from '../core/module.ts'
import { checkHead } from './check.ts'
import { Connection, type Incoming } from './connection.ts'
import { drainConnections } from './drain.ts'
import { DEFAULT_LIMITS, type ListenerLimits } from './limits.ts'
import { listenError } from './listen-error.ts'
import { type Refusal, rawRefusal, refusalBody, refusalOf, refusals } from './refusal.ts'
import { NodeRequest } from './request.ts'
import { NodeResponse } from './response.ts'
import { peerBehind, type Trust, trustOf } from './trust.ts'

export type { ListenerLimits } from './limits.ts'

export interface HttpListenerOptions {
  readonly host: string
  /** 0: any free one; `listen` tells which. */
  readonly port: number
  readonly limits?: Partial<ListenerLimits>
  readonly log: Log
  readonly clock: Clock
  /** Lets several processes listen on one port; the kernel spreads connections (SO_REUSEPORT). */
  readonly reusePort?: boolean
  /** Addresses and CIDR blocks of proxies whose `x-forwarded-*` and `x-request-id` are believed. */
  readonly trustedProxies?: readonly string[]
}
export interface ListenerAddress {
  readonly host: string
  readonly port: number
}
export interface HttpListener extends Listener, Resource {
  /** Open client sockets, upgraded ones included. */
  readonly connections: number
  /** Rejects with ConfigError (`PORT_IN_USE`, `PORT_FORBIDDEN`, `HOST_UNAVAILABLE`, `LISTEN_FAILED`) when it cannot. */
  listen(): Promise<ListenerAddress>
  /**
   * Accepts no more, closes idle connections, says `connection: close` in every answer and waits for the others. After
   * `limit` ms the rest is destroyed. Resolves with whether everything ended by itself.
   */
  drain(limit?: number): Promise<boolean>
  /** Destroys every connection at once. Resolves when all of them are closed, and so their requests over. */
  stop(): Promise<void>
}

type RequestHandler = Parameters<Listener['onRequest']>[1]
type UpgradeHandler = Parameters<Listener['onUpgrade']>[1]
interface Claim<H> {
  readonly claims: (head: RequestHead) => boolean
  readonly handle: H
}
interface PendingUpgrade {
  readonly head: RequestHead
  readonly peer: Peer
  readonly handle: UpgradeHandler
}

/** A port that reads HTTP/1.1 by node:http. Nothing is bound before `listen`. */
export const createHttpListener = (options: HttpListenerOptions): HttpListener => new NodeListener(options)

class NodeListener implements HttpListener {
  readonly #options: HttpListenerOptions
  readonly #limits: ListenerLimits
  readonly #trust: Trust
  readonly #server: Server
  readonly #connections = new Map<Duplex, Connection>()
  readonly #requests: Claim<RequestHandler>[] = []
  readonly #upgrades: Claim<UpgradeHandler>[] = []
  readonly #pending = new WeakMap<IncomingMessage, PendingUpgrade>()
  readonly #isDraining = (): boolean => this.#draining
  #draining = false
  #stopped: Promise<void> | undefined
  /** Rejects what `listen` has returned, if that is still open. */
  #giveUp: ((error: Error) => void) | undefined

  constructor(options: HttpListenerOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#trust = trustOf(options.trustedProxies ?? [])
    this.#server = this.#createServer()
  }

  get connections(): number {
    return this.#connections.size
  }

  onRequest(claims: (head: RequestHead) => boolean, handle: RequestHandler): void {
    this.#requests.push({ claims, handle })
  }
  onUpgrade(claims: (head: RequestHead) => boolean, handle: UpgradeHandler): void {
    this.#upgrades.push({ claims, handle })
  }

  listen(): Promise<ListenerAddress> {
    const { host, port, reusePort = false } = this.#options
    const server = this.#server
    if (this.#stopped !== undefined) return Promise.reject(STOPPED())
    return new Promise((resolve, reject) => {
      this.#giveUp = reject
      const failed = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port))
      server.once('error', failed)
      server.listen({ host, port, reusePort }, () => {
        server.removeListener('error', failed)
        server.on('error', (error) => this.#options.log.warn({ err: error }, 'the listener reports an error'))
        const address = server.address()
        resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port })
      })
    })
  }

  drain(limit = Number.POSITIVE_INFINITY): Promise<boolean> {
    this.#draining = true
    return drainConnections({
      server: this.#server,
      connections: this.#connections,
      clock: this.#options.clock,
      limit,
      headersTimeout: this.#limits.headersTimeout,
    })
  }

  stop(): Promise<void> {
    this.#draining = true
    // A server that is closed before its port is bound never says so.
    this.#giveUp?.(STOPPED())
    this.#stopped ??= this.#destroyAll()
    return this.#stopped
  }

  /** The server says that it is closed before its sockets do; calls end with the sockets, and whoever counts them waits for that. */
  async #destroyAll(): Promise<void> {
    const gone = [new Promise<void>((resolve) => this.#server.close(() => resolve()))]
    for (const { socket } of this.#connections.values()) {
      gone.push(new Promise((resolve) => socket.once('close', () => resolve())))
      socket.destroy()
    }
    await Promise.all(gone)
  }

  #createServer(): Server {
    const limits = this.#limits
    const server = createServer({
      insecureHTTPParser: false,
      // Both are checked here, so that the client gets the same JSON as for every other mistake.
      requireHostHeader: false,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeout,
      // It would cut every long upload; bodies have a timer of their own that only counts silence.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveTimeout,
      connectionsCheckingInterval: Math.max(50, Math.min(1_000, limits.headersTimeout / 4)),
      shouldUpgradeCallback: (message) => this.#upgrade(message),
    })
    server.maxConnections = limits.maxConnections
    // Above this number Node drops fields without a word; `checkHead` refuses instead.
    server.maxHeadersCount = 0
    server.maxRequestsPerSocket = limits.maxRequestsPerConnection
    server.on('connection', (socket) => this.#connected(socket))
    server.on('request', (message, response) => this.#requested(message, response, false))
    server.on('checkContinue', (message, response) => this.#requested(message, response, true))
    server.on('checkExpectation', (message, response) => {
      if (!this.#isSpent(message)) this.#refuse(message, response, refusals.unknownExpectation)
    })
    server.on('upgrade', (message, socket, head) => this.#upgraded(message, socket, head))
    server.on('connect', (_message, socket) => this.#end(socket, refusals.connectMethod))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#clientError(error, socket))
    server.on('drop', this.#dropped())
    return server
  }

  #connected(socket: Socket): void {
    this.#connections.set(socket, new Connection(socket, this.#options.clock))
    socket.once('close', () => this.#connections.delete(socket))
  }

  /** One line for a flood, not one for each connection of it. */
  #dropped(): () => void {
    const { log, clock } = this.#options
    const pause = 10_000
    let count = 0
    let last = Number.NEGATIVE_INFINITY
    return () => {
      count++
      if (clock.now() - last < pause) return
      last = clock.now()
      log.warn({ limit: this.#limits.maxConnections, refused: count }, 'too many connections; new ones are closed')
      count = 0
    }
  }

  #requested(message: IncomingMessage, response: ServerResponse, expects: boolean): void {
    if (this.#isSpent(message)) return
    const framing = checkHead(message, this.#limits)
    if ('reason' in framing) {
      this.#refuse(message, response, framing)
      return
    }
    const { length } = framing
    const call = this.#begin(message, response, length, expects)
    if (message.url === '*') {
      call.response.reply(204, [], NOTHING)
      return
    }
    const { head } = call.request
    const claim = this.#requests.find(({ claims }) => claims(head))
    if (claim === undefined) {
      publish(this, refusals.notFound, call.request.peer.address)
      call.response.reply(...answer(refusals.notFound))
      return
    }
    try {
      claim.handle(call.request, call.response)
    } catch (error) {
      this.#options.log.warn({ err: error, path: head.path }, 'an inbound adapter threw')
      if (call.response.begun) call.response.abort()
      else call.response.reply(...answer(refusals.fault))
    }
  }

  #isSpent(message: IncomingMessage): boolean {
    return this.#connections.get(message.socket)?.spent !== false
  }

  #begin(
    message: IncomingMessage,
    response: ServerResponse,
    length: number | undefined,
    expects: boolean,
  ): { readonly request: HttpRequest; readonly response: NodeResponse } {
    const { log, clock } = this.#options
    const connection = this.#connections.get(message.socket)!
    const head = headOf(message)
    const request = new NodeRequest({
      head,
      peer: peerBehind(connection.peer, head.headers, this.#trust),
      message,
      response,
      length,
      expects,
      clock,
      idleTimeout: this.#limits.bodyIdleTimeout,
    })
    connection.begin(request)
    return {
      request,
      response: new NodeResponse({ response, request, connection, log, draining: this.#isDraining }),
    }
  }

  /** A head that two readers may understand differently ends the connection: nothing after it can be trusted. */
  #refuse(message: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    const connection = this.#connections.get(message.socket)!
    publish(this, refusal, connection.peer.address)
    connection.begin(REFUSED)
    connection.spent = true
    response.on('error', () => {})
    response.once('close', () => connection.done(REFUSED))
    const body = refusalBody(refusal)
    response.writeHead(refusal.httpStatus, [
      ...JSON_HEADERS,
      'content-length',
      String(body.length),
      'connection',
      'close',
    ])
    response.end(body)
  }

  /**
   * Whether a request that asks for an upgrade gets one. What nobody claims, is malformed or has a body is an ordinary request
   * (RFC 9110 §7.8 lets a server ignore the field): `Upgrade: h2c` of a curious client must not cost it its answer. So is one that
   * was sent behind a request without its answer yet, which would otherwise be written into the upgraded connection.
   */
  #upgrade(message: IncomingMessage): boolean {
    const framing = checkHead(message, this.#limits)
    const connection = this.#connections.get(message.socket)
    if ('reason' in framing || framing.length !== 0 || connection?.spent !== false || connection.inFlight > 0)
      return false
    const head = headOf(message)
    const claim = this.#upgrades.find(({ claims }) => claims(head))
    if (claim === undefined) return false
    this.#pending.set(message, {
      head,
      peer: peerBehind(connection.peer, head.headers, this.#trust),
      handle: claim.handle,
    })
    return true
  }

  #upgraded(message: IncomingMessage, socket: Duplex, first: Buffer): void {
    const connection = this.#connections.get(socket)
    if (connection !== undefined) connection.upgraded = true
    const { head, peer, handle } = this.#pending.get(message)!
    try {
      handle(message, socket, first, { head, peer })
    } catch (error) {
      this.#options.log.warn({ err: error, path: head.path }, 'an inbound adapter threw')
      this.#end(socket, refusals.fault)
    }
  }

  /** The parser gave up on what the client sends, the head came too slowly, or the socket failed. */
  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || !socket.writable || error.code === 'ECONNRESET' || error.code === 'EPIPE') {
      socket.destroy()
      return
    }
    if (connection.inFlight === 0) {
      this.#end(socket, refusalOf(error))
      return
    }
    // A slow head behind a request that is being answered may wait for that answer.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return
    // The answer of the request whose body is broken may still be a proper one; behind others nothing can follow.
    if (connection.inFlight > 1 || connection.newest?.break() !== true) connection.linger()
  }

  /** Answers on a bare socket and closes it. */
  #end(socket: Duplex, refusal: Refusal): void {
    const connection = this.#connections.get(socket)
    publish(this, refusal, connection?.peer.address ?? '')
    if (socket.writable) socket.write(rawRefusal(refusal))
    if (connection === undefined) socket.destroy()
    else connection.linger()
  }
}

const STOPPED = (): Error => new Error('the listener was stopped')

/** The body of a refused request is never read. */
const REFUSED: Incoming = { unread: true, break: () => false }
const NOTHING = new Uint8Array(0)
const JSON_HEADERS = ['content-type', 'application/json']
const answer = (refusal: Refusal): [number, readonly string[], Uint8Array] => [
  refusal.httpStatus,
  JSON_HEADERS,
  refusalBody(refusal),
]

const publish = (listener: object, { httpStatus, reason }: Refusal, address: string): void => {
  const event: RequestRefused = { httpStatus, reason, address, listener }
  if (requestRefused.hasSubscribers) requestRefused.publish(event)
}

const headOf = (message: IncomingMessage): RequestHead => {
  const headers = fromRawHeaders(message.rawHeaders)
  return {
    method: message.method ?? 'GET',
    path: message.url ?? '/',
    authority: headers.get('host') ?? '',
    scheme: 'http',
    httpVersion: message.httpVersion,
    headers,
  }
}
