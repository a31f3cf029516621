import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { LiveExchange } from '../../src/core/exchange.ts'
import { type Message, makeMessage } from '../../src/core/message.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import type { MessageStream } from '../../src/core/stream.ts'
import { ended } from '../../src/core/stream.ts'
import { fakeMatch, fakeSchema, fakeSettings, fakeSnapshot, fakeType, loopbackExchange } from './loopback.ts'

const schema = fakeSchema()
const type = fakeType('')
const CLOCK = systemClock()

/** One piece of a body. */
export const piece = (bytes: Uint8Array | string): Message =>
  makeMessage({ schema, type, codec: schema.codec('opaque'), bytes: Buffer.from(bytes) })
export const bodyOf = (messages: readonly Message[]): Buffer => Buffer.concat(messages.map(({ bytes }) => bytes))

export interface ProxyInit {
  readonly method?: string
  readonly path?: string
  /** Flat `[name, value, …]`: head and metadata. */
  readonly headers?: readonly string[]
  readonly request?: MessageStream
  /** ms from now. */
  readonly timeout?: number
  /** ms; of the route. */
  readonly idle?: number
  readonly clock?: Clock
}
/** A plain HTTP request on its way to a backend. */
export const proxyCall = (init: ProxyInit = {}): LiveExchange => {
  const clock = init.clock ?? CLOCK
  const settings = fakeSettings(schema, { target: 'http', idleTimeout: init.idle ?? Number.POSITIVE_INFINITY })
  return loopbackExchange({
    method: init.method ?? 'GET',
    path: init.path ?? '/',
    headers: init.headers ?? [],
    match: fakeMatch({
      snapshot: fakeSnapshot({ schema }),
      route: { operation: { name: 'route', shape: 'bytes', input: type, output: type, idempotent: false }, settings },
    }),
    metadata: makeMetadata([...(init.headers ?? [])]),
    request: init.request ?? ended(),
    deadline: init.timeout === undefined ? Number.POSITIVE_INFINITY : clock.now() + init.timeout,
    clock,
  })
}
