import { attempt } from '../core/attributes.ts'
import { type AttemptEnded, attemptEnded, type EndpointChanged, endpointChanged } from '../core/channels.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Reply } from '../core/handler.ts'
import type { Channel, Endpoint, EndpointSpec } from '../core/snapshot.ts'
import { Code, codeName, type Status, toGatewayError } from '../core/status.ts'
import { codeFromHttp } from '../core/status-map.ts'

/** One endpoint of an upstream: its channel, the calls in flight, and the end of its life when the last of them is over. */
export class LiveEndpoint implements Endpoint {
  readonly address: string
  readonly channel: Channel
  weight: number
  zone: string | undefined
  inFlight = 0
  readonly #clock: Clock
  /** What the access log shows of an attempt: one object for all calls. */
  readonly #label: { readonly upstream: string; readonly address: string }
  #removed: PromiseWithResolvers<void> | undefined
  /** The last attempt that says anything of the endpoint found it unavailable. */
  #failed = false

  constructor(upstream: string, spec: EndpointSpec, channel: Channel, clock: Clock) {
    this.address = spec.address
    this.weight = spec.weight
    this.zone = spec.zone
    this.channel = channel
    this.#clock = clock
    this.#label = { upstream, address: spec.address }
  }

  /** Calls the channel. The attempt is counted until it failed or, once there is a reply, until the exchange is over. */
  call(exchange: Exchange): Reply | Promise<Reply> {
    this.inFlight++
    exchange.set(attempt, this.#label)
    const one = new Attempt(this, exchange, this.#clock.now())
    try {
      const result = this.channel.call(exchange)
      if (!(result instanceof Promise)) return one.replied(result)
      return result.then(one.replied, one.failed)
    } catch (thrown) {
      return one.failed(thrown)
    }
  }

  /** An attempt is over. */
  done(exchange: Exchange, code: number, started: number): void {
    this.inFlight--
    this.#learn(code)
    if (attemptEnded.hasSubscribers) {
      const operation = exchange.match.route.operation.name
      const event: AttemptEnded = { ...this.#label, exchange, operation, code, started, ended: this.#clock.now() }
      attemptEnded.publish(event)
    }
    if (this.inFlight === 0) this.#removed?.resolve()
  }

  /** What an attempt says of the endpoint; told when it is news. A call that the client or its deadline ended says nothing. */
  #learn(code: number): void {
    const failed = code === Code.UNAVAILABLE
    if (failed === this.#failed || code === Code.CANCELLED || code === Code.DEADLINE_EXCEEDED) return
    this.#failed = failed
    const kind = failed ? 'failed' : 'healthy'
    const event: EndpointChanged = { ...this.#label, kind, endpoint: this, detail: failed ? codeName(code) : undefined }
    if (endpointChanged.hasSubscribers) endpointChanged.publish(event)
  }

  /** No new calls come: the channel is stopped when those in flight are over. Resolves then. */
  async retire(): Promise<void> {
    if (this.#removed === undefined) {
      this.#removed = Promise.withResolvers()
      if (this.inFlight === 0) this.#removed.resolve()
    }
    await this.#removed.promise
    await this.channel.stop()
  }
}

class Attempt {
  readonly #endpoint: LiveEndpoint
  readonly #exchange: Exchange
  readonly #started: number
  #over = false

  constructor(endpoint: LiveEndpoint, exchange: Exchange, started: number) {
    this.#endpoint = endpoint
    this.#exchange = exchange
    this.#started = started
  }

  readonly replied = (reply: Reply): Reply => {
    const { messages, httpStatus } = reply
    // With message and end already here nothing is left at the backend.
    if (messages.status !== undefined) this.#end(messages.status.code, httpStatus)
    else this.#exchange.onEnd((status: Status) => this.#end(status.code, httpStatus))
    return reply
  }
  readonly failed = (thrown: unknown): never => {
    this.#end(toGatewayError(thrown).status.code, undefined)
    throw thrown
  }

  #end(code: number, httpStatus: number | undefined): void {
    if (this.#over) return
    this.#over = true
    const own = code === Code.OK && httpStatus !== undefined ? codeFromHttp(httpStatus) : code
    this.#endpoint.done(this.#exchange, own, this.#started)
  }
}
