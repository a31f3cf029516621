import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { begin, send } from '../support/http-client.ts'
import { eventually } from '../support/listener.ts'
import { frame, type RawAnswer, type RawBackend, startRawHttp2 } from '../support/raw-http2-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'
import { CONFORMANCE_PROTO, item } from './proto.ts'

interface Parse extends Marked {
  readonly header: string
  readonly text: string
  /** null: no timeout. */
  readonly ms: number | null
}
interface Forward extends Marked {
  /** Of the route, ms. */
  readonly route: number
  readonly unit: string
}
interface Remaining extends Marked {
  readonly client: number | null
  readonly route: number | null
  /** When the end of the body came, ms after the head. */
  readonly arrived: number
  /** null: no limit. */
  readonly left: number | null
}

const OK: RawAnswer = { body: frame(item.encode({ n: 1 })), trailers: { 'grpc-status': '0' } }
/** Of so short a time nothing may be left when the backend would be called. */
const SHORT = 500
const CANCEL = 8
const PER_MS: Readonly<Record<string, number>> = { n: 1e6, u: 1e3, m: 1, S: 1e-3, M: 1 / 60_000, H: 1 / 3_600_000 }
/** The `grpc-timeout` that a backend got has the form of the specification and is at most `ms`, rounded up to its unit. */
const expectAtMost = (text: unknown, ms: number): { readonly unit: string } => {
  const [, digits = '', unit = ''] = /^([0-9]{1,8})([HMSmun])$/.exec(String(text)) ?? []
  expect(digits, String(text)).not.toBe('')
  expect(Number(digits)).toBeLessThanOrEqual(Math.ceil(ms * PER_MS[unit]!))
  return { unit }
}

/** SEMANTICS §9 and §19 "Deadlines". The encoding of single values is checked without a gateway. */
export const deadlines = (tally: Tally): void => {
  const { parse, remaining, forwarded } = readVectors<{
    parse: Parse[]
    remaining: Remaining[]
    forwarded: Forward[]
  }>('deadlines.json')
  const routes = new Set([...remaining.map(({ route }) => route), ...forwarded.map(({ route }) => route)])
  const pathOf = (route: number | null): string => `/timed/${route ?? 'none'}`
  let backend: RawBackend
  let running: RunningGateway
  let next: RawAnswer

  beforeAll(async () => {
    backend = await startRawHttp2(() => next)
    running = await startGateway({
      schemas: [CONFORMANCE_PROTO],
      upstreams: { raw: { endpoints: [backend.address] } },
      limits: { timeout: 'none' },
      routes: [
        { service: '*' },
        ...[...routes].map((route) => ({
          path: pathOf(route),
          rpc: 'conf.Items/Get',
          to: 'raw',
          timeout: route === null ? 'none' : `${route}ms`,
        })),
      ],
    })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
  })
  beforeEach(() => {
    next = OK
    backend.requests.length = 0
    backend.resets.length = 0
  })

  describe('a limit of the client', () => {
    const title = ({ header, text, ms }: Parse) => `${header}: ${JSON.stringify(text)} → ${ms ?? 'refused'}`
    tally.each(parse, title, async ({ header, text, ms }) => {
      // As bytes: node would not send a header outside Latin-1.
      const value = Buffer.from(text).toString('latin1')
      const answer = await send(running.url, { path: '/item/a', headers: { [header]: value } })
      // White space around a field is no part of it (RFC 9110 §5.5).
      const wanted = text === text.trim() ? ms : 1_000
      if (wanted === null) {
        expect(answer.status).toBe(400)
        expect(answer.json()).toMatchObject({ code: 3, details: [{ reason: 'TIMEOUT_INVALID' }] })
        expect(backend.requests).toEqual([])
        return
      }
      if (wanted >= SHORT) expect(answer.status, answer.text).toBe(200)
      else expect([200, 504]).toContain(answer.status)
      if (wanted === 0) expect(backend.requests).toEqual([])
      for (const request of backend.requests) expectAtMost(request['grpc-timeout'], wanted)
    })
    test('the shortest of several holds', async () => {
      const headers = { 'grpc-timeout': '50S', 'x-server-timeout': '20', 'connect-timeout-ms': '40000' }
      expect((await send(running.url, { path: '/item/a', headers })).status).toBe(200)
      expectAtMost(backend.requests[0]!['grpc-timeout'], 20_000)
    })
  })

  describe('what is forwarded', () => {
    tally.each(
      forwarded,
      ({ route, unit }) => `a route of ${route} ms, in ${unit}`,
      async ({ route, unit }) => {
        expect((await send(running.url, { method: 'POST', path: pathOf(route) })).status).toBe(200)
        expect(expectAtMost(backend.requests[0]!['grpc-timeout'], route).unit).toBe(unit)
      },
    )
  })

  describe('what is left when the body has come', () => {
    /** undefined: the call was over before it was forwarded. */
    const ask = async ({ client, route, arrived }: Remaining): Promise<string | null | undefined> => {
      backend.requests.length = 0
      const headers = {
        expect: '100-continue',
        'content-type': 'application/json',
        'content-length': '2',
        ...(client === null ? {} : { 'grpc-timeout': `${client}m` }),
      }
      const sent = begin(running.url, { method: 'POST', path: pathOf(route), headers, unended: true })
      // Now the gateway has the head: its clock runs.
      await once(sent.request, 'continue')
      const start = performance.now()
      while (performance.now() - start < arrived) await new Promise((resolve) => setTimeout(resolve, 1))
      sent.request.end('{}')
      const answer = await sent.answer
      if (backend.requests.length === 0) {
        expect(answer.status).toBe(504)
        expect(answer.json()).toMatchObject({ code: 4 })
        return undefined
      }
      expect([200, 504]).toContain(answer.status)
      return (backend.requests[0]!['grpc-timeout'] as string | undefined) ?? null
    }
    const title = ({ client, route, arrived, left }: Remaining) =>
      `client ${client}, route ${route}, body after ${arrived} → ${left}`
    tally.each(remaining, title, async (one) => {
      if (one.left === null) {
        expect(await ask(one)).toBeNull()
      } else if (one.left === 0) {
        expect(await ask(one)).toBeUndefined()
      } else {
        // On a busy machine the time may be over before the body is there: then nothing was forwarded, and it is tried again.
        let seen: string | null | undefined
        for (let i = 0; seen === undefined && i < 50; i++) seen = await ask(one)
        expectAtMost(seen, one.left)
      }
    })
  })

  describe('when it is over', () => {
    test('a unary call ends with 504, and the backend is told', async () => {
      next = { hang: true, body: Buffer.alloc(0) }
      const answer = await send(running.url, { path: '/item/a', headers: { 'grpc-timeout': '300m' } })
      expect(answer.status).toBe(504)
      expect(answer.json()).toMatchObject({ code: 4, details: [{ reason: 'DEADLINE_EXCEEDED' }] })
      await eventually(() => backend.resets.length === 1)
      expect(backend.resets).toEqual([CANCEL])
    })
    test('a stream tells it in its body', async () => {
      next = { hang: true, body: frame(item.encode({ text: 'a' })) }
      const answer = await send(running.url, { path: '/items/a', headers: { 'grpc-timeout': '1500m' } })
      expect(answer.status).toBe(200)
      const [first, last] = answer.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object)
      expect(first).toEqual({ text: 'a' })
      expect(last).toMatchObject({ error: { code: 4 } })
      await eventually(() => backend.resets.length === 1)
      expect(backend.resets).toEqual([CANCEL])
    })
  })
}
