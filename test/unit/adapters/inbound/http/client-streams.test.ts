import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Exchange } from '../../../../../src/core/exchange.ts'
import { Code, OK, type Status } from '../../../../../src/core/status.ts'
import { Source, unary } from '../../../../../src/core/stream.ts'
import { type CaseOptions, caseIngress, proto, sentTo } from '../../../../support/http-cases.ts'
import { httpBench } from '../../../../support/http-inbound.ts'
import type { FakeHttpInit } from '../../../../support/http-io.ts'
import { fakeReply, recorder, type SinkRecorder } from '../../../../support/loopback.ts'

/** An Import whose request the test reads, with room for so many messages. */
const importing = (init: FakeHttpInit = {}, room = Number.POSITIVE_INFINITY, options: CaseOptions = {}) => {
  const sink: SinkRecorder = recorder(room)
  const calls: Exchange[] = []
  const answer = Promise.withResolvers<ReturnType<typeof fakeReply>>()
  const bench = httpBench(
    caseIngress(
      {
        'Notes/Import': (exchange) => {
          calls.push(exchange)
          sink.read(exchange.request)
          return answer.promise
        },
      },
      options,
    ),
  )
  const io = bench.serve({ path: '/v1/books/b%20c/notes', hasBody: true, ...init })
  const send = (text: string | Uint8Array) => io.body.sink?.chunk(Buffer.from(text))
  return { io, sink, calls, bench, send, answer }
}
const lines: FakeHttpInit = { headers: ['content-type', 'application/x-ndjson'] }

describe('messages of a body', () => {
  test.each([
    ['lines', lines, '{"id":"1"}\n{"id":"2"}\n'],
    ['an array', {}, '[{"id":"1"},{"id":"2"}]'],
    ['values in JSON', {}, '{"id":"1"} {"id":"2"}'],
  ])('%s: the path binds the first alone', (_name, init, body) => {
    const { io, sink, send } = importing(init)
    expect(send(body)).toBe(true)
    io.body.sink?.end([])
    expect(sink.messages.map(sentTo)).toEqual([{ id: '1', book: 'b c' }, { id: '2' }])
    expect(sink.ends).toEqual([OK])
  })
  test('each as soon as it is whole', () => {
    const { sink, send, calls } = importing(lines)
    expect(calls).toHaveLength(1)
    send('{"id":"1"}\n{"id"')
    expect(sink.messages).toHaveLength(1)
    send(':"2"}\n')
    expect(sink.messages).toHaveLength(2)
  })
  test('no body: no message', () => {
    const { sink, io } = importing({ hasBody: false })
    expect(sink.order).toEqual(['end'])
    expect(io.body.sink).toBeUndefined()
  })
  test('the body is not asked for before the handler reads', () => {
    const bench = httpBench(caseIngress({ 'Notes/Import': () => new Promise(() => {}) }))
    const io = bench.serve({ path: '/v1/books/b/notes', hasBody: true })
    expect(io.body.sink).toBeUndefined()
  })
  test('inflated as it comes', async () => {
    const { io, sink, send } = importing({ headers: [...lines.headers!, 'content-encoding', 'gzip'] })
    const bytes = gzipSync('{"id":"1"}\n{"id":"2"}\n')
    for (const byte of bytes) send(Uint8Array.of(byte))
    io.body.sink?.end([])
    await sink.done
    expect(sink.messages.map(sentTo)).toHaveLength(2)
    expect(sink.ends).toEqual([OK])
  })
})

describe('flow', () => {
  test('a handler that is slow pauses the client, and resumes it', () => {
    const { io, sink, send } = importing(lines, 1)
    expect(send('{}\n')).toBe(false)
    expect(send('{}\n{}\n')).toBe(false)
    expect(sink.messages).toHaveLength(1)
    expect(io.body.resumed).toBe(0)
    sink.more()
    expect(sink.messages).toHaveLength(3)
    expect(io.body.resumed).toBe(1)
    expect(send('{}\n')).toBe(true)
  })
  test('a handler that stops reading is left alone', () => {
    const { sink, send } = importing(lines)
    send('{}\n')
    sink.cancel({ ...OK, code: Code.CANCELLED })
    expect(send('{}\n')).toBe(false)
    expect(sink.messages).toHaveLength(1)
  })
  test('silence in both directions ends it, what comes keeps it', () => {
    const { io, bench, send } = importing(lines, Number.POSITIVE_INFINITY, { settings: { idleTimeout: 1000 } })
    bench.clock.advance(900)
    send('{}\n')
    bench.clock.advance(900)
    expect(io.log).toEqual([])
    bench.clock.advance(100)
    expect(io.log[0]).toMatch(/^reply 504 .*STREAM_IDLE/)
  })
})

describe('what goes wrong', () => {
  const ended = (sink: SinkRecorder): unknown[] => sink.ends.map(({ code }: Status) => code)
  test.each([
    ['a text that cannot be cut', '[{}', /^reply 400 .*JSON_STREAM_INVALID/, Code.INVALID_ARGUMENT],
    ['the end inside a message', '{"id":', /^reply 400 .*JSON_STREAM_INVALID/, Code.INVALID_ARGUMENT],
  ])('%s', (_name, body, answer, code) => {
    const { io, sink, send, calls } = importing()
    send(body)
    io.body.sink?.end([])
    expect(io.log[0]).toMatch(answer)
    expect(ended(sink)).toEqual([code])
    expect(calls[0]?.signal.aborted).toBe(true)
  })
  test('a message above the limit, before it is whole', () => {
    const { io, sink, send } = importing(lines, Number.POSITIVE_INFINITY, { settings: { maxMessageBytes: 100 } })
    expect(send('{"id":"1"}\n')).toBe(true)
    expect(send(`{"id":"${'x'.repeat(200)}`)).toBe(false)
    expect(io.log[0]).toMatch(/^reply 413 \{"code":8.*MESSAGE_TOO_LARGE/)
    expect(ended(sink)).toEqual([Code.RESOURCE_EXHAUSTED])
    expect(send('"}\n')).toBe(false)
    expect(sink.messages).toHaveLength(1)
  })
  test.each([
    ['idle', 408],
    ['malformed', 400],
  ] as const)('the body is lost: %s', (why, status) => {
    const { io, sink } = importing(lines)
    io.body.sink?.lost(why)
    expect(io.log[0]).toMatch(new RegExp(`^reply ${status} `))
    expect(sink.ends).toHaveLength(1)
  })
  test('the client leaves: the handler hears it once', () => {
    const { io, sink, calls } = importing(lines)
    io.body.sink?.lost('gone')
    io.close(false)
    expect(ended(sink)).toEqual([Code.CANCELLED])
    expect(calls[0]?.signal.aborted).toBe(true)
    expect(io.log[0]).toMatch(/^reply 499/)
  })
  test('bytes that are not the encoding', async () => {
    const { io, sink, send } = importing({ headers: [...lines.headers!, 'content-encoding', 'gzip'] })
    send('this is no gzip')
    await sink.done
    expect(io.log[0]).toMatch(/^reply 400 .*ENCODING_INVALID/)
  })
  test('another type: 415', () => {
    const { io, calls } = importing({ headers: ['content-type', 'text/csv'] })
    expect(io.log[0]).toMatch(/^reply 415/)
    expect(calls).toHaveLength(0)
  })
})

describe('both ways', () => {
  const chat = (init: FakeHttpInit = {}) => {
    const source = new Source({ resume() {}, cancel() {} })
    const sink = recorder()
    const bench = httpBench(
      caseIngress({
        'Notes/Chat': (exchange) => {
          sink.read(exchange.request)
          return fakeReply(source)
        },
      }),
    )
    const io = bench.serve({ path: '/v1/chat', hasBody: true, ...lines, ...init })
    return { io, source, sink, bench }
  }
  test('replies go out while the request still comes', () => {
    const { io, source, sink } = chat()
    io.body.sink?.chunk(Buffer.from('{"n":1}\n'))
    source.push(proto({ n: 10 }))
    io.body.sink?.chunk(Buffer.from('{"n":2}\n'))
    source.push(proto({ n: 20 }))
    expect(io.log).toEqual(['head 200', 'write {"n":10}\n', 'write {"n":20}\n'])
    io.body.sink?.end([])
    expect(sink.ends).toEqual([OK])
    source.end(OK)
    expect(io.log.at(-1)).toBe('end')
  })
  test('a broken request behind the head is told in the body', () => {
    const { io, source } = chat()
    source.push(proto({ n: 10 }))
    io.body.sink?.chunk(Buffer.from('{"n"'))
    io.body.sink?.end([])
    expect(io.log[2]).toMatch(/^write \{"error":\{"code":3.*JSON_STREAM_INVALID/)
    expect(io.log[3]).toBe('end')
  })
  test('a backend that ends early ends the call', () => {
    const { io, source, sink } = chat()
    source.end(OK)
    expect(io.log).toEqual(['head 200', 'end'])
    expect(io.body.sink?.chunk(Buffer.from('{}\n'))).toBeDefined()
    expect(sink.messages.length).toBeLessThanOrEqual(1)
  })
  test('a client stream may be answered before its end', () => {
    const bench = httpBench(caseIngress({ 'Notes/Import': () => fakeReply(unary(proto({ n: 1 }))) }))
    const io = bench.serve({ path: '/v1/books/b/notes', hasBody: true })
    expect(io.log).toEqual(['reply 200 {"n":1}'])
  })
})
