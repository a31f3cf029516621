import { describe, expect, test } from 'vitest'
import { reasonOf } from '../../../src/core/error-details.ts'
import type { Message } from '../../../src/core/message.ts'
import { Code, errors, GatewayError, makeStatus, OK, type Status } from '../../../src/core/status.ts'
import {
  collect,
  ended,
  type Flow,
  fromIterable,
  fromList,
  type MessageStream,
  mapMessages,
  Source,
  unary,
} from '../../../src/core/stream.ts'
import { jsonMessage, recorder } from '../../support/loopback.ts'

const messages = Array.from({ length: 6 }, (_, i) => jsonMessage(i))
const [m0, m1, m2, m3] = messages as [Message, Message, Message, Message]
const FAILED = makeStatus(Code.UNAVAILABLE, 'the backend is gone')
const LEFT = makeStatus(Code.CANCELLED, 'the client is gone')

interface Probe {
  readonly source: Source
  readonly resumed: () => number
  readonly cancelled: Status[]
}
const makeSource = (onResume?: (source: Source) => void): Probe => {
  let resumed = 0
  const cancelled: Status[] = []
  const source: Source = new Source({
    resume() {
      resumed++
      onResume?.(source)
    },
    cancel: (status) => void cancelled.push(status),
  })
  return { source, resumed: () => resumed, cancelled }
}
/** Lets everything that is already settled run. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('lists', () => {
  test('one message and its status are known at once', () => {
    const stream = unary(m0, FAILED)
    expect([stream.unary, stream.status, stream.replayable]).toEqual([m0, FAILED, true])
    expect(unary(m0).status).toBe(OK)
  })
  test('no message: only the status', () => {
    expect([ended().unary, ended().status, ended(FAILED).status]).toEqual([undefined, OK, FAILED])
  })
  test('more messages: neither', () => {
    const stream = fromList([m0, m1])
    expect([stream.unary, stream.status]).toEqual([undefined, undefined])
  })
  test('every pipe gets everything from the start, at its own pace', () => {
    const stream = fromList([m0, m1, m2], FAILED)
    const slow = recorder(1).read(stream)
    const fast = recorder().read(stream)
    expect(fast.messages).toEqual([m0, m1, m2])
    expect(fast.ends).toEqual([FAILED])
    expect([slow.messages, slow.ends]).toEqual([[m0], []])
    slow.more(1)
    expect(slow.messages).toEqual([m0, m1])
    slow.more()
    expect(slow.order).toEqual(['message', 'message', 'message', 'end'])
    expect(slow.ends).toEqual([FAILED])
  })
  test('a cancelled pipe ends once with that status, the others go on', () => {
    const stream = fromList([m0, m1, m2])
    const one = recorder(1).read(stream)
    const two = recorder(1).read(stream)
    one.cancel(LEFT)
    one.cancel(FAILED)
    one.more()
    expect([one.messages, one.ends]).toEqual([[m0], [LEFT]])
    two.more()
    expect([two.messages.length, two.ends]).toEqual([3, [OK]])
  })
  test('cancel and resume of the stream reach its last pipe', () => {
    const stream = fromList([m0, m1, m2])
    const seen: string[] = []
    stream.pipe({
      message(message) {
        seen.push(`message ${message.value()}`)
        return false
      },
      end: (status) => void seen.push(`end ${status.code}`),
    })
    stream.resume()
    stream.cancel(LEFT)
    stream.resume()
    expect(seen).toEqual(['message 0', 'message 1', 'end 1'])
  })
  test('a reader that cancels inside message() gets nothing more', () => {
    let flow: Flow | undefined
    const seen: string[] = []
    flow = fromList([m0, m1, m2]).pipe({
      message(message) {
        seen.push(`message ${message.value()}`)
        if (message === m1) flow?.cancel(LEFT)
        return message !== m0
      },
      end: (status) => void seen.push(`end ${status.code}`),
    })
    flow.resume()
    expect(seen).toEqual(['message 0', 'message 1', 'end 1'])
  })
  test('"wait" and, before message() returns, "go on" is "go on"', () => {
    const stream = fromList([m0, m1, m2])
    const seen: Message[] = []
    let over: Status | undefined
    const flow = stream.pipe({
      message(message) {
        seen.push(message)
        stream.resume()
        return false
      },
      end(status) {
        over = status
      },
    })
    expect([seen, over]).toEqual([[m0, m1, m2], OK])
    flow.resume()
    expect(seen).toHaveLength(3)
  })
})

describe('Source', () => {
  test('what comes before a reader is kept, the producer told to wait and asked to go on', () => {
    const { source, resumed } = makeSource()
    expect(source.push(m0)).toBe(false)
    expect(resumed()).toBe(0)
    const sink = recorder().read(source)
    expect([sink.messages, resumed()]).toEqual([[m0], 1])
    expect(source.push(m1)).toBe(true)
    expect(sink.messages).toEqual([m0, m1])
  })

  test('rule 4: no message after false before resume(); the producer is asked only once all is delivered', () => {
    const { source, resumed } = makeSource()
    const sink = recorder(1).read(source)
    expect(source.push(m0)).toBe(false)
    expect(source.push(m1)).toBe(false)
    expect(source.push(m2)).toBe(false)
    expect(sink.messages).toEqual([m0])
    sink.more(1)
    expect([sink.messages, resumed()]).toEqual([[m0, m1], 0])
    sink.more(2)
    expect([sink.messages, resumed()]).toEqual([[m0, m1, m2], 1])
    expect(source.push(m3)).toBe(false)
    expect(sink.messages).toEqual([m0, m1, m2, m3])
  })

  test('a reader that is only slow once is asked for nothing twice', () => {
    const { source, resumed } = makeSource()
    const sink = recorder(1).read(source)
    source.push(m0)
    sink.more(1)
    sink.more(1)
    expect(resumed()).toBe(1)
  })

  test('a producer that pushes inside resume() is held by the same rule', () => {
    let next = 0
    const { source } = makeSource((own) => {
      while (next < 6) if (!own.push(messages[next++]!)) return
      own.end(OK)
    })
    source.push(messages[next++]!)
    const sink = recorder(2).read(source)
    expect(sink.messages).toHaveLength(2)
    sink.more(2)
    expect(sink.messages).toHaveLength(4)
    expect(sink.ends).toEqual([])
    sink.more()
    expect([sink.messages, sink.ends]).toEqual([messages, [OK]])
  })

  test('"wait" and, before message() returns, "go on" is "go on"', () => {
    const { source, resumed } = makeSource()
    const flow: Flow = source.pipe({
      message() {
        flow?.resume()
        return false
      },
      end() {},
    })
    expect(source.push(m0)).toBe(true)
    expect(source.push(m1)).toBe(true)
    expect(resumed()).toBe(0)
  })

  test('marks and notices keep their order with the messages, waiting or not', () => {
    const { source } = makeSource()
    const gap = { kind: 'gap', reason: 'evicted', from: 1, to: 2 } as const
    source.push(m0, { offset: 1, skipped: 0 })
    source.notice(gap)
    source.push(m1, { offset: 3, skipped: 2 })
    const sink = recorder().read(source)
    source.notice(gap)
    source.end(OK, 7)
    expect(sink.order).toEqual(['message', 'notice', 'message', 'notice', 'end'])
    expect(sink.marks).toEqual([
      { offset: 1, skipped: 0 },
      { offset: 3, skipped: 2 },
    ])
    expect([sink.notices, sink.skipped]).toEqual([[gap, gap], [7]])
  })

  test('the end comes once, behind all messages', () => {
    const { source } = makeSource()
    source.push(m0)
    source.push(m1)
    source.end(FAILED)
    source.end(OK)
    expect(source.push(m2)).toBe(true)
    expect([source.status, source.over]).toEqual([undefined, false])
    const sink = recorder(1).read(source)
    expect(sink.ends).toEqual([])
    sink.more(1)
    sink.more()
    expect([sink.messages, sink.ends, source.status, source.over]).toEqual([[m0, m1], [FAILED], FAILED, true])
    source.cancel(LEFT)
    expect(sink.ends).toHaveLength(1)
  })

  test('the end does not wait for resume()', () => {
    const { source } = makeSource()
    const sink = recorder(1).read(source)
    source.push(m0)
    source.end(OK)
    expect(sink.ends).toEqual([OK])
  })

  test('an end before any reader and without messages is known as status', () => {
    const { source } = makeSource()
    source.end(FAILED)
    expect(source.status).toBe(FAILED)
    expect(recorder().read(source).ends).toEqual([FAILED])
  })

  test('cancel: the end first, then the producer, each once; later messages vanish', () => {
    const { source, cancelled } = makeSource()
    const order: string[] = []
    const flow = source.pipe({
      message: () => true,
      end: (status) => void order.push(`end ${status.code} ${cancelled.length}`),
    })
    flow.cancel(LEFT)
    flow.cancel(FAILED)
    source.end(OK)
    expect(order).toEqual(['end 1 0'])
    expect(cancelled).toEqual([LEFT])
    expect(source.push(m0)).toBe(true)
    expect(source.over).toBe(true)
  })

  test('cancel before anybody reads: a reader that comes later hears of it', () => {
    const { source, cancelled } = makeSource()
    source.push(m0)
    source.cancel(LEFT)
    const sink = recorder().read(source)
    expect([sink.messages, sink.ends, cancelled]).toEqual([[], [LEFT], [LEFT]])
  })

  test('cancel while messages wait is no OK, though the producer has ended well', () => {
    const { source } = makeSource()
    const sink = recorder(1).read(source)
    source.push(m0)
    source.push(m1)
    source.end(OK)
    sink.cancel(LEFT)
    expect([sink.messages, sink.ends, source.status]).toEqual([[m0], [LEFT], LEFT])
  })

  test('cancel inside message()', () => {
    const { source, cancelled } = makeSource()
    source.push(m0)
    source.push(m1)
    const seen: string[] = []
    const sink = {
      message(message: Message) {
        seen.push(`message ${message.value()}`)
        source.cancel(LEFT)
        return true
      },
      end: (status: Status) => void seen.push(`end ${status.code}`),
    }
    source.pipe(sink)
    expect([seen, cancelled]).toEqual([['message 0', 'end 1'], [LEFT]])
    const live = makeSource()
    live.source.pipe({
      message() {
        live.source.cancel(LEFT)
        return true
      },
      end() {},
    })
    live.source.push(m0)
    expect(live.cancelled).toEqual([LEFT])
  })

  test('it is piped once only', () => {
    const { source } = makeSource()
    recorder().read(source)
    expect(() => recorder().read(source)).toThrow('piped twice')
    expect([source.replayable, source.unary]).toEqual([false, undefined])
  })
})

describe('async iteration', () => {
  const read = async (stream: MessageStream): Promise<unknown[]> => {
    const seen: unknown[] = []
    for await (const message of stream) seen.push(message.value())
    return seen
  }

  test.each([
    ['a list', () => fromList(messages)],
    ['a list of one', () => unary(m0)],
    ['nothing', () => ended()],
    ['a mapped list', () => mapMessages(fromList(messages), (message) => message)],
    [
      'a source',
      () => {
        const { source } = makeSource()
        for (const message of messages) source.push(message)
        source.end(OK)
        return source
      },
    ],
  ])('%s', async (_name, make) => {
    const all = await collect(make())
    expect(await read(make())).toEqual(all.messages.map((message) => message.value()))
    expect(all.status).toBe(OK)
  })

  test('a status other than OK is thrown behind the messages', async () => {
    const seen: Message[] = []
    const run = async () => {
      for await (const message of fromList([m0, m1], FAILED)) seen.push(message)
    }
    await expect(run()).rejects.toMatchObject({ name: 'GatewayError', status: FAILED })
    expect(seen).toEqual([m0, m1])
  })

  test('one message is asked for at a time', async () => {
    const { source, resumed } = makeSource()
    source.push(m0)
    const iterator = source[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: m0 })
    expect(resumed()).toBe(0)
    const next = iterator.next()
    expect(resumed()).toBe(1)
    expect(source.push(m1)).toBe(false)
    expect(await next).toEqual({ done: false, value: m1 })
    source.end(OK)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  test('leaving the loop cancels once', async () => {
    const { source, cancelled } = makeSource()
    source.push(m0)
    source.push(m1)
    for await (const message of source) {
      expect(message).toBe(m0)
      break
    }
    expect(cancelled.map(({ code }) => code)).toEqual([Code.CANCELLED])
  })
})

describe('mapMessages', () => {
  const double = (message: Message) => jsonMessage(message.value<number>() * 2)

  test('one message is changed at once', () => {
    const stream = mapMessages(unary(m1, FAILED), double)
    expect([stream.unary?.value(), stream.status]).toEqual([2, FAILED])
  })
  test('messages are changed, marks, notices, status and flow are not', () => {
    const { source, resumed, cancelled } = makeSource()
    const stream = mapMessages(source, double)
    const sink = recorder(1).read(stream)
    source.push(m1, { offset: 9, skipped: 1 })
    source.notice({ kind: 'gap', reason: 'r' })
    source.push(m2)
    expect(sink.values()).toEqual([2])
    sink.more(1)
    expect([sink.values(), sink.marks[0], sink.notices.length, resumed()]).toEqual([
      [2, 4],
      { offset: 9, skipped: 1 },
      1,
      0,
    ])
    sink.more(1)
    expect(resumed()).toBe(1)
    stream.cancel(LEFT)
    expect([sink.ends, cancelled]).toEqual([[LEFT], [LEFT]])
  })
  test('a known end of an empty stream stays known', () => {
    expect(mapMessages(ended(FAILED), double).status).toBe(FAILED)
    expect(mapMessages(fromList([m0, m1]), double).replayable).toBe(true)
  })
  test('a function that throws ends the stream with its status and cancels the source, once', async () => {
    const { source, cancelled } = makeSource()
    const error = errors.invalidArgument('no threes', { reason: 'NO_THREES' })
    const stream = mapMessages(source, (message) => {
      if (message === m3) throw error
      return message
    })
    const sink = recorder().read(stream)
    source.push(m2)
    expect(source.push(m3)).toBe(false)
    expect(sink.ends).toEqual([])
    await settled()
    expect([sink.messages, sink.ends, cancelled]).toEqual([[m2], [error.status], [error.status]])
    source.push(m1)
    source.end(OK)
    expect(sink.order).toEqual(['message', 'end'])
  })
  test('its failure wins over an end that follows at once', async () => {
    const { source } = makeSource()
    const sink = recorder().read(
      mapMessages(source, () => {
        throw new Error('a mistake')
      }),
    )
    source.push(m0)
    source.end(OK)
    await settled()
    expect(sink.ends.map(({ code, details }) => [code, reasonOf(details)])).toEqual([[Code.INTERNAL, 'INTERNAL']])
  })
  test('of a list: thrown on the first of many', async () => {
    const sink = recorder().read(
      mapMessages(fromList([m0, m1]), () => {
        throw errors.internal('broken')
      }),
    )
    expect((await sink.done).code).toBe(Code.INTERNAL)
    await settled()
    expect([sink.messages, sink.ends.length]).toEqual([[], 1])
  })
  test('of one message: thrown to the caller', () => {
    expect(() =>
      mapMessages(unary(m0), () => {
        throw errors.internal('broken')
      }),
    ).toThrow(GatewayError)
  })
})

describe('fromIterable', () => {
  async function* counting(pulled: number[], until: number, over?: () => void) {
    try {
      for (let i = 0; i < until; i++) {
        pulled.push(i)
        yield messages[i]!
      }
    } finally {
      over?.()
    }
  }

  test('all messages and the status', async () => {
    const { messages: seen, status } = await collect(fromIterable(counting([], 6), FAILED))
    expect([seen, status]).toEqual([messages, FAILED])
  })
  test('pulls no further than one message ahead of its reader', async () => {
    const pulled: number[] = []
    const stream = fromIterable(counting(pulled, 6))
    await settled()
    expect(pulled).toEqual([0])
    const sink = recorder(1).read(stream)
    await settled()
    expect(sink.messages).toEqual([m0])
    sink.more(2)
    await settled()
    expect([sink.messages.length, pulled.length]).toEqual([3, 3])
    sink.more()
    expect(await sink.done).toBe(OK)
    expect(sink.messages).toEqual(messages)
  })
  test('cancel ends the iteration, and the iterable is told', async () => {
    let over = 0
    const pulled: number[] = []
    const sink = recorder(1).read(
      fromIterable(
        counting(pulled, 6, () => {
          over++
        }),
      ),
    )
    await settled()
    sink.cancel(LEFT)
    await settled()
    expect([pulled, over, sink.ends]).toEqual([[0], 1, [LEFT]])
  })
  test('what it throws is the end: the status of a GatewayError, else INTERNAL', async () => {
    const failing = async function* (thrown: unknown) {
      yield m0
      throw thrown
    }
    const gone = errors.unavailable('gone')
    expect(await collect(fromIterable(failing(gone)))).toEqual({ messages: [m0], status: gone.status })
    expect((await collect(fromIterable(failing(new Error('x'))))).status.code).toBe(Code.INTERNAL)
  })
})
