import { describe, expect, test } from 'vitest'
import { things } from '../support/things.ts'

const server = things()
const MERGE = { 'content-type': 'application/merge-patch+json' }

/** What the backend is sent for a PATCH of `inner`: the message and the mask. */
const patch = async (body: string, query = '', headers: Readonly<Record<string, string>> = {}) => {
  const answer = await server.ask('PATCH', `/v1/things/n${query}`, body, headers)
  expect(answer.status, answer.text).toBe(200)
  return answer.json() as { readonly name: string; readonly inner?: unknown; readonly updateMask?: string }
}

describe.each([
  ['JSON', {}],
  ['a merge patch', MERGE],
  ['a merge patch with a charset', { 'content-type': 'Application/Merge-Patch+JSON; charset=utf-8' }],
])('PATCH with %s', (_, headers) => {
  test.each([
    ['what it sets', '{"someText":"x","u":"1"}', { someText: 'x', u: '1' }, 'someText,u'],
    ['proto names', '{"some_text":"x"}', { someText: 'x' }, 'someText'],
    ['null unsets: in the mask and not in the message', '{"someText":null,"u":"1"}', { u: '1' }, 'someText,u'],
    ['nothing but nulls', '{"someText":null,"flag":null,"at":null}', {}, 'at,flag,someText'],
    [
      'nested',
      '{"sub":{"someText":"x","sub":{"u":"2"}}}',
      { sub: { someText: 'x', sub: { u: '2' } } },
      'sub.someText,sub.sub.u',
    ],
    ['nested null', '{"sub":{"someText":null}}', { sub: {} }, 'sub.someText'],
    ['a whole message set to null', '{"sub":null}', {}, 'sub'],
    ['lists are replaced', '{"list":["a"]}', { list: ['a'] }, 'list'],
    ['an empty list, a list set to null', '{"list":[]}', {}, 'list'],
    ['maps are one field', '{"labels":{"a":"1"}}', { labels: { a: '1' } }, 'labels'],
    ['a map set to null', '{"labels":null}', {}, 'labels'],
    ['a Struct is one field', '{"extra":{"a":{"b":null}}}', { extra: { a: { b: null } } }, 'extra'],
    ['defaults count', '{"u":0,"flag":false,"kind":"NONE"}', { flag: false }, 'flag,kind,u'],
    ['an empty message', '{"sub":{}}', { sub: {} }, 'sub'],
    ['one member of a oneof, the other set to null', '{"left":null,"right":"x"}', { right: 'x' }, 'left,right'],
  ])('%s', async (_name, body, inner, mask) => {
    const sent = await patch(body, '', headers)
    expect(sent).toEqual({ name: 'n', inner, updateMask: mask })
  })
  test('nothing to change: no mask', async () => {
    expect(await patch('{}', '', headers)).toEqual({ name: 'n', inner: {} })
    expect(await patch('', '', headers)).toEqual({ name: 'n' })
  })
  test("the client's own mask holds", async () => {
    expect((await patch('{"someText":"x"}', '?updateMask=u', headers)).updateMask).toBe('u')
    expect((await patch('{"someText":"x"}', '?update_mask=', headers)).updateMask).toBe('')
  })
  test('a member that is no field is refused, also where it is null', async () => {
    for (const body of ['{"sub":{"nothing":null}}', '{"sub":{"nothing":1}}']) {
      const answer = await server.ask('PATCH', '/v1/things/n', body, headers)
      expect([answer.status, (answer.json() as { message: string }).message]).toMatchObject([
        400,
        expect.stringContaining('JSON 1:9 (/sub/nothing)'),
      ])
    }
  })
  test('null inside a list or a map is no value', async () => {
    for (const body of ['{"list":["a",null]}', '{"labels":{"a":null}}'])
      expect((await server.ask('PATCH', '/v1/things/n', body, headers)).status).toBe(400)
  })
})

describe('where no mask is filled in', () => {
  test('body "*": a mask is a member of the message like any other', async () => {
    const answer = await server.ask('PATCH', '/v1/whole/n', '{"inner":{"u":"1"},"updateMask":"inner.u"}')
    expect(answer.json()).toEqual({ name: 'n', inner: { u: '1' }, updateMask: 'inner.u' })
    const none = await server.ask('PATCH', '/v1/whole/n', '{"inner":{"u":null}}')
    expect(none.json()).toEqual({ name: 'n', inner: {} })
  })
  test('a merge patch is refused: nobody could tell what its nulls remove', async () => {
    const before = server.backend.calls
    const answer = await server.ask('PATCH', '/v1/whole/n', '{"inner":null}', MERGE)
    expect([answer.status, answer.headers['accept-patch']]).toEqual([415, 'application/json'])
    expect(server.backend.calls).toBe(before)
  })
})

describe('patch documents', () => {
  test.each([
    ['POST', '/v1/things'],
    ['PUT', '/v1/things/n/inner'],
    ['PUT', '/v1/whole/n'],
    ['REPORT', '/v1/things'],
  ])('a merge patch is for PATCH, not for %s %s', async (method, path) => {
    const answer = await server.ask(method, path, '{}', MERGE)
    expect([answer.status, answer.headers['accept-patch']]).toEqual([415, undefined])
    expect(answer.text).toContain('MEDIA_TYPE_UNSUPPORTED')
  })
  test.each(['application/json-patch+json', 'text/plain', 'application/x-ndjson'])(
    'of the type %s: 415 with what is accepted',
    async (type) => {
      const answer = await server.ask('PATCH', '/v1/things/n', '[]', { 'content-type': type })
      expect([answer.status, answer.headers['accept-patch']]).toEqual([
        415,
        'application/json, application/merge-patch+json',
      ])
    },
  )
})
