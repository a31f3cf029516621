import { describe, expect, test } from 'vitest'
import { responseHeadersOf, tallyOf } from '../../../../../src/core/attributes.ts'
import { exchangeEnded } from '../../../../../src/core/channels.ts'
import type { Exchange } from '../../../../../src/core/exchange.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import { Code, errors, makeStatus, OK } from '../../../../../src/core/status.ts'
import { ended, fromList, Source, unary } from '../../../../../src/core/stream.ts'
import { caseIngress, garbage, proto, sentTo } from '../../../../support/http-cases.ts'
import { httpBench } from '../../../../support/http-inbound.ts'
import { fakeReply } from '../../../../support/loopback.ts'

const echo = (exchange: Exchange) => fakeReply(unary(proto(sentTo(exchange.request.unary!))))
const _json = (text: string): Record<string, unknown> => JSON.parse(text)

describe('the request', () => {
  test('path and query make the message of a GET', () => {
    const bench = httpBench(caseIngress({ 'Notes/Get': echo }))
    const io = bench.serve({ method: 'GET', path: '/v1/notes/a%2Fb?n=7&inner.t=x' })
    expect(io.log).toEqual(['reply 200 {"id":"a/b","n":7,"inner":{"t":"x"}}'])
    expect(io.headers.get('content-type')).toBe('application/json')
  })
  test('a body is collected, and the call is dispatched with its end', () => {
    const bench = httpBench(caseIngress({ 'Notes/Save': echo }))
    const io = bench.serve({ path: '/v1/notes', hasBody: true })
    expect(io.body.sink?.chunk(Buffer.from('{"id":'))).toBe(true)
    expect(io.body.sink?.chunk(Buffer.from('"x"}'))).toBe(true)
    expect(io.log).toEqual([])
    io.body.sink?.end([])
    expect(io.log).toEqual(['reply 200 {"id":"x"}'])
  })
  test('a body that feeds one field, with the path beside it', () => {
    const bench = httpBench(caseIngress({ 'Notes/Save': echo }))
    const io = bench.serve({ method: 'PUT', path: '/v1/notes/i/inner?n=3', hasBody: true })
    io.body.sink?.chunk(Buffer.from('{"t":"deep"}'))
    io.body.sink?.end([])
    expect(io.log).toEqual(['reply 200 {"id":"i","n":3,"inner":{"t":"deep"}}'])
  })
  test('an empty body is an empty message', () => {
    const bench = httpBench(caseIngress({ 'Notes/Save': echo }))
    expect(bench.serve({ path: '/v1/notes', headers: ['content-type', 'text/plain'] }).log).toEqual(['reply 200 {}'])
    const chunked = bench.serve({ path: '/v1/notes', hasBody: true })
    chunked.body.sink?.end([])
    expect(chunked.log).toEqual(['reply 200 {}'])
  })
  test('a body where none belongs is refused, declared or not; an empty one is none', () => {
    const bench = httpBench(caseIngress({ 'Notes/Get': echo }))
    const declared = bench.serve({
      method: 'GET',
      path: '/v1/notes/a',
      headers: ['content-length', '2'],
      hasBody: true,
    })
    expect(declared.body.sink).toBeUndefined()
    expect(declared.log[0]).toMatch(/^reply 400 .*BODY_UNEXPECTED/)
    const chunked = bench.serve({ method: 'GET', path: '/v1/notes/a', hasBody: true })
    expect(chunked.body.sink?.chunk(Buffer.from('x'))).toBe(false)
    expect(chunked.log[0]).toMatch(/^reply 400 .*BODY_UNEXPECTED/)
    const empty = bench.serve({ method: 'GET', path: '/v1/notes/a', hasBody: true })
    empty.body.sink?.end([])
    expect(empty.log).toEqual(['reply 200 {"id":"a"}'])
  })
  test('what does not bind is a 400 before anything is sent', () => {
    let sent = 0
    const bench = httpBench(
      caseIngress({
        'Notes/Get': (exchange) => {
          sentTo(exchange.request.unary!)
          sent++
          return fakeReply()
        },
      }),
    )
    const io = bench.serve({ method: 'GET', path: '/v1/notes/alice?id=bob' })
    expect(io.log[0]).toMatch(/^reply 400 \{"code":3/)
    expect(sent).toBe(0)
  })
  test('another content type: 415, and the body is not read', () => {
    const bench = httpBench(caseIngress({ 'Notes/Save': echo }))
    const io = bench.serve({ path: '/v1/notes', headers: ['content-type', 'text/xml'], hasBody: true })
    expect(io.body.sink).toBeUndefined()
    expect(io.log[0]).toMatch(/^reply 415 \{"code":3.*MEDIA_TYPE_UNSUPPORTED/)
  })
  test('metadata: the allow-list and the id, which the answer repeats', () => {
    let seen: readonly string[] = []
    const bench = httpBench(
      caseIngress({
        'Notes/Get': (exchange) => {
          seen = exchange.metadata.raw
          return echo(exchange)
        },
      }),
    )
    const io = bench.serve({ method: 'GET', path: '/v1/notes/a', headers: ['authorization', 'A', 'cookie', 'C'] })
    const id = io.headers.get('x-request-id')
    expect(seen).toEqual(['authorization', 'A', 'x-request-id', id])
    const bad = bench.serve({ method: 'GET', path: '/v1/notes/a', headers: ['authorization', '\u00fc'] })
    expect(bad.log[0]).toMatch(/^reply 400 .*METADATA_INVALID/)
  })
})

describe('limits', () => {
  const options = { settings: { maxBodyBytes: 10, maxMessageBytes: 10 } }
  test('a declared length above the limit is refused before it is read', () => {
    const io = httpBench(caseIngress({ 'Notes/Save': echo }, options)).serve({
      path: '/v1/notes',
      headers: ['content-length', '11'],
      hasBody: true,
    })
    expect(io.body.sink).toBeUndefined()
    expect(io.log[0]).toMatch(/^reply 413 \{"code":8.*BODY_TOO_LARGE/)
  })
  test('so is a body that grows above it', () => {
    const io = httpBench(caseIngress({ 'Notes/Save': echo }, options)).serve({ path: '/v1/notes', hasBody: true })
    expect(io.body.sink?.chunk(Buffer.alloc(10))).toBe(true)
    expect(io.body.sink?.chunk(Buffer.alloc(1))).toBe(false)
    expect(io.log[0]).toMatch(/^reply 413 /)
    io.body.sink?.end([])
    expect(io.log).toHaveLength(1)
  })
  test.each([
    ['idle', 408, 'BODY_TIMEOUT'],
    ['malformed', 400, 'REQUEST_MALFORMED'],
  ] as const)('a body that is lost: %s', (why, status, reason) => {
    const io = httpBench(caseIngress({ 'Notes/Save': echo })).serve({ path: '/v1/notes', hasBody: true })
    io.body.sink?.lost(why)
    expect(io.log[0]).toMatch(new RegExp(`^reply ${status} .*${reason}`))
  })
})

describe('the deadline', () => {
  test('counts from the head, not from the end of the body', () => {
    let left = 0
    const ingress = caseIngress(
      {
        'Notes/Save': (exchange) => {
          left = exchange.deadline - bench.clock.now()
          return echo(exchange)
        },
      },
      { settings: { timeout: 1000 } },
    )
    const bench = httpBench(ingress)
    const io = bench.serve({ path: '/v1/notes', headers: ['grpc-timeout', '200m'], hasBody: true })
    bench.clock.advance(150)
    io.body.sink?.end([])
    expect(left).toBe(50)
    expect(io.log).toEqual(['reply 200 {}'])
  })
  test('ends a call whose body does not come, and nothing is dispatched later', () => {
    let calls = 0
    const bench = httpBench(
      caseIngress({ 'Notes/Save': () => fakeReply(unary(proto({ n: ++calls }))) }, { settings: { timeout: 100 } }),
    )
    const io = bench.serve({ path: '/v1/notes', hasBody: true })
    bench.clock.advance(100)
    expect(io.log[0]).toMatch(/^reply 504 \{"code":4/)
    io.body.sink?.end([])
    expect(calls).toBe(0)
    expect(bench.clock.pending()).toBe(0)
  })
  test('an invalid one is a 400', () => {
    const io = httpBench(caseIngress({ 'Notes/Get': echo })).serve({
      method: 'GET',
      path: '/v1/notes/a',
      headers: ['grpc-timeout', '1x'],
    })
    expect(io.log[0]).toMatch(/^reply 400 .*TIMEOUT_INVALID/)
  })
  test('a reply that comes after it is dropped', async () => {
    const source = new Source({ resume() {}, cancel() {} })
    const late = Promise.withResolvers<void>()
    const bench = httpBench(
      caseIngress({ 'Notes/Get': () => late.promise.then(() => fakeReply(source)) }, { settings: { timeout: 100 } }),
    )
    const io = bench.serve({ method: 'GET', path: '/v1/notes/a' })
    bench.clock.advance(100)
    late.resolve()
    await late.promise
    await Promise.resolve()
    await Promise.resolve()
    expect(io.log).toHaveLength(1)
    expect(source.over).toBe(true)
  })
})

describe('the reply', () => {
  const answerWith = (reply: () => ReturnType<typeof fakeReply>, headers: readonly string[] = [], method = 'GET') =>
    httpBench(caseIngress({ 'Notes/Get': reply })).serve({ method, path: '/v1/notes/a', headers })

  test('metadata of the allow-list become headers; trailers too, with a prefix', () => {
    const status = makeStatus(Code.OK, '', { trailers: makeMetadata(['x-rows', '7', 'secret', 's']) })
    const reply = () => fakeReply(unary(proto({}), status), { metadata: makeMetadata(['etag', '"1"', 'secret', 's']) })
    const io = answerWith(reply)
    expect(io.log).toEqual(['reply 200 {}'])
    expect(io.headers.get('etag')).toBe('"1"')
    expect(io.headers.get('grpc-trailer-x-rows')).toBe('7')
    expect([...io.headers.keys()].filter((name) => name.includes('secret'))).toEqual([])
    const real = answerWith(reply, ['te', 'trailers'])
    expect(real.log).toEqual(['head 200', 'write {}', 'end'])
    expect(real.headers.get('trailer')).toBe('x-rows')
    expect(real.trailers).toEqual(['x-rows', '7'])
    expect(answerWith(reply, ['te', 'trailers'], 'HEAD').log).toEqual(['reply 200 {}'])
  })
  test('response_body: that field alone', () => {
    const io = httpBench(caseIngress({ 'Notes/Get': () => fakeReply(unary(proto({ id: 'a', text: 'hello' }))) })).serve(
      { method: 'GET', path: '/v1/text/a' },
    )
    expect(io.log).toEqual(['reply 200 "hello"'])
  })
  test('a stream in place of a ready message is waited for', () => {
    const source = new Source({ resume() {}, cancel() {} })
    const io = answerWith(() => fakeReply(source))
    source.push(proto({ id: 'x' }))
    expect(io.log).toEqual([])
    source.end(OK)
    expect(io.log).toEqual(['reply 200 {"id":"x"}'])
  })
  test('a late failure still sets the HTTP status', () => {
    const source = new Source({ resume() {}, cancel() {} })
    const io = answerWith(() => fakeReply(source))
    source.push(proto({}))
    source.end(makeStatus(Code.NOT_FOUND, 'gone'))
    expect(io.log[0]).toMatch(/^reply 404 \{"code":5,"message":"gone","details":\[\]\}/)
  })
  test("none, or more than one message, is the backend's fault", () => {
    expect(answerWith(() => fakeReply(ended(OK))).log[0]).toMatch(/^reply 500 \{"code":13.*UPSTREAM_INVALID/)
    expect(answerWith(() => fakeReply(fromList([proto({}), proto({})]))).log[0]).toMatch(
      /^reply 500 .*UPSTREAM_INVALID/,
    )
  })
  test('bytes that are no message of the type too', () => {
    expect(answerWith(() => fakeReply(unary(garbage()))).log[0]).toMatch(/^reply 500 \{"code":13.*UPSTREAM_INVALID/)
  })
  test('headers of the gateway stand on replies and errors alike', () => {
    const handler = (exchange: Exchange) => {
      responseHeadersOf(exchange).append('access-control-allow-origin', '*')
      if (exchange.head.path.endsWith('bad')) throw errors.notFound('no')
      return echo(exchange)
    }
    const bench = httpBench(caseIngress({ 'Notes/Get': handler }))
    for (const path of ['/v1/notes/good', '/v1/notes/bad'])
      expect(bench.serve({ method: 'GET', path }).headers.get('access-control-allow-origin')).toBe('*')
  })
})

describe('the life of a call', () => {
  test('ends once, and the tally is complete by then', () => {
    const ended: unknown[] = []
    const listener = (message: unknown): void => {
      const { exchange, status } = message as { exchange: Exchange; status: { code: number } }
      ended.push({ code: status.code, ...tallyOf(exchange) })
    }
    exchangeEnded.subscribe(listener)
    const ingress = caseIngress({ 'Notes/Save': echo }, { settings: { timeout: 1000 } })
    const bench = httpBench(ingress)
    const io = bench.serve({ path: '/v1/notes', hasBody: true })
    io.body.sink?.chunk(Buffer.from('{"id":"abc"}'))
    io.body.sink?.end([])
    io.close(true)
    const refused = bench.serve({ path: '/v1/notes', headers: ['content-type', 'x/y'], hasBody: true })
    refused.close(true)
    const slow = bench.serve({ path: '/v1/notes', hasBody: true })
    bench.clock.advance(1000)
    slow.close(true)
    const gone = bench.serve({ path: '/v1/notes', hasBody: true })
    gone.body.sink?.lost('gone')
    gone.close(false)
    exchangeEnded.unsubscribe(listener)
    expect(ended).toMatchObject([
      { code: 0, httpStatus: 200, bytesIn: 12, bytesOut: 12, messagesIn: 1, messagesOut: 1 },
      { code: 3, httpStatus: 415, messagesIn: 0 },
      { code: 4, httpStatus: 504 },
      { code: 1, httpStatus: 499 },
    ])
    expect(ingress.snapshot.held).toBe(0)
  })
  test('a trusted proxy names the call', () => {
    const bench = httpBench(caseIngress({ 'Notes/Get': echo }))
    const io = bench.serve({
      method: 'GET',
      path: '/v1/notes/a',
      headers: ['x-request-id', 'theirs'],
      peer: { address: '1.2.3.4', certificate: undefined, via: '10.0.0.1' },
    })
    expect(io.headers.get('x-request-id')).toBe('theirs')
  })
  test('drain refuses what comes later and waits for what is there', async () => {
    const bench = httpBench(caseIngress({ 'Notes/Save': echo }))
    const io = bench.serve({ path: '/v1/notes', hasBody: true })
    let drained = false
    const draining = bench.inbound.drain().then(() => {
      drained = true
    })
    const late = bench.serve({ path: '/v1/notes' })
    expect(late.log[0]).toMatch(/^reply 503 \{"code":14.*DRAINING/)
    expect(late.headers.get('retry-after')).toBe('1')
    late.close(true)
    io.body.sink?.end([])
    expect(io.log).toEqual(['reply 200 {}'])
    await Promise.resolve()
    expect(drained).toBe(false)
    io.close(true)
    await draining
    await bench.inbound.drain()
  })
})
