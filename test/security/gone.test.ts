import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { begin, send } from '../support/http-client.ts'
import { RawClient } from '../support/raw-client.ts'
import { expectNothingInside, refusalOf, type Stage, socketRefusal, startStage } from '../support/sound.ts'
import { WsClient } from '../support/ws-client.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage({
    limits: { headTime: '400ms', bodyIdle: '400ms' },
    upstreams: {
      nobody: { endpoints: ['grpc://127.0.0.1:1'] },
      nowhere: { endpoints: ['grpc://no-such-host.invalid:50051'] },
      nobodyHttp: { endpoints: ['http://127.0.0.1:1'] },
      nobodyWs: { endpoints: ['ws://127.0.0.1:1'] },
    },
    routes: [
      { path: '/nobody', method: 'GET', rpc: 'test.v1.Backend/Say', to: 'nobody' },
      { path: '/nobody/watch', method: 'GET', rpc: 'test.v1.Backend/Watch', to: 'nobody' },
      { path: '/nobody/collect', method: 'POST', body: '*', rpc: 'test.v1.Backend/Collect', to: 'nobody' },
      { path: '/nobody/chat', method: 'POST', body: '*', rpc: 'test.v1.Backend/Chat', to: 'nobody' },
      { path: '/nowhere', method: 'GET', rpc: 'test.v1.Backend/Say', to: 'nowhere' },
      { path: '/proxied/*', to: 'nobodyHttp' },
      { path: '/proxied/*', ws: true, to: 'nobodyHttp' },
      { path: '/frames/*', ws: true, to: 'nobodyWs' },
    ],
  })
})
let before = 0
beforeEach(() => {
  before = stage.backend.calls.length
})
afterEach(() => stage.expectSound())
afterAll(() => stage.stop())

const calls = () => stage.backend.calls.slice(before).filter(({ orders }) => orders[0]?.text !== 'sound')
const STREAM = '/v1/watch/a?endless=true&wait_ms=5'
const GONE = { code: 14, reason: 'UPSTREAM_UNAVAILABLE' }
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
/** Reads an answer until `enough` of it is there; the rest goes on coming. */
const until = async (response: IncomingMessage, enough: RegExp): Promise<() => string> => {
  let text = ''
  await new Promise<void>((resolve, reject) => {
    response.on('data', (piece: Buffer) => {
      text += piece.toString()
      if (enough.test(text)) resolve()
    })
    response.on('error', () => {})
    response.on('close', () => reject(new Error(`closed after ${text}`)))
  })
  return () => text
}

describe('an upstream that is not reachable', () => {
  test.each(['/nobody', '/nobody/watch', '/nowhere', '/proxied/x'])('GET %s: 503', async (path) => {
    expect(refusalOf(await send(stage.url, { path }))).toMatchObject({ status: 503, ...GONE })
  })
  test.each(['/nobody/collect', '/nobody/chat'])('POST %s: 503', async (path) => {
    const headers = { 'content-type': 'application/x-ndjson' }
    const answer = await send(stage.url, { method: 'POST', path, headers, body: '{"text":"a"}\n' })
    expect(refusalOf(answer)).toMatchObject({ status: 503, ...GONE })
  })
  test.each(['/nobody', '/nobody/watch', '/nowhere', '/proxied/x', '/frames/x'])(
    'a WebSocket of %s: 503 in place of the 101',
    async (path) => {
      const { answer } = await WsClient.open(stage.port, { path })
      expect(answer.status).toBe(503)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 14 })
      expectNothingInside(answer.body)
    },
  )
  test('a WebSocket of a stream of the client: refused as well, or told in its last frame', async () => {
    const { client, answer } = await WsClient.open(stage.port, { path: '/nobody/chat' })
    if (answer.status === 503) expectNothingInside(answer.body)
    else expect(await socketRefusal(client)).toMatchObject({ status: 4503, ...GONE })
  })
  test('the log tells where and why', async () => {
    await send(stage.url, { path: '/nobody' })
    expect(stage.lines.findLast(({ path }) => path === '/nobody')).toMatchObject({
      address: 'grpc://127.0.0.1:1',
      reason: 'UPSTREAM_UNAVAILABLE',
      note: expect.stringContaining('ECONNREFUSED'),
    })
  })
})

describe('the backend goes under a call', () => {
  test('that waits for its answer: 503', async () => {
    for (const path of ['/v1/say/a?hang=true', '/v1/watch/a?hang=true']) {
      const { answer } = begin(stage.url, { path })
      await stage.backend.until(() => stage.backend.open === 1, 'the call')
      stage.relay.cut()
      expect(refusalOf(await answer)).toMatchObject({ status: 503, ...GONE })
    }
  })

  test('a stream of lines: the last line is the error, and the body ends well', async () => {
    const { head } = begin(stage.url, { path: STREAM, headers: { te: 'trailers' } })
    const response = await head
    const text = await until(response, /\n.*\n/)
    const closed = new Promise((resolve) => response.once('close', resolve))
    stage.relay.cut()
    await closed
    expect(response.complete).toBe(true)
    const last = text().trimEnd().split('\n').at(-1)!
    expectNothingInside(last)
    expect(JSON.parse(last)).toMatchObject({ error: { code: 14, details: [{ reason: GONE.reason }] } })
  })

  test('a stream of events: the event end tells it', async () => {
    const { head } = begin(stage.url, { path: STREAM, headers: { accept: 'text/event-stream' } })
    const response = await head
    const text = await until(response, /data:.*\n\ndata:/)
    const closed = new Promise((resolve) => response.once('close', resolve))
    stage.relay.cut()
    await closed
    expect(response.complete).toBe(true)
    const [, data] = /event: ?end\ndata: ?(.*)\n\n$/.exec(text())!
    expectNothingInside(data!)
    expect(JSON.parse(data!)).toMatchObject({ code: 14, details: [{ reason: GONE.reason }] })
  })

  test('an array: the body is cut, so that nobody takes it for whole', async () => {
    const { head } = begin(stage.url, { path: STREAM, headers: { accept: 'application/json' } })
    const response = await head
    const text = await until(response, /\},/)
    const closed = new Promise((resolve) => response.once('close', resolve))
    stage.relay.cut()
    await closed
    expect(response.complete).toBe(false)
    expect(() => JSON.parse(text())).toThrow()
  })

  test('an upload: 503', async () => {
    const headers = { 'content-type': 'application/x-ndjson' }
    const sent = begin(stage.url, {
      method: 'POST',
      path: '/v1/collect',
      headers,
      body: '{"text":"a"}\n',
      unended: true,
    })
    await stage.backend.until(() => calls().some(({ orders }) => orders.length === 1), 'the first order')
    stage.relay.cut()
    expect(refusalOf(await sent.answer)).toMatchObject({ status: 503, ...GONE })
    sent.request.destroy()
  })

  test.each(['/v1/chat', STREAM])('a WebSocket of %s: the last frame, then 4503', async (path) => {
    const { client } = await WsClient.open(stage.port, { path })
    if (path === '/v1/chat') client.text('{"text":"a"}')
    await client.until(1)
    stage.relay.cut()
    expect(await socketRefusal(client)).toMatchObject({ status: 4503, ...GONE })
  })
})

describe('the client goes', () => {
  const leave = { FIN: (client: RawClient) => client.destroy(), RST: (client: RawClient) => client.reset() }
  describe.each(['FIN', 'RST'] as const)('with %s', (how) => {
    test.each([
      ['a unary call', 'GET /v1/say/a?hang=true', '', false],
      ['lines', `GET ${STREAM}`, '', true],
      ['events', `GET ${STREAM}`, 'Accept: text/event-stream\r\n', true],
      ['an array', `GET ${STREAM}`, 'Accept: application/json\r\n', true],
      ['a silent stream', 'GET /v1/watch/a?hang=true', '', false],
    ])('in %s: the call is cancelled at the backend', async (_name, line, fields, answered) => {
      const client = await RawClient.open(stage.port)
      client.send(`${line} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`)
      if (answered) await client.until(/\r\n\r\n[\s\S]*"index"/)
      await stage.backend.until(() => stage.backend.open === 1, 'the call')
      leave[how](client)
      await stage.backend.until(() => calls().every(({ cancelled }) => cancelled), 'the cancel')
    })

    test('in an upload: the call is cancelled', async () => {
      const client = await RawClient.open(stage.port)
      const fields = 'Host: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\n'
      client.send(`POST /v1/collect HTTP/1.1\r\n${fields}\r\n{"text":"a"}\n{"te`)
      await stage.backend.until(() => calls().some(({ orders }) => orders.length === 1), 'the first order')
      leave[how](client)
      await stage.backend.until(() => calls().every(({ cancelled }) => cancelled), 'the cancel')
    })

    test.each([STREAM, '/v1/chat'])('in a WebSocket of %s: the call is cancelled', async (path) => {
      const { client } = await WsClient.open(stage.port, { path })
      if (path === '/v1/chat') client.text('{"text":"a"}')
      await client.until(1)
      if (how === 'RST') client.reset()
      else client.socket.destroy()
      await stage.backend.until(() => calls().every(({ cancelled }) => cancelled), 'the cancel')
    })

    test.each([
      ['its head', 'POST /v1/say HTTP/1.1\r\nHost: x\r\nContent-'],
      [
        'its body',
        'POST /v1/say HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"te',
      ],
      ['a chunk', 'POST /v1/say HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"text'],
      ['its size', 'POST /v1/say HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1'],
      ['an upgrade', `GET /v1/chat HTTP/1.1\r\nHost: x\r\n${UPGRADE}Sec-WebSocket-`],
    ])('within %s: nothing is called', async (_name, bytes) => {
      const client = await RawClient.open(stage.port)
      client.send(bytes)
      await new Promise((resolve) => setTimeout(resolve, 20))
      leave[how](client)
      await client.closed
      await stage.expectSound()
      expect(calls()).toEqual([])
    })
  })

  test('it closes its side behind a half-sent body, and still reads: 400', async () => {
    const client = await RawClient.open(stage.port)
    client.send('POST /v1/say HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"te')
    client.socket.end()
    expect((await client.answer()).status).toBe(400)
    await client.ended
    client.destroy()
    expect(calls()).toEqual([])
  })
})

describe('slow clients', () => {
  const slow = async (bytes: string): Promise<{ status: number; reason: string }> => {
    const client = await RawClient.open(stage.port)
    const answer = await client.send(bytes).answer()
    await client.ended
    client.destroy()
    return { status: answer.status, reason: JSON.parse(answer.body).details[0].reason }
  }
  test('a head that does not end: 408', async () => {
    expect(await slow('GET /v1/say/a HTTP/1.1\r\nHost: x\r\nX-A: ')).toEqual({ status: 408, reason: 'HEAD_TIMEOUT' })
  })
  test('a head of which a byte comes now and then: 408', async () => {
    const client = await RawClient.open(stage.port)
    client.send('GET /v1/say/a HTTP/1.1\r\nHost: x\r\nX-A: ')
    const timer = setInterval(() => client.send('a'), 30)
    const answer = await client.answer().finally(() => clearInterval(timer))
    expect(answer.status).toBe(408)
    client.destroy()
  })
  test('a body that does not end: 408', async () => {
    const head = 'POST /v1/say HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{"te'
    expect(await slow(head)).toEqual({ status: 408, reason: 'BODY_TIMEOUT' })
    expect(calls()).toEqual([])
  })
  test('an upload that stops: 408, and the call is cancelled', async () => {
    const fields = 'Host: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\n'
    expect(await slow(`POST /v1/collect HTTP/1.1\r\n${fields}\r\n{"text":"a"}\n`)).toEqual({
      status: 408,
      reason: 'BODY_TIMEOUT',
    })
    await stage.backend.until(() => calls().every(({ cancelled }) => cancelled), 'the cancel')
  })
})

describe('garbage on the port', () => {
  /** Bytes that look random and are the same each time. */
  const noise = (size: number, seed: number): Buffer => {
    const bytes = Buffer.alloc(size)
    let state = seed
    for (let i = 0; i < size; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      bytes[i] = state >>> 24
    }
    return bytes
  }
  const pour = (bytes: Buffer): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(stage.port, '127.0.0.1')
      let got = ''
      socket.on('data', (piece) => {
        got += piece.toString('latin1')
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve(got))
      socket.write(bytes)
    })

  test('1 MiB of it, eight times at once', async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((seed) => pour(noise(1024 * 1024, seed))))
    for (const answer of answers) {
      if (answer === '') continue
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expectNothingInside(answer)
    }
  })
  test('a TLS hello, a gRPC preface, a request of SMTP', async () => {
    const hello = Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), noise(200, 9)])
    for (const bytes of [hello, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from('EHLO x\r\n\r\n')]) {
      const answer = await pour(bytes)
      expect(answer).toMatch(/^HTTP\/1\.1 (400|505) /)
      expectNothingInside(answer)
    }
  })
  test('1 MiB of it behind a good request, and as the frames of a WebSocket', async () => {
    // Behind what cannot be read no answer can follow; the one before it may be lost with the connection.
    const behind = await pour(
      Buffer.concat([Buffer.from('GET /v1/say/a HTTP/1.1\r\nHost: x\r\n\r\n'), noise(1 << 20, 3)]),
    )
    if (behind !== '') expect(behind).toMatch(/^HTTP\/1\.1 (200|400) /)
    for (const seed of [4, 5, 6, 7]) {
      const { client } = await WsClient.open(stage.port, { path: '/v1/chat' })
      client.raw(noise(1 << 20, seed))
      const closed = await client.closed
      if (closed !== undefined) expect([1002, 1007, 1008, 1009]).toContain(closed.code)
    }
  })
  test('chunks that are none', async () => {
    const head =
      'POST /v1/collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n'
    const answer = await pour(Buffer.from(`${head}e\r\n{"text":"a"}\n\r\nzz\r\n`))
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    await stage.backend.until(() => calls().every(({ over }) => over), 'no open call')
  })
})

test('a thousand clients that go at once, each in another state', { timeout: 60_000 }, async () => {
  const states = [
    (client: RawClient) => client.send('GET /v1/say/a HTTP/1.1\r\nHo'),
    (client: RawClient) => client.send(`GET ${STREAM} HTTP/1.1\r\nHost: x\r\n\r\n`),
    (client: RawClient) => client.send('GET /v1/say/a?hang=true HTTP/1.1\r\nHost: x\r\n\r\n'),
    (client: RawClient) =>
      client.send(
        'POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 99\r\n\r\n{"text":"a"}\n',
      ),
    (client: RawClient) =>
      client.send(`GET /v1/chat HTTP/1.1\r\nHost: x\r\n${UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`),
  ]
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(stage.port)))
    for (const [i, client] of clients.entries()) states[i % states.length]!(client)
    for (let turns = 0; turns < round; turns++) await new Promise(setImmediate)
    for (const client of clients) client.reset()
  }
})
