/**
 * What `protogate/spi` promises to extensions, as types: `npm run check:types` compiles this file, and nothing runs it. Every
 * `@ts-expect-error` is a mistake that must stay one.
 */
import {
  type AttributeKey,
  attributeKey,
  type Balancer,
  type BalancerModule,
  type Channel,
  Code,
  type Context,
  compose,
  type DiscoveryModule,
  defineBalancer,
  defineDiscovery,
  defineInbound,
  defineOutbound,
  definePolicy,
  duration,
  type EndpointSpec,
  type Exchange,
  emptyMetadata,
  errors,
  type GatewayError,
  type Handler,
  type InboundModule,
  type LiveExchange,
  type Message,
  type MessageSink,
  type MessageStream,
  type Module,
  makeStatus,
  mapMessages,
  Observable,
  type OutboundModule,
  outboundSettings,
  type Policy,
  type PolicyModule,
  type Reply,
  readSettings,
  type Source,
  type Status,
  unary,
  z,
} from 'protogate/spi'

/** Both are the same type, neither `any`. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <T extends true>(): T | undefined => undefined

// A policy: its options come from its schema, defaults filled in.
const keys = z.strictObject({
  header: z.string().default('x-api-key'),
  keys: z.array(z.string()),
  wait: duration().optional(),
})
export const apiKey = definePolicy({
  name: 'api-key',
  stage: 'guard',
  config: keys,
  create(config, context) {
    holds<Same<typeof config, { header: string; keys: string[]; wait?: string | undefined }>>()
    holds<Same<typeof context, Context>>()
    return (next) => (exchange) => {
      holds<Same<typeof next, Handler>>()
      holds<Same<typeof exchange, Exchange>>()
      if (!config.keys.includes(exchange.metadata.get(config.header) ?? '')) throw errors.unauthenticated('no key')
      return next(exchange)
    }
  },
})
holds<Same<typeof apiKey, PolicyModule<z.output<typeof keys>>>>()

// It may wait, in `create` and in a call.
definePolicy({
  name: 'slow',
  stage: 'limit',
  needs: 'message',
  config: z.strictObject({}),
  create: async (_config, { clock }) => {
    await new Promise<void>((resolve) => void clock.after(1, resolve))
    return (next) => async (exchange) => next(exchange.fork({ deadline: clock.now() + 1 }))
  },
})
definePolicy({
  name: 'wrong-stage',
  // @ts-expect-error stages are a fixed list
  stage: 'somewhere',
  config: z.strictObject({}),
  create: () => (next) => next,
})
definePolicy({
  name: 'wrong-needs',
  stage: 'guard',
  // @ts-expect-error a policy needs the message or the body
  needs: 'everything',
  config: z.strictObject({}),
  create: () => (next) => next,
})
definePolicy({
  name: 'wrong-option',
  stage: 'guard',
  config: z.strictObject({ header: z.string() }),
  create(config) {
    // @ts-expect-error an option that the schema does not have
    const header: string = config.hedaer
    return (next) => (one) => (one.metadata.get(header) === '' ? reply(one.request) : next(one))
  },
})
definePolicy({
  name: 'wrong-reply',
  stage: 'guard',
  config: z.strictObject({}),
  // @ts-expect-error a handler answers with a Reply
  create: () => () => () => 'hello',
})
definePolicy({
  name: 'never-calls',
  stage: 'guard',
  config: z.strictObject({}),
  // @ts-expect-error a policy is a function around a handler, not a handler
  create: () => (exchange: Exchange) => exchange.id,
})
// @ts-expect-error a module has a configuration
definePolicy({ name: 'without-config', stage: 'guard', create: () => (next) => next })

// An outbound: `connect` returns at once.
const reply = (messages: MessageStream): Reply => ({
  metadata: emptyMetadata(),
  messages,
  httpStatus: undefined,
  position: undefined,
})
export const lines = defineOutbound({
  name: 'lines',
  schemes: ['lines'],
  config: outboundSettings,
  connect(address, settings, context): Channel {
    const { maxMessageBytes } = readSettings(settings)
    holds<Same<typeof maxMessageBytes, number>>()
    holds<Same<typeof address, string>>()
    holds<Same<keyof typeof context, 'log' | 'clock' | 'own' | 'shared'>>()
    return {
      call: (exchange) => {
        const { request } = exchange
        if (request.unary === undefined) throw errors.unimplemented(`no streams to ${address}`)
        const codec = exchange.match.snapshot.schema.codec('json')
        holds<Same<ReturnType<Message['as']>, Uint8Array>>()
        return request.unary.as(codec).length > maxMessageBytes ? reply(unary(request.unary)) : reply(request)
      },
      stop: () => Promise.resolve(),
    }
  },
})
holds<Same<typeof lines, OutboundModule<z.output<typeof outboundSettings>>>>()
defineOutbound({
  name: 'late',
  schemes: ['late'],
  config: z.strictObject({}),
  // @ts-expect-error a channel is there at once and connects later
  connect: async () => ({ call: () => reply(unary(message)), stop: () => Promise.resolve() }),
})
defineOutbound({
  name: 'endless',
  schemes: ['endless'],
  config: z.strictObject({}),
  // @ts-expect-error a channel can be stopped
  connect: () => ({ call: () => reply(unary(message)) }),
})
// @ts-expect-error an outbound says which schemes it speaks
defineOutbound({ name: 'none', config: z.strictObject({}), connect: () => channel })

// A discovery: an Observable of lists.
export const list = defineDiscovery({
  name: 'list',
  config: z.strictObject({ addresses: z.array(z.string()) }),
  watch: ({ addresses }) =>
    new Observable<readonly EndpointSpec[]>((subscriber) => {
      subscriber.next(addresses.map((address) => ({ address, weight: 1, zone: undefined })))
    }),
})
holds<Same<typeof list, DiscoveryModule<{ addresses: string[] }>>>()
defineDiscovery({
  name: 'once',
  config: z.strictObject({}),
  // @ts-expect-error a promise has one list, a discovery has them one after the other
  watch: async () => [{ address: 'grpc://a:1', weight: 1, zone: undefined }],
})
defineDiscovery({
  name: 'texts',
  config: z.strictObject({}),
  // @ts-expect-error endpoints are specs, not addresses
  watch: () => new Observable<string[]>(),
})

// A balancer: one `pick`.
export const first = defineBalancer({
  name: 'first',
  config: z.strictObject({}),
  create: (): Balancer => ({ pick: ([endpoint]) => endpoint }),
})
holds<Same<typeof first, BalancerModule<Record<string, never>>>>()
defineBalancer({
  name: 'index',
  config: z.strictObject({}),
  // @ts-expect-error an endpoint is picked, not its number
  create: () => ({ pick: () => 0 }),
})
defineBalancer({
  name: 'waiting',
  config: z.strictObject({}),
  // @ts-expect-error no promise on the way of every call
  create: () => ({ pick: async () => undefined }),
})

// An inbound: claims requests and dispatches.
export const hello = defineInbound({
  name: 'hello',
  section: 'greetings',
  config: z.strictObject({}),
  create: ({ clock, log }) => ({
    attach(listener, ingress) {
      listener.onRequest(
        (head) => head.method === 'HELLO',
        (_request, response) => {
          log.info({ at: clock.now(), revision: ingress.snapshot.revision }, 'hello')
          response.reply(200, ['content-type', 'text/plain'], Buffer.from('hello'))
        },
      )
    },
    drain: () => Promise.resolve(),
  }),
})
holds<Same<typeof hello, InboundModule<Record<string, never>>>>()
defineInbound({
  name: 'schema',
  config: z.strictObject({}),
  // @ts-expect-error an inbound outlives snapshots: it asks the current one for its schema
  create: ({ schema }) => ({ attach: () => schema, drain: () => Promise.resolve() }),
})
defineInbound({
  name: 'undrained',
  config: z.strictObject({}),
  // @ts-expect-error an inbound can be drained
  create: () => ({ attach() {} }),
})

// Every kind is a module.
export const modules: readonly Module[] = [apiKey, lines, list, first, hello]
// @ts-expect-error what is not defined is no module
export const none: Module = { name: 'x', config: z.strictObject({}) }

// What a call holds.
declare const exchange: Exchange
declare const live: LiveExchange
declare const message: Message
declare const stream: MessageStream
declare const channel: Channel
declare const source: Source

const principal: AttributeKey<{ name: string }> = attributeKey('principal')
exchange.set(principal, { name: 'ada' })
holds<Same<ReturnType<typeof exchange.get<{ name: string }>>, { name: string } | undefined>>()
// @ts-expect-error the value is not what the key is for
exchange.set(principal, 'ada')
// @ts-expect-error only the inbound, which made the call, ends it
exchange.end(makeStatus(Code.OK, ''))
live.end(makeStatus(Code.OK, ''))
// @ts-expect-error an exchange is not changed under those who hold it
exchange.metadata = emptyMetadata()
// @ts-expect-error bytes are what arrived
message.bytes = new Uint8Array(0)
holds<Same<ReturnType<typeof message.value<{ a: string }>>, { a: string }>>()

// Streams say when they have had enough, and end once.
export const sink: MessageSink = { message: () => true, end: (status: Status) => status.code }
// @ts-expect-error a sink says whether it takes more
export const mute: MessageSink = { message: () => {}, end() {} }
// @ts-expect-error a sink hears of the end
export const deaf: MessageSink = { message: () => true }
holds<Same<ReturnType<typeof source.push>, boolean>>()
mapMessages(stream, (one) => one.with({ changed: true }))

// Composition keeps the types.
const pass: Policy = (next) => (one) => next(one)
export const handler: Handler = compose([pass, pass], () => reply(stream))
// @ts-expect-error policies are a list
compose(pass, () => reply(stream))

// Errors carry a code of gRPC, and who is to blame.
const failed: GatewayError = errors.notFound('no such book', { reason: 'BOOK_NOT_FOUND' })
holds<Same<typeof failed.origin, 'client' | 'gateway' | 'upstream'>>()
holds<Same<Code, 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16>>()
// @ts-expect-error 99 is no code
makeStatus(99, 'unknown')
// @ts-expect-error reasons are words
errors.notFound('no such book', { reason: 404 })
