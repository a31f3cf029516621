import { outboundSettings } from '../../src/config/outbound-settings.ts'
import type { Shape } from '../../src/core/schema.ts'
import { unary } from '../../src/core/stream.ts'
import { answerOf, backendCall, order, testContext } from '../support/backend-calls.ts'
import { type Order, startGrpcBackend } from '../support/grpc-backend.ts'
import { GRPC_OUTBOUNDS } from '../support/grpc-outbounds.ts'
import { type Job, outboundContract } from './outbound.ts'

const orderFor = (job: Job): Order => {
  switch (job.do) {
    case 'echo':
      return { count: 1 }
    case 'answers':
      return { count: job.count, size: job.size ?? 0, ...(job.fail === undefined ? {} : { fail: { code: job.fail } }) }
    case 'endless':
      return { endless: true, size: job.size }
    case 'hang':
      return { hang: true }
    case 'fail':
      return { fail: { code: job.code } }
    case 'stop-reading':
      return { stop_reading: true, count: 1 }
  }
}

const settings = ({ maxMessageBytes = 4 * 1024 * 1024 }: { maxMessageBytes?: number }) =>
  outboundSettings.parse({ limits: { message: `${maxMessageBytes}B` } })

for (const outbound of GRPC_OUTBOUNDS)
  outboundContract(outbound.name, {
    shapes: ['unary', 'server_stream', 'client_stream', 'bidi'],
    framed: true,
    // The flow-control window of HTTP/2, and 16 messages in each object stream of grpc-js's server.
    inFlight: 1024 * 1024,
    async start(options) {
      const backend = await startGrpcBackend()
      const channel = outbound.connect(backend.address, settings(options), testContext())
      const message = (job: Job, size = 0) => {
        // An echo is as long as its text; other payloads are padding of the request.
        const text = job.do === 'echo' ? 'x'.repeat(size) : ''
        const padding = job.do === 'echo' ? Buffer.alloc(0) : Buffer.alloc(size)
        return order({ ...orderFor(job), text, padding })
      }
      return {
        channel,
        exchange: (shape: Shape, job, init = {}) =>
          backendCall(shape, { ...init, request: init.request ?? unary(message(job)) }),
        message,
        size: (answer) => answerOf(answer).text.length + answerOf(answer).padding.length,
        open: () => backend.open,
        total: () => backend.calls.length,
        sentBytes: () => backend.calls.reduce((sum, call) => sum + call.sent * (call.orders[0]?.size ?? 0), 0),
        readBytes: () =>
          backend.calls.flatMap((call) => call.orders).reduce((sum, { padding }) => sum + padding.length, 0),
        readOn: () => backend.readOn(),
        received: (name) => backend.calls.at(-1)?.metadata.get(name)[0]?.toString(),
        until: (condition, what) => backend.until(condition, what),
        async stop() {
          await channel.stop()
          await backend.stop()
        },
      }
    },
    unreachable: () => ({
      channel: outbound.connect('grpc://127.0.0.1:1', settings({}), testContext()),
      address: '127.0.0.1:1',
      exchange: (shape) => backendCall(shape),
    }),
  })
