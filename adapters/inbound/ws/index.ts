import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  Code,
  callId,
  clientTimeout,
  createExchange,
  defineInbound,
  ended,
  errors,
  GatewayError,
  type Inbound,
  type InboundModule,
  type Ingress,
  type Listener,
  type Metadata,
  makeMetadata,
  makeStatus,
  type Peer,
  proxyMetadata,
  type RequestHead,
  type RouteMatch,
  rpcMetadata,
  tallyOf,
  toGatewayError,
} from '../../../src/spi.ts'
import { Acceptor } from './acceptor.ts'
import { FramesCall } from './frames-call.ts'
import { checkOrigin, readHandshake, refuseSubprotocols, withoutBearer, withoutProtocols } from './handshake.ts'
import { HttpCall } from './http-call.ts'
import { type SocketOptions, type Subscriptions, socketOptions, subscriptions } from './options.ts'
import { RpcCall } from './rpc-call.ts'
import { TunnelCall } from './tunnel-call.ts'
import { type Call, refuse, type Visit } from './visit.ts'
import { Watch } from './watch.ts'

export { subscriptions } from './options.ts'

type InboundContext = Parameters<InboundModule['create']>[0]

/** WebSockets: one socket is one call of a method, or a proxied WebSocket. Options are `subscriptions` in routes.json. */
export const ws: InboundModule<Subscriptions> = defineInbound({
  name: 'ws',
  section: 'subscriptions',
  config: subscriptions,
  create: (context: InboundContext) => new WsInbound(context),
})

const claims = (head: RequestHead): boolean =>
  head.method === 'GET' &&
  head.httpVersion === '1.1' &&
  head.headers.get('upgrade')?.trim().toLowerCase() === 'websocket'

/** Spread a little, so that many clients do not come back in one moment. */
const soon = (): Metadata => makeMetadata(['retry-after', String(1 + Math.floor(Math.random() * 5))])

/** An upgrade as the listener hands it over. */
interface Arrival {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly first: Buffer
  readonly head: RequestHead
  readonly peer: Peer
}

class WsInbound implements Inbound {
  readonly #context: InboundContext
  readonly #acceptor = new Acceptor()
  readonly #open = new Map<Duplex, Call | undefined>()
  readonly #perAddress = new Map<string, number>()
  #options: SocketOptions | undefined
  #drained: PromiseWithResolvers<void> | undefined

  constructor(context: InboundContext) {
    this.#context = context
  }

  attach(listener: Listener, ingress: Ingress): void {
    listener.onUpgrade(claims, (request, socket, first, about) =>
      this.handleUpgrade({ request, socket, first, ...about }, ingress),
    )
  }

  /** Refuses new sockets. Calls have `drainTime` to end by themselves, then their sockets are closed with 1012. */
  drain(): Promise<void> {
    if (this.#drained !== undefined) return this.#drained.promise
    this.#drained = Promise.withResolvers()
    if (this.#open.size === 0) {
      this.#drained.resolve()
    } else {
      const timer = this.#context.clock.after(this.#options?.drainTime ?? 0, () => {
        for (const call of this.#open.values()) call?.drain()
      })
      void this.#drained.promise.then(() => timer.stop())
    }
    return this.#drained.promise
  }

  cut(): void {
    void this.drain()
    for (const call of [...this.#open.values()]) call?.drain()
  }

  handleUpgrade(arrival: Arrival, ingress: Ingress): void {
    const { socket, first, peer } = arrival
    const { snapshot } = ingress
    const options = socketOptions(snapshot.options(ws))
    this.#options = options
    const watch = new Watch(socket, first, () => this.#open.get(socket)?.gone())
    const base = {
      ...this.#context,
      ingress,
      options,
      watch,
      acceptor: this.#acceptor,
      id: callId(arrival),
      received: this.#context.clock.now(),
      match: snapshot.router.find(arrival.head, true),
    }
    let visit: Visit
    try {
      this.#admit(arrival.head, peer, options)
      visit = { ...base, ...arrival, ...readCall(arrival, base.match, base.id) }
    } catch (thrown) {
      const head = withoutProtocols(arrival.head)
      this.#turnAway(
        { ...base, ...arrival, head, metadata: makeMetadata(), protocols: [], timeout: undefined },
        toGatewayError(thrown),
      )
      return
    }
    this.#enter(socket, peer)
    const call = start(visit)
    if (this.#open.has(socket)) this.#open.set(socket, call)
  }

  /** Before anything of the call is looked at: who asks, and whether there is room. */
  #admit(head: RequestHead, peer: Peer, options: SocketOptions): void {
    checkOrigin(head, options.origins)
    if (this.#drained !== undefined)
      throw errors.draining('the gateway is stopping; connect again', { trailers: soon() })
    if (this.#open.size >= options.maxSockets)
      throw new GatewayError(
        makeStatus(
          Code.UNAVAILABLE,
          'no room for another WebSocket ("subscriptions.limits.sockets"); try again later',
          { reason: 'SOCKET_LIMIT', trailers: soon() },
        ),
        'gateway',
      )
    if ((this.#perAddress.get(peer.address) ?? 0) >= options.maxPerAddress)
      throw errors.resourceExhausted('too many WebSockets of this address ("subscriptions.limits.socketsPerAddress")', {
        reason: 'SOCKET_LIMIT',
        trailers: soon(),
      })
  }

  /** A refused upgrade is a call like any other for logs and metrics. */
  #turnAway(visit: Visit, error: GatewayError): void {
    const exchange = createExchange({
      head: visit.head,
      protocol: 'ws',
      match: visit.match,
      metadata: visit.metadata,
      request: ended(),
      peer: visit.peer,
      deadline: Number.POSITIVE_INFINITY,
      clock: visit.clock,
      id: visit.id,
    })
    tallyOf(exchange).httpStatus = refuse(visit, exchange, error)
    exchange.end(error.status)
  }

  #enter(socket: Duplex, { address }: Peer): void {
    this.#open.set(socket, undefined)
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1)
    socket.once('close', () => {
      this.#open.delete(socket)
      const left = this.#perAddress.get(address)! - 1
      if (left === 0) this.#perAddress.delete(address)
      else this.#perAddress.set(address, left)
      if (this.#open.size === 0) this.#drained?.resolve()
    })
  }
}

/** What the head says of the call. Throws when it cannot be served. */
const readCall = (
  { head, peer }: Arrival,
  match: RouteMatch,
  id: string,
): Pick<Visit, 'head' | 'metadata' | 'protocols' | 'timeout'> => {
  const { settings } = match.route
  const isRpc = match.miss === undefined && settings.target === 'rpc'
  const handshake = readHandshake(head.headers)
  if (isRpc) refuseSubprotocols(handshake)
  const { head: clean, credited } = withoutBearer(head, handshake)
  const arrived = { head: credited, peer }
  return {
    head: clean,
    metadata: isRpc ? rpcMetadata(arrived, settings, id) : proxyMetadata(arrived, id),
    protocols: handshake.protocols,
    timeout: isRpc ? clientTimeout(head.headers) : undefined,
  }
}

const start = (visit: Visit): Call => {
  const { miss, route } = visit.match
  if (miss !== undefined) return HttpCall.start(visit)
  switch (route.settings.target) {
    case 'rpc':
      return RpcCall.start(visit)
    case 'frames':
      return FramesCall.start(visit)
    case 'tunnel':
      return TunnelCall.start(visit)
    case 'http':
      return HttpCall.start(visit)
  }
}
