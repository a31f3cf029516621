import {
  Bytes,
  type Clock,
  Code,
  type Exchange,
  emptyMetadata,
  errors,
  type Flow,
  GatewayError,
  type Message,
  type MessageSink,
  makeMessage,
  makeStatus,
  OK,
  type Reply,
  type Resource,
  Source,
  type SourceControl,
  type Status,
  toGatewayError,
  unary,
} from '../../../src/spi.ts'
import { makeAnswer, type Value } from './answer.ts'
import { Random } from './random.ts'

export interface MockSettings {
  readonly seed: string
  /** Between two answers of a server stream, ms. */
  readonly interval: number
  /** Answers of a server stream; Infinity: until the client leaves. */
  readonly count: number
}

/** A day of 2026, so that answers of the same seed are the same on every day. */
const EPOCH = Date.UTC(2026, 0, 1, 9)
const YEAR_SECONDS = 365 * 24 * 3600
/** Without an interval so many answers are made before others get their turn. */
const BURST = 64

/** What is common to the answers of one call. */
export class Answers {
  readonly #exchange: Exchange
  readonly #seed: string
  readonly #interval: number

  constructor(exchange: Exchange, { seed, interval }: MockSettings) {
    this.#exchange = exchange
    this.#seed = seed
    this.#interval = interval
  }

  /** Answer number `index` (from 1) to `request`. Throws INVALID_ARGUMENT when the request does not fit its type. */
  make(request: Message | undefined, index: number, change?: (value: Value) => void): Message {
    const { route, snapshot } = this.#exchange.match
    const { schema } = snapshot
    const { operation } = route
    const codec = schema.codec('proto')
    const asked = request?.as(codec) ?? new Uint8Array(0)
    const time = EPOCH + new Random(this.#seed, operation.name, asked).whole(0, YEAR_SECONDS) * 1000
    const value = makeAnswer({
      type: operation.output,
      requestType: operation.input,
      request: request?.value<Value>(),
      random: new Random(this.#seed, operation.name, asked, String(index)),
      time: time + (index - 1) * Math.max(1, Math.round(this.#interval)),
      index,
      typeNamed: (name) => schema.type(name),
    })
    change?.(value)
    const out = new Bytes()
    codec.encode(operation.output, value, out)
    return makeMessage({ schema, type: operation.output, codec, bytes: out.take() })
  }
}

export const replyOf = (messages: Reply['messages']): Reply => ({
  metadata: emptyMetadata(),
  messages,
  httpStatus: undefined,
  position: undefined,
})

/** The one request message of a call. `flow` may be cancelled before it comes. */
export const readOne = (exchange: Exchange, done: (result: Message | GatewayError) => void): Flow => {
  let first: Message | undefined
  return exchange.request.pipe({
    message(message) {
      first ??= message
      return true
    },
    end(status) {
      if (status.code !== Code.OK) done(new GatewayError(status, 'client'))
      else done(first ?? errors.invalidArgument('the call has no request message', { reason: 'REQUEST_MISSING' }))
    },
  })
}

/** Answers at once, then every `interval`, as long as the reader goes along. */
export class Ticking implements SourceControl {
  readonly messages = new Source(this)
  readonly #answers: Answers
  readonly #request: Message
  readonly #clock: Clock
  readonly #interval: number
  readonly #count: number
  #index = 0
  /** The reader wants no more for now. */
  #waits = false
  #timer: Resource | undefined

  constructor(answers: Answers, request: Message, settings: MockSettings, clock: Clock) {
    this.#answers = answers
    this.#request = request
    this.#clock = clock
    this.#interval = settings.interval
    this.#count = Math.min(settings.count, askedFor(request.value()))
  }

  /** Makes the first answer, so that a request that does not fit fails before the head. */
  start(): void {
    this.#tick()
  }

  resume(): void {
    if (!this.#waits) return
    this.#waits = false
    this.#later()
  }
  cancel(): void {
    void this.#timer?.stop()
  }

  #tick(): void {
    for (let made = this.#interval === 0 ? BURST : 1; made > 0 && this.#index < this.#count; made--) {
      if (this.messages.over) return
      if (this.messages.push(this.#answers.make(this.#request, ++this.#index))) continue
      this.#waits = !this.messages.over
      if (this.#index >= this.#count) break
      return
    }
    this.#later()
  }
  #later(): void {
    if (this.messages.over) return
    if (this.#index >= this.#count) this.messages.end(OK)
    else this.#timer = this.#clock.after(this.#interval, () => this.#tick())
  }
}

/** A request that says how many it wants by `count` or `limit` gets so many. */
const askedFor = (request: Value): number => {
  for (const name of ['count', 'limit']) {
    const asked = request[name]
    if ((typeof asked === 'number' || typeof asked === 'bigint') && asked > 0) return Number(asked)
  }
  return Number.POSITIVE_INFINITY
}

/** One answer for each request message (bidi). */
export class Echoing implements SourceControl, MessageSink {
  readonly messages = new Source(this)
  readonly #answers: Answers
  #flow: Flow | undefined
  #index = 0

  constructor(answers: Answers) {
    this.#answers = answers
  }
  read(exchange: Exchange): void {
    this.#flow = exchange.request.pipe(this)
    if (this.messages.over) this.#flow.cancel(GONE)
  }

  message(message: Message): boolean {
    if (this.messages.over) return true
    try {
      return this.messages.push(this.#answers.make(message, ++this.#index))
    } catch (thrown) {
      this.#fail(toGatewayError(thrown).status)
      return false
    }
  }
  end(status: Status): void {
    this.messages.end(status)
  }
  resume(): void {
    this.#flow?.resume()
  }
  cancel(status: Status): void {
    this.#flow?.cancel(status)
  }
  /** Ends the answers, and the request behind the message that is being handed over. */
  #fail(status: Status): void {
    this.messages.end(status)
    queueMicrotask(() => this.#flow?.cancel(status))
  }
}

/** One answer when all request messages have come: from the last, and with their number (client stream). */
export class Gathering implements SourceControl, MessageSink {
  readonly messages = new Source(this)
  readonly #answers: Answers
  #flow: Flow | undefined
  #last: Message | undefined
  #number = 0

  constructor(answers: Answers) {
    this.#answers = answers
  }
  read(exchange: Exchange): void {
    this.#flow = exchange.request.pipe(this)
    if (this.messages.over) this.#flow.cancel(GONE)
  }

  message(message: Message): boolean {
    try {
      // A message that does not fit is told at once, not behind the last.
      message.value()
      this.#last = message
      this.#number++
      return true
    } catch (thrown) {
      const { status } = toGatewayError(thrown)
      this.messages.end(status)
      queueMicrotask(() => this.#flow?.cancel(status))
      return false
    }
  }
  end(status: Status): void {
    if (this.messages.over || this.messages.status !== undefined) return
    if (status.code !== Code.OK) {
      this.messages.end(status)
      return
    }
    this.messages.push(this.#answers.make(this.#last, 1, (value) => this.#count(value)))
    this.messages.end(OK)
  }
  #count(value: Value): void {
    for (const name of ['count', 'total', 'received', 'messages']) {
      if (typeof value[name] === 'number') value[name] = this.#number
      else if (typeof value[name] === 'bigint') value[name] = BigInt(this.#number)
    }
  }
  resume(): void {
    this.#flow?.resume()
  }
  cancel(status: Status): void {
    this.#flow?.cancel(status)
  }
}

const GONE = makeStatus(Code.CANCELLED, 'the call is over')
export const unaryReply = (message: Message): Reply => replyOf(unary(message))
