import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { LiveExchange } from '../../src/core/exchange.ts'
import { type Codec, type Message, makeMessage } from '../../src/core/message.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import type { Context } from '../../src/core/module.ts'
import type { Shape } from '../../src/core/schema.ts'
import { errors } from '../../src/core/status.ts'
import { type MessageStream, unary } from '../../src/core/stream.ts'
import { type Answer, decodeAnswer, decodeOrder, encodeOrder, type Order } from './grpc-backend.ts'
import { fakeMatch, fakeSchema, fakeSnapshot, fakeType, loopbackExchange } from './loopback.ts'

/** The methods of `test.v1.Backend` by shape. */
export const METHODS = {
  unary: 'Say',
  server_stream: 'Watch',
  client_stream: 'Collect',
  bidi: 'Chat',
} as const
export type RpcShape = keyof typeof METHODS

const orderType = fakeType('test.v1.Order')
const answerType = fakeType('test.v1.Answer')
const put = (bytes: Uint8Array, out: Parameters<Codec['encode']>[2]): void => {
  out.ensure(bytes.length)
  out.buffer.set(bytes, out.length)
  out.length += bytes.length
}

/** Real wire bytes of `test.v1` without the real schema; `json` is what JSON.parse takes. */
const proto: Codec = {
  name: 'proto',
  decode: (type, bytes) => (type.name === answerType.name ? decodeAnswer(bytes) : decodeOrder(bytes)),
  encode: (_type, value, out) => put(encodeOrder(value as Order), out),
}
const json: Codec = {
  name: 'json',
  decode(_type, bytes) {
    try {
      return JSON.parse(Buffer.from(bytes).toString())
    } catch (cause) {
      throw errors.invalidArgument('the body is not JSON', { reason: 'JSON_INVALID', cause })
    }
  },
  encode: (_type, value, out) => put(Buffer.from(JSON.stringify(value)), out),
}
const plain = fakeSchema()
export const backendSchema = fakeSchema({
  codec: (name) => (name === 'proto' ? proto : name === 'json' ? json : plain.codec(name)),
})

/** A request message in protobuf. */
export const order = (value: Order): Message =>
  makeMessage({ schema: backendSchema, type: orderType, codec: proto, bytes: encodeOrder(value) })
/** A request message of JSON text, valid or not. */
export const jsonOrder = (text: string): Message =>
  makeMessage({ schema: backendSchema, type: orderType, codec: json, bytes: Buffer.from(text) })
export const answerOf = (message: Message): Answer => decodeAnswer(message.bytes)

export interface CallInit {
  readonly request?: MessageStream
  /** ms from now. */
  readonly timeout?: number
  /** Flat `[name, value, …]`. */
  readonly metadata?: readonly string[]
  readonly clock?: Clock
  /** In place of the backend's method of that shape. */
  readonly method?: string
}
/** A call of the shape's method; `request` is one empty order unless given. */
export const backendCall = (shape: Shape, init: CallInit = {}): LiveExchange => {
  const clock = init.clock ?? CLOCK
  const name = init.method ?? `test.v1.Backend/${METHODS[shape as RpcShape]}`
  return loopbackExchange({
    match: fakeMatch({
      snapshot: fakeSnapshot({ schema: backendSchema }),
      route: { operation: { name, shape, input: orderType, output: answerType, idempotent: false } },
    }),
    request: init.request ?? unary(order({})),
    metadata: makeMetadata([...(init.metadata ?? [])]),
    deadline: init.timeout === undefined ? Number.POSITIVE_INFINITY : clock.now() + init.timeout,
    clock,
  })
}
const CLOCK = systemClock()

/** What a module is given: the real clock, a silent log. */
export const testContext = (clock: Clock = CLOCK): Context => ({
  log: { warn() {}, info() {} },
  clock,
  schema: backendSchema,
  own() {},
  shared: (_key, make) => make(),
})
