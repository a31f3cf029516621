import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { outboundSettings } from '../../src/config/outbound-settings.ts'
import { reasonOf } from '../../src/core/error-details.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import { Code, GatewayError, type Status } from '../../src/core/status.ts'
import { httpFromStatus } from '../../src/core/status-map.ts'
import { collect } from '../../src/core/stream.ts'
import { backendCall, testContext } from '../support/backend-calls.ts'
import { GRPC_OUTBOUNDS } from '../support/grpc-outbounds.ts'
import { frame, type RawAnswer, type RawBackend, startRawHttp2 } from '../support/raw-http2-backend.ts'

describe.each(GRPC_OUTBOUNDS)('outbound $name', (outbound) => {
  interface Vectors {
    codes: { code: number; http: number }[]
    messages: { raw: string; text: string }[]
    details: {
      about: string
      grpcStatus: number
      grpcMessage: string | null
      detailsBin: string
      code: number
      message: string
      details: { typeUrl: string; value: string }[]
    }[]
    bareHttp: { http: number; code: number }[]
    resets: { rst: string; number: number; code: number }[]
  }
  const vectors: Vectors = JSON.parse(readFileSync(new URL('../vectors/status.json', import.meta.url), 'utf8'))

  const CONFIG = outboundSettings.parse({})
  const HELLO = frame(Buffer.from([10, 2, 104, 105]))

  let backend: RawBackend
  let channel: Channel
  let next: RawAnswer = {}
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
  beforeAll(async () => {
    backend = await startRawHttp2(() => next)
    channel = outbound.connect(backend.address, CONFIG, testContext())
  })
  afterAll(async () => {
    await channel.stop()
    await backend.stop()
  })
  afterEach(() => {
    expect(printed).not.toHaveBeenCalled()
  })

  const unaryStatus = async (answer: RawAnswer): Promise<{ status: Status; messages: number }> => {
    next = answer
    try {
      const reply = await channel.call(backendCall('unary'))
      const { messages, status } = await collect(reply.messages)
      return { status, messages: messages.length }
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(GatewayError)
      expect((thrown as GatewayError).origin).toBe('upstream')
      return { status: (thrown as GatewayError).status, messages: 0 }
    }
  }
  const streamEnd = async (answer: RawAnswer): Promise<{ status: Status; messages: number }> => {
    next = answer
    try {
      const { messages, status } = await collect((await channel.call(backendCall('server_stream'))).messages)
      return { status, messages: messages.length }
    } catch (thrown) {
      return { status: (thrown as GatewayError).status, messages: 0 }
    }
  }

  describe.each([
    ['trailers behind a message', (trailers: Record<string, string>): RawAnswer => ({ body: HELLO, trailers })],
    ['trailers alone', (headers: Record<string, string>): RawAnswer => ({ headers, only: true })],
  ])('%s', (_name, answer) => {
    test.each(vectors.codes.filter(({ code }) => code !== 0))(
      'grpc-status $code is HTTP $http',
      async ({ code, http }) => {
        const { status } = await unaryStatus(answer({ 'grpc-status': String(code), 'grpc-message': 'why' }))
        expect(status.code).toBe(code)
        expect(httpFromStatus(status)).toBe(http)
        expect(status.message).toBe('why')
        expect(status.details).toEqual([])
      },
    )

    test.each(vectors.messages)('grpc-message $raw', async ({ raw, text }) => {
      const { status } = await unaryStatus(answer({ 'grpc-status': '5', 'grpc-message': raw }))
      expect(status.message).toBe(text)
    })

    test.each(vectors.details)('$about', async ({ grpcStatus, grpcMessage, detailsBin, code, message, details }) => {
      for (const bin of [detailsBin, detailsBin.replace(/=+$/, '')]) {
        const { status } = await unaryStatus(
          answer({
            'grpc-status': String(grpcStatus),
            ...(grpcMessage === null ? {} : { 'grpc-message': grpcMessage }),
            'grpc-status-details-bin': bin,
          }),
        )
        expect([status.code, status.message]).toEqual([code, message])
        expect(
          status.details.map((detail) => ({ ...detail, value: Buffer.from(detail.value).toString('base64') })),
        ).toEqual(details)
        expect(status.trailers.get('grpc-status-details-bin')).toBeUndefined()
      }
    })
  })

  test('grpc-status 0 with a message is OK', async () => {
    expect(await unaryStatus({ body: HELLO, trailers: { 'grpc-status': '0' } })).toMatchObject({
      status: { code: Code.OK },
      messages: 1,
    })
  })

  describe('answers without grpc-status', () => {
    const shapes: [string, (http: number) => RawAnswer][] = [
      ['head alone', (http) => ({ headers: { ':status': http, 'content-type': 'text/html' }, only: true })],
      [
        'with an HTML body',
        (http) => ({ headers: { ':status': http, 'content-type': 'text/html' }, body: Buffer.from('<html>no') }),
      ],
      ['with gRPC type and trailers', (http) => ({ headers: { ':status': http }, trailers: { 'x-other': 'y' } })],
      ['with gRPC type, without trailers', (http) => ({ headers: { ':status': http } })],
    ]
    describe.each(shapes)('%s', (_name, answer) => {
      test.each(vectors.bareHttp)('HTTP $http is code $code', async ({ http, code }) => {
        for (const { status } of [await unaryStatus(answer(http)), await streamEnd(answer(http))]) {
          expect(status.code).toBe(code)
          expect(status.message).not.toContain(String(backend.port))
          if (http !== 200) expect(status.message).toContain(String(http))
          expect(reasonOf(status.details)).toBe(code === Code.UNAVAILABLE ? 'UPSTREAM_UNAVAILABLE' : 'UPSTREAM_INVALID')
        }
      })
    })

    test('an HTML page with HTTP 200 is UNKNOWN and names its type', async () => {
      const page: RawAnswer = { headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>hello</html>') }
      for (const { status } of [await unaryStatus(page), await streamEnd(page)]) {
        expect(status.code).toBe(Code.UNKNOWN)
        expect(status.message).toContain('text/html')
      }
    })
    test('messages that came before the missing end are given to the reader of a stream', async () => {
      const { status, messages } = await streamEnd({ body: Buffer.concat([HELLO, HELLO]) })
      expect([status.code, messages]).toEqual([Code.UNKNOWN, 2])
    })
    test('two that differ are UNKNOWN', async () => {
      const { status } = await unaryStatus({ body: HELLO, trailers: { 'grpc-status': ['0', '5'] } })
      expect(status.code).toBe(Code.UNKNOWN)
      expect(status.message).toContain('0, 5')
    })
    test('a grpc-status that is no number is UNKNOWN', async () => {
      const { status } = await unaryStatus({ body: HELLO, trailers: { 'grpc-status': 'nine' } })
      expect(status.code).toBe(Code.UNKNOWN)
      expect(status.message).toContain('nine')
    })
  })

  describe('RST_STREAM', () => {
    test.each(vectors.resets)('$rst before a head is code $code', async ({ number, code }) => {
      expect((await unaryStatus({ reset: number })).status.code).toBe(code)
    })
    test.each(vectors.resets)('$rst behind a message is code $code', async ({ number, code }) => {
      expect((await unaryStatus({ headers: {}, body: HELLO, reset: number })).status.code).toBe(code)
      expect((await streamEnd({ headers: {}, body: HELLO, reset: number })).status.code).toBe(code)
    })
    test('a deadline that passes while the backend is silent is DEADLINE_EXCEEDED', async () => {
      next = { hang: true }
      const call = Promise.resolve(channel.call(backendCall('unary', { timeout: 30 })))
      await expect(call).rejects.toMatchObject({ status: { code: Code.DEADLINE_EXCEEDED } })
    })
  })

  describe('number of answers to a unary call', () => {
    test('none is UNIMPLEMENTED', async () => {
      const { status } = await unaryStatus({ trailers: { 'grpc-status': '0' } })
      expect(status.code).toBe(Code.UNIMPLEMENTED)
      expect(status.message).toContain('no message')
    })
    test('two are UNIMPLEMENTED', async () => {
      const { status } = await unaryStatus({ body: Buffer.concat([HELLO, HELLO]), trailers: { 'grpc-status': '0' } })
      expect(status.code).toBe(Code.UNIMPLEMENTED)
      expect(status.message).toContain('more than one')
    })
    test('one in a client-streaming call that fails is not given away', async () => {
      next = { body: HELLO, trailers: { 'grpc-status': '9', 'grpc-message': 'late' } }
      const { messages, status } = await collect((await channel.call(backendCall('client_stream'))).messages)
      expect([messages.length, status.code, status.message]).toEqual([0, 9, 'late'])
    })
  })

  describe('broken messages', () => {
    test('a message that claims compression nobody announced is INTERNAL', async () => {
      const { status } = await unaryStatus({ body: frame(Buffer.from('xx'), 1), trailers: { 'grpc-status': '0' } })
      expect([status.code, reasonOf(status.details)]).toEqual([Code.INTERNAL, 'UPSTREAM_INVALID'])
    })
    test('an unknown encoding is INTERNAL', async () => {
      const { status } = await unaryStatus({
        headers: { 'grpc-encoding': 'snappy' },
        body: frame(Buffer.from('xx'), 1),
        trailers: { 'grpc-status': '0' },
      })
      expect([status.code, reasonOf(status.details)]).toEqual([Code.INTERNAL, 'UPSTREAM_INVALID'])
    })
    test('a length above the limit fails before the payload is there', async () => {
      const head = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3])
      const { status } = await unaryStatus({ body: head, hang: true })
      expect([status.code, reasonOf(status.details)]).toEqual([Code.RESOURCE_EXHAUSTED, 'MESSAGE_TOO_LARGE'])
      expect(status.message).toContain('4MiB')
    })
    test('a message cut short by the end is not given away', async () => {
      const cut = HELLO.subarray(0, 7)
      const { status, messages } = await unaryStatus({ body: cut, trailers: { 'grpc-status': '0' } })
      expect([status.code, messages]).toEqual([Code.INTERNAL, 0])
    })
  })

  test('trailers arrive with the status, fields of the transport do not', async () => {
    const { status } = await unaryStatus({
      body: HELLO,
      trailers: { 'grpc-status': '5', 'x-one': 'a', 'x-two-bin': 'AQI=' },
    })
    expect(status.trailers.raw).toEqual(['x-one', 'a', 'x-two-bin', 'AQI'])
    const only = await unaryStatus({ headers: { 'grpc-status': '5', 'x-one': 'a' }, only: true })
    expect(only.status.trailers.get('x-one')).toBe('a')
    expect(only.status.trailers.get('content-type')).toBeUndefined()
    expect(only.status.trailers.get(':status')).toBeUndefined()
  })

  if (outbound.name === 'grpc-js')
    test('fields by which an end travels through grpc-js are no trailers', async () => {
      const { status } = await unaryStatus({ body: HELLO, trailers: { 'grpc-status': '5', 'protogate-code': '0' } })
      expect([status.code, status.trailers.raw]).toEqual([Code.NOT_FOUND, []])
    })

  test('header values that are not legal in gRPC are dropped, quietly', async () => {
    next = { headers: { 'x-latin': 'caf\u00e9', 'x-good': 'yes' }, body: HELLO, trailers: { 'grpc-status': '0' } }
    const reply = await channel.call(backendCall('unary'))
    expect([reply.metadata.get('x-latin'), reply.metadata.get('x-good')]).toEqual([undefined, 'yes'])
  })

  test('a backend that drops the connection is UNAVAILABLE, and the next call has a new one', async () => {
    const { status } = await unaryStatus({ headers: {}, body: HELLO, drop: true })
    expect([status.code, reasonOf(status.details)]).toEqual([Code.UNAVAILABLE, 'UPSTREAM_UNAVAILABLE'])
    expect(status.message).not.toContain(String(backend.port))
    expect((await unaryStatus({ body: HELLO, trailers: { 'grpc-status': '0' } })).status.code).toBe(Code.OK)
  })
})
