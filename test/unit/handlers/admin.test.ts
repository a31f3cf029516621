import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/config-error.ts'
import type { HttpRequest, HttpResponse } from '../../../src/core/http.ts'
import type { Endpoint, Snapshot } from '../../../src/core/snapshot.ts'
import {
  type AdminGateway,
  type AdminOptions,
  type AdminState,
  attachAdmin,
  createAdmin,
} from '../../../src/handlers/admin.ts'
import { type FakeRequestInit, fakeRequest, fakeResponse, type RecordedReply } from '../../support/http.ts'
import { fakeBackend, fakeRoute, fakeSchema, fakeSettings, fakeSnapshot } from '../../support/loopback.ts'

const SERVING: AdminState = {
  phase: 'serving',
  revision: 41,
  upstreams: new Map([['books', { healthy: 2, total: 3 }]]),
}

const start = (parts: Partial<AdminOptions> = {}) => {
  const logged: object[] = []
  const admin = createAdmin({
    state: () => SERVING,
    metrics: async (accept) => ({ contentType: 'text/x-test', body: `accept ${accept}\n` }),
    reload: async () => 42,
    routes: () => [{ id: 'r', method: 'GET', path: '/v1', rpc: 'a.B/C', shape: 'unary', target: 'rpc' }],
    log: { info() {}, warn: (fields) => logged.push(fields) },
    ...parts,
  })
  return { ask: (init: FakeRequestInit) => ask(admin, init), logged }
}
const ask = (
  admin: (request: HttpRequest, response: HttpResponse) => void,
  init: FakeRequestInit,
): Promise<RecordedReply> => {
  const { response, replied } = fakeResponse()
  admin(fakeRequest(init), response)
  return replied
}

describe('health', () => {
  test.each(['/livez', '/healthz', '/livez?verbose'])('%s answers while the process lives', async (path) => {
    const { ask } = start({ state: () => ({ ...SERVING, phase: 'draining' }) })
    const { status, headers, json } = await ask({ path })
    expect([status, json()]).toEqual([200, { status: 'ok' }])
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test.each([
    ['serving', 200, 'ok'],
    ['starting', 503, 'starting'],
    ['draining', 503, 'draining'],
  ] as const)('/readyz while %s', async (phase, expected, word) => {
    const { ask } = start({ state: () => ({ ...SERVING, phase }) })
    const { status, json } = await ask({ path: '/readyz' })
    expect(status).toBe(expected)
    expect(json()).toEqual({ status: word, revision: 41, upstreams: { books: 'healthy 2/3' } })
  })

  test('an upstream without a healthy endpoint is shown and does not take the gateway away', async () => {
    const upstreams = new Map([
      ['down', { healthy: 0, total: 2 }],
      ['__proto__', { healthy: 1, total: 1 }],
    ])
    const { status, text } = await start({ state: () => ({ ...SERVING, upstreams }) }).ask({ path: '/readyz' })
    expect(status).toBe(200)
    expect(text).toContain('{"down":"failed 0/2","__proto__":"healthy 1/1"}')
  })
})

describe('pages', () => {
  test('/metrics hands the Accept header on', async () => {
    const { status, headers, text } = await start().ask({ path: '/metrics', headers: ['accept', 'text/plain'] })
    expect([status, headers.get('content-type'), text]).toEqual([200, 'text/x-test', 'accept text/plain\n'])
  })

  test('/routes', async () => {
    expect((await start().ask({ path: '/routes' })).json()).toEqual({
      revision: 41,
      routes: [{ id: 'r', method: 'GET', path: '/v1', rpc: 'a.B/C', shape: 'unary', target: 'rpc' }],
    })
  })

  test('HEAD is a GET, another method 405 with Allow, another path 404', async () => {
    const { ask } = start()
    expect((await ask({ path: '/livez', method: 'HEAD' })).status).toBe(200)
    const wrong = await ask({ path: '/livez', method: 'POST' })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const get = await ask({ path: '/reload', method: 'GET' })
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
    const missing = await ask({ path: '/constructor' })
    expect([missing.status, missing.json()]).toEqual([404, { code: 5, message: expect.stringContaining('/readyz') }])
  })

  test('what fails is logged in full and told in short', async () => {
    const { ask, logged } = start({ metrics: () => Promise.reject(new Error('SECRET')) })
    const { status, text } = await ask({ path: '/metrics' })
    expect(status).toBe(500)
    expect(text).not.toContain('SECRET')
    expect(logged).toMatchObject([{ err: { message: 'SECRET' }, path: '/metrics' }])
  })
})

describe('reload', () => {
  const POST = { method: 'POST', path: '/reload' }

  test('answers with the new revision', async () => {
    const { status, json } = await start().ask(POST)
    expect([status, json()]).toEqual([200, { status: 'ok', revision: 42 }])
  })

  test('refused: 409 with every problem, the old revision goes on', async () => {
    const problem = { code: 'ROUTE_UNKNOWN_RPC', severity: 'error', message: 'no method', file: 'routes.json', line: 3 }
    const refusal = new ConfigError([{ ...problem, severity: 'error' }])
    const { status, json } = await start({ reload: () => Promise.reject(refusal) }).ask(POST)
    expect([status, json()]).toEqual([409, { status: 'refused', revision: 41, problems: [problem] }])
  })

  test('a failure that is no refusal is 500', async () => {
    const { ask, logged } = start({ reload: () => Promise.reject(new Error('disk')) })
    expect((await ask(POST)).status).toBe(500)
    expect(logged).toHaveLength(1)
  })

  test.each([
    [['origin', 'https://evil.example'], 403],
    [['origin', 'null'], 403],
    [['sec-fetch-site', 'cross-site'], 403],
    [['origin', 'http://gateway.test'], 200],
    [['sec-fetch-site', 'same-origin'], 200],
  ])('%s', async (headers, expected) => {
    let reloads = 0
    const { ask } = start({ reload: async () => ++reloads })
    expect((await ask({ ...POST, headers })).status).toBe(expected)
    expect(reloads).toBe(expected === 200 ? 1 : 0)
  })
})

describe('of a gateway', () => {
  const endpoint = (address: string): Endpoint => ({
    address,
    weight: 1,
    zone: undefined,
    inFlight: 0,
    channel: { call: fakeBackend().call, stop: () => Promise.resolve() },
  })
  const [good, bad] = [endpoint('grpc://a'), endpoint('grpc://b')]
  const schema = fakeSchema()
  const routes = [
    fakeRoute({ id: 'one', template: '/v1/{id}', method: 'GET', about: { target: 'things', guards: [] } }, schema),
    fakeRoute({ id: 'two', template: '/*', method: '*', settings: fakeSettings(schema, { target: 'http' }) }, schema),
  ]
  const snapshot: Snapshot = fakeSnapshot({
    revision: 7,
    upstreams: new Map([
      ['u', { name: 'u', endpoints: [good, bad], call: fakeBackend().call, stop: () => Promise.resolve() }],
    ]),
    router: { ...fakeSnapshot().router, routes },
  })
  const attach = (gateway: AdminGateway) => {
    let handle: ((request: HttpRequest, response: HttpResponse) => void) | undefined
    attachAdmin(
      {
        onRequest(_claims, given) {
          handle = given
        },
      },
      gateway,
      {
        log: { info() {}, warn() {} },
        metrics: { render: async () => ({ contentType: 'text/plain', body: '' }) },
        endpoints: { isFailed: (endpoint) => endpoint === bad },
      },
    )
    return (init: FakeRequestInit) => ask(handle!, init)
  }

  test('its state, its routes and its reload', async () => {
    const ask = attach({ state: 'ready', served: snapshot, reload: async () => fakeSnapshot({ revision: 8 }) })
    expect((await ask({ path: '/readyz' })).json()).toEqual({
      status: 'ok',
      revision: 7,
      upstreams: { u: 'healthy 1/2' },
    })
    expect((await ask({ path: '/reload', method: 'POST' })).json()).toEqual({ status: 'ok', revision: 8 })
    expect((await ask({ path: '/routes' })).json()).toEqual({
      revision: 7,
      routes: [
        { id: 'one', method: 'GET', path: '/v1/{id}', rpc: 'test.Things/Do', shape: 'unary', target: 'things' },
        { id: 'two', method: '*', path: '/*', shape: 'unary', target: 'http' },
      ],
    })
  })

  test.each([
    ['created', 503],
    ['ready', 200],
    ['draining', 503],
    ['stopped', 503],
  ] as const)('%s', async (state, expected) => {
    const served = state === 'created' ? undefined : snapshot
    const ask = attach({ state, served, reload: () => Promise.reject(new Error('not now')) })
    expect((await ask({ path: '/readyz' })).status).toBe(expected)
    expect((await ask({ path: '/routes' })).status).toBe(200)
  })
})
