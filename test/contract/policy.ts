import { describe, expect, test } from 'vitest'
import { testClock } from '../../src/core/clock.ts'
import type { Exchange, LiveExchange } from '../../src/core/exchange.ts'
import type { Handler, Policy, Reply } from '../../src/core/handler.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import type { Context } from '../../src/core/module.ts'
import type { Shape } from '../../src/core/schema.ts'
import { settle } from '../../src/core/settle.ts'
import { Code, errors, type GatewayError, makeStatus, OK, type Status } from '../../src/core/status.ts'
import { collect, type MessageStream, Source, unary } from '../../src/core/stream.ts'
import {
  type FakeBackend,
  type FakeContext,
  type FakeSnapshot,
  fakeBackend,
  fakeContext,
  fakeMatch,
  fakeReply,
  fakeSnapshot,
  jsonMessage,
  loopbackExchange,
  recorder,
} from '../support/loopback.ts'

export type MakePolicy = (context: Context) => Policy | Promise<Policy>
export interface PolicyContractOptions {
  /** Flat `[name, value, …]` with which the policy lets a call pass. */
  readonly headers?: readonly string[]
  /** It is allowed to answer with a promise where the handler does not. */
  readonly waits?: boolean
}
export interface PolicyCheck {
  readonly name: string
  run(make: MakePolicy, options: PolicyContractOptions): Promise<void>
}

/** How many messages may be under way before a `push` must be answered with false. */
const SLACK = 16
const LEFT = makeStatus(Code.CANCELLED, 'the client is gone')
const MESSAGES = [1, 2, 3, 4, 5].map((value) => jsonMessage(value))
const VALUES = MESSAGES.map((message) => message.value())

interface Bench {
  readonly clock: ReturnType<typeof testClock>
  readonly context: FakeContext
  readonly snapshot: FakeSnapshot
  readonly backend: FakeBackend
  call(shape: Shape, over?: { request?: MessageStream; deadline?: number }): LiveExchange
  readonly policy: Policy
}
const bench = async (make: MakePolicy, { headers = [] }: PolicyContractOptions): Promise<Bench> => {
  const clock = testClock(1000)
  const context = fakeContext({ clock })
  const snapshot = fakeSnapshot()
  const policy = await make(context)
  return {
    clock,
    context,
    snapshot,
    backend: fakeBackend(),
    policy,
    call: (shape, over = {}) =>
      loopbackExchange({
        clock,
        headers,
        match: fakeMatch({ snapshot, shape }),
        request: unary(jsonMessage('q')),
        ...over,
      }),
  }
}

/** Lets everything that is already settled run. */
const tick = () => new Promise((resolve) => setImmediate(resolve))
const values = async (stream: MessageStream): Promise<{ values: unknown[]; status: Status }> => {
  const { messages, status } = await collect(stream)
  return { values: messages.map((message) => message.value()), status }
}
/** Pushes until the source is told to wait. Fails when it never is. */
const fill = (source: Source): number => {
  for (let count = 1; count <= SLACK; count++) if (!source.push(jsonMessage(count))) return count
  throw new Error(`${SLACK} messages were taken although the reader does not read`)
}
const feed = (): { source: Source; resumed: () => number; cancelled: Status[] } => {
  let resumed = 0
  const cancelled: Status[] = []
  const source = new Source({
    resume() {
      resumed++
    },
    cancel: (status) => void cancelled.push(status),
  })
  return { source, resumed: () => resumed, cancelled }
}
const failure = async (run: () => Reply | Promise<Reply>): Promise<GatewayError> => {
  try {
    await run()
  } catch (thrown) {
    return thrown as GatewayError
  }
  throw new Error('nothing was thrown')
}

/** Each check on its own, so that a test can show that it fails where it must. */
export const policyChecks: readonly PolicyCheck[] = [
  {
    name: 'adds no promise where it does not wait',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const result = policy(backend.call)(call('server_stream'))
      if (options.waits !== true) expect(result).not.toBeInstanceOf(Promise)
      await result
      expect(backend.calls).toHaveLength(1)
    },
  },
  {
    name: 'passes a unary answer with its metadata, trailers and status',
    async run(make, options) {
      const { policy, call } = await bench(make, options)
      const status = makeStatus(Code.OK, '', { trailers: makeMetadata(['x-trailer', '1']) })
      const answer = fakeReply(unary(MESSAGES[0]!, status), { metadata: makeMetadata(['x-head', '1']) })
      for (const target of [() => answer, async () => answer]) {
        const reply = await policy(target)(call('unary'))
        expect(reply.metadata.get('x-head')).toBe('1')
        expect(reply.messages.unary?.value()).toBe(1)
        expect(reply.messages.status?.code).toBe(Code.OK)
        expect(reply.messages.status?.trailers.get('x-trailer')).toBe('1')
      }
    },
  },
  {
    name: 'passes a stream, in order, with its status',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const reply = await policy(backend.call)(call('server_stream'))
      const read = values(reply.messages)
      for (const message of MESSAGES) backend.source.push(message)
      backend.source.end(makeStatus(Code.OK, '', { trailers: makeMetadata(['x-trailer', '1']) }))
      const { values: seen, status } = await read
      expect([seen, status.code, status.trailers.get('x-trailer')]).toEqual([VALUES, Code.OK, '1'])
    },
  },
  {
    name: 'passes the messages of the client, in order, with their end',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const { source } = feed()
      await policy(backend.call)(call('bidi', { request: source }))
      const read = values(backend.calls[0]!.request)
      for (const message of MESSAGES) source.push(message)
      source.end(OK)
      expect(await read).toMatchObject({ values: VALUES, status: { code: Code.OK } })
    },
  },
  {
    name: 'passes an error of the handler, thrown or rejected, with code, details and origin',
    async run(make, options) {
      const { policy, call } = await bench(make, options)
      const refusal = errors.invalidArgument('no', { reason: 'CONTRACT' })
      const targets: Handler[] = [
        () => {
          throw refusal
        },
        () => Promise.reject(refusal),
      ]
      for (const target of targets) {
        const thrown = await failure(() => policy(target)(call('unary')))
        expect([thrown.status.code, thrown.status.details, thrown.origin]).toEqual([
          Code.INVALID_ARGUMENT,
          refusal.status.details,
          'client',
        ])
      }
    },
  },
  {
    name: 'passes a failure behind the first message, once',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const reply = await policy(backend.call)(call('server_stream'))
      const sink = recorder().read(reply.messages)
      backend.source.push(MESSAGES[0]!)
      backend.source.end(makeStatus(Code.DATA_LOSS, 'broken'))
      backend.source.end(OK)
      await sink.done
      expect([sink.order, sink.ends[0]?.code]).toEqual([['message', 'end'], Code.DATA_LOSS])
    },
  },
  {
    name: 'the client goes: the backend is cancelled once, the reader told once',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const exchange = call('bidi', { request: feed().source })
      const reply = await policy(backend.call)(exchange)
      const sink = recorder().read(reply.messages)
      backend.source.push(MESSAGES[0]!)
      exchange.cancel(LEFT)
      exchange.cancel(LEFT)
      await tick()
      expect(backend.cancelled.map(({ code }) => code)).toEqual([Code.CANCELLED])
      expect([sink.order, sink.ends[0]?.code]).toEqual([['message', 'end'], Code.CANCELLED])
      expect(backend.source.push(MESSAGES[1]!)).toBe(true)
      expect(sink.messages).toHaveLength(1)
    },
  },
  {
    name: 'the reader cancels the reply: the backend hears of it once',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const exchange = call('server_stream')
      const reply = await policy(backend.call)(exchange)
      const sink = recorder().read(reply.messages)
      sink.cancel(LEFT)
      await tick()
      expect(backend.cancelled.map(({ code }) => code)).toEqual([Code.CANCELLED])
      exchange.cancel(LEFT)
      await tick()
      expect(backend.cancelled).toHaveLength(1)
      expect(sink.ends.map(({ code }) => code)).toEqual([Code.CANCELLED])
    },
  },
  {
    name: 'the backend cancels the request: the client’s side hears of it once',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const { source, cancelled } = feed()
      await policy(backend.call)(call('bidi', { request: source }))
      const sink = recorder().read(backend.calls[0]!.request)
      sink.cancel(makeStatus(Code.OK, 'enough'))
      await tick()
      expect([cancelled.length, sink.ends.length]).toEqual([1, 1])
    },
  },
  {
    name: 'the client goes before the answer: the error comes once, a late reply is let go',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const { promise, resolve } = Promise.withResolvers<Reply>()
      const reached: Exchange[] = []
      const handler = policy((exchange) => {
        reached.push(exchange)
        return promise
      })
      const exchange = call('server_stream')
      const outcome: string[] = []
      settle(
        exchange,
        { snapshot: exchange.match.snapshot, dispatch: handler },
        () => outcome.push('reply'),
        ({ status }) => outcome.push(`error ${status.code}`),
      )
      await tick()
      exchange.cancel(LEFT)
      resolve(await backend.call(reached[0]!))
      await tick()
      expect(outcome).toEqual([`error ${Code.CANCELLED}`])
      expect(backend.source.over).toBe(true)
    },
  },
  {
    name: 'a deadline cancels the backend once and is told as what it is',
    async run(make, options) {
      const { policy, backend, call, clock } = await bench(make, options)
      const reply = await policy(backend.call)(call('server_stream', { deadline: clock.now() + 500 }))
      expect(backend.calls[0]!.deadline).toBeLessThanOrEqual(clock.now() + 500)
      const sink = recorder().read(reply.messages)
      clock.advance(500)
      await tick()
      expect(backend.cancelled.map(({ code }) => code)).toEqual([Code.DEADLINE_EXCEEDED])
      expect(sink.ends.map(({ code }) => code)).toEqual([Code.DEADLINE_EXCEEDED])
    },
  },
  {
    name: 'a reader that waits stops the backend, and one that goes on gets everything',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const reply = await policy(backend.call)(call('server_stream'))
      const sink = recorder(1).read(reply.messages)
      await tick()
      const before = backend.resumed
      const count = fill(backend.source)
      await tick()
      expect([sink.messages.length, backend.resumed]).toEqual([1, before])
      sink.more()
      await tick()
      expect(backend.resumed).toBeGreaterThan(before)
      backend.source.end(OK)
      await sink.done
      expect(sink.values()).toEqual(Array.from({ length: count }, (_, i) => i + 1))
    },
  },
  {
    name: 'a backend that waits stops the client, and one that goes on gets everything',
    async run(make, options) {
      const { policy, backend, call } = await bench(make, options)
      const { source, resumed } = feed()
      await policy(backend.call)(call('bidi', { request: source }))
      const sink = recorder(1).read(backend.calls[0]!.request)
      await tick()
      const before = resumed()
      const count = fill(source)
      await tick()
      expect([sink.messages.length, resumed()]).toEqual([1, before])
      sink.more()
      await tick()
      expect(resumed()).toBeGreaterThan(before)
      source.end(OK)
      await sink.done
      expect(sink.values()).toEqual(Array.from({ length: count }, (_, i) => i + 1))
    },
  },
  {
    name: 'two calls at once stay apart',
    async run(make, options) {
      const { policy, call } = await bench(make, options)
      const [one, two] = [fakeBackend(), fakeBackend()]
      let next = 0
      const handler = policy((exchange) => (next++ === 0 ? one : two).call(exchange))
      const first = call('server_stream', { request: unary(jsonMessage('first')) })
      const second = call('server_stream', { request: unary(jsonMessage('second')) })
      const [a, b] = [await handler(first), await handler(second)]
      const [left, right] = [recorder().read(a.messages), recorder().read(b.messages)]
      two.source.push(MESSAGES[1]!)
      first.cancel(LEFT)
      two.source.push(MESSAGES[2]!)
      two.source.end(OK)
      await tick()
      expect([left.values(), left.ends[0]?.code]).toEqual([[], Code.CANCELLED])
      expect([right.values(), right.ends[0]?.code]).toEqual([[2, 3], Code.OK])
    },
  },
  {
    name: 'leaves no timer, no call and no snapshot behind',
    async run(make, options) {
      const { policy, backend, call, clock, context, snapshot } = await bench(make, options)
      for (const over of ['end', 'cancel'] as const) {
        const exchange = call('server_stream', { deadline: clock.now() + 60_000 })
        const reply = await policy(backend.call)(exchange)
        const sink = recorder().read(reply.messages)
        if (over === 'end') {
          backend.source.end(OK)
          await sink.done
          exchange.end(OK)
        } else {
          exchange.cancel(LEFT)
          await sink.done
        }
        let told = 0
        backend.calls.at(-1)!.onEnd(() => told++)
        expect(told).toBe(1)
      }
      await context.stop()
      await tick()
      expect({ timers: clock.pending(), held: snapshot.held }).toEqual({ timers: 0, held: 0 })
    },
  },
]

/** What every policy module must do. `make` is called anew for each check. */
export const policyContract = (name: string, make: MakePolicy, options: PolicyContractOptions = {}): void => {
  describe(`policy contract: ${name}`, () => {
    for (const check of policyChecks) test(check.name, () => check.run(make, options))
  })
}
