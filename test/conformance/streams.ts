import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { begin, send } from '../support/http-client.ts'
import { eventually } from '../support/listener.ts'
import { type ScriptedBackend, startScriptedBackend } from '../support/scripted-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'
import { CONFORMANCE_PATHS, CONFORMANCE_PROTO, httpBody, item } from './proto.ts'

interface Cell extends Marked {
  readonly format: 'array' | 'ndjson' | 'sse' | 'http-body'
  readonly accept?: string
  readonly k: number
  readonly end: number
  readonly http: number
  readonly type: string | null
  readonly body: string
  readonly cut?: boolean
}
interface Negotiation extends Marked {
  readonly accept: string | null
  readonly type?: string
  readonly http?: number
}
interface RequestBody extends Marked {
  readonly type: string | null
  readonly body: string
  readonly want?: readonly string[]
  readonly http?: number
}

const TEXTS = ['a', 'b', 'c']
/** Longer than a quiet stream is held (SEMANTICS §13.2). */
const HELD = 1_300
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** SEMANTICS §13 and §19 "Streams over HTTP". */
export const streams = (tally: Tally): void => {
  const vectors = readVectors<{ cells: Cell[]; negotiation: Negotiation[]; requests: RequestBody[] }>('streams.json')
  let backend: ScriptedBackend
  let running: RunningGateway

  beforeAll(async () => {
    backend = await startScriptedBackend(CONFORMANCE_PATHS)
    const list = { rpc: 'conf.Items/List', method: 'GET', to: 'conf' }
    running = await startGateway({
      schemas: [CONFORMANCE_PROTO],
      upstreams: { conf: { endpoints: [backend.address] } },
      routes: [
        { service: '*' },
        { ...list, path: '/arrays/{text}', stream: 'array' },
        { ...list, path: '/events/{text}', stream: 'sse' },
        { ...list, path: '/enveloped/{text}', compat: { streamEnvelope: true } },
        { ...list, path: '/trailing/{text}', forward: { response: ['x-rows'] } },
      ],
    })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
  })
  beforeEach(() => backend.reset())

  /** The next calls send the first `k` texts and end. */
  const sends = (k: number, end = 0, raw = false): void => {
    backend.script = async (call) => {
      await call.all
      for (const [i, text] of TEXTS.slice(0, k).entries()) {
        const data = Buffer.from(text)
        call.send(
          raw ? httpBody.encode({ data, ...(i === 0 ? { content_type: 'text/plain' } : {}) }) : item.encode({ text }),
        )
      }
      call.end(end, end === 0 ? '' : 'broken')
    }
  }

  describe('every format, number of messages and end', () => {
    const title = ({ format, k, end }: Cell) => `${format}, ${k} messages, then ${end === 0 ? 'OK' : `code ${end}`}`
    tally.each(vectors.cells, title, async (cell) => {
      const raw = cell.format === 'http-body'
      sends(cell.k, cell.end, raw)
      const headers = cell.accept === undefined ? {} : { accept: cell.accept }
      const answer = await send(running.url, { path: raw ? '/bodies/x' : '/items/x', headers })
      expect(answer.status).toBe(cell.http)
      expect(answer.headers['content-type'] ?? null).toBe(cell.type)
      expect(answer.text).toBe(cell.body)
      expect(answer.complete).toBe(cell.cut !== true)
      expect(backend.calls.length).toBe(1)
    })
    test('a stream of random bytes comes out as it went in', async () => {
      const pieces = Array.from({ length: 40 }, (_, i) =>
        Buffer.from(crypto.getRandomValues(new Uint8Array(i * 1_000))),
      )
      backend.script = async (call) => {
        await call.all
        for (const data of pieces) if (!call.send(httpBody.encode({ data }))) await call.drained()
        call.end()
      }
      const answer = await send(running.url, { path: '/bodies/x' })
      expect(answer.complete).toBe(true)
      const digest = (bytes: Uint8Array) => crypto.subtle.digest('SHA-256', Buffer.from(bytes))
      expect(Buffer.from(await digest(answer.body))).toEqual(Buffer.from(await digest(Buffer.concat(pieces))))
    })
  })

  describe('negotiation', () => {
    const title = ({ accept, type, http }: Negotiation) => `Accept: ${accept} → ${type ?? http}`
    tally.each(vectors.negotiation, title, async ({ accept, type, http }) => {
      sends(1)
      const answer = await send(running.url, { path: '/items/x', headers: accept === null ? {} : { accept } })
      expect(answer.status).toBe(http ?? 200)
      expect(backend.calls.length).toBe(http === undefined ? 1 : 0)
      if (type !== undefined) expect(answer.headers['content-type']).toBe(type)
    })
    test("without an Accept that decides, the route's format", async () => {
      sends(1)
      for (const headers of [{}, { accept: '*/*' }]) {
        expect((await send(running.url, { path: '/arrays/x', headers })).text).toBe('[{"text":"a"}]')
        expect((await send(running.url, { path: '/events/x', headers })).text).toContain('data: {"text":"a"}\n\n')
      }
    })
  })

  describe('shapes of the body', () => {
    test('response_body holds for each message', async () => {
      sends(2)
      expect((await send(running.url, { path: '/texts/x' })).text).toBe('"a"\n"b"\n')
    })
    test('lines in an envelope', async () => {
      sends(2, 13)
      expect((await send(running.url, { path: '/enveloped/x' })).text).toBe(
        '{"result":{"text":"a"}}\n{"result":{"text":"b"}}\n{"error":{"code":13,"message":"broken","details":[]}}\n',
      )
    })
    test.each([
      [0, '0', ''],
      [13, '13', 'broken'],
    ])('the end in trailers for who asks for them: %i', async (end, status, message) => {
      sends(1, end)
      const answer = await send(running.url, { path: '/items/x', headers: { te: 'trailers' } })
      expect(answer.trailers).toMatchObject({ 'grpc-status': status, 'grpc-message': message })
      const without = await send(running.url, { path: '/items/x' })
      expect(without.trailers).toEqual({})
    })
    test('an EventSource that comes back after the end is told to stop', async () => {
      sends(1)
      const headers = { accept: 'text/event-stream', 'last-event-id': 'end' }
      const answer = await send(running.url, { path: '/items/x', headers })
      expect(answer.status).toBe(204)
      expect(answer.body.length).toBe(0)
      expect(backend.calls.length).toBe(0)
    })
  })

  describe('the head is held', () => {
    /** The next call says nothing until it is let go. */
    const held = (): { readonly go: () => void } => {
      const { promise, resolve } = Promise.withResolvers<void>()
      backend.script = async (call) => {
        await call.all
        call.head()
        await promise
        call.send(
          call.path === '/conf.Items/List' ? item.encode({ text: 'a' }) : httpBody.encode({ data: Buffer.from('a') }),
        )
        call.end()
      }
      return { go: resolve }
    }
    test.each([
      ['application/x-ndjson', '', '{"text":"a"}\n'],
      ['application/json', '', '[{"text":"a"}]'],
      ['text/event-stream', ':\n\n', 'data: {"text":"a"}\n\n'],
    ])('a quiet stream opens all the same: %s', async (accept, opening, rest) => {
      const { go } = held()
      const sent = begin(running.url, { path: '/items/x', headers: { accept } })
      const head = await sent.head
      expect(head.statusCode).toBe(200)
      expect(head.headers['content-type']).toBe(accept)
      if (opening !== '') expect(String((await once(head, 'data'))[0])).toBe(opening)
      go()
      expect((await sent.answer).text.startsWith(opening + rest)).toBe(true)
    })
    test('raw bodies wait for their first message, which has their type', async () => {
      const { go } = held()
      const sent = begin(running.url, { path: '/bodies/x' })
      let opened = false
      void sent.head.then(() => {
        opened = true
      })
      await eventually(() => backend.calls.length === 1)
      await sleep(HELD)
      expect(opened).toBe(false)
      go()
      expect((await sent.answer).text).toBe('a')
    })
    test('a failure while it is held is an error answer', async () => {
      backend.script = async (call) => {
        await call.all
        call.head()
        await sleep(50)
        call.end(5, 'gone')
      }
      const answer = await send(running.url, { path: '/items/x', headers: { accept: 'text/event-stream' } })
      expect(answer.status).toBe(404)
      expect(answer.json()).toEqual({ code: 5, message: 'gone', details: [] })
    })
    test('a failure afterwards is told in the body', async () => {
      backend.script = async (call) => {
        await call.all
        call.head()
        await sleep(HELD)
        call.end(5, 'gone')
      }
      const answer = await send(running.url, { path: '/items/x' })
      expect(answer.status).toBe(200)
      expect(answer.text).toBe('{"error":{"code":5,"message":"gone","details":[]}}\n')
    })
    test('each message is there before the next one', async () => {
      const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      backend.script = async (call) => {
        await call.all
        for (const [i, { promise }] of steps.entries()) {
          call.send(item.encode({ text: TEXTS[i]! }))
          await promise
        }
        call.end()
      }
      for (const [accept, texts] of [
        ['application/x-ndjson', ['{"text":"a"}\n', '{"text":"b"}\n']],
        ['application/json', ['[{"text":"a"}', ',{"text":"b"}']],
      ] as const) {
        steps[0] = Promise.withResolvers()
        steps[1] = Promise.withResolvers()
        const head = await begin(running.url, { path: '/items/x', headers: { accept } }).head
        let text = ''
        head.on('data', (bytes) => {
          text += String(bytes)
        })
        await eventually(() => text === texts[0])
        steps[0].resolve()
        await eventually(() => text === texts.join(''))
        steps[1].resolve()
        await once(head, 'end')
      }
    })
  })

  describe('streams of the client', () => {
    const collects = (): void => {
      backend.script = async (call) => {
        const texts = (await call.all).map((bytes) => item.decode(bytes).text ?? '')
        call.send(item.encode({ text: texts.join(), n: texts.length }))
        call.end()
      }
    }
    const title = ({ type, body, want, http }: RequestBody) => `${type}: ${JSON.stringify(body)} → ${want ?? http}`
    tally.each(vectors.requests, title, async ({ type, body, want, http = 200 }) => {
      collects()
      const { authorization, mine } = backend.tag()
      const headers = { authorization, ...(type === null ? {} : { 'content-type': type }) }
      const answer = await send(running.url, { method: 'POST', path: '/collect', headers, body })
      expect(answer.status, answer.text).toBe(http)
      if (want === undefined) {
        // Whatever was sent before, the backend does not take it for the whole.
        await eventually(() => mine().every(({ cancelled }) => cancelled))
        if (http === 415) expect(mine()).toEqual([])
        return
      }
      expect(mine()[0]!.messages.map((bytes) => item.decode(bytes).text ?? '')).toEqual(want)
      expect(answer.json()).toEqual(want.length === 0 ? {} : { text: want.join(), n: want.length })
    })
    test.each([
      ['application/x-ndjson', ['{"text":"a"}\n', '{"text":"b"}\n', '']],
      ['application/json', ['[{"text":"a"}', ',{"text":"b"}', ']']],
    ])('is read while it arrives: %s', async (type, [first, second, end]) => {
      collects()
      const { authorization, mine } = backend.tag()
      const headers = { authorization, 'content-type': type, 'transfer-encoding': 'chunked' }
      const sent = begin(running.url, { method: 'POST', path: '/collect', headers, unended: true })
      sent.request.write(first)
      await eventually(() => mine()[0]?.messages.length === 1)
      sent.request.write(second)
      await eventually(() => mine()[0]?.messages.length === 2)
      sent.request.end(end)
      expect((await sent.answer).json()).toEqual({ text: 'a,b', n: 2 })
    })
    test('bidi: answers come in the format of Accept, after the request on HTTP/1.1', async () => {
      backend.script = async (call) => {
        call.onMessage((bytes) => call.send(bytes))
        await call.all
        call.end()
      }
      const headers = { 'content-type': 'application/x-ndjson', accept: 'application/json' }
      const body = '{"text":"a"}\n{"text":"b"}\n'
      const answer = await send(running.url, { method: 'POST', path: '/chat', headers, body })
      expect(answer.text).toBe('[{"text":"a"},{"text":"b"}]')
    })
  })
}
