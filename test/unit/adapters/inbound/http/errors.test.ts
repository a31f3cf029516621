import { describe, expect, test } from 'vitest'
import { retryInfo } from '../../../../../src/core/error-details.ts'
import type { Exchange } from '../../../../../src/core/exchange.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import { Code, errors, GatewayError, makeStatus } from '../../../../../src/core/status.ts'
import { unary } from '../../../../../src/core/stream.ts'
import { caseIngress, proto, sentTo } from '../../../../support/http-cases.ts'
import { httpBench } from '../../../../support/http-inbound.ts'
import { fakeReply } from '../../../../support/loopback.ts'

const echo = (exchange: Exchange) => fakeReply(unary(proto(sentTo(exchange.request.unary!))))
const json = (text: string): Record<string, unknown> => JSON.parse(text)

describe('errors', () => {
  const fail = (error: () => unknown, headers: readonly string[] = []) => {
    const bench = httpBench(
      caseIngress({
        'Notes/Get': () => {
          throw error()
        },
      }),
    )
    return { bench, io: bench.serve({ method: 'GET', path: '/v1/notes/a', headers }) }
  }

  test('google.rpc.Status with decoded details', () => {
    const { io } = fail(() => errors.resourceExhausted('slow down', { details: [retryInfo(1500)] }))
    expect(json(io.text)).toEqual({
      code: 8,
      message: 'slow down',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'RESOURCE_EXHAUSTED', domain: 'protogate' },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.500s' },
      ],
    })
    expect(io.log[0]).toMatch(/^reply 429 /)
    expect(io.headers.get('retry-after')).toBe('2')
  })
  test('retry-after: only where it means something, and not over what a policy says', () => {
    expect(fail(() => errors.notFound('x', { details: [retryInfo(1000)] })).io.headers.has('retry-after')).toBe(false)
    expect(fail(() => errors.unavailable('x', { details: [retryInfo(300_000)] })).io.headers.get('retry-after')).toBe(
      '300',
    )
    const own = errors.resourceExhausted('x', {
      details: [retryInfo(1000)],
      trailers: makeMetadata(['retry-after', '9']),
    })
    expect(fail(() => own).io.headers.get('retry-after')).toBe('9')
    const broken = makeStatus(Code.UNAVAILABLE, '', {
      details: [
        { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: Buffer.from([0x0a, 0x03, 0x08, 0xff, 0xff]) },
      ],
    })
    expect(fail(() => new GatewayError(broken, 'upstream')).io.headers.has('retry-after')).toBe(false)
  })
  test('FAILED_PRECONDITION is 412 where the backend was told of a condition', () => {
    const failed = makeStatus(Code.FAILED_PRECONDITION, 'another version')
    const ask = (header: string, status = failed, origin: 'upstream' | 'gateway' = 'upstream', accept = '*/*') => {
      const bench = httpBench(
        caseIngress(
          {
            'Notes/Get': () => {
              throw new GatewayError(status, origin)
            },
          },
          { settings: { forwardRequest: new Set(['if-match', 'if-none-match']) } },
        ),
      )
      return bench.serve({ method: 'GET', path: '/v1/notes/a', headers: ['accept', accept, header, '"v1"'] })
    }
    const first = (io: ReturnType<typeof ask>) => io.log[0]!.slice(0, 'reply 412'.length)
    expect(first(ask('if-match'))).toBe('reply 412')
    expect(first(ask('if-none-match'))).toBe('reply 412')
    expect(json(ask('if-match', failed, 'upstream', 'application/problem+json').text)).toMatchObject({ status: 412 })
    expect(first(ask('if-modified-since'))).toBe('reply 400')
    expect(first(ask('if-match', failed, 'gateway'))).toBe('reply 400')
    expect(first(ask('if-match', makeStatus(Code.ABORTED, '')))).toBe('reply 409')
    // Not forwarded: the backend has failed for another reason.
    expect(first(fail(() => new GatewayError(failed, 'upstream'), ['if-match', '"v1"']).io)).toBe('reply 400')
  })
  test('RFC 9457 where it is asked for', () => {
    const { io } = fail(
      () => errors.notFound('no such note', { reason: 'NOTE_UNKNOWN' }),
      ['accept', 'application/problem+json'],
    )
    expect(io.headers.get('content-type')).toBe('application/problem+json')
    expect(json(io.text)).toMatchObject({
      status: 404,
      title: 'Not Found',
      detail: 'no such note',
      code: 'NOT_FOUND',
      reason: 'NOTE_UNKNOWN',
      instance: `urn:uuid:${io.headers.get('x-request-id')}`,
    })
  })
  test('a challenge comes from a policy, never from a backend', () => {
    const trailers = makeMetadata(['www-authenticate', 'Bearer realm="x"'])
    expect(fail(() => errors.unauthenticated('who?', { trailers })).io.headers.get('www-authenticate')).toBe(
      'Bearer realm="x"',
    )
    const theirs = new GatewayError(makeStatus(Code.UNAUTHENTICATED, 'who?', { trailers }), 'upstream')
    const { io } = fail(() => theirs)
    expect(io.log[0]).toMatch(/^reply 401 /)
    expect(io.headers.has('www-authenticate')).toBe(false)
  })
  test('trailers of a backend that fails, by the allow-list', () => {
    const theirs = new GatewayError(
      makeStatus(Code.ABORTED, '', { trailers: makeMetadata(['x-rows', '3', 'secret', 's']) }),
      'upstream',
    )
    const { io } = fail(() => theirs)
    expect(io.headers.get('grpc-trailer-x-rows')).toBe('3')
    expect([...io.headers.values()]).not.toContain('s')
  })
  test('a fault of our own: the client gets an id, the log the rest', () => {
    const { io, bench } = fail(() => new TypeError('secret'))
    const id = io.headers.get('x-request-id')
    expect(io.log[0]).toMatch(/^reply 500 \{"code":13/)
    expect(io.text).not.toContain('secret')
    expect(json(io.text).message).toContain(id)
    expect(bench.log.lines).toHaveLength(1)
    expect(bench.log.lines[0]?.fields).toMatchObject({
      exchange: id,
      route: 'GET /v1/notes/{id}',
      err: new TypeError('secret'),
    })
  })
  test('so is a reply that is none: answered, not cut', () => {
    const bench = httpBench(caseIngress({ 'Notes/Get': () => undefined as never }))
    const io = bench.serve({ method: 'GET', path: '/v1/notes/a' })
    expect(io.log[0]).toMatch(/^reply 500 \{"code":13/)
    expect(io.text).toContain(io.headers.get('x-request-id'))
    expect(bench.log.lines[0]?.fields).toMatchObject({ route: 'GET /v1/notes/{id}', err: expect.any(TypeError) })
  })
  test('INTERNAL of a backend is not ours: its text stays', () => {
    const theirs = new GatewayError(makeStatus(Code.INTERNAL, 'their bug'), 'upstream')
    expect(json(fail(() => theirs).io.text).message).toBe('their bug')
  })
  test('no route, wrong method, malformed path', () => {
    const bench = httpBench(caseIngress({ 'Notes/Get': echo, 'Notes/Save': echo }))
    expect(bench.serve({ method: 'GET', path: '/nowhere' }).log[0]).toMatch(/^reply 404 \{"code":5/)
    const wrong = bench.serve({ method: 'DELETE', path: '/v1/notes/a' })
    expect(wrong.log[0]).toMatch(/^reply 405 \{"code":12/)
    expect(wrong.headers.get('allow')).toBe('GET, HEAD')
    expect(bench.serve({ method: 'GET', path: '/v1/notes/%zz' }).log[0]).toMatch(/^reply 400 /)
    const body = bench.serve({
      path: '/nowhere',
      headers: ['content-type', 'x/y', 'content-length', '9'],
      hasBody: true,
    })
    expect(body.log[0]).toMatch(/^reply 404 /)
    expect(body.body.sink).toBeUndefined()
  })
})
