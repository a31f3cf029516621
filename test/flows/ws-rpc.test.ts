import { afterEach, describe, expect, test } from 'vitest'
import { responseHeadersOf, tallyOf } from '../../src/core/attributes.ts'
import type { HttpBinding } from '../../src/core/binding.ts'
import { testClock } from '../../src/core/clock.ts'
import type { Exchange } from '../../src/core/exchange.ts'
import type { Handler } from '../../src/core/handler.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import { Code, errors, makeStatus, OK } from '../../src/core/status.ts'
import { ended, fromList, Source, unary } from '../../src/core/stream.ts'
import { eventually } from '../support/listener.ts'
import { type FakeMatchParts, fakeReply, fakeSettings, jsonMessage } from '../support/loopback.ts'
import { frameBytes, WsClient, type WsClientOptions } from '../support/ws-client.ts'
import { echo, protoMessage, silent } from '../support/ws-handlers.ts'
import { schema, startWs, type WsRig } from '../support/ws-inbound.ts'

const binding = (parts: Partial<HttpBinding> = {}): HttpBinding => ({
  body: '',
  responseBody: '',
  streamed: false,
  bodyField: undefined,
  responseField: undefined,
  updateMask: undefined,
  variables: [],
  unknownQuery: 'reject',
  ignoreUnknown: false,
  compat: {
    template: 'strict',
    unescape: 'spec',
    trailingSlash: false,
    queryForms: false,
    streamEnvelope: false,
    conflict: 'reject',
  },
  set: [],
  ...parts,
})

const rigs: WsRig[] = []
const clients: WsClient[] = []
const start = async (
  match: FakeMatchParts | (() => FakeMatchParts),
  options?: Parameters<typeof startWs>[1],
): Promise<WsRig> => {
  const rig = await startWs(typeof match === 'function' ? match : () => match, options)
  rigs.push(rig)
  return rig
}
const open = async (rig: WsRig, options?: WsClientOptions) => {
  const opened = await WsClient.open(rig.port, options)
  clients.push(opened.client)
  return opened
}
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy()
  for (const rig of rigs.splice(0)) await rig.stop()
})
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30))

describe('when a call is dispatched', () => {
  test.each(['bidi', 'client_stream'] as const)('%s: before the 101; a refusal is plain HTTP', async (shape) => {
    const rig = await start({
      shape,
      route: {
        handler: (exchange) => {
          responseHeadersOf(exchange).append('x-policy', 'yes')
          throw errors.unauthenticated('who are you?', { trailers: makeMetadata(['www-authenticate', 'Bearer']) })
        },
      },
    })
    const { answer } = await open(rig)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(answer.headers.get('x-policy')).toBe('yes')
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(JSON.parse(answer.body)).toMatchObject({ code: 16, message: 'who are you?' })
    const [end] = rig.ended
    expect(end?.status.code).toBe(Code.UNAUTHENTICATED)
    expect(end && tallyOf(end.exchange).httpStatus).toBe(401)
    expect(answer.headers.get('x-request-id')).toBe(end?.exchange.id)
  })

  test('trailers of a backend are no headers of the refusal', async () => {
    const rig = await start({
      shape: 'bidi',
      route: {
        handler: () => {
          throw errors.unavailable('down', {
            trailers: makeMetadata(['set-cookie', 'a=b', 'www-authenticate', 'Bearer']),
          })
        },
      },
    })
    const { answer } = await open(rig)
    expect(answer.status).toBe(503)
    expect(answer.headers.has('set-cookie')).toBe(false)
    expect(answer.headers.has('www-authenticate')).toBe(false)
  })

  test('a handler that waits keeps the 101 waiting', async () => {
    let go: (() => void) | undefined
    const rig = await start({
      shape: 'bidi',
      route: {
        handler: async (exchange) => {
          await new Promise<void>((resolve) => {
            go = resolve
          })
          return echo(exchange)
        },
      },
    })
    const client = await WsClient.connect(rig.port)
    clients.push(client)
    client.ask()
    await eventually(() => go !== undefined)
    await settled()
    expect(client.socket.bytesRead).toBe(0)
    go?.()
    expect((await client.answer()).status).toBe(101)
    client.text('{"a":1}')
    client.text('')
    await client.closed
    expect(client.result.messages).toEqual([{ a: 1 }])
  })

  test.each(['unary', 'server_stream'] as const)('%s without a body: path and query are the request', async (shape) => {
    const seen: Exchange[] = []
    const rig = await start({
      shape,
      params: ['b%20c'],
      route: {
        binding: binding(),
        handler: (exchange) => {
          seen.push(exchange)
          return fakeReply(unary(protoMessage(exchange, { ok: true })))
        },
      },
    })
    const { client, answer } = await open(rig, { path: '/a/b%20c?x=1&y=%2F' })
    expect(answer.status).toBe(101)
    await client.closed
    expect(client.result).toMatchObject({ messages: [{ ok: true }], status: { code: 0 } })
    const message = seen[0]?.request.unary
    expect(message?.bytes).toHaveLength(0)
    expect(message?.overlay).toEqual({ binding: binding(), params: ['b%20c'], query: 'x=1&y=%2F' })
    expect(seen[0]?.request.status).toBe(OK)
  })

  test('… a failure comes before the 101, and a message is refused', async () => {
    let code: Code = Code.NOT_FOUND
    const rig = await start({
      shape: 'server_stream',
      route: {
        binding: binding(),
        handler: (exchange) => {
          if (code !== Code.OK) throw errors.notFound('no such thing')
          return silent(exchange)
        },
      },
    })
    expect((await open(rig)).answer.status).toBe(404)
    code = Code.OK
    const { client } = await open(rig)
    client.text('{}')
    expect(await client.closed).toMatchObject({ code: 4400 })
    expect(client.result.status?.message).toContain('takes no message')
  })

  test('… the head is waited for while the client listens: leaving cancels', async () => {
    let call: Exchange | undefined
    const rig = await start({
      shape: 'server_stream',
      route: {
        binding: binding(),
        handler: (exchange) => {
          call = exchange
          return new Promise(() => {})
        },
      },
    })
    const leave: ((client: WsClient) => void)[] = [
      (client) => client.reset(),
      (client) => client.socket.end(),
      (client) => client.socket.end(frameBytes(1, 'too early')),
    ]
    for (const [i, go] of leave.entries()) {
      call = undefined
      const client = await WsClient.connect(rig.port)
      clients.push(client)
      client.ask()
      await eventually(() => call !== undefined)
      const { signal } = call as unknown as Exchange
      go(client)
      await eventually(() => signal.aborted)
      expect(rig.ended[i]?.status.code).toBe(Code.CANCELLED)
    }
  })

  describe.each(['unary', 'server_stream'] as const)('%s with a body', (shape) => {
    test('the guards run first; then the 101; the first frame dispatches', async () => {
      const order: string[] = []
      const rig = await start({
        shape,
        params: ['7'],
        route: {
          binding: binding({ body: '*' }),
          guard: async (exchange) => {
            expect(exchange.request.unary).toBeUndefined()
            await settled()
            order.push('guard')
          },
          handler: (exchange) => {
            order.push('handler')
            const { overlay, bytes } = exchange.request.unary!
            expect(overlay).toMatchObject({ params: ['7'], query: 'q=1', whole: true })
            expect(bytes.toString()).toBe('{"a":1}')
            expect(exchange.request.replayable).toBe(true)
            return fakeReply(unary(protoMessage(exchange, { ok: true })))
          },
        },
      })
      const { client, answer } = await open(rig, { path: '/x?q=1' })
      expect(answer.status).toBe(101)
      await settled()
      expect(order).toEqual(['guard'])
      client.text('{"a":1}')
      await client.closed
      expect(order).toEqual(['guard', 'handler'])
      expect(client.result).toMatchObject({ messages: [{ ok: true }], status: { code: 0 } })
    })

    test('a guard that refuses: plain HTTP, the handler is never asked', async () => {
      let asked = 0
      const guards = [
        () => {
          throw errors.permissionDenied('no')
        },
        () => Promise.reject(errors.permissionDenied('no')),
      ]
      for (const guard of guards) {
        const rig = await start({
          shape,
          route: {
            guard,
            handler: () => {
              asked++
              return fakeReply()
            },
          },
        })
        expect((await open(rig)).answer.status).toBe(403)
      }
      expect(asked).toBe(0)
    })

    test('a handler that throws after the 101 ends the call in-band', async () => {
      const rig = await start({
        shape,
        route: {
          handler: () => {
            throw errors.notFound('no such thing')
          },
        },
      })
      const { client } = await open(rig)
      client.text('{}')
      expect(await client.closed).toEqual({ code: 4404, reason: 'ROUTE_NOT_FOUND' })
      expect(client.result.status).toMatchObject({ code: 5, message: 'no such thing' })
    })
  })

  test('frames right behind the head are not lost', async () => {
    const rig = await start({
      shape: 'bidi',
      route: {
        handler: async (exchange) => {
          await settled()
          return echo(exchange)
        },
      },
    })
    const client = await WsClient.connect(rig.port)
    clients.push(client)
    client.socket.cork()
    client.ask()
    client.text('{"a":1}')
    client.socket.uncork()
    setTimeout(() => client.text('{"a":2}'), 5)
    setTimeout(() => client.text(''), 60)
    await client.answer()
    await client.closed
    expect(client.result.messages).toEqual([{ a: 1 }, { a: 2 }])
  })
})

describe('what the two sides are told', () => {
  test('only the first message is bound to path and query', async () => {
    const overlays: unknown[] = []
    const rig = await start({
      shape: 'bidi',
      params: ['1'],
      route: {
        binding: binding({ streamed: true }),
        handler: (exchange) => {
          const source = new Source({ resume() {}, cancel() {} })
          exchange.request.pipe({
            message: (message) => overlays.push(message.overlay) > 0,
            end: (status) => source.end(status),
          })
          return fakeReply(source)
        },
      },
    })
    const { client } = await open(rig, { path: '/a/1' })
    for (const text of ['{}', '{}', '']) client.text(text)
    await client.closed
    expect(overlays).toEqual([
      { binding: binding({ streamed: true }), params: ['1'], query: '', whole: true },
      undefined,
    ])
  })

  test('metadata of the call: the allow-list of the route, and the id', async () => {
    let metadata: readonly string[] = []
    const rig = await start({
      shape: 'bidi',
      route: {
        settings: fakeSettings(schema, { forwardRequest: new Set(['authorization', 'x-request-id']) }),
        handler: (exchange) => {
          metadata = exchange.metadata.raw
          return fakeReply(ended())
        },
      },
    })
    await open(rig, { headers: ['Authorization: Bearer t', 'X-Other: 1', 'X-Request-Id: mine'] })
    expect(metadata).toEqual(['authorization', 'Bearer t', 'x-request-id', rig.ended[0]?.exchange.id])
  })

  test('headers of the 101: the id, reply metadata of the allow-list, what policies add', async () => {
    const rig = await start({
      shape: 'bidi',
      route: {
        settings: fakeSettings(schema, { forwardResponse: new Set(['x-shown']) }),
        handler: (exchange) => {
          responseHeadersOf(exchange).append('x-policy', 'a\r\nb')
          responseHeadersOf(exchange).append('x-policy', 'yes')
          const metadata = makeMetadata(['x-shown', '1', 'x-hidden', '2', 'sec-websocket-accept', 'forged'])
          return fakeReply(ended(), { metadata })
        },
      },
    })
    const { answer, client } = await open(rig)
    await client.closed
    expect(Object.fromEntries(answer.headers)).toEqual({
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-accept': answer.headers.get('sec-websocket-accept'),
      'x-shown': '1',
      'x-request-id': rig.ended[0]?.exchange.id,
      'x-policy': 'yes',
    })
  })

  test('the last frame: code, message, details, trailers of the allow-list', async () => {
    const trailers = makeMetadata(['x-a', '1', 'x-a', '2', 'x-b', '3', '__proto__', '4', 'x-hidden', '5'])
    const rig = await start({
      shape: 'bidi',
      route: {
        settings: fakeSettings(schema, { forwardResponse: new Set(['x-a', 'x-b', '__proto__']) }),
        handler: () =>
          fakeReply(
            fromList(
              [jsonMessage({ n: 1 }, schema)],
              makeStatus(Code.ABORTED, 'übergangen', {
                trailers,
                details: [{ typeUrl: 'type.googleapis.com/un.Known', value: Buffer.from([1, 2]) }],
              }),
            ),
          ),
      },
    })
    const { client } = await open(rig)
    expect(await client.closed).toEqual({ code: 4409, reason: 'ABORTED' })
    expect(client.texts.at(-1)).toBe(
      '{"@status":{"code":10,"message":"übergangen","details":[{"@type":"type.googleapis.com/un.Known","value":"AQI="}],"trailers":{"x-a":["1","2"],"x-b":"3","__proto__":"4"}}}',
    )
    const [end] = rig.ended
    expect(end && tallyOf(end.exchange)).toMatchObject({ httpStatus: 4409, messagesOut: 1, bytesOut: 7, messagesIn: 0 })
  })

  test('a fault of the gateway is logged and leaves as an id', async () => {
    const rig = await start({
      shape: 'unary',
      route: {
        handler: () => {
          throw new TypeError('a secret of the house')
        },
      },
    })
    const { client } = await open(rig)
    client.text('{}')
    expect(await client.closed).toMatchObject({ code: 4500 })
    expect(client.texts.join()).not.toContain('secret')
    expect(client.result.status?.message).toContain(rig.ended[0]?.exchange.id)
    expect(rig.log.lines[0]?.fields).toMatchObject({ err: { message: 'a secret of the house' } })
  })

  test('a reply that does not fit its type is the backend’s fault', async () => {
    const rig = await start({
      shape: 'bidi',
      route: {
        handler: () =>
          fakeReply(
            unary({
              ...jsonMessage({}),
              as: () => {
                throw errors.invalidArgument('broken')
              },
            }),
          ),
      },
    })
    const { client } = await open(rig)
    expect(await client.closed).toEqual({ code: 4500, reason: 'UPSTREAM_INVALID' })
  })

  test('a route that is not there, and one of another method', async () => {
    const miss = (httpStatus: 404 | 405, allow: readonly string[]) => ({
      miss: { httpStatus, allow },
      route: {
        settings: fakeSettings(schema, { target: 'http' as const }),
        handler: () => {
          throw httpStatus === 404 ? errors.notFound('no route') : errors.methodNotAllowed('not GET')
        },
      },
    })
    let match: FakeMatchParts = miss(404, [])
    const rig = await start(() => match)
    expect((await open(rig)).answer.status).toBe(404)
    match = miss(405, ['POST', 'PUT'])
    const { answer } = await open(rig)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, PUT'])
    expect(rig.ended).toHaveLength(2)
  })

  test('a plain answer in place of a WebSocket is passed on', async () => {
    const rig = await start({
      shape: 'bytes',
      route: {
        settings: fakeSettings(schema, { target: 'http' }),
        handler: () => {
          const message = { ...jsonMessage('moved'), bytes: Buffer.from('moved') }
          return fakeReply(unary(message), {
            httpStatus: 308,
            metadata: makeMetadata(['location', '/new', 'content-length', '99', 'transfer-encoding', 'chunked']),
          })
        },
      },
    })
    const { answer } = await open(rig)
    expect([answer.status, answer.headers.get('location'), answer.body]).toEqual([308, '/new', 'moved'])
    expect(answer.headers.has('transfer-encoding')).toBe(false)
    expect(answer.headers.has('content-length')).toBe(false)
    const [end] = rig.ended
    expect(end && tallyOf(end.exchange)).toMatchObject({ httpStatus: 308, bytesOut: 5 })
  })
})

describe('room and life', () => {
  test('no more sockets than allowed, in all and for one address', async () => {
    const rig = await start({ shape: 'bidi', route: { handler: silent } }, { options: { limits: { sockets: 2 } } })
    const first = await open(rig)
    await open(rig)
    const { answer } = await open(rig)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    first.client.reset()
    await eventually(() => rig.open() === 1)
    expect((await open(rig)).answer.status).toBe(101)

    const narrow = await start(
      { shape: 'bidi', route: { handler: silent } },
      { options: { limits: { socketsPerAddress: 1 } } },
    )
    await open(narrow)
    expect((await open(narrow)).answer.status).toBe(429)
  })

  test('a drain waits for calls that end by themselves, and closes the others with 1012', async () => {
    const clock = testClock()
    const sources: Source[] = []
    const handler: Handler = (exchange) => {
      const source = new Source({ resume() {}, cancel() {} })
      sources.push(source)
      exchange.onEnd((status) => source.cancel(status))
      return fakeReply(source)
    }
    const rig = await start({ shape: 'bidi', route: { handler } }, { clock, options: { limits: { drainTime: '3s' } } })
    const quick = await open(rig)
    const endless = await open(rig)
    let drained = false
    const draining = rig.inbound.drain().then(() => {
      drained = true
    })
    sources[0]?.end(OK)
    expect(await quick.client.closed).toEqual({ code: 1000, reason: '' })
    clock.advance(2_999)
    await settled()
    expect([drained, endless.client.frames.length]).toEqual([false, 0])
    clock.advance(1)
    expect(await endless.client.closed).toEqual({ code: 1012, reason: 'DRAINING' })
    expect(endless.client.result.status).toMatchObject({ code: 14 })
    await draining
    expect(rig.ended.map(({ status }) => status.code)).toEqual([Code.OK, Code.UNAVAILABLE])
  })

  test('a client that dies while its frames are not read is noticed within one heartbeat', async () => {
    for (const leave of [(client: WsClient) => client.reset(), (client: WsClient) => client.socket.destroy()]) {
      const clock = testClock()
      const rig = await start(
        {
          shape: 'bidi',
          route: {
            handler: (exchange) => {
              // Nobody reads the request: the socket is paused after the first message.
              const source = new Source({ resume() {}, cancel() {} })
              exchange.onEnd((status) => source.cancel(status))
              return fakeReply(source)
            },
          },
        },
        { clock, options: { heartbeat: '10s' } },
      )
      const { client } = await open(rig)
      // More than Node reads ahead of a paused stream: from there on the kernel tells nothing.
      for (let i = 0; i < 40; i++) client.text(JSON.stringify('x'.repeat(16 * 1024)))
      await settled()
      leave(client)
      await settled()
      expect(rig.open()).toBe(1)
      clock.advance(5_000)
      await settled()
      clock.advance(5_000)
      await eventually(() => rig.open() === 0)
      expect(rig.ended[0]?.status.code).toBe(Code.CANCELLED)
    }
  })

  test('a socket whose reading is paused is not cut for pongs that nobody could see', async () => {
    const clock = testClock()
    let read: (() => void) | undefined
    const rig = await start(
      {
        shape: 'bidi',
        route: {
          handler: (exchange) => {
            read = () => echoInto(exchange, source)
            const source = new Source({ resume() {}, cancel() {} })
            exchange.onEnd((status) => source.cancel(status))
            return fakeReply(source)
          },
        },
      },
      { clock, options: { heartbeat: '10s' } },
    )
    const { client } = await open(rig)
    client.text('{"a":1}')
    client.text('{"a":2}')
    await settled()
    for (let i = 0; i < 12; i++) {
      clock.advance(5_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(rig.open()).toBe(1)
    read?.()
    client.text('')
    expect(await client.closed).toMatchObject({ code: 1000 })
    expect(client.result.messages).toEqual([{ a: 1 }, { a: 2 }])
  })

  test('500 sockets that are cut leave nothing open', async () => {
    let calls = 0
    const cancelled: Code[] = []
    const handler: Handler = (exchange) => {
      const mine = calls++
      exchange.onEnd(({ code }) => cancelled.push(code))
      // Every other call is still waiting for its backend when the client goes.
      return mine % 2 === 0 ? new Promise(() => {}) : silent(exchange)
    }
    const rig = await start({ shape: 'bidi', route: { handler } })
    for (let round = 0; round < 10; round++) {
      const some = await Promise.all(Array.from({ length: 50 }, () => WsClient.connect(rig.port)))
      for (const client of some) client.ask()
      await eventually(() => calls === (round + 1) * 50)
      for (const [i, client] of some.entries()) {
        if (i % 3 === 0) client.raw(frameBytes(1, '{}'))
        client.reset()
      }
    }
    await eventually(() => rig.open() === 0)
    await eventually(() => rig.listener.connections === 0)
    expect(cancelled).toEqual(Array.from({ length: 500 }, () => Code.CANCELLED))
    expect(rig.ended).toHaveLength(500)
  })
})

const echoInto = (exchange: Exchange, source: Source): void => {
  exchange.request.pipe({ message: (message) => source.push(message), end: (status) => source.end(status) })
}
