import { describe, expect, test } from 'vitest'
import type { Conflict } from '../../../src/core/binding.ts'
import type { Overlay } from '../../../src/core/message.ts'
import { type BindingInit, bindingOf, overlayOf, refusal, transcode, vectorTypes } from '../../support/codec.ts'

const types = vectorTypes()
const json = types.table.codec('json')
const proto = types.table.codec('proto')
const m = types.type('vec.M')

interface Request {
  readonly params?: readonly string[]
  readonly query?: string
  readonly body?: string
  readonly rest?: Partial<Overlay>
}
const ask = (conflict: Conflict, init: BindingInit, { params = [], query = '', body = '', rest }: Request): unknown => {
  const binding = bindingOf(m, { ...init, compat: { conflict } })
  const wire = transcode(types, m, json, proto, body, overlayOf(binding, { params, query, ...rest }))
  return JSON.parse(transcode(types, m, proto, json, wire).toString())
}
/** What the three policies make of one request: the message, or the reason why it is refused. */
const all = (init: BindingInit, request: Request): readonly unknown[] =>
  (['reject', 'path', 'body'] as const).map((conflict) => {
    let made: unknown
    const refuse = (): unknown => {
      made = ask(conflict, init, request)
      throw new Error('not refused')
    }
    try {
      return refusal(refuse).reason
    } catch {
      return made
    }
  })

describe('path against body', () => {
  const init = { variables: ['id'], body: '*' }
  test('different values', () => {
    const request = { params: ['a'], body: '{"id":"b","n":"1"}' }
    expect(all(init, request)).toEqual(['FIELD_CONFLICT', { id: 'a', n: '1' }, { id: 'b', n: '1' }])
  })
  test('equal values, and a body that does not say it', () => {
    for (const body of ['{"id":"a"}', '{}', '', '{"id":null}', '{"id":""}'])
      expect(all(init, { params: ['a'], body })).toEqual([{ id: 'a' }, { id: 'a' }, { id: 'a' }])
  })
  test('the default of a field without presence is a value in the path', () => {
    const request = { params: ['0'], body: '{"n":"5"}' }
    expect(all({ variables: ['n'], body: '*' }, request)).toEqual(['FIELD_CONFLICT', {}, { n: '5' }])
  })
  test('fields of messages: the others stay', () => {
    const request = { params: ['a'], body: '{"s":{"t":"b","u":["k"]}}' }
    const [strict, path, body] = all({ variables: ['s.t'], body: '*' }, request)
    expect([strict, path, body]).toEqual(['FIELD_CONFLICT', { s: { t: 'a', u: ['k'] } }, { s: { t: 'b', u: ['k'] } }])
    expect(all({ variables: ['s.t'], body: 's' }, { params: ['a'], body: '{"t":"b"}' })).toEqual([
      'FIELD_CONFLICT',
      { s: { t: 'a' } },
      { s: { t: 'b' } },
    ])
  })
  test('another member of the oneof', () => {
    const request = { params: ['a'], body: '{"q":"b"}' }
    expect(all({ variables: ['p'], body: '*' }, request)).toEqual(['ONEOF_CONFLICT', { p: 'a' }, { q: 'b' }])
  })
  test('what does not fit its field is refused, whoever wins', () => {
    expect(all({ variables: ['n'], body: '*' }, { params: ['x'], body: '{"n":"5"}' })).toEqual(
      Array(3).fill('FIELD_INVALID'),
    )
    expect(all(init, { params: ['a'], body: '{"id":5}' })).toEqual(Array(3).fill('FIELD_INVALID'))
    expect(all(init, { params: ['a'], body: '{"p":"x","q":"y"}' })).toEqual(Array(3).fill('ONEOF_CONFLICT'))
  })
  test('frames and streams', () => {
    const request = { params: ['a'], body: '{"id":"b"}', rest: { whole: true } }
    expect(all({ variables: ['id'] }, request)).toEqual(['FIELD_CONFLICT', { id: 'a' }, { id: 'b' }])
  })
})

describe('the query never wins', () => {
  test('over the path', () => {
    const request = { params: ['a'], query: 'id=b&n=2' }
    expect(all({ variables: ['id'] }, request)).toEqual(['FIELD_CONFLICT', { id: 'a', n: '2' }, { id: 'a', n: '2' }])
  })
  test('over a path that the body has overridden', () => {
    const request = { params: ['a'], query: 'id=c', body: '{"id":"b"}' }
    expect(all({ variables: ['id'], body: '*' }, request)).toEqual(['FIELD_CONFLICT', { id: 'a' }, { id: 'b' }])
  })
  test('over the body, or where the body could speak', () => {
    expect(all({ body: '*' }, { query: 'n=2', body: '{"n":"1"}' })).toEqual(['FIELD_CONFLICT', { n: '1' }, { n: '1' }])
    expect(all({ body: '*' }, { query: 'n=2&s.t=x', body: '{}' })).toEqual(['FIELD_CONFLICT', {}, {}])
    const one = { query: 's.t=x&n=2', body: '{"u":["a"]}' }
    const kept = { s: { u: ['a'] }, n: '2' }
    expect(all({ body: 's' }, one)).toEqual(['FIELD_CONFLICT', kept, kept])
  })
  test('by another member of a oneof', () => {
    const path = { params: ['a'], query: 'q=b' }
    expect(all({ variables: ['p'] }, path)).toEqual(['ONEOF_CONFLICT', { p: 'a' }, { p: 'a' }])
  })
  test('over a whole message: it adds what is missing', () => {
    const rest = { whole: true }
    const frame = (query: string, body: string) => all({}, { query, body, rest })
    const both = (reason: string, message: object) => [reason, message, message]
    expect(frame('n=2&oi=3', '{"n":"1"}')).toEqual(both('FIELD_CONFLICT', { n: '1', oi: 3 }))
    expect(frame('r=2&r=3', '{"r":[1]}')).toEqual(both('FIELD_CONFLICT', { r: [1] }))
    expect(frame('s.t=x&s.u=y', '{"s":{"t":"z"}}')).toEqual(both('FIELD_CONFLICT', { s: { t: 'z', u: ['y'] } }))
    expect(frame('q=x&n=2', '{"p":"y"}')).toEqual(both('ONEOF_CONFLICT', { p: 'y', n: '2' }))
    expect(frame('at=2024-02-29T12:00:00Z', '{"at":"2023-01-01T00:00:00Z"}')).toEqual(
      both('FIELD_CONFLICT', { at: '2023-01-01T00:00:00Z' }),
    )
    expect(frame('r=2&r=3', '{}')).toEqual([{ r: [2, 3] }, { r: [2, 3] }, { r: [2, 3] }])
  })
  test('entries of maps', () => {
    const request = { query: 'm[a]=1&m[b]=2', body: '{"m":{"a":"x"}}', rest: { whole: true } }
    for (const conflict of ['path', 'body'] as const) {
      const binding = bindingOf(m, { compat: { conflict, queryForms: true } })
      const overlay = overlayOf(binding, { query: request.query, ...request.rest })
      const wire = transcode(types, m, json, proto, request.body, overlay)
      expect(JSON.parse(transcode(types, m, proto, json, wire).toString())).toEqual({ m: { a: 'x', b: '2' } })
    }
  })
  test('faults of the query itself are refused', () => {
    expect(all({}, { query: 'n=1&n=2' })).toEqual(Array(3).fill('QUERY_REPEATED'))
    expect(all({}, { query: 'p=1&q=2' })).toEqual(Array(3).fill('ONEOF_CONFLICT'))
    expect(all({}, { query: 'n=x' })).toEqual(Array(3).fill('FIELD_INVALID'))
    expect(all({}, { query: 'zz=1' })).toEqual(Array(3).fill('QUERY_UNKNOWN'))
  })
  test('captured keys', () => {
    const init = { variables: ['id'], unknownQuery: { capture: 'm' } }
    expect(all(init, { params: ['a'], query: '__proto__=1&zz=2' })).toEqual(
      Array(3).fill({ id: 'a', m: JSON.parse('{"__proto__":"1","zz":"2"}') as unknown }),
    )
  })
})

test('`set` wins over whatever won', () => {
  const init = { variables: ['id'], body: '*', set: { q: 'fixed' } }
  expect(all(init, { params: ['a'], body: '{"id":"a","p":"x"}' })).toEqual(Array(3).fill({ id: 'a', q: 'fixed' }))
})
