import { Agent, request } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { BACKEND_PROTO, type GrpcBackend, startGrpcBackend } from '../support/grpc-backend.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const MIB = 1024 * 1024
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

let backend: GrpcBackend
let running: RunningGateway

beforeAll(async () => {
  backend = await startGrpcBackend()
  running = await startGateway({ schemas: [BACKEND_PROTO], upstreams: { backend: { endpoints: [backend.address] } } })
})
afterAll(async () => {
  await running.stop()
  await backend.stop()
})

const agent = new Agent({ keepAlive: true, maxSockets: 200 })
const get = (path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request(running.url + path, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
      response.on('error', reject)
    })
      .on('error', reject)
      .end()
  })

/** Asks for an endless stream or a hanging answer and goes away once it has begun, or at once. */
const abort = (path: string, afterHead: boolean): Promise<void> =>
  new Promise((resolve) => {
    const sent = request(running.url + path, { agent: false }, (response) => {
      response.on('error', () => {})
      response.destroy()
    })
    sent.on('error', () => {})
    sent.on('close', () => resolve())
    sent.end()
    if (!afterHead) sent.once('socket', (socket) => socket.once('connect', () => setTimeout(() => sent.destroy(), 2)))
  })

const abortSocket = async (path: string, how: 'terminate' | 'close'): Promise<void> => {
  const socket = new WebSocket(running.ws + path)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const answered = new Promise<number>((resolve) => {
    socket.once('message', () => resolve(101))
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode!))
  })
  socket.on('error', () => {})
  const status = await answered
  expect(status).toBe(101)
  socket[how]()
  await closed
}

const inBatches = async (count: number, width: number, run: (index: number) => Promise<unknown>): Promise<void> => {
  for (let start = 0; start < count; start += width)
    await Promise.all(Array.from({ length: Math.min(width, count - start) }, (_, i) => run(start + i)))
}

const load = async (): Promise<void> => {
  for (let i = 0; i < 10_000; i++) expect(await get('/v1/say/a')).toBe(200)
  await inBatches(2_000, 2_000, async () => expect(await get('/v1/say/b')).toBe(200))
  await inBatches(1_000, 50, (i) =>
    i % 2 === 0 ? abort('/v1/watch/a?endless=true', true) : abort('/v1/say/a?hang=true', false),
  )
  await inBatches(500, 50, (i) =>
    abortSocket('/v1/watch/a?endless=true&wait_ms=1', i % 2 === 0 ? 'terminate' : 'close'),
  )
}

describe('nothing is left of calls that are over', () => {
  test('no call is open at the backend a second later, and memory comes back', async () => {
    const heap: number[] = []
    const open: number[] = []
    for (let run = 1; run <= 5; run++) {
      await load()
      await sleep(1_000)
      open.push(backend.open)
      ;(backend.calls as unknown[]).length = 0
      running.lines.length = 0
      collectGarbage()
      await sleep(50)
      collectGarbage()
      heap.push(process.memoryUsage().heapUsed)
    }
    console.log(
      `open calls at the backend after each run: ${open.join(', ')}; ` +
        `heap: ${heap.map((used) => (used / MIB).toFixed(2)).join(', ')} MiB`,
    )
    expect(open).toEqual([0, 0, 0, 0, 0])
    expect(heap[4]! - heap[1]!).toBeLessThan(2 * MIB)
  }, 600_000)
})
