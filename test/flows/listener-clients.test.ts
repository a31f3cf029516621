import { afterEach, describe, expect, test } from 'vitest'
import type { BodySink, HttpRequest, HttpResponse } from '../../src/core/http.ts'
import type { HttpListenerOptions } from '../../src/listener/listener.ts'
import { eventually, type TestListener, testListener } from '../support/listener.ts'
import { RawClient } from '../support/raw-client.ts'

type Handle = (request: HttpRequest, response: HttpResponse) => void
const open: { stop(): Promise<void> }[] = []
const clients: RawClient[] = []
const serve = async (handle: Handle, options?: Partial<HttpListenerOptions>): Promise<TestListener> => {
  const made = await testListener((listener) => listener.onRequest(() => true, handle), options)
  open.push(made.listener)
  return made
}
const dial = async (port: number): Promise<RawClient> => {
  const client = await RawClient.open(port)
  clients.push(client)
  return client
}
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await Promise.all(open.splice(0).map((listener) => listener.stop()))
})

const bytes = (text: string): Buffer => Buffer.from(text)
const get = (path = '/', headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
const sinkOf = (parts: Partial<BodySink> = {}): BodySink => ({ chunk: () => true, end() {}, lost() {}, ...parts })
/** Reads the whole body as text. */
const whole = (request: HttpRequest, done: (text: string, trailers: readonly string[]) => void): void => {
  const parts: Uint8Array[] = []
  request.read(
    sinkOf({
      chunk(part) {
        parts.push(part)
        return true
      },
      end: (trailers) => done(Buffer.concat(parts).toString(), trailers),
    }),
  )
}
const json = (body: string): { code: number; message: string; details: { reason: string; domain: string }[] } =>
  JSON.parse(body)

describe('bodies that nobody reads', () => {
  const post = (length: number, body: string, extra = ''): string =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${extra}\r\n${body}`

  test('a short one is thrown away and the connection lives', async () => {
    const { port } = await serve((_request, response) => response.reply(404, [], bytes('no')))
    const client = await dial(port)
    const first = await client.send(post(5, 'hello')).answer()
    expect(first.headers.get('connection')).toBe('keep-alive')
    expect((await client.send(post(2, 'ok')).answer()).status).toBe(404)
  })

  test('a long one ends the connection, and the answer arrives although the client still sends', async () => {
    const { port } = await serve((_request, response) => response.reply(413, [], bytes('too large')))
    const client = await dial(port)
    client.send(post(50_000_000, 'x'.repeat(1_000_000)))
    const answer = await client.answer()
    expect(answer).toMatchObject({ status: 413, body: 'too large' })
    expect(answer.headers.get('connection')).toBe('close')
    client.send('x'.repeat(1_000_000))
    await client.ended
  })

  test('a request behind an answer that ends the connection is not served', async () => {
    let calls = 0
    const { port } = await serve((_request, response) => {
      calls++
      response.reply(404, [], bytes('no'))
    })
    const client = await dial(port)
    const chunked = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
    client.send(chunked + get())
    expect((await client.answer()).headers.get('connection')).toBe('close')
    await client.ended
    expect({ calls, received: client.received }).toEqual({ calls: 1, received: '' })
  })

  test('a body that its reader stopped ends the connection too', async () => {
    const { port } = await serve((request, response) => {
      request.read(
        sinkOf({
          chunk() {
            response.reply(413, [], bytes('stop'))
            return false
          },
        }),
      )
    })
    const client = await dial(port)
    client.send(post(50_000_000, 'x'.repeat(300_000)))
    expect(await client.answer()).toMatchObject({ status: 413, body: 'stop' })
    client.send('x'.repeat(300_000)).socket.end()
    await client.closed
  })

  test('100-continue is sent when somebody reads, and only then', async () => {
    const { port } = await serve((request, response) => {
      if (request.head.headers.get('x-refuse') === null || request.head.headers.get('x-refuse') === undefined)
        whole(request, (text) => response.reply(200, [], bytes(text)))
      else response.reply(401, [], bytes('no'))
    })
    const reader = await dial(port)
    expect((await reader.send(post(3, '', 'Expect: 100-continue\r\n')).answer()).status).toBe(100)
    expect((await reader.send('abc').answer()).body).toBe('abc')
    const refused = await dial(port)
    const answer = await refused.send(post(3, '', 'Expect: 100-continue\r\nX-Refuse: 1\r\n')).answer()
    expect(answer.status).toBe(401)
    expect(answer.headers.get('connection')).toBe('close')
  })

  test('another expectation is refused', async () => {
    const { port } = await serve((_request, response) => response.reply(200, [], bytes('')))
    const answer = await (await dial(port)).send(get('/', 'Expect: a-cookie\r\n')).answer()
    expect(answer.status).toBe(417)
    expect(json(answer.body).details[0]?.reason).toBe('EXPECTATION_UNKNOWN')
  })
})

describe('clients that go away or are slow', () => {
  test('gone in the body: the reader and the response are told, once', async () => {
    const told: string[] = []
    const { port } = await serve((request, response) => {
      request.read(sinkOf({ lost: (why) => told.push(why) }))
      response.onClose((complete) => told.push(`closed ${complete}`))
    })
    const client = await dial(port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
    await new Promise((resolve) => setTimeout(resolve, 20))
    client.reset()
    await eventually(() => told.length === 2)
    expect(told.toSorted()).toEqual(['closed false', 'gone'])
  })

  test('gone while the answer is awaited', async () => {
    const told: boolean[] = []
    let response: HttpResponse | undefined
    const { port } = await serve((_request, given) => {
      response = given
      given.onClose((complete) => told.push(complete))
    })
    const client = await dial(port)
    client.send(get())
    await eventually(() => response !== undefined)
    client.destroy()
    await eventually(() => told.length === 1)
    expect(told).toEqual([false])
    expect(response?.closed).toBe(true)
    response?.reply(200, [], bytes('late'))
    const after: boolean[] = []
    response?.onClose((complete) => after.push(complete))
    expect(after).toEqual([false])
  })

  test('onClose says true after a whole answer', async () => {
    const told: boolean[] = []
    const { port } = await serve((_request, response) => {
      response.onClose((complete) => told.push(complete))
      response.reply(200, [], bytes('x'))
    })
    await (await dial(port)).send(get()).answer()
    await eventually(() => told.length === 1)
    expect(told).toEqual([true])
  })

  test('a body that stalls is reported, and the reader may still answer', async () => {
    const { port } = await serve(
      (request, response) => request.read(sinkOf({ lost: (why) => response.reply(408, [], bytes(why)) })),
      { limits: { bodyIdleTimeout: 60 } },
    )
    const client = await dial(port)
    const answer = await client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc').answer()
    expect(answer).toMatchObject({ status: 408, body: 'idle' })
    expect(answer.headers.get('connection')).toBe('close')
  })

  test('a body whose reader says wait is not called idle', async () => {
    const told: string[] = []
    let request: HttpRequest | undefined
    const { port } = await serve(
      (given, response) => {
        request = given
        given.read(
          sinkOf({
            chunk: () => told.push('chunk') > 1,
            lost: (why) => told.push(why),
            end: () => response.reply(200, [], bytes('done')),
          }),
        )
      },
      { limits: { bodyIdleTimeout: 40 } },
    )
    const client = await dial(port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(told).toEqual(['chunk'])
    client.send('1\r\nb\r\n0\r\n\r\n')
    request?.resume()
    expect((await client.answer()).body).toBe('done')
  })

  test('broken chunks while the body is read: the reader answers 400', async () => {
    const { port } = await serve((request, response) =>
      request.read(sinkOf({ lost: (why) => response.reply(400, [], bytes(why)) })),
    )
    const client = await dial(port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
    expect(await client.answer()).toMatchObject({ status: 400, body: 'malformed' })
    await client.ended
  })

  test('a head that comes too slowly: 408 as JSON', async () => {
    const { port } = await serve((_request, response) => response.reply(200, [], bytes('')), {
      limits: { headersTimeout: 100 },
    })
    const client = await dial(port)
    const answer = await client.send('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ').answer()
    expect(answer.status).toBe(408)
    expect(json(answer.body).details[0]?.reason).toBe('HEAD_TIMEOUT')
    await client.ended
  })

  test('a connection that never says anything is closed too', async () => {
    const { port, listener } = await serve((_request, response) => response.reply(200, [], bytes('')), {
      limits: { headersTimeout: 100 },
    })
    const client = await dial(port)
    await eventually(() => listener.connections === 1)
    expect((await client.answer()).status).toBe(408)
    client.socket.end()
    await eventually(() => listener.connections === 0)
  })

  test('an idle connection is closed after the keep-alive time', async () => {
    const { port } = await serve((_request, response) => response.reply(200, [], bytes('')), {
      limits: { keepAliveTimeout: 50 },
    })
    const client = await dial(port)
    await client.send(get()).answer()
    await client.ended
  })
})
