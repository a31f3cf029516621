import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { TunnelChannel } from '../../adapters/outbound/tunnel/channel.ts'
import { tunnel } from '../../adapters/outbound/tunnel/index.ts'
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
  /** Connections that are open now, counted here and not at the gateway. */
  readonly open: () => number
  /** Requests that asked for an upgrade. */
  readonly heads: IncomingMessage[]
}
/** Codes of the warnings of this process, from before the first tunnel on: http-proxy would warn only once. */
const warnings: (string | undefined)[] = []
process.on('warning', (warning: Error & { code?: string }) => void warnings.push(warning.code))

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** An HTTP server that leaves every upgrade to `upgrade`, and other answers to upgrades to `answer`. */
const httpBackend = async (
  upgrade: ((request: IncomingMessage, socket: Socket, head: Buffer) => void) | undefined,
  answer?: RequestListener,
): Promise<Backend> => {
  const sockets = new Set<Socket>()
  const heads: IncomingMessage[] = []
  const server: Server = createServer(answer ?? (() => {}))
  if (upgrade !== undefined)
    server.on('upgrade', (request, socket, head) => {
      heads.push(request)
      upgrade(request, socket as Socket, head)
    })
  else server.on('request', (request) => heads.push(request))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('end', () => socket.end())
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => sockets.size,
    heads,
  }
}
/** A WebSocket server that sends back what comes. */
const echoBackend = async (options: ConstructorParameters<typeof WebSocketServer>[0] = {}): Promise<Backend> => {
  const wss = new WebSocketServer({ ...options, noServer: true })
  return httpBackend((request, socket, head) =>
    wss.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => {})
      ws.on('message', (data, binary) => ws.send(data, { binary }))
    }),
  )
}

interface ProxyOptions {
  readonly settings?: Partial<RouteSettings>
  readonly options?: SubscriptionsInput
  readonly before?: (handler: Handler) => Handler
  readonly tls?: UpstreamTls
}
const settingsOf = (address: string) => ({ address, connectTimeout: '2s', limits: { message: '4MiB' } })
const proxy = async (address: string, { settings, options, before, tls }: ProxyOptions = {}): Promise<WsRig> => {
  const { address: at, ...config } = settingsOf(address)
  const channel = tunnel.connect(at, { ...config, ...(tls === undefined ? {} : { tls }) }, testContext())
  const handler = before?.(channel.call) ?? channel.call
  const rig = await startWs(
    () => ({ shape: 'bidi', route: { handler, settings: fakeSettings(schema, { target: 'tunnel', ...settings }) } }),
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

describe('an upgrade', () => {
  test('goes through byte by byte, extensions and subprotocol included', async () => {
    const there = await echoBackend({ perMessageDeflate: { threshold: 0 }, handleProtocols: () => 'chat' })
    const rig = await proxy(there.address)
    const { client, answer } = await open(rig, {
      protocols: ['other', 'chat', 'protogate.bearer.s3cret'],
      headers: ['Sec-WebSocket-Extensions: permessage-deflate'],
    })
    expect(answer.status).toBe(101)
    expect(answer.headers.get('sec-websocket-protocol')).toBe('chat')
    expect(answer.headers.get('sec-websocket-extensions')).toContain('permessage-deflate')
    client.raw(frameBytes(1, 'plain'))
    await client.until(1)
    // Compressed by the backend, which the gateway has not looked into.
    expect(client.frames[0]?.payload.toString()).not.toBe('plain')
    client.close(4001, 'own')
    expect(await client.closed).toEqual({ code: 4001, reason: 'own' })
    await eventually(() => rig.ended.length === 1)
    expect(rig.ended[0]?.status.code).toBe(Code.OK)
    const tally = rig.ended[0] && tallyOf(rig.ended[0].exchange)
    expect(tally?.httpStatus).toBe(101)
    expect(tally?.bytesIn).toBeGreaterThan(10)
    expect(tally?.bytesOut).toBeGreaterThan(4)
    await eventually(() => there.open() === 0)
  })

  test('frames right behind the head, and right behind the 101', async () => {
    const wss = new WebSocketServer({ noServer: true })
    const there = await httpBackend((request, socket, head) => {
      setTimeout(() => {
        socket.cork()
        wss.handleUpgrade(request, socket, head, (ws) => {
          ws.send('hello')
          ws.on('message', (data) => ws.send(String(data)))
        })
        socket.uncork()
      }, 20)
    })
    const rig = await proxy(there.address)
    const client = await WsClient.connect(rig.port)
    closers.push(() => void client.socket.destroy())
    client.socket.cork()
    client.ask()
    client.text('early')
    client.socket.uncork()
    setTimeout(() => client.text('later'), 5)
    expect((await client.answer()).status).toBe(101)
    await client.until(3)
    expect(client.texts).toEqual(['hello', 'early', 'later'])
  })

  test('path and query go out as they came, or as the route says', async () => {
    const there = await echoBackend()
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

  test('headers: who forwards, nothing of hop to hop, no credential in the subprotocols', async () => {
    const there = await echoBackend()
    await open(await proxy(there.address), {
      protocols: ['chat', 'protogate.bearer.s3cret'],
      headers: [
        'X-Forwarded-For: 6.6.6.6',
        'X-Forwarded-Proto: https',
        'Forwarded: for=6.6.6.6',
        'Keep-Alive: 5',
        'Proxy-Authorization: secret',
        '__proto__: 1',
      ],
    })
    const { headers, rawHeaders } = there.heads[0]!
    expect(headers).toMatchObject({
      host: there.address.slice(7),
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': 'chat',
      authorization: 'Bearer s3cret',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'gateway.test',
      'x-forwarded-proto': 'http',
    })
    for (const name of ['forwarded', 'keep-alive', 'proxy-authorization']) expect(headers[name]).toBeUndefined()
    expect(rawHeaders.filter((name) => name.toLowerCase() === 'host')).toHaveLength(1)
  })

  test('a policy before it refuses without a connection to the backend', async () => {
    const there = await echoBackend()
    const rig = await proxy(there.address, {
      options: { origins: ['https://app.example'] },
    })
    expect((await open(rig, { headers: ['Origin: https://evil.example'] })).answer.status).toBe(403)
    expect(there.heads).toHaveLength(0)
  })
})

describe('another answer than 101', () => {
  test.each([
    ['with a length', { 'content-length': '5' }],
    ['chunked', {}],
  ])('is passed on as plain HTTP: %s', async (_how, headers) => {
    const there = await httpBackend(undefined, (_request, response) => {
      response.writeHead(403, {
        'content-type': 'text/plain',
        'www-authenticate': 'Basic',
        connection: 'keep-alive',
        ...headers,
      })
      response.write('no')
      setTimeout(() => response.end('way'), 10)
    })
    const rig = await proxy(there.address)
    const { answer } = await open(rig)
    expect(answer.status).toBe(403)
    expect(answer.body).toBe('noway')
    expect(answer.headers.get('content-type')).toBe('text/plain')
    expect(answer.headers.get('www-authenticate')).toBe('Basic')
    expect(answer.headers.get('connection')).toBe('close')
    expect(answer.headers.has('transfer-encoding')).toBe(false)
    await eventually(() => rig.ended.length === 1)
    const tally = rig.ended[0] && tallyOf(rig.ended[0].exchange)
    expect(tally).toMatchObject({ httpStatus: 403, bytesOut: 5 })
    await eventually(() => there.open() === 0)
  })

  test('a body that breaks off is a reset for the client, because its end is the end of the connection', async () => {
    const there = await httpBackend(undefined, (_request, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    const rig = await proxy(there.address)
    const client = await WsClient.connect(rig.port)
    const failures: (string | undefined)[] = []
    client.socket.on('error', (error: NodeJS.ErrnoException) => failures.push(error.code))
    client.ask()
    await client.answer()
    expect(failures).toEqual(['ECONNRESET'])
    await eventually(() => rig.ended.length === 1)
    expect(rig.ended[0]?.status.code).toBe(Code.UNAVAILABLE)
  })

  test('a client that leaves in the middle of it', async () => {
    const there = await httpBackend(undefined, (_request, response) => {
      response.writeHead(200)
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(10_000), () => setImmediate(more))
      }
      more()
    })
    const rig = await proxy(there.address)
    const client = await WsClient.connect(rig.port)
    client.ask()
    await eventually(() => client.socket.bytesRead > 100_000)
    client.reset()
    await eventually(() => there.open() === 0)
    await eventually(() => rig.ended.length === 1)
    expect(rig.ended[0]?.status.code).toBe(Code.CANCELLED)
  })

  test.each([
    ['nobody listens', 'http://127.0.0.1:1', 503],
    ['it is not HTTP', undefined, 503],
  ])('%s', async (_what, address, status) => {
    const at = address ?? (await httpBackend((_request, socket) => void socket.end('nonsense\r\n\r\n'))).address
    const rig = await proxy(at)
    const { answer } = await open(rig)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({ code: Code.UNAVAILABLE })
    expect(answer.body).not.toContain('127.0.0.1')
    expect(rig.ended[0] && reasonOf(rig.ended[0].status.details)).toBe('UPSTREAM_UNAVAILABLE')
  })
})

describe('nothing is left at the backend', () => {
  test('it never answers the upgrade: 504 in time', async () => {
    const there = await httpBackend((_request, socket) => void socket.resume())
    const clock = testClock()
    const channel = new TunnelChannel({
      secure: false,
      host: '127.0.0.1',
      port: Number(new URL(there.address).port),
      authority: 'backend',
      basePath: '',
      connectTimeout: 2_000,
      handshakeTimeout: 5_000,
      tls: {},
      clock,
    })
    const rig = await startWs(() => ({
      shape: 'bidi',
      route: { handler: channel.call, settings: fakeSettings(schema, { target: 'tunnel' }) },
    }))
    closers.push(() => rig.stop())
    const client = await WsClient.connect(rig.port)
    client.ask()
    await eventually(() => there.heads.length === 1)
    clock.advance(2_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(there.open()).toBe(1)
    clock.advance(3_000)
    expect((await client.answer()).status).toBe(504)
    await eventually(() => there.open() === 0)
    expect(clock.pending()).toBe(0)
  })

  test.each([1, 2, 3])('200 clients that reset, run %i', async () => {
    const wss = new WebSocketServer({ noServer: true })
    const there = await httpBackend((request, socket, head) => {
      // Some are answered at once, some late, some never.
      const after = [0, 5, 50, undefined][there.heads.length % 4]
      if (after === undefined) socket.resume()
      else setTimeout(() => wss.handleUpgrade(request, socket, head, (ws) => void ws.on('error', () => {})), after)
    })
    const rig = await proxy(there.address)
    for (let round = 0; round < 10; round++) {
      const some = await Promise.all(Array.from({ length: 20 }, () => WsClient.connect(rig.port)))
      for (const client of some) client.ask()
      for (const [i, client] of some.entries()) setTimeout(() => client.reset(), (i * 7) % 60)
      await Promise.all(some.map((client) => client.gone))
    }
    await eventually(() => there.open() === 0)
    await eventually(() => rig.open() === 0)
    expect(rig.ended).toHaveLength(200)
    expect(rig.listener.connections).toBe(0)
  })

  test('the backend goes in the middle: the client is closed, what was sent arrives', async () => {
    const wss = new WebSocketServer({ noServer: true })
    const payload = 'x'.repeat(500_000)
    const there = await httpBackend((request, socket, head) =>
      wss.handleUpgrade(request, socket, head, (ws) => {
        ws.send(payload, () => socket.end())
      }),
    )
    const rig = await proxy(there.address)
    const { client } = await open(rig)
    await client.gone
    expect(client.texts).toEqual([payload])
    await eventually(() => there.open() === 0 && rig.open() === 0)
  })

  test('the deadline of the route, a silent tunnel and a drain cut both sides', async () => {
    const cases: [Partial<ProxyOptions>, Code][] = [
      [{ settings: { timeout: 60 } }, Code.DEADLINE_EXCEEDED],
      [{ settings: { idleTimeout: 40 } }, Code.DEADLINE_EXCEEDED],
      [{ options: { limits: { drainTime: '20ms' } } }, Code.UNAVAILABLE],
    ]
    for (const [options, code] of cases) {
      const there = await echoBackend()
      const rig = await proxy(there.address, options)
      const { client } = await open(rig)
      client.text('x')
      await client.until(1)
      if (code === Code.UNAVAILABLE) await rig.inbound.drain()
      await client.gone
      await eventually(() => there.open() === 0)
      expect(rig.ended[0]?.status.code).toBe(code)
    }
  })

  test('traffic keeps a tunnel alive', async () => {
    const there = await echoBackend()
    const rig = await proxy(there.address, { settings: { idleTimeout: 60 } })
    const { client } = await open(rig)
    for (let i = 1; i <= 10; i++) {
      client.text('x')
      await client.until(i)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(rig.open()).toBe(1)
  })

  test('the channel stops: UNAVAILABLE, now and later', async () => {
    const there = await echoBackend()
    const { address, ...config } = settingsOf(there.address)
    const channel = tunnel.connect(address, config, testContext())
    const rig = await startWs(() => ({
      shape: 'bidi',
      route: { handler: channel.call, settings: fakeSettings(schema, { target: 'tunnel' }) },
    }))
    closers.push(() => rig.stop())
    const { client } = await open(rig)
    await channel.stop()
    await client.gone
    await eventually(() => there.open() === 0)
    expect((await open(rig)).answer.status).toBe(503)
    expect(there.heads).toHaveLength(1)
  })
})

describe('https://', () => {
  const secure = async () => {
    const server = createSecureServer({ cert: certs.backend.cert, key: certs.backend.key })
    const sockets = new WebSocketServer({ server })
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      for (const socket of sockets.clients) socket.terminate()
      server.close()
    })
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('a certificate that the CA has signed, one tunnel after another', async () => {
    const rig = await proxy(await secure(), { tls: { ca: certFiles.ca } })
    for (let i = 0; i < 2; i++) {
      const { client, answer } = await open(rig)
      expect(answer.status).toBe(101)
      client.text('x')
      await client.until(1)
    }
  })

  test.each([
    ['an unknown CA', {}],
    ['another name', { ca: certFiles.ca, serverName: 'elsewhere.test' }],
  ])('%s: 503', async (_what, tls) => {
    const { answer } = await open(await proxy(await secure(), { tls }))
    expect(answer.status).toBe(503)
  })
})

test('no deprecation warning of http-proxy, and every other one as before', async () => {
  await open(await proxy((await echoBackend()).address))
  process.emitWarning('other', { code: 'OTHER' })
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(warnings).toEqual(['OTHER'])
})

test('an ordinary request is refused', () => {
  const { address, ...config } = settingsOf('http://127.0.0.1:1')
  const channel = tunnel.connect(address, config, testContext())
  expect(() => channel.call({ get: () => undefined } as unknown as Parameters<typeof channel.call>[0])).toThrow(
    /serves only upgrades/,
  )
})
