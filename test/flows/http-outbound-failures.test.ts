import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { http } from '../../adapters/outbound/http/index.ts'
import { outboundSettings } from '../../src/config/outbound-settings.ts'
import { reasonOf } from '../../src/core/error-details.ts'
import type { LiveExchange } from '../../src/core/exchange.ts'
import type { Reply } from '../../src/core/handler.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import { Code, type GatewayError } from '../../src/core/status.ts'
import { httpFromStatus } from '../../src/core/status-map.ts'
import { collect } from '../../src/core/stream.ts'
import { backendCall, testContext } from '../support/backend-calls.ts'
import { certFiles, certs } from '../support/certs/index.ts'
import { failure, stopAfterEach } from '../support/cleanup.ts'
import { type Custom, type HttpBackend, startHttpBackend } from '../support/http-backend.ts'
import { bodyOf, type ProxyInit, proxyCall } from '../support/http-calls.ts'
import { recorder } from '../support/loopback.ts'

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
const ok: Custom = (_request, response) => response.end('ok')

describe('connections', () => {
  test('are kept and used again', async () => {
    const { backend, channel } = await start(ok)
    for (let i = 0; i < 3; i++) {
      await ask(channel)
      // undici gives a connection back a turn after its answer.
      await new Promise(setImmediate)
    }
    expect(backend.calls.map(({ connection }) => connection)).toEqual([0, 0, 0])
  })
  test('are closed when the channel stops', async () => {
    const { backend, channel } = await start(ok)
    await ask(channel)
    await channel.stop()
    await backend.until(() => backend.connections === 0, 'the close')
  })
})

describe('failures', () => {
  /** A bare TCP server. */
  const tcp = async (serve: (socket: Socket) => void): Promise<string> => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      serve(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    keep({
      async stop() {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      },
    })
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const unavailable = ({ status, origin }: GatewayError, address: string): void => {
    expect([status.code, httpFromStatus(status), reasonOf(status.details), origin]).toEqual([
      Code.UNAVAILABLE,
      503,
      'UPSTREAM_UNAVAILABLE',
      'upstream',
    ])
    expect(status.message).not.toContain(address)
  }

  test('a host that does not exist', async () => {
    unavailable(await failure(run(open('http://no-such-host.invalid:1'))), 'no-such-host.invalid:1')
  })
  test('a peer that takes the connection and does not shake hands', async () => {
    const at = await tcp((socket) => socket.resume())
    const error = await failure(run(open(`https://${at}`, { connectTimeout: '80ms' })))
    unavailable(error, at)
    expect(error.status.message).toContain('80ms')
  })
  test('a connection that breaks before the head', async () => {
    const at = await tcp((socket) => socket.once('data', () => socket.destroy()))
    unavailable(await failure(run(open(`http://${at}`))), at)
  })
  test('a connection that breaks in the body ends it', async () => {
    const at = await tcp((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.end())),
    )
    const { body, status } = await ask(open(`http://${at}`))
    expect([body.toString(), status.code, reasonOf(status.details)]).toEqual([
      'half',
      Code.UNAVAILABLE,
      'UPSTREAM_UNAVAILABLE',
    ])
  })
  test.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'an upgrade that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`],
  ])('an answer that is %s is 502', async (_name, bytes) => {
    const at = await tcp((socket) => socket.once('data', () => socket.write(bytes)))
    const { status } = await failure(run(open(`http://${at}`)))
    expect([status.code, httpFromStatus(status), reasonOf(status.details)]).toEqual([
      Code.INTERNAL,
      502,
      'UPSTREAM_INVALID',
    ])
  })
  test('no answer for too long is 504', async () => {
    const { backend, channel } = await start()
    const { status, origin } = await failure(run(channel, { path: '/hang', idle: 50 }))
    expect([status.code, httpFromStatus(status), reasonOf(status.details), origin]).toEqual([
      Code.DEADLINE_EXCEEDED,
      504,
      'UPSTREAM_TIMEOUT',
      'upstream',
    ])
    await backend.until(() => backend.open === 0, 'the end')
  })
  test('a silence in the body ends it', async () => {
    const { backend, channel } = await start((_request, response) => response.write('first'))
    const { body, status } = await ask(channel, { idle: 50 })
    expect([body.toString(), status.code]).toEqual(['first', Code.DEADLINE_EXCEEDED])
    await backend.until(() => backend.open === 0, 'the end')
  })
  test('a reader that waits is no silence', async () => {
    const { channel } = await start()
    const reply = await run(channel, { path: '/answers?count=400&size=16384', idle: 60 })
    const sink = recorder(1)
    sink.read(reply.messages)
    await new Promise((resolve) => setTimeout(resolve, 250))
    sink.more()
    expect((await sink.done).code).toBe(Code.OK)
    expect(bodyOf(sink.messages)).toHaveLength(400 * 16_384)
  })
  test('where there is a deadline, it alone says how long an answer may take', async () => {
    const { channel } = await start((_request, response) => void setTimeout(() => response.end('late'), 200))
    expect((await ask(channel, { idle: 50, timeout: 10_000 })).body.toString()).toBe('late')
  })
  test('what is no plain HTTP request is refused', async () => {
    const { backend, channel } = await start(ok)
    expect((await failure(run(channel, backendCall('unary')))).status.code).toBe(Code.UNIMPLEMENTED)
    expect(httpFromStatus((await failure(run(channel, { method: 'CONNECT' }))).status)).toBe(405)
    expect(backend.calls).toHaveLength(0)
  })
})

describe('TLS', () => {
  const { ca } = certFiles
  const secure = async (options: Parameters<typeof startHttpBackend>[1] = certs.backend): Promise<HttpBackend> =>
    keep(await startHttpBackend(ok, options))

  test('a backend whose certificate is signed by the given CA, as file or text', async () => {
    const backend = await secure()
    for (const given of [ca, certs.ca.toString()])
      expect((await ask(open(backend.address, { tls: { ca: given } }))).body.toString()).toBe('ok')
  })
  test('one that nobody signed for us is UNAVAILABLE', async () => {
    const backend = await secure()
    const { status } = await failure(run(open(backend.address)))
    expect([status.code, reasonOf(status.details)]).toEqual([Code.UNAVAILABLE, 'UPSTREAM_UNAVAILABLE'])
    expect(status.note).toMatch(/certificate/)
  })
  test('the name in the certificate must be that of the address, or serverName', async () => {
    const backend = await secure(certs.other)
    expect((await failure(run(open(backend.address, { tls: { ca } })))).status.note).toMatch(/altnames|IP/)
    const named = open(backend.address, { tls: { ca, serverName: 'elsewhere.test' } })
    expect((await ask(named)).body.toString()).toBe('ok')
  })
  test('our own certificate is shown when it is asked for', async () => {
    const backend = await secure({ ...certs.backend, ca: certs.ca, requestCert: true, rejectUnauthorized: true })
    expect((await failure(run(open(backend.address, { tls: { ca } })))).status.code).toBe(Code.UNAVAILABLE)
    expect((await ask(open(backend.address, { tls: { ca, ...certFiles.client } }))).body.toString()).toBe('ok')
  })
})
