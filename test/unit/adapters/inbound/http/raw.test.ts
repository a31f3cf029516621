import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Exchange } from '../../../../../src/core/exchange.ts'
import type { Reply } from '../../../../../src/core/handler.ts'
import type { Message } from '../../../../../src/core/message.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import { Code, errors, makeStatus, OK } from '../../../../../src/core/status.ts'
import { ended, fromList, Source, unary } from '../../../../../src/core/stream.ts'
import {
  type CaseOptions,
  caseIngress,
  garbage,
  httpBody,
  httpReply,
  opaque,
  proto,
  sentTo,
} from '../../../../support/http-cases.ts'
import { httpBench } from '../../../../support/http-inbound.ts'
import type { FakeHttpInit } from '../../../../support/http-io.ts'
import { fakeReply, recorder } from '../../../../support/loopback.ts'

describe('google.api.HttpBody as request', () => {
  const seen: Message[] = []
  const upload = (init: FakeHttpInit, options: CaseOptions = {}) => {
    seen.length = 0
    const bench = httpBench(
      caseIngress(
        {
          'Files/Upload': (exchange) => {
            seen.push(exchange.request.unary!)
            return fakeReply(unary(proto({})))
          },
        },
        options,
      ),
    )
    return bench.serve({ method: 'PUT', path: '/v1/files/a.bin', hasBody: true, ...init })
  }
  test('bytes of any type, with their content type and the path', () => {
    const io = upload({ headers: ['content-type', 'image/png'] })
    io.body.sink?.chunk(Buffer.from([0, 0xff]))
    io.body.sink?.chunk(Buffer.from('{"'))
    io.body.sink?.end([])
    expect(io.log).toEqual(['reply 200 {}'])
    expect(sentTo(seen[0]!)).toEqual({ name: 'a.bin', content: { contentType: 'image/png', data: 'AP97Ig==' } })
  })
  test('none at all', () => {
    upload({ hasBody: false })
    expect(sentTo(seen[0]!)).toMatchObject({ name: 'a.bin' })
  })
  test('above the limit', () => {
    const io = upload({ headers: ['content-length', '5'] }, { settings: { maxBodyBytes: 4 } })
    expect(io.log[0]).toMatch(/^reply 413/)
  })

  test('a stream is cut into pieces of at most 256 KiB; the first has path and type', () => {
    const sink = recorder()
    const answer = Promise.withResolvers<Reply>()
    const bench = httpBench(
      caseIngress({
        'Files/UploadStream': (exchange) => {
          sink.read(exchange.request)
          return answer.promise
        },
      }),
    )
    const io = bench.serve({ path: '/v1/files/big', hasBody: true, headers: ['content-type', 'x/y'] })
    const bytes = randomBytes(600 * 1024)
    io.body.sink?.chunk(bytes)
    io.body.sink?.chunk(Buffer.from('end'))
    io.body.sink?.end([])
    const sent = sink.messages.map(sentTo) as { name?: string; content: { contentType?: string; data: string } }[]
    expect(
      sent.map(({ name, content }) => [name, content.contentType, Buffer.from(content.data, 'base64').length]),
    ).toEqual([
      ['big', 'x/y', 262144],
      [undefined, undefined, 262144],
      [undefined, undefined, 90112],
      [undefined, undefined, 3],
    ])
    const whole = Buffer.concat(sent.map(({ content }) => Buffer.from(content.data, 'base64')))
    expect(whole.equals(Buffer.concat([bytes, Buffer.from('end')]))).toBe(true)
  })
  test('an empty stream still says what it is for', () => {
    for (const hasBody of [true, false]) {
      const sink = recorder()
      const bench = httpBench(
        caseIngress({
          'Files/UploadStream': (exchange) => {
            sink.read(exchange.request)
            return new Promise(() => {})
          },
        }),
      )
      const io = bench.serve({ path: '/v1/files/none', hasBody })
      io.body.sink?.end([])
      expect(sink.messages.map(sentTo)).toMatchObject([{ name: 'none' }])
      expect(sink.ends).toEqual([OK])
    }
  })
})

describe('google.api.HttpBody as reply', () => {
  const get = (name: string, path: string, handler: () => Reply, init: FakeHttpInit = {}) =>
    httpBench(caseIngress({ [name]: handler })).serve({ method: 'GET', path, ...init })
  const stream = (messages: Message[], status = OK, init: FakeHttpInit = {}) =>
    get('Files/DownloadStream', '/v1/streams/a', () => fakeReply(fromList(messages, status)), init)
  const INTERNAL = makeStatus(Code.INTERNAL, 'broke')

  test('is the body, with its own type', () => {
    const io = get('Files/Download', '/v1/files/a', () => fakeReply(unary(httpBody('<a/>', 'text/xml'))))
    expect(io.log).toEqual(['reply 200 <a/>'])
    expect(io.headers.get('content-type')).toBe('text/xml')
  })
  test('or the field of the reply that is sent', () => {
    const content = { contentType: 'text/plain', data: Buffer.from('hi').toString('base64') }
    const io = get('Files/Preview', '/v1/previews/a', () => fakeReply(unary(proto({ name: 'x', content }, 'File'))))
    expect(io.log).toEqual(['reply 200 hi'])
    expect(io.headers.get('content-type')).toBe('text/plain')
    const none = get('Files/Preview', '/v1/previews/a', () => fakeReply(unary(proto({ name: 'x' }, 'File'))))
    expect(none.log).toEqual(['reply 200 '])
    expect(none.headers.has('content-type')).toBe(false)
  })
  test('HEAD: the listener is given what a GET would have sent, for its length', () => {
    const io = get('Files/Download', '/v1/files/a', () => fakeReply(unary(httpBody('<a/>', 'text/xml'))), {
      method: 'HEAD',
    })
    expect(io.log).toEqual(['reply 200 <a/>'])
    expect(io.headers.get('content-type')).toBe('text/xml')
  })
  test('bytes without a type are not to be guessed at', () => {
    const io = get('Files/Download', '/v1/files/a', () => fakeReply(unary(httpBody('x'))))
    expect(io.headers.get('content-type')).toBe('application/octet-stream')
  })

  test('SEMANTICS §19: no message', () => {
    const io = stream([])
    expect(io.log).toEqual(['head 200', 'end'])
    expect(io.headers.has('content-type')).toBe(false)
  })
  test('SEMANTICS §19: two messages, nothing added, type of the first', () => {
    const io = stream([httpBody('a', 'x/first'), httpBody('b', 'x/second')])
    expect(io.log).toEqual(['head 200', 'write a', 'write b', 'end'])
    expect(io.headers.get('content-type')).toBe('x/first')
  })
  test('SEMANTICS §19: a late failure cuts the connection', () => {
    expect(stream([httpBody('a'), httpBody('b')], INTERNAL).log).toEqual(['head 200', 'write a', 'write b', 'abort'])
  })
  test('SEMANTICS §19: an early failure is an error', () => {
    expect(stream([], INTERNAL).log[0]).toMatch(/^reply 500 \{"code":13/)
  })
  test('a message that is none: an error before the first byte, a cut after it', () => {
    const bad = () => {
      const source = new Source({ resume() {}, cancel() {} })
      return { source, reply: () => fakeReply(source) }
    }
    const first = bad()
    const early = get('Files/DownloadStream', '/v1/streams/a', first.reply)
    first.source.push(garbage('Note'))
    expect(early.log[0]).toMatch(/^reply 500 .*UPSTREAM_INVALID/)
    const second = bad()
    const late = get('Files/DownloadStream', '/v1/streams/a', second.reply)
    second.source.push(httpBody('a'))
    second.source.push(garbage('Note'))
    expect(late.log).toEqual(['head 200', 'write a', 'abort'])
    expect(second.source.over).toBe(true)
  })
  test('Accept does not matter, and no clock opens it', () => {
    const source = new Source({ resume() {}, cancel() {} })
    const bench = httpBench(caseIngress({ 'Files/DownloadStream': () => fakeReply(source) }))
    const io = bench.serve({ method: 'GET', path: '/v1/streams/a', headers: ['accept', 'image/png'] })
    bench.clock.advance(10_000)
    expect(io.log).toEqual([])
    source.push(httpBody('a', 'image/png'))
    expect(io.log).toEqual(['head 200', 'write a'])
  })
  test('HEAD takes the first head and lets the backend go', () => {
    const source = new Source({ resume() {}, cancel() {} })
    const io = get('Files/DownloadStream', '/v1/streams/a', () => fakeReply(source), { method: 'HEAD' })
    source.push(httpBody('a', 'x/y'))
    expect(io.log).toEqual(['head 200', 'end'])
    expect(source.over).toBe(true)
  })
})

describe('plain HTTP', () => {
  const proxy = (
    reply: (exchange: Exchange) => Reply | Promise<Reply>,
    init: FakeHttpInit = {},
    options: CaseOptions = {},
  ) => {
    const calls: Exchange[] = []
    const bench = httpBench(
      caseIngress(
        {
          '/proxy/*': (exchange) => {
            calls.push(exchange)
            return reply(exchange)
          },
        },
        options,
      ),
    )
    return { io: bench.serve({ path: '/proxy/x', ...init }), calls, bench }
  }

  test('status, headers and bytes come as they are, hop-by-hop ones aside', () => {
    const headers = [
      'content-type',
      'x/y',
      'set-cookie',
      'a',
      'set-cookie',
      'b',
      'connection',
      'x-hop',
      'x-hop',
      '1',
      'keep-alive',
      'timeout=5',
    ]
    const { io } = proxy(() => httpReply(unary(opaque('teapot')), 418, headers))
    expect(io.log).toEqual(['reply 418 teapot'])
    expect(io.headers.get('content-type')).toBe('x/y')
    expect(io.headers.get('set-cookie')).toBe('b')
    expect([...io.headers.keys()]).toEqual(['content-type', 'set-cookie', 'x-request-id'])
  })
  test('in pieces, with the length that the backend declared', () => {
    const source = new Source({ resume() {}, cancel() {} })
    const { io } = proxy(() => httpReply(source, 200, ['content-length', '2']))
    expect(io.log).toEqual(['head 200'])
    source.push(opaque('a'))
    source.push(opaque('b'))
    source.end(OK)
    expect(io.log).toEqual(['head 200', 'write a', 'write b', 'end'])
    expect(io.headers.get('content-length')).toBe('2')
  })
  test('a failure behind the head cuts the connection', () => {
    const { io } = proxy(() => httpReply(fromList([opaque('a'), opaque('b')], makeStatus(Code.UNAVAILABLE, 'gone'))))
    expect(io.log).toEqual(['head 200', 'write a', 'write b', 'abort'])
  })
  test('a failure before it is an error answer', () => {
    const { io } = proxy(() => {
      throw errors.unavailable('connection refused')
    })
    expect(io.log[0]).toMatch(/^reply 503 \{"code":14/)
    expect(proxy(() => httpReply(ended(makeStatus(Code.UNAVAILABLE, 'x')))).io.log[0]).toMatch(/^reply 503/)
  })
  test('trailers for who takes them', () => {
    const reply = () =>
      httpReply(
        unary(opaque('a'), makeStatus(Code.OK, '', { trailers: makeMetadata(['x-sum', '1', 'connection', 'x']) })),
        200,
        ['trailer', 'x-sum'],
      )
    const { io } = proxy(reply, { headers: ['te', 'trailers'] })
    expect(io.headers.get('trailer')).toBe('x-sum')
    expect(io.trailers).toEqual(['x-sum', '1'])
    expect(proxy(reply).io.log).toEqual(['reply 200 a'])
  })
  test.each([100, 101, 199, 600, 999])('status %i is no answer', (status) => {
    expect(proxy(() => httpReply(ended(), status)).io.log[0]).toMatch(/^reply 500 .*UPSTREAM_INVALID/)
  })
  test('HEAD keeps the length of what is not sent', () => {
    const { io } = proxy(() => httpReply(ended(), 200, ['content-length', '77']), { method: 'HEAD' })
    expect(io.log).toEqual(['reply 200 '])
    expect(io.headers.get('content-length')).toBe('77')
  })
  test('no body is none', () => {
    const { calls } = proxy(() => httpReply(ended(), 204))
    expect(calls[0]?.request.status).toEqual(OK)
    expect(calls[0]?.request.unary).toBeUndefined()
  })
  test('a body goes on piece by piece, at the pace of the backend, with its encoding', () => {
    const sink = recorder(1)
    const { io, calls } = proxy(
      (exchange) => {
        sink.read(exchange.request)
        return new Promise(() => {})
      },
      { hasBody: true, headers: ['content-encoding', 'gzip', 'content-type', 'x/y'] },
    )
    expect(io.body.sink?.chunk(Buffer.from('abc'))).toBe(false)
    expect(io.body.sink?.chunk(Buffer.from('def'))).toBe(false)
    sink.more()
    expect(io.body.resumed).toBe(1)
    io.body.sink?.end([])
    expect(Buffer.concat(sink.messages.map(({ bytes }) => bytes)).toString()).toBe('abcdef')
    expect(sink.ends).toEqual([OK])
    expect(calls[0]?.metadata.get('content-encoding')).toBe('gzip')
  })
  test('a policy that needs the body gets it whole and inflated', () => {
    const { io, calls } = proxy(
      (exchange) => httpReply(unary(opaque(JSON.stringify(exchange.request.unary?.value())))),
      { hasBody: true, headers: ['content-encoding', 'gzip'] },
      { settings: { needsBody: true } },
    )
    io.body.sink?.chunk(gzipSync('{"a":[1,2]}'))
    io.body.sink?.end([])
    expect(io.log).toEqual(['reply 200 {"a":[1,2]}'])
    expect(calls[0]?.metadata.get('content-encoding')).toBeUndefined()
  })
  test('and not one that is longer than its limit', () => {
    const { io } = proxy(
      () => httpReply(ended()),
      { hasBody: true, headers: ['content-length', '11'] },
      { settings: { needsBody: true, maxBodyBytes: 10 } },
    )
    expect(io.log[0]).toMatch(/^reply 413/)
  })
  test('a limit of the route holds for a body in pieces', () => {
    const sink = recorder()
    const reading = (exchange: Exchange) => {
      sink.read(exchange.request)
      return new Promise<Reply>(() => {})
    }
    const { io } = proxy(reading, { hasBody: true }, { settings: { maxBodyBytes: 10 } })
    expect(io.body.sink?.chunk(Buffer.alloc(10))).toBe(true)
    expect(io.body.sink?.chunk(Buffer.alloc(1))).toBe(false)
    expect(io.log[0]).toMatch(/^reply 413 .*BODY_TOO_LARGE/)
    expect(sink.ends.map(({ code }) => code)).toEqual([Code.RESOURCE_EXHAUSTED])
  })
  test('silence ends it', () => {
    const { io, bench } = proxy(() => new Promise(() => {}), {}, { settings: { idleTimeout: 100 } })
    bench.clock.advance(100)
    expect(io.log[0]).toMatch(/^reply 504 .*STREAM_IDLE/)
  })
  test('a policy may answer an RPC as HTTP', () => {
    const bench = httpBench(
      caseIngress({ 'Notes/Get': () => httpReply(ended(), 204, ['access-control-allow-origin', '*']) }),
    )
    const io = bench.serve({ method: 'GET', path: '/v1/notes/a' })
    expect(io.log).toEqual(['reply 204 '])
    expect(io.headers.get('access-control-allow-origin')).toBe('*')
  })
})

describe('content codings', () => {
  const save = (coding: string, bytes: Uint8Array, options: CaseOptions = {}) => {
    const bench = httpBench(
      caseIngress({ 'Notes/Save': (exchange) => fakeReply(unary(proto(sentTo(exchange.request.unary!)))) }, options),
    )
    const io = bench.serve({ path: '/v1/notes', hasBody: true, headers: ['content-encoding', coding] })
    io.body.sink?.chunk(bytes)
    io.body.sink?.end([])
    return io
  }
  const json = '{"id":"x"}'
  test.each([
    ['gzip', gzipSync(json)],
    ['X-GZIP', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['deflate', deflateRawSync(json)],
    ['br', brotliCompressSync(json)],
    ['identity', Buffer.from(json)],
  ])('%s', (coding, bytes) => {
    expect(save(coding, bytes).log).toEqual([`reply 200 ${json}`])
  })
  test.each(['zip', 'gzip, gzip', 'gzip, br', 'identity, gzip'])('%s is refused, with what is known', (coding) => {
    const io = save(coding, Buffer.from(json))
    expect(io.log[0]).toMatch(/^reply 415 .*ENCODING_UNSUPPORTED/)
    expect(io.headers.get('accept-encoding')).toBe('gzip, deflate, br')
  })
  test.each([
    ['not the coding', Buffer.from(json)],
    ['cut', gzipSync(json).subarray(0, 15)],
  ])('%s', (_name, bytes) => {
    expect(save('gzip', bytes).log[0]).toMatch(/^reply 400 .*ENCODING_INVALID/)
  })
  test('an empty body has no coding', () => {
    expect(save('gzip', Buffer.alloc(0)).log).toEqual(['reply 200 {}'])
  })
})
