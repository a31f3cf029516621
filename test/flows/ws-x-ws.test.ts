import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { WsChannel } from '../../adapters/outbound/ws/channel.ts'
import { ws } from '../../adapters/outbound/ws/index.ts'
import { tallyOf, targetPath } from '../../src/core/attributes.ts'
import { testClock } from '../../src/core/clock.ts'
import { reasonOf } from '../../src/core/error-details.ts'
import type { Handler } from '../../src/core/handler.ts'
import type { RouteSettings } from '../../src/core/router.ts'
import { Code } from '../../src/core/status.ts'
import type { UpstreamTls } from '../../src/upstream/tls.ts'
import { testContext } from '../support/backend-calls.ts'
import { certFiles, certs } from '../support/certs/index.ts'
import { eventually } from '../support/listener.ts'
import { fakeSettings } from '../support/loopback.ts'
import { frameBytes, WsClient, type WsClientOptions } from '../support/ws-client.ts'
import { type SubscriptionsInput, schema, startWs, type WsRig } from '../support/ws-inbound.ts'

interface Backend {
  readonly address: string
  readonly server: WebSocketServer
  readonly heads: IncomingMessage[]
  readonly sockets: WebSocket[]
  readonly closes: { readonly code: number; readonly reason: string }[]
}
const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** A WebSocket server; `serve` is told of each socket. Without it, it sends back what comes. */
const backend = async (
  serve: (socket: WebSocket) => void = (socket) =>
    socket.on('message', (data, binary) => socket.send(data, { binary })),
  options: ConstructorParameters<typeof WebSocketServer>[0] = {},
): Promise<Backend> => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options })
  await new Promise<void>((resolve) => server.once('listening', resolve))
  const made: Backend = {
    address: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    heads: [],
    sockets: [],
    closes: [],
  }
  server.on('connection', (socket, head) => {
    made.heads.push(head)
    made.sockets.push(socket)
    socket.on('error', () => {})
    socket.on('close', (code, reason) => made.closes.push({ code, reason: reason.toString() }))
    serve(socket)
  })
  closers.push(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  return made
}
/** An HTTP server whose answer to an upgrade is what `answer` writes. */
const rawBackend = async (answer: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>()
  const server: Server = createServer()
  server.on('upgrade', (_request, socket) => answer(socket as Socket))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    // Sockets of an HTTP server stay half open by themselves.
    socket.on('end', () => socket.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface ProxyOptions {
  readonly settings?: Partial<RouteSettings>
  readonly options?: SubscriptionsInput
  readonly before?: (handler: Handler) => Handler
  readonly message?: string
  readonly tls?: UpstreamTls
}
const proxy = async (
  address: string,
  { settings, options, before, message, tls }: ProxyOptions = {},
): Promise<WsRig> => {
  const channel = ws.connect(
    address,
    { connectTimeout: '2s', limits: { message: message ?? '4MiB' }, ...(tls === undefined ? {} : { tls }) },
    testContext(),
  )
  const handler = before?.(channel.call) ?? channel.call
  const rig = await startWs(
    () => ({
      shape: 'bidi',
      route: { handler, settings: fakeSettings(schema, { target: 'frames', ...settings }) },
    }),
    { options: options ?? {} },
  )
  closers.push(
    () => rig.stop(),
    () => channel.stop(),
  )
  return rig
}
const open = async (rig: WsRig, options?: WsClientOptions) => {
  const opened = await WsClient.open(rig.port, options)
  closers.push(() => void opened.client.socket.destroy())
  return opened
}

describe('frames', () => {
  test('text stays text, binary stays binary, an empty text frame is only that', async () => {
    const there = await backend()
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    client.text('grüße')
    client.binary(Buffer.from([0, 255]))
    client.text('')
    client.binary(Buffer.alloc(0))
    await client.until(4)
    expect(client.frames.map(({ opcode, payload }) => [opcode, payload.toString('hex')])).toEqual([
      [1, Buffer.from('grüße').toString('hex')],
      [2, '00ff'],
      [1, ''],
      [2, ''],
    ])
    client.close(1000)
    await client.closed
    await eventually(() => rig.ended.length === 1)
    expect(rig.ended[0]?.status.code).toBe(Code.OK)
    const tally = rig.ended[0] && tallyOf(rig.ended[0].exchange)
    expect(tally).toMatchObject({ messagesIn: 4, messagesOut: 4, bytesIn: 9, bytesOut: 9, httpStatus: 1000 })
  })

  test('a message in pieces arrives whole', async () => {
    const there = await backend()
    const { client } = await open(await proxy(there.address))
    client.raw(frameBytes(1, 'ab', { fin: false }))
    client.raw(frameBytes(0, 'cd'))
    await client.until(1)
    expect(client.texts).toEqual(['abcd'])
  })

  test('frames of the backend behind its 101 are not lost', async () => {
    const there = await backend((socket) => {
      socket.send('hello')
      socket.close(1000)
    })
    const { client } = await open(await proxy(there.address))
    expect(await client.closed).toEqual({ code: 1000, reason: '' })
    expect(client.texts).toEqual(['hello'])
  })

  test('path and query go out as they came, or as the route says', async () => {
    const there = await backend()
    await open(await proxy(there.address), { path: '/a//b/%2e%2E/./c?x="&y=%zz' })
    await open(await proxy(`${there.address}/base/`), { path: '/a' })
    const rewritten = await proxy(there.address, {
      before: (next) => (exchange) => {
        exchange.set(targetPath, '//other?q')
        return next(exchange)
      },
    })
    await open(rewritten)
    expect(there.heads.map(({ url }) => url)).toEqual(['/a//b/%2e%2E/./c?x="&y=%zz', '/base/a', '//other?q'])
  })

  test('headers: who forwards, nothing of the connection, a credential as authorization', async () => {
    const there = await backend()
    const { answer } = await open(await proxy(there.address), {
      protocols: ['protogate.bearer.s3cret', 'chat'],
      headers: [
        'Origin: http://gateway.test',
        'Cookie: a=b',
        'X-Forwarded-For: 6.6.6.6',
        'Forwarded: for=6.6.6.6',
        'Sec-WebSocket-Extensions: permessage-deflate',
        'X-Two: 1',
        'X-Two: 2',
      ],
    })
    expect(answer.headers.get('sec-websocket-protocol')).toBe('chat')
    const { headers } = there.heads[0]!
    expect(headers).toMatchObject({
      host: there.address.slice(5),
      authorization: 'Bearer s3cret',
      origin: 'http://gateway.test',
      cookie: 'a=b',
      'sec-websocket-protocol': 'chat',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'gateway.test',
      'x-forwarded-proto': 'http',
      'x-two': '1, 2',
    })
    expect(headers.forwarded).toBeUndefined()
    expect(headers['sec-websocket-extensions']).toBeUndefined()
    expect(headers['sec-websocket-key']).not.toBe('dGhlIHNhbXBsZSBub25jZQ==')
  })

  test('headers of the backend’s 101 reach the client', async () => {
    const there = await backend()
    there.server.on('headers', (lines: string[]) => lines.push('Set-Cookie: session=1', 'Keep-Alive: timeout=5'))
    const { answer } = await open(await proxy(there.address))
    expect(answer.headers.get('set-cookie')).toBe('session=1')
    expect(answer.headers.has('keep-alive')).toBe(false)
    expect(answer.headers.has('sec-websocket-protocol')).toBe(false)
  })
})

describe('closing', () => {
  test.each([
    [1000, 'done', Code.OK],
    [1001, '', Code.OK],
    [1008, 'not allowed', Code.PERMISSION_DENIED],
    [1011, 'oops', Code.INTERNAL],
    [1013, 'later', Code.UNAVAILABLE],
    [3000, 'log in', Code.UNAUTHENTICATED],
    [4001, 'as agreed', Code.OK],
    [4404, 'nothing here', Code.NOT_FOUND],
  ])('the backend closes with %i: so does the gateway, and no frame is added', async (code, reason, status) => {
    const there = await backend((socket) => socket.close(code, reason))
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    expect(await client.closed).toEqual({ code, reason })
    expect(client.texts).toEqual([])
    await eventually(() => rig.ended.length === 1)
    expect(rig.ended[0]?.status.code).toBe(status)
  })

  test('the backend closes without a code', async () => {
    const there = await backend((socket) => socket.close())
    const { client } = await open(await proxy(there.address))
    expect(await client.closed).toEqual({ code: 1005, reason: '' })
  })

  test.each([
    [1000, 'bye'],
    [4999, 'own'],
    [undefined, ''],
  ])('the client closes with %s: so the backend is told, after everything before it', async (code, reason) => {
    const got: string[] = []
    const there = await backend((socket) => socket.on('message', (data) => got.push(String(data))))
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    for (let i = 0; i < 50; i++) client.text(String(i))
    client.close(code, reason)
    expect(await client.closed).toEqual({ code: code ?? 1005, reason })
    await eventually(() => rig.ended.length === 1)
    await eventually(() => there.closes.length === 1)
    expect(there.closes).toEqual([{ code: code ?? 1005, reason }])
    expect(got).toHaveLength(50)
    expect(rig.ended[0]?.status.code).toBe(Code.OK)
  })

  test('the client is lost: the backend is told that it went away', async () => {
    const there = await backend()
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    client.text('x')
    await client.until(1)
    client.reset()
    await eventually(() => there.closes.length === 1)
    expect(there.closes).toEqual([{ code: 1001, reason: '' }])
    expect(rig.ended[0]?.status.code).toBe(Code.CANCELLED)
  })

  test('the backend is lost: 1014', async () => {
    const there = await backend((socket) => setTimeout(() => socket.terminate(), 20))
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    expect(await client.closed).toEqual({ code: 1014, reason: 'UPSTREAM_LOST' })
    expect(rig.ended[0]?.status.code).toBe(Code.UNAVAILABLE)
  })

  test('a message of the backend above the limit: 1009 to both', async () => {
    const there = await backend((socket) => socket.send('x'.repeat(1001)))
    const rig = await proxy(there.address, { message: '1000B' })
    const { client } = await open(rig)
    expect(await client.closed).toEqual({ code: 1009, reason: 'MESSAGE_TOO_LARGE' })
    await eventually(() => there.closes.length === 1)
    expect(there.closes[0]?.code).toBe(1009)
    expect(rig.ended[0]?.status.code).toBe(Code.RESOURCE_EXHAUSTED)
  })

  test('a message of the client above the limit: 1009, and the backend is closed', async () => {
    const there = await backend()
    const rig = await proxy(there.address, { settings: { maxMessageBytes: 1000 } })
    const { client } = await open(rig)
    client.text('x'.repeat(1001))
    expect(await client.closed).toMatchObject({ code: 1009 })
    await eventually(() => there.closes.length === 1)
  })

  test('a drain: 1012, the backend hears 1001', async () => {
    const there = await backend()
    const rig = await proxy(there.address, { options: { limits: { drainTime: '0s' } } })
    const { client } = await open(rig)
    await rig.inbound.drain()
    expect(await client.closed).toEqual({ code: 1012, reason: 'DRAINING' })
    expect(client.texts).toEqual([])
    await eventually(() => there.closes.length === 1)
    expect(there.closes[0]?.code).toBe(1001)
  })
})

describe('the handshake with the backend', () => {
  test.each([
    [401, 'Unauthorized', Code.UNAUTHENTICATED],
    [403, 'Forbidden', Code.PERMISSION_DENIED],
    [404, 'Not Found', Code.NOT_FOUND],
    [503, 'Service Unavailable', Code.UNAVAILABLE],
  ])('HTTP %i is answered with that', async (status, phrase, code) => {
    const address = await rawBackend((socket) =>
      socket.end(`HTTP/1.1 ${status} ${phrase}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno`),
    )
    const rig = await proxy(address)
    const { answer } = await open(rig)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({ code })
    expect(rig.ended[0] && reasonOf(rig.ended[0].status.details)).toBe('UPSTREAM_HANDSHAKE')
  })

  test.each([
    ['a redirect', 'HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n'],
    ['200', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
    [
      'a wrong accept',
      'HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n',
    ],
    ['no HTTP', 'nonsense\r\n\r\n'],
  ])('%s is a bad gateway', async (_what, answerText) => {
    const address = await rawBackend((socket) => socket.end(answerText))
    const rig = await proxy(address)
    const { answer } = await open(rig)
    expect([502, 503]).toContain(answer.status)
    expect(JSON.parse(answer.body)).toMatchObject({ code: Code.UNAVAILABLE })
    expect(answer.body).not.toContain('127.0.0.1')
  })

  test('offered a, b when only c is served: 400', async () => {
    const there = await backend(() => {}, { handleProtocols: (offered) => (offered.has('c') ? 'c' : false) })
    const rig = await proxy(there.address)
    const { answer } = await open(rig, { protocols: ['a', 'b'] })
    expect(answer.status).toBe(400)
    expect(rig.ended[0] && reasonOf(rig.ended[0].status.details)).toBe('SUBPROTOCOL')
    const served = await open(rig, { protocols: ['a', 'c'] })
    expect([served.answer.status, served.answer.headers.get('sec-websocket-protocol')]).toEqual([101, 'c'])
  })

  test('a backend that never answers: 504 in time, and its connection is closed', async () => {
    const sockets: Socket[] = []
    const address = await rawBackend((socket) => sockets.push(socket))
    const clock = testClock()
    const channel = new WsChannel({
      origin: address,
      basePath: '',
      connectTimeout: 2_000,
      handshakeTimeout: 5_000,
      maxMessageBytes: 1000,
      tls: {},
      clock,
    })
    const rig = await startWs(() => ({
      shape: 'bidi',
      route: { handler: channel.call, settings: fakeSettings(schema, { target: 'frames' }) },
    }))
    closers.push(() => rig.stop())
    const client = await WsClient.connect(rig.port)
    client.ask()
    await eventually(() => sockets.length === 1)
    let closed = false
    sockets[0]?.once('close', () => {
      closed = true
    })
    sockets[0]?.resume()
    clock.advance(2_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(closed).toBe(false)
    clock.advance(3_000)
    const answer = await client.answer()
    expect(answer.status).toBe(504)
    await eventually(() => closed)
    expect(clock.pending()).toBe(0)
  })

  test('a client that leaves during the handshake: nothing stays open at the backend', async () => {
    const sockets = new Set<Socket>()
    let seen = 0
    const address = await rawBackend((socket) => {
      seen++
      sockets.add(socket)
      socket.resume()
      socket.once('close', () => sockets.delete(socket))
    })
    const rig = await proxy(address)
    const clients = await Promise.all(Array.from({ length: 50 }, () => WsClient.connect(rig.port)))
    for (const client of clients) client.ask()
    await eventually(() => seen === 50)
    for (const client of clients) client.reset()
    await eventually(() => sockets.size === 0)
    expect(rig.open()).toBe(0)
  })
})

describe('pace', () => {
  test('a client that does not read makes the backend wait', async () => {
    let sent = 0
    const there = await backend((socket) => {
      const piece = Buffer.alloc(64 * 1024)
      const pump = (error?: Error | null): void => {
        if (error || socket.readyState !== WebSocket.OPEN || sent > 1e9) return
        sent += piece.length
        socket.send(piece, pump)
      }
      pump()
    })
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    client.socket.pause()
    let before = -1
    await eventually(() => {
      const still = sent > 0 && sent === before
      before = sent
      return still
    })
    expect(sent).toBeLessThan(64 * 1024 * 1024)
    client.reset()
    await eventually(() => there.server.clients.size === 0)
  })

  test('a backend that does not read makes the client wait', async () => {
    const there = await backend((socket) => socket.pause())
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    const piece = frameBytes(2, Buffer.alloc(64 * 1024))
    const total = 1000
    for (let i = 0; i < total; i++) client.raw(piece)
    let before = -1
    await eventually(() => {
      const still = client.socket.writableLength === before
      before = client.socket.writableLength
      return still
    })
    expect(client.socket.writableLength).toBeGreaterThan(20 * 1024 * 1024)
    let got = 0
    there.sockets[0]?.on('message', (data) => {
      got += (data as Buffer).length
    })
    there.sockets[0]?.resume()
    await eventually(() => got === total * 64 * 1024)
  })
})

describe('wss://', () => {
  const secure = async () => {
    const server = createSecureServer({ cert: certs.backend.cert, key: certs.backend.key })
    const sockets = new WebSocketServer({ server })
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      for (const socket of sockets.clients) socket.terminate()
      server.close()
    })
    return `wss://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('a certificate that the CA has signed', async () => {
    const { client, answer } = await open(await proxy(await secure(), { tls: { ca: certFiles.ca } }))
    expect(answer.status).toBe(101)
    client.text('x')
    await client.until(1)
  })

  test.each([
    ['an unknown CA', {}],
    ['another name', { ca: certFiles.ca, serverName: 'elsewhere.test' }],
  ])('%s: 503', async (_what, tls) => {
    const { answer } = await open(await proxy(await secure(), { tls }))
    expect(answer.status).toBe(503)
  })
})

test('an ordinary call to a WebSocket backend is refused', () => {
  const channel = ws.connect('ws://127.0.0.1:1', { connectTimeout: '2s', limits: { message: '4MiB' } }, testContext())
  const call = (): unknown =>
    channel.call({ match: { route: { operation: { shape: 'unary' } } } } as unknown as Parameters<
      typeof channel.call
    >[0])
  expect(call).toThrow(/speaks WebSocket/)
})
