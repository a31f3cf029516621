import { describe, expect, test } from 'vitest'
import * as h2 from '../../adapters/outbound/h2/frames.ts'
import { Code } from '../../src/core/status.ts'
import { collect, unary } from '../../src/core/stream.ts'
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
import { h2Rig } from '../support/h2-rig.ts'
import { eventually } from '../support/listener.ts'

const { start, say } = h2Rig()
/** A peer that does `act` with each call when its head has come, or when its request is whole. */
const onCall =
  (act: (id: number, connection: PeerConnection, frame: Frame) => void, whole = false) =>
  (frame: Frame, connection: PeerConnection): void => {
    if (whole ? frame.type === h2.DATA && (frame.flags & h2.END_STREAM) !== 0 : frame.type === h2.HEADERS)
      act(frame.id, connection, frame)
  }
const { ErrorCode } = h2

describe('a backend that goes away', () => {
  test('GOAWAY: what it has not seen goes to a new connection, what it has seen is finished', async () => {
    const { peer, channel } = await start(
      onCall((id, connection) => {
        if (connection.number > 0) connection.write(answer(id))
        else if (id === 3) connection.write(frameBytes(h2.GOAWAY, 0, 0, u32(1, ErrorCode.NO_ERROR)), answer(1))
      }),
    )
    const ends = await Promise.all([say(channel), say(channel)])
    expect(ends.map(({ code }) => code)).toEqual([Code.OK, Code.OK])
    expect(peer.connections.map(({ frames }) => frames.filter(({ type }) => type === h2.HEADERS).length)).toEqual([
      2, 1,
    ])
    expect((await say(channel)).code).toBe(Code.OK)
    await eventually(() => peer.connections[0]!.socket.destroyed)
    expect(peer.connections).toHaveLength(2)
  })

  test('GOAWAY in mid-load: of calls that the backend has not seen none is lost', async () => {
    let calls = 0
    const { peer, channel } = await start(
      onCall((id, connection) => {
        if (++calls % 50 === 0) {
          connection.write(frameBytes(h2.GOAWAY, 0, 0, u32(id - 2, ErrorCode.NO_ERROR)))
          connection.socket.end()
        } else if (!connection.socket.writableEnded) connection.write(answer(id))
      }),
    )
    const codes = new Map<number, number>()
    for (let round = 0; round < 20; round++) {
      const ends = await Promise.all(Array.from({ length: 20 }, () => say(channel)))
      for (const { code } of ends) codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    expect([...codes]).toEqual([[Code.OK, 400]])
    expect(peer.connections.length).toBeGreaterThan(5)
  })

  test('REFUSED_STREAM is tried again three times, then told', async () => {
    const { channel, peer } = await start(
      onCall((id, connection) => connection.write(frameBytes(h2.RST_STREAM, 0, id, u32(ErrorCode.REFUSED_STREAM)))),
    )
    expect((await failure(channel.call(backendCall('unary')))).status.code).toBe(Code.UNAVAILABLE)
    expect(peer.connections[0]!.frames.filter(({ type }) => type === h2.HEADERS)).toHaveLength(3)
  })

  test('a storm of resets: each call ends, the connection goes on', async () => {
    const { channel, peer } = await start(
      onCall((id, connection) => connection.write(frameBytes(h2.RST_STREAM, 0, id, u32(ErrorCode.CANCEL)))),
    )
    for (let i = 0; i < 20; i++) {
      const ends = await Promise.all(Array.from({ length: 50 }, () => failure(channel.call(backendCall('unary')))))
      expect(new Set(ends.map(({ status }) => status.code))).toEqual(new Set([Code.CANCELLED]))
    }
    expect(peer.connections).toHaveLength(1)
  })
})

describe('windows and limits of the backend', () => {
  const large = () => unary(order({ count: 1, padding: Buffer.alloc(200_000, 7) }))

  test('no window at first: the request waits for it, and goes out in what is given', async () => {
    const sizes: number[] = []
    const { channel } = await start(
      (frame, connection) => {
        if (frame.type === h2.HEADERS) connection.write(frameBytes(h2.WINDOW_UPDATE, 0, frame.id, u32(1000)))
        if (frame.type !== h2.DATA) return
        sizes.push(frame.payload.length)
        if ((frame.flags & h2.END_STREAM) !== 0) connection.write(answer(frame.id))
        else
          connection.write(
            frameBytes(h2.WINDOW_UPDATE, 0, 0, u32(frame.payload.length)),
            frameBytes(h2.WINDOW_UPDATE, 0, frame.id, u32(50_000)),
          )
      },
      () => settings([h2.INITIAL_WINDOW_SIZE, 0]),
    )
    expect((await say(channel, { request: large() })).code).toBe(Code.OK)
    expect(sizes[0]).toBe(1000)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16_384)
    expect(sizes.reduce((a, b) => a + b)).toBeGreaterThan(200_000)
  })

  test('a window that never opens: the deadline ends the call, and its stream', async () => {
    const { channel, peer } = await start(
      () => {},
      () => settings([h2.INITIAL_WINDOW_SIZE, 0]),
    )
    const error = await failure(channel.call(backendCall('unary', { timeout: 50 })))
    expect(error.status.code).toBe(Code.DEADLINE_EXCEEDED)
    await eventually(() => peer.resets().length === 1)
    expect(peer.resets()).toEqual([ErrorCode.CANCEL])
  })

  test('SETTINGS change the window of open streams, below zero too', async () => {
    const { channel } = await start((frame, connection) => {
      if (frame.type === h2.HEADERS) connection.write(settings([h2.INITIAL_WINDOW_SIZE, 0]))
      if (
        frame.type === h2.SETTINGS &&
        (frame.flags & h2.ACK) !== 0 &&
        connection.frames.some(({ type }) => type === h2.DATA)
      )
        connection.write(settings([h2.INITIAL_WINDOW_SIZE, 300_000]), frameBytes(h2.WINDOW_UPDATE, 0, 0, u32(300_000)))
      if (frame.type === h2.DATA && (frame.flags & h2.END_STREAM) !== 0) connection.write(answer(frame.id))
    })
    expect((await say(channel, { request: large() })).code).toBe(Code.OK)
  })

  test('one stream at once: more connections, eight at most, then calls wait', async () => {
    const waiting: (() => void)[] = []
    const { channel, peer } = await start(
      onCall((id, connection) => waiting.push(() => connection.write(answer(id)))),
      () => settings([h2.MAX_CONCURRENT_STREAMS, 1]),
    )
    const calls = Array.from({ length: 12 }, () => say(channel))
    await eventually(() => waiting.length === 8)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect([waiting.length, peer.connections.length]).toEqual([8, 8])
    for (let done = 0; done < 12; done++) {
      await eventually(() => waiting.length > 0)
      waiting.shift()!()
    }
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(Array(12).fill(Code.OK))
    expect(peer.connections).toHaveLength(8)
  })

  test('a smaller header table is told before it is used', async () => {
    const { channel, peer } = await start(
      onCall((id, connection) => connection.write(answer(id))),
      () => settings([h2.HEADER_TABLE_SIZE, 0]),
    )
    for (let i = 0; i < 3; i++) expect((await say(channel)).code).toBe(Code.OK)
    const heads = peer.connections[0]!.frames.filter(({ type }) => type === h2.HEADERS)
    expect(heads[0]!.payload[0]).toBe(0x20)
    expect(heads[1]!.payload[0]).not.toBe(0x20)
  })
})

describe('legal and odd', () => {
  test('padding, priority, continuations, informational heads, unknown frames, one byte at a time', async () => {
    const { channel } = await start(
      onCall((id, connection) => {
        const padded = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([3]), bytes, Buffer.alloc(3)])
        const all = Buffer.concat([
          frameBytes(0xee, 0xff, 0, Buffer.from('whatever')),
          frameBytes(h2.HEADERS, h2.END_HEADERS, id, block({ ':status': '103', link: '</x>' })),
          frameBytes(
            h2.HEADERS,
            h2.PADDED | h2.WITH_PRIORITY,
            id,
            padded(Buffer.concat([Buffer.alloc(5), HEAD.subarray(0, 7)])),
          ),
          frameBytes(h2.CONTINUATION, 0, id, HEAD.subarray(7, 8)),
          frameBytes(h2.CONTINUATION, 0, id),
          frameBytes(h2.CONTINUATION, h2.END_HEADERS, id, HEAD.subarray(8)),
          frameBytes(h2.DATA, h2.PADDED, id, padded(Buffer.alloc(3))),
          frameBytes(h2.DATA, 0, id),
          frameBytes(h2.DATA, 0, id, Buffer.alloc(2)),
          frameBytes(h2.PRIORITY, 0, id, Buffer.alloc(5)),
          frameBytes(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, id, TRAILERS),
        ])
        for (const byte of all) connection.write(Buffer.from([byte]))
      }),
    )
    expect((await say(channel)).code).toBe(Code.OK)
  })

  test('a ping is answered with its bytes', async () => {
    const ping = Buffer.from('12345678')
    const { channel, peer } = await start(
      onCall((id, connection) => connection.write(frameBytes(h2.PING, 0, 0, ping), answer(id))),
    )
    await say(channel)
    const pong = () => peer.connections[0]!.frames.find(({ type }) => type === h2.PING)
    await eventually(() => pong() !== undefined)
    expect(pong()).toMatchObject({ flags: h2.ACK, payload: ping })
  })

  test('frames of a stream that is over are passed over; its headers still count for the table', async () => {
    const { channel, peer } = await start(
      onCall((id, connection) => {
        connection.write(answer(id))
        if (id === 1)
          connection.write(
            frameBytes(h2.DATA, 0, id, Buffer.alloc(10)),
            frameBytes(h2.WINDOW_UPDATE, 0, id, u32(5)),
            frameBytes(h2.RST_STREAM, 0, id, u32(0)),
            frameBytes(h2.HEADERS, h2.END_HEADERS, id, Buffer.from('4003612d620131', 'hex')),
          )
      }),
    )
    for (let i = 0; i < 3; i++) expect((await say(channel)).code).toBe(Code.OK)
    expect(peer.connections).toHaveLength(1)
  })
})

describe('a backend that breaks HTTP/2 costs the connection, and says why', () => {
  const head = (id: number, bytes = HEAD) => frameBytes(h2.HEADERS, h2.END_HEADERS, id, bytes)
  const broken: readonly (readonly [name: string, code: number, bytes: (id: number) => Uint8Array])[] = [
    ['DATA of a stream that never was', ErrorCode.PROTOCOL_ERROR, () => frameBytes(h2.DATA, 0, 99)],
    ['DATA of stream 0', ErrorCode.PROTOCOL_ERROR, () => frameBytes(h2.DATA, 0, 0)],
    ['HEADERS of a stream of its own', ErrorCode.PROTOCOL_ERROR, () => head(2)],
    ['a push', ErrorCode.PROTOCOL_ERROR, (id) => frameBytes(h2.PUSH_PROMISE, h2.END_HEADERS, id, u32(2))],
    ['a frame above 16 KiB', ErrorCode.FRAME_SIZE_ERROR, (id) => frameBytes(h2.DATA, 0, id, Buffer.alloc(16_385))],
    ['settings of 5 bytes', ErrorCode.FRAME_SIZE_ERROR, () => frameBytes(h2.SETTINGS, 0, 0, Buffer.alloc(5))],
    ['settings of a stream', ErrorCode.PROTOCOL_ERROR, (id) => frameBytes(h2.SETTINGS, 0, id)],
    ['an acknowledgement with content', ErrorCode.FRAME_SIZE_ERROR, () => frameBytes(h2.SETTINGS, h2.ACK, 0, u32(1))],
    ['a ping of 7 bytes', ErrorCode.FRAME_SIZE_ERROR, () => frameBytes(h2.PING, 0, 0, Buffer.alloc(7))],
    ['a ping of a stream', ErrorCode.PROTOCOL_ERROR, (id) => frameBytes(h2.PING, 0, id, Buffer.alloc(8))],
    ['a goodbye of 7 bytes', ErrorCode.FRAME_SIZE_ERROR, () => frameBytes(h2.GOAWAY, 0, 0, Buffer.alloc(7))],
    ['a reset of 3 bytes', ErrorCode.FRAME_SIZE_ERROR, (id) => frameBytes(h2.RST_STREAM, 0, id, Buffer.alloc(3))],
    ['a window of nothing', ErrorCode.PROTOCOL_ERROR, () => frameBytes(h2.WINDOW_UPDATE, 0, 0, u32(0))],
    [
      'a window beyond 2^31-1',
      ErrorCode.FLOW_CONTROL_ERROR,
      () => frameBytes(h2.WINDOW_UPDATE, 0, 0, u32(0x7fff_ffff)),
    ],
    ['an initial window of 2^31', ErrorCode.FLOW_CONTROL_ERROR, () => settings([h2.INITIAL_WINDOW_SIZE, 0x8000_0000])],
    ['a largest frame of 100', ErrorCode.PROTOCOL_ERROR, () => settings([h2.MAX_FRAME_SIZE, 100])],
    [
      'more padding than frame',
      ErrorCode.PROTOCOL_ERROR,
      (id) => frameBytes(h2.DATA, h2.PADDED, id, Buffer.from([5, 0])),
    ],
    ['a continuation of nothing', ErrorCode.PROTOCOL_ERROR, (id) => frameBytes(h2.CONTINUATION, 0, id)],
    [
      'a frame within a header block',
      ErrorCode.PROTOCOL_ERROR,
      (id) => Buffer.concat([frameBytes(h2.HEADERS, 0, id, HEAD), frameBytes(h2.PING, 0, 0, Buffer.alloc(8))]),
    ],
    ['an index that is none', ErrorCode.COMPRESSION_ERROR, (id) => head(id, Buffer.from([0xfe]))],
    [
      'a header block without end',
      ErrorCode.ENHANCE_YOUR_CALM,
      (id) =>
        Buffer.concat([
          frameBytes(h2.HEADERS, 0, id, HEAD),
          ...Array.from({ length: 100 }, () => frameBytes(h2.CONTINUATION, 0, id)),
        ]),
    ],
    [
      'a flood of pings',
      ErrorCode.ENHANCE_YOUR_CALM,
      () => Buffer.concat(Array.from({ length: 20_002 }, () => frameBytes(h2.PING, 0, 0, Buffer.alloc(8)))),
    ],
    [
      'a flood of settings',
      ErrorCode.ENHANCE_YOUR_CALM,
      () => Buffer.concat(Array.from({ length: 20_002 }, () => settings())),
    ],
    [
      'a flood of empty frames',
      ErrorCode.ENHANCE_YOUR_CALM,
      (id) => Buffer.concat([head(id), ...Array.from({ length: 20_002 }, () => frameBytes(h2.DATA, 0, id))]),
    ],
  ]
  test.each(broken)('%s', async (_name, code, bytes) => {
    const { peer, channel } = await start(
      onCall((id, connection) => connection.write(connection.number === 0 ? bytes(id) : answer(id)), true),
    )
    const { status } = await failure(channel.call(backendCall('unary')))
    expect(status.code).toBe(Code.UNAVAILABLE)
    expect(status.message).toBe('the backend is not available: connection failed')
    expect(status.note).toContain('the backend broke HTTP/2')
    await eventually(() => peer.goodbyes().length === 1)
    expect(peer.goodbyes()).toEqual([code])
    expect((await say(channel)).code).toBe(Code.OK)
  })

  test.each([
    ['HTTP/1', Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')],
    ['a frame before the settings', frameBytes(h2.PING, 0, 0, Buffer.alloc(8))],
    ['an acknowledgement before the settings', frameBytes(h2.SETTINGS, h2.ACK, 0)],
    ['garbage', Buffer.from('garbage garbage garbage')],
  ])('no HTTP/2 at all: %s', async (_name, greeting) => {
    const { channel } = await start(
      () => {},
      () => greeting,
    )
    const { status } = await failure(channel.call(backendCall('unary')))
    expect([status.code, status.note]).toEqual([Code.UNAVAILABLE, expect.stringContaining('the backend broke HTTP/2')])
  })
})

describe('a backend that breaks one stream costs that call alone', () => {
  const cases: readonly (readonly [name: string, reset: number, bytes: (id: number) => Uint8Array])[] = [
    ['DATA before HEADERS', ErrorCode.PROTOCOL_ERROR, (id) => frameBytes(h2.DATA, 0, id, Buffer.alloc(5))],
    [
      'a second head',
      ErrorCode.PROTOCOL_ERROR,
      (id) => Buffer.concat([1, 2].map(() => frameBytes(h2.HEADERS, h2.END_HEADERS, id, HEAD))),
    ],
    ['a window of nothing', ErrorCode.PROTOCOL_ERROR, (id) => frameBytes(h2.WINDOW_UPDATE, 0, id, u32(0))],
    [
      'a window beyond 2^31-1',
      ErrorCode.FLOW_CONTROL_ERROR,
      (id) => frameBytes(h2.WINDOW_UPDATE, 0, id, u32(0x7fff_ffff)),
    ],
    [
      'a header list above 64 KiB',
      ErrorCode.CANCEL,
      (id) => {
        // One entry of 4000 bytes, and 20 references to it.
        const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 0x61)])
        return frameBytes(h2.HEADERS, h2.END_HEADERS, id, Buffer.concat([HEAD, entry, Buffer.alloc(20, 0xbe)]))
      },
    ],
    [
      'a length of 4 GiB',
      ErrorCode.CANCEL,
      (id) =>
        Buffer.concat([
          frameBytes(h2.HEADERS, h2.END_HEADERS, id, HEAD),
          frameBytes(h2.DATA, 0, id, Buffer.from([0, 0xff, 0xff, 0xff, 0xff])),
        ]),
    ],
  ]
  test.each(cases)('%s', async (_name, reset, bytes) => {
    const { peer, channel } = await start(
      onCall((id, connection) => connection.write(id === 1 ? bytes(id) : answer(id)), true),
    )
    const { status } = await failure(channel.call(backendCall('unary')))
    expect([Code.INTERNAL, Code.RESOURCE_EXHAUSTED]).toContain(status.code)
    expect((await say(channel)).code).toBe(Code.OK)
    expect(peer.resets()).toEqual([reset])
    expect([peer.connections.length, peer.goodbyes()]).toEqual([1, []])
  })

  test('more bytes than the window of the stream allows, while nobody reads', async () => {
    const { peer, channel } = await start(
      onCall((id, connection) => {
        if (id !== 1) return connection.write(answer(id))
        connection.write(frameBytes(h2.HEADERS, h2.END_HEADERS, id, HEAD))
        const prefix = Buffer.alloc(5)
        prefix.writeUInt32BE(16_000, 1)
        const message = frameBytes(h2.DATA, 0, id, Buffer.concat([prefix, Buffer.alloc(16_000)]))
        for (let i = 0; i < 20; i++) connection.write(message)
      }, true),
    )
    const reply = await channel.call(backendCall('server_stream'))
    await eventually(() => peer.resets().length === 1)
    expect(peer.resets()).toEqual([ErrorCode.FLOW_CONTROL_ERROR])
    const { status, messages } = await collect(reply.messages)
    expect([status.code, messages.length]).toEqual([Code.INTERNAL, 16])
    expect((await say(channel)).code).toBe(Code.OK)
  })
})
