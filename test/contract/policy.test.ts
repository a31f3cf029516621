import { describe, expect, test } from 'vitest'
import type { Policy } from '../../src/core/handler.ts'
import { watchIdle } from '../../src/core/idle.ts'
import type { Message } from '../../src/core/message.ts'
import { errors, OK } from '../../src/core/status.ts'
import { collect, mapMessages, Source, unary } from '../../src/core/stream.ts'
import { type MakePolicy, type PolicyContractOptions, policyChecks, policyContract } from './policy.ts'

/** A guard: checks, edits, and is gone. */
const key: MakePolicy = () => (next) => (exchange) => {
  if (exchange.metadata.get('x-key') !== 'open') throw errors.unauthenticated('the key is missing')
  exchange.metadata.delete('x-key')
  return next(exchange)
}

/** A policy that waits, changes messages both ways through a call of its own, and watches the time. */
const busy: MakePolicy =
  ({ clock }) =>
  (next) =>
  async (exchange) => {
    await Promise.resolve()
    const watched = watchIdle(clock, 600_000, () => exchange.cancel(errors.deadlineExceeded('silence').status))
    exchange.onEnd(() => void watched.stop())
    const seen = (message: Message): Message => {
      watched.touch()
      return message.with(message.value())
    }
    const request = mapMessages(exchange.request, seen)
    const reply = await next(exchange.derive({ match: exchange.match, request }))
    return { ...reply, messages: mapMessages(reply.messages, seen) }
  }

const open: PolicyContractOptions = { headers: ['x-key', 'open'] }
policyContract('a guard', key, open)
policyContract('a busy one', busy, { waits: true })

describe('the contract finds', () => {
  const broken: [what: string, policy: Policy, finds: readonly string[]][] = [
    ['a promise too many', (next) => async (exchange) => next(exchange), ['adds no promise where it does not wait']],
    [
      'a stream that is collected first',
      (next) => async (exchange) => {
        const reply = await next(exchange)
        if (reply.messages.unary !== undefined) return reply
        const source = new Source({ resume() {}, cancel() {} })
        void collect(reply.messages).then(({ messages, status }) => {
          for (const message of messages) source.push(message)
          source.end(status)
        })
        return { ...reply, messages: source }
      },
      [
        'the reader cancels the reply: the backend hears of it once',
        'a reader that waits stops the backend, and one that goes on gets everything',
      ],
    ],
    [
      'a request that is read ahead',
      (next) => (exchange) => {
        if (exchange.request.unary !== undefined) return next(exchange)
        const source = new Source({ resume() {}, cancel() {} })
        exchange.request.pipe({
          message(message) {
            source.push(message)
            return true
          },
          end: (status) => source.end(status),
        })
        return next(exchange.derive({ match: exchange.match, request: source }))
      },
      [
        'the backend cancels the request: the client’s side hears of it once',
        'a backend that waits stops the client, and one that goes on gets everything',
      ],
    ],
    [
      'a call that nobody can cancel',
      (next) => (exchange) =>
        next(exchange.derive({ match: exchange.match, request: exchange.request, detached: true })),
      [
        'the client goes: the backend is cancelled once, the reader told once',
        'a deadline cancels the backend once and is told as what it is',
        'leaves no timer, no call and no snapshot behind',
      ],
    ],
    [
      'an error that is made another',
      (next) => async (exchange) => {
        try {
          return await next(exchange)
        } catch {
          throw errors.internal('something failed')
        }
      },
      ['passes an error of the handler, thrown or rejected, with code, details and origin'],
    ],
    [
      'trailers that are lost',
      (next) => async (exchange) => {
        const reply = await next(exchange)
        const { messages } = reply
        return messages.unary === undefined ? reply : { ...reply, messages: unary(messages.unary, OK) }
      },
      ['passes a unary answer with its metadata, trailers and status'],
    ],
    [
      'a stream that is answered from the first call',
      (next) => {
        let first: ReturnType<typeof next> | undefined
        return (exchange) => {
          first ??= next(exchange)
          return first
        }
      },
      ['two calls at once stay apart'],
    ],
    [
      'an order that is turned round',
      (next) => async (exchange) => {
        const reply = await next(exchange)
        if (reply.messages.status !== undefined) return reply
        return {
          ...reply,
          messages: mapMessages(reply.messages, (message) => message.with(6 - message.value<number>())),
        }
      },
      ['passes a stream, in order, with its status'],
    ],
  ]

  test.each(broken)('%s', async (_what, policy, finds) => {
    const failed: string[] = []
    for (const check of policyChecks) {
      const over = new Promise<void>((_resolve, reject) => setTimeout(() => reject(new Error('it hangs')), 300))
      await Promise.race([check.run(() => policy, {}), over]).catch(() => failed.push(check.name))
    }
    expect(failed).toEqual(expect.arrayContaining([...finds]))
  })

  test('a timer that is left', async () => {
    const leaky: MakePolicy =
      ({ clock }) =>
      (next) =>
      (exchange) => {
        clock.after(10_000_000, () => {})
        return next(exchange)
      }
    const check = policyChecks.find(({ name }) => name.startsWith('leaves no timer'))!
    await expect(check.run(leaky, {})).rejects.toThrow('timers')
  })

  test('nothing in a policy that does nothing', async () => {
    for (const check of policyChecks) await expect(check.run(() => (next) => next, {})).resolves.toBeUndefined()
  })
})
