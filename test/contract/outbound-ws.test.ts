import { ws } from '../../adapters/outbound/ws/index.ts'
import { systemClock } from '../../src/core/clock.ts'
import { makeMessage } from '../../src/core/message.ts'
import { Source } from '../../src/core/stream.ts'
import { testContext } from '../support/backend-calls.ts'
import { fakeMatch, fakeSchema, loopbackExchange } from '../support/loopback.ts'
import { jobFrame, startWsBackend, until } from '../support/ws-backend.ts'
import { type CallOptions, type Job, outboundContract } from './outbound.ts'

const schema = fakeSchema()
const clock = systemClock()

const message = (job: Job, size = 0) => {
  const { operation } = fakeMatch().route
  return makeMessage({ schema, type: operation.input, codec: schema.codec('opaque'), bytes: jobFrame(job, size) })
}
const exchange = (job: Job, { request, timeout, metadata = [] }: CallOptions = {}) => {
  // It stays open: the end of the request is the close of a WebSocket, and here the backend is to close.
  const source = new Source({ resume() {}, cancel() {} })
  source.push(message(job))
  return loopbackExchange({
    path: '/socket?a=b',
    shape: 'bidi',
    clock,
    request: request ?? source,
    headers: metadata,
    ...(timeout === undefined ? {} : { deadline: clock.now() + timeout }),
  })
}
const config = (parts: { maxMessageBytes?: number; connectTimeout?: number }) => ({
  connectTimeout: `${parts.connectTimeout ?? 2000}ms`,
  limits: { message: `${parts.maxMessageBytes ?? 4 * 1024 * 1024}B` },
})

outboundContract('ws', {
  shapes: ['bidi'],
  framed: true,
  // Buffers of the kernel on loopback, and what each side holds above its high-water mark.
  inFlight: 16 * 1024 * 1024,
  async start(options) {
    const backend = await startWsBackend()
    const channel = ws.connect(backend.address, config(options), testContext())
    return {
      channel,
      exchange: (_shape, job, init) => exchange(job, init),
      message,
      size: (answer) => answer.bytes.length,
      open: () => backend.open,
      total: () => backend.total,
      sentBytes: () => backend.sent,
      readBytes: () => backend.read,
      readOn: () => backend.readOn(),
      received: (name) => backend.heads.at(-1)?.headers[name] as string | undefined,
      until,
      async stop() {
        await channel.stop()
        await backend.stop()
      },
    }
  },
  unreachable: () => ({
    channel: ws.connect('ws://127.0.0.1:1', config({}), testContext()),
    address: '127.0.0.1:1',
    exchange: () => exchange({ do: 'echo' }),
  }),
})
