import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { H2Call, type Line } from '../../adapters/outbound/h2/call.ts'
import { Connection } from '../../adapters/outbound/h2/connection.ts'
import * as h2 from '../../adapters/outbound/h2/frames.ts'
import { h2 as outbound } from '../../adapters/outbound/h2/index.ts'
import { outboundSettings } from '../../src/config/outbound-settings.ts'
import { testClock } from '../../src/core/clock.ts'
import type { LiveExchange } from '../../src/core/exchange.ts'
import { unreachable } from '../../src/core/grpc-status.ts'
import { Code, makeStatus, OK } from '../../src/core/status.ts'
import { collect, Source, unary } from '../../src/core/stream.ts'
import { backendCall, order, testContext } from '../support/backend-calls.ts'
import { answer, block, frameBytes, HEAD, settings, startFramesPeer, TRAILERS, u32 } from '../support/frames-peer.ts'
import { recorder, type SinkRecorder } from '../support/loopback.ts'
import { frame as message } from '../support/raw-http2-backend.ts'

const SHAPES = ['unary', 'server_stream', 'client_stream', 'bidi'] as const
const GZIP = block({ ':status': '200', 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' })
const FAILED = block({ 'grpc-status': '5', 'grpc-message': 'no', 'x-bin-bin': 'AQI=' })
const ONLY = Buffer.concat([HEAD, FAILED])

/** Mostly the streams that are open, sometimes one that never was. */
const id = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(1, 3, 5, 7) }, fc.constantFrom(0, 2, 9, 99, 0x7fff_ffff))
const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((each) => Buffer.from(each))
const fields = fc.oneof(fc.constantFrom(HEAD, GZIP, TRAILERS, FAILED, ONLY, block({ ':status': '103' })), bytes(40))
const body = fc
  .oneof(
    fc.array(
      fc.constantFrom(message(Buffer.alloc(0)), message(Buffer.alloc(300)), message(gzipSync(Buffer.alloc(9000)), 1)),
    ),
    fc.array(bytes(30)),
  )
  .map((parts) => Buffer.concat(parts))
const SETTING = fc.tuple(
  fc.integer({ min: 0, max: 8 }),
  fc.oneof(fc.constantFrom(0, 1, 100, 4096, 16_384, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(100_000)),
)
const END = h2.END_HEADERS | h2.END_STREAM
const usual = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(id, fields).map(([on, each]) => frameBytes(h2.HEADERS, h2.END_HEADERS, on, each)) },
  { weight: 2, arbitrary: fc.tuple(id, fields).map(([on, each]) => frameBytes(h2.HEADERS, END, on, each)) },
  { weight: 4, arbitrary: fc.tuple(id, body).map(([on, each]) => frameBytes(h2.DATA, 0, on, each)) },
  fc.tuple(id, body).map(([on, each]) => frameBytes(h2.DATA, h2.END_STREAM, on, each)),
  { weight: 3, arbitrary: id.map((on) => answer(on, Buffer.alloc(10))) },
  fc.tuple(id, fc.nat(14)).map(([on, code]) => frameBytes(h2.RST_STREAM, 0, on, u32(code))),
  fc
    .tuple(id, fc.constantFrom(0, 1, 1000, 0x7fff_ffff))
    .map(([on, more]) => frameBytes(h2.WINDOW_UPDATE, 0, on, u32(more))),
  fc.array(SETTING, { maxLength: 3 }).map((pairs) => settings(...pairs)),
  fc.constantFrom(0, h2.ACK).map((flags) => frameBytes(h2.PING, flags, 0, Buffer.alloc(8))),
  fc.constant(frameBytes(h2.SETTINGS, h2.ACK, 0)),
  fc.tuple(fc.constantFrom(0, 1, 3, 0x7fff_ffff), fc.nat(14)).map((pair) => frameBytes(h2.GOAWAY, 0, 0, u32(...pair))),
  fc
    .tuple(id, fields, fc.nat(40))
    .map(([on, each, at]) =>
      Buffer.concat([
        frameBytes(h2.HEADERS, 0, on, each.subarray(0, at)),
        frameBytes(h2.CONTINUATION, h2.END_HEADERS, on, each.subarray(at)),
      ]),
    ),
  fc.tuple(fc.nat(12), fc.nat(255), id, bytes(20)).map((parts) => frameBytes(...parts)),
)
/** What a backend says, with damage: bits turned over, ends cut off, frames twice or missing. */
const speech = fc
  .tuple(
    fc.array(usual, { minLength: 1, maxLength: 8 }),
    fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, fc.array(fc.tuple(fc.nat(2000), fc.nat(7)), { maxLength: 2 })),
    fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat(30)),
    fc.boolean(),
  )
  .map(([frames, flips, cut, twice]) => {
    const whole = Buffer.concat(twice ? [...frames, frames[0]!] : frames)
    for (const [at, bit] of flips) whole[at % whole.length]! ^= 1 << bit
    return whole.subarray(0, whole.length - Math.min(cut, whole.length))
  })
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('say' as const), bytes: speech, piece: fc.integer({ min: 1, max: 400 }) }),
  },
  fc.record({ do: fc.constant('cancel' as const), call: fc.nat(3) }),
  fc.record({ do: fc.constant('leave' as const), call: fc.nat(3) }),
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('read' as const), call: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('push' as const), call: fc.nat(3), size: fc.constantFrom(0, 100, 70_000) }),
  },
  fc.record({ do: fc.constant('finish' as const), call: fc.nat(3) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1500, 400_000) }),
  fc.record({ do: fc.constant('block' as const) }),
)

/** A socket that takes what it is given, or nothing more. */
class FakeSocket extends EventEmitter {
  readonly connecting = false
  readonly writableLength = 0
  destroyed = false
  blocked = false
  get writable(): boolean {
    return !this.destroyed
  }
  write(): boolean {
    return !this.blocked
  }
  end(): void {}
  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    setImmediate(() => this.emit('close'))
  }
}

const GONE = makeStatus(Code.CANCELLED, 'gone')

interface Running {
  readonly exchange: LiveExchange
  readonly request: Source
  sink: SinkRecorder | undefined
  ends: number
}

const world = () => {
  const clock = testClock()
  const socket = new FakeSocket()
  const placed = new Set<H2Call>()
  const closed: string[] = []
  const connection = new Connection({
    socket: socket as unknown as Socket,
    clock,
    scheme: 'http',
    authority: 'backend.test',
    agent: 'test',
    pingEvery: 330_000,
    pingTimeout: 20_000,
    ready() {},
    roomy() {},
    draining() {},
    closed: (note) => void closed.push(note),
  })
  const line: Line = {
    clock,
    maxMessageBytes: 4096,
    place(call) {
      placed.add(call)
      if (!call.prepare()) return
      if (connection.room > 0) call.open(connection)
      else call.lost(unreachable('no room'))
    },
    done: (call) => void placed.delete(call),
  }
  const start = (shape: (typeof SHAPES)[number], room: number, timeout: number): Running => {
    const request = new Source({ resume() {}, cancel() {} })
    const exchange = backendCall(shape, {
      clock,
      timeout,
      request: shape === 'unary' || shape === 'server_stream' ? unary(order({})) : request,
    })
    const running: Running = { exchange, request, sink: undefined, ends: 0 }
    new H2Call(line, exchange).run().then(
      ({ messages }) => {
        running.sink = recorder(room).read(messages)
      },
      () => running.ends++,
    )
    return running
  }
  const read = (bytes: Buffer, piece: number): void => {
    const room = Buffer.alloc(piece)
    for (let at = 0; at < bytes.length && !socket.destroyed; at += piece)
      connection.read(room, bytes.copy(room, 0, at, at + piece))
  }
  return { clock, socket, placed, closed, connection, start, read }
}
const turn = (): Promise<void> => new Promise(setImmediate)

test('whatever a backend says: each call ends once, nothing is thrown, and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...SHAPES), fc.integer({ min: 1, max: 6 }), fc.constantFrom(1000, 1e9)), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(step, { maxLength: 14 }),
      async (calls, steps) => {
        const { clock, socket, placed, closed, connection, start, read } = world()
        connection.start()
        read(settings([h2.MAX_CONCURRENT_STREAMS, 100]), 1000)
        const running = calls.map(([shape, room, timeout]) => start(shape, room, timeout))
        for (const each of steps) {
          await turn()
          const of = 'call' in each ? running[each.call % running.length]! : running[0]!
          if (each.do === 'say') read(each.bytes, each.piece)
          else if (each.do === 'cancel') of.exchange.cancel(GONE)
          else if (each.do === 'leave') of.sink?.cancel(GONE)
          else if (each.do === 'read') of.sink?.more(each.count)
          else if (each.do === 'push') of.request.push(order({ padding: Buffer.alloc(each.size) }))
          else if (each.do === 'finish') of.request.end(OK)
          else if (each.do === 'wait') clock.advance(each.ms)
          else {
            socket.blocked = !socket.blocked
            if (!socket.blocked) socket.emit('drain')
          }
        }
        await turn()
        // Calls that are over hold no stream; the last ones are over when the connection is.
        socket.destroy()
        await turn()
        await turn()
        for (const { sink } of running) sink?.more()
        await turn()
        for (const { sink, ends } of running) expect(ends + (sink?.ends.length ?? 0)).toBe(1)
        expect([placed.size, closed.length, connection.streams]).toEqual([0, 1, 0])
        for (const { exchange } of running) exchange.end(OK)
        expect(clock.pending()).toBe(0)
      },
    ),
    { numRuns: 1500 },
  )
}, 30_000)

test('calls that are cancelled one by one leave no stream behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(speech, { maxLength: 4 }), fc.integer({ min: 1, max: 400 }), async (said, piece) => {
      const { clock, socket, connection, start, read } = world()
      connection.start()
      read(settings(), 1000)
      read(settings([h2.MAX_CONCURRENT_STREAMS, 100]), 1000)
      const running = SHAPES.map((shape) => start(shape, 2, 1e9))
      await turn()
      for (const each of said) read(each, piece)
      await turn()
      for (const { exchange } of running) exchange.cancel(GONE)
      await turn()
      expect(connection.streams).toBe(0)
      socket.destroy()
      await turn()
      expect(clock.pending()).toBe(0)
    }),
    { numRuns: 700 },
  )
}, 30_000)

test('over real sockets: calls of a channel end within their time, whatever their backend says, and it goes on', async () => {
  const said: Buffer[] = []
  const peer = await startFramesPeer((frame, connection) => {
    if (frame.type !== h2.HEADERS || connection.socket.destroyed) return
    const next = said.shift()
    connection.write(next ?? answer(frame.id))
    if (next !== undefined && next.length % 3 === 0) connection.socket.destroy()
  })
  const channel = outbound.connect(peer.address, outboundSettings.parse({}), testContext())
  await fc.assert(
    fc.asyncProperty(fc.array(speech, { minLength: 1, maxLength: 5 }), async (speeches) => {
      said.push(...speeches)
      const ends = await Promise.all(
        SHAPES.map((shape) =>
          Promise.resolve(channel.call(backendCall(shape, { timeout: 60 }))).then(
            async ({ messages }) => (await collect(messages)).status.code,
            (thrown) => thrown.status.code,
          ),
        ),
      )
      said.length = 0
      for (const code of ends) expect(code).toBeTypeOf('number')
    }),
    { numRuns: 40 },
  )
  await new Promise((resolve) => setTimeout(resolve, 150))
  const { messages } = await channel.call(backendCall('unary', { timeout: 5000 }))
  expect((await collect(messages)).status.code).toBe(Code.OK)
  await channel.stop()
  await peer.stop()
}, 30_000)
