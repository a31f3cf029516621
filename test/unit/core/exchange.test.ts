import { afterEach, describe, expect, test } from 'vitest'
import { attempt, tallyOf } from '../../../src/core/attributes.ts'
import { type ExchangeEnded, exchangeEnded, exchangeStarted } from '../../../src/core/channels.ts'
import { testClock } from '../../../src/core/clock.ts'
import { reasonOf } from '../../../src/core/error-details.ts'
import { attributeKey, type Exchange, requestId } from '../../../src/core/exchange.ts'
import { makeMetadata } from '../../../src/core/metadata.ts'
import { Code, makeStatus, OK, type Status } from '../../../src/core/status.ts'
import { ended, unary } from '../../../src/core/stream.ts'
import { fakeMatch, fakeSnapshot, jsonMessage, loopbackExchange } from '../../support/loopback.ts'

const LEFT = makeStatus(Code.CANCELLED, 'the client is gone')
const FAILED = makeStatus(Code.UNAVAILABLE, 'the backend is gone')

/** Writes down every end that the exchange tells. */
const endsOf = (exchange: Exchange): Status[] => {
  const ends: Status[] = []
  exchange.onEnd((status) => ends.push(status))
  return ends
}

describe('the end', () => {
  test('the first of end and cancel wins; listeners hear of it once', () => {
    const ending = loopbackExchange()
    const a = endsOf(ending)
    ending.end(OK)
    ending.cancel(LEFT)
    ending.end(FAILED)
    expect(a).toEqual([OK])
    const cancelling = loopbackExchange()
    const b = endsOf(cancelling)
    cancelling.cancel(LEFT)
    cancelling.end(OK)
    cancelling.cancel(FAILED)
    expect(b).toEqual([LEFT])
  })
  test('a listener that comes late is told at once', () => {
    const exchange = loopbackExchange()
    exchange.end(FAILED)
    expect(endsOf(exchange)).toEqual([FAILED])
  })
  test('listeners run in the order in which they came', () => {
    const exchange = loopbackExchange()
    const order: string[] = []
    exchange.onEnd(() => void order.push('first'))
    exchange.onEnd(() => void order.push('second'))
    exchange.end(OK)
    expect(order).toEqual(['first', 'second'])
  })
  test('a listener that throws keeps neither the others nor the snapshot from hearing of it', () => {
    const snapshot = fakeSnapshot()
    const exchange = loopbackExchange({ match: fakeMatch({ snapshot }) })
    const before = endsOf(exchange)
    exchange.onEnd(() => {
      throw new Error('a mistake in a plug-in')
    })
    const after = endsOf(exchange)
    const { signal } = exchange
    expect(() => exchange.cancel(LEFT)).toThrow('a mistake in a plug-in')
    expect([before, after, signal.aborted, snapshot.held]).toEqual([[LEFT], [LEFT], true, 0])
    expect(() => exchange.cancel(LEFT)).not.toThrow()
  })
})

describe('the signal', () => {
  test('is aborted by cancel, also when it is asked for afterwards', () => {
    const early = loopbackExchange()
    const { signal } = early
    expect([signal.aborted, early.signal === signal]).toEqual([false, true])
    early.cancel(LEFT)
    expect(signal.aborted).toBe(true)
    const late = loopbackExchange()
    late.cancel(LEFT)
    expect(late.signal.aborted).toBe(true)
  })
  test('is not aborted by an ordinary end', () => {
    const exchange = loopbackExchange()
    const { signal } = exchange
    exchange.end(OK)
    exchange.cancel(LEFT)
    expect(signal.aborted).toBe(false)
  })
})

describe('the deadline', () => {
  test('cancels with DEADLINE_EXCEEDED when it is reached and not before', () => {
    const clock = testClock(1000)
    const exchange = loopbackExchange({ clock, deadline: 1250 })
    const ends = endsOf(exchange)
    clock.advance(249)
    expect(ends).toEqual([])
    clock.advance(1)
    expect(ends.map(({ code, details }) => [code, reasonOf(details)])).toEqual([
      [Code.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
    ])
    expect(exchange.signal.aborted).toBe(true)
  })
  test('one that is over already cancels at the next tick', () => {
    const clock = testClock(1000)
    const ends = endsOf(loopbackExchange({ clock, deadline: 10 }))
    expect(ends).toEqual([])
    clock.advance(0)
    expect(ends).toHaveLength(1)
  })
  test('no timer stays behind: without a deadline, after end, after cancel', () => {
    const clock = testClock()
    loopbackExchange({ clock })
    expect(clock.pending()).toBe(0)
    loopbackExchange({ clock, deadline: 100 }).end(OK)
    loopbackExchange({ clock, deadline: 100 }).cancel(LEFT)
    expect(clock.pending()).toBe(0)
  })
})

describe('fork', () => {
  test('same call, own cancel', () => {
    const request = unary(jsonMessage(1))
    const parent = loopbackExchange({ request })
    const ends = endsOf(parent)
    const child = parent.fork()
    expect([child.id, child.head, child.request, child.match, child.peer, child.protocol, child.deadline]).toEqual([
      parent.id,
      parent.head,
      request,
      parent.match,
      parent.peer,
      parent.protocol,
      Number.POSITIVE_INFINITY,
    ])
    child.cancel(FAILED)
    expect([child.signal.aborted, parent.signal.aborted, ends]).toEqual([true, false, []])
  })
  test('the parent’s end and cancel reach it, once and as what they are', () => {
    const ending = loopbackExchange()
    const a = ending.fork()
    const ends = endsOf(a)
    ending.end(OK)
    expect([ends, a.signal.aborted]).toEqual([[OK], false])
    const cancelling = loopbackExchange()
    const b = cancelling.fork().fork()
    cancelling.cancel(LEFT)
    expect([endsOf(b), b.signal.aborted]).toEqual([[LEFT], true])
  })
  test('of a call that is over: over at once, without a timer', () => {
    const clock = testClock()
    const parent = loopbackExchange({ clock, deadline: 500 })
    parent.cancel(LEFT)
    expect(endsOf(parent.fork({ deadline: 100 }))).toEqual([LEFT])
    expect(clock.pending()).toBe(0)
  })
  test('metadata is copied: an edit of one attempt reaches neither the parent nor the next', () => {
    const parent = loopbackExchange({ headers: ['a', '1'] })
    const first = parent.fork()
    first.metadata.set('a', '2')
    first.metadata.append('b', '3')
    expect([...first.metadata]).toEqual([
      ['a', '2'],
      ['b', '3'],
    ])
    expect([...parent.metadata]).toEqual([['a', '1']])
    expect([...parent.fork().metadata]).toEqual([['a', '1']])
    expect([...first.fork().metadata]).toEqual([...first.metadata])
  })
  test('attributes are shared both ways', () => {
    const key = attributeKey<string>('key')
    const parent = loopbackExchange()
    const child = parent.fork()
    child.set(key, 'of the child')
    expect(parent.get(key)).toBe('of the child')
    parent.set(key, 'of the parent')
    expect(child.get(key)).toBe('of the parent')
  })
  test('a shorter deadline is its own, a longer one does not count', () => {
    const clock = testClock()
    const parent = loopbackExchange({ clock, deadline: 1000 })
    const short = parent.fork({ deadline: 300 })
    const long = parent.fork({ deadline: 3000 })
    const [a, b, c] = [endsOf(short), endsOf(long), endsOf(parent)]
    expect([short.deadline, long.deadline]).toEqual([300, 1000])
    clock.advance(300)
    expect([a.map(({ code }) => code), b, c]).toEqual([[Code.DEADLINE_EXCEEDED], [], []])
    clock.advance(700)
    expect([b.length, c.length, clock.pending()]).toEqual([1, 1, 0])
  })
  test('it holds no snapshot of its own', () => {
    const snapshot = fakeSnapshot()
    const parent = loopbackExchange({ match: fakeMatch({ snapshot }) })
    parent.fork().end(OK)
    expect(snapshot.held).toBe(1)
  })
})

describe('derive', () => {
  const part = (over: object = {}) => ({ match: fakeMatch(), request: ended(), ...over })

  test('another call: own id, request, match; the parent’s head, peer and a copy of its metadata', () => {
    const parent = loopbackExchange({ headers: ['a', '1'] })
    const options = part()
    const child = parent.derive(options)
    expect(child.id.startsWith(`${parent.id}.`)).toBe(true)
    expect(parent.derive(options).id).not.toBe(child.id)
    expect([child.match, child.request, child.head, child.peer]).toEqual([
      options.match,
      options.request,
      parent.head,
      parent.peer,
    ])
    child.metadata.set('a', '2')
    expect(parent.metadata.get('a')).toBe('1')
    const metadata = makeMetadata(['x', 'y'])
    expect(parent.derive(part({ metadata })).metadata).toBe(metadata)
  })
  test('attributes: what the parent has at that time, edits stay apart', () => {
    const parent = loopbackExchange()
    parent.set(attempt, { upstream: 'u', address: 'a' })
    const child = parent.derive(part())
    expect(child.get(attempt)).toEqual({ upstream: 'u', address: 'a' })
    child.set(attempt, { upstream: 'v', address: 'b' })
    expect(parent.get(attempt)?.upstream).toBe('u')
    expect(parent.derive(part({ detached: true })).get(attempt)).toBeUndefined()
  })
  test('the parent’s cancel reaches it, its own does not reach the parent', () => {
    const parent = loopbackExchange()
    const ends = endsOf(parent)
    const [a, b] = [parent.derive(part()), parent.derive(part())]
    a.cancel(FAILED)
    expect(ends).toEqual([])
    parent.cancel(LEFT)
    expect([endsOf(a), endsOf(b), b.signal.aborted]).toEqual([[FAILED], [LEFT], true])
  })
  test('its deadline may be shorter than the parent’s, never longer', () => {
    const clock = testClock()
    const parent = loopbackExchange({ clock, deadline: 1000 })
    const [same, short, long] = [undefined, 200, 5000].map((deadline) => parent.derive(part({ deadline })))
    expect([same!.deadline, short!.deadline, long!.deadline]).toEqual([1000, 200, 1000])
    clock.advance(200)
    expect([endsOf(short!).length, endsOf(parent).length]).toEqual([1, 0])
    parent.end(OK)
    expect(clock.pending()).toBe(0)
  })
  test('detached: lives on, holds the snapshot until its own end, with own metadata and deadline', () => {
    const clock = testClock()
    const snapshot = fakeSnapshot()
    const match = fakeMatch({ snapshot })
    const parent = loopbackExchange({ clock, match, deadline: 1000, headers: ['authorization', 'secret'] })
    const child = parent.derive({ match, request: ended(), detached: true })
    const timed = parent.derive({ match, request: ended(), detached: true, deadline: 5000 })
    expect([child.deadline, timed.deadline, snapshot.held]).toEqual([Number.POSITIVE_INFINITY, 5000, 3])
    expect([...child.metadata]).toEqual([])
    parent.cancel(LEFT)
    expect([endsOf(child), snapshot.held]).toEqual([[], 2])
    child.end(OK)
    child.cancel(LEFT)
    expect(snapshot.held).toBe(1)
    clock.advance(5000)
    expect([endsOf(timed)[0]?.code, snapshot.held]).toEqual([Code.DEADLINE_EXCEEDED, 0])
  })
  test('a part that is not detached holds no snapshot', () => {
    const snapshot = fakeSnapshot()
    const match = fakeMatch({ snapshot })
    const parent = loopbackExchange({ match })
    parent.derive({ match, request: ended() }).end(OK)
    expect(snapshot.held).toBe(1)
  })
})

describe('the snapshot', () => {
  test('is held from the start to the end, and let go behind the listeners', () => {
    const snapshot = fakeSnapshot()
    const exchange = loopbackExchange({ match: fakeMatch({ snapshot }) })
    expect(snapshot.held).toBe(1)
    let heldByListener = 0
    exchange.onEnd(() => {
      heldByListener = snapshot.held
    })
    exchange.end(OK)
    exchange.cancel(LEFT)
    expect([heldByListener, snapshot.held]).toEqual([1, 0])
  })
})

describe('the diagnostics channels', () => {
  const subscriptions: (() => void)[] = []
  const listen = (channel: typeof exchangeStarted, listener: (message: unknown) => void) => {
    channel.subscribe(listener)
    subscriptions.push(() => channel.unsubscribe(listener))
  }
  afterEach(() => {
    for (const stop of subscriptions.splice(0)) stop()
  })

  test('start and end, with times of the clock; the end behind the listeners', () => {
    const clock = testClock(100)
    const started: unknown[] = []
    const over: (ExchangeEnded & { bytes: number })[] = []
    listen(exchangeStarted, (message) => started.push(message))
    listen(exchangeEnded, (message) => {
      const event = message as ExchangeEnded
      over.push({ ...event, bytes: tallyOf(event.exchange).bytesOut })
    })
    const exchange = loopbackExchange({ clock })
    exchange.onEnd(() => {
      tallyOf(exchange).bytesOut = 7
    })
    exchange.fork().end(OK)
    clock.advance(40)
    exchange.end(FAILED)
    expect(started).toEqual([{ exchange, started: 100 }])
    expect(over).toEqual([{ exchange, status: FAILED, started: 100, ended: 140, bytes: 7 }])
  })
})

describe('ids and attributes', () => {
  test('ids are UUIDs of version 7, all different', () => {
    const before = Date.now()
    const ids = Array.from({ length: 1000 }, requestId)
    const after = Date.now()
    expect(new Set(ids).size).toBe(1000)
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      const time = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
      expect(time).toBeGreaterThanOrEqual(before)
      expect(time).toBeLessThanOrEqual(after)
    }
  })
  test('an id from outside is kept', () => {
    expect(loopbackExchange({ id: 'from-outside' }).id).toBe('from-outside')
    expect(loopbackExchange().id).not.toBe(loopbackExchange().id)
  })
  test('attributes: by key, not by its name', () => {
    const [one, two] = [attributeKey<number>('same'), attributeKey<number>('same')]
    const exchange = loopbackExchange()
    expect(exchange.get(one)).toBeUndefined()
    exchange.set(one, 1)
    expect([exchange.get(one), exchange.get(two)]).toEqual([1, undefined])
  })
  test('the tally is made once', () => {
    const exchange = loopbackExchange()
    tallyOf(exchange).messagesIn++
    expect(tallyOf(exchange)).toEqual({ httpStatus: 0, bytesIn: 0, bytesOut: 0, messagesIn: 1, messagesOut: 0 })
  })
})
