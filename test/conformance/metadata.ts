import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { type Answer, send } from '../support/http-client.ts'
import { RawClient } from '../support/raw-client.ts'
import { frame, type RawAnswer, type RawBackend, startRawHttp2 } from '../support/raw-http2-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'
import { WsClient } from '../support/ws-client.ts'
import { CONFORMANCE_PROTO, item } from './proto.ts'

type Fields = Readonly<Record<string, string>>
interface RequestCase extends Marked {
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly listed?: boolean
  readonly seen?: Fields
  readonly unseen?: readonly string[]
  readonly other?: readonly string[]
  readonly http?: number
  readonly reason?: string
  readonly why?: string
}
interface ResponseCase extends Marked {
  readonly headers: Fields
  readonly listed?: boolean
  readonly want?: Fields
  readonly without?: readonly string[]
}
interface TrailerCase extends Marked {
  readonly surface: 'unary' | 'ndjson' | 'sse' | 'ws'
  readonly te?: boolean
  readonly code?: number
  readonly trailers: Fields
  readonly headers?: Fields
  readonly without?: readonly string[]
  /** Trailers of HTTP. */
  readonly real?: Fields
  /** `trailers` of the status in the last record. */
  readonly record?: Fields
}
interface StatusJson {
  readonly code: number
  readonly trailers?: Fields
}

const MESSAGE = frame(item.encode({ n: 1 }))
const HOST = 'gateway.test'

/** SEMANTICS §8: which headers pass, in both directions, and where trailers go. */
export const metadata = (tally: Tally): void => {
  const vectors = readVectors<{ request: RequestCase[]; response: ResponseCase[]; trailers: TrailerCase[] }>(
    'metadata.json',
  )
  const names = vectors.request.flatMap(({ headers }) => Object.keys(headers))
  let backend: RawBackend
  let running: RunningGateway
  let next: RawAnswer

  beforeAll(async () => {
    backend = await startRawHttp2(() => next)
    const response = ['x-rows', 'data-bin', 'grpc-secret', 'grpc-accept-encoding', 'content-type']
    running = await startGateway({
      schemas: [CONFORMANCE_PROTO],
      upstreams: { raw: { endpoints: [backend.address] } },
      routes: [
        { service: '*' },
        {
          path: '/listed',
          rpc: 'conf.Items/Get',
          to: 'raw',
          method: 'GET',
          forward: { request: [...new Set(names), 'host', 'content-length'], response },
        },
        { path: '/stream', rpc: 'conf.Items/List', to: 'raw', method: 'GET', forward: { response } },
      ],
    })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
  })
  beforeEach(() => {
    next = { body: MESSAGE, trailers: { 'grpc-status': '0' } }
    backend.requests.length = 0
  })
  const pathOf = (listed: boolean | undefined): string => (listed === true ? '/listed' : '/item/a')

  describe('headers of a request', () => {
    const title = ({ headers, listed, why }: RequestCase) =>
      `${JSON.stringify(headers)}${listed === true ? ', listed' : ''}${why === undefined ? '' : `: ${why}`}`
    tally.each(vectors.request, title, async (one) => {
      const answer = await send(running.url, { path: pathOf(one.listed), headers: { host: HOST, ...one.headers } })
      expect(answer.status, answer.text).toBe(one.http ?? 200)
      if (one.http !== undefined) {
        expect(answer.json()).toMatchObject({ details: [{ reason: one.reason }] })
        expect(backend.requests).toEqual([])
        return
      }
      const [got] = backend.requests
      for (const [name, value] of Object.entries(one.seen ?? {})) {
        expect([got![name]].flat().join(', '), name).toBe(value)
      }
      for (const name of one.unseen ?? []) expect(got, name).not.toHaveProperty([name])
      for (const name of one.other ?? []) {
        expect(got![name], name).toMatch(/./)
        expect(got![name], name).not.toBe(one.headers[name])
      }
    })
  })

  describe('headers of an answer', () => {
    const title = ({ headers, listed }: ResponseCase) =>
      `${JSON.stringify(headers)}${listed === true ? ', listed' : ''}`
    tally.each(vectors.response, title, async ({ headers, listed, want = {}, without = [] }) => {
      next = { ...next, headers }
      const answer = await send(running.url, { path: pathOf(listed) })
      expect(answer.status).toBe(200)
      expect(answer.headers).toMatchObject(want)
      for (const name of without) expect(answer.headers).not.toHaveProperty([name])
    })
    test('each has the id of its call', async () => {
      const ids = new Set<unknown>()
      for (const path of ['/item/a', '/item/a', '/nowhere'])
        ids.add((await send(running.url, { path })).headers['x-request-id'])
      expect(ids.size).toBe(3)
      expect(ids).not.toContain(undefined)
    })
  })

  describe('trailers', () => {
    const title = ({ surface, te, code = 0, trailers }: TrailerCase) =>
      `${surface}, ${te === true ? 'te: trailers, ' : ''}code ${code}: ${JSON.stringify(trailers)}`
    tally.each(vectors.trailers, title, async (one) => {
      const { surface, te, code = 0, trailers, headers = {}, without = [], real, record } = one
      const end = { 'grpc-status': String(code), ...(code === 0 ? {} : { 'grpc-message': 'told' }) }
      next = { body: MESSAGE, trailers: { ...trailers, ...end } }
      if (surface === 'ws') {
        const { client } = await WsClient.open(Number(new URL(running.url).port), { path: '/stream' })
        await client.closed
        expect(client.result.status).toMatchObject({ code, trailers: record })
        expect(Object.keys(client.result.status!.trailers)).toEqual(Object.keys(record!))
        return
      }
      const answer = await send(running.url, {
        path: surface === 'unary' ? '/listed' : '/stream',
        headers: {
          ...(te === true ? { te: 'trailers' } : {}),
          ...(surface === 'sse' ? { accept: 'text/event-stream' } : {}),
        },
      })
      expect(answer.complete).toBe(true)
      expect(answer.headers).toMatchObject(headers)
      for (const name of without) expect(answer.headers).not.toHaveProperty([name])
      expect(answer.trailers).toEqual(real ?? {})
      // Those of a stream are not known when its head goes out.
      if (surface === 'unary' && real !== undefined) expect(answer.headers.trailer).toBe(Object.keys(real).join(', '))
      if (record !== undefined) expect(lastStatus(answer)).toMatchObject({ code, trailers: record })
    })
    test('HTTP/1.0 has no place for them', async () => {
      next = { body: MESSAGE, trailers: { 'x-rows': '3', 'grpc-status': '0' } }
      const client = await RawClient.open(Number(new URL(running.url).port))
      client.send('GET /listed HTTP/1.0\r\nTE: trailers\r\n\r\n')
      const answer = await client.answer()
      client.destroy()
      expect(answer.status).toBe(200)
      expect(answer.headers.get('grpc-trailer-x-rows')).toBe('3')
      expect(answer.trailers.size).toBe(0)
    })
  })
}

/** The status in the last line or event. */
const lastStatus = ({ text }: Answer): StatusJson => {
  const last = JSON.parse(text.trimEnd().split('\n').at(-1)!.replace('data: ', '')) as StatusJson & {
    error?: StatusJson
  }
  return last.error ?? last
}
