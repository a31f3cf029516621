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

describe('requests and answers', () => {
  test('the head is given with lower-case names, raw path and the peer', async () => {
    let seen: HttpRequest | undefined
    const { port } = await serve((request, response) => {
      seen = request
      response.reply(200, ['x-a', '1'], bytes('hi'))
    })
    const client = await dial(port)
    const answer = await client.send(get('/a%2Fb?q=1', 'X-Two: a\r\nX-Two: b\r\n')).answer()
    expect(answer).toMatchObject({ status: 200, body: 'hi', complete: true })
    expect(answer.headers.get('content-length')).toBe('2')
    expect(answer.headers.get('x-a')).toBe('1')
    expect(answer.headers.get('date')).toMatch(/GMT$/)
    expect(seen?.head).toMatchObject({
      method: 'GET',
      path: '/a%2Fb?q=1',
      authority: 'x',
      scheme: 'http',
      httpVersion: '1.1',
    })
    expect(seen?.head.headers.getAll('x-two')).toEqual(['a', 'b'])
    expect(seen?.peer).toEqual({ address: '127.0.0.1', certificate: undefined })
    expect(seen?.body).toHaveLength(0)
  })

  test('a body is read in pieces, with trailers', async () => {
    const { port } = await serve((request, response) => {
      expect(request.body).toBeUndefined()
      whole(request, (text, trailers) => response.reply(200, [], bytes(`${text}|${trailers.join(',')}`)))
    })
    const client = await dial(port)
    client.send(
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: v\r\n\r\n',
    )
    expect((await client.answer()).body).toBe('abcde|x-t,v')
  })

  test('a paused body waits and goes on', async () => {
    let request: HttpRequest | undefined
    const seen: string[] = []
    const { port } = await serve((given, response) => {
      request = given
      given.read(
        sinkOf({
          chunk(part) {
            seen.push(Buffer.from(part).toString())
            return false
          },
          end: () => response.reply(200, [], bytes(seen.join('|'))),
        }),
      )
    })
    const client = await dial(port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
    await eventually(() => seen.length === 1)
    client.send('1\r\nb\r\n0\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(seen).toEqual(['a'])
    request?.resume()
    await eventually(() => seen.length === 2)
    request?.resume()
    expect((await client.answer()).body).toBe('a|b')
  })

  test('an answer in pieces is chunked and may have trailers', async () => {
    const { port } = await serve((_request, response) => {
      response.head(200, ['trailer', 'x-sum'])
      response.write(bytes('a'))
      response.write(bytes(''))
      response.write(bytes('b'))
      response.end(['x-sum', '2', 'content-length', '9'])
    })
    const answer = await (await dial(port)).send(get()).answer()
    expect(answer).toMatchObject({ body: 'ab', complete: true })
    expect([...answer.trailers]).toEqual([['x-sum', '2']])
  })

  test('an answer in one piece announces no trailers, whatever its headers say', async () => {
    const { port } = await serve((_, response) => response.reply(200, ['trailer', 'x-sum', 'x-a', '1'], bytes('hi')))
    const client = await dial(port)
    const answer = await client.send(get()).answer()
    expect(answer).toMatchObject({ status: 200, body: 'hi', complete: true })
    expect([answer.headers.get('trailer'), answer.headers.get('x-a')]).toEqual([undefined, '1'])
  })

  test('the head of a quiet answer goes out at once', async () => {
    let response: HttpResponse | undefined
    const { port } = await serve((_request, given) => {
      response = given
      given.head(200, ['x-note', 'caf\u00e9'])
    })
    const client = await dial(port)
    client.send(get())
    expect(await client.until(/\r\n\r\n/)).toMatch(/x-note: caf\u00e9\r\n/)
    response?.end()
    expect((await client.answer()).complete).toBe(true)
  })

  test.each([204, 304])('status %i has no body and no length', async (status) => {
    const { port } = await serve((_request, response) => response.reply(status, [], bytes('never')))
    const client = await dial(port)
    const answer = await client.send(get() + get('/second')).answer()
    expect(answer.status).toBe(status)
    expect(answer.headers.has('content-length')).toBe(false)
    expect((await client.answer()).status).toBe(status)
  })

  test('HEAD gets the head of the GET alone, by reply and by head', async () => {
    const { port } = await serve((request, response) => {
      if (request.head.path === '/reply') response.reply(200, [], bytes('12345'))
      else if (request.head.path === '/proxied') response.reply(200, ['content-length', '77'], bytes(''))
      else {
        response.head(200, ['content-length', '3'])
        response.write(bytes('abc'))
        response.end()
      }
    })
    const client = await dial(port)
    const head = (path: string): string => get(path).replace('GET', 'HEAD')
    expect((await client.send(head('/reply')).answer('HEAD')).headers.get('content-length')).toBe('5')
    expect((await client.send(head('/proxied')).answer('HEAD')).headers.get('content-length')).toBe('77')
    expect((await client.send(head('/pieces')).answer('HEAD')).headers.get('content-length')).toBe('3')
    expect((await client.send(get('/reply')).answer()).body).toBe('12345')
  })

  test('a declared length is kept, and an answer that breaks it is cut', async () => {
    const { port, log } = await serve((request, response) => {
      response.head(200, ['content-length', '3'])
      response.write(bytes(request.head.path === '/long' ? 'abcdef' : request.head.path === '/short' ? 'ab' : 'abc'))
      response.end()
    })
    const good = await (await dial(port)).send(get('/good')).answer()
    expect(good).toMatchObject({ body: 'abc', complete: true })
    expect(good.headers.has('transfer-encoding')).toBe(false)
    expect((await (await dial(port)).send(get('/short')).answer()).complete).toBe(false)
    const long = await dial(port)
    await long.send(get('/long')).ended
    expect(long.received).not.toMatch(/abcd/)
    expect(log.lines).toHaveLength(2)
  })

  test('abort after pieces lets the client see them and the cut', async () => {
    const { port } = await serve((_request, response) => {
      response.head(200, [])
      response.write(bytes('[1,2'))
      response.abort()
    })
    expect(await (await dial(port)).send(get()).answer()).toMatchObject({ body: '[1,2', complete: false })
  })

  test('an adapter that throws is answered with 500, and the next request is served', async () => {
    const { port, log } = await serve((request, response) => {
      if (request.head.path === '/bad') throw new Error('secret')
      response.reply(200, [], bytes('fine'))
    })
    const client = await dial(port)
    const answer = await client.send(get('/bad')).answer()
    expect(answer.status).toBe(500)
    expect(answer.body).not.toContain('secret')
    expect(log.lines[0]?.message).toBe('an inbound adapter threw')
    expect((await client.send(get('/good')).answer()).body).toBe('fine')
  })

  test('the first that claims answers; nobody: 404 as JSON', async () => {
    const { listener, port } = await testListener((given) => {
      given.onRequest(
        ({ path }) => path === '/a',
        (_request, response) => response.reply(200, [], bytes('first')),
      )
      given.onRequest(
        ({ path }) => path !== '/c',
        (_request, response) => response.reply(200, [], bytes('second')),
      )
    })
    open.push(listener)
    const client = await dial(port)
    expect((await client.send(get('/a')).answer()).body).toBe('first')
    expect((await client.send(get('/b')).answer()).body).toBe('second')
    const none = await client.send(get('/c')).answer()
    expect(none.status).toBe(404)
    expect(none.headers.get('content-type')).toBe('application/json')
    expect(json(none.body)).toMatchObject({ code: 5, details: [{ reason: 'ROUTE_NOT_FOUND', domain: 'protogate' }] })
  })

  test('OPTIONS * is answered without an adapter', async () => {
    const { port } = await serve(() => {
      throw new Error('called')
    })
    expect((await (await dial(port)).send('OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n').answer()).status).toBe(204)
  })

  test('backpressure: write says wait, drain comes when the client reads', async () => {
    let waited = false
    let drained = 0
    const piece = Buffer.alloc(64 * 1024, 0x61)
    const { port } = await serve((_request, response) => {
      let left = 400
      const pump = (): void => {
        while (left > 0) {
          left--
          if (response.write(piece)) continue
          waited = true
          return
        }
        response.end()
      }
      response.onDrain(() => {
        drained++
        pump()
      })
      response.head(200, [])
      pump()
    })
    const client = await dial(port)
    client.socket.pause()
    client.send(get())
    await eventually(() => waited)
    client.socket.resume()
    const answer = await client.answer()
    expect(answer.body.length).toBe(400 * piece.length)
    expect(drained).toBeGreaterThan(0)
  })
})
