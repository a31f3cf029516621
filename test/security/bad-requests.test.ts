import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { encodeOrder } from '../support/grpc-backend.ts'
import { type Answer, type SendInit, send } from '../support/http-client.ts'
import { expectNothingInside, refusalOf, type Stage, socketRefusal, startStage } from '../support/sound.ts'
import { WsClient } from '../support/ws-client.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage({ limits: { body: '64KiB', message: '64KiB' } }, { limits: { message: '32KiB' } })
})
afterEach(() => stage.expectSound())
afterAll(() => stage.stop())

const JSON_TYPE = { 'content-type': 'application/json' }
const NDJSON = { 'content-type': 'application/x-ndjson' }
const post = (path: string, body: SendInit['body'], headers: SendInit['headers'] = JSON_TYPE): Promise<Answer> =>
  send(stage.url, { method: 'POST', path, headers, body })
const get = (path: string, headers: SendInit['headers'] = {}): Promise<Answer> => send(stage.url, { path, headers })
const big = JSON.stringify({ text: 'x'.repeat(70_000) })
const deep = (open: string, count = 100_000): string => open.repeat(count)

/** What JSON is refused, and why. */
const JSON_CASES: readonly (readonly [text: string, reason: string, says: string])[] = [
  ['{', 'JSON_INVALID', 'expected a member name'],
  ['{"text":"a",}', 'JSON_INVALID', '1:13'],
  ['{"text":"a"} x', 'JSON_INVALID', '1:14'],
  ["{'text':'a'}", 'JSON_INVALID', 'found "\'"'],
  ['{/* */}', 'JSON_INVALID', '1:2'],
  ['NaN', 'JSON_INVALID', '1:1'],
  ['{"text":"\u0001"}', 'JSON_INVALID', 'control character'],
  ['{"text":"\\ud800"}', 'JSON_INVALID', 'surrogate'],
  ['{"text":"a","text":"b"}', 'FIELD_DUPLICATE', '"text"'],
  ['null', 'FIELD_INVALID', 'test.v1.Order'],
  ['[]', 'FIELD_INVALID', 'an array'],
  ['"x"', 'FIELD_INVALID', '"x"'],
  ['{"text":1}', 'FIELD_INVALID', '/text'],
  ['{"count":"x"}', 'FIELD_INVALID', '/count'],
  ['{"count":1.5}', 'FIELD_INVALID', '1.5'],
  ['{"count":2147483648}', 'FIELD_INVALID', '2147483647'],
  ['{"number":"9223372036854775808"}', 'FIELD_INVALID', '/number'],
  ['{"endless":"true"}', 'FIELD_INVALID', 'true or false'],
  ['{"padding":"@@"}', 'FIELD_INVALID', 'base64'],
  ['{"tags":"a"}', 'FIELD_INVALID', '/tags'],
  ['{"tags":[null]}', 'FIELD_INVALID', '/tags/0'],
  ['{"fail":[]}', 'FIELD_INVALID', 'test.v1.Fail'],
  ['{"fail":{"trailers":{"a":null}}}', 'FIELD_INVALID', '/fail/trailers/a'],
  ['{"nope":1}', 'FIELD_UNKNOWN', '"nope"'],
  ['{"fail":{"nope":{}}}', 'FIELD_UNKNOWN', '/fail'],
  ['{"\\u0000":1}', 'FIELD_UNKNOWN', 'test.v1.Order'],
]

describe.each(JSON_CASES)('JSON %j', (text, reason, says) => {
  test('as a body: 400, and the backend is not called', async () => {
    const before = stage.backend.calls.length
    const refusal = refusalOf(await post('/v1/say', text))
    expect(refusal).toMatchObject({ status: 400, code: 3, reason, message: expect.stringContaining(says) })
    expect(stage.backend.calls.length).toBe(before)
  })
  test('as the second line of a client stream: 400, and the call is let go', async () => {
    const refusal = refusalOf(await post('/v1/collect', `{"text":"a"}\n${text}\n`, NDJSON))
    expect(refusal.status).toBe(400)
    expect([reason, 'JSON_STREAM_INVALID']).toContain(refusal.reason)
  })
  test('as a frame, the first and a later one: 4400 with the same word', async () => {
    for (const frames of [[text], ['{"text":"a"}', text]]) {
      const { client } = await WsClient.open(stage.port, { path: '/v1/chat' })
      for (const frame of frames) client.text(frame)
      expect(await socketRefusal(client)).toMatchObject({
        status: 4400,
        code: 3,
        reason,
        message: expect.stringContaining(says),
      })
    }
  })
})

test('bytes that are not UTF-8, a byte order mark', async () => {
  for (const body of [Buffer.from('{"text":"\xff"}', 'latin1'), Buffer.from('\ufeff{}')])
    expect(refusalOf(await post('/v1/say', body))).toMatchObject({ status: 400, reason: 'JSON_INVALID' })
  const { client } = await WsClient.open(stage.port, { path: '/v1/chat' })
  client.raw(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]))
  expect(await client.closed).toMatchObject({ code: 1007 })
})

test.each(['[', '{"fail":', '{"nope":', '{"nope":[', '[{"text":'])('100,000 times %s', async (open) => {
  const text = deep(open)
  for (const [path, headers] of [
    ['/v1/say', JSON_TYPE],
    ['/v1/collect', JSON_TYPE],
    ['/v1/collect', NDJSON],
  ] as const) {
    // First within the limit of the body, then above it.
    const within = refusalOf(await post(path, text.slice(0, 60_000), headers))
    expect(within.status).toBe(400)
    expect(within.reason).toMatch(/^(JSON_TOO_DEEP|FIELD_UNKNOWN|FIELD_INVALID|JSON_STREAM_INVALID)$/)
    const above = refusalOf(await post(path, text, headers))
    expect(above).toMatchObject({
      code: expect.any(Number),
      reason: expect.stringMatching(/_TOO_LARGE|TOO_DEEP|INVALID/),
    })
  }
  const { client } = await WsClient.open(stage.port, { path: '/v1/chat' })
  client.text(text.slice(0, 60_000))
  expect((await socketRefusal(client)).status).toBe(4400)
})

describe('too large', () => {
  test('a body, a line, a member of an array, and what it inflates to: 413', async () => {
    const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    const cases: readonly (readonly [Answer, string])[] = [
      [await post('/v1/say', big), 'BODY_TOO_LARGE'],
      [await post('/v1/collect', `${big}\n`, NDJSON), 'MESSAGE_TOO_LARGE'],
      [await post('/v1/collect', `[${big}]`), 'MESSAGE_TOO_LARGE'],
      [await post('/v1/say', gzipSync(big), gzip), 'MESSAGE_TOO_LARGE'],
      [await post('/v1/say', undefined, { ...JSON_TYPE, 'content-length': '70000' }), 'BODY_TOO_LARGE'],
    ]
    for (const [answer, reason] of cases) expect(refusalOf(answer)).toMatchObject({ status: 413, code: 8, reason })
  })

  test.each(['/v1/say', '/v1/watch', '/v1/collect', '/v1/chat'])(
    'a frame of %s: 1009, in text and in binary',
    async (path) => {
      for (const kind of ['text', 'binary'] as const) {
        const { client } = await WsClient.open(stage.port, { path })
        if (kind === 'text') client.text(big)
        else client.binary(encodeOrder({ text: 'x'.repeat(70_000) }))
        expect(await client.closed).toMatchObject({ code: 1009 })
      }
    },
  )

  test('an answer of the backend: 502 before the head, the last record behind it, 4429 on a socket', async () => {
    const late = { status: 502, code: 8, reason: 'MESSAGE_TOO_LARGE' }
    for (const path of ['/v1/say/a?size=40000', '/v1/watch/a?count=1&size=40000'])
      expect(refusalOf(await get(path))).toMatchObject(late)
    expect(refusalOf(await post('/v1/collect', '{"size":40000}\n', NDJSON))).toMatchObject(late)
    const chat = await post('/v1/chat', '{"text":"a"}\n{"size":40000}\n', NDJSON)
    const lines = chat.text.trim().split('\n')
    expect(lines).toHaveLength(2)
    expect(JSON.parse(lines[1]!)).toMatchObject({ error: { code: 8, details: [{ reason: late.reason }] } })
    expectNothingInside(lines[1]!)
    const { client } = await WsClient.open(stage.port, { path: '/v1/chat' })
    client.text('{"size":40000}')
    expect(await socketRefusal(client)).toMatchObject({ ...late, status: 4429 })
  })

  test('a head: 431', async () => {
    expect(refusalOf(await get('/v1/say/a', { 'x-long': 'x'.repeat(20_000) }))).toMatchObject({ status: 431 })
    expect(refusalOf(await get(`/v1/say/${'x'.repeat(20_000)}`))).toMatchObject({ status: 431 })
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`x-${i}`, 'y']))
    expect(refusalOf(await get('/v1/say/a', many))).toMatchObject({ status: 431 })
  })
})

test.each([
  ['/v1/say/a?nope=1', 400, 'QUERY_UNKNOWN'],
  ['/v1/say/a?text=b', 400, 'FIELD_CONFLICT'],
  ['/v1/say/a?count=x', 400, 'FIELD_INVALID'],
  ['/v1/say/a?count=', 400, 'FIELD_INVALID'],
  ['/v1/say/a?count=1&count=2', 400, 'QUERY_REPEATED'],
  ['/v1/say/a?fail=x', 400, 'QUERY_UNSUPPORTED'],
  ['/v1/say/a?fail.trailers=x', 400, 'QUERY_UNSUPPORTED'],
  ['/v1/say/a?tags=%zz', 400, 'QUERY_INVALID'],
  ['/v1/say/a?text%ff=1', 400, 'QUERY_INVALID'],
  ['/v1/say/%ff', 400, 'PATH_INVALID'],
  ['/v1/say/%zz', 400, 'PATH_INVALID'],
  ['/v1/say/../secret', 400, 'PATH_INVALID'],
  ['/v1/say/%2e%2e/secret', 400, 'PATH_INVALID'],
  ['/v1/say', 405, 'METHOD_NOT_ALLOWED'],
  ['/nothing', 404, 'ROUTE_NOT_FOUND'],
  ['//v1/say/a', 404, 'ROUTE_NOT_FOUND'],
])('GET %s: %i %s', async (path, status, reason) => {
  expect(refusalOf(await get(path))).toMatchObject({ status, reason })
  const { answer } = await WsClient.open(stage.port, { path: path === '/v1/say' ? '/nothing' : path })
  expect(answer.status).toBe(path === '/v1/say' ? 404 : status)
  expectNothingInside(answer.body)
})

test.each([
  ['another media type', { 'content-type': 'text/xml' }, '<a/>', 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ['another charset', { 'content-type': 'application/json; charset=utf-16' }, '{}', 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ['an unknown coding', { ...JSON_TYPE, 'content-encoding': 'zstd' }, '{}', 415, 'ENCODING_UNSUPPORTED'],
  ['no gzip', { ...JSON_TYPE, 'content-encoding': 'gzip' }, '{}', 400, 'ENCODING_INVALID'],
  ['a wrong deadline', { ...JSON_TYPE, 'grpc-timeout': '1x' }, '{}', 400, 'TIMEOUT_INVALID'],
])('%s', async (_name, headers, body, status, reason) => {
  expect(refusalOf(await post('/v1/say', body, headers))).toMatchObject({ status, reason })
})

test('a body that nobody asked for', async () => {
  const headers = { ...JSON_TYPE, 'content-length': '2' }
  const answer = await send(stage.url, { path: '/v1/say/a', headers, body: '{}' })
  expect(refusalOf(answer)).toMatchObject({ status: 400, reason: 'BODY_UNEXPECTED' })
})

test('protobuf that the backend cannot read is its own error', async () => {
  for (const bytes of [Buffer.from([0xff, 0xff]), Buffer.from([0x0a, 0x7f]), Buffer.alloc(1000, 0xff)]) {
    const { client } = await WsClient.open(stage.port, { path: '/v1/say' })
    client.binary(bytes)
    expect(await socketRefusal(client)).toMatchObject({ status: 4500, code: 13 })
  }
})

test('a fault of the backend keeps its words, and ours stay out', async () => {
  const answer = refusalOf(await get('/v1/say/a?fail.code=13&fail.message=broken'))
  expect(answer).toEqual({ status: 500, code: 13, reason: undefined, message: 'broken' })
  const odd = refusalOf(await get('/v1/say/a?fail.code=99&fail.message=odd'))
  expect(odd).toMatchObject({ status: 500, message: 'odd' })
})
