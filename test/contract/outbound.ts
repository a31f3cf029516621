import { afterEach, describe, expect, test } from 'vitest'
import { reasonOf } from '../../src/core/error-details.ts'
import type { LiveExchange } from '../../src/core/exchange.ts'
import type { Reply } from '../../src/core/handler.ts'
import type { Shape } from '../../src/core/schema.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import { Code, GatewayError, makeStatus } from '../../src/core/status.ts'
import { collect, Source, unary } from '../../src/core/stream.ts'
import { recorder } from '../support/loopback.ts'
import type { Job, OutboundHarness, OutboundRig } from './outbound-rig.ts'

export type { CallOptions, Job, OutboundHarness } from './outbound-rig.ts'

const GONE = makeStatus(Code.CANCELLED, 'the client went away')

/** What every outbound adapter must do, whatever it speaks. */
export const outboundContract = (name: string, harness: OutboundHarness): void => {
  const has = (shape: Shape): boolean => harness.shapes.includes(shape)
  const streams = harness.shapes.filter((shape) => shape === 'server_stream' || shape === 'bidi' || shape === 'bytes')
  const uploads = harness.shapes.filter((shape) => shape === 'client_stream' || shape === 'bidi' || shape === 'bytes')

  describe(`outbound contract: ${name}`, () => {
    const running: { stop(): Promise<void> }[] = []
    const start = async (options: Parameters<OutboundHarness['start']>[0] = {}): Promise<OutboundRig> => {
      const rig = await harness.start(options)
      running.push(rig)
      return rig
    }
    afterEach(async () => {
      for (const one of running.splice(0)) await one.stop()
    })
    const failure = async (result: Promise<Reply>): Promise<GatewayError> => {
      try {
        const reply = await result
        throw new Error(`resolved with a reply, HTTP status ${reply.httpStatus}`)
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(GatewayError)
        return thrown as GatewayError
      }
    }
    const closed = (rig: OutboundRig): Promise<void> => rig.until(() => rig.open() === 0, 'no open call')

    describe.each(harness.shapes)('%s', (shape) => {
      test('an answer comes back', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'echo' }, { request: unary(rig.message({ do: 'echo' }, 10)) })
        const { messages, status } = await collect((await call(rig.channel, exchange)).messages)
        expect(status.code).toBe(Code.OK)
        expect(messages.reduce((sum, message) => sum + rig.size(message), 0)).toBe(10)
        expect(messages.map((message) => message.encoding)).toEqual(messages.map(() => 'identity'))
        exchange.end(status)
        await closed(rig)
      })

      test('metadata reaches the backend', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'echo' }, { metadata: ['x-one', 'eins', 'x-two', 'zwei'] })
        await collect((await call(rig.channel, exchange)).messages)
        expect([rig.received('x-one'), rig.received('x-two')]).toEqual(['eins', 'zwei'])
      })

      test('the client goes while the backend is silent: its call is cancelled', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'hang' })
        const result = call(rig.channel, exchange).then((reply) => collect(reply.messages))
        const outcome = result.then(
          ({ status }) => status,
          (thrown: unknown) => (thrown as GatewayError).status,
        )
        await rig.until(() => rig.open() === 1, 'the call')
        exchange.cancel(GONE)
        expect((await outcome).code).toBe(Code.CANCELLED)
        await closed(rig)
      })

      test('the client goes right after the call began, however early: nothing stays open at the backend', async () => {
        const rig = await start()
        const echo = async (): Promise<void> => {
          const exchange = rig.exchange(shape, { do: 'echo' })
          const { status } = await collect((await call(rig.channel, exchange)).messages)
          exchange.end(status)
        }
        await echo()
        for (let turns = 0; turns < 20; turns++) {
          const exchange = rig.exchange(shape, { do: 'hang' })
          const result = call(rig.channel, exchange).then((reply) => collect(reply.messages))
          const over = result.catch(() => {})
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
          exchange.cancel(GONE)
          await over
        }
        // Behind it on the same connection: what was sent before has arrived.
        await echo()
        await closed(rig)
      })

      test('the deadline passes while the backend is silent', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'hang' }, { timeout: 60 })
        const outcome = await call(rig.channel, exchange)
          .then((reply) => collect(reply.messages))
          .then(
            ({ status }) => status,
            (thrown: unknown) => (thrown as GatewayError).status,
          )
        expect(outcome.code).toBe(Code.DEADLINE_EXCEEDED)
        await closed(rig)
      })

      test('an exchange that is over before the call is not sent', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'echo' })
        exchange.cancel(GONE)
        expect((await failure(call(rig.channel, exchange))).status.code).toBe(Code.CANCELLED)
        expect(rig.total()).toBe(0)
      })

      test('nobody listens: UNAVAILABLE; why, the log is told, and the client no address', async () => {
        const { channel, address, exchange } = harness.unreachable()
        running.push(channel)
        const error = await failure(call(channel, exchange(shape)))
        expect(error.status.code).toBe(Code.UNAVAILABLE)
        expect(error.status.message).not.toContain(address)
        expect(error.status.note).toMatch(/\w/)
        expect(reasonOf(error.status.details)).toBe('UPSTREAM_UNAVAILABLE')
        expect(error.origin).toBe('upstream')
      })

      test('the channel stops under a call: UNAVAILABLE, and so is every later call', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'hang' })
        const outcome = call(rig.channel, exchange)
          .then((reply) => collect(reply.messages))
          .then(
            ({ status }) => status,
            (thrown: unknown) => (thrown as GatewayError).status,
          )
        await rig.until(() => rig.open() === 1, 'the call')
        await rig.channel.stop()
        await rig.channel.stop()
        expect((await outcome).code).toBe(Code.UNAVAILABLE)
        await closed(rig)
        const late = rig.exchange(shape, { do: 'echo' })
        expect((await failure(call(rig.channel, late))).status.code).toBe(Code.UNAVAILABLE)
        expect(rig.total()).toBe(1)
      })

      test('twenty calls whose client goes leave nothing open', async () => {
        const rig = await start()
        const outcomes: Promise<unknown>[] = []
        for (let i = 0; i < 20; i++) {
          const exchange = rig.exchange(shape, { do: 'hang' })
          const result = call(rig.channel, exchange)
          outcomes.push(result.then((reply) => collect(reply.messages)).catch(() => {}))
          if (i % 2 === 0) exchange.cancel(GONE)
          else setImmediate(() => exchange.cancel(GONE))
        }
        await Promise.all(outcomes)
        await closed(rig)
        const exchange = rig.exchange(shape, { do: 'echo' })
        expect((await collect((await call(rig.channel, exchange)).messages)).status.code).toBe(Code.OK)
      })
    })

    describe.each(streams)('answers of %s', (shape) => {
      test('every answer arrives in order, then the end, once', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'answers', count: 5, size: 3 })
        const sink = recorder()
        sink.read((await call(rig.channel, exchange)).messages)
        expect((await sink.done).code).toBe(Code.OK)
        expect(sink.messages.reduce((sum, message) => sum + rig.size(message), 0)).toBe(15)
        expect(sink.ends).toHaveLength(1)
      })

      test('a reader that waits is waited for, and stops the backend', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'endless', size: 16 * 1024 })
        const sink = recorder(1)
        sink.read((await call(rig.channel, exchange)).messages)
        await rig.until(() => sink.messages.length === 1, 'the first answer')
        const stalled = await settled(() => rig.sentBytes(), harness.inFlight)
        expect(stalled).toBeLessThan(harness.inFlight)
        expect(sink.messages).toHaveLength(1)
        sink.more(Number.POSITIVE_INFINITY)
        await rig.until(() => rig.sentBytes() > stalled + harness.inFlight, 'the backend going on')
        sink.cancel(GONE)
        expect((await sink.done).code).toBe(Code.CANCELLED)
        await closed(rig)
        expect(sink.ends).toHaveLength(1)
      })

      test('the client goes in the middle: the stream ends with that status, the backend is stopped', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'endless', size: 1000 })
        const sink = recorder(3)
        sink.read((await call(rig.channel, exchange)).messages)
        await rig.until(() => sink.messages.length === 3, 'three answers')
        exchange.cancel(GONE)
        expect(await sink.done).toBe(GONE)
        await closed(rig)
        expect(sink.ends).toHaveLength(1)
      })

      test('an exchange that ends well while the backend goes on stops it', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'endless', size: 1000 })
        const sink = recorder(1)
        sink.read((await call(rig.channel, exchange)).messages)
        await rig.until(() => sink.messages.length === 1, 'an answer')
        exchange.end(makeStatus(Code.OK, ''))
        await closed(rig)
        expect((await sink.done).code).toBe(Code.CANCELLED)
      })

      test('the deadline passes in the middle', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'endless', size: 1000 }, { timeout: 150 })
        const sink = recorder(2)
        sink.read((await call(rig.channel, exchange)).messages)
        expect((await sink.done).code).toBe(Code.DEADLINE_EXCEEDED)
        await closed(rig)
      })

      test('a reply that nobody reads is held, and cancelled with the exchange', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'endless', size: 16 * 1024 })
        const reply = await call(rig.channel, exchange)
        await rig.until(() => rig.sentBytes() > 0, 'an answer')
        expect(await settled(() => rig.sentBytes(), harness.inFlight)).toBeLessThan(harness.inFlight)
        exchange.cancel(GONE)
        expect((await collect(reply.messages)).status.code).toBe(Code.CANCELLED)
        await closed(rig)
      })

      test('a failure after answers comes after them', async () => {
        const rig = await start()
        const exchange = rig.exchange(shape, { do: 'answers', count: 2, size: 5, fail: Code.INTERNAL })
        const sink = recorder(1)
        sink.read((await call(rig.channel, exchange)).messages)
        await rig.until(() => sink.messages.length === 1, 'the first answer')
        await settled(() => rig.open())
        sink.more()
        const status = await sink.done
        expect(status.code).not.toBe(Code.OK)
        if (!harness.framed) return
        expect(status.code).toBe(Code.INTERNAL)
        expect(sink.order).toEqual(['message', 'message', 'end'])
      })
    })

    describe.each(uploads)('requests of %s', (shape) => {
      /** Pushes messages of 16 KiB while it is let; fails when nothing holds it back. */
      const pump = (rig: OutboundRig, first: Job) => {
        let job = first
        let pushed = 0
        let open = true
        const source: Source = new Source({ resume: () => push(), cancel: () => (open = false) })
        const push = (): void => {
          while (open) {
            pushed += 16 * 1024
            const message = rig.message(job, 16 * 1024)
            job = { do: 'answers', count: 1 }
            if (!source.push(message)) return
            if (pushed > 20 * harness.inFlight) throw new Error('nothing holds the request back')
          }
        }
        return { source, push, pushed: () => pushed, stop: () => (open = false), open: () => open }
      }

      test('a backend that does not read holds the request back, and goes on with it', async () => {
        const rig = await start()
        const job: Job = { do: 'stop-reading' }
        const { source, push, pushed, stop } = pump(rig, job)
        const exchange = rig.exchange(shape, job, { request: source })
        const result = call(rig.channel, exchange).then((reply) => collect(reply.messages))
        push()
        const stalled = await settled(pushed, harness.inFlight)
        expect(stalled).toBeLessThan(harness.inFlight)
        rig.readOn()
        await rig.until(() => pushed() > stalled + harness.inFlight, 'the request going on')
        stop()
        source.end(makeStatus(Code.OK, ''))
        expect((await result).status.code).toBe(Code.OK)
        expect(rig.readBytes()).toBe(pushed())
      })

      test('a request that breaks off cancels the call', async () => {
        const rig = await start()
        const source = new Source({ resume() {}, cancel() {} })
        const exchange = rig.exchange(shape, { do: 'hang' }, { request: source })
        const outcome = call(rig.channel, exchange)
          .then((reply) => collect(reply.messages))
          .then(
            ({ status }) => status,
            (thrown: unknown) => (thrown as GatewayError).status,
          )
        source.push(rig.message({ do: 'hang' }, 5))
        await rig.until(() => rig.open() === 1, 'the call')
        source.end(GONE)
        expect((await outcome).code).toBe(Code.CANCELLED)
        await closed(rig)
      })

      test('the end of the exchange stops the request', async () => {
        const rig = await start()
        const cancelled: unknown[] = []
        const source = new Source({ resume() {}, cancel: (status) => cancelled.push(status) })
        const exchange = rig.exchange(shape, { do: 'hang' }, { request: source })
        const outcome = call(rig.channel, exchange)
          .then((reply) => collect(reply.messages))
          .catch(() => {})
        source.push(rig.message({ do: 'hang' }, 5))
        await rig.until(() => rig.open() === 1, 'the call')
        exchange.cancel(GONE)
        await outcome
        expect(cancelled).toEqual([GONE])
        await closed(rig)
      })
    })

    if (has('unary'))
      test('unary: a failure is thrown, with origin upstream', async () => {
        const rig = await start()
        const error = await failure(call(rig.channel, rig.exchange('unary', { do: 'fail', code: Code.NOT_FOUND })))
        expect([error.status.code, error.origin]).toEqual([Code.NOT_FOUND, 'upstream'])
        await closed(rig)
      })
    if (has('unary'))
      test('unary: the reply is one message with its status', async () => {
        const rig = await start()
        const { messages } = await call(rig.channel, rig.exchange('unary', { do: 'echo' }))
        expect(messages.unary).toBeDefined()
        expect(messages.status?.code).toBe(Code.OK)
      })
    if (has('server_stream'))
      test('server_stream: a failure before the first answer is thrown or ends the stream', async () => {
        const rig = await start()
        const result = call(rig.channel, rig.exchange('server_stream', { do: 'fail', code: Code.NOT_FOUND }))
        const status = await result.then(
          async (reply) => (await collect(reply.messages)).status,
          (thrown: unknown) => (thrown as GatewayError).status,
        )
        expect(status.code).toBe(Code.NOT_FOUND)
      })
    if (has('server_stream'))
      test('server_stream: resolves also when the backend sends neither head nor message (SEMANTICS §13.2)', async () => {
        const rig = await start()
        const exchange = rig.exchange('server_stream', { do: 'hang' })
        const reply = await call(rig.channel, exchange)
        expect(reply.messages.status).toBeUndefined()
        const sink = recorder()
        sink.read(reply.messages)
        exchange.cancel(GONE)
        expect((await sink.done).code).toBe(Code.CANCELLED)
        await closed(rig)
      })
    if (has('bidi'))
      test('bidi: resolves before the backend has said anything', async () => {
        const rig = await start()
        const source = new Source({ resume() {}, cancel() {} })
        const exchange = rig.exchange('bidi', { do: 'echo' }, { request: source })
        const reply = await call(rig.channel, exchange)
        const sink = recorder()
        sink.read(reply.messages)
        source.push(rig.message({ do: 'echo' }, 7))
        await rig.until(() => sink.messages.length === 1, 'the echo')
        source.end(makeStatus(Code.OK, ''))
        expect((await sink.done).code).toBe(Code.OK)
      })
    if (harness.framed)
      test.each(harness.shapes)('%s: an answer above the limit is RESOURCE_EXHAUSTED', async (shape) => {
        const rig = await start({ maxMessageBytes: 1000 })
        const exchange = rig.exchange(shape, { do: 'answers', count: 1, size: 1001 })
        const status = await call(rig.channel, exchange)
          .then((reply) => collect(reply.messages))
          .then(
            (end) => end.status,
            (thrown: unknown) => (thrown as GatewayError).status,
          )
        expect(status.code).toBe(Code.RESOURCE_EXHAUSTED)
        expect(reasonOf(status.details)).toBe('MESSAGE_TOO_LARGE')
        expect(status.message).toContain('1000')
        await closed(rig)
      })
  })
}

/** A channel may return, reject or throw. */
const call = async (channel: Channel, exchange: LiveExchange): Promise<Reply> => channel.call(exchange)

/** The value once it has stopped changing, or has gone beyond `limit`. */
const settled = async (value: () => number, limit = Number.POSITIVE_INFINITY): Promise<number> => {
  let last = value()
  for (let same = 0; same < 15 && last < limit; ) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    same = value() === last ? same + 1 : 0
    last = value()
  }
  return last
}
