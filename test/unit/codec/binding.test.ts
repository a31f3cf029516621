import { describe, expect, test } from 'vitest'
import type { UnknownQuery } from '../../../src/core/binding.ts'
import { reasonOf } from '../../../src/core/error-details.ts'
import { toGatewayError } from '../../../src/core/status.ts'
import { httpFromStatus } from '../../../src/core/status-map.ts'
import { matchRoute, overlayOf, type Route, routesOf, transcode, vectorTypes } from '../../support/codec.ts'
import { readVectors } from '../../support/vectors.ts'

interface Case {
  readonly method: string
  readonly path: string
  readonly body: string | null
  readonly status: number | string
  readonly want: Record<string, unknown> | null
  readonly response?: unknown
  readonly reason?: string
  readonly content_type?: string | null
  readonly mark?: 'exact' | 'later'
}

const types = vectorTypes()
const { table } = types

/** What a gateway would answer: HTTP status, reason, and the message that the backend would have received. */
const answer = (
  routes: readonly Route[],
  one: Case,
): { status: number; reason: string | undefined; got: unknown } | undefined => {
  const [path = '', query = ''] = one.path.split(/\?(.*)/s)
  const found = matchRoute(routes, one.method, path)
  if (found === undefined) return undefined
  const [{ type, binding }, params] = found
  try {
    const overlay = overlayOf(binding, { params, query })
    const wire = transcode(types, type, table.codec('json'), table.codec('proto'), one.body ?? '', overlay)
    const text = transcode(types, type, table.codec('proto'), table.codec('json'), wire).toString()
    return { status: 200, reason: undefined, got: JSON.parse(text) }
  } catch (thrown) {
    const { status } = toGatewayError(thrown)
    if (status.code === 13) throw thrown
    return { status: httpFromStatus(status), reason: reasonOf(status.details), got: undefined }
  }
}

describe('test/vectors/binding.json', () => {
  const { cases } = readVectors<{ cases: Case[] }>('binding.json')
  const routes = routesOf(types, 'vec.Vectors')
  test.each(cases)('$method $path $body → $status', (one) => {
    const result = answer(routes, one)
    expect(result?.status).toBe(one.status)
    if (one.reason !== undefined) expect(result?.reason).toBe(one.reason)
    if (one.want !== null) expect(result?.got).toEqual(one.want)
  })
  test('marks', () => {
    expect(cases.filter(({ mark }) => mark !== undefined)).toEqual([])
  })
})

describe('test/vectors/query-binding.json', () => {
  const { cases } = readVectors<{ cases: Case[] }>('query-binding.json')
  const routes = [...routesOf(types, 'qv.QS'), ...routesOf(types, 'qv.QR')]
  /** Decided by the router and the inbound adapter, before anything is bound. */
  const elsewhere = (one: Case): boolean => [404, 405, 415, '4xx'].includes(one.status) || one.method === 'OPTIONS'
  test.each(cases.filter((one) => !elsewhere(one)))('$method $path → $status', (one) => {
    const result = answer(routes, one)
    expect(result).toBeDefined()
    if (one.status === 'any') return
    expect(result?.status).toBe(one.status)
    if (one.want !== null) expect(result?.got).toEqual(one.want)
  })
  test('most of them are decided here', () => {
    expect(cases.length - cases.filter(elsewhere).length).toBe(116)
  })
})

describe('unknown keys', () => {
  const type = types.type('vec.M')
  const run = (query: string, unknownQuery: UnknownQuery, extra = {}): unknown => {
    const routes = routesOf(types, 'vec.Vectors', { unknownQuery, ...extra })
    return answer(routes, { method: 'GET', path: `/v1/a?${query}`, body: null, status: 200, want: null })
  }
  test('ignore drops keys that name no field, and only those', () => {
    expect(run('zz=1&s.zz=2&utm=x&n=3', 'ignore')).toMatchObject({ status: 200, got: { id: 'a', n: '3' } })
    expect(run('id=b', 'ignore')).toMatchObject({ status: 400, reason: 'FIELD_CONFLICT' })
    expect(run('m.k=v', 'ignore')).toMatchObject({ status: 400, reason: 'QUERY_UNSUPPORTED' })
    expect(run('n=x', 'ignore')).toMatchObject({ status: 400, reason: 'FIELD_INVALID' })
    expect(run('zz=%zz', 'ignore')).toMatchObject({ status: 400, reason: 'QUERY_INVALID' })
  })
  test('capture puts them into a map', () => {
    expect(run('zz=1&__proto__=2&n=3&s.zz=', { capture: 'm' })).toMatchObject({ status: 200 })
    const { got } = run('zz=1&__proto__=2&n=3&s.zz=', { capture: 'm' }) as { got: { m: object; n: string } }
    expect(Object.entries(got.m)).toEqual([
      ['zz', '1'],
      ['__proto__', '2'],
      ['s.zz', ''],
    ])
    expect(got.n).toBe('3')
    expect(run('zz=1&zz=2', { capture: 'm' })).toMatchObject({ status: 400, reason: 'QUERY_REPEATED' })
    expect(run('zz=1', { capture: 'mn' })).toMatchObject({ status: 400, reason: 'FIELD_INVALID' })
  })
  test('the message of a refusal names the nearest field', () => {
    const routes = routesOf(types, 'vec.Vectors')
    const [route, params] = matchRoute(routes, 'GET', '/v1/a')!
    const json = table.codec('json')
    const send = () =>
      transcode(types, type, json, table.codec('proto'), '', overlayOf(route.binding, { params, query: 's.sub.tt=1' }))
    expect(send).toThrow('query parameter "s.sub.tt": vec.Sub has no field "tt"; did you mean "s.sub.t"?')
  })
})
