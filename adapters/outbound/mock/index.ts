import {
  type Channel,
  type Clock,
  Code,
  ConfigError,
  defineOutbound,
  type Exchange,
  errors,
  GatewayError,
  type Message,
  makeStatus,
  nearest,
  parseDuration,
  type Reply,
  type Source,
  type Status,
  z,
} from '../../../src/spi.ts'
import { Answers, Echoing, Gathering, type MockSettings, readOne, replyOf, Ticking, unaryReply } from './call.ts'

const config = z.object({}).describe('Nothing: the address says it all')

/**
 * Answers any method from its schema, in place of a backend. `mock:`, or with options `mock:?seed=7&interval=200ms&count=10`:
 * another seed gives other answers and the same one always the same; `interval` (default 1s) and `count` (default: until the
 * client leaves) are those of server streams. Fields of the answer that the request has as well get the request's value.
 * A client stream is answered after its end from its last message, a bidi stream message by message.
 */
export const mock = defineOutbound<object>({
  name: 'mock',
  schemes: ['mock'],
  config,
  connect: (address, _config, context) => new MockChannel(parseMockAddress(address), context.clock),
})

const OPTIONS = ['seed', 'interval', 'count']

/** Throws ConfigError `ENDPOINT_INVALID` that names what is wrong. */
export const parseMockAddress = (address: string): MockSettings => {
  const [, query] = /^mock:(?:\/\/)?(?:\?(.*))?$/i.exec(address) ?? []
  if (query === undefined && !/^mock:(?:\/\/)?\??$/i.test(address)) throw invalid(address, 'it has more than options')
  const options = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query ?? '')) {
    if (!OPTIONS.includes(name)) throw invalid(address, `there is no option "${name}"`, nearest(name, OPTIONS))
    if (options.has(name)) throw invalid(address, `"${name}" stands there twice`)
    options.set(name, value)
  }
  const interval = parseDuration(options.get('interval') ?? '1s')
  if (interval === undefined) throw invalid(address, '"interval" is no duration such as "200ms" or "1s"')
  const count = options.get('count')
  if (count !== undefined && !/^\d{1,15}$/.test(count)) throw invalid(address, '"count" is no number')
  return {
    seed: options.get('seed') ?? '0',
    interval,
    count: count === undefined ? Number.POSITIVE_INFINITY : Number(count),
  }
}

const invalid = (address: string, why: string, near?: string): ConfigError =>
  new ConfigError([
    {
      code: 'ENDPOINT_INVALID',
      severity: 'error',
      message: `"${address}" is not an address of a mock: ${why}`,
      hint: near === undefined ? 'write mock: or mock:?seed=7&interval=1s&count=10' : `did you mean "${near}"?`,
    },
  ])

const STOPPED = errors.unavailable('the mock was stopped').status

class MockChannel implements Channel {
  readonly #settings: MockSettings
  readonly #clock: Clock
  readonly #open = new Set<(status: Status) => void>()
  #stopped = false

  constructor(settings: MockSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  readonly call = (exchange: Exchange): Reply | Promise<Reply> => {
    if (this.#stopped) throw new GatewayError(STOPPED, 'upstream')
    this.#refuseEnded(exchange)
    const answers = new Answers(exchange, this.#settings)
    switch (exchange.match.route.operation.shape) {
      case 'unary':
        return this.#afterRequest(exchange, (request) => unaryReply(answers.make(request, 1)))
      case 'server_stream':
        return this.#afterRequest(exchange, (request) => this.#tick(exchange, answers, request))
      case 'client_stream':
        return this.#talk(exchange, new Gathering(answers))
      case 'bidi':
        return this.#talk(exchange, new Echoing(answers))
      default:
        throw errors.unimplemented('a mock answers methods of a schema, and this route has none', {
          reason: 'MOCK_WITHOUT_SCHEMA',
        })
    }
  }

  #refuseEnded(exchange: Exchange): void {
    let over: Status | undefined
    exchange.onEnd((status) => {
      over = status
    })
    if (over !== undefined) throw new GatewayError(over, 'client')
  }

  /** Synchronous when the request is here already. */
  #afterRequest(exchange: Exchange, answer: (request: Message) => Reply): Reply | Promise<Reply> {
    const { request } = exchange
    if (request.unary !== undefined && request.status?.code === Code.OK) return answer(request.unary)
    return new Promise((resolve, reject) => {
      let done = false
      const flow = readOne(exchange, (result) => {
        done = true
        try {
          if (result instanceof GatewayError) throw result
          resolve(answer(result))
        } catch (thrown) {
          reject(thrown)
        }
      })
      if (!done) this.#watch(exchange, (status) => flow.cancel(status))
    })
  }

  #tick(exchange: Exchange, answers: Answers, request: Message): Reply {
    const ticking = new Ticking(answers, request, this.#settings, this.#clock)
    ticking.start()
    return this.#stream(exchange, ticking.messages)
  }

  #talk(exchange: Exchange, side: Gathering | Echoing): Reply {
    side.read(exchange)
    return this.#stream(exchange, side.messages)
  }

  /** The answers end with the exchange; one that ended well before its last answer was read lets them go. */
  #stream(exchange: Exchange, messages: Source): Reply {
    this.#watch(exchange, (status) => messages.cancel(status.code === Code.OK ? GONE : status))
    return replyOf(messages)
  }

  #watch(exchange: Exchange, cancel: (status: Status) => void): void {
    this.#open.add(cancel)
    exchange.onEnd((status) => {
      this.#open.delete(cancel)
      cancel(status)
    })
  }

  stop(): Promise<void> {
    this.#stopped = true
    for (const cancel of [...this.#open]) cancel(STOPPED)
    this.#open.clear()
    return Promise.resolve()
  }
}

const GONE = makeStatus(Code.CANCELLED, 'the call is over')
