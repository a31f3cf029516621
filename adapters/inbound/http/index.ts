import {
  type Clock,
  defineInbound,
  errors,
  type HttpRequest,
  type HttpResponse,
  type Inbound,
  type Ingress,
  type Listener,
  type Log,
  makeMetadata,
  z,
} from '../../../src/spi.ts'
import { HttpCall } from './call.ts'

/**
 * HTTP/JSON in: RPCs by their `google.api.http` rules and proxied HTTP. It claims whatever no other adapter has claimed, so it stands
 * last.
 */
export const http = defineInbound({
  name: 'http',
  config: z.strictObject({}).describe('The HTTP/JSON side of the gateway. It has no options of its own.'),
  create: ({ clock, log }) => new HttpInbound(clock, log),
})

class HttpInbound implements Inbound {
  readonly #clock: Clock
  readonly #log: Log
  /** Requests whose response is not over. */
  readonly #open = new Set<HttpCall>()
  #drained: PromiseWithResolvers<void> | undefined

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  attach(listener: Listener, ingress: Ingress): void {
    listener.onRequest(
      () => true,
      (request, response) => this.#serve(ingress, request, response),
    )
  }

  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers()
    if (this.#open.size === 0) this.#drained.resolve()
    return this.#drained.promise
  }

  cut(): void {
    void this.drain()
    for (const { exchange } of [...this.#open]) exchange.cancel(draining().status)
  }

  #serve(ingress: Ingress, request: HttpRequest, response: HttpResponse): void {
    const call = new HttpCall({ ingress, request, response, clock: this.#clock, log: this.#log })
    this.#open.add(call)
    response.onClose((complete) => {
      this.#open.delete(call)
      call.closed(complete)
      if (this.#open.size === 0) this.#drained?.resolve()
    })
    if (this.#drained === undefined) call.run()
    else call.fail(draining())
  }
}

const draining = () =>
  errors.draining('the gateway is shutting down; try again', { trailers: makeMetadata(['retry-after', '1']) })
