import { createHash, randomBytes } from 'node:crypto'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { afterEach, describe, expect, test } from 'vitest'
import type { Exchange } from '../../src/core/exchange.ts'
import { Code, errors, makeStatus, OK } from '../../src/core/status.ts'
import { Source, unary } from '../../src/core/stream.ts'
import { httpBody, httpReply, opaque, proto, sentTo } from '../support/http-cases.ts'
import { type HttpServer, httpServer } from '../support/http-server.ts'
import { eventually } from '../support/listener.ts'
import { fakeReply } from '../support/loopback.ts'
import { RawClient } from '../support/raw-client.ts'

const servers: HttpServer[] = []
const serve = async (...parts: Parameters<typeof httpServer>): Promise<HttpServer> => {
  const server = await httpServer(...parts)
  servers.push(server)
  return server
}
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await eventually(() => server.ingress.snapshot.held === 0)
    await server.stop()
  }
})

const echo = (exchange: Exchange) => fakeReply(unary(proto(sentTo(exchange.request.unary!))))
/** A stream of `count` messages at the pace of its reader. */
const counting = (count: number, status = OK, make = (n: number) => proto({ n })) => {
  let n = 0
  const source: Source = new Source({
    resume() {
      while (n < count) if (!source.push(make(++n))) return
      source.end(status)
    },
    cancel() {},
  })
  if (count === 0) source.end(status)
  else if (source.push(make(++n))) throw new Error('somebody reads already')
  return source
}

describe('unary', () => {
  test('GET, POST, PUT and HEAD with an ordinary client on one connection', async () => {
    const { url, listener } = await serve({ 'Notes/Get': echo, 'Notes/Save': echo })
    const get = await fetch(`${url}/v1/notes/a%20b?n=2`)
    expect(get.status).toBe(200)
    expect(await get.json()).toEqual({ id: 'a b', n: 2 })
    const post = await fetch(`${url}/v1/notes`, {
      method: 'POST',
      body: '{"text":"\u00fc"}',
      headers: { 'content-type': 'application/json' },
    })
    expect(await post.json()).toEqual({ text: '\u00fc' })
    const head = await fetch(`${url}/v1/notes/x`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
    const refused = await fetch(`${url}/v1/notes`, {
      method: 'POST',
      body: '{"text":1}',
      headers: { 'content-type': 'application/json' },
    })
    expect([refused.status, ((await refused.json()) as { code: number }).code]).toEqual([400, 3])
    expect(listener.connections).toBeLessThanOrEqual(2)
  })

  test('a body larger than one packet, and one that is refused while it is sent', async () => {
    const { url } = await serve(
      { 'Notes/Save': (exchange) => fakeReply(unary(proto({ n: exchange.request.unary!.bytes.length }))) },
      { settings: { maxBodyBytes: 1_000_000 } },
    )
    const post = (text: string) =>
      fetch(`${url}/v1/notes`, { method: 'POST', body: text, headers: { 'content-type': 'application/json' } })
    expect(await (await post('x'.repeat(1_000_000))).json()).toEqual({ n: 1_000_000 })
    const large = await post('x'.repeat(1_000_001))
    expect([large.status, ((await large.json()) as { code: number }).code]).toEqual([413, 8])
  })

  test('an upload without a length is stopped at the limit and answered', async () => {
    const { port } = await serve({ 'Notes/Save': echo }, { settings: { maxBodyBytes: 100_000 } })
    const client = await RawClient.open(port)
    client.send('POST /v1/notes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    for (let i = 0; i < 100; i++) client.send(chunk)
    const answer = await client.answer()
    expect(answer.status).toBe(413)
    expect(answer.headers.get('connection')).toBe('close')
    client.destroy()
  })

  test('pipelined requests are answered in their order, whoever is done first', async () => {
    const { port } = await serve({
      'Notes/Get': async (exchange) => {
        const { id } = sentTo(exchange.request.unary!) as { id: string }
        await new Promise((resolve) => setTimeout(resolve, id === '1' ? 40 : 1))
        return fakeReply(unary(proto({ id })))
      },
    })
    const client = await RawClient.open(port)
    for (const id of [1, 2, 3]) client.send(`GET /v1/notes/${id} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const answers = [await client.answer(), await client.answer(), await client.answer()]
    expect(answers.map(({ body }) => body)).toEqual(['{"id":"1"}', '{"id":"2"}', '{"id":"3"}'])
    client.destroy()
  })

  test('a client that goes away in its body, or before the answer, cancels and leaves nothing', async () => {
    const cancelled: number[] = []
    const { port, listener, ingress } = await serve({
      'Notes/Save': (exchange) => {
        exchange.onEnd(({ code }) => cancelled.push(code))
        return new Promise(() => {})
      },
    })
    for (let i = 0; i < 20; i++) {
      const client = await RawClient.open(port)
      const whole = i % 2 === 0
      client.send(`POST /v1/notes HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n${whole ? '{}  ' : '{}'}`)
      await eventually(() => ingress.snapshot.held === 1)
      if (whole) await eventually(() => ingress.snapshot.held === 1 && cancelled.length === Math.floor(i / 2))
      if (i % 4 < 2) client.reset()
      else client.destroy()
      await eventually(() => ingress.snapshot.held === 0)
    }
    expect(cancelled).toEqual(Array(10).fill(Code.CANCELLED))
    await eventually(() => listener.connections === 0)
  })
})

describe('streams', () => {
  test('NDJSON: each line as it comes', async () => {
    const source = new Source({ resume() {}, cancel() {} })
    const { url } = await serve({ 'Notes/Watch': () => fakeReply(source) })
    source.push(proto({ n: 1 }))
    const response = await fetch(`${url}/v1/notes/a:watch`)
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    for (let n = 1; n <= 3; n++) {
      expect((await reader.read()).value).toBe(`{"n":${n}}\n`)
      if (n < 3) source.push(proto({ n: n + 1 }))
    }
    source.end(OK)
    expect((await reader.read()).done).toBe(true)
  })

  test('array: parsed whole; a late failure is a broken body', async () => {
    let status = OK
    const { url } = await serve(
      { 'Notes/Watch': () => fakeReply(counting(1000, status)) },
      { settings: { stream: 'array' } },
    )
    const whole = (await (await fetch(`${url}/v1/notes/a:watch`)).json()) as { n: number }[]
    expect(whole.map(({ n }) => n)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1))
    status = makeStatus(Code.UNAVAILABLE, 'gone')
    const cut = await fetch(`${url}/v1/notes/a:watch`)
    expect(cut.status).toBe(200)
    await expect(cut.text()).rejects.toThrow()
  })

  test('events, read by a parser of its own', async () => {
    const { url } = await serve({ 'Notes/Watch': () => fakeReply(counting(3)) })
    const response = await fetch(`${url}/v1/notes/a:watch`, { headers: { accept: 'text/event-stream' } })
    const events: EventSourceMessage[] = []
    const parser = createParser({ onEvent: (event) => void events.push(event) })
    parser.feed(await response.text())
    expect(events.map(({ event, data, id }) => ({ event, data: JSON.parse(data) as unknown, id }))).toEqual([
      { event: undefined, data: { n: 1 }, id: undefined },
      { event: undefined, data: { n: 2 }, id: undefined },
      { event: undefined, data: { n: 3 }, id: undefined },
      { event: 'end', data: { code: 0, message: '', details: [] }, id: 'end' },
    ])
  })

  test('HTTP/1.0: the connection ends the body, and a reset tells of a failure', async () => {
    let status = OK
    const { port } = await serve(
      { 'Notes/Watch': () => fakeReply(counting(2, status)) },
      { settings: { stream: 'array' } },
    )
    const ask = async (): Promise<RawClient> =>
      (await RawClient.open(port)).send('GET /v1/notes/a:watch HTTP/1.0\r\n\r\n')
    const good = await ask()
    expect((await good.answer()).body).toBe('[{"n":1},{"n":2}]')
    good.destroy()
    status = makeStatus(Code.INTERNAL, 'broke')
    const bad = await ask()
    const reset = new Promise<string>((resolve) =>
      bad.socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')),
    )
    expect(await reset).toBe('ECONNRESET')
  })

  test('a request stream and its replies interleave', async () => {
    const { port } = await serve({
      'Notes/Chat': (exchange) => {
        const source = new Source({ resume() {}, cancel() {} })
        exchange.request.pipe({
          message(message) {
            source.push(proto({ n: (sentTo(message) as { n: number }).n * 10 }))
            return true
          },
          end: (status) => source.end(status),
        })
        return fakeReply(source)
      },
    })
    const client = await RawClient.open(port)
    client.send(
      'POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    for (const n of [1, 2, 3]) {
      client.send(`8\r\n{"n":${n}}\n\r\n`)
      await client.until(new RegExp(`"n":${n}0`))
    }
    client.send('0\r\n\r\n')
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"n":10}\n{"n":20}\n{"n":30}\n', complete: true })
    client.destroy()
  })

  test('50 clients that vanish in the middle leave nothing', async () => {
    const sources: Source[] = []
    const large = proto({ text: 'x'.repeat(100_000) })
    const { port, listener, ingress } = await serve({
      'Notes/Watch': () => {
        const source = counting(1_000_000, OK, () => large)
        sources.push(source)
        return fakeReply(source)
      },
    })
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(port)))
    for (const client of clients) client.socket.pause()
    for (const client of clients) client.send('GET /v1/notes/a:watch HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => ingress.snapshot.held === 50)
    for (const client of clients) client.reset()
    await eventually(() => ingress.snapshot.held === 0 && listener.connections === 0)
    expect(sources.every(({ over }) => over)).toBe(true)
  })
})

describe('bodies', () => {
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

  test('google.api.HttpBody both ways keeps every byte', async () => {
    const bytes = randomBytes(5_000_000)
    const { url } = await serve(
      {
        'Files/UploadStream': (exchange) =>
          new Promise((resolve) => {
            const hash = createHash('sha256')
            exchange.request.pipe({
              message(message) {
                const { content } = sentTo(message) as { content?: { data?: string } }
                hash.update(Buffer.from(content?.data ?? '', 'base64'))
                return true
              },
              end: () => resolve(fakeReply(unary(proto({ text: hash.digest('hex') })))),
            })
          }),
        'Files/DownloadStream': () => {
          const size = 40_000
          return fakeReply(
            counting(Math.ceil(bytes.length / size), OK, (n) =>
              httpBody(bytes.subarray((n - 1) * size, n * size), 'x/y'),
            ),
          )
        },
      },
      { settings: { maxBodyBytes: Number.POSITIVE_INFINITY } },
    )
    const up = await fetch(`${url}/v1/files/a`, { method: 'POST', body: bytes })
    expect(((await up.json()) as { text: string }).text).toBe(digest(bytes))
    const down = await fetch(`${url}/v1/streams/a`)
    expect(down.headers.get('content-type')).toBe('x/y')
    expect(digest(await down.bytes())).toBe(digest(bytes))
  })

  test('plain HTTP both ways', async () => {
    const { url } = await serve({
      '/proxy/*': (exchange) => {
        const source = new Source({ resume: () => flow.resume(), cancel() {} })
        const flow = exchange.request.pipe({
          message: ({ bytes }) => source.push(opaque(bytes)),
          end: (status) => source.end(status),
        })
        return httpReply(source, 201, ['x-method', exchange.head.method])
      },
    })
    const bytes = randomBytes(3_000_000)
    const response = await fetch(`${url}/proxy/a`, { method: 'PUT', body: bytes })
    expect([response.status, response.headers.get('x-method')]).toEqual([201, 'PUT'])
    expect(digest(await response.bytes())).toBe(digest(bytes))
  })

  test('100-continue is sent when the policies let the call pass, and not when they refuse it', async () => {
    const { port } = await serve({
      '/open/*': (exchange) =>
        new Promise((resolve) => {
          exchange.request.pipe({ message: () => true, end: () => resolve(httpReply(unary(opaque('ok')))) })
        }),
      '/closed/*': () => {
        throw errors.permissionDenied('no')
      },
    })
    const ask = async (path: string): Promise<RawClient> =>
      (await RawClient.open(port)).send(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`,
      )
    const open = await ask('/open/a')
    expect((await open.answer()).status).toBe(100)
    expect((await open.send('abc').answer()).body).toBe('ok')
    const closed = await ask('/closed/a')
    expect((await closed.answer()).status).toBe(403)
    for (const client of [open, closed]) client.destroy()
  })
})
