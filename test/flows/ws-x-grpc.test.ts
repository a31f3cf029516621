import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import {
  BACKEND_PROTO,
  decodeAnswer,
  encodeOrder,
  type GrpcBackend,
  startGrpcBackend,
} from '../support/grpc-backend.ts'
import { WsClient, type WsClientOptions } from '../support/ws-client.ts'

let backend: GrpcBackend
let sockets: WebSocketServer
let running: RunningGateway
let port: number

beforeAll(async () => {
  backend = await startGrpcBackend()
  sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise<void>((resolve) => sockets.once('listening', resolve))
  sockets.on('connection', (socket, { url }) => {
    socket.send(url ?? '')
    socket.on('message', (data, binary) => socket.send(data, { binary }))
  })
  const at = `127.0.0.1:${(sockets.address() as AddressInfo).port}`
  running = await startGateway({
    schemas: [BACKEND_PROTO],
    subscriptions: { origins: ['https://app.example'] },
    limits: { message: '64KiB' },
    upstreams: {
      backend: { endpoints: [backend.address] },
      frames: { endpoints: [`ws://${at}`] },
      opaque: { endpoints: [`http://${at}`] },
    },
    routes: [
      {
        service: 'test.v1.Backend',
        to: 'backend',
        forward: { response: ['trail-x', 'echo-x'], request: ['trail-x', 'echo-x'] },
      },
      { path: '/fixed/{text}', ws: true, rpc: 'test.v1.Backend/Chat', to: 'backend', set: { count: 2 } },
      { path: '/frames/*', ws: true, to: 'frames', stripPrefix: '/frames' },
      { path: '/opaque/*', ws: true, to: 'opaque', stripPrefix: '/opaque' },
    ],
  } as unknown as Parameters<typeof startGateway>[0])
  port = Number(new URL(running.url).port)
})
afterAll(async () => {
  await running.stop()
  await backend.stop()
  for (const socket of sockets.clients) socket.terminate()
  sockets.close()
})

const open = async (path: string, options: WsClientOptions = {}) => WsClient.open(port, { ...options, path })
const texts = (client: WsClient): unknown[] =>
  client.result.messages.map((message) => (message as { text?: string; index?: number }).text ?? '')

describe('one socket, one call', () => {
  test('server stream by path and query, in text', async () => {
    const { client } = await open('/v1/watch/a%20b?count=3')
    expect(await client.closed).toEqual({ code: 1000, reason: '' })
    expect(client.result).toMatchObject({
      messages: [{ text: 'a b' }, { text: 'a b', index: 1 }, { text: 'a b', index: 2 }],
      status: { code: 0, message: '', details: [] },
    })
  })

  test('server stream by the first frame, in text and in binary', async () => {
    const { client } = await open('/v1/watch')
    client.text('{"text":"x","count":2,"number":"9007199254740993"}')
    await client.closed
    expect(client.result.messages).toMatchObject([{ number: '9007199254740993' }, { number: '9007199254740993' }])
    const other = await open('/v1/watch')
    other.client.binary(encodeOrder({ text: 'y', count: 1 }))
    await other.client.closed
    const [answer] = other.client.frames.filter(({ opcode }) => opcode === 2)
    expect(answer && decodeAnswer(answer.payload).text).toBe('y')
    expect(other.client.result.status?.code).toBe(0)
  })

  test('unary: path, and body', async () => {
    const { client } = await open('/v1/say/hello?tags=a&tags=b')
    await client.closed
    expect(client.result.messages).toMatchObject([{ text: 'hello', tags: ['a', 'b'] }])
    const other = await open('/test.v1.Backend/Plain')
    other.client.text('{"text":"plain"}')
    await other.client.closed
    expect(texts(other.client)).toEqual(['plain'])
  })

  test('client stream', async () => {
    const { client } = await open('/v1/collect')
    for (const text of ['a', 'b', 'c']) client.text(JSON.stringify({ text }))
    client.text('')
    await client.closed
    expect(client.result.messages).toMatchObject([{ text: 'a,b,c', index: 3 }])
  })

  test('bidi: answers before the half-close, and after it', async () => {
    const { client } = await open('/v1/chat')
    client.text('{"text":"a"}')
    await client.until(1)
    client.text('{"text":"b","count":2}')
    client.text('')
    expect(await client.closed).toEqual({ code: 1000, reason: '' })
    expect(texts(client)).toEqual(['a', 'b', 'b'])
  })

  test('path, query and fixed fields bind; only the first message gets path and query', async () => {
    const { client } = await open('/fixed/first?tags=q')
    client.text('{}')
    client.text('{"text":"second"}')
    client.text('')
    await client.closed
    expect(client.result.messages).toMatchObject([
      { text: 'first', tags: ['q'] },
      { text: 'first', tags: ['q'] },
      { text: 'second' },
      { text: 'second' },
    ])
    expect((client.result.messages[2] as { tags?: unknown }).tags).toBeUndefined()
  })

  test('a message that contradicts the path', async () => {
    const { client } = await open('/fixed/first')
    client.text('{"text":"other"}')
    expect(await client.closed).toMatchObject({ code: 4400 })
    expect(client.result.status).toMatchObject({ code: 3 })
  })

  test('JSON that does not fit, in the first message and in a later one', async () => {
    for (const path of ['/v1/chat', '/v1/collect', '/v1/say', '/v1/watch']) {
      const { client } = await open(path)
      client.text('{"count":"many"}')
      expect(await client.closed).toMatchObject({ code: 4400 })
      expect(client.result.status?.message).toContain('count')
    }
    const { client } = await open('/v1/chat')
    client.text('{"text":"a"}')
    await client.until(1)
    client.text('{"unknown":1}')
    expect(await client.closed).toMatchObject({ code: 4400 })
    await backend.until(() => backend.open === 0, 'no open call')
  })

  test('a status with trailers, and metadata both ways', async () => {
    const { client } = await open('/v1/watch/x?count=1', { headers: ['trail-x: one'] })
    await client.closed
    expect(client.result.status).toMatchObject({ code: 0, trailers: { 'trail-x': 'one' } })
  })

  test('a failure before anything was said is plain HTTP; in the middle it is in-band', async () => {
    expect((await open('/v1/say/x?fail.code=5&fail.message=gone')).answer).toMatchObject({ status: 404 })
    const { client } = await open('/v1/watch/x?count=2&fail.code=10&fail.message=late')
    expect(await client.closed).toEqual({ code: 4409, reason: 'ABORTED' })
    expect(client.result).toMatchObject({ messages: [{}, {}], status: { code: 10, message: 'late' } })
  })

  test('no route, a path that does not bind, a wrong origin', async () => {
    expect((await open('/nothing')).answer.status).toBe(404)
    expect((await open('/v1/watch/x?nothing=1')).answer.status).toBe(400)
    expect((await open('/v1/watch/x', { headers: ['Origin: https://evil.example'] })).answer.status).toBe(403)
    const { client, answer } = await open('/v1/watch/x', { headers: ['Origin: https://app.example'] })
    expect(answer.status).toBe(101)
    client.socket.destroy()
  })

  test('a message above the limit of the gateway', async () => {
    const { client } = await open('/v1/chat')
    client.text(JSON.stringify({ text: 'x'.repeat(70_000) }))
    expect(await client.closed).toMatchObject({ code: 1009 })
    await backend.until(() => backend.open === 0, 'no open call')
  })

  test('the client goes: the backend hears of it', async () => {
    const before = backend.calls.length
    const { client } = await open('/v1/watch/x?endless=true&size=1000')
    await client.until(2)
    client.reset()
    await backend.until(() => backend.open === 0, 'no open call')
    expect(backend.calls.slice(before).map(({ cancelled }) => cancelled)).toEqual([true])
  })

  test('a client that does not read holds the backend back', async () => {
    const before = backend.calls.length
    const { client } = await open('/v1/watch/x?endless=true&size=16000')
    client.socket.pause()
    const call = backend.calls[before]!
    let last = -1
    for (let same = 0; same < 10; ) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      same = call.sent === last ? same + 1 : 0
      last = call.sent
    }
    expect(call.sent * 16_000).toBeLessThan(64 * 1024 * 1024)
    client.reset()
    await backend.until(() => backend.open === 0, 'no open call')
  })
})

describe('proxied sockets', () => {
  test.each(['frames', 'opaque'])('%s', async (kind) => {
    const { client, answer } = await open(`/${kind}/room//7?x=1`)
    expect(answer.status).toBe(101)
    client.text('hi')
    client.binary(Buffer.from([1]))
    await client.until(3)
    expect(client.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [1, '/room//7?x=1'],
      [1, 'hi'],
      [2, '\x01'],
    ])
    client.close(4002, 'own')
    expect(await client.closed).toEqual({ code: 4002, reason: 'own' })
  })
})

test('every socket is in the access log, and no credential is', async () => {
  await open('/v1/watch/x', { protocols: ['protogate.bearer.s3cret'] })
  const { client } = await open('/v1/say/logged')
  await client.closed
  await new Promise((resolve) => setTimeout(resolve, 50))
  const text = JSON.stringify(running.lines)
  expect(text).toContain('/v1/say/logged')
  expect(text).not.toContain('s3cret')
})
