import { describe, expect, test } from 'vitest'
import { type BindingInit, bindingOf, matchRoute, overlayOf, routesOf } from '../../../support/codec.ts'
import { readVectors } from '../../../support/vectors.ts'
import { callsOf, lanesOf, MODES, types } from './bind-lanes.ts'

describe.each(MODES)('%s', (mode) => {
  const { bind, woven, refused, handed } = callsOf(mode)

  describe('body', () => {
    test('*', () => {
      const init = { variables: ['id', 's.t'], body: '*' }
      const params = ['a', 'b']
      expect(woven(init, { params, body: '{"n":"5","rs":[{"t":"x"}]}' })).toEqual({
        id: 'a',
        n: 5n,
        s: { t: 'b' },
        rs: [{ t: 'x' }],
      })
      expect(woven(init, { params, body: ' { } \n' })).toEqual({ id: 'a', s: { t: 'b' } })
      expect(woven(init, { params })).toEqual({ id: 'a', s: { t: 'b' } })
      expect(handed(init, { params, body: '{"id":"a","s":{"t":"b","u":["c"]}}' })).toEqual({
        id: 'a',
        s: { t: 'b', u: ['c'] },
      })
      expect(refused(init, { params, body: '{"id":"b"}' })).toBe('FIELD_CONFLICT')
      expect(refused(init, { params, body: '{"s":{"t":"c"}}' })).toBe('FIELD_CONFLICT')
      expect(refused(init, { params, body: '{} x' })).toBe('JSON_INVALID')
      expect(refused(init, { params, body: '[]' })).toBe('FIELD_INVALID')
      expect(refused(init, { params, body: '{"zz":1}' })).toBe('FIELD_UNKNOWN')
      expect(handed({ ...init, ignoreUnknown: true }, { params, body: '{"zz":1}' })).toEqual({ id: 'a', s: { t: 'b' } })
      expect(refused(init, { params, query: 'n=1' })).toBe('FIELD_CONFLICT')
    })
    test('a oneof that the path has set', () => {
      const init = { variables: ['p'], body: '*' }
      expect(woven(init, { params: ['a'], body: '{"n":1}' })).toEqual({ p: 'a', n: 1n })
      expect(refused(init, { params: ['a'], body: '{"q":"x"}' })).toBe('ONEOF_CONFLICT')
      expect(bind('vec.M', init, { params: ['a'], body: '{"q":null}' }).value).toEqual({ p: 'a' })
    })
    test('one field', () => {
      const init = { variables: ['id'], body: 's' }
      const params = ['a']
      expect(woven(init, { params, query: 'n=1', body: '{"t":"x"}' })).toEqual({ id: 'a', n: 1n, s: { t: 'x' } })
      expect(woven(init, { params, body: 'null' })).toEqual({ id: 'a' })
      expect(woven(init, { params, body: '' })).toEqual({ id: 'a' })
      expect(refused(init, { params, query: 's.t=1', body: '{}' })).toBe('FIELD_CONFLICT')
      expect(refused(init, { params, query: 's.t=1' })).toBe('FIELD_CONFLICT')
      expect(refused(init, { params, body: '{"t":"x"},' })).toBe('JSON_INVALID')
      expect(woven({ body: 'r' }, { body: '[1,2]' })).toEqual({ r: [1, 2] })
      expect(woven({ body: 'm' }, { body: '{"a":"b"}' })).toEqual({ m: new Map([['a', 'b']]) })
      expect(woven({ body: 'n' }, { body: '"5"', query: 'c=RED' })).toEqual({ n: 5n, c: 1 })
      expect(woven({ body: 'at' }, { body: '"1970-01-01T00:00:01Z"' })).toEqual({ at: { seconds: 1n } })
    })
    test('one field of which the path binds parts', () => {
      const init = { variables: ['s.t', 's.sub.t', 'id'], body: 's' }
      const params = ['b', 'c', 'a']
      expect(woven(init, { params, body: '{"u":["x"]}', query: 'n=1' })).toEqual({
        id: 'a',
        n: 1n,
        s: { t: 'b', u: ['x'], sub: { t: 'c' } },
      })
      expect(woven(init, { params, body: '{}' })).toEqual({ id: 'a', s: { t: 'b', sub: { t: 'c' } } })
      expect(woven(init, { params })).toEqual({ id: 'a', s: { t: 'b', sub: { t: 'c' } } })
      expect(handed(init, { params, body: 'null' })).toEqual({ id: 'a', s: { t: 'b', sub: { t: 'c' } } })
      expect(handed(init, { params, body: '{"t":"b"}' })).toEqual({ id: 'a', s: { t: 'b', sub: { t: 'c' } } })
      expect(handed(init, { params, body: '{"sub":{"u":["x"]}}' })).toMatchObject({ s: { sub: { t: 'c', u: ['x'] } } })
      expect(refused(init, { params, body: '{"t":"x"}' })).toBe('FIELD_CONFLICT')
      const long = JSON.stringify({ u: ['x'.repeat(20_000)] })
      expect(woven(init, { params, body: long })).toMatchObject({ s: { t: 'b', u: ['x'.repeat(20_000)] } })
      expect(
        woven({ variables: ['pair.left'], body: 'pair' }, { params: ['l'], body: '{"right":{"name":"n"}}' }, 'old.Old'),
      ).toEqual({
        pair: { left: 'l', right: { name: 'n' } },
      })
    })
    test('one field that is a member of a oneof', () => {
      const init: BindingInit = { body: 'p' }
      expect(woven(init, { body: '"x"', query: 'n=1' })).toEqual({ p: 'x', n: 1n })
      expect(woven(init, { query: 'q=1' })).toEqual({ q: '1' })
      expect(refused(init, { body: '"x"', query: 'q=1' })).toBe('ONEOF_CONFLICT')
      expect(handed(init, { body: 'null', query: 'q=1' })).toEqual({ q: '1' })
    })
    test('none', () => {
      expect(refused({ variables: ['id'] }, { params: ['a'], body: '{}' })).toBe('BODY_UNEXPECTED')
      expect(refused({}, { body: ' ' })).toBe('BODY_UNEXPECTED')
      expect(woven({}, {})).toEqual({})
    })
    test('no overlay: the plain message', () => {
      const binding = bindingOf(types.type('vec.M'), { variables: ['id'], body: 's', set: { n: 1 } })
      const lanes = lanesOf(types, types.type('vec.M'), binding, mode)
      expect(lanes.run('{"id":"x"}', undefined)).toEqual({ value: { id: 'x' }, refused: undefined, handedOver: false })
    })
  })

  describe('whole messages', () => {
    test.each(['', '*', 's', 'r'])('whatever body says: %j', (body) => {
      const init = { variables: ['id'], body }
      const rest = { params: ['a'], whole: true }
      expect(woven(init, { ...rest, query: 'oi=2&s.t=x', body: '{"n":1}' })).toEqual({
        id: 'a',
        n: 1n,
        oi: 2,
        s: { t: 'x' },
      })
      expect(woven(init, { ...rest, body: '{"n":1,"s":{"t":"x"}}' })).toEqual({ id: 'a', n: 1n, s: { t: 'x' } })
      expect(woven(init, { ...rest, query: 'oi=2' })).toEqual({ id: 'a', oi: 2 })
      expect(handed(init, { ...rest, query: 's.t=x', body: '{"s":{"u":["y"]}}' })).toEqual({
        id: 'a',
        s: { t: 'x', u: ['y'] },
      })
      expect(handed(init, { ...rest, query: 'n=1', body: '{"n":"1"}' })).toEqual({ id: 'a', n: 1n })
      expect(refused(init, { ...rest, query: 'n=2', body: '{"n":"1"}' })).toBe('FIELD_CONFLICT')
      expect(refused(init, { ...rest, query: 'r=2', body: '{"r":[2]}' })).toBe('FIELD_CONFLICT')
      expect(refused(init, { ...rest, query: 'p=2', body: '{"q":"x"}' })).toBe('ONEOF_CONFLICT')
      expect(refused(init, { ...rest, query: 'id=a', body: '{}' })).toBe('FIELD_CONFLICT')
      expect(refused(init, { ...rest, body: '{"id":"b"}' })).toBe('FIELD_CONFLICT')
    })
    test('messages of a stream without a body', () => {
      const init = { variables: ['id'], streamed: true }
      expect(woven(init, { params: ['a'], query: 'oi=2', body: '{"n":1}' })).toEqual({ id: 'a', n: 1n, oi: 2 })
    })
  })

  describe('set', () => {
    test('is written once, and nobody else may touch it', () => {
      const init: BindingInit = {
        variables: ['id', 's.t'],
        body: '*',
        set: { n: '7', 's.u': ['a', 'b'], r: [1, 2], p: 'x' },
      }
      const want = { id: 'a', n: 7n, r: [1, 2], p: 'x', s: { t: 'b', u: ['a', 'b'] } }
      expect(woven(init, { params: ['a', 'b'], body: '{"oi":3}' })).toEqual({ ...want, oi: 3 })
      expect(woven(init, { params: ['a', 'b'] })).toEqual(want)
      expect(woven(init, { body: '{"id":"c"}' })).toEqual({ ...want, id: 'c', s: { u: ['a', 'b'] } })
      expect(handed(init, { params: ['a', 'b'], body: '{"n":1,"r":[],"q":"y"}' })).toEqual(want)
    })
    test('over query and body', () => {
      expect(handed({ set: { n: 7 } }, { query: 'n=1' })).toEqual({ n: 7n })
      expect(handed({ set: { r: [7] } }, { query: 'r=1' })).toEqual({ r: [7] })
      expect(handed({ set: { p: 'x' } }, { query: 'q=1' })).toEqual({ p: 'x' })
      expect(woven({ set: { 's.sub.t': 'x' } }, { query: 's.sub.u=1&s.t=2' })).toEqual({
        s: { t: '2', sub: { t: 'x', u: ['1'] } },
      })
      expect(handed({ set: { s: { t: 'x' } } }, { query: 's.u=1' })).toEqual({ s: { t: 'x' } })
      expect(woven({ body: 's', set: { 's.t': 'x' } }, { body: '{"u":["y"]}' })).toEqual({ s: { t: 'x', u: ['y'] } })
      expect(woven({ body: 's', set: { 's.t': 'x' } }, {})).toEqual({ s: { t: 'x' } })
      expect(handed({ body: 's', set: { s: { t: 'x' } } }, { body: '{"u":["y"]}' })).toEqual({ s: { t: 'x' } })
      expect(handed({ body: 'p', set: { q: 'x' } }, { body: '"y"' })).toEqual({ q: 'x' })
    })
    test('null and defaults', () => {
      expect(woven({ body: '*', set: { 's.t': null, n: 0, oi: 0 } }, { body: '{"id":"i"}' })).toEqual({
        id: 'i',
        s: {},
        oi: 0,
      })
      expect(handed({ body: '*', set: { n: 0 } }, { body: '{"n":"4"}' })).toEqual({})
      expect(woven({ set: { m: { a: 'b' }, st: { x: 1 }, at: '1970-01-01T00:00:01Z' } }, {})).toMatchObject({
        at: { seconds: 1n },
      })
    })
    test('one in another: left to the reference lane', () => {
      expect(handed({ body: '*', set: { s: { u: ['a'] }, 's.t': 'b' } }, { body: '{}' })).toEqual({
        s: { u: ['a'], t: 'b' },
      })
      expect(handed({ variables: ['s.t'], set: { s: { u: ['a'] } } }, { params: ['b'] })).toEqual({ s: { u: ['a'] } })
      expect(handed({ set: { 'at.seconds': 5 } }, {})).toEqual({ at: { seconds: 5n } })
    })
  })

  describe.each(['binding.json', 'query-binding.json'])('test/vectors/%s', (file) => {
    interface Case {
      readonly method: string
      readonly path: string
      readonly body: string | null
    }
    const { cases } = readVectors<{ cases: Case[] }>(file)
    const services = file === 'binding.json' ? ['vec.Vectors'] : ['qv.QS', 'qv.QR']
    const routes = services.flatMap((service) => routesOf(types, service))
    test('both lanes agree, and few are handed over that are right', () => {
      let right = 0
      let handedOver = 0
      for (const one of cases) {
        const [path = '', query = ''] = one.path.split(/\?(.*)/s)
        const found = matchRoute(routes, one.method, path)
        if (found === undefined) continue
        const [{ type, binding }, params] = found
        const outcome = lanesOf(types, type, binding, mode).run(one.body ?? '', overlayOf(binding, { params, query }))
        if (outcome.refused !== undefined) continue
        right++
        if (outcome.handedOver) handedOver++
      }
      expect(right).toBeGreaterThan(20)
      expect(handedOver / right).toBeLessThan(0.1)
    })
  })
})
