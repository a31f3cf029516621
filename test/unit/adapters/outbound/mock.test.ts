import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeAnswer } from '../../../../adapters/outbound/mock/answer.ts'
import { mock, parseMockAddress } from '../../../../adapters/outbound/mock/index.ts'
import { Random } from '../../../../adapters/outbound/mock/random.ts'
import { type Clock, testClock } from '../../../../src/core/clock.ts'
import { ConfigError } from '../../../../src/core/config-error.ts'
import { reasonOf } from '../../../../src/core/error-details.ts'
import type { LiveExchange } from '../../../../src/core/exchange.ts'
import { type Message, makeMessage } from '../../../../src/core/message.ts'
import type { Schema } from '../../../../src/core/schema.ts'
import type { Channel } from '../../../../src/core/snapshot.ts'
import { Code, type GatewayError, makeStatus, OK } from '../../../../src/core/status.ts'
import { collect, fromList, type MessageStream, Source, unary } from '../../../../src/core/stream.ts'
import { loadSchema } from '../../../../src/schema/schema.ts'
import { fakeRoute, fakeSnapshot, loopbackExchange, recorder } from '../../../support/loopback.ts'
import { cleanSchema } from '../../../support/proto-folder.ts'

let schema: Schema
beforeAll(async () => {
  const base = fileURLToPath(new URL('../../../..', import.meta.url))
  const loaded = await loadSchema(['test/vectors/mock', 'protos'], { base })
  expect(loaded.problems).toEqual([])
  schema = loaded.schema
})

const connect = (address = 'mock:', clock: Clock = testClock()): Channel => {
  const log = { info() {}, warn() {} }
  return mock.connect(address, {}, { log, clock, own() {}, shared: (_key, make) => make() })
}
const operationOf = (method: string) =>
  schema.operations.get(method.includes('/') ? method : `library.v1.Library/${method}`)!
const message = (method: string, request: unknown): Message =>
  makeMessage({
    schema,
    type: operationOf(method).input,
    codec: schema.codec('json'),
    bytes: Buffer.from(JSON.stringify(request)),
  })
const exchangeOf = (method: string, request: MessageStream): LiveExchange => {
  const route = fakeRoute({ operation: operationOf(method) }, schema)
  return loopbackExchange({
    match: { route, params: [], snapshot: fakeSnapshot({ schema }), miss: undefined },
    request,
  })
}
const start = (method: string, request: MessageStream, channel = connect()) => {
  const exchange = exchangeOf(method, request)
  return { exchange, reply: Promise.resolve().then(() => channel.call(exchange)) }
}
const json = (answer: Message): Record<string, unknown> =>
  JSON.parse(Buffer.from(answer.as(schema.codec('json'))).toString()) as Record<string, unknown>
/** The one answer to one request. */
const ask = async (method: string, request: unknown, address?: string): Promise<Record<string, unknown>> => {
  const { reply } = start(method, unary(message(method, request)), connect(address))
  const { messages, status } = await collect((await reply).messages)
  expect([messages.length, status.code]).toEqual([1, Code.OK])
  return json(messages[0]!)
}
const GONE = makeStatus(Code.CANCELLED, 'the client went away')

describe('a made-up answer', () => {
  test('has something sensible in every kind of field', async () => {
    const book = await ask('GetBook', { id: 'b1' })
    expect(book).toMatchObject({
      title: expect.stringMatching(/^[A-Z][a-z]+ [a-z]+$/),
      author: {
        name: expect.stringMatching(/^[A-Z]\w+ [A-Z]\w+$/),
        email: expect.stringMatching(/^\w+@example\.com$/),
      },
      shelf: expect.stringMatching(/^\d+$/),
      tags: expect.arrayContaining([expect.any(String)]),
      genre: expect.stringMatching(/^(NOVEL|POEM)$/),
      available: true,
      price: expect.any(Number),
      pages: expect.stringMatching(/^\d+$/),
      cover: expect.any(String),
      stock: expect.any(Object),
      editors: expect.any(Object),
      createdAt: expect.stringMatching(/^202\d-\d\d-\d\dT[\d:.]+Z$/),
      createdTime: expect.stringMatching(/^202\d-\d\d-\d\dT[\d:.]+Z$/),
      loan: expect.stringMatching(/^\d+s$/),
      mask: expect.any(String),
      extra: { ready: true },
      anyJson: expect.any(String),
      list: [expect.any(Number)],
      attachment: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: expect.any(String) },
      city: expect.any(String),
      votes: expect.stringMatching(/^\d+$/),
      sequence: 1,
      year: expect.any(Number),
    })
    expect(Object.keys(book.editors as object).every((key) => /^\d+$/.test(key))).toBe(true)
    expect(['room', 'floor', 'lentTo'].filter((name) => name in book)).toHaveLength(1)
    expect(book).not.toHaveProperty('sequels')
  })

  test('is the same for the same seed, method and request, and another otherwise', async () => {
    const first = await ask('GetBook', { id: 'b1' })
    expect(await ask('GetBook', { id: 'b1' })).toEqual(first)
    expect(await ask('GetBook', { id: 'b1' }, 'mock:?seed=0')).toEqual(first)
    expect((await ask('GetBook', { id: 'b1' }, 'mock:?seed=7')).title).not.toBe(first.title)
    expect((await ask('GetBook', { id: 'b2' })).price).not.toBe(first.price)
    expect(((await ask('FindBook', { id: 'b1' })).book as typeof first).price).not.toBe(first.price)
  })

  test('takes fields of the same name and kind from the request, also one level down', async () => {
    const request = { id: 'b1', shelf: '9007199254740993', tags: ['x'], genre: 'POEM', title: true }
    const book = await ask('GetBook', request)
    expect(book).toMatchObject({ id: 'b1', shelf: '9007199254740993', tags: ['x'], genre: 'POEM' })
    expect(typeof book.title).toBe('string')
    expect((await ask('FindBook', { id: 'b1' })).book).toMatchObject({ id: 'b1' })
    const { books } = (await ask('ListBooks', { pageSize: 7, pageToken: 'x' })) as { books: { id: string }[] }
    expect(new Set(books.map(({ id }) => id)).size).toBe(7)
  })

  test('is what was sent where that is a whole message of its type', async () => {
    const book = { title: 'T', floor: 3, author: { name: 'A' }, tags: ['t'] }
    const made = await ask('CreateBook', { parent: 'p', book })
    expect(made).toMatchObject({ title: 'T', floor: 3, author: { name: 'A' }, tags: ['t'], year: expect.any(Number) })
    expect(made).not.toHaveProperty('room')
  })

  test('greets', async () => {
    expect(await ask('greeter.v1.Greeter/SayHello', { name: 'World' })).toEqual({
      message: 'Hello World',
      name: 'World',
    })
  })

  test('chooses no error, gives no page token, and knows raw bodies and empty answers', async () => {
    for (let i = 0; i < 10; i++) expect(await ask('FindBook', { id: `${i}` })).not.toHaveProperty('error')
    expect(await ask('ListBooks', {})).not.toHaveProperty('nextPageToken')
    expect(await ask('Cover', {})).toEqual({ contentType: 'text/plain', data: expect.any(String) })
    expect(await ask('Clear', {})).toEqual({})
  })

  test('names of prototypes are data', async () => {
    expect(await ask('Odd', {})).toEqual({
      Proto: expect.any(String),
      constructor: expect.any(String),
      hasOwnProperty: expect.any(Object),
      toString: expect.any(Number),
    })
  })

  test('every method of the schemas has one that is valid', async () => {
    for (const operation of schema.operations.values()) {
      if (operation.shape !== 'unary') continue
      expect(await ask(operation.name, {}), operation.name).toBeTypeOf('object')
    }
  })
})

describe('unary', () => {
  test('answers in the same turn when the request is here, else when it comes', async () => {
    const reply = connect().call(exchangeOf('GetBook', unary(message('GetBook', {}))))
    expect(reply).not.toBeInstanceOf(Promise)
    const source = new Source({ resume() {}, cancel() {} })
    const late = start('GetBook', source)
    source.push(message('GetBook', { id: 'late' }))
    source.end(OK)
    expect(json((await late.reply).messages.unary!)).toMatchObject({ id: 'late' })
  })

  test.each([
    ['a request that does not fit its type', { nope: 1 }],
    ['a wrong value', { shelf: 'x' }],
  ])('%s is INVALID_ARGUMENT', async (_what, request) => {
    await expect(start('GetBook', unary(message('GetBook', request))).reply).rejects.toMatchObject({
      status: { code: Code.INVALID_ARGUMENT },
    })
  })

  test('a request that breaks off, has no message, or whose call ends first', async () => {
    const broken = start('GetBook', fromList([], GONE))
    await expect(broken.reply).rejects.toMatchObject({ status: GONE, origin: 'client' })
    const empty: GatewayError = await start('GetBook', fromList([])).reply.catch((thrown) => thrown)
    expect([empty.status.code, reasonOf(empty.status.details)]).toEqual([Code.INVALID_ARGUMENT, 'REQUEST_MISSING'])
    const cancelled: unknown[] = []
    const waiting = start('GetBook', new Source({ resume() {}, cancel: (status) => cancelled.push(status) }))
    await Promise.resolve()
    waiting.exchange.cancel(GONE)
    await expect(waiting.reply).rejects.toMatchObject({ status: GONE })
    expect(cancelled).toEqual([GONE])
    const over = exchangeOf('GetBook', unary(message('GetBook', {})))
    over.cancel(GONE)
    expect(() => connect().call(over)).toThrow(expect.objectContaining({ status: GONE }))
  })

  test('a route without a method is UNIMPLEMENTED', () => {
    expect(() => connect().call(loopbackExchange({ shape: 'bytes' }))).toThrow(
      expect.objectContaining({ status: expect.objectContaining({ code: Code.UNIMPLEMENTED }) }),
    )
  })
})

describe('server stream', () => {
  const watch = async (address: string, request: unknown = { id: 'w' }, room?: number) => {
    const clock = testClock()
    const channel = connect(address, clock)
    const { exchange, reply } = start('WatchBooks', unary(message('WatchBooks', request)), channel)
    const sink = recorder(room).read((await reply).messages)
    return { clock, channel, exchange, sink, sequences: () => sink.messages.map((one) => json(one).sequence) }
  }

  test('answers at once, then every interval, until the client leaves', async () => {
    const { clock, exchange, sink, sequences } = await watch('mock:?interval=200ms')
    expect(sequences()).toEqual([1])
    clock.advance(199)
    expect(sequences()).toEqual([1])
    clock.advance(1)
    clock.advance(400)
    expect(sequences()).toEqual([1, 2, 3, 4])
    const answers = sink.messages.map(json)
    expect(answers.map(({ id }) => id)).toEqual(['w', 'w', 'w', 'w'])
    expect(new Set(answers.map(({ price }) => price)).size).toBe(4)
    const times = answers.map(({ createdAt }) => Date.parse(createdAt as string))
    expect(times.map((time) => time - times[0]!)).toEqual([0, 200, 400, 600])
    exchange.cancel(GONE)
    expect(await sink.done).toBe(GONE)
    expect(clock.pending()).toBe(0)
  })

  test('every second by default', async () => {
    const { clock, sequences } = await watch('mock:')
    clock.advance(3000)
    expect(sequences()).toEqual([1, 2, 3, 4])
  })

  test.each([
    ['mock:?count=3', {}, 3],
    ['mock:', { count: 2 }, 2],
    ['mock:?count=2', { count: 5 }, 2],
    ['mock:?count=0', {}, 0],
    ['mock:?count=150&interval=0s', {}, 150],
  ])('%s, asked for %j: %i answers, then OK', async (address, request, expected) => {
    const { clock, sink } = await watch(address, request)
    clock.advance(60_000)
    expect([sink.messages.length, sink.ends]).toEqual([expected, [OK]])
    expect(clock.pending()).toBe(0)
  })

  test.each(['mock:?interval=1s', 'mock:?interval=0s'])('%s: a reader that waits stops the ticks', async (address) => {
    const { clock, sink, exchange } = await watch(address, {}, 1)
    clock.advance(10_000)
    expect([sink.messages.length, clock.pending()]).toEqual([1, 0])
    sink.more(2)
    clock.advance(10_000)
    expect(sink.messages).toHaveLength(3)
    exchange.cancel(GONE)
    expect([sink.ends, clock.pending()]).toEqual([[GONE], 0])
  })

  test('nobody reads: nothing is made in advance, and the end of the call frees it', async () => {
    const clock = testClock()
    const { exchange, reply } = start('WatchBooks', unary(message('WatchBooks', {})), connect('mock:', clock))
    const { messages } = await reply
    clock.advance(10_000)
    expect(clock.pending()).toBe(0)
    exchange.cancel(GONE)
    expect(await collect(messages)).toEqual({ messages: [], status: GONE })
  })

  test('the reader cancels; the exchange ends well before the stream did', async () => {
    const read = await watch('mock:')
    read.sink.cancel(GONE)
    expect([read.sink.ends, read.clock.pending()]).toEqual([[GONE], 0])
    const ended = await watch('mock:')
    ended.exchange.end(OK)
    expect((await ended.sink.done).code).toBe(Code.CANCELLED)
    expect(ended.clock.pending()).toBe(0)
  })

  test('a request that does not fit fails before the first answer', async () => {
    const { reply } = start('WatchBooks', unary(message('WatchBooks', { nope: 1 })))
    await expect(reply).rejects.toMatchObject({ status: { code: Code.INVALID_ARGUMENT } })
  })

  test('the channel stops: UNAVAILABLE for open and later calls', async () => {
    const { channel, clock, sink } = await watch('mock:')
    await channel.stop()
    await channel.stop()
    expect((await sink.done).code).toBe(Code.UNAVAILABLE)
    expect(clock.pending()).toBe(0)
    expect(() => channel.call(exchangeOf('GetBook', unary(message('GetBook', {}))))).toThrow(
      expect.objectContaining({ status: expect.objectContaining({ code: Code.UNAVAILABLE }), origin: 'upstream' }),
    )
  })
})

describe('client stream', () => {
  test('resolves at once, answers after the end from the last message and their number', async () => {
    const source = new Source({ resume() {}, cancel() {} })
    const { reply } = start('AddBooks', source)
    const sink = recorder().read((await reply).messages)
    for (const id of ['one', 'two', 'three']) source.push(message('AddBooks', { id }))
    expect(sink.messages).toHaveLength(0)
    source.end(OK)
    expect((await sink.done).code).toBe(Code.OK)
    expect(sink.messages.map(json)).toEqual([{ count: 3, id: 'three' }])
  })

  test('without a message there is an answer too', async () => {
    const { messages } = await start('AddBooks', fromList([])).reply
    expect((await collect(messages)).messages.map(json)).toEqual([{ id: expect.any(String) }])
  })

  test('a message that does not fit ends the call and stops the request', async () => {
    const cancelled: unknown[] = []
    const source = new Source({ resume() {}, cancel: (status) => cancelled.push(status) })
    const sink = recorder().read((await start('AddBooks', source).reply).messages)
    source.push(message('AddBooks', { id: 'fine' }))
    source.push(message('AddBooks', { nope: 1 }))
    expect((await sink.done).code).toBe(Code.INVALID_ARGUMENT)
    await Promise.resolve()
    expect(cancelled).toMatchObject([{ code: Code.INVALID_ARGUMENT }])
  })

  test('a request that breaks off, a client that leaves', async () => {
    const broken = await start('AddBooks', fromList([message('AddBooks', {})], GONE)).reply
    expect(await collect(broken.messages)).toEqual({ messages: [], status: GONE })
    const cancelled: unknown[] = []
    const source = new Source({ resume() {}, cancel: (status) => cancelled.push(status) })
    const { exchange, reply } = start('AddBooks', source)
    const sink = recorder().read((await reply).messages)
    exchange.cancel(GONE)
    expect([sink.ends, cancelled]).toEqual([[GONE], [GONE]])
  })
})

describe('bidi', () => {
  const talk = async (room?: number) => {
    const cancelled: unknown[] = []
    let resumed = 0
    const source = new Source({
      resume() {
        resumed++
      },
      cancel: (status) => cancelled.push(status),
    })
    const { exchange, reply } = start('Discuss', source)
    const { messages } = await reply
    const sink = recorder(room).read(messages)
    return { source, exchange, sink, cancelled, resumed: () => resumed }
  }

  test('each message is answered with its own fields, the end with the end', async () => {
    const { source, sink } = await talk()
    source.push(message('Discuss', { user: 'ada', text: 'hello' }))
    expect(sink.messages.map(json)).toEqual([{ user: 'ada', text: 'hello', sentAt: expect.any(String) }])
    source.push(message('Discuss', { user: 'ada', text: 'bye' }))
    source.end(OK)
    expect(await sink.done).toBe(OK)
    expect(sink.messages.map((one) => json(one).text)).toEqual(['hello', 'bye'])
  })

  test('a reader of answers that waits holds the request back', async () => {
    const { source, sink, resumed } = await talk(1)
    const before = resumed()
    expect(source.push(message('Discuss', { text: '1' }))).toBe(false)
    expect(source.push(message('Discuss', { text: '2' }))).toBe(false)
    expect(sink.messages).toHaveLength(1)
    expect(resumed()).toBe(before)
    sink.more()
    expect(sink.messages).toHaveLength(2)
    expect(resumed()).toBe(before + 1)
    expect(source.push(message('Discuss', { text: '3' }))).toBe(true)
  })

  test('a message that does not fit ends the call behind the answers before it', async () => {
    const { source, sink, cancelled } = await talk()
    source.push(message('Discuss', { text: '1' }))
    source.push(message('Discuss', { nope: 1 }))
    expect((await sink.done).code).toBe(Code.INVALID_ARGUMENT)
    await Promise.resolve()
    expect([sink.order, cancelled.length]).toEqual([['message', 'end'], 1])
  })

  test('the request breaks off; the client leaves; the exchange was over before', async () => {
    const broken = await talk()
    broken.source.end(GONE)
    expect(await broken.sink.done).toBe(GONE)
    const left = await talk()
    left.exchange.cancel(GONE)
    expect([left.sink.ends, left.cancelled]).toEqual([[GONE], [GONE]])
  })
})

describe('addresses', () => {
  test.each([
    ['mock:', { seed: '0', interval: 1000, count: Number.POSITIVE_INFINITY }],
    ['mock:?', { seed: '0', interval: 1000, count: Number.POSITIVE_INFINITY }],
    ['mock://', { seed: '0', interval: 1000, count: Number.POSITIVE_INFINITY }],
    ['mock:?seed=7&interval=200ms&count=10', { seed: '7', interval: 200, count: 10 }],
    ['MOCK:?seed=a%20b', { seed: 'a b', interval: 1000, count: Number.POSITIVE_INFINITY }],
  ])('%s', (address, expected) => {
    expect(parseMockAddress(address)).toEqual(expected)
  })

  test.each([
    ['mock:?sed=7', 'did you mean "seed"?'],
    ['mock:?interval=5', '"interval" is no duration'],
    ['mock:?count=-1', '"count" is no number'],
    ['mock:?seed=1&seed=2', 'twice'],
    ['mock://localhost:1', 'more than options'],
  ])('%s is refused: %s', (address, text) => {
    const refuse = () => connect(address)
    expect(refuse).toThrow(ConfigError)
    expect(refuse).toThrow(text)
    expect(refuse).toThrow('ENDPOINT_INVALID')
  })
})

describe('types that hold each other', () => {
  /** Each of `count` messages has a field of each of them. */
  const mesh = (syntax: string, label: string, count: number): string =>
    `syntax = "${syntax}"; ${Array.from({ length: count }, (_, i) => {
      const fields = Array.from({ length: count }, (_, j) => `${label} M${j} f${j} = ${j + 1};`)
      return `message M${i} { ${fields.join(' ')} }`
    }).join(' ')}`
  const messagesIn = (value: unknown): number => {
    if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + messagesIn(one), 0)
    if (typeof value !== 'object' || value === null) return 0
    return Object.values(value).reduce((sum: number, one) => sum + messagesIn(one), 1)
  }
  test.each([
    ['proto3', 'repeated'],
    ['proto2', 'required'],
  ])('%s, %s: an answer has some thousand messages and not millions', async (syntax, label) => {
    const wide = await cleanSchema({ 'a.proto': mesh(syntax, label, 13) })
    const type = wide.type('M0')!
    const value = makeAnswer({
      type,
      requestType: type,
      request: undefined,
      random: new Random('seed'),
      time: 0,
      index: 1,
      typeNamed: (name) => wide.type(name),
    })
    expect(messagesIn(value)).toBeGreaterThan(1_000)
    expect(messagesIn(value)).toBeLessThanOrEqual(10_001)
  })
})
