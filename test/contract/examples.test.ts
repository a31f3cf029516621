import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { fileList } from '../../examples/discovery/file-list.ts'
import { jsonl } from '../../examples/outbound/jsonl.ts'
import { teamOnly } from '../../examples/policy/team-only.ts'
import { systemClock } from '../../src/core/clock.ts'
import { makeMessage } from '../../src/core/message.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import type { Shape } from '../../src/core/schema.ts'
import { Code, type GatewayError } from '../../src/core/status.ts'
import { unary } from '../../src/core/stream.ts'
import { loadSchema } from '../../src/schema/schema.ts'
import { METHODS, type RpcShape, testContext } from '../support/backend-calls.ts'
import { BACKEND_PROTO } from '../support/grpc-backend.ts'
import { startJsonlBackend } from '../support/jsonl-backend.ts'
import { fakeMatch, fakeSnapshot, loopbackExchange } from '../support/loopback.ts'
import { until } from '../support/ws-backend.ts'
import { discoveryContract } from './discovery.ts'
import { type CallOptions, type Job, outboundContract } from './outbound.ts'
import { policyContract } from './policy.ts'

policyContract('examples: team-only', (context) => teamOnly.create({ header: 'x-team', teams: ['blue'] }, context), {
  headers: ['x-team', 'blue'],
})

const { schema } = await loadSchema([BACKEND_PROTO], { base: '/' })
const snapshot = fakeSnapshot({ schema })
const clock = systemClock()

const message = (job: Job, size = 0) => {
  const text = JSON.stringify(job)
  const json = JSON.stringify({ text, padding: Buffer.alloc(size, 0x61).toString('base64') })
  const type = schema.type('test.v1.Order')!
  return makeMessage({ schema, type, codec: schema.codec('json'), bytes: Buffer.from(json) })
}
const exchange = (shape: Shape, job: Job, { request, timeout, metadata = [] }: CallOptions = {}) =>
  loopbackExchange({
    clock,
    match: fakeMatch({
      snapshot,
      route: { operation: schema.operations.get(`test.v1.Backend/${METHODS[shape as RpcShape]}`)! },
    }),
    request: request ?? unary(message(job)),
    metadata: makeMetadata([...metadata]),
    deadline: timeout === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeout,
  })
const config = (limit = 4 * 1024 * 1024) => ({ limits: { message: `${limit}B` } })

outboundContract('examples: jsonl', {
  shapes: ['unary', 'server_stream', 'client_stream', 'bidi'],
  framed: true,
  // What the kernel buffers on loopback, on both sides.
  inFlight: 16 * 1024 * 1024,
  async start({ maxMessageBytes }) {
    const backend = await startJsonlBackend()
    const channel = jsonl.connect(backend.address, config(maxMessageBytes), testContext())
    return {
      channel,
      exchange,
      message,
      size: (answer) => answer.value<{ padding?: Uint8Array }>().padding?.length ?? 0,
      open: () => backend.open,
      total: () => backend.total,
      sentBytes: () => backend.sent,
      readBytes: () => backend.read,
      readOn: () => backend.readOn(),
      received: (name) => backend.heads.at(-1)?.metadata.find(([known]) => known === name)?.[1],
      until,
      async stop() {
        await channel.stop()
        await backend.stop()
      },
    }
  },
  unreachable: () => ({
    channel: jsonl.connect('jsonl://127.0.0.1:1', config(), testContext()),
    address: '127.0.0.1:1',
    exchange: (shape) => exchange(shape, { do: 'echo' }),
  }),
})

describe('examples: file-list', () => {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-file-list-'))
  const path = join(folder, 'endpoints.json')
  const write = (addresses: readonly string[]): void => {
    writeFileSync(`${path}.next`, JSON.stringify(addresses.map((address) => ({ address }))))
    renameSync(`${path}.next`, path)
  }
  afterEach(() => rmSync(path, { force: true }))

  discoveryContract('examples: file-list', {
    start(addresses) {
      write(addresses)
      return fileList.watch({ path }, testContext())
    },
    change: write,
    breakSource: () => writeFileSync(path, '{ this is no list'),
  })
})

test('a refusal of the example policy is a gateway error with its reason', async () => {
  const policy = await teamOnly.create({ header: 'x-team', teams: ['blue'] }, testContext())
  const handler = policy(() => {
    throw new Error('the handler was called')
  })
  const thrown = await (async () => handler(exchange('unary', { do: 'echo' })))().catch((error: unknown) => error)
  expect((thrown as GatewayError).status.code).toBe(Code.PERMISSION_DENIED)
})
