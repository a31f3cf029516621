import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type Protogate } from '../../src/index.ts'
import { createLog } from '../../src/telemetry/log.ts'

/** What `npm start` serves: every request that the sample's comments name. */
let gateway: Protogate
let url: string
let admin: string

beforeAll(async () => {
  gateway = createGateway({
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: {},
    overrides: { port: 0, adminPort: 0 },
    log: createLog({ format: 'json', write() {} }),
  })
  await gateway.start()
  const { http, admin: at } = gateway.addresses()
  url = `127.0.0.1:${http[0]!.port}`
  admin = `http://127.0.0.1:${at!.port}`
})
afterAll(() => gateway?.stop())

const get = async (path: string, init: RequestInit = {}): Promise<readonly [number, string]> => {
  const response = await fetch(`http://${url}${path}`, init)
  return [response.status, await response.text()]
}
const lines = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
const talk = (path: string, send: readonly string[] = []): Promise<unknown[]> =>
  new Promise((resolve, reject) => {
    const frames: unknown[] = []
    const socket = new WebSocket(`ws://${url}${path}`)
    socket.onopen = () => {
      for (const text of send) socket.send(text)
    }
    socket.onmessage = (event) => frames.push(JSON.parse(String(event.data)))
    socket.onerror = () => reject(new Error('the socket failed'))
    socket.onclose = ({ code }) => resolve([...frames, code])
  })

test('its configuration has no warnings', () => {
  expect(gateway.warnings).toEqual([])
})

test('unary, by path, query and body', async () => {
  const hello = { message: 'Hello World', name: 'World' }
  expect(await get('/v1/hello/World')).toEqual([200, JSON.stringify(hello)])
  expect((await get('/v1/hello/World?language=pt'))[0]).toBe(200)
  const posted = await get('/v1/hello', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name": "World"}',
  })
  expect(posted).toEqual([200, JSON.stringify(hello)])
})

test('client stream', async () => {
  const [status, text] = await get('/v1/hello:all', {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: '{"name":"Ada"}\n{"name":"Grace"}',
  })
  expect([status, JSON.parse(text)]).toEqual([200, { message: 'Hello Grace', count: 2 }])
})

test('server stream in four forms', async () => {
  const path = '/v1/ticks/ACME?count=2'
  const ticks = [
    { symbol: 'ACME', sequence: '1', price: expect.any(Number), at: expect.any(String) },
    { symbol: 'ACME', sequence: '2', price: expect.any(Number), at: expect.any(String) },
  ]
  const [ndjson, array, events, frames] = await Promise.all([
    get(path),
    get(path, { headers: { accept: 'application/json' } }),
    get(path, { headers: { accept: 'text/event-stream' } }),
    talk(path),
  ])
  expect(lines(ndjson[1])).toEqual(ticks)
  expect(JSON.parse(array[1])).toEqual(ticks)
  expect(events[1].match(/^data: /gm)).toHaveLength(3)
  expect(frames).toEqual([...ticks, { '@status': expect.objectContaining({ code: 0 }) }, 1000])
})

test('bidi', async () => {
  expect(await talk('/v1/chat/lobby', ['{"user": "ada", "text": "hello"}', ''])).toMatchObject([
    { room: 'lobby', user: 'ada', text: 'hello' },
    { '@status': { code: 0 } },
    1000,
  ])
})

test('the lines of routes.json: a socket of its own, an answer without a backend', async () => {
  expect(await talk('/live/ACME?count=1')).toMatchObject([{ symbol: 'ACME' }, { '@status': { code: 0 } }, 1000])
  expect((await get('/live/ACME'))[0]).toBe(404)
  const [status, text] = await get('/')
  expect(status).toBe(200)
  for (const path of ['/v1/hello/World', '/v1/ticks/ACME', '/v1/chat/lobby']) expect(text).toContain(path)
})

test('the admin listener', async () => {
  for (const path of ['/livez', '/healthz', '/readyz', '/metrics', '/routes'])
    expect((await fetch(admin + path)).status, path).toBe(200)
  const reload = await fetch(`${admin}/reload`, { method: 'POST' })
  expect([reload.status, await reload.json()]).toEqual([200, { status: 'ok', revision: 2 }])
})
