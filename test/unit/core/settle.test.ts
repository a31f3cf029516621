import { describe, expect, test } from 'vitest'
import type { LiveExchange } from '../../../src/core/exchange.ts'
import type { Handler, Reply } from '../../../src/core/handler.ts'
import { settle } from '../../../src/core/settle.ts'
import { Code, errors, type GatewayError, makeStatus, OK, type Status } from '../../../src/core/status.ts'
import { Source } from '../../../src/core/stream.ts'
import { fakeReply, fakeSnapshot, loopbackExchange } from '../../support/loopback.ts'

const LEFT = makeStatus(Code.CANCELLED, 'the client is gone')
const snapshot = fakeSnapshot()

interface Outcome {
  readonly exchange: LiveExchange
  readonly replies: Reply[]
  readonly errors: GatewayError[]
  readonly dispatched: () => number
}
const run = (handler: Handler, exchange = loopbackExchange(), onReply?: (reply: Reply) => void): Outcome => {
  let dispatched = 0
  const replies: Reply[] = []
  const failures: GatewayError[] = []
  const ingress = {
    snapshot,
    dispatch(given: Parameters<Handler>[0]) {
      dispatched++
      return handler(given)
    },
  }
  settle(
    exchange,
    ingress,
    (reply) => {
      replies.push(reply)
      onReply?.(reply)
    },
    (error) => failures.push(error),
  )
  return { exchange, replies, errors: failures, dispatched: () => dispatched }
}
/** A reply whose stream tells by what it was cancelled. */
const openReply = (): { reply: Reply; cancelled: Status[] } => {
  const cancelled: Status[] = []
  return { reply: fakeReply(new Source({ resume() {}, cancel: (status) => void cancelled.push(status) })), cancelled }
}
const tick = () => new Promise((resolve) => setImmediate(resolve))

describe('settle', () => {
  const reply = fakeReply()
  const gone = errors.unavailable('gone')

  test('a handler that returns: in the same turn', () => {
    const outcome = run(() => reply)
    expect([outcome.replies, outcome.errors]).toEqual([[reply], []])
  })
  test('a handler that resolves', async () => {
    const outcome = run(async () => reply)
    expect(outcome.replies).toEqual([])
    await tick()
    expect([outcome.replies, outcome.errors]).toEqual([[reply], []])
  })
  test('a handler that throws', () => {
    const outcome = run(() => {
      throw gone
    })
    expect([outcome.replies, outcome.errors]).toEqual([[], [gone]])
  })
  test('a handler that rejects, with something that is no GatewayError', async () => {
    const cause = new TypeError('x is not a function')
    const outcome = run(() => Promise.reject(cause))
    await tick()
    expect(outcome.replies).toEqual([])
    expect(outcome.errors.map(({ status, origin, cause: of }) => [status.code, origin, of])).toEqual([
      [Code.INTERNAL, 'gateway', cause],
    ])
  })

  test('cancelled while the handler works: the error at once, the late reply cancelled and dropped', async () => {
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const { reply: late, cancelled } = openReply()
    const outcome = run(() => promise)
    outcome.exchange.cancel(LEFT)
    expect(outcome.errors.map(({ status, origin }) => [status, origin])).toEqual([[LEFT, 'client']])
    resolve(late)
    await tick()
    expect(outcome.replies).toEqual([])
    expect(cancelled.map(({ code }) => code)).toEqual([Code.CANCELLED])
    expect(outcome.errors).toHaveLength(1)
  })
  test('a deadline is the gateway’s, and a late error is not told twice', async () => {
    const { promise, reject } = Promise.withResolvers<Reply>()
    const outcome = run(() => promise)
    outcome.exchange.cancel(makeStatus(Code.DEADLINE_EXCEEDED, 'late'))
    reject(gone)
    await tick()
    expect(outcome.errors.map(({ status, origin }) => [status.code, origin])).toEqual([
      [Code.DEADLINE_EXCEEDED, 'gateway'],
    ])
  })
  test('cancelled inside the handler, which returns nevertheless', () => {
    const { reply: late, cancelled } = openReply()
    const outcome = run((exchange) => {
      exchange.cancel(LEFT)
      return late
    })
    expect([outcome.replies, outcome.errors.length, cancelled.length]).toEqual([[], 1, 1])
  })
  test('an exchange that is over is not dispatched', () => {
    const exchange = loopbackExchange()
    exchange.cancel(LEFT)
    const outcome = run(() => reply, exchange)
    expect([outcome.dispatched(), outcome.replies, outcome.errors.map(({ status }) => status)]).toEqual([0, [], [LEFT]])
  })
  test('an end behind the reply is nobody’s error', () => {
    const outcome = run(() => reply)
    outcome.exchange.end(OK)
    const other = run(() => reply)
    other.exchange.cancel(LEFT)
    expect([outcome.errors, other.errors]).toEqual([[], []])
  })
  test('onReply that throws: the reply is cancelled with that status and onError called', async () => {
    for (const wrap of [(value: Reply) => value, (value: Reply) => Promise.resolve(value)]) {
      const { reply: open, cancelled } = openReply()
      const outcome = run(
        () => wrap(open),
        loopbackExchange(),
        () => {
          throw gone
        },
      )
      await tick()
      expect([outcome.replies.length, outcome.errors, cancelled]).toEqual([1, [gone], [gone.status]])
    }
  })
})
