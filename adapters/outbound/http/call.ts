import type { Dispatcher } from 'undici'
import {
  Code,
  type Codec,
  type Exchange,
  GatewayError,
  makeMessage,
  makeStatus,
  OK,
  type Reply,
  Source,
  type SourceControl,
  type Status,
  targetPath,
  toGatewayError,
} from '../../../src/spi.ts'
import { BodyStream, type RequestBody, requestBody } from './body.ts'
import type { ChannelInit } from './channel.ts'
import { type Failure, toError } from './errors.ts'
import { requestHeaders, responseMetadata, trailerMetadata } from './headers.ts'

/** One proxied request, from its head to the end of the answer's body. */
export class HttpCall implements Dispatcher.DispatchHandler, SourceControl {
  readonly #init: ChannelInit
  readonly #exchange: Exchange
  readonly #done: () => void
  readonly #codec: Codec
  readonly #source = new Source(this)
  #body: RequestBody = null
  #controller: Dispatcher.DispatchController | undefined
  #resolve: ((reply: Reply) => void) | undefined
  #reject: ((error: GatewayError) => void) | undefined
  #answered = false
  #over = false

  constructor(init: ChannelInit, exchange: Exchange, done: () => void) {
    this.#init = init
    this.#exchange = exchange
    this.#done = done
    this.#codec = exchange.match.snapshot.schema.codec('opaque')
  }

  /** Resolves with the head of the answer. */
  run(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#exchange.onEnd((status) => this.#exchangeEnded(status))
      if (!this.#over) this.#send()
    })
  }

  #send(): void {
    const { head, deadline, request } = this.#exchange
    try {
      this.#body = requestBody(request, this.#codec)
      const path = this.#exchange.get(targetPath) ?? head.path
      const rooted = path.startsWith('/') ? path : `/${path === '*' ? '' : path}`
      const options: Dispatcher.DispatchOptions = {
        path: this.#init.basePath + rooted,
        method: head.method as Dispatcher.HttpMethod,
        headers: requestHeaders(this.#exchange, this.#body instanceof BodyStream),
        body: this.#body,
        // Where there is a deadline it says how long an answer may take.
        headersTimeout: deadline === Number.POSITIVE_INFINITY ? this.#idle() : 0,
        bodyTimeout: this.#idle(),
      }
      this.#init.pool.dispatch(options, this)
    } catch (thrown) {
      this.fail(toGatewayError(thrown))
    }
  }

  /** Longest silence in ms; 0 is none. */
  #idle(): number {
    const { idleTimeout } = this.#exchange.match.route.settings
    return Number.isFinite(idleTimeout) ? idleTimeout : 0
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) controller.abort(new GatewayError(GONE, 'client'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over || status < 200) return
    this.#answered = true
    this.#resolve!({
      metadata: responseMetadata(controller.rawHeaders),
      messages: this.#source,
      httpStatus: status,
      position: undefined,
    })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    const { match } = this.#exchange
    const { schema } = match.snapshot
    const message = makeMessage({ schema, type: match.route.operation.output, codec: this.#codec, bytes: chunk })
    if (!this.#source.push(message)) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const trailers = trailerMetadata(controller.rawTrailers)
    const status = trailers.raw.length === 0 ? OK : makeStatus(Code.OK, '', { trailers })
    if (this.#finish(status)) this.#source.end(status)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, thrown: Error): void {
    this.fail(toError(thrown, this.#failure()))
  }

  /** Asked for more while the parser of undici may still be running, its own or another's: it takes that only afterwards. */
  resume(): void {
    queueMicrotask(() => {
      if (!this.#over) this.#controller?.resume()
    })
  }
  cancel(status: Status): void {
    if (!this.#finish(status)) return
    this.#abort(status)
  }

  /** The call ends with an error: thrown before the head, behind it the end of the body. */
  fail(error: GatewayError): void {
    if (!this.#finish(error.status)) return
    this.#abort(error.status)
    if (this.#answered) this.#source.end(error.status)
    else this.#reject!(error)
  }

  #exchangeEnded(status: Status): void {
    const end = status.code === Code.OK ? GONE : status
    if (!this.#finish(end)) return
    this.#abort(end)
    if (this.#answered) this.#source.cancel(end)
    else this.#reject!(new GatewayError(end, end.code === Code.CANCELLED ? 'client' : 'gateway'))
  }

  /** false: it was over already. */
  #finish(status: Status): boolean {
    if (this.#over) return false
    this.#over = true
    this.#done()
    if (this.#body instanceof BodyStream)
      this.#body.destroy(status.code === Code.OK ? undefined : new GatewayError(status, 'client'))
    else if (this.#exchange.request.status === undefined) this.#exchange.request.cancel(status)
    return true
  }

  #abort(status: Status): void {
    if (this.#controller?.aborted === false) this.#controller.abort(new GatewayError(status, 'client'))
  }

  #failure(): Failure {
    const { connectTimeout } = this.#init
    return { connectTimeout, idle: this.#idle(), answered: this.#answered }
  }
}

const GONE = makeStatus(Code.CANCELLED, 'the call is over')
