import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway } from '../../src/index.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { BACKEND_PROTO } from '../support/grpc-backend.ts'

let running: RunningGateway
let other: RunningGateway
beforeAll(async () => {
  const config = { schemas: [BACKEND_PROTO], upstreams: { m: { endpoints: ['mock:'] } } }
  running = await startGateway(config)
  other = await startGateway(config)
})
afterAll(async () => {
  await running.stop()
  await other.stop()
})

const metrics = async ({ admin }: RunningGateway): Promise<string[]> =>
  (await (await fetch(`${admin}/metrics`)).text()).split('\n')
const raw = (url: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text))
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })

test('calls, misses and what a listener refused are in the log and the metrics of their own gateway', async () => {
  expect((await fetch(`${running.url}/v1/say/a`)).status).toBe(200)
  expect((await fetch(`${running.url}/nowhere?secret=1`)).status).toBe(404)
  expect(await raw(running.url, 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n')).toContain('400')

  const lines = running.lines.filter(({ msg }) => msg === 'call' || msg === 'refused')
  expect(lines.map(({ msg, path, route, status, reason }) => [msg, path, route, status, reason])).toEqual([
    ['call', '/v1/say/a', '/v1/say/{text}', 200, undefined],
    ['call', '/nowhere', undefined, 404, 'ROUTE_NOT_FOUND'],
    ['refused', undefined, undefined, 400, expect.stringMatching(/^[A-Z_]+$/)],
  ])
  expect(JSON.stringify(running.lines)).not.toContain('secret')

  const page = await metrics(running)
  const count = 'http_server_request_duration_seconds_count'
  expect(page).toContain(
    `${count}{http_request_method="GET",http_route="/v1/say/{text}",http_response_status_code="200"} 1`,
  )
  expect(page).toContain(`${count}{http_request_method="GET",http_route="",http_response_status_code="404"} 1`)
  expect(page.some((line) => /^protogate_requests_refused_total\{.*reason="[A-Z_]+"\} 1$/.test(line))).toBe(true)
  expect(page).toContain('protogate_snapshot_revision 1')

  const foreign = await metrics(other)
  expect(foreign.some((line) => line.startsWith(count) || line.startsWith('protogate_requests_refused_total{'))).toBe(
    false,
  )
  expect(other.lines.filter(({ msg }) => msg === 'call' || msg === 'refused')).toEqual([])
})

test('a gateway that cannot start lets go of what it had subscribed', async () => {
  const { exchangeEnded, requestRefused, snapshotChanged } = await import('../../src/core/channels.ts')
  const channels = [exchangeEnded, requestRefused, snapshotChanged]
  const count = (): number[] =>
    channels.map((channel) => (channel as unknown as { _subscribers: unknown[] })._subscribers.length)
  const before = count()
  const broken = createGateway({
    env: {},
    config: { schemas: ['/nowhere/at/all'], listeners: [{ port: 0 }], admin: false },
  })
  await expect(broken.start()).rejects.toThrow('/nowhere/at/all')
  expect(count()).toEqual(before)
})

test('an upstream whose backend is gone is told by /readyz and the metrics, and the gateway stays ready', async () => {
  const lonely = await startGateway({
    schemas: [BACKEND_PROTO],
    upstreams: { gone: { endpoints: ['grpc://127.0.0.1:1'] } },
  })
  try {
    expect((await fetch(`${lonely.url}/v1/say/a`)).status).toBe(503)
    const ready = await fetch(`${lonely.admin}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ok', revision: 1, upstreams: { gone: 'failed 0/1' } },
    ])
    expect(await metrics(lonely)).toContain('protogate_endpoints{upstream="gone",state="failed"} 1')
  } finally {
    await lonely.stop()
  }
})
