import {
  ended,
  errors,
  type GatewayError,
  type LiveExchange,
  pushOwn,
  type Reply,
  settle,
  tallyOf,
  watchIdle,
} from '../../../src/spi.ts'
import { cut, HttpAnswer } from './http.ts'
import { beginExchange, type Call, CLIENT_GONE, DRAINING, refuse, silence, type Visit } from './visit.ts'

/** An upgrade that finds a route of plain HTTP, or none: the answer is an ordinary one. */
export class HttpCall implements Call {
  readonly #visit: Visit
  readonly #exchange: LiveExchange

  private constructor(visit: Visit) {
    this.#visit = visit
    this.#exchange = beginExchange(visit, ended())
  }

  static start(visit: Visit): HttpCall {
    const call = new HttpCall(visit)
    settle(
      call.#exchange,
      visit.ingress,
      (reply) => call.#relay(reply),
      (error) => call.#refuse(error),
    )
    return call
  }

  #relay(reply: Reply): void {
    relayHttp(this.#visit, this.#exchange, reply)
  }
  #refuse(error: GatewayError): void {
    tallyOf(this.#exchange).httpStatus = refuse(this.#visit, this.#exchange, error)
    this.#exchange.end(error.status)
  }

  gone(): void {
    this.#exchange.cancel(CLIENT_GONE)
  }
  drain(): void {
    this.#exchange.cancel(DRAINING)
  }
}

/** Writes a reply of plain HTTP to the socket of an upgrade and ends the call with it. */
export const relayHttp = (visit: Visit, exchange: LiveExchange, reply: Reply): void => {
  const { socket, clock, options, watch, match } = visit
  if (reply.httpStatus === undefined || reply.httpStatus < 200)
    throw errors.internal('an upgrade without a WebSocket behind it got a reply that is no answer of HTTP')
  watch.take()
  socket.resume()
  socket.once('close', () => exchange.cancel(CLIENT_GONE))
  const answer = new HttpAnswer(socket, clock, options.closeTime)
  const ms = match.route.settings.idleTimeout
  const idle = watchIdle(clock, ms, () => exchange.cancel(silence('byte', ms)))
  exchange.onEnd((status) => {
    void idle.stop()
    reply.messages.cancel(status)
    if (status.code !== 0) cut(socket)
  })
  const own: string[] = []
  pushOwn(own, exchange)
  answer.relay(reply, own, tallyOf(exchange), {
    touch: () => idle.touch(),
    done: (status) => exchange.end(status),
  })
}
