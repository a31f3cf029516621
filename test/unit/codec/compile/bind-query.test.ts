import { describe, expect, test } from 'vitest'
import { type BindingInit, bindingOf, overlayOf, typesOf } from '../../../support/codec.ts'
import { callsOf, lanesOf, MODES } from './bind-lanes.ts'

describe.each(MODES)('%s', (mode) => {
  const { woven, refused, handed } = callsOf(mode)

  describe('query', () => {
    test('every kind of leaf', () => {
      const query =
        's=x&i32=-2&i64=-9223372036854775808&u32=4294967295&u64=18446744073709551615&b=true&by=-_8&f=1.5&d=-Infinity' +
        '&color=GREEN&ts=1969-12-31T23:59:59.5Z&dur=-1.5s&fm=a.bC,d&wi64=5&ws=w&wb=false&wby=AA%3D%3D&oneI=3&snake_case_name=n' +
        '&CustomName=c&oi=0&s32=-7&fx64=9007199254740993&wd=NaN&wu64=0&sf32=-1&inner.num=0'
      expect(woven({}, { query }, 'qv.Q')).toMatchObject({
        i64: -(2n ** 63n),
        s32: -7,
        sf32: -1,
        inner: {},
        wd: { value: NaN },
      })
      expect(woven({}, { query: 's32=-2147483648&sf32=2147483647&fx64=1&i64=-1&u64=4294967296' }, 'qv.Q')).toEqual({
        s32: -0x8000_0000,
        sf32: 0x7fff_ffff,
        fx64: 1n,
        i64: -1n,
        u64: 2n ** 32n,
      })
      expect(woven({}, { query: 'a=1&f32=4294967295&sf64=-5&tight=-3&tight=4&loose=1&u64=7' }, 'old.Old')).toEqual({
        a: 1,
        f32: 0xffff_ffff,
        sf64: -5n,
        tight: [-3n, 4n],
        loose: [1],
        u64: 7n,
      })
    })
    test('whole numbers in every form', () => {
      const query = 'i32=1e2&i64=10.0&u64=1e19&s32=-0&fx64=-0&oi=-0'
      expect(woven({}, { query }, 'qv.Q')).toEqual({ i32: 100, i64: 10n, u64: 10n ** 19n, oi: 0 })
      for (const text of ['1.5', '01', '+1', '0x1', '', '-', '2147483648', ' 1', '1 ', '1_', '１'])
        expect(refused({}, { query: `i32=${encodeURIComponent(text)}` }, 'qv.Q')).toBe('FIELD_INVALID')
    })
    test('null is a value of one enum', () => {
      expect(woven({}, { query: 'on=null&rnv=null&nv=0&rnv=NULL_VALUE' })).toEqual({ on: 0, rnv: [0, 0] })
      expect(refused({}, { query: 'c=null' })).toBe('FIELD_INVALID')
    })
    test('whole numbers at their limits', () => {
      for (const query of [
        'u64=-1',
        'u64=-5',
        'fx64=-5',
        'u64=18446744073709551616',
        'i64=9223372036854775808',
        'u32=-1',
      ])
        expect(refused({}, { query }, 'qv.Q')).toBe('FIELD_INVALID')
      for (const query of ['i64=-9223372036854775809', 'i64=99999999999999999999', 's32=2147483648', 'u32=4294967296'])
        expect(refused({}, { query }, 'qv.Q')).toBe('FIELD_INVALID')
      const query =
        'tight=-9223372036854775808&tight=9223372036854775807&tight=-4294967296&tight=4294967295&sf64=-4294967297'
      expect(woven({}, { query }, 'old.Old')).toEqual({
        tight: [-(2n ** 63n), 2n ** 63n - 1n, -(2n ** 32n), 2n ** 32n - 1n],
        sf64: -(2n ** 32n) - 1n,
      })
    })
    test('lists keep their order, wherever their elements stand', () => {
      expect(
        woven(
          {},
          { query: 'r=1&n=5&r=0&s.u=a&r=-3&rc=RED&s.u=b&rc=7&rat=1970-01-01T00:00:00Z&s.t=&rat=1970-01-01T00:00:01Z' },
        ),
      ).toEqual({ r: [1, 0, -3], n: 5n, s: { u: ['a', 'b'] }, rc: [1, 7], rat: [{}, { seconds: 1n }] })
    })
    test('messages are written once, whatever the order of their keys', () => {
      expect(
        woven({ variables: ['s.t'] }, { params: ['p'], query: 's.sub.t=1&n=1&s.sub.sub.u=2&s.u=3&s.sub.u=4' }),
      ).toEqual({
        n: 1n,
        s: { t: 'p', u: ['3'], sub: { t: '1', u: ['4'], sub: { u: ['2'] } } },
      })
    })
    test('messages that are longer than one byte tells', () => {
      const long = 'x'.repeat(300)
      expect(woven({}, { query: `s.t=${long}&s.sub.t=${long}%20&s.sub.sub.u=${'y'.repeat(20_000)}` })).toMatchObject({
        s: { t: long, sub: { t: `${long} ` } },
      })
      expect(woven({}, { query: Array.from({ length: 200 }, (_, i) => `r=${i}`).join('&') })).toMatchObject({
        r: { length: 200 },
      })
    })
    test('names and values are decoded as forms', () => {
      expect(woven({}, { query: 'i%64=a+b%2B%26&%73.t=%C3%A9&p=a=b&ws=%2B+&&' })).toEqual({
        id: 'a b+&',
        s: { t: 'é' },
        p: 'a=b',
        ws: { value: '+ ' },
      })
      expect(woven({}, { query: 'id&s.t=&ws' })).toEqual({ s: {}, ws: {} })
      expect(woven({}, { query: 'at=2024-01-01T00%3A00%3A00%2B01:00&n=%2D5&flag=%74rue' })).toMatchObject({
        n: -5n,
        flag: true,
      })
      for (const query of ['id=%', 'id=%z1', 'id=%FF', 'n=%', 'i%d=1', 'i%FFd=x', 'id=a&s.t=%C3'])
        expect(refused({}, { query })).toBe('QUERY_INVALID')
    })
    test('groups of proto2, delimited fields of editions', () => {
      expect(woven({}, { query: 'name=n&pair.left=l&pair.right.name=r&pair.right.pair.left=x' }, 'old.Old')).toEqual({
        name: 'n',
        pair: { left: 'l', right: { name: 'r', pair: { left: 'x' } } },
      })
      const query = 'child.child.explicit=0&child.implicit=0&child.packed=1&child.expanded=2&child.packed=3'
      expect(woven({}, { query }, 'ed.E')).toEqual({ child: { child: { explicit: 0 }, packed: [1, 3], expanded: [2] } })
      expect(woven({}, { query: 'shut=TWO&packed_shuts=1&packedShuts=ALSO_TWO' }, 'old.Old')).toEqual({
        shut: 2,
        packedShuts: [1, 2],
      })
      expect(refused({}, { query: 'shut=3' }, 'old.Old')).toBe('FIELD_INVALID')
    })
    test('well-known types as groups', () => {
      const all = typesOf(`edition = "2023"; package d; option features.message_encoding = DELIMITED;
        import "google/protobuf/wrappers.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/field_mask.proto";
        message In { string t = 1; }
        message D { google.protobuf.StringValue ws = 1; repeated google.protobuf.Timestamp at = 2; google.protobuf.FieldMask mask = 3; In in = 4; }`)
      const type = all.type('d.D')
      expect(type.fields.map(({ delimited }) => delimited)).toEqual([true, true, true, true])
      const binding = bindingOf(type, { body: 'in', updateMask: 'mask' })
      const lanes = lanesOf(all, type, binding, mode)
      const query = 'ws=%61b&at=1970-01-01T00:00:01Z&at=1970-01-01T00:00:00Z'
      expect(lanes.run('{"t":"x"}', overlayOf(binding, { query }))).toEqual({
        value: { ws: { value: 'ab' }, at: [{ seconds: 1n }, {}], mask: { paths: ['t'] }, in: { t: 'x' } },
        refused: undefined,
        handedOver: false,
      })
      expect(lanes.run('', overlayOf(binding, { query: 'mask=a,b' }))).toMatchObject({ handedOver: false })
    })
    test('extensions', () => {
      expect(woven({}, { query: '[old.nick]=x&%5Bold.marks%5D=1&[old.marks]=2' }, 'old.Old')).toMatchObject({
        '[old.nick]': 'x',
      })
    })
    test.each([
      ['n=1&n=1', 'QUERY_REPEATED'],
      ['snake_case_name=1&snakeCaseName=1', 'QUERY_REPEATED'],
      ['s.t=1&s.t=1', 'QUERY_REPEATED'],
      ['p=1&q=2', 'ONEOF_CONFLICT'],
      ['nope=1', 'QUERY_UNKNOWN'],
      ['=1', 'QUERY_UNKNOWN'],
      ['s.nope=1', 'QUERY_UNKNOWN'],
      ['n.x=1', 'QUERY_UNKNOWN'],
      ['s=1', 'QUERY_UNSUPPORTED'],
      ['m=1', 'QUERY_UNSUPPORTED'],
      ['rs.t=1', 'QUERY_UNSUPPORTED'],
      ['st.a=1', 'QUERY_UNSUPPORTED'],
      ['flag=1', 'FIELD_INVALID'],
      ['y=!', 'FIELD_INVALID'],
      ['at=now', 'FIELD_INVALID'],
      ['dur=1h', 'FIELD_INVALID'],
      ['mask=a_b', 'FIELD_INVALID'],
      ['c=BLUE', 'FIELD_INVALID'],
      ['wn=x', 'FIELD_INVALID'],
      ['f=1e39', 'FIELD_INVALID'],
      ['id=a', 'FIELD_CONFLICT'],
      ['%69d=a', 'FIELD_CONFLICT'],
    ])('%s: %s', (query, reason) => {
      expect(refused({ variables: ['id'] }, { params: ['a'], query })).toBe(reason)
      // Also when what comes before has been written already.
      expect(refused({ variables: ['id'] }, { params: ['a'], query: `u32=1&s.u=2&${query}` })).toBe(reason)
    })
    test('a oneof of which parts are fed', () => {
      const name = 'old.Old'
      expect(woven({}, { query: 'name=n&child.name=c&child.a=1' }, name)).toEqual({
        name: 'n',
        child: { name: 'c', a: 1 },
      })
      expect(refused({}, { query: 'child.name=c&text=t' }, name)).toBe('ONEOF_CONFLICT')
      expect(refused({}, { query: 'text=t&child.name=c' }, name)).toBe('ONEOF_CONFLICT')
      expect(refused({}, { query: 'child.text=c&child.kind=1' }, name)).toBe('ONEOF_CONFLICT')
      expect(woven({}, { query: 'child.text=c&pair.right.kind=1' }, name)).toMatchObject({ child: { text: 'c' } })
    })
    test('unknown keys that are ignored', () => {
      const init: BindingInit = { variables: ['id'], unknownQuery: 'ignore' }
      expect(woven(init, { params: ['a'], query: 'utm=1&n=2&utm=%20&s.zz=&=&n.x=1&id.y=2' })).toEqual({
        id: 'a',
        n: 2n,
      })
      expect(woven({ ...init, body: '*' }, { params: ['a'], query: 'utm=1&=2', body: '{"n":2}' })).toEqual({
        id: 'a',
        n: 2n,
      })
      expect(refused(init, { params: ['a'], query: 'utm=%zz' })).toBe('QUERY_INVALID')
      expect(refused(init, { params: ['a'], query: 'u%=1' })).toBe('QUERY_INVALID')
      expect(refused(init, { params: ['a'], query: 'm.k=1' })).toBe('QUERY_UNSUPPORTED')
    })
    test('unknown keys that are captured, maps and JSON texts are handed over; the rest of such a binding is not', () => {
      const capture: BindingInit = { unknownQuery: { capture: 'm' } }
      expect(handed(capture, { query: 'zz=1&n=2' })).toEqual({ n: 2n, m: new Map([['zz', '1']]) })
      expect(woven(capture, { query: 'n=2' })).toEqual({ n: 2n })
      const forms: BindingInit = { compat: { queryForms: true } }
      expect(handed(forms, { query: 'm[a]=1&n=2' })).toEqual({ n: 2n, m: new Map([['a', '1']]) })
      expect(handed(forms, { query: 'val=1' })).toEqual({ val: { numberValue: 1 } })
      expect(woven(forms, { query: 'flag=t&wb=1&dur=1h&b=F&n=2' })).toEqual({
        flag: true,
        wb: { value: true },
        dur: { seconds: 3600n },
        b: false,
        n: 2n,
      })
      expect(refused(forms, { query: 'flag=yes' })).toBe('FIELD_INVALID')
    })
  })
})
