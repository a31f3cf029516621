import { describe, expect, test } from 'vitest'
import { things } from '../support/things.ts'

const plain = things()
const set = things({ json: { emitDefaults: true, protoNames: true, int64Numbers: true } })

const BODY = '{"name":"n","count":"5","kind":"RED","inner":{"someText":"x","u":"9007199254740993"}}'
const get = async (accept: string | undefined, { ask } = plain, path = '/v1/things') => {
  const post = path === '/v1/things'
  const headers = accept === undefined ? {} : { accept }
  return await ask(post ? 'POST' : 'GET', path, post ? BODY : undefined, headers)
}
const DEFAULT = {
  name: 'n',
  count: '5',
  kind: 'RED',
  inner: { someText: 'x', u: '9007199254740993' },
}

describe('options of a JSON reply in Accept', () => {
  test('none: as the route says', async () => {
    for (const accept of [undefined, '*/*', 'application/json', 'application/json;charset=utf-8', 'text/html'])
      expect((await get(accept)).json()).toEqual(DEFAULT)
  })
  test('each by itself', async () => {
    const ask = async (parameter: string) => (await get(`application/json; ${parameter}`)).json()
    expect(await ask('enumNumbers=true')).toEqual({ ...DEFAULT, kind: 1 })
    expect(await ask('int64Numbers=true')).toEqual({ ...DEFAULT, count: 5 })
    expect(await ask('protoNames=true')).toEqual({ ...DEFAULT, inner: { some_text: 'x', u: '9007199254740993' } })
    const filled = await ask('emitDefaults=true')
    expect(filled).toMatchObject({ ...DEFAULT, tags: [], labels: {}, children: [], small: 0, inner: { list: [] } })
    expect(filled).not.toHaveProperty('updateMask')
  })
  test('all together, in any case, quoted or as digits; what the type says is not repeated', async () => {
    const answer = await get('text/html, Application/JSON;ENUMNUMBERS=1 ; int64numbers="True";q=0.9;protonames=TRUE')
    expect(answer.json()).toEqual({ name: 'n', count: 5, kind: 1, inner: { some_text: 'x', u: '9007199254740993' } })
    expect([answer.headers['content-type'], answer.headers.vary]).toEqual(['application/json', 'accept'])
  })
  test('false switches off what the route says', async () => {
    const own = (await get(undefined, set)).json()
    expect(own).toMatchObject({ count: 5, small: 0, inner: { some_text: 'x' } })
    const accept = 'application/json;emitDefaults=false;protoNames=0;int64Numbers=false'
    expect((await get(accept, set)).json()).toEqual(DEFAULT)
    expect((await get('application/json;enumNumbers=true', set)).json()).toMatchObject({ kind: 1, count: 5, small: 0 })
  })
  test('what is unknown is passed over; the last of two counts', async () => {
    expect((await get('application/json; version=2; enumNumber=true; x')).json()).toEqual(DEFAULT)
    expect((await get('application/json;enumNumbers=true;enumNumbers=false')).json()).toEqual(DEFAULT)
  })
  test('those of the range that JSON falls into, and of no other', async () => {
    const kind = async (accept: string) => ((await get(accept)).json() as { kind: unknown }).kind
    expect(await kind('text/event-stream;enumNumbers=true, application/json')).toBe('RED')
    expect(await kind('*/*;enumNumbers=true')).toBe(1)
    expect(await kind('application/*;enumNumbers=true')).toBe(1)
    expect(await kind('application/json, */*;enumNumbers=true')).toBe('RED')
    expect(await kind('application/json;q=0.5, application/json;enumNumbers=true')).toBe(1)
    expect(await kind('application/json, application/json;enumNumbers=true;q=0.5')).toBe('RED')
    expect(await kind('text/plain;x=", application/json;enumNumbers=true", application/json')).toBe('RED')
  })
  test.each(['yes', '', '2', 'tru'])('%j is no value: 406', async (value) => {
    const before = plain.backend.calls
    const answer = await get(`application/json; emitDefaults=${value}`)
    expect([answer.status, answer.headers.vary]).toEqual([406, 'accept'])
    expect(answer.json()).toMatchObject({ code: 3, message: expect.stringContaining('emitDefaults') as string })
    expect(plain.backend.calls).toBe(before)
  })
  test('nor is none at all', async () => {
    const answer = await get('application/json; emitDefaults')
    expect([answer.status, answer.text]).toMatchObject([406, expect.stringContaining('NOT_ACCEPTABLE')])
  })
  test('response_body, streams in every form', async () => {
    expect((await get('*/*;int64Numbers=1', plain, '/v1/things/n/count?count=5')).text).toBe('5')
    const watch = async (accept: string) => await get(accept, plain, '/v1/things/n:watch?kind=RED&count=3')
    const number = 'enumNumbers=true;int64Numbers=1'
    const lines = await watch(`application/x-ndjson;${number}`)
    expect([lines.text, lines.headers['content-type']]).toEqual([
      '{"name":"n","count":3,"kind":1}\n',
      'application/x-ndjson',
    ])
    expect((await watch(`application/json;${number}`)).text).toBe('[{"name":"n","count":3,"kind":1}]')
    expect((await watch(`text/event-stream;${number}`)).text).toMatch(/^data: {"name":"n","count":3,"kind":1}\n\n/)
    expect((await watch(`*/*;${number}`)).text).toBe('{"name":"n","count":3,"kind":1}\n')
    expect((await watch(`application/json;${number};q=0.5, text/event-stream`)).text).toMatch(/^data: .*"RED"/)
    expect((await watch('text/event-stream;emitDefaults=maybe')).status).toBe(406)
  })
  test('raw bytes and errors are not JSON replies', async () => {
    const raw = await plain.ask('POST', '/v1/raw', '{"kind":1}', {
      accept: '*/*;enumNumbers=maybe',
      'content-type': 'a/b',
    })
    expect([raw.status, raw.text, raw.headers['content-type']]).toEqual([200, '{"kind":1}', 'a/b'])
    const error = async (accept: string) => (await plain.ask('GET', '/v1/things/n?zz=1', undefined, { accept })).text
    const all = 'emitDefaults=true;enumNumbers=true;protoNames=true;int64Numbers=true'
    expect(await error(`application/json;${all}`)).toBe(await error('application/json'))
  })
})
