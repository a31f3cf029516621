import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { BACKEND_PROTO, type GrpcBackend, startGrpcBackend } from '../support/grpc-backend.ts'
import { begin, type Sent } from '../support/http-client.ts'
import { refusalOf, socketRefusal } from '../support/sound.ts'
import { WsClient } from '../support/ws-client.ts'

let backend: GrpcBackend
let running: RunningGateway
beforeEach(async () => {
  backend = await startGrpcBackend()
  running = await startGateway({
    schemas: [BACKEND_PROTO],
    drain: '300ms',
    upstreams: { backend: { endpoints: [backend.address] } },
  })
})
afterEach(async () => {
  await running.stop()
  await backend.stop()
})

const ENDLESS = '/v1/watch/a?endless=true&wait_ms=5'
const DRAINING = { code: 14, reason: 'DRAINING' }
const stream = async (accept: string): Promise<Sent> => {
  const sent = begin(running.url, { path: ENDLESS, headers: { accept } })
  await sent.head
  return sent
}

describe('a drain that is cut short', () => {
  test('every open call is told: an error, a last record, a last frame and 1012', async () => {
    const [lines, events, array] = await Promise.all(
      ['application/x-ndjson', 'text/event-stream', 'application/json'].map(stream),
    )
    const waiting = begin(running.url, { path: '/v1/say/a?hang=true' })
    const upload = begin(running.url, {
      method: 'POST',
      path: '/v1/say',
      headers: { 'content-length': '10' },
      unended: true,
    })
    const port = Number(new URL(running.url).port)
    const sockets = await Promise.all(
      [ENDLESS, '/v1/chat'].map(async (path) => (await WsClient.open(port, { path })).client),
    )
    await backend.until(() => backend.open === 6, 'six calls')

    expect(await running.gateway.drain()).toBe(false)
    await running.stop()

    const shown = { code: DRAINING.code, details: [{ reason: DRAINING.reason }] }
    const { text, complete } = await lines!.answer
    expect(JSON.parse(text.trimEnd().split('\n').at(-1)!)).toMatchObject({ error: shown })
    expect(complete).toBe(true)
    const end = /event: ?end\ndata: ?(.*)\n\n$/.exec((await events!.answer).text)
    expect(JSON.parse(end![1]!)).toMatchObject(shown)
    expect((await array!.answer).complete).toBe(false)
    for (const { answer } of [waiting, upload])
      expect(refusalOf(await answer)).toMatchObject({ status: 503, ...DRAINING })
    for (const client of sockets) expect(await socketRefusal(client)).toMatchObject({ status: 1012, ...DRAINING })

    await backend.until(() => backend.open === 0, 'no open call')
    const calls = running.lines.filter(({ msg }) => msg === 'call')
    expect(calls.map(({ reason }) => reason)).toEqual(calls.map(() => 'DRAINING'))
    expect(calls).toHaveLength(7)
    upload.request.destroy()
  })
})
