import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { reasonOf } from '../../src/core/error-details.ts'
import { Code, type GatewayError, makeStatus, OK } from '../../src/core/status.ts'
import { collect, fromList, Source, unary } from '../../src/core/stream.ts'
import { backendCall, jsonOrder, order } from '../support/backend-calls.ts'
import { failure } from '../support/cleanup.ts'
import { encodeOrder } from '../support/grpc-backend.ts'
import { GRPC_OUTBOUNDS } from '../support/grpc-outbounds.ts'
import { grpcRig } from '../support/grpc-rig.ts'
import { recorder } from '../support/loopback.ts'
import { frame, startRawHttp2 } from '../support/raw-http2-backend.ts'

describe.each(GRPC_OUTBOUNDS)('outbound $name', (outbound) => {
  const { keep, open, start, say } = grpcRig(outbound)

  describe('metadata', () => {
    test('several values, binary values, in both directions', async () => {
      const { backend, channel } = await start()
      const { reply } = await say(channel, {
        metadata: [
          'echo-a',
          '1',
          'echo-a',
          '2',
          'echo-b-bin',
          'AQI',
          'echo-b-bin',
          'Aw==, BA==',
          'trail-c',
          'x',
          'trail-d-bin',
          '-_8',
        ],
      })
      const got = backend.calls[0]!.metadata
      expect(got.get('echo-a')).toEqual(['1, 2'])
      expect(got.get('echo-b-bin')).toEqual([Buffer.from([1, 2]), Buffer.from([3]), Buffer.from([4])])
      expect(got.get('trail-d-bin')).toEqual([Buffer.from([0xfb, 0xff])])
      expect(reply.metadata.get('echo-a')).toBe('1, 2')
      expect(reply.metadata.getAll('echo-b-bin')).toEqual(['AQI', 'Aw', 'BA'])
      expect(reply.metadata.get('content-type')).toBeUndefined()
      const { trailers } = reply.messages.status!
      expect([...trailers]).toEqual([
        ['trail-c', 'x'],
        ['trail-d-bin', '+/8'],
      ])
    })

    test('what is not legal, reserved or hop-by-hop is left out and harms nothing', async () => {
      const { backend, channel } = await start()
      const { answer } = await say(channel, {
        metadata: [
          'x-good',
          'yes',
          'x-latin',
          'caf\u00e9',
          'x-newline',
          'a\r\nb',
          'x space',
          'a',
          'x(paren)',
          'a',
          ':authority',
          'evil',
          'x-bad-bin',
          'not base64!',
          'grpc-timeout',
          '1n',
          'grpc-encoding',
          'gzip',
          'te',
          'gzip, trailers',
          'content-type',
          'application/json',
          'content-length',
          '3',
          'host',
          'evil',
          'connection',
          'x-listed',
          'x-listed',
          'a',
          'transfer-encoding',
          'chunked',
          'upgrade',
          'h2c',
          'user-agent',
          'evil',
          'authorization',
          'first',
          'authorization',
          'second',
          '__proto__',
          'a',
          'constructor',
          'b',
        ],
      })
      const names = Object.keys(answer.metadata).sort()
      expect(names).toEqual(
        ['authorization', 'constructor', 'grpc-accept-encoding', 'user-agent', 'x-good'].filter((name) =>
          names.includes(name),
        ),
      )
      expect(names).toContain('x-good')
      expect(answer.metadata.authorization).toBe('first')
      expect(answer.metadata['user-agent']).toMatch(/^protogate( |$)/)
      expect(backend.calls).toHaveLength(1)
    })

    test('a head of a stream is there with the reply; of a bidi call with its first message', async () => {
      const { channel } = await start()
      const watch = await channel.call(backendCall('server_stream', { metadata: ['echo-a', '1'] }))
      expect(watch.metadata.get('echo-a')).toBe('1')
      const chat = await channel.call(backendCall('bidi', { metadata: ['echo-a', '1'] }))
      await collect(chat.messages)
      expect(chat.metadata.get('echo-a')).toBe('1')
    })
  })

  describe('deadlines', () => {
    test('what is left of it is told to the backend', async () => {
      const { backend, channel } = await start()
      const before = Date.now()
      await say(channel, { timeout: 60_000 })
      const { deadline } = backend.calls[0]!
      expect(deadline).toBeGreaterThan(before)
      expect(deadline).toBeLessThanOrEqual(Date.now() + 60_000)
      await say(channel)
      expect(backend.calls[1]!.deadline).toBe(Number.POSITIVE_INFINITY)
    })
    test('one that is farther away than gRPC can say harms nothing', async () => {
      const { backend, channel } = await start()
      await say(channel, { timeout: 1e23 })
      expect(backend.calls).toHaveLength(1)
    })
    test('one that has passed sends nothing', async () => {
      const { backend, channel } = await start()
      const error = await failure(channel.call(backendCall('unary', { timeout: -1 })))
      expect(error.status.code).toBe(Code.DEADLINE_EXCEEDED)
      expect(backend.calls).toHaveLength(0)
    })
  })

  describe('request messages', () => {
    test('JSON is transcoded', async () => {
      const { channel } = await start()
      const { answer } = await say(channel, { request: unary(jsonOrder('{"text":"hi","number":"9007199254740993"}')) })
      expect([answer.text, answer.number]).toEqual(['hi', '9007199254740993'])
    })

    test.each(['unary', 'server_stream', 'client_stream', 'bidi'] as const)(
      '%s: a first message that does not fit is refused before the call is opened',
      async (shape) => {
        const { backend, channel } = await start()
        const error = await failure(channel.call(backendCall(shape, { request: unary(jsonOrder('{"text":')) })))
        expect([error.status.code, error.origin, reasonOf(error.status.details)]).toEqual([
          Code.INVALID_ARGUMENT,
          'client',
          'JSON_INVALID',
        ])
        expect((await say(channel)).answer.text).toBe('')
        expect(backend.calls.map((call) => call.method)).toEqual(['test.v1.Backend/Say'])
      },
    )

    test('a later one cancels the call and ends the reply with its status, after the answers that are here', async () => {
      const { backend, channel } = await start()
      const source = new Source({ resume() {}, cancel() {} })
      const reply = await channel.call(backendCall('bidi', { request: source }))
      const sink = recorder(1)
      sink.read(reply.messages)
      source.push(order({ text: 'one', count: 2 }))
      await backend.until(() => sink.messages.length === 1, 'the first answer')
      source.push(jsonOrder('nonsense'))
      sink.more()
      const status = await sink.done
      expect([status.code, reasonOf(status.details)]).toEqual([Code.INVALID_ARGUMENT, 'JSON_INVALID'])
      await backend.until(() => backend.calls[0]!.cancelled, 'the cancel')
      expect(sink.ends).toHaveLength(1)
    })

    test('a client-streaming call whose later message does not fit ends with that status', async () => {
      const { backend, channel } = await start()
      const source = new Source({ resume() {}, cancel() {} })
      const outcome = Promise.resolve(channel.call(backendCall('client_stream', { request: source }))).then(
        async (reply) => (await collect(reply.messages)).status,
        (thrown: unknown) => (thrown as GatewayError).status,
      )
      source.push(order({ text: 'one' }))
      await backend.until(() => backend.calls[0]?.orders.length === 1, 'the first message')
      source.push(jsonOrder('nonsense'))
      expect((await outcome).code).toBe(Code.INVALID_ARGUMENT)
      await backend.until(() => backend.open === 0, 'the cancel')
    })

    test('a method that takes one message gets exactly one', async () => {
      const { backend, channel } = await start()
      for (const request of [fromList([]), fromList([order({}), order({})])]) {
        const error = await failure(channel.call(backendCall('unary', { request })))
        expect([error.status.code, error.origin]).toEqual([Code.INVALID_ARGUMENT, 'client'])
      }
      expect(backend.calls).toHaveLength(0)
    })

    test('one that comes later than the call is waited for', async () => {
      const { channel } = await start()
      const source = new Source({ resume() {}, cancel() {} })
      const call = say(channel, { request: source })
      source.push(order({ text: 'late' }))
      source.end(OK)
      expect((await call).answer.text).toBe('late')
    })

    test('a request that ends badly before it was whole is thrown as it ended', async () => {
      const { backend, channel } = await start()
      const source = new Source({ resume() {}, cancel() {} })
      const call = channel.call(backendCall('unary', { request: source }))
      source.end(makeStatus(Code.RESOURCE_EXHAUSTED, 'too big', { httpStatus: 413 }))
      expect((await failure(call)).status.httpStatus).toBe(413)
      expect(backend.calls).toHaveLength(0)
    })

    test('there is no limit on what is sent', async () => {
      const { backend, channel } = await start()
      await say(channel, { request: unary(order({ padding: Buffer.alloc(6 * 1024 * 1024) })) })
      expect(backend.calls[0]!.orders[0]!.padding).toHaveLength(6 * 1024 * 1024)
    })

    test('a plain HTTP request is refused', async () => {
      const { channel } = await start()
      const call = async () => channel.call(backendCall('bytes', { method: 'route' }))
      expect((await failure(call())).status.code).toBe(Code.UNIMPLEMENTED)
    })
  })

  describe('compressed answers', () => {
    const compressed = (bytes: Uint8Array) => ({
      headers: { 'grpc-encoding': 'gzip' },
      body: frame(gzipSync(bytes), 1),
      trailers: { 'grpc-status': '0' },
    })
    test('are inflated', async () => {
      const backend = keep(await startRawHttp2(() => compressed(encodeOrder({ text: 'hi' }))))
      const { messages, metadata } = await open(backend.address).call(backendCall('unary'))
      expect(Buffer.from(messages.unary!.bytes)).toEqual(encodeOrder({ text: 'hi' }))
      expect(metadata.get('grpc-encoding')).toBeUndefined()
    })
    test('are bounded by the limit', async () => {
      const backend = keep(await startRawHttp2(() => compressed(Buffer.alloc(8 * 1024 * 1024))))
      const error = await failure(open(backend.address).call(backendCall('unary')))
      expect([error.status.code, reasonOf(error.status.details)]).toEqual([
        Code.RESOURCE_EXHAUSTED,
        'MESSAGE_TOO_LARGE',
      ])
    })
  })

  test('no limit takes answers above the default', async () => {
    const { channel } = await start({}, { limits: { message: 'none' } })
    const { answer } = await say(channel, { request: unary(order({ size: 5 * 1024 * 1024 })) })
    expect(answer.padding).toHaveLength(5 * 1024 * 1024)
  })
})
