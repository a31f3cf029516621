import { describe, expect, test } from 'vitest'
import { things } from '../support/things.ts'

const { ask } = things()
const json = async (...request: Parameters<typeof ask>): Promise<unknown> => {
  const answer = await ask(...request)
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json'])
  return answer.json()
}

describe('a body that feeds one field', () => {
  test.each([
    ['a list', 'tags', '["a","b"]', ['a', 'b']],
    ['an empty list', 'tags', '[]', undefined],
    ['a map', 'labels', '{"a":"1","__proto__":"2"}', JSON.parse('{"a":"1","__proto__":"2"}')],
    ['a number', 'count', '9007199254740993', '9007199254740993'],
    ['a number in quotes', 'count', '"1e3"', '1000'],
    ['an enum by name', 'kind', '"RED"', 'RED'],
    ['an enum by number', 'kind', '7', 7],
    ['a well-known type', 'at', '"2024-02-29T12:00:00.5+02:00"', '2024-02-29T10:00:00.500Z'],
    ['a message', 'inner', '{"some_text":"x"}', { someText: 'x' }],
    ['a list of messages', 'children', '[{"u":1},{}]', undefined],
    ['null', 'tags', 'null', undefined],
    ['nothing', 'inner', '', undefined],
  ])('%s', async (_, field, body, want) => {
    const reply = await json('PUT', `/v1/things/n/${field}`, body)
    if (field === 'children') expect(reply).toEqual([{ u: '1' }, {}])
    else expect(reply).toEqual(want === undefined ? { name: 'n' } : { name: 'n', [field]: want })
  })
  test('path and query feed the others, and not that one', async () => {
    expect(await json('PUT', '/v1/things/n/inner?small=3&tags=a&tags=b', '{"u":"1"}')).toEqual({
      name: 'n',
      small: 3,
      tags: ['a', 'b'],
      inner: { u: '1' },
    })
    const refused = await ask('PUT', '/v1/things/n/inner?inner.u=2', '{"u":"1"}')
    expect([refused.status, refused.text]).toMatchObject([400, expect.stringContaining('FIELD_CONFLICT')])
  })
  test.each([
    ['tags', '"a"', 'JSON 1:1: expected an array of'],
    ['tags', '["a",1]', 'JSON 1:6 (/1): expected a string'],
    ['count', '1.5', 'JSON 1:1: expected'],
    ['labels', '["a"]', 'JSON 1:1: expected an object'],
  ])('%s does not take %s', async (field, body, message) => {
    const answer = await ask('PUT', `/v1/things/n/${field}`, body)
    expect([answer.status, (answer.json() as { message: string }).message]).toMatchObject([
      400,
      expect.stringContaining(message),
    ])
  })
})

describe('a reply of one field', () => {
  test.each([
    ['tags?tags=a&tags=b', ['a', 'b']],
    ['tags', []],
    ['count?count=5', '5'],
    ['count', '0'],
    ['kind?kind=RED', 'RED'],
    ['inner?inner.u=1', { u: '1' }],
    ['inner', {}],
  ])('%s', async (path, want) => {
    expect(await json('GET', `/v1/things/n/${path}`)).toEqual(want)
  })
  test('a map', async () => {
    expect(await json('POST', '/v1/things/n/labels', '{"a":"b"}')).toEqual({ a: 'b' })
  })
  test('of each message of a stream, in every form', async () => {
    const stream = async (accept: string, path: string) => (await ask('GET', path, undefined, { accept })).text
    const tags = '/v1/things/n/tags:watch?tags=a&tags=b'
    expect(await stream('application/x-ndjson', tags)).toBe('["a","b"]\n')
    expect(await stream('application/json', tags)).toBe('[["a","b"]]')
    expect(await stream('text/event-stream', tags)).toMatch(/^data: \["a","b"\]\n\nevent: end\n/)
    expect(await stream('application/x-ndjson', '/v1/things/n/count:watch?count=7')).toBe('"7"\n')
    const posted = await ask('POST', '/v1/things/n/inner:watch', '{"u":3}', { accept: 'application/json' })
    expect(posted.text).toBe('[{"u":"3"}]')
  })
  test('and a body of one field, of each message of a stream', async () => {
    const chat = await ask('POST', '/v1/chat/n?small=1', '{"u":1}\n{"u":2}\n{}', {
      'content-type': 'application/x-ndjson',
    })
    expect(chat.text).toBe('{"u":"1"}\n{"u":"2"}\n{}\n')
  })
})

describe('methods', () => {
  test('additional_bindings are bindings of their own', async () => {
    expect(await json('GET', '/v1/things/a%20b?count=5')).toEqual({ name: 'a b', count: '5' })
    expect(await json('PUT', '/v1/whole/n', '{"count":5}')).toEqual({ name: 'n', count: '5' })
    expect(await json('POST', '/v1/things', '{"name":"x"}')).toEqual({ name: 'x' })
  })
  test('a custom method, and one for every method', async () => {
    expect(await json('REPORT', '/v1/things', '{"name":"x"}')).toEqual({ name: 'x' })
    for (const method of ['GET', 'DELETE', 'PURGE', 'POST'])
      expect(await json(method, '/v1/any/n?count=1')).toEqual({ name: 'n', count: '1' })
    const wrong = await ask('DELETE', '/v1/things')
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'POST, REPORT'])
  })
})
