import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { Exchange } from '../../src/core/exchange.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import { Code, GatewayError, makeStatus } from '../../src/core/status.ts'
import { collect, fromList, type MessageStream, Source, unary } from '../../src/core/stream.ts'
import { httpBody, httpReply, opaque, proto } from '../support/http-cases.ts'
import { type HttpServer, httpServer } from '../support/http-server.ts'
import { eventually } from '../support/listener.ts'
import { fakeReply } from '../support/loopback.ts'
import { RawClient } from '../support/raw-client.ts'

const servers: HttpServer[] = []
const serve = async (...parts: Parameters<typeof httpServer>): Promise<HttpServer> => {
  const server = await httpServer(...parts)
  servers.push(server)
  return server
}
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await eventually(() => server.ingress.snapshot.held === 0)
    await server.stop()
  }
})
const MiB = 1024 * 1024

describe('decompression bombs', () => {
  // 256 MiB of zeros in a quarter of a MiB.
  const bomb = gzipSync(Buffer.alloc(256 * MiB))
  const handlers = {
    'Notes/Save': () => fakeReply(unary(proto({ text: 'reached' }))),
    'Notes/Import': async (exchange: Exchange) => {
      const { messages } = await collect(exchange.request)
      return fakeReply(unary(proto({ n: messages.length })))
    },
  }
  const send = (server: HttpServer, path: string, type: string, body: Uint8Array) =>
    fetch(server.url + path, { method: 'POST', body, headers: { 'content-type': type, 'content-encoding': 'gzip' } })

  test('a message is refused at its limit', async () => {
    const server = await serve(handlers)
    const response = await send(server, '/v1/notes', 'application/json', bomb)
    expect([response.status, ((await response.json()) as { code: number }).code]).toEqual([
      413,
      Code.RESOURCE_EXHAUSTED,
    ])
    const small = gzipSync(Buffer.alloc(5 * MiB))
    expect(small.length).toBeLessThan(64 * 1024)
    expect((await send(server, '/v1/notes', 'application/json', small)).status).toBe(413)
  })

  test('so is one in a stream', async () => {
    const server = await serve(handlers)
    const long = gzipSync(Buffer.concat([Buffer.from('{"text":"'), Buffer.alloc(64 * MiB, 0x61)]))
    const response = await send(server, '/v1/books/b/notes', 'application/x-ndjson', long)
    expect(response.status).toBe(413)
  })
})

describe('what a backend says cannot split an answer', () => {
  const EVIL = 'a\r\nset-cookie: evil=1\r\n\r\n<script>'
  const check = async (server: HttpServer, path: string): Promise<void> => {
    const client = await RawClient.open(server.port)
    const answer = await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n`).answer()
    expect(answer.headers.has('set-cookie')).toBe(false)
    expect(answer.trailers.has('set-cookie')).toBe(false)
    expect([...answer.headers.keys()].join()).not.toContain('script')
    expect(answer.complete).toBe(true)
    client.destroy()
  }

  test.each([
    [
      'a header of an RPC',
      'Notes/Get',
      '/v1/notes/a',
      () => fakeReply(unary(proto({})), { metadata: makeMetadata(['etag', EVIL]) }),
    ],
    [
      'a trailer',
      'Notes/Get',
      '/v1/notes/a',
      () => fakeReply(unary(proto({}), makeStatus(Code.OK, '', { trailers: makeMetadata(['x-rows', EVIL]) }))),
    ],
    ['a content type', 'Files/Download', '/v1/files/a', () => fakeReply(unary(httpBody('x', EVIL)))],
    [
      'a header of plain HTTP',
      '/proxy/*',
      '/proxy/a',
      () => httpReply(unary(opaque('x')), 200, ['x-a', EVIL, `x-b${EVIL}`, 'c']),
    ],
    [
      'the trailer of an error',
      'Notes/Get',
      '/v1/notes/a',
      () => {
        throw new GatewayError(makeStatus(Code.ABORTED, EVIL, { trailers: makeMetadata(['x-rows', EVIL]) }), 'upstream')
      },
    ],
    ['the message of a stream that fails', 'Notes/Watch', '/v1/notes/a:watch', () => fakeReply(failing())],
  ] as const)('%s', async (_name, route, path, handler) => {
    await check(await serve({ [route]: handler }), path)
  })
})

/** One message, then an end whose text would end a header. */
const failing = (): MessageStream => fromList([proto({ n: 1 })], makeStatus(Code.ABORTED, 'a\r\nset-cookie: evil=1'))

describe('slow clients', () => {
  test('a body that comes too slowly: 408, and nothing is called', async () => {
    let calls = 0
    const server = await serve(
      { 'Notes/Save': () => fakeReply(unary(proto({ n: ++calls }))) },
      {},
      { limits: { bodyIdleTimeout: 60 } },
    )
    const client = await RawClient.open(server.port)
    const answer = await client.send('POST /v1/notes HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{').answer()
    expect(answer.status).toBe(408)
    expect(JSON.parse(answer.body)).toMatchObject({ details: [{ reason: 'BODY_TIMEOUT' }] })
    await client.ended
    client.destroy()
    expect(calls).toBe(0)
  })

  test('a client that reads nothing of a stream is let go after the idle time', async () => {
    let cancelled = 0
    const server = await serve(
      {
        'Notes/Watch': () => fakeReply(endless(() => cancelled++)),
      },
      { settings: { idleTimeout: 300 } },
    )
    const client = await RawClient.open(server.port)
    client.socket.pause()
    client.send('GET /v1/notes/a:watch HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => cancelled === 1)
    client.destroy()
  })
})

/** Pushes for as long as somebody takes it. */
const endless = (cancelled: () => void): MessageStream => {
  const message = proto({ text: 'x'.repeat(100_000) })
  const pump = (): void => {
    while (source.push(message));
  }
  const source = new Source({ resume: pump, cancel: cancelled })
  source.push(message)
  return source
}
