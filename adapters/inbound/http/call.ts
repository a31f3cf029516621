import {
  type Clock,
  Code,
  callId,
  createExchange,
  errors,
  type Flow,
  GatewayError,
  type HttpRequest,
  type HttpResponse,
  type IdleWatch,
  type Ingress,
  type LiveExchange,
  type Log,
  type MessageSink,
  type MessageStream,
  makeStatus,
  type RouteMatch,
  type Status,
  settle,
  type Tally,
  tallyOf,
  toGatewayError,
  watchIdle,
} from '../../../src/spi.ts'
import type { BodyOwner } from './body.ts'
import { writeError } from './error.ts'
import { takesTrailers } from './metadata.ts'
import { writeFinished, writeReply } from './reply.ts'
import { isStreamed, type Plan, planRequest, refusedPlan } from './request.ts'

export interface CallInit {
  readonly ingress: Ingress
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly clock: Clock
  readonly log: Log
}

/**
 * One HTTP request on its way: makes the exchange, dispatches it, and ends it exactly once, however it ends. Errors before the head
 * of the answer become an answer; later ones are told by the sink that writes.
 */
export class HttpCall implements BodyOwner {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly clock: Clock
  readonly log: Log
  readonly match: RouteMatch
  readonly plan: Plan
  readonly exchange: LiveExchange
  readonly tally: Tally
  /** When it was dispatched, monotonic ms. */
  dispatched = Number.NaN
  readonly #ingress: Ingress
  readonly #refusal: GatewayError | undefined
  #answering = false
  #end: Status | undefined
  #flow: Flow | undefined
  #idle: IdleWatch | undefined

  constructor({ ingress, request, response, clock, log }: CallInit) {
    const received = clock.now()
    this.#ingress = ingress
    this.request = request
    this.response = response
    this.clock = clock
    this.log = log
    this.match = ingress.snapshot.router.find(request.head, false)
    const id = callId(request)
    let plan: Plan
    try {
      plan = planRequest(request, this.match, id, received)
    } catch (thrown) {
      plan = refusedPlan(this.match, received)
      this.#refusal = toGatewayError(thrown)
    }
    this.plan = plan
    this.exchange = createExchange({
      head: request.head,
      protocol: 'http',
      match: this.match,
      metadata: plan.metadata,
      request: plan.body.stream,
      peer: request.peer,
      deadline: plan.deadline,
      clock,
      id,
    })
    this.tally = tallyOf(this.exchange)
    this.exchange.onEnd((status) => this.#ended(status))
  }

  /** `te: trailers` was sent. */
  get takesTrailers(): boolean {
    return takesTrailers(this.request.head)
  }
  /** A HEAD request: what is written behind the head goes nowhere. */
  get headOnly(): boolean {
    return this.request.head.method === 'HEAD'
  }

  /** Reads the body where it must come first, and dispatches. */
  run(): void {
    if (this.#answering) return
    try {
      if (this.#refusal !== undefined) this.fail(this.#refusal)
      else if (this.plan.finished) this.#answer(() => writeFinished(this))
      else if (this.plan.body.begin(this)) this.ready()
    } catch (thrown) {
      this.fail(toGatewayError(thrown))
    }
  }

  ready(): void {
    if (this.#end !== undefined || this.#answering) return
    const { clock, match } = this
    this.dispatched = clock.now()
    const { operation, settings } = match.route
    if (operation.shape !== 'unary') this.#idle = watchIdle(clock, settings.idleTimeout, () => this.#silent())
    settle(
      this.exchange,
      this.#ingress,
      (reply) => this.#answer(() => writeReply(this, reply)),
      (error) => this.fail(error),
    )
  }

  broken(error: GatewayError): void {
    if (Number.isNaN(this.dispatched)) this.fail(error)
    else this.exchange.cancel(error.status)
  }
  /** Something was sent or came: the call is not idle. */
  touch(): void {
    this.#idle?.touch()
  }

  /** Answers with an error, unless an answer has begun. */
  fail(error: GatewayError): void {
    if (!this.#answering) this.#answer(() => writeError(this, error))
  }

  /** Reads a reply's messages into `sink`, at the pace of the client, until the call is over. */
  pipe(messages: MessageStream, sink: MessageSink): void {
    this.response.onDrain(() => this.#flow?.resume())
    const flow = messages.pipe(sink)
    this.#flow = flow
    if (this.#end !== undefined) flow.cancel(this.#end)
  }

  /** The last byte is written. */
  finish(status: Status): void {
    this.exchange.end(status)
  }

  /** The response is over; `complete` is false when the connection was lost first. */
  closed(complete: boolean): void {
    if (!complete) this.exchange.cancel(gone())
  }

  #answer(write: () => void): void {
    this.#answering = true
    try {
      write()
    } catch (thrown) {
      const error = toGatewayError(thrown)
      // Nothing was written yet.
      if (this.tally.httpStatus === 0) {
        this.#answer(() => writeError(this, error))
        return
      }
      // Nobody else will end what failed half-written.
      this.log.warn({ err: error.cause ?? error, exchange: this.exchange.id }, 'an answer could not be written')
      this.response.abort()
      this.exchange.cancel(error.status)
    }
  }

  /** The exchange is over: by the last byte, the deadline, the client or the idle watch. */
  #ended(status: Status): void {
    this.#end = status
    void this.#idle?.stop()
    if (this.#flow !== undefined) this.#flow.cancel(status)
    else if (Number.isNaN(this.dispatched)) this.fail(new GatewayError(status, originOf(status)))
  }

  #silent(): void {
    const streamed = isStreamed(this.match.route.operation) ? 'stream' : 'call'
    this.exchange.cancel(
      makeStatus(Code.DEADLINE_EXCEEDED, `the ${streamed} was silent for longer than its route allows`, {
        reason: 'STREAM_IDLE',
      }),
    )
  }
}

const originOf = (status: Status): 'client' | 'gateway' => (status.code === Code.CANCELLED ? 'client' : 'gateway')
const gone = (): Status => errors.cancelled('the client went away').status
