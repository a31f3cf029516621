import { testClock } from '../../src/core/clock.ts'
import type { MessageType } from '../../src/core/descriptor.ts'
import { createExchange, type Exchange, type ExchangeInit, type LiveExchange } from '../../src/core/exchange.ts'
import type { Handler, Reply } from '../../src/core/handler.ts'
import { type Codec, type Message, makeMessage } from '../../src/core/message.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import type { Context } from '../../src/core/module.ts'
import type { Route, RouteMatch, RouteSettings } from '../../src/core/router.ts'
import type { Operation, Schema, Shape } from '../../src/core/schema.ts'
import { SharedResources } from '../../src/core/shared.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import type { Status } from '../../src/core/status.ts'
import {
  ended,
  type Flow,
  type Mark,
  type MessageSink,
  type MessageStream,
  type Notice,
  Source,
} from '../../src/core/stream.ts'

/** A message type without fields: enough where nobody looks inside. */
export const fakeType = (name = 'test.Thing'): MessageType => ({
  name,
  fields: [],
  field: () => undefined,
  byNumber: () => undefined,
  comment: '',
})

/** Codecs over JSON text: `json` is the text itself, `proto` the text behind one byte 0, `opaque` and `text` the bytes. */
const jsonCodec = (name: string, lead: Uint8Array): Codec => ({
  name,
  decode: (_type, bytes) => JSON.parse(Buffer.from(bytes.subarray(lead.length)).toString()),
  encode(_type, value, out) {
    const bytes = Buffer.concat([lead, Buffer.from(JSON.stringify(value))])
    out.ensure(bytes.length)
    out.buffer.set(bytes, out.length)
    out.length += bytes.length
  },
})
const rawCodec = (name: string): Codec => ({
  name,
  decode: (_type, bytes) => bytes,
  encode(_type, value, out) {
    const bytes = value as Uint8Array
    out.ensure(bytes.length)
    out.buffer.set(bytes, out.length)
    out.length += bytes.length
  },
})

/** A Schema of no operations whose codecs are the simple ones above. `parts` replaces members. */
export const fakeSchema = (parts: Partial<Schema> = {}): Schema => {
  const codecs = new Map<string, Codec>([
    ['json', jsonCodec('json', new Uint8Array(0))],
    ['proto', jsonCodec('proto', new Uint8Array(1))],
    ['opaque', rawCodec('opaque')],
    ['text', rawCodec('text')],
  ])
  const types = new Map<string, MessageType>()
  return {
    operations: new Map(),
    services: new Map(),
    rules: () => [],
    place: () => undefined,
    type(name) {
      if (!types.has(name)) types.set(name, fakeType(name))
      return types.get(name)
    },
    codec(name) {
      const found = codecs.get(name)
      if (found === undefined) throw new Error(`no fake codec "${name}"`)
      return found
    },
    transcoder: (type, from, to) => (bytes, out) => to.encode(type, from.decode(type, bytes), out),
    ...parts,
  }
}

export interface FakeSnapshot extends Snapshot {
  /** Retained and not yet released. */
  readonly held: number
}
/** A Snapshot that counts its holders; more releases than retains throw. `parts` replaces members. */
export const fakeSnapshot = (parts: Partial<Snapshot> = {}): FakeSnapshot => {
  let held = 0
  return {
    revision: 1,
    router: {
      find: () => fakeMatch(),
      findOperation: () => undefined,
      routes: [],
    },
    schema: fakeSchema(),
    upstreams: new Map(),
    options: () => {
      throw new Error('this fake snapshot has no options')
    },
    retain() {
      held++
    },
    release() {
      if (held === 0) throw new Error('released more often than retained')
      held--
    },
    ...parts,
    get held() {
      return held
    },
  }
}

export const fakeOperation = (parts: Partial<Operation> = {}): Operation => ({
  name: 'test.Things/Do',
  shape: 'unary',
  input: fakeType(),
  output: fakeType(),
  idempotent: false,
  ...parts,
})

export const fakeSettings = (schema: Schema, parts: Partial<RouteSettings> = {}): RouteSettings => ({
  requestCodec: schema.codec('json'),
  replyCodec: schema.codec('json'),
  replyJson: {},
  timeout: Number.POSITIVE_INFINITY,
  idleTimeout: Number.POSITIVE_INFINITY,
  maxBodyBytes: 4 * 1024 * 1024,
  maxMessageBytes: 4 * 1024 * 1024,
  stream: 'ndjson',
  forwardRequest: undefined,
  forwardResponse: undefined,
  needsBody: false,
  target: 'rpc',
  ...parts,
})

/** A Route whose handler answers with one empty stream. */
export const fakeRoute = (parts: Partial<Route> = {}, schema: Schema = fakeSchema()): Route => ({
  id: 'route',
  template: '/test.Things/Do',
  method: 'POST',
  operation: fakeOperation(),
  binding: undefined,
  settings: fakeSettings(schema),
  handler: () => fakeReply(),
  guard: () => undefined,
  ...parts,
})

export interface FakeMatchParts extends Partial<Omit<RouteMatch, 'route'>> {
  readonly route?: Partial<Route>
  readonly shape?: Shape
}
export const fakeMatch = ({ route, shape, ...parts }: FakeMatchParts = {}): RouteMatch => {
  const snapshot = parts.snapshot ?? fakeSnapshot()
  const operation = fakeOperation({ ...route?.operation, ...(shape === undefined ? {} : { shape }) })
  return { route: fakeRoute({ ...route, operation }, snapshot.schema), params: [], miss: undefined, ...parts, snapshot }
}

/** A message over any JSON value: bytes are its text, codec `json` of `schema`. */
export const jsonMessage = (value: unknown, schema: Schema = SCHEMA, type: MessageType = fakeType()): Message =>
  makeMessage({ schema, type, codec: schema.codec('json'), bytes: Buffer.from(JSON.stringify(value)) })
const SCHEMA = fakeSchema()

export interface LoopbackInit extends Partial<ExchangeInit> {
  readonly method?: string
  /** Raw path with query. */
  readonly path?: string
  /** Flat `[name, value, …]`, lower case: headers of the head, and the metadata unless that is given. */
  readonly headers?: readonly string[]
  /** Shape of the operation, when no `match` is given. */
  readonly shape?: Shape
}
/** An exchange without a socket. Nothing is routed: `match` is a fake unless given. Its clock stands still unless given. */
export const loopbackExchange = (init: LoopbackInit = {}): LiveExchange => {
  const { method = 'POST', path = '/test.Things/Do', headers = [], shape, ...given } = init
  return createExchange({
    head: {
      method,
      path,
      authority: 'gateway.test',
      scheme: 'http',
      httpVersion: '1.1',
      headers: makeMetadata([...headers]),
    },
    protocol: 'loopback',
    match: fakeMatch(shape === undefined ? {} : { shape }),
    metadata: makeMetadata([...headers]),
    request: ended(),
    peer: { address: '192.0.2.1', certificate: undefined },
    deadline: Number.POSITIVE_INFINITY,
    clock: testClock(),
    ...given,
  })
}

export const fakeReply = (messages: MessageStream = ended(), parts: Partial<Reply> = {}): Reply => ({
  metadata: makeMetadata(),
  messages,
  httpStatus: undefined,
  position: undefined,
  ...parts,
})

export interface SinkRecorder extends MessageSink {
  readonly messages: Message[]
  readonly marks: (Mark | undefined)[]
  readonly notices: Notice[]
  /** Everything in the order of arrival: 'message', 'notice', 'end'. */
  readonly order: string[]
  /** Every end that was delivered: a correct stream makes exactly one. */
  readonly ends: Status[]
  readonly skipped: (number | undefined)[]
  /** Resolves with the first end. */
  readonly done: Promise<Status>
  /** Decoded values of the messages. */
  values(): unknown[]
  /** Pipes `stream` into this sink and remembers the flow. */
  read(stream: MessageStream): this
  /** Gives room for `count` more messages and resumes. */
  more(count?: number): void
  cancel(status: Status): void
}
/**
 * A sink that writes down what it is told. It has `room` (1 or more) for so many messages: the one that fills it is answered
 * with false.
 * A message that comes while there is no room throws, because rule 4 forbids it.
 */
export const recorder = (room: number = Number.POSITIVE_INFINITY): SinkRecorder => {
  let left = room
  let flow: Flow | undefined
  const { promise, resolve } = Promise.withResolvers<Status>()
  const sink: SinkRecorder = {
    messages: [],
    marks: [],
    notices: [],
    order: [],
    ends: [],
    skipped: [],
    done: promise,
    message(message, mark) {
      if (left <= 0) throw new Error('a message came before resume()')
      sink.messages.push(message)
      sink.marks.push(mark)
      sink.order.push('message')
      left--
      return left > 0
    },
    notice(notice) {
      sink.notices.push(notice)
      sink.order.push('notice')
    },
    end(status, skipped) {
      sink.ends.push(status)
      sink.skipped.push(skipped)
      sink.order.push('end')
      resolve(status)
    },
    values: () => sink.messages.map((message) => message.value()),
    read(stream) {
      flow = stream.pipe(sink)
      return sink
    },
    more(count = Number.POSITIVE_INFINITY) {
      left += count
      flow?.resume()
    },
    cancel: (status) => flow?.cancel(status),
  }
  return sink
}

export interface FakeBackend {
  readonly call: Handler
  /** Every exchange that reached it. */
  readonly calls: Exchange[]
  /** The reply stream of the last call: push messages and the end here. */
  readonly source: Source
  /** Status of a cancelled reply stream, once for each cancel. */
  readonly cancelled: Status[]
  /** How often the reader asked for more. */
  readonly resumed: number
}
/** A target that answers at once with a stream which the test feeds. It follows the outbound rule: the exchange's end cancels. */
export const fakeBackend = (): FakeBackend => {
  const calls: Exchange[] = []
  const cancelled: Status[] = []
  let resumed = 0
  let source: Source | undefined
  return {
    call(exchange) {
      calls.push(exchange)
      const made = new Source({
        resume() {
          resumed++
        },
        cancel: (status) => void cancelled.push(status),
      })
      exchange.onEnd((status) => made.cancel(status))
      source = made
      return fakeReply(made)
    },
    calls,
    cancelled,
    get source() {
      if (source === undefined) throw new Error('the backend was not called')
      return source
    },
    get resumed() {
      return resumed
    },
  }
}

export interface FakeContext extends Context {
  /** What was logged: `warn …` and `info …`. */
  readonly logged: string[]
  /** Stops what was owned, last first, and lets go of what was shared: the end of a snapshot. */
  stop(): Promise<void>
}
/** A Context on a clock that stands still, unless `parts` has another. */
export const fakeContext = (parts: Partial<Context> = {}): FakeContext => {
  const logged: string[] = []
  const owned: (() => Promise<void>)[] = []
  const shared = new SharedResources()
  return {
    log: {
      warn: (_fields, message) => void logged.push(`warn ${message}`),
      info: (_fields, message) => void logged.push(`info ${message}`),
    },
    clock: testClock(),
    schema: SCHEMA,
    own: (resource) => void owned.push(() => resource.stop()),
    shared(key, make) {
      const lease = shared.acquire(key, make)
      owned.push(() => lease.release())
      return lease.value
    },
    ...parts,
    logged,
    async stop() {
      for (const stop of owned.splice(0).reverse()) await stop()
    },
  }
}
