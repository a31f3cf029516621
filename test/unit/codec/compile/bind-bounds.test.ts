import { describe, expect, test } from 'vitest'
import { hashStep } from '../../../../src/codec/compile/bind/keys.ts'
import { bindingOf, overlayOf, typesOf } from '../../../support/codec.ts'
import { callsOf, lanesOf, MODES, types } from './bind-lanes.ts'

const hashOf = (key: string): number => [...key].reduce((hash, c) => hashStep(hash, c.charCodeAt(0)), 0)
/** Seven characters from A to _ that leave the hash of what stands before them as it is. */
const sameHashAfter = (key: string): string => {
  const base = 31n
  let rest = BigInt(hashOf(key)) * (1n - base ** 7n)
  for (let i = 0n; i < 7n; i++) rest -= 65n * base ** i
  rest = BigInt.asUintN(32, rest)
  let out = ''
  for (let i = 0; i < 7; i++, rest /= base) out = String.fromCharCode(65 + Number(rest % base)) + out
  return out
}

describe.each(MODES)('%s', (mode) => {
  const { woven, refused, handed } = callsOf(mode)

  describe('bounds', () => {
    const type = types.type('vec.M')
    test('more keys than are remembered, more fields than are kept: right, and fast again afterwards', () => {
      const binding = bindingOf(type, { variables: ['id'] })
      const lanes = lanesOf(types, type, binding, mode)
      const run = (query: string) => lanes.run('', overlayOf(binding, { params: ['a'], query }))
      let handedOver = 0
      for (let level = 1; level < 99; level++)
        for (const name of ['t', 'u']) if (run(`s.${'sub.'.repeat(level)}${name}=x&n=1`).handedOver) handedOver++
      expect(handedOver).toBe(0)
      const spellings = (query: string): string[] =>
        Array.from({ length: 64 }, (_, bits) =>
          [...query].map((c, i) => (((bits >> i) & 1) === 1 ? `%${c.charCodeAt(0).toString(16)}` : c)).join(''),
        )
      for (const name of ['snakeCaseName', 'Renamed', 'flag', 'u32', 'f64', 's32', 'other'])
        for (const key of spellings(name)) expect(run(`${key}=${name === 'flag' ? 'true' : 1}`).handedOver).toBe(false)
      expect(run('n=1&s.t=x')).toEqual({
        value: { id: 'a', n: 1n, s: { t: 'x' } },
        refused: undefined,
        handedOver: false,
      })
    })
    test('a tree of fields is made anew when clients have asked for very many', () => {
      const wide = typesOf(
        `syntax = "proto3"; message W { ${Array.from({ length: 60 }, (_, i) => `W w${i} = ${i + 1}; `).join('')} int32 x = 99; }`,
      )
      const w = wide.type('W')
      const binding = bindingOf(w, {})
      const lanes = lanesOf(wide, w, binding, mode)
      let handedOver = 0
      for (let a = 0; a < 40; a++)
        for (let b = 0; b < 40; b++)
          if (lanes.run('', overlayOf(binding, { query: `w${a}.w${b}.x=1` })).handedOver) handedOver++
      expect(handedOver).toBe(0)
      const query = Array.from({ length: 1600 }, (_, i) => `w${i % 40}.w${Math.floor(i / 40)}.x=1`).join('&')
      expect(lanes.run('', overlayOf(binding, { query })).refused).toBeUndefined()
      expect(lanes.run('', overlayOf(binding, { query: 'w1.x=1' })).handedOver).toBe(false)
    })
    test('very long queries and very many keys', () => {
      const long = 'x'.repeat(300_000)
      const many = Array.from({ length: 10_000 }, (_, i) => `r=${i}`).join('&')
      expect(woven({}, { query: many.slice(0, many.indexOf('&r=4096')) })).toMatchObject({ r: { length: 4096 } })
      expect(handed({}, { query: many })).toMatchObject({ r: { length: 10_000 } })
      expect(handed({}, { query: `id=${long}` })).toEqual({ id: long })
      expect(handed({ variables: ['id'] }, { params: [long] })).toEqual({ id: long })
    })
    test('each call has room for as many keys', () => {
      const binding = bindingOf(type, {})
      const lanes = lanesOf(types, type, binding, mode)
      const query = Array.from({ length: 2000 }, (_, i) => `s.u=${i}`).join('&')
      for (let i = 0; i < 4; i++) expect(lanes.run('', overlayOf(binding, { query })).handedOver).toBe(false)
    })
    test('100 levels', () => {
      const key = (levels: number): string => `s.${'sub.'.repeat(levels - 2)}t`
      expect(woven({}, { query: `${key(100)}=x` })).toBeDefined()
      expect(refused({}, { query: `${key(101)}=x` })).toBe('QUERY_UNSUPPORTED')
    })
    test('keys that are remembered are not mistaken for others, whatever their hash', () => {
      const all = typesOf('syntax = "proto3"; message H { string Aa = 1; string BB = 2; string id = 3; }')
      const binding = bindingOf(all.type('H'), { unknownQuery: 'ignore' })
      const lanes = lanesOf(all, all.type('H'), binding, mode)
      const value = (query: string): unknown => lanes.run('', overlayOf(binding, { query })).value
      expect(hashOf('Aa')).toBe(hashOf('BB'))
      expect(value('Aa=1')).toEqual({ Aa: '1' })
      expect(value('BB=2&Aa=1')).toEqual({ Aa: '1', BB: '2' })
      const longer = `id${sameHashAfter('id')}`
      expect(hashOf(longer)).toBe(hashOf('id'))
      expect(value('id=1')).toEqual({ id: '1' })
      expect(value(`${longer}=2`)).toEqual({})
      expect(value(`${longer}=2&id=3`)).toEqual({ id: '3' })
    })
    test('names that JavaScript knows', () => {
      for (const key of ['__proto__', 'constructor', 's.__proto__', 'toString', '__proto__.x'])
        expect(refused({}, { query: `${key}=1` })).toBe('QUERY_UNKNOWN')
      expect(woven({ unknownQuery: 'ignore' }, { query: '__proto__=1&constructor.prototype=2' })).toEqual({})
    })
  })
})
