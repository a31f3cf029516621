import { http } from '../../adapters/outbound/http/index.ts'
import { outboundSettings } from '../../src/config/outbound-settings.ts'
import { unary } from '../../src/core/stream.ts'
import { testContext } from '../support/backend-calls.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { piece, proxyCall } from '../support/http-calls.ts'
import { type Job, outboundContract } from './outbound.ts'

const pathFor = (job: Job): string => {
  switch (job.do) {
    case 'echo':
      return '/echo'
    case 'answers':
      return `/answers?count=${job.count}&size=${job.size ?? 0}&break=${job.fail === undefined ? 0 : 1}`
    case 'endless':
      return `/endless?size=${job.size}`
    case 'stop-reading':
      return '/stop-reading'
    case 'hang':
    case 'fail':
      return '/hang'
  }
}

outboundContract('http', {
  shapes: ['bytes'],
  framed: false,
  // Send and receive buffers of the two sockets, as large as Linux makes them.
  inFlight: 24 * 1024 * 1024,
  async start() {
    const backend = await startHttpBackend()
    const channel = http.connect(backend.address, outboundSettings.parse({}), testContext())
    return {
      channel,
      exchange: (_shape, job, { metadata, ...init } = {}) =>
        proxyCall({
          method: 'POST',
          path: pathFor(job),
          request: unary(piece('')),
          ...init,
          ...(metadata === undefined ? {} : { headers: metadata }),
        }),
      message: (_job, size = 0) => piece(Buffer.alloc(size)),
      size: ({ bytes }) => bytes.length,
      open: () => backend.open,
      total: () => backend.calls.length,
      sentBytes: () => backend.calls.reduce((sum, call) => sum + call.sentBytes, 0),
      readBytes: () => backend.calls.reduce((sum, call) => sum + call.readBytes, 0),
      readOn: () => backend.readOn(),
      received: (name) => backend.calls.at(-1)?.headers[name]?.toString(),
      until: (condition, what) => backend.until(condition, what),
      async stop() {
        await channel.stop()
        await backend.stop()
      },
    }
  },
  unreachable: () => ({
    channel: http.connect('http://127.0.0.1:1', outboundSettings.parse({}), testContext()),
    address: '127.0.0.1:1',
    exchange: () => proxyCall(),
  }),
})
