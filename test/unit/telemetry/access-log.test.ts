import { afterEach, describe, expect, test } from 'vitest'
import { attempt, tallyOf } from '../../../src/core/attributes.ts'
import { testClock } from '../../../src/core/clock.ts'
import type { Resource } from '../../../src/core/module.ts'
import type { Snapshot } from '../../../src/core/snapshot.ts'
import { Code, errors, makeStatus, OK } from '../../../src/core/status.ts'
import { createAccessLog } from '../../../src/telemetry/access-log.ts'
import { fakeMatch, fakeSnapshot, type LoopbackInit, loopbackExchange } from '../../support/loopback.ts'

const running: Resource[] = []
afterEach(async () => {
  for (const resource of running.splice(0)) await resource.stop()
})

const start = (owns: (snapshot: Snapshot) => boolean = () => true) => {
  const lines: Record<string, unknown>[] = []
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, ...fields })
  }
  const accessLog = createAccessLog({ log: { info: write('info'), warn: write('warn') }, owns })
  running.push(accessLog)
  return { lines, accessLog }
}

const exchange = (init: LoopbackInit = {}) =>
  loopbackExchange({
    method: 'GET',
    path: '/v1/books/7?api_key=SECRET',
    headers: ['authorization', 'SECRET'],
    match: fakeMatch({ route: { template: '/v1/books/{id}', operation: OPERATION } }),
    ...init,
  })
const OPERATION = fakeMatch().route.operation

describe('the line of a call', () => {
  test('has what happened and nothing secret', () => {
    const { lines } = start()
    const clock = testClock(1000)
    const call = exchange({ clock })
    Object.assign(tallyOf(call), { httpStatus: 200, bytesIn: 1, bytesOut: 20, messagesIn: 3, messagesOut: 4 })
    call.set(attempt, { upstream: 'books', address: 'grpc://127.0.0.1:1' })
    clock.advance(12.3456)
    call.end(OK)
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'call',
        id: call.id,
        method: 'GET',
        path: '/v1/books/7',
        route: '/v1/books/{id}',
        operation: 'test.Things/Do',
        protocol: 'loopback',
        status: 200,
        code: 'OK',
        ms: 12.346,
        bytesIn: 1,
        bytesOut: 20,
        messagesIn: 3,
        messagesOut: 4,
        upstream: 'books',
        address: 'grpc://127.0.0.1:1',
        peer: '192.0.2.1',
      },
    ])
    expect(JSON.stringify(lines)).not.toContain('SECRET')
  })

  test('a miss has no route, a refusal its reason', () => {
    const { lines } = start()
    const miss = exchange({ path: '/nowhere', match: fakeMatch({ miss: { httpStatus: 404, allow: [] } }) })
    miss.end(errors.notFound('no route').status)
    exchange().end(errors.unauthenticated('who are you?', { reason: 'TOKEN_EXPIRED' }).status)
    exchange().end(errors.unavailable('not available', { note: 'connect ECONNREFUSED 10.0.0.1:1' }).status)
    expect(lines).toMatchObject([
      { level: 'info', path: '/nowhere', status: 404, code: 'NOT_FOUND', reason: 'ROUTE_NOT_FOUND', route: undefined },
      { level: 'info', status: 401, code: 'UNAUTHENTICATED', reason: 'TOKEN_EXPIRED', operation: 'test.Things/Do' },
      { level: 'warn', status: 503, reason: 'UPSTREAM_UNAVAILABLE', note: 'connect ECONNREFUSED 10.0.0.1:1' },
    ])
  })

  test.each([
    ['answered 503', 503, Code.UNAVAILABLE, 'warn'],
    ['a stream that failed after its head', 200, Code.INTERNAL, 'warn'],
    ['a proxied 502', 502, Code.OK, 'warn'],
    ['a WebSocket closed with 4503', 4503, Code.UNAVAILABLE, 'warn'],
    ['a WebSocket closed with 1011', 1011, Code.OK, 'warn'],
    ['a WebSocket closed with 1000', 1000, Code.OK, 'info'],
    ['a WebSocket closed with 4404', 4404, Code.NOT_FOUND, 'info'],
    ['answered 404', 404, Code.NOT_FOUND, 'info'],
    ['a client that left before the answer', 0, Code.CANCELLED, 'info'],
  ])('%s', (_what, httpStatus, code, level) => {
    const { lines } = start()
    const call = exchange()
    tallyOf(call).httpStatus = httpStatus
    call.cancel(makeStatus(code, ''))
    expect(lines).toMatchObject([{ level, status: httpStatus === 0 ? 499 : httpStatus }])
  })
})

describe('several gateways in one process', () => {
  test('each log has its own calls, and none after stop', async () => {
    const [one, two] = [fakeSnapshot(), fakeSnapshot()]
    const first = start((snapshot) => snapshot === one)
    const second = start((snapshot) => snapshot === two)
    exchange({ path: '/one', match: fakeMatch({ snapshot: one }) }).end(OK)
    exchange({ path: '/two', match: fakeMatch({ snapshot: two }) }).end(OK)
    await first.accessLog.stop()
    await first.accessLog.stop()
    exchange({ path: '/late', match: fakeMatch({ snapshot: one }) }).end(OK)
    expect(first.lines.map((line) => line.path)).toEqual(['/one'])
    expect(second.lines.map((line) => line.path)).toEqual(['/two'])
  })
})
