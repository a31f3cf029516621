import { describe, expect, test } from 'vitest'
import { tallyOf } from '../../../../../src/core/attributes.ts'
import type { Exchange } from '../../../../../src/core/exchange.ts'
import type { Reply } from '../../../../../src/core/handler.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import type { StreamFormat } from '../../../../../src/core/router.ts'
import { Code, makeStatus, OK, type Status } from '../../../../../src/core/status.ts'
import { fromList, Source } from '../../../../../src/core/stream.ts'
import { type CaseOptions, caseIngress, garbage, proto } from '../../../../support/http-cases.ts'
import { httpBench } from '../../../../support/http-inbound.ts'
import type { FakeHttpInit } from '../../../../support/http-io.ts'
import { fakeReply } from '../../../../support/loopback.ts'

const TYPES: Record<StreamFormat, string> = {
  ndjson: 'application/x-ndjson',
  array: 'application/json',
  sse: 'text/event-stream',
}
const INTERNAL = makeStatus(Code.INTERNAL, 'broke', { trailers: makeMetadata(['x-rows', '2', 'secret', 's']) })
const ERROR = '{"code":13,"message":"broke","details":[],"trailers":{"x-rows":"2"}}'

interface Fed {
  readonly source: Source
  readonly exchange: Exchange
  readonly cancelled: Status[]
  readonly resumes: () => number
}
/** A Watch whose stream the test feeds. */
const watch = (init: FakeHttpInit = {}, options: CaseOptions = {}, reply: Partial<Reply> = {}) => {
  const fed: Fed[] = []
  const ingress = caseIngress(
    {
      'Notes/Watch': (exchange) => {
        const cancelled: Status[] = []
        let resumes = 0
        const source = new Source({
          resume() {
            resumes++
          },
          cancel: (status) => void cancelled.push(status),
        })
        fed.push({ source, exchange, cancelled, resumes: () => resumes })
        return fakeReply(source, reply)
      },
    },
    options,
  )
  const bench = httpBench(ingress)
  const io = bench.serve({ method: 'GET', path: '/v1/notes/a:watch', ...init })
  return { bench, io, ingress, calls: fed.length, ...(fed[0] as Fed) }
}
const accepting = (format: StreamFormat): FakeHttpInit => ({ headers: ['accept', TYPES[format]] })

describe('SEMANTICS §19, streams over HTTP', () => {
  const messages = (count: number) => Array.from({ length: count }, (_, i) => proto({ n: i + 1 }))
  const run = (format: StreamFormat, count: number, status: Status, init: FakeHttpInit = {}) => {
    const bench = httpBench(caseIngress({ 'Notes/Watch': () => fakeReply(fromList(messages(count), status)) }))
    return bench.serve({ method: 'GET', path: '/v1/notes/a:watch', ...accepting(format), ...init })
  }

  test.each([
    ['array', 0, ['head 200', 'write []', 'end']],
    ['array', 1, ['head 200', 'write [{"n":1}', 'write ]', 'end']],
    ['array', 3, ['head 200', 'write [{"n":1}', 'write ,{"n":2}', 'write ,{"n":3}', 'write ]', 'end']],
    ['ndjson', 0, ['head 200', 'end']],
    ['ndjson', 1, ['head 200', 'write {"n":1}\n', 'end']],
    ['ndjson', 3, ['head 200', 'write {"n":1}\n', 'write {"n":2}\n', 'write {"n":3}\n', 'end']],
    ['sse', 0, ['head 200', 'write event: end\nid: end\ndata: {"code":0,"message":"","details":[]}\n\n', 'end']],
    [
      'sse',
      1,
      [
        'head 200',
        'write data: {"n":1}\n\n',
        'write event: end\nid: end\ndata: {"code":0,"message":"","details":[]}\n\n',
        'end',
      ],
    ],
  ] as const)('%s, %i messages, OK', (format, count, log) => {
    const io = run(format, count, OK)
    expect(io.log).toEqual(log)
    expect(io.headers.get('content-type')).toBe(TYPES[format])
    expect(io.headers.get('vary')).toBe('accept')
  })
  test.each([
    ['array', ['head 200', 'write [{"n":1}', 'write ,{"n":2}', 'abort']],
    ['ndjson', ['head 200', 'write {"n":1}\n', 'write {"n":2}\n', `write {"error":${ERROR}}\n`, 'end']],
    [
      'sse',
      ['head 200', 'write data: {"n":1}\n\n', 'write data: {"n":2}\n\n', `write event: end\ndata: ${ERROR}\n\n`, 'end'],
    ],
  ] as const)('%s, 2 messages, INTERNAL', (format, log) => {
    expect(run(format, 2, INTERNAL).log).toEqual(log)
  })
  test.each(['array', 'ndjson', 'sse'] as const)('%s, none, INTERNAL: an ordinary error', (format) => {
    expect(run(format, 0, INTERNAL).log).toEqual(['reply 500 {"code":13,"message":"broke","details":[]}'])
  })

  test('te: trailers tells the status too', () => {
    const io = run('ndjson', 2, INTERNAL, { headers: ['accept', TYPES.ndjson, 'te', 'trailers'] })
    expect(io.headers.get('trailer')).toBe('grpc-status, grpc-message')
    expect(io.trailers).toEqual(['x-rows', '2', 'grpc-status', '13', 'grpc-message', 'broke'])
    expect(run('array', 1, OK, { headers: ['accept', TYPES.array, 'te', 'trailers'] }).trailers).toEqual([
      'grpc-status',
      '0',
      'grpc-message',
      '',
    ])
  })
})

describe('negotiation', () => {
  test('what is not acceptable is refused before the backend is called', () => {
    const { io, calls } = watch({ headers: ['accept', 'text/html'] })
    expect(calls).toBe(0)
    expect(io.log[0]).toMatch(/^reply 406 \{"code":3.*NOT_ACCEPTABLE/)
  })
  test('the route decides where the client does not', () => {
    const { io, source } = watch({}, { settings: { stream: 'array' } })
    source.end(OK)
    expect(io.headers.get('content-type')).toBe('application/json')
  })
  test('the envelope of grpc-gateway', () => {
    const { io, source } = watch({}, { compat: { streamEnvelope: true } })
    source.push(proto({ n: 1 }))
    source.end(INTERNAL)
    expect(io.log).toEqual(['head 200', 'write {"result":{"n":1}}\n', `write {"error":${ERROR}}\n`, 'end'])
  })
})

describe('the head', () => {
  test('is held for a failure that comes late', () => {
    const { io, source, bench } = watch()
    bench.clock.advance(999)
    expect(io.log).toEqual([])
    source.end(makeStatus(Code.PERMISSION_DENIED, 'no'))
    expect(io.log[0]).toMatch(/^reply 403 /)
    expect(bench.clock.pending()).toBe(0)
  })
  test.each([
    ['ndjson', ['head 200'], ['write {"n":1}\n', 'end']],
    ['array', ['head 200'], ['write [{"n":1}', 'write ]', 'end']],
    [
      'sse',
      ['head 200', 'write :\n\n'],
      ['write data: {"n":1}\n\n', 'write event: end\nid: end\ndata: {"code":0,"message":"","details":[]}\n\n', 'end'],
    ],
  ] as const)('of a quiet stream goes out after a second: %s', (format, early, late) => {
    const { io, source, bench } = watch(accepting(format))
    bench.clock.advance(1000)
    expect(io.log).toEqual(early)
    source.push(proto({ n: 1 }))
    source.end(OK)
    expect(io.log).toEqual([...early, ...late])
  })
  test('a failure behind it is told in the body', () => {
    const { io, source, bench } = watch()
    bench.clock.advance(1000)
    source.end(INTERNAL)
    expect(io.log).toEqual(['head 200', `write {"error":${ERROR}}\n`, 'end'])
  })
  test('the second counts from the call, not from its reply', async () => {
    const source = new Source({ resume() {}, cancel() {} })
    const opened = Promise.withResolvers<void>()
    const bench = httpBench(caseIngress({ 'Notes/Watch': () => opened.promise.then(() => fakeReply(source)) }))
    const io = bench.serve({ method: 'GET', path: '/v1/notes/a:watch' })
    bench.clock.advance(5000)
    expect(io.log).toEqual([])
    opened.resolve()
    for (let i = 0; i < 4; i++) await Promise.resolve()
    bench.clock.advance(0)
    expect(io.log).toEqual(['head 200'])
  })
  test('reply metadata of the allow-list', () => {
    const { io, source } = watch({}, {}, { metadata: makeMetadata(['etag', 'e', 'secret', 's']) })
    source.end(OK)
    expect(io.headers.get('etag')).toBe('e')
    expect(io.headers.has('secret')).toBe(false)
  })
})

describe('events', () => {
  const sse = accepting('sse')
  test('a comment every 15 s, until the end', () => {
    const { io, source, bench } = watch(sse)
    source.push(proto({ n: 1 }))
    bench.clock.advance(45_000)
    expect(io.log.slice(2)).toEqual(['write :\n\n', 'write :\n\n', 'write :\n\n'])
    source.end(OK)
    const length = io.log.length
    bench.clock.advance(60_000)
    expect(io.log).toHaveLength(length)
    expect(bench.clock.pending()).toBe(0)
  })
  test('other formats have none', () => {
    const { io, source, bench } = watch()
    source.push(proto({ n: 1 }))
    bench.clock.advance(60_000)
    expect(io.log).toHaveLength(2)
  })
  test('Last-Event-ID goes to the backend; that of the end is answered with 204', () => {
    const { exchange } = watch({ headers: ['accept', TYPES.sse, 'last-event-id', '17'] })
    expect(exchange.metadata.get('last-event-id')).toBe('17')
    const { io, calls, ingress } = watch({ headers: ['accept', TYPES.sse, 'last-event-id', 'end'] })
    expect(calls).toBe(0)
    expect(io.log).toEqual(['reply 204 '])
    expect(ingress.snapshot.held).toBe(0)
    expect(watch({ headers: ['last-event-id', 'end'] }).calls).toBe(1)
  })
  test('positions of a resumable stream are ids, and its end has none of ours', () => {
    const { io, source } = watch(sse, {}, { position: { epoch: 'e1', offset: 0, recovered: undefined } })
    source.push(proto({ n: 1 }), { offset: 8, skipped: 0 })
    source.push(proto({ n: 2 }))
    source.end(OK)
    expect(io.text).toBe(
      'id: e1:8\ndata: {"n":1}\n\ndata: {"n":2}\n\nevent: end\ndata: {"code":0,"message":"","details":[]}\n\n',
    )
  })
  test('proxies on the way are told not to hold it back', () => {
    const { io, source } = watch(sse)
    source.end(OK)
    expect(io.headers.get('cache-control')).toBe('no-cache')
    expect(io.headers.get('x-accel-buffering')).toBe('no')
  })
})

describe('flow', () => {
  test('a client that is slow makes the backend wait until it drains', () => {
    const { io, source, resumes } = watch()
    expect(source.push(proto({ n: 1 }))).toBe(true)
    io.room = false
    expect(source.push(proto({ n: 2 }))).toBe(false)
    expect(source.push(proto({ n: 3 }))).toBe(false)
    expect(io.log).toHaveLength(3)
    io.room = true
    io.drained()
    expect(io.log.at(-1)).toBe('write {"n":3}\n')
    expect(resumes()).toBe(1)
  })
  test('a client that leaves cancels the backend', () => {
    const { io, source, cancelled, exchange, ingress } = watch()
    source.push(proto({ n: 1 }))
    io.close(false)
    expect(cancelled.map(({ code }) => code)).toEqual([Code.CANCELLED])
    expect(exchange.signal.aborted).toBe(true)
    expect(ingress.snapshot.held).toBe(0)
    expect(io.log).toEqual(['head 200', 'write {"n":1}\n'])
  })
  test('silence ends it', () => {
    const { io, source, bench, cancelled } = watch({}, { settings: { idleTimeout: 5000 } })
    source.push(proto({ n: 1 }))
    bench.clock.advance(4000)
    source.push(proto({ n: 2 }))
    bench.clock.advance(4999)
    expect(io.log).toHaveLength(3)
    bench.clock.advance(1)
    expect(io.log[3]).toMatch(/^write \{"error":\{"code":4.*STREAM_IDLE/)
    expect(cancelled).toHaveLength(1)
  })
  test('the deadline ends it', () => {
    const { io, source, bench, cancelled } = watch({}, { settings: { timeout: 5000 } })
    source.push(proto({ n: 1 }))
    bench.clock.advance(5000)
    expect(io.log[2]).toMatch(/^write \{"error":\{"code":4/)
    expect(io.log[3]).toBe('end')
    expect(cancelled.map(({ code }) => code)).toEqual([Code.DEADLINE_EXCEEDED])
  })
  test('a message that cannot be decoded ends it, and the backend is cancelled', () => {
    const { io, source, cancelled } = watch()
    source.push(proto({ n: 1 }))
    source.push(garbage())
    expect(io.log[2]).toMatch(/^write \{"error":\{"code":13.*UPSTREAM_INVALID/)
    expect(io.log[3]).toBe('end')
    expect(cancelled).toHaveLength(1)
    source.push(proto({ n: 3 }))
    source.end(OK)
    expect(io.log).toHaveLength(4)
  })
  test('so does the first one, as an ordinary error', () => {
    const { io, source, cancelled } = watch()
    source.push(garbage())
    expect(io.log[0]).toMatch(/^reply 500 .*UPSTREAM_INVALID/)
    expect(cancelled).toHaveLength(1)
  })
  test('in the middle of a list that is here already', () => {
    const bench = httpBench(
      caseIngress({ 'Notes/Watch': () => fakeReply(fromList([proto({ n: 1 }), garbage(), proto({ n: 3 })])) }),
    )
    const io = bench.serve({ method: 'GET', path: '/v1/notes/a:watch' })
    expect(io.log).toHaveLength(4)
    expect(io.log[2]).toContain('UPSTREAM_INVALID')
  })
  test('HEAD: the head of the first message, then the backend is let go', () => {
    const { io, source, cancelled } = watch({ method: 'HEAD' })
    source.push(proto({ n: 1 }))
    expect(io.log).toEqual(['head 200', 'end'])
    expect(cancelled).toHaveLength(1)
    const quiet = watch({ method: 'HEAD' })
    quiet.bench.clock.advance(1000)
    expect(quiet.io.log).toEqual(['head 200', 'end'])
    expect(quiet.cancelled).toHaveLength(1)
  })
  test('the tally', () => {
    const { source, exchange } = watch()
    source.push(proto({ n: 1 }))
    source.push(proto({ n: 2 }))
    source.end(OK)
    expect(tallyOf(exchange)).toEqual({ httpStatus: 200, bytesIn: 0, bytesOut: 16, messagesIn: 1, messagesOut: 2 })
  })
})
