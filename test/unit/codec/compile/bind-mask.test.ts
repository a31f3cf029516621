import { describe, expect, test } from 'vitest'
import { type BindingInit, bindingOf, overlayOf, typesOf } from '../../../support/codec.ts'
import { callsOf, lanesOf, MODES, type Outcome } from './bind-lanes.ts'

describe.each(MODES)('%s', (mode) => {
  const { woven } = callsOf(mode)

  describe('field mask of a PATCH', () => {
    const init: BindingInit = { variables: ['id'], body: 's', updateMask: 'mask' }
    const mask = (body: string, query = ''): unknown =>
      (woven(init, { params: ['a'], query, body }) as { mask?: unknown }).mask
    test('from what the body touches', () => {
      expect(mask('{"u":["x"],"t":"y"}')).toEqual({ paths: ['t', 'u'] })
      expect(mask(' {\n"t" : null , "sub":{"sub":{"t":"\\"}","u":[]},"t":"x\\\\"}}\t')).toEqual({
        paths: ['sub.sub.t', 'sub.sub.u', 'sub.t', 't'],
      })
      expect(mask('{"sub":{}}')).toEqual({ paths: ['sub'] })
      expect(mask('{"sub":null}')).toEqual({ paths: ['sub'] })
      expect(
        mask(`{"sub":{"t":${JSON.stringify('\\"'.repeat(100))}},"u":[${JSON.stringify('}'.repeat(100))}]}`),
      ).toEqual({ paths: ['sub.t', 'u'] })
    })
    test('not from an empty one', () => {
      expect(mask('{}')).toBeUndefined()
      expect(mask('null')).toBeUndefined()
      expect(mask('')).toBeUndefined()
    })
    test('unless the client gives one', () => {
      expect(mask('{"t":"x"}', 'mask=u')).toEqual({ paths: ['u'] })
      expect(mask('{"t":"x"}', 'mask=')).toEqual({})
      expect(woven({ ...init, set: { mask: 'u' } }, { params: ['a'], body: '{"t":"x"}' })).toMatchObject({
        mask: { paths: ['u'] },
      })
    })
    test('with a part of the body bound by the path', () => {
      const request = { params: ['b'], body: '{"u":["x"]}' }
      expect(woven({ ...init, variables: ['s.t'] }, request)).toEqual({
        s: { t: 'b', u: ['x'] },
        mask: { paths: ['u'] },
      })
    })
    test('names, maps, lists, well-known types', () => {
      const names: BindingInit = { body: 'inner', updateMask: 'fm' }
      expect(woven(names, { body: '{"tags":[{}]}'.replace('{}', '"x"') }, 'qv.Q')).toMatchObject({
        fm: { paths: ['tags'] },
      })
      const all =
        typesOf(`syntax = "proto3"; import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
        message In { string snake_case = 1; map<string, In> m = 2; repeated In r = 3; google.protobuf.Value v = 4; In a_b = 5; double d = 6; }
        message Req { In in = 1; google.protobuf.FieldMask mask = 2; }`)
      const type = all.type('Req')
      const binding = bindingOf(type, { body: 'in', updateMask: 'mask' })
      const lanes = lanesOf(all, type, binding, mode)
      const body = '{"snakeCase":"x","m":{"k":{"d":1}},"r":[{"d":1}],"v":{"d":[1,{}]},"aB":{"a_b":{"d":-1e5}},"d":1.5}'
      const { value, handedOver } = lanes.run(body, overlayOf(binding))
      expect(value).toMatchObject({ mask: { paths: ['a_b.a_b.d', 'd', 'm', 'r', 'snake_case', 'v'] } })
      expect(handedOver).toBe(false)
      // The same members again, now remembered.
      expect(lanes.run(body, overlayOf(binding)).handedOver).toBe(false)
      expect(lanes.run('{"snake\\u0043ase":"x"}', overlayOf(binding))).toMatchObject({
        handedOver: true,
        value: { mask: { paths: ['snake_case'] } },
      })
    })
  })

  test('a field mask from names that have to be escaped', () => {
    const all = typesOf(`syntax = "proto3"; import "google/protobuf/field_mask.proto";
      message E { int32 quote = 1 [json_name = 'a"b']; int32 slash = 2 [json_name = "a\\\\"]; int32 more = 3 [json_name = "é"]; }
      message Req { E e = 1; google.protobuf.FieldMask mask = 2; }`)
    const binding = bindingOf(all.type('Req'), { body: 'e', updateMask: 'mask' })
    const lanes = lanesOf(all, all.type('Req'), binding, mode)
    const mask = (body: object): unknown =>
      (lanes.run(JSON.stringify(body), overlayOf(binding)).value as { mask: object }).mask
    expect(mask({ 'a"b': 1 })).toEqual({ paths: ['quote'] })
    expect(mask({ 'a\\': 1, 'a"b': 2 })).toEqual({ paths: ['quote', 'slash'] })
    expect(mask({ é: 1, quote: 2 })).toEqual({ paths: ['more', 'quote'] })
  })

  describe('field mask of very many members', () => {
    const fields = Array.from({ length: 60 }, (_, i) => `W w${i} = ${i + 1};`).join(' ')
    const wide =
      typesOf(`syntax = "proto3"; import "google/protobuf/field_mask.proto"; message W { ${fields} int32 x = 99; }
      message Req { W w = 1; google.protobuf.FieldMask mask = 2; }`)
    const binding = bindingOf(wide.type('Req'), { body: 'w', updateMask: 'mask' })
    const lanes = lanesOf(wide, wide.type('Req'), binding, mode)
    const run = (body: object): Outcome => lanes.run(JSON.stringify(body), overlayOf(binding))
    test('in the order of their paths', () => {
      const names = Array.from({ length: 40 }, (_, i) => `w${(i * 7) % 40}`)
      const { value, handedOver } = run(Object.fromEntries(names.map((name) => [name, {}])))
      expect(value).toMatchObject({ mask: { paths: names.sort() } })
      expect(handedOver).toBe(false)
    })
    test('they are forgotten when they are too many', () => {
      const all = (inner: object) => Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`w${i}`, inner]))
      for (let i = 0; i < 40; i++) expect(run({ [`w${i}`]: all({ x: 1 }) }).handedOver).toBe(false)
      expect(run(all(all({ x: 1 }))).handedOver).toBe(true)
      expect(run({ w1: { x: 1 } })).toMatchObject({ handedOver: false, value: { mask: { paths: ['w1.x'] } } })
    })
  })
})
