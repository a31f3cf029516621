import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import * as h2 from '../../adapters/outbound/h2/frames.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import { Code, makeStatus, OK } from '../../src/core/status.ts'
import { collect, Source, unary } from '../../src/core/stream.ts'
import { backendCall, order } from '../support/backend-calls.ts'
import { failure } from '../support/cleanup.ts'
import {
  answer,
  block,
  type Frame,
  frameBytes,
  HEAD,
  type PeerConnection,
  settings,
  TRAILERS,
  u32,
} from '../support/frames-peer.ts'
import { encodeOrder } from '../support/grpc-backend.ts'
import { h2Rig } from '../support/h2-rig.ts'
import { eventually } from '../support/listener.ts'
import { recorder } from '../support/loopback.ts'
import { frame as message } from '../support/raw-http2-backend.ts'

const { start, say } = h2Rig()
const onHead =
  (act: (id: number, connection: PeerConnection) => void) =>
  (frame: Frame, connection: PeerConnection): void => {
    if (frame.type === h2.HEADERS) act(frame.id, connection)
  }
const outcome = (channel: Channel, init: Parameters<typeof backendCall>[1] = {}) =>
  say(channel, init).then(
    ({ code }) => code,
    (thrown) => thrown.status.code,
  )
const head = (id: number, bytes = HEAD) => frameBytes(h2.HEADERS, h2.END_HEADERS, id, bytes)
const trailers = (id: number, bytes = TRAILERS) => frameBytes(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, id, bytes)
const data = (id: number, bytes: Uint8Array) => frameBytes(h2.DATA, 0, id, bytes)
const { ErrorCode } = h2

describe('a call that waits for room while every connection is full', () => {
  test.each([
    ['is lost', (connection: PeerConnection) => void connection.socket.destroy()],
    [
      'goes away, and is slow to',
      (connection: PeerConnection) => connection.write(frameBytes(h2.GOAWAY, 0, 0, u32(1, ErrorCode.NO_ERROR))),
    ],
  ])('goes to a new one when each of them %s', async (_name, leave) => {
    const { channel, peer } = await start(
      onHead((id, connection) => {
        if (connection.number >= 8) connection.write(answer(id))
      }),
      () => settings([h2.MAX_CONCURRENT_STREAMS, 1]),
    )
    const first = Array.from({ length: 8 }, () => outcome(channel, { timeout: 500 }))
    await eventually(() => peer.connections.filter(({ frames }) => frames.length > 3).length === 8)
    const waiting = outcome(channel, { timeout: 5_000 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (const connection of peer.connections.slice(0, 8)) leave(connection)
    expect(await waiting).toBe(Code.OK)
    await Promise.all(first)
  })
})

describe('frames that carry nothing', () => {
  test('beside frames that carry something they are no flood: a ping with every message', async () => {
    const pair = (id: number) => Buffer.concat([data(id, Buffer.alloc(5)), frameBytes(h2.PING, 0, 0, Buffer.alloc(8))])
    const { channel, peer } = await start(
      onHead((id, connection) =>
        connection.write(head(id), ...Array.from({ length: 25_000 }, () => pair(id)), trailers(id)),
      ),
    )
    const { messages, status } = await collect((await channel.call(backendCall('server_stream'))).messages)
    expect([messages.length, status.code, peer.goodbyes()]).toEqual([25_000, Code.OK, []])
  })

  test('a ping with every message that the backend takes', async () => {
    let taken = 0
    const { channel, peer } = await start((frame, connection) => {
      if (frame.type !== h2.DATA) return
      taken++
      connection.write(
        frameBytes(h2.WINDOW_UPDATE, 0, 0, u32(5)),
        frameBytes(h2.WINDOW_UPDATE, 0, frame.id, u32(5)),
        frameBytes(h2.PING, 0, 0, Buffer.alloc(8)),
      )
      if ((frame.flags & h2.END_STREAM) !== 0) connection.write(answer(frame.id))
    })
    let left = 25_000
    const push = (): void => {
      while (left-- > 0) if (!source.push(order({}))) return
      source.end(OK)
    }
    const source: Source = new Source({ resume: push, cancel() {} })
    const reply = channel.call(backendCall('client_stream', { request: source }))
    push()
    const { status } = await collect((await reply).messages)
    expect([status.code, peer.goodbyes()]).toEqual([Code.OK, []])
    expect(taken).toBeGreaterThanOrEqual(25_000)
  })
})

test('settings are acknowledged before what they allow is used', async () => {
  const { channel, peer } = await start(
    (frame, connection) => {
      if (frame.type === h2.HEADERS) connection.write(settings([h2.INITIAL_WINDOW_SIZE, 65_535]))
      if (frame.type === h2.DATA && (frame.flags & h2.END_STREAM) !== 0) connection.write(answer(frame.id))
    },
    () => settings([h2.INITIAL_WINDOW_SIZE, 0]),
  )
  expect((await say(channel)).code).toBe(Code.OK)
  const { frames } = peer.connections[0]!
  const order = frames.filter(({ type, flags }) => type === h2.DATA || (type === h2.SETTINGS && flags === h2.ACK))
  expect(order.map(({ type }) => type)).toEqual([h2.SETTINGS, h2.SETTINGS, h2.DATA])
})

describe('a backend that stops reading', () => {
  const filler = () => unary(order({ padding: Buffer.alloc(16 * 1024 * 1024) }))
  const large = () =>
    Buffer.concat([
      settings([h2.INITIAL_WINDOW_SIZE, 0x7fff_ffff]),
      frameBytes(h2.WINDOW_UPDATE, 0, 0, u32(0x7000_0000)),
    ])
  test('and dies: a call of which nothing has left goes to another connection, one that has is lost', async () => {
    const { channel, peer } = await start(
      onHead((id, connection) => connection.write(answer(id))),
      large,
    )
    await say(channel)
    const { socket } = peer.connections[0]!
    socket.pause()
    const filling = outcome(channel, { request: filler(), timeout: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const unsent = outcome(channel, { timeout: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.resetAndDestroy()
    expect(await Promise.all([filling, unsent])).toEqual([Code.UNAVAILABLE, Code.OK])
    expect(peer.connections).toHaveLength(2)
  })

  test('gets no calls beyond some, others go to another connection; its pings are answered', async () => {
    const { channel, peer } = await start(
      onHead((id, connection) => connection.write(answer(id))),
      large,
    )
    await say(channel)
    const first = peer.connections[0]!
    first.socket.pause()
    const filling = outcome(channel, { request: filler(), timeout: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const metadata = Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'x'.repeat(400)]).flat()
    let done = 0
    const calls = Array.from({ length: 400 }, async () => {
      const code = await outcome(channel, { metadata, timeout: 10_000 })
      done++
      return code
    })
    await eventually(() => done > 100)
    first.write(frameBytes(h2.PING, 0, 0, Buffer.alloc(8)))
    await new Promise((resolve) => setTimeout(resolve, 20))
    first.socket.resume()
    expect(new Set(await Promise.all([filling, ...calls]))).toEqual(new Set([Code.OK]))
    await eventually(() => first.frames.some(({ type }) => type === h2.PING))
    expect([peer.connections.length, peer.goodbyes()]).toEqual([2, []])
  })
})

describe('a reader that waits', () => {
  const bomb = message(gzipSync(encodeOrder({ padding: Buffer.alloc(1024 * 1024) })), 1)
  const GZIP = block({ ':status': '200', 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' })
  test.each([
    ['a status', (id: number) => trailers(id), Code.OK],
    ['a reset', (id: number) => frameBytes(h2.RST_STREAM, 0, id, u32(ErrorCode.INTERNAL_ERROR)), Code.INTERNAL],
    ['nothing', (id: number) => frameBytes(h2.DATA, h2.END_STREAM, id), Code.UNKNOWN],
    ['a cut message', (id: number) => Buffer.concat([data(id, Buffer.from([0, 0, 0])), trailers(id)]), Code.INTERNAL],
  ])('has packed messages unpacked as it takes them, and then the end: %s', async (_name, end, code) => {
    const { channel } = await start(
      onHead((id, connection) =>
        connection.write(head(id, GZIP), ...Array.from({ length: 100 }, () => data(id, bomb)), end(id)),
      ),
    )
    const before = process.memoryUsage().arrayBuffers
    const reply = await channel.call(backendCall('server_stream'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024)
    const sink = recorder(1)
    sink.read(reply.messages)
    for (let i = 1; i < 100; i++) {
      expect(sink.messages).toHaveLength(i)
      sink.more(1)
    }
    sink.more()
    expect((await sink.done).code).toBe(code)
    expect(sink.messages).toHaveLength(100)
    expect(sink.messages[99]!.bytes.length).toBeGreaterThan(1024 * 1024)
    expect(sink.ends).toHaveLength(1)
  })

  test('and goes, while the end waits behind messages: the reader hears of it once', async () => {
    const { channel } = await start(
      onHead((id, connection) =>
        connection.write(head(id), ...Array.from({ length: 10 }, () => data(id, Buffer.alloc(5))), trailers(id)),
      ),
    )
    const exchange = backendCall('server_stream')
    const reply = await channel.call(exchange)
    const sink = recorder(2)
    sink.read(reply.messages)
    await eventually(() => sink.messages.length === 2)
    await new Promise((resolve) => setTimeout(resolve, 20))
    exchange.cancel(makeStatus(Code.CANCELLED, 'gone'))
    expect(await sink.done).toMatchObject({ code: Code.CANCELLED, message: 'gone' })
    expect([sink.messages.length, sink.ends.length]).toEqual([2, 1])
  })
})

test('a channel that stops while an end waits behind its messages: they are given, and the end', async () => {
  const { channel } = await start(
    onHead((id, connection) =>
      connection.write(head(id), ...Array.from({ length: 10 }, () => data(id, Buffer.alloc(5))), trailers(id)),
    ),
  )
  const reply = await channel.call(backendCall('server_stream'))
  const sink = recorder(2)
  sink.read(reply.messages)
  await eventually(() => sink.messages.length === 2)
  await new Promise((resolve) => setTimeout(resolve, 20))
  await channel.stop()
  sink.more()
  expect((await sink.done).code).toBe(Code.OK)
  expect([sink.messages.length, sink.ends.length]).toEqual([10, 1])
  expect((await failure(channel.call(backendCall('unary')))).status.code).toBe(Code.UNAVAILABLE)
})

test('metadata of a backend: base64 in either alphabet, with any padding, comes back as gRPC writes it', async () => {
  const padding = Buffer.concat([Buffer.from([0, 7]), Buffer.from('x-c-bin'), Buffer.from([0x7f, 0xe1, 0xd3, 0x03])])
  const { channel } = await start(
    onHead((id, connection) => {
      connection.write(
        frameBytes(
          h2.HEADERS,
          0,
          id,
          Buffer.concat([HEAD, block({ 'x-a-bin': '-_8=', 'x-b-bin': 'AQI=, Aw' }), padding]),
        ),
        ...Array.from({ length: 3 }, () => frameBytes(h2.CONTINUATION, 0, id, Buffer.alloc(16_384, '='))),
        frameBytes(h2.CONTINUATION, h2.END_HEADERS, id, Buffer.alloc(60_000 - 3 * 16_384, 'x')),
        data(id, Buffer.alloc(5)),
        trailers(id),
      )
    }),
  )
  const { metadata } = await channel.call(backendCall('unary'))
  expect([...metadata]).toEqual([
    ['x-a-bin', '+/8'],
    ['x-b-bin', 'AQI'],
    ['x-b-bin', 'Aw'],
    ['x-c-bin', ''],
  ])
})

test('an encoding that was not offered harms nothing as long as no message is packed', async () => {
  const { channel } = await start(
    onHead((id, connection) =>
      connection.write(
        head(id, Buffer.concat([HEAD, block({ 'grpc-encoding': 'zstd' })])),
        data(id, Buffer.from([id === 1 ? 0 : 1, 0, 0, 0, 0])),
        trailers(id),
      ),
    ),
  )
  expect((await say(channel)).code).toBe(Code.OK)
  const { status } = await failure(channel.call(backendCall('unary')))
  expect([status.code, status.message]).toEqual([Code.INTERNAL, expect.stringContaining('"zstd"')])
})

test('a head that is larger than the backend takes ends its call alone, and is not sent', async () => {
  const { channel, peer } = await start(
    onHead((id, connection) => connection.write(answer(id))),
    () => settings([h2.MAX_HEADER_LIST_SIZE, 1000]),
  )
  const metadata = ['x-long', 'x'.repeat(700)]
  for (const shape of ['unary', 'server_stream', 'client_stream', 'bidi'] as const) {
    const { status, origin } = await failure(channel.call(backendCall(shape, { metadata })))
    expect([status.code, status.httpStatus, origin]).toEqual([Code.RESOURCE_EXHAUSTED, 431, 'client'])
  }
  expect((await say(channel, { metadata: ['x-long', 'x'.repeat(300)] })).code).toBe(Code.OK)
  expect(peer.connections[0]!.frames.filter(({ type }) => type === h2.HEADERS)).toHaveLength(1)
})

test('a backend that allows no call and closes is not asked again at once: the call ends', async () => {
  const { channel, peer } = await start(
    () => {},
    () => settings([h2.MAX_CONCURRENT_STREAMS, 0]),
  )
  const call = outcome(channel, { timeout: 5_000 })
  const closing = setInterval(() => {
    for (const { socket } of peer.connections) socket.destroy()
  }, 1)
  const code = await call
  clearInterval(closing)
  expect(code).toBe(Code.UNAVAILABLE)
  expect(peer.connections.length).toBeLessThan(20)
})
