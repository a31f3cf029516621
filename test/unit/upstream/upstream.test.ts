import type { Channel as DiagnosticsChannel } from 'node:diagnostics_channel'
import { Subject } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { attempt } from '../../../src/core/attributes.ts'
import { type AttemptEnded, attemptEnded, type EndpointChanged, endpointChanged } from '../../../src/core/channels.ts'
import { testClock } from '../../../src/core/clock.ts'
import { reasonOf } from '../../../src/core/error-details.ts'
import type { Handler, Policy } from '../../../src/core/handler.ts'
import type { Channel, EndpointSpec } from '../../../src/core/snapshot.ts'
import { Code, errors, GatewayError, makeStatus, OK } from '../../../src/core/status.ts'
import { unary } from '../../../src/core/stream.ts'
import { createRoundRobin } from '../../../src/upstream/balancers.ts'
import { createUpstream, type UpstreamInit } from '../../../src/upstream/upstream.ts'
import { fakeBackend, fakeMatch, fakeReply, jsonMessage, loopbackExchange } from '../../support/loopback.ts'

const spec = (address: string, weight = 1): EndpointSpec => ({ address, weight, zone: undefined })
const specs = (...addresses: string[]): EndpointSpec[] => addresses.map((address) => spec(address))

/** Channels that write down what happens to them. */
const recorded = (call: Handler = () => fakeReply(unary(jsonMessage(1)))) => {
  const connected: string[] = []
  const stopped: string[] = []
  const called: string[] = []
  const connect = (address: string): Channel => {
    connected.push(address)
    return {
      call(exchange) {
        called.push(address)
        return call(exchange)
      },
      stop() {
        stopped.push(address)
        return Promise.resolve()
      },
    }
  }
  return { connected, stopped, called, connect }
}
const make = (parts: Partial<UpstreamInit>) => {
  const warnings: string[] = []
  const upstream = createUpstream({
    name: 'books',
    endpoints: specs('grpc://a'),
    balancer: createRoundRobin(),
    policies: [],
    connect: recorded().connect,
    clock: testClock(),
    log: { warn: (_fields, message) => void warnings.push(message), info() {} },
    ...parts,
  })
  return { upstream, warnings }
}
const listen = <T>(channel: DiagnosticsChannel) => {
  const events: T[] = []
  const listener = (event: unknown): void => void events.push(event as T)
  channel.subscribe(listener)
  return { events, off: () => channel.unsubscribe(listener) }
}

describe('a fixed list', () => {
  test('every endpoint is connected, calls take turns', async () => {
    const channels = recorded()
    const { upstream } = make({ endpoints: specs('grpc://a', 'grpc://b'), connect: channels.connect })
    expect(channels.connected).toEqual(['grpc://a', 'grpc://b'])
    for (let i = 0; i < 3; i++) await upstream.call(loopbackExchange())
    expect(channels.called).toEqual(['grpc://a', 'grpc://b', 'grpc://a'])
    expect(upstream.endpoints.map(({ address, weight }) => [address, weight])).toEqual([
      ['grpc://a', 1],
      ['grpc://b', 1],
    ])
    await upstream.ready
  })

  test('policies stand around every call, the first one outermost', async () => {
    const order: string[] = []
    const policy =
      (name: string): Policy =>
      (next) =>
      (exchange) => {
        order.push(name)
        return next(exchange)
      }
    const { upstream } = make({ policies: [policy('one'), policy('two')] })
    await upstream.call(loopbackExchange())
    expect(order).toEqual(['one', 'two'])
  })

  test('an address that is named twice has both weights and one channel', () => {
    const channels = recorded()
    const { upstream } = make({ endpoints: [spec('grpc://a', 2), spec('grpc://a', 3)], connect: channels.connect })
    expect(upstream.endpoints.map(({ weight }) => weight)).toEqual([5])
    expect(channels.connected).toHaveLength(1)
  })

  test('an endpoint that cannot be connected fails the whole, and lets go of the others', () => {
    const channels = recorded()
    const connect = (address: string): Channel => {
      if (address === 'grpc://bad') throw new Error('bad address')
      return channels.connect(address)
    }
    expect(() => make({ endpoints: specs('grpc://a', 'grpc://bad'), connect })).toThrow('bad address')
    return Promise.resolve().then(() => expect(channels.stopped).toEqual(['grpc://a']))
  })

  test('nobody to call is UNAVAILABLE with the reason NO_ENDPOINT', () => {
    const { upstream } = make({ endpoints: [spec('grpc://a', 0)] })
    try {
      upstream.call(loopbackExchange())
      expect.unreachable()
    } catch (thrown) {
      const { status, origin } = thrown as GatewayError
      expect([status.code, reasonOf(status.details), origin]).toEqual([Code.UNAVAILABLE, 'NO_ENDPOINT', 'upstream'])
      expect(status.message).toContain('books')
    }
  })
})

describe('calls in flight', () => {
  test('are counted until a unary reply is here', async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof fakeReply>>()
    const { upstream } = make({ connect: recorded(() => promise).connect })
    const call = upstream.call(loopbackExchange())
    expect(upstream.endpoints[0]!.inFlight).toBe(1)
    resolve(fakeReply(unary(jsonMessage(1))))
    await call
    expect(upstream.endpoints[0]!.inFlight).toBe(0)
  })
  test('of a stream until its exchange is over', async () => {
    const backend = fakeBackend()
    const { upstream } = make({ connect: recorded(backend.call).connect })
    const exchange = loopbackExchange({ shape: 'server_stream' })
    await upstream.call(exchange)
    expect(upstream.endpoints[0]!.inFlight).toBe(1)
    exchange.end(OK)
    expect(upstream.endpoints[0]!.inFlight).toBe(0)
  })
  test.each<[string, Handler]>([
    [
      'thrown',
      () => {
        throw errors.unavailable('down')
      },
    ],
    ['rejected', () => Promise.reject(errors.unavailable('down'))],
  ])('of a failure that is %s not at all', async (_name, call) => {
    const { upstream } = make({ connect: recorded(call).connect })
    const exchange = loopbackExchange()
    await expect(async () => upstream.call(exchange)).rejects.toThrow('down')
    expect(upstream.endpoints[0]!.inFlight).toBe(0)
    exchange.end(OK)
    expect(upstream.endpoints[0]!.inFlight).toBe(0)
  })
})

describe('attempts', () => {
  test('the exchange knows the last one', async () => {
    const { upstream } = make({ endpoints: specs('grpc://a', 'grpc://b') })
    const exchange = loopbackExchange()
    await upstream.call(exchange)
    expect(exchange.get(attempt)).toEqual({ upstream: 'books', address: 'grpc://a' })
    await upstream.call(exchange.fork())
    expect(exchange.get(attempt)).toEqual({ upstream: 'books', address: 'grpc://b' })
  })

  test('their ends are published, with code and times', async () => {
    const { events, off } = listen<AttemptEnded>(attemptEnded)
    const clock = testClock(100)
    const backend = fakeBackend()
    let next: Handler = () => fakeReply(unary(jsonMessage(1)))
    const { upstream } = make({ clock, connect: recorded((exchange) => next(exchange)).connect })
    const match = fakeMatch({ route: { operation: { name: 'test.Things/Get' } as never } })
    await upstream.call(loopbackExchange({ match }))
    next = () => Promise.reject(errors.notFound('no'))
    await expect(upstream.call(loopbackExchange({ match }))).rejects.toThrow('no')
    next = backend.call
    const exchange = loopbackExchange({ match })
    await upstream.call(exchange)
    clock.advance(50)
    exchange.cancel(makeStatus(Code.CANCELLED, 'gone'))
    next = () => fakeReply(unary(jsonMessage(1)), { httpStatus: 404 })
    await upstream.call(loopbackExchange({ match }))
    off()
    expect(events.map(({ code, started, ended }) => [code, started, ended])).toEqual([
      [Code.OK, 100, 100],
      [Code.NOT_FOUND, 100, 100],
      [Code.CANCELLED, 100, 150],
      [Code.NOT_FOUND, 150, 150],
    ])
    expect(events[0]).toMatchObject({ upstream: 'books', address: 'grpc://a', operation: 'test.Things/Get' })
  })
})

describe('a list that changes', () => {
  test('nothing is called before the first one', async () => {
    const lists = new Subject<readonly EndpointSpec[]>()
    const { upstream } = make({ endpoints: lists })
    let ready = false
    void upstream.ready.then(() => {
      ready = true
    })
    await Promise.resolve()
    expect(ready).toBe(false)
    expect(() => upstream.call(loopbackExchange())).toThrow('no endpoint')
    lists.next(specs('grpc://a'))
    await upstream.ready
    await upstream.call(loopbackExchange())
  })

  test('endpoints that stay keep their channel, new ones get one, others are let go', async () => {
    const channels = recorded()
    const lists = new Subject<readonly EndpointSpec[]>()
    const { upstream } = make({ endpoints: lists, connect: channels.connect })
    const { events, off } = listen<EndpointChanged>(endpointChanged)
    lists.next(specs('grpc://a', 'grpc://b'))
    const [, b] = upstream.endpoints
    lists.next([spec('grpc://b', 3), spec('grpc://c')])
    off()
    expect(channels.connected).toEqual(['grpc://a', 'grpc://b', 'grpc://c'])
    expect(upstream.endpoints[0]).toBe(b)
    expect(upstream.endpoints.map(({ address, weight }) => [address, weight])).toEqual([
      ['grpc://b', 3],
      ['grpc://c', 1],
    ])
    await Promise.resolve()
    expect(channels.stopped).toEqual(['grpc://a'])
    expect(events.map(({ kind, address }) => `${kind} ${address}`)).toEqual([
      'added grpc://a',
      'added grpc://b',
      'added grpc://c',
      'removed grpc://a',
    ])
  })

  test('a channel is let go only when its last call is over', async () => {
    const backend = fakeBackend()
    const channels = recorded(backend.call)
    const lists = new Subject<readonly EndpointSpec[]>()
    const { upstream } = make({ endpoints: lists, connect: channels.connect })
    lists.next(specs('grpc://a'))
    const [first, second] = [loopbackExchange(), loopbackExchange()]
    await upstream.call(first)
    await upstream.call(second)
    lists.next(specs('grpc://b'))
    first.end(OK)
    await new Promise(setImmediate)
    expect(channels.stopped).toEqual([])
    second.end(OK)
    await new Promise(setImmediate)
    expect(channels.stopped).toEqual(['grpc://a'])
  })

  test('an address that cannot be used is left out and logged', () => {
    const channels = recorded()
    const lists = new Subject<readonly EndpointSpec[]>()
    const connect = (address: string): Channel => {
      if (address === 'nonsense') throw new Error('bad address')
      return channels.connect(address)
    }
    const { upstream, warnings } = make({ endpoints: lists, connect })
    lists.next(specs('nonsense', 'grpc://a'))
    expect(upstream.endpoints.map(({ address }) => address)).toEqual(['grpc://a'])
    expect(warnings).toHaveLength(1)
  })

  test('an empty list takes all away; a discovery that fails leaves the last one', async () => {
    const lists = new Subject<readonly EndpointSpec[]>()
    const { upstream, warnings } = make({ endpoints: lists })
    lists.next(specs('grpc://a'))
    lists.next([])
    expect(() => upstream.call(loopbackExchange())).toThrow('no endpoint')
    lists.next(specs('grpc://a'))
    lists.error(new Error('registry is down'))
    await upstream.call(loopbackExchange())
    expect(warnings).toHaveLength(1)
  })
})

test.each<[string, (lists: Subject<readonly EndpointSpec[]>) => void]>([
  ['fails', (lists) => lists.error(new Error('registry is down'))],
  ['ends', (lists) => lists.complete()],
])('a discovery that %s before its first list keeps nobody waiting', async (_how, end) => {
  const lists = new Subject<readonly EndpointSpec[]>()
  const { upstream } = make({ endpoints: lists })
  end(lists)
  await upstream.ready
  expect(upstream.endpoints).toEqual([])
})

test('stop lets go of everything, also of what is leaving, and ends the subscription', async () => {
  const backend = fakeBackend()
  const channels = recorded(backend.call)
  const lists = new Subject<readonly EndpointSpec[]>()
  const { upstream } = make({ endpoints: lists, connect: channels.connect })
  lists.next(specs('grpc://a'))
  await upstream.call(loopbackExchange())
  lists.next(specs('grpc://b'))
  const { events, off } = listen<EndpointChanged>(endpointChanged)
  await upstream.stop()
  await upstream.stop()
  off()
  expect(events.map(({ kind, address }) => `${kind} ${address}`)).toEqual(['removed grpc://b'])
  expect(channels.stopped.sort()).toEqual(['grpc://a', 'grpc://b'])
  expect(lists.observed).toBe(false)
  expect(() => upstream.call(loopbackExchange())).toThrow('no endpoint')
})

test('an endpoint is told as failed when it is unavailable, as healthy when it answers again, and once each', async () => {
  const { events, off } = listen<EndpointChanged>(endpointChanged)
  const answers = [
    Code.OK,
    Code.UNAVAILABLE,
    Code.UNAVAILABLE,
    Code.CANCELLED,
    Code.NOT_FOUND,
    Code.OK,
    Code.UNAVAILABLE,
  ]
  const { connect } = recorded(() => {
    const code = answers.shift()!
    if (code === Code.OK) return fakeReply(unary(jsonMessage(1)))
    throw new GatewayError(makeStatus(code, 'as asked'), 'upstream')
  })
  const { upstream } = make({ connect })
  events.length = 0
  while (answers.length > 0) {
    try {
      await upstream.call(loopbackExchange({ match: fakeMatch() }))
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError)
    }
  }
  off()
  expect(events.map(({ kind, upstream: name, address, endpoint }) => [kind, name, address, endpoint])).toEqual(
    ['failed', 'healthy', 'failed'].map((kind) => [kind, 'books', 'grpc://a', upstream.endpoints[0]]),
  )
})
