import {
  type Clock,
  ended,
  type GatewayError,
  type LiveExchange,
  type Reply,
  type Resource,
  settle,
  tallyOf,
  upgrade,
} from '../../../src/spi.ts'
import { relayHttp } from './http-call.ts'
import { beginExchange, type Call, CLIENT_GONE, DRAINING, refuse, silence, type Visit } from './visit.ts'

/**
 * An upgrade passed on byte by byte. The outbound adapter takes the socket when the backend has answered 101; any other answer
 * of the backend comes back as a reply of plain HTTP.
 */
export class TunnelCall implements Call {
  readonly #visit: Visit
  readonly #exchange: LiveExchange
  #idle: Resource | undefined
  #bytes = 0

  private constructor(visit: Visit) {
    this.#visit = visit
    this.#exchange = beginExchange(visit, ended())
    const { request, socket, watch } = visit
    this.#exchange.set(upgrade, { request, socket, take: () => watch.take() })
  }

  static start(visit: Visit): TunnelCall {
    const call = new TunnelCall(visit)
    settle(
      call.#exchange,
      visit.ingress,
      (reply) => call.#answer(reply),
      (error) => call.#refuse(error),
    )
    return call
  }

  #answer(reply: Reply): void {
    if (reply.httpStatus !== 101) {
      relayHttp(this.#visit, this.#exchange, reply)
      return
    }
    const { clock, match, socket } = this.#visit
    const tally = tallyOf(this.#exchange)
    const counter = socket as Partial<{ bytesRead: number; bytesWritten: number }>
    const [read, written] = [counter.bytesRead ?? 0, counter.bytesWritten ?? 0]
    tally.httpStatus = 101
    this.#watch(clock, match.route.settings.idleTimeout, counter)
    this.#exchange.onEnd((status) => {
      void this.#idle?.stop()
      tally.bytesIn = (counter.bytesRead ?? 0) - read
      tally.bytesOut = (counter.bytesWritten ?? 0) - written
      reply.messages.cancel(status)
    })
    reply.messages.pipe({
      message: () => true,
      end: (status) => this.#exchange.end(status),
    })
  }

  /** Bytes are not messages: silence is what two looks with the same count have seen. */
  #watch(clock: Clock, ms: number, counter: Partial<{ bytesRead: number; bytesWritten: number }>): void {
    if (ms === Number.POSITIVE_INFINITY) return
    this.#idle = clock.after(ms, () => {
      const bytes = (counter.bytesRead ?? 0) + (counter.bytesWritten ?? 0)
      if (bytes === this.#bytes) {
        this.#exchange.cancel(silence('byte', ms))
        return
      }
      this.#bytes = bytes
      this.#watch(clock, ms, counter)
    })
  }

  #refuse(error: GatewayError): void {
    const { socket } = this.#visit
    if (socket.destroyed) tallyOf(this.#exchange).httpStatus = 0
    else tallyOf(this.#exchange).httpStatus = refuse(this.#visit, this.#exchange, error)
    this.#exchange.end(error.status)
  }

  gone(): void {
    this.#exchange.cancel(CLIENT_GONE)
  }
  drain(): void {
    this.#exchange.cancel(DRAINING)
  }
}
