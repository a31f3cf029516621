import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type Clock,
  Code,
  createExchange,
  deadlineOf,
  errors,
  formatDuration,
  type GatewayError,
  httpFromStatus,
  type Ingress,
  type LiveExchange,
  type Log,
  type MessageStream,
  type Metadata,
  makeStatus,
  type Peer,
  pushOwn,
  type RequestHead,
  type RouteMatch,
  type Status,
  statusToJson,
} from '../../../src/spi.ts'
import type { Acceptor } from './acceptor.ts'
import { HttpAnswer } from './http.ts'
import type { SocketOptions } from './options.ts'
import type { Watch } from './watch.ts'

/** One upgrade that was let in, and what its call needs. */
export interface Visit {
  readonly log: Log
  readonly clock: Clock
  readonly ingress: Ingress
  readonly options: SocketOptions
  readonly acceptor: Acceptor
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly watch: Watch
  /** Without credentials that came as a subprotocol. */
  readonly head: RequestHead
  readonly metadata: Metadata
  readonly peer: Peer
  readonly match: RouteMatch
  readonly protocols: readonly string[]
  /** Monotonic ms. */
  readonly received: number
  /** ms that the client gives its call. */
  readonly timeout: number | undefined
  /** Of the call. */
  readonly id: string
}

/** What the adapter holds of an upgrade until its socket is closed. */
export interface Call {
  /** The client closed or reset before its upgrade was answered. */
  gone(): void
  /** The gateway stops and the time for calls to end by themselves is over. */
  drain(): void
}

export const beginExchange = (visit: Visit, request: MessageStream): LiveExchange =>
  createExchange({
    head: visit.head,
    protocol: 'ws',
    match: visit.match,
    metadata: visit.metadata,
    request,
    peer: visit.peer,
    deadline: deadlineOf(visit.received, visit.timeout, visit.match.route.settings.timeout),
    clock: visit.clock,
    id: visit.id,
  })

export const DRAINING: Status = makeStatus(Code.UNAVAILABLE, 'the gateway is stopping; connect again', {
  reason: 'DRAINING',
})
export const silence = (what: 'byte' | 'message', ms: number): Status =>
  makeStatus(Code.DEADLINE_EXCEEDED, `no ${what} in either direction for ${formatDuration(ms)}`, {
    reason: 'STREAM_IDLE',
  })
export const CLIENT_GONE: Status = errors.cancelled('the client closed the connection').status

/** The answer to an upgrade that gets no 101. Returns the HTTP status, 0 when nobody is there to read it. */
export const refuse = (visit: Visit, exchange: LiveExchange, error: GatewayError): number => {
  const { socket, clock, options, log, match } = visit
  const answer = new HttpAnswer(socket, clock, options.closeTime)
  if (answer.closed) {
    socket.destroy()
    return 0
  }
  visit.watch.take()
  // What else the client sends is read and dropped: unread bytes would turn the close into a reset that can overtake the answer.
  socket.resume()
  const httpStatus = httpFromStatus(error.status)
  const headers = ['content-type', 'application/json']
  pushOwn(headers, exchange)
  // The trailers of a refusal of our own, or of a proxied handshake, are headers; those of an RPC are metadata.
  if (error.origin !== 'upstream' || match.route.settings.target === 'frames')
    headers.push(...error.status.trailers.raw)
  if (httpStatus === 405 && match.miss !== undefined && error.status.trailers.get('allow') === undefined)
    headers.push('allow', match.miss.allow.join(', '))
  answer.whole(httpStatus, headers, statusToJson(shown(error, exchange, log), match.snapshot.schema))
  return httpStatus
}

/** The status as the client sees it: a fault of our own is logged in full and leaves as an id. */
export const shown = (error: GatewayError, exchange: LiveExchange, log: Log): Status => {
  const { status, origin } = error
  if (origin !== 'gateway' || status.code !== Code.INTERNAL) return status
  const { id, match } = exchange
  log.warn(
    { err: error.cause ?? error, exchange: id, route: match.route.id },
    'a call failed by a fault of the gateway',
  )
  return { ...status, message: `internal error; it is logged under the id ${id}` }
}
