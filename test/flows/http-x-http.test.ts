import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let seen: Seen[] = []
const servers: Server[] = []
const startBackend = async (name: string): Promise<string> => {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      response.writeHead(request.url!.includes('missing') ? 404 : 200, {
        'content-type': 'text/plain',
        'x-backend': name,
        'set-cookie': ['a=1', 'b=2'],
        connection: 'x-hop',
        'x-hop': 'gone',
      })
      response.end(`${name} ${request.url}`)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

let running: RunningGateway
beforeAll(async () => {
  const [shop, other] = [await startBackend('shop'), await startBackend('other')]
  running = await startGateway({
    schemas: [],
    upstreams: {
      shop: { endpoints: [shop] },
      other: { endpoints: [other] },
      nobody: { endpoints: ['http://127.0.0.1:1'] },
    },
    routes: [
      { path: '/shop/*', to: 'shop', stripPrefix: '/shop' },
      { path: '/shop/legacy/*', to: 'other' },
      { path: '/users/{user}/files/*', to: 'shop', rewrite: '/files/{user}/*' },
      { path: '/one/{id}', method: 'GET', to: 'shop', rewrite: '/item?fixed' },
      { path: '/split', to: { shop: 1, other: 1 } },
      { path: '/never', to: { shop: 0, other: 5 } },
      { path: '/gone', to: 'nobody' },
      { path: '/old/*', redirect: '/shop/' },
      { path: '/temporary', redirect: { location: 'https://example.com/', status: 302 } },
      { path: '/ping', respond: { body: { pong: true }, headers: { 'x-own': 'yes' } } },
      { path: '/only', host: 'admin.example', respond: { body: 'admin' } },
      { path: '/only', respond: { body: 'anybody' } },
    ],
  })
})
afterAll(async () => {
  await running.stop()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

const ask = async (path: string, init?: RequestInit) => {
  seen = []
  const response = await fetch(running.url + path, { redirect: 'manual', ...init })
  return { response, text: await response.text(), call: seen[0] }
}

describe('a proxied request', () => {
  test('passes method, query, headers, body and its length; status, headers and cookies come back', async () => {
    const { response, text, call } = await ask('/shop/cart?a=1&a=2', {
      method: 'PUT',
      body: 'hello',
      headers: { 'x-mine': 'yes', connection: 'x-drop', cookie: 'c=3' },
    })
    expect(call).toMatchObject({ method: 'PUT', url: '/cart?a=1&a=2', body: 'hello' })
    expect(call!.headers).toMatchObject({ 'x-mine': 'yes', cookie: 'c=3', 'content-length': '5' })
    expect(call!.headers['x-forwarded-for']).toBe('127.0.0.1')
    expect(call!.headers['transfer-encoding']).toBeUndefined()
    expect([response.status, text]).toEqual([200, 'shop /cart?a=1&a=2'])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.get('x-hop')).toBeNull()
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test.each([
    ['/shop', '/'],
    ['/shop/', '/'],
    ['/shop//a//b', '//a//b'],
    ['/shop/a%2Fb?x=%20', '/a%2Fb?x=%20'],
    ['/shop/legacy/x', '/shop/legacy/x'],
    ['/users/ada/files/a/b?c', '/files/ada/a/b?c'],
    ['/users/a%2Fb/files', '/files/a%2Fb'],
  ])('%s asks the backend for %s', async (path, url) => {
    expect((await ask(path)).call!.url).toBe(url)
  })

  test("a backend's refusal is the backend's answer", async () => {
    const { response, text } = await ask('/shop/missing')
    expect([response.status, text]).toEqual([404, 'shop /missing'])
  })

  test('weights share the calls; a weight of 0 gets none', async () => {
    const names = new Set<string>()
    for (let i = 0; i < 60; i++) names.add((await ask('/split')).response.headers.get('x-backend')!)
    expect([...names].sort()).toEqual(['other', 'shop'])
    for (let i = 0; i < 10; i++) expect((await ask('/never')).response.headers.get('x-backend')).toBe('other')
  })

  test('nobody listens: 503 with its reason, and no address', async () => {
    const { response, text } = await ask('/gone')
    expect(response.status).toBe(503)
    expect(text).not.toContain('127.0.0.1')
    expect(text).toContain('UPSTREAM_UNAVAILABLE')
  })
})

describe('targets that are no upstream', () => {
  test('redirect', async () => {
    const permanent = await ask('/old/x')
    expect([permanent.response.status, permanent.response.headers.get('location')]).toEqual([308, '/shop/'])
    const temporary = await ask('/temporary')
    expect([temporary.response.status, temporary.response.headers.get('location')]).toEqual([
      302,
      'https://example.com/',
    ])
  })
  test('respond', async () => {
    const { response, text } = await ask('/ping')
    expect([response.status, text]).toEqual([200, '{"pong":true}'])
    expect([response.headers.get('content-type'), response.headers.get('x-own')]).toEqual(['application/json', 'yes'])
    expect((await ask('/ping', { method: 'HEAD' })).text).toBe('')
  })
  test('a host decides', async () => {
    expect((await ask('/only')).text).toBe('anybody')
  })
})
