import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { http } from '../../adapters/outbound/http/index.ts'
import { outboundSettings } from '../../src/config/outbound-settings.ts'
import { targetPath } from '../../src/core/attributes.ts'
import { reasonOf } from '../../src/core/error-details.ts'
import type { LiveExchange } from '../../src/core/exchange.ts'
import type { Reply } from '../../src/core/handler.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import { Code, type GatewayError, makeStatus, OK } from '../../src/core/status.ts'
import { collect, Source, unary } from '../../src/core/stream.ts'
import { testContext } from '../support/backend-calls.ts'
import { failure, stopAfterEach } from '../support/cleanup.ts'
import { type Custom, type HttpBackend, startHttpBackend } from '../support/http-backend.ts'
import { bodyOf, type ProxyInit, piece, proxyCall } from '../support/http-calls.ts'

const keep = stopAfterEach()
const open = (address: string, settings: z.input<typeof outboundSettings> = {}): Channel =>
  keep(http.connect(address, outboundSettings.parse(settings), testContext()))
const start = async (custom?: Custom, path = ''): Promise<{ backend: HttpBackend; channel: Channel }> => {
  const backend = keep(await startHttpBackend(custom))
  return { backend, channel: open(backend.address + path) }
}
const run = async (channel: Channel, init: ProxyInit | LiveExchange = {}): Promise<Reply> =>
  channel.call('id' in init ? init : proxyCall(init))
const ask = async (channel: Channel, init: ProxyInit = {}) => {
  const reply = await run(channel, init)
  const { messages, status } = await collect(reply.messages)
  return { reply, body: bodyOf(messages), status }
}
const header = (raw: readonly string[], name: string): string[] =>
  raw.filter((_value, i) => i % 2 === 1 && raw[i - 1]!.toLowerCase() === name)
const ok: Custom = (_request, response) => response.end('ok')

describe('the request line', () => {
  test('method and raw path with query go as they came', async () => {
    const { backend, channel } = await start(ok)
    await ask(channel, { method: 'PATCH', path: '/a%2Fb//c/?x=%20&y=1+2' })
    expect([backend.calls[0]!.method, backend.calls[0]!.url]).toEqual(['PATCH', '/a%2Fb//c/?x=%20&y=1+2'])
  })
  test('the target path of the route wins, a path in the address is put before it', async () => {
    const { backend, channel } = await start(ok, '/base/')
    const exchange = proxyCall({ path: '/shop/a?b=1' })
    exchange.set(targetPath, '/a?b=1')
    await collect((await run(channel, exchange)).messages)
    await ask(channel, { method: 'OPTIONS', path: '*' })
    expect(backend.calls.map(({ url }) => url)).toEqual(['/base/a?b=1', '/base/'])
  })
})

describe('request headers', () => {
  test('hop-by-hop ones stay here, all others go, also twice', async () => {
    const { backend, channel } = await start(ok)
    await ask(channel, {
      headers: [
        'host',
        'shop.example',
        'connection',
        'keep-alive, x-private',
        'x-private',
        '1',
        'keep-alive',
        '5',
        'te',
        'trailers, gzip',
        'upgrade',
        'h2c',
        'proxy-authorization',
        'secret',
        'expect',
        '100-continue',
        'transfer-encoding',
        'chunked',
        'x-many',
        'a',
        'x-many',
        'b',
        'cookie',
        'c=1',
        'x-latin',
        'caf\u00e9',
        'user-agent',
        'browser',
        '__proto__',
        'p',
      ],
    })
    const { rawHeaders } = backend.calls[0]!
    const names = rawHeaders.filter((_name, i) => i % 2 === 0).map((name) => name.toLowerCase())
    expect(names.sort()).toEqual(
      [
        'host',
        'connection',
        'te',
        'x-many',
        'x-many',
        'cookie',
        'x-latin',
        'user-agent',
        '__proto__',
        'via',
        'forwarded',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
      ].sort(),
    )
    expect(header(rawHeaders, 'host')).toEqual([`127.0.0.1:${backend.port}`])
    expect(header(rawHeaders, 'te')).toEqual(['trailers'])
    expect(header(rawHeaders, 'x-many')).toEqual(['a', 'b'])
    expect(header(rawHeaders, 'x-latin')).toEqual(['caf\u00e9'])
  })
  test('who forwards is said where the inbound has not said it', async () => {
    const { backend, channel } = await start(ok)
    await ask(channel, { headers: ['via', '1.0 edge'] })
    const { headers } = backend.calls[0]!
    expect(headers).toMatchObject({
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-host': 'gateway.test',
      'x-forwarded-proto': 'http',
      forwarded: 'for=192.0.2.1;host=gateway.test;proto=http',
      via: '1.0 edge, 1.1 protogate',
    })
    await ask(channel, { headers: ['x-forwarded-for', '198.51.100.7, 192.0.2.1', 'x-forwarded-proto', 'https'] })
    expect(backend.calls[1]!.headers).toMatchObject({
      'x-forwarded-for': '198.51.100.7, 192.0.2.1',
      'x-forwarded-proto': 'https',
    })
  })
})

describe('the answer', () => {
  test.each([200, 201, 206, 301, 304, 404, 418, 429, 500, 503])(
    'HTTP %d is a reply, whatever it says',
    async (code) => {
      const { channel } = await start((_request, response) =>
        response.writeHead(code, { location: '/elsewhere' }).end(),
      )
      const { reply, status } = await ask(channel)
      expect([reply.httpStatus, status.code, reply.metadata.get('location')]).toEqual([code, Code.OK, '/elsewhere'])
    },
  )
  test('headers: repeated ones stay apart, hop-by-hop ones stay there, values are kept byte by byte', async () => {
    const { channel } = await start((_request, response) => {
      response.writeHead(200, [
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'X-Latin',
        'caf\u00e9',
        'Connection',
        'close, x-private',
        'X-Private',
        '1',
        'Keep-Alive',
        'timeout=5',
      ])
      response.end('body')
    })
    const { reply, body } = await ask(channel)
    expect(reply.metadata.getAll('set-cookie')).toEqual(['a=1', 'b=2'])
    expect(reply.metadata.get('x-latin')).toBe('caf\u00e9')
    for (const name of ['connection', 'x-private', 'keep-alive', 'transfer-encoding'])
      expect(reply.metadata.get(name)).toBeUndefined()
    expect(body.toString()).toBe('body')
  })
  test('a compressed body passes through as it is', async () => {
    const packed = gzipSync('hello')
    const { channel } = await start((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
    )
    const { reply, body } = await ask(channel, { headers: ['accept-encoding', 'gzip'] })
    expect(body).toEqual(packed)
    expect(reply.metadata.get('content-encoding')).toBe('gzip')
  })
  test('its length is told, for HEAD as well', async () => {
    const { channel } = await start((_request, response) =>
      response.writeHead(200, { 'content-length': 5 }).end('hello'),
    )
    expect((await ask(channel)).reply.metadata.get('content-length')).toBe('5')
    const { reply, body } = await ask(channel, { method: 'HEAD' })
    expect([reply.metadata.get('content-length'), body.length]).toEqual(['5', 0])
  })
  test('204 has no body', async () => {
    const { channel } = await start((_request, response) => response.writeHead(204).end())
    const { reply, body } = await ask(channel)
    expect([reply.httpStatus, body.length]).toEqual([204, 0])
  })
  test('trailers come with the end', async () => {
    const { channel } = await start((_request, response) => {
      response.writeHead(200, { trailer: 'x-sum, x-other' })
      response.write('a')
      response.addTrailers({ 'X-Sum': '42' })
      response.end()
    })
    const { reply, status } = await ask(channel)
    expect(reply.metadata.get('trailer')).toBe('x-sum, x-other')
    expect([...status.trailers]).toEqual([['x-sum', '42']])
  })
  test('informational heads are passed over', async () => {
    const { channel } = await start((_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('real')
    })
    const { reply, body } = await ask(channel)
    expect([reply.httpStatus, body.toString(), reply.metadata.get('link')]).toEqual([200, 'real', undefined])
  })
})

describe('the body of the request', () => {
  test('one that is here goes with its length, none without a body', async () => {
    const { backend, channel } = await start()
    const { body } = await ask(channel, { method: 'POST', path: '/echo', request: unary(piece('hello')) })
    expect(body.toString()).toBe('hello')
    await ask(channel, { method: 'GET', path: '/echo' })
    expect(backend.calls.map(({ headers }) => [headers['content-length'], headers['transfer-encoding']])).toEqual([
      ['5', undefined],
      [undefined, undefined],
    ])
  })
  /** The end comes only when the backend has the head: a body that is whole by then is sent with its length. */
  const inPieces = (backend: HttpBackend): { source: Source; send(): Promise<void> } => {
    const source = new Source({ resume() {}, cancel() {} })
    const before = backend.calls.length
    return {
      source,
      async send() {
        source.push(piece('he'))
        await backend.until(() => backend.calls.length > before, 'the request')
        source.push(piece('llo'))
        source.end(OK)
      },
    }
  }
  test('one in pieces is chunked, or has the length that the metadata says', async () => {
    const { backend, channel } = await start()
    for (const headers of [[], ['content-length', '5']]) {
      const { source, send } = inPieces(backend)
      const answer = ask(channel, { method: 'POST', path: '/echo', headers, request: source })
      await send()
      expect((await answer).body.toString()).toBe('hello')
    }
    expect(backend.calls.map(({ headers }) => [headers['content-length'], headers['transfer-encoding']])).toEqual([
      [undefined, 'chunked'],
      ['5', undefined],
    ])
  })
  test.each(['3', '9'])('one that is not as long as it says (%s) fails', async (length) => {
    const { backend, channel } = await start()
    const { source, send } = inPieces(backend)
    const answer = ask(channel, { method: 'POST', path: '/echo', headers: ['content-length', length], request: source })
    const end = answer.then(
      ({ status }) => status,
      (thrown: unknown) => (thrown as GatewayError).status,
    )
    await send()
    const status = await end
    expect([status.code, reasonOf(status.details)]).toEqual([Code.INVALID_ARGUMENT, 'BODY_LENGTH'])
  })
  test('an answer that comes before its end stops it', async () => {
    const { channel } = await start((_request, response) =>
      response.writeHead(413, { connection: 'close' }).end('too big'),
    )
    const cancelled: unknown[] = []
    const source = new Source({ resume() {}, cancel: (status) => cancelled.push(status) })
    const answer = ask(channel, { method: 'POST', request: source })
    source.push(piece('first'))
    const { reply, body } = await answer
    expect([reply.httpStatus, body.toString()]).toEqual([413, 'too big'])
    expect(cancelled).toHaveLength(1)
  })
  test('one that has ended badly is not sent', async () => {
    const { backend, channel } = await start()
    const source = new Source({ resume() {}, cancel() {} })
    source.end(makeStatus(Code.CANCELLED, 'gone'))
    expect((await failure(run(channel, { method: 'POST', request: source }))).status.code).toBe(Code.CANCELLED)
    expect(backend.calls).toHaveLength(0)
  })
})
