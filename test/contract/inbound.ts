import { afterEach, describe, expect, test } from 'vitest'
import { tallyOf } from '../../src/core/attributes.ts'
import type { Exchange } from '../../src/core/exchange.ts'
import { Code, errors, makeStatus, OK, type Status } from '../../src/core/status.ts'
import { collect, Source, unary } from '../../src/core/stream.ts'
import { eventually } from '../support/listener.ts'
import { fakeReply, jsonMessage } from '../support/loopback.ts'
import {
  type InboundRoute,
  type RunningInbound,
  type StartInbound,
  settled,
  watchExchanges,
} from './inbound-harness.ts'

export type { ClientCall, InboundRoute, RunningInbound, StartInbound } from './inbound-harness.ts'

const SHAPES = ['unary', 'server_stream', 'client_stream', 'bidi'] as const
const MiB = 1024 * 1024

/**
 * What every inbound adapter owes to clients and handlers: both sides hear of the other's end once, nobody is overrun, limits and
 * deadlines hold, nothing is left open.
 */
export const inboundContract = (name: string, start: StartInbound): void => {
  describe(`inbound contract: ${name}`, () => {
    const running: RunningInbound[] = []
    const counted = watchExchanges()
    const begin = async (route: InboundRoute): Promise<RunningInbound> => {
      const made = await start(route)
      running.push(made)
      return made
    }
    afterEach(async () => {
      await Promise.all(running.splice(0).map((one) => one.stop()))
      // The one rule of all tests: what was begun has ended, once.
      await eventually(() => counted.open() === 0)
      counted.reset()
    })

    test.each(SHAPES)(
      '%s: the message reaches the handler, the reply the client, and the call ends with OK',
      async (shape) => {
        const seen: unknown[] = []
        const inbound = await begin({
          shape,
          handler: async (exchange) => {
            const { messages, status } = await collect(exchange.request)
            expect(status.code).toBe(Code.OK)
            seen.push(...messages.map((message) => message.value()))
            return fakeReply(unary(jsonMessage({ n: seen.length })))
          },
        })
        const call = await inbound.open()
        call.send({ a: 1 })
        call.halfClose()
        expect(await call.outcome).toEqual({ messages: [{ n: 1 }], code: Code.OK })
        expect(seen).toEqual([{ a: 1 }])
        expect(counted.ends().map(({ code }) => code)).toEqual([Code.OK])
      },
    )

    test.each(SHAPES)('%s: a handler that refuses', async (shape) => {
      const inbound = await begin({
        shape,
        handler: () => {
          throw errors.permissionDenied('not you')
        },
      })
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      expect(await call.outcome).toEqual({ messages: [], code: Code.PERMISSION_DENIED })
      expect(counted.ends().map(({ code }) => code)).toEqual([Code.PERMISSION_DENIED])
    })

    test('a handler that refuses later', async () => {
      const inbound = await begin({
        shape: 'unary',
        handler: async () => {
          await new Promise((resolve) => setImmediate(resolve))
          throw errors.notFound('no such thing')
        },
      })
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      expect((await call.outcome).code).toBe(Code.NOT_FOUND)
    })

    test('a handler that fails by a fault is INTERNAL', async () => {
      const inbound = await begin({
        shape: 'unary',
        handler: () => {
          throw new TypeError('secret')
        },
      })
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      expect((await call.outcome).code).toBe(Code.INTERNAL)
    })

    test.each(['server_stream', 'bidi'] as const)('%s: a failure after messages', async (shape) => {
      const inbound = await begin({
        shape,
        handler: () => {
          const source = new Source({ resume() {}, cancel() {} })
          source.push(jsonMessage({ i: 0 }))
          source.push(jsonMessage({ i: 1 }))
          source.end(makeStatus(Code.ABORTED, 'broken'))
          return fakeReply(source)
        },
      })
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      expect(await call.outcome).toEqual({ messages: [{ i: 0 }, { i: 1 }], code: Code.ABORTED })
      expect(counted.ends().map(({ code }) => code)).toEqual([Code.ABORTED])
    })

    describe('the client vanishes', () => {
      test.each(SHAPES)('%s: before the reply', async (shape) => {
        const calls: Exchange[] = []
        const inbound = await begin({
          shape,
          handler: (exchange) => {
            calls.push(exchange)
            return new Promise(() => {})
          },
        })
        const call = await inbound.open()
        call.send({})
        if (shape === 'unary' || shape === 'server_stream') call.halfClose()
        await eventually(() => calls.length === 1)
        const { signal } = calls[0]!
        call.vanish()
        await eventually(() => signal.aborted)
        expect(counted.ends().map(({ code }) => code)).toEqual([Code.CANCELLED])
        await eventually(() => inbound.connections() === 0)
      })

      test.each(['server_stream', 'bidi'] as const)('%s: in the middle of the reply', async (shape) => {
        const cancelled: Status[] = []
        let source: Source | undefined
        const inbound = await begin({
          shape,
          handler: () => {
            source = new Source({ resume() {}, cancel: (status) => void cancelled.push(status) })
            source.push(jsonMessage({ i: 0 }))
            return fakeReply(source)
          },
        })
        const call = await inbound.open()
        call.send({})
        call.halfClose()
        await eventually(() => source !== undefined)
        await new Promise((resolve) => setTimeout(resolve, 20))
        call.vanish()
        await eventually(() => cancelled.length > 0)
        expect(cancelled.map(({ code }) => code)).toEqual([Code.CANCELLED])
      })

      test.each(['client_stream', 'bidi'] as const)('%s: in the middle of the request', async (shape) => {
        const ends: Status[] = []
        let first = 0
        const inbound = await begin({
          shape,
          handler: (exchange) => {
            exchange.request.pipe({
              message: () => ++first > 0,
              end: (status) => void ends.push(status),
            })
            return new Promise(() => {})
          },
        })
        const call = await inbound.open()
        call.send({})
        await eventually(() => first === 1)
        call.vanish()
        await eventually(() => ends.length === 1)
        expect(ends.map(({ code }) => code)).toEqual([Code.CANCELLED])
      })
    })

    test.each(SHAPES)('%s: the deadline of the route', async (shape) => {
      const calls: Exchange[] = []
      const inbound = await begin({
        shape,
        settings: { timeout: 50 },
        handler: (exchange) => {
          calls.push(exchange)
          return new Promise(() => {})
        },
      })
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      expect((await call.outcome).code).toBe(Code.DEADLINE_EXCEEDED)
      expect(calls[0]?.signal.aborted).toBe(true)
      expect(counted.ends().map(({ code }) => code)).toEqual([Code.DEADLINE_EXCEEDED])
    })

    test('the deadline in the middle of a stream', async () => {
      const cancelled: Status[] = []
      const inbound = await begin({
        shape: 'server_stream',
        settings: { timeout: 100 },
        handler: () => {
          const source = new Source({ resume() {}, cancel: (status) => void cancelled.push(status) })
          source.push(jsonMessage({ i: 0 }))
          return fakeReply(source)
        },
      })
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      expect(await call.outcome).toEqual({ messages: [{ i: 0 }], code: Code.DEADLINE_EXCEEDED })
      expect(cancelled.map(({ code }) => code)).toEqual([Code.DEADLINE_EXCEEDED])
    })

    test.each(['server_stream', 'bidi'] as const)('%s: a stream that is silent for too long', async (shape) => {
      const inbound = await begin({
        shape,
        settings: { idleTimeout: 60 },
        handler: () => {
          const source = new Source({ resume() {}, cancel() {} })
          source.push(jsonMessage({ i: 0 }))
          return fakeReply(source)
        },
      })
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      expect(await call.outcome).toEqual({ messages: [{ i: 0 }], code: Code.DEADLINE_EXCEEDED })
    })

    test.each(['server_stream', 'bidi'] as const)(
      '%s: a client that does not read makes the backend wait',
      async (shape) => {
        const total = 400
        const payload = 'x'.repeat(100_000)
        let sent = 0
        let waits = 0
        const inbound = await begin({
          shape,
          handler: () => {
            const pump = (): void => {
              while (sent < total) {
                if (source.push(jsonMessage({ i: sent++, payload }))) continue
                waits++
                return
              }
              source.end(OK)
            }
            const source = new Source({ resume: pump, cancel() {} })
            queueMicrotask(pump)
            return fakeReply(source)
          },
        })
        const call = await inbound.open()
        call.pause()
        call.send({})
        call.halfClose()
        await eventually(() => waits > 0)
        await settled(() => sent)
        // Far less than the 40 MB that there are: the sockets' buffers and one message.
        expect(sent).toBeLessThan(total / 2)
        call.resume()
        const { messages, code } = await call.outcome
        expect(code).toBe(Code.OK)
        expect(messages.map((message) => (message as { i: number }).i)).toEqual(
          Array.from({ length: total }, (_, i) => i),
        )
      },
    )

    test.each(['client_stream', 'bidi'] as const)(
      '%s: a handler that does not read makes the client wait',
      async (shape) => {
        const total = 400
        const payload = 'x'.repeat(100_000)
        const seen: number[] = []
        let go: (() => void) | undefined
        let taken = (): number => 0
        const inbound = await begin({
          shape,
          settings: { maxBodyBytes: Number.POSITIVE_INFINITY },
          handler: (exchange) =>
            new Promise((resolve) => {
              let open = false
              taken = () => tallyOf(exchange).bytesIn
              const flow = exchange.request.pipe({
                message(message) {
                  seen.push(message.value<{ i: number }>().i)
                  return open
                },
                end: () => resolve(fakeReply(unary(jsonMessage({ count: seen.length })))),
              })
              go = () => {
                open = true
                flow.resume()
              }
            }),
        })
        const call = await inbound.open()
        for (let i = 0; i < total; i++) call.send({ i, payload })
        call.halfClose()
        await eventually(() => seen.length > 0)
        // What the adapter has taken from the socket, by its own count: a buffer of the socket, and not the 40 MB that wait.
        await settled(() => taken())
        expect(seen.length).toBe(1)
        expect(taken()).toBeLessThan(20 * MiB)
        go?.()
        expect(await call.outcome).toEqual({ messages: [{ count: total }], code: Code.OK })
        expect(seen).toEqual(Array.from({ length: total }, (_, i) => i))
      },
    )

    test.each(SHAPES)('%s: a message above the limit', async (shape) => {
      let reached = 0
      const inbound = await begin({
        shape,
        settings: { maxBodyBytes: 1000, maxMessageBytes: 1000 },
        handler: async (exchange) => {
          const { messages } = await collect(exchange.request)
          reached += messages.length
          return fakeReply(unary(jsonMessage({})))
        },
      })
      const call = await inbound.open()
      call.send({ payload: 'x'.repeat(2000) })
      call.halfClose()
      expect((await call.outcome).code).toBe(Code.RESOURCE_EXHAUSTED)
      expect(reached).toBe(0)
    })

    test.each(['client_stream', 'bidi'] as const)('%s: something that is no message', async (shape) => {
      const inbound = await begin({
        shape,
        handler: async (exchange) => {
          const { messages } = await collect(exchange.request)
          for (const message of messages) message.value()
          return fakeReply(unary(jsonMessage({})))
        },
      })
      const call = await inbound.open()
      call.send(undefined)
      call.halfClose()
      expect((await call.outcome).code).not.toBe(Code.OK)
    })

    test('a handler may answer before the request is whole', async () => {
      const inbound = await begin({
        shape: 'client_stream',
        handler: () => fakeReply(unary(jsonMessage({ early: true }))),
      })
      const call = await inbound.open()
      call.send({})
      expect(await call.outcome).toEqual({ messages: [{ early: true }], code: Code.OK })
    })

    test('drain lets a call end and takes no new one', async () => {
      let source: Source | undefined
      const inbound = await begin({
        shape: 'server_stream',
        handler: () => {
          source = new Source({ resume() {}, cancel() {} })
          source.push(jsonMessage({ i: 0 }))
          return fakeReply(source)
        },
      })
      const late = await inbound.open()
      const call = await inbound.open()
      call.send({})
      call.halfClose()
      await eventually(() => source !== undefined)
      let drained = false
      const draining = inbound.drain().then(() => {
        drained = true
      })
      late.send({})
      late.halfClose()
      expect((await late.outcome).code).toBe(Code.UNAVAILABLE)
      expect(drained).toBe(false)
      source?.push(jsonMessage({ i: 1 }))
      source?.end(OK)
      expect(await call.outcome).toEqual({ messages: [{ i: 0 }, { i: 1 }], code: Code.OK })
      await draining
    })
  })
}
