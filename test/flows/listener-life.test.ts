import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { ConfigError } from '../../src/core/config-error.ts'
import type { BodySink, HttpRequest, HttpResponse } from '../../src/core/http.ts'
import { createHttpListener, type HttpListener, type HttpListenerOptions } from '../../src/listener/listener.ts'
import { eventually, recordingLog, type TestListener, testListener } from '../support/listener.ts'
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

describe('limits', () => {
  test('a large head and too many lines: 431 as JSON', async () => {
    const { port } = await serve((_request, response) => response.reply(200, [], bytes('')), {
      limits: { maxHeaderBytes: 2048, maxHeaderLines: 20 },
    })
    const large = await (await dial(port)).send(get('/', `X: ${'a'.repeat(4000)}\r\n`)).answer()
    expect(large.status).toBe(431)
    expect(json(large.body).details[0]?.reason).toBe('HEAD_TOO_LARGE')
    const lines = Array.from({ length: 20 }, (_, i) => `x${i}: v\r\n`).join('')
    expect((await (await dial(port)).send(get('/', lines)).answer()).status).toBe(431)
    expect((await (await dial(port)).send(get('/', lines.slice(7))).answer()).status).toBe(200)
  })

  test('connections above the cap are closed and named once', async () => {
    const { port, listener, log } = await serve((_request, response) => response.reply(200, [], bytes('')), {
      limits: { maxConnections: 2 },
    })
    const first = await dial(port)
    await dial(port)
    await eventually(() => listener.connections === 2)
    const third = await dial(port)
    const fourth = await dial(port)
    await expect(third.send(get()).answer()).rejects.toThrow()
    await expect(fourth.send(get()).answer()).rejects.toThrow()
    expect((await first.send(get()).answer()).status).toBe(200)
    expect(log.lines.map(({ message }) => message)).toEqual(['too many connections; new ones are closed'])
  })

  test('the last request of a connection says close', async () => {
    const { port } = await serve((_request, response) => response.reply(200, [], bytes('')), {
      limits: { maxRequestsPerConnection: 2 },
    })
    const client = await dial(port)
    expect((await client.send(get()).answer()).headers.get('connection')).toBe('keep-alive')
    expect((await client.send(get()).answer()).headers.get('connection')).toBe('close')
  })

  test('nothing is left when the clients are gone', async () => {
    const { port, listener } = await serve((_request, response) => response.reply(200, [], bytes('')))
    const many = await Promise.all(Array.from({ length: 20 }, () => dial(port)))
    await Promise.all(many.map((client) => client.send(get()).answer()))
    expect(listener.connections).toBe(20)
    for (const client of many) client.destroy()
    await eventually(() => listener.connections === 0)
  })
})

describe('upgrades', () => {
  const upgradeTo = (protocol: string, path = '/'): string =>
    get(path, `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Key: a\r\n`)

  test('go to the first that claims, with head and peer', async () => {
    const { listener, port } = await testListener((given) => {
      given.onUpgrade(
        ({ path }) => path === '/ws',
        (request, socket: Duplex, first, { head, peer }) => {
          expect(request.url).toBe('/ws')
          expect(peer.address).toBe('127.0.0.1')
          socket.write(
            `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${head.headers.get('upgrade')}\r\n\r\n`,
          )
          socket.on('data', (part: Buffer) => socket.write(part.toString().toUpperCase()))
          socket.write(first.toString().toUpperCase())
        },
      )
      given.onRequest(
        () => true,
        (request, response) => response.reply(200, [], bytes(request.head.path)),
      )
    })
    open.push(listener)
    const client = await dial(port)
    expect((await client.send(`${upgradeTo('thing', '/ws')}early`).answer()).status).toBe(101)
    await client.until(/EARLY/)
    client.send('late')
    await client.until(/LATE/)
    client.reset()
    await eventually(() => listener.connections === 0)
  })

  test('what nobody claims is an ordinary request on a living connection', async () => {
    const { port } = await serve((request, response) => response.reply(200, [], bytes(request.head.path)))
    const client = await dial(port)
    expect((await client.send(upgradeTo('h2c', '/plain')).answer()).body).toBe('/plain')
    expect((await client.send(get('/next')).answer()).body).toBe('/next')
  })

  test('behind a request that has no answer yet it is an ordinary request, so that the answers stay in order', async () => {
    const slow = Promise.withResolvers<void>()
    const { listener, port } = await testListener((given) => {
      given.onUpgrade(
        () => true,
        (_request, socket: Duplex) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
        },
      )
      given.onRequest(
        () => true,
        (request, response) => {
          if (request.head.path !== '/slow') slow.resolve()
          void slow.promise.then(() => response.reply(200, [], bytes(request.head.path)))
        },
      )
    })
    open.push(listener)
    const client = await dial(port)
    client.send(`${get('/slow')}${upgradeTo('websocket', '/ws')}`)
    expect(await client.answer()).toMatchObject({ status: 200, body: '/slow' })
    expect(await client.answer()).toMatchObject({ status: 200, body: '/ws' })
    expect((await client.send(upgradeTo('websocket', '/ws')).answer()).status).toBe(101)
  })

  test('an upgrade with a body is an ordinary request', async () => {
    const { listener, port } = await testListener((given) => {
      given.onUpgrade(
        () => true,
        () => {
          throw new Error('upgraded')
        },
      )
      given.onRequest(
        () => true,
        (request, response) => whole(request, (text) => response.reply(200, [], bytes(text))),
      )
    })
    open.push(listener)
    const client = await dial(port)
    client.send(
      'POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc',
    )
    expect((await client.answer()).body).toBe('abc')
  })

  test('an adapter that throws: 500 and a closed socket', async () => {
    const { listener, port, log } = await testListener((given) =>
      given.onUpgrade(
        () => true,
        () => {
          throw new Error('secret')
        },
      ),
    )
    open.push(listener)
    const client = await dial(port)
    expect((await client.send(upgradeTo('websocket')).answer()).status).toBe(500)
    await client.ended
    expect(log.lines).toHaveLength(1)
  })

  test('CONNECT is refused', async () => {
    const { port } = await serve((_request, response) => response.reply(200, [], bytes('')))
    const client = await dial(port)
    expect((await client.send('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n').answer()).status).toBe(405)
    await client.ended
  })
})

describe('drain and stop', () => {
  test('idle connections are closed, answers in flight end with connection: close, new ones are not accepted', async () => {
    let response: HttpResponse | undefined
    const { listener, port } = await serve((request, given) => {
      if (request.head.path === '/slow') response = given
      else given.reply(200, [], bytes('quick'))
    })
    const [silent, idle, busy] = [await dial(port), await dial(port), await dial(port)]
    await idle.send(get()).answer()
    busy.send(get('/slow'))
    await eventually(() => response !== undefined && listener.connections === 3)
    const drained = listener.drain()
    await Promise.all([silent.ended, idle.ended])
    await expect(RawClient.open(port)).rejects.toThrow()
    response?.reply(200, [], bytes('slow'))
    const answer = await busy.answer()
    expect(answer.headers.get('connection')).toBe('close')
    busy.socket.end()
    expect(await drained).toBe(true)
    expect(listener.connections).toBe(0)
  })

  test('a stream that began before the drain closes its connection at its end', async () => {
    let response: HttpResponse | undefined
    const { listener, port } = await serve((_request, given) => {
      response = given
      given.head(200, [])
    })
    const client = await dial(port)
    client.send(get())
    await client.until(/\r\n\r\n/)
    const drained = listener.drain()
    response?.end()
    expect((await client.answer()).complete).toBe(true)
    client.socket.end()
    expect(await drained).toBe(true)
  })

  test('what does not end is destroyed after the limit', async () => {
    let called = false
    const { listener, port } = await serve(() => {
      called = true
    })
    const client = await dial(port)
    client.send(get())
    await eventually(() => called)
    expect(await listener.drain(50)).toBe(false)
    await client.ended
  })

  test('a half-sent head does not hold up the drain', async () => {
    const { listener, port } = await serve(() => {}, { limits: { headersTimeout: 100 } })
    const client = await dial(port)
    client.send('GET / HT')
    await eventually(() => listener.connections === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await listener.drain()).toBe(true)
  })

  test('stop destroys what is open, may be called twice, and before listen', async () => {
    const { listener, port } = await serve(() => {})
    const client = await dial(port)
    client.send(get())
    await eventually(() => listener.connections === 1)
    await listener.stop()
    await listener.stop()
    await client.ended
    const never = createHttpListener({ host: '127.0.0.1', port: 0, log: recordingLog(), clock: systemClock() })
    await never.stop()
  })
})

describe('listen', () => {
  const failure = async (listener: HttpListener): Promise<ConfigError> => {
    open.push(listener)
    const error: unknown = await listener.listen().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(ConfigError)
    return error as ConfigError
  }

  test('a port in use is a problem that names it and the way out', async () => {
    const { port } = await serve(() => {})
    const second = createHttpListener({ host: '127.0.0.1', port, log: recordingLog(), clock: systemClock() })
    const [problem] = (await failure(second)).problems
    expect(problem).toMatchObject({ code: 'PORT_IN_USE', severity: 'error' })
    expect(problem?.message).toBe(`127.0.0.1:${port} is already in use by another process`)
    expect(problem?.hint).toContain('choose another port')
  })

  test('an address of another machine is a problem', async () => {
    const other = createHttpListener({ host: '192.0.2.1', port: 0, log: recordingLog(), clock: systemClock() })
    expect((await failure(other)).problems[0]?.code).toBe('HOST_UNAVAILABLE')
  })

  test('two listeners share a port with reusePort', async () => {
    const first = await serve((_request, response) => response.reply(200, [], bytes('')), { reusePort: true })
    const second = await serve((_request, response) => response.reply(200, [], bytes('')), {
      reusePort: true,
      port: first.port,
    })
    expect(second.port).toBe(first.port)
  })
})
