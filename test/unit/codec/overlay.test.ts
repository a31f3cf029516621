import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { TypePlan } from '../../../src/codec/plan.ts'
import { Bytes, makeMessage, type Overlay } from '../../../src/core/message.ts'
import type { Schema } from '../../../src/core/schema.ts'
import { type BindingInit, bindingOf, overlayOf, refusal, transcode, vectorTypes } from '../../support/codec.ts'

const types = vectorTypes()
const { table } = types
const json = table.codec('json')
const proto = table.codec('proto')
const opaque = table.codec('opaque')
const m = types.type('vec.M')

/** The message that a backend would get, as JSON. */
const bind = (init: BindingInit, body: string, rest: Partial<Overlay> = {}): unknown => {
  const wire = transcode(types, m, json, proto, body, overlayOf(bindingOf(m, init), rest))
  return JSON.parse(transcode(types, m, proto, json, wire).toString())
}

describe('set', () => {
  test('wins over path, query and body, in every place', () => {
    const init = { variables: ['id'], body: '*', set: { id: 'fixed', 's.t': 'fixed', r: [9], n: '5' } }
    expect(bind(init, '{"s":{"t":"x","u":["k"]},"r":[1,2],"n":"1"}', { params: ['a'] })).toEqual({
      id: 'fixed',
      n: '5',
      r: [9],
      s: { t: 'fixed', u: ['k'] },
    })
    expect(bind({ set: { n: 7 } }, '', { query: 'n=1' })).toEqual({ n: '7' })
  })
  test('a fixed member of a oneof puts out the others', () => {
    expect(bind({ body: '*', set: { p: 'fixed' } }, '{"q":"x"}')).toEqual({ p: 'fixed' })
  })
  test('null, and the default of a field without presence, clear the field', () => {
    expect(bind({ body: '*', set: { s: null, n: 0 } }, '{"s":{"t":"x"},"n":"4","id":"i"}')).toEqual({ id: 'i' })
    expect(bind({ body: '*', set: { oi: 0 } }, '{"oi":4}')).toEqual({ oi: 0 })
  })
  test('messages, and a field inside of one that is fixed too; nothing is shared by two requests', () => {
    const binding = bindingOf(m, { body: '*', set: { s: { u: ['a'] }, 's.t': 'b' } })
    for (let i = 0; i < 2; i++) {
      const wire = transcode(types, m, json, proto, '{}', overlayOf(binding))
      expect(proto.decode(m, wire)).toEqual({ s: { t: 'b', u: ['a'] } })
    }
  })
  test('holds for every message of a stream, path and query for the first alone', () => {
    const init = { variables: ['id'], body: '*', set: { p: 'fixed' } }
    expect(bind(init, '{"n":"2"}', { params: [], query: '' })).toEqual({ n: '2', p: 'fixed' })
  })
})

describe('compat.queryForms', () => {
  const forms = (query: string): unknown => bind({ compat: { queryForms: true } }, '', { query })
  const refused = (query: string) => refusal(() => forms(query))
  test('maps', () => {
    expect(forms('m[k]=v&m%5Ba.b%5D=&mn[1]=2&mc[-1]=RED')).toEqual({
      m: { k: 'v', 'a.b': '' },
      mn: { 1: '2' },
      mc: { '-1': 'RED' },
    })
    expect(refused('m[k]=v&m[k]=v').reason).toBe('QUERY_REPEATED')
    expect(refused('mn[0]=2&mn[-0]=3').reason).toBe('FIELD_CONFLICT')
    expect(refused('mn[1.0]=3').reason).toBe('FIELD_INVALID')
    expect(refused('mn[x]=2').reason).toBe('FIELD_INVALID')
    expect(refused('mn[1]=x').reason).toBe('FIELD_INVALID')
    expect(refused('mb[true]=x').reason).toBe('QUERY_UNSUPPORTED')
    expect(refused('m=x').reason).toBe('QUERY_UNSUPPORTED')
    expect(refused('s[k]=x').reason).toBe('QUERY_UNKNOWN')
    expect(refused('m[k=x').reason).toBe('QUERY_UNKNOWN')
    const { m: map } = forms('m[__proto__]=1&m[constructor]=2') as { m: object }
    expect(Object.entries(map)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
  })
  test('JSON text for Struct and Value', () => {
    expect(forms('st={"a":[1,null]}&val=%5B1,%22x%22%5D')).toEqual({ st: { a: [1, null] }, val: [1, 'x'] })
    expect(forms('val=null')).toEqual({ val: null })
    expect(refused('st=x')).toMatchObject({
      reason: 'JSON_INVALID',
      message: 'query parameter "st": JSON 1:1: expected a value, found "x"',
    })
    expect(refused('st=').reason).toBe('FIELD_INVALID')
    expect(refused('st=[]').reason).toBe('FIELD_INVALID')
    expect(refused('st.a=1').reason).toBe('QUERY_UNSUPPORTED')
  })
  test('booleans of Go', () => {
    for (const text of ['1', 't', 'T', 'TRUE', 'True', 'true'])
      expect(forms(`b=${text}&wb=${text}`)).toEqual({ b: true, wb: true })
    for (const text of ['0', 'f', 'F', 'FALSE', 'False', 'false']) expect(forms(`b=${text}`)).toEqual({ b: false })
    expect(refused('b=yes').reason).toBe('FIELD_INVALID')
    expect(refused('b=').reason).toBe('FIELD_INVALID')
  })
  test.each([
    ['1h30m', '5400s'],
    ['-1.5h', '-5400s'],
    ['300ms', '0.300s'],
    ['1us', '0.000001s'],
    ['1%C2%B5s', '0.000001s'],
    ['1ns', '0.000000001s'],
    ['1h2m3.5s', '3723.500s'],
    ['.5s', '0.500s'],
    ['0', '0s'],
    ['1.5s', '1.500s'],
  ])('durations of Go: %s', (text, want) => {
    expect(forms(`dur=${text}`)).toEqual({ dur: want })
  })
  test.each(['1', 'h', '1x', '1h2', '', '-', '1..5h', '999999999h', '1 h'])('no duration: %j', (text) => {
    expect(refused(`dur=${text}`).reason).toBe('FIELD_INVALID')
  })
  test('and all of it is off by default', () => {
    for (const query of ['m[k]=v', 'st={}', 'val=1', 'b=1', 'dur=1h'])
      expect(refusal(() => bind({}, '', { query })).code).toBe(3)
  })
})

describe('compat.unescape', () => {
  test.each([
    ['spec', 'a%2Fb?c/d e%2F'],
    ['keep-reserved', 'a%2Fb%3Fc/d e%2F'],
    ['all', 'a/b?c/d e%2F'],
  ] as const)('%s', (mode, want) => {
    expect(
      bind({ variables: ['id=**'], compat: { unescape: mode } }, '', { params: ['a%2Fb%3Fc/d%20e%252F'] }),
    ).toEqual({
      id: want,
    })
  })
})

describe('ignoreUnknown of the route', () => {
  test('holds for the body and not for the query', () => {
    expect(bind({ body: '*', ignoreUnknown: true }, '{"zz":1,"n":2}')).toEqual({ n: '2' })
    expect(bind({ body: 's', ignoreUnknown: true }, '{"zz":1,"t":"x"}')).toEqual({ s: { t: 'x' } })
    expect(refusal(() => bind({ ignoreUnknown: true }, '', { query: 'zz=1' })).reason).toBe('QUERY_UNKNOWN')
  })
})

describe('query keys that are passed over', () => {
  test('are not compared with the names that there are', () => {
    const names = vi.spyOn(TypePlan.prototype, 'names')
    onTestFinished(() => names.mockRestore())
    expect(bind({ unknownQuery: 'ignore' }, '', { query: 'idd=1&nn=2&n=7&&x&=y' })).toEqual({ n: '7' })
    expect(names).not.toHaveBeenCalled()
    expect(refusal(() => bind({}, '', { query: 'nn=2' })).message).toContain('did you mean')
    expect(names).toHaveBeenCalledOnce()
  })
})

describe('a query cannot nest without end', () => {
  test('100 levels', () => {
    const key = (levels: number): string => `s.${'sub.'.repeat(levels - 2)}t`
    expect(() => bind({}, '', { query: `${key(100)}=x` })).not.toThrow()
    expect(refusal(() => bind({}, '', { query: `${key(101)}=x` })).reason).toBe('QUERY_UNSUPPORTED')
    expect(refusal(() => bind({}, '', { query: `${key(4000)}=x` })).reason).toBe('QUERY_UNSUPPORTED')
  })
  test('more keys than are remembered', () => {
    const binding = bindingOf(m, {})
    for (let i = 2; i < 90; i++)
      for (const name of ['t', 'u', 'sub.t', 'sub.u']) {
        const query = `s.${'sub.'.repeat(i)}${name}=x`
        expect(() => transcode(types, m, json, proto, '', overlayOf(binding, { query }))).not.toThrow()
      }
  })
})

describe('whole messages (frames of a socket)', () => {
  const init = { variables: ['id'] }
  const frame = (body: string, query = '', more: BindingInit = {}): unknown =>
    bind({ ...init, ...more }, body, { params: ['a'], query, whole: true })
  test('are taken whatever `body` says; path and query bind what they leave unset', () => {
    expect(frame('{"n":"1"}', 'oi=2')).toEqual({ id: 'a', n: '1', oi: 2 })
    expect(frame('{"s":{"t":"x"}}', 's.u=y', { body: 's' })).toEqual({ id: 'a', s: { t: 'x', u: ['y'] } })
    expect(frame('{"n":"1"}', 'oi=2', { body: '*' })).toEqual({ id: 'a', n: '1', oi: 2 })
  })
  test('they may repeat but not contradict', () => {
    expect(frame('{"id":"a","n":"1"}', 'n=1')).toEqual({ id: 'a', n: '1' })
    expect(refusal(() => frame('{"id":"b"}')).reason).toBe('FIELD_CONFLICT')
    expect(refusal(() => frame('{"n":"1"}', 'n=2')).reason).toBe('FIELD_CONFLICT')
    expect(refusal(() => frame('{"r":[1]}', 'r=1')).reason).toBe('FIELD_CONFLICT')
    expect(refusal(() => frame('{"q":"x"}', 'p=1')).reason).toBe('ONEOF_CONFLICT')
    expect(refusal(() => frame('{}', 'id=a')).reason).toBe('FIELD_CONFLICT')
  })
  test('so are the messages of a stream without a body', () => {
    const stream = (body: string, query: string) => bind({ ...init, streamed: true }, body, { params: ['a'], query })
    expect(stream('{"n":"1"}', 'oi=2')).toEqual({ id: 'a', n: '1', oi: 2 })
    expect(refusal(() => stream('{"id":"b"}', '')).reason).toBe('FIELD_CONFLICT')
    expect(bind({ ...init, streamed: true }, '{"id":"b"}')).toEqual({ id: 'b' })
    expect(bind({ body: 's', streamed: true }, '{"t":"b"}')).toEqual({ s: { t: 'b' } })
  })
  test('wire bytes are always whole', () => {
    const bytes = transcode(types, m, json, proto, '{"n":"1"}')
    const overlay = overlayOf(bindingOf(m, init), { params: ['a'], query: 'oi=2' })
    const wire = transcode(types, m, proto, proto, bytes, overlay)
    expect(proto.decode(m, wire)).toEqual({ id: 'a', n: 1n, oi: 2 })
  })
})

describe('google.api.HttpBody', () => {
  const body = types.type('google.api.HttpBody')
  const upload = types.type('vec.Upload')
  const raw = Buffer.from([0, 255, 0x7b, 10])
  test('as the request: data and content type', () => {
    const overlay = overlayOf(bindingOf(body, { body: '*' }), { contentType: 'image/png' })
    const value = proto.decode(body, transcode(types, body, opaque, proto, raw, overlay))
    expect(value).toEqual({ contentType: 'image/png', data: raw })
  })
  test('as a field: path and query still bind the others', () => {
    const overlay = overlayOf(bindingOf(upload, { variables: ['name'], body: 'file' }), {
      params: ['a.png'],
      query: 'overwrite=true',
      contentType: 'image/png',
    })
    const value = proto.decode(upload, transcode(types, upload, opaque, proto, raw, overlay))
    expect(value).toEqual({ name: 'a.png', overwrite: true, file: { contentType: 'image/png', data: raw } })
    const conflict = { ...overlay, query: 'file.contentType=x' }
    expect(refusal(() => transcode(types, upload, opaque, proto, raw, conflict)).reason).toBe('FIELD_CONFLICT')
  })
  test('later messages of an upload: data alone; nothing at all leaves the field unset', () => {
    const overlay = overlayOf(bindingOf(upload, { variables: ['name'], body: 'file' }))
    expect(proto.decode(upload, transcode(types, upload, opaque, proto, raw, overlay))).toEqual({ file: { data: raw } })
    expect(transcode(types, upload, opaque, proto, '', overlay).length).toBe(0)
  })
  test('as JSON it is an ordinary message', () => {
    const overlay = overlayOf(bindingOf(body, { body: '*' }))
    const value = proto.decode(
      body,
      transcode(types, body, json, proto, '{"contentType":"a/b","data":"AP8="}', overlay),
    )
    expect(value).toEqual({ contentType: 'a/b', data: Buffer.from([0, 255]) })
  })
  test('raw bytes where no body is declared', () => {
    const overlay = overlayOf(bindingOf(upload, { variables: ['name'] }), { params: ['x'] })
    expect(refusal(() => transcode(types, upload, opaque, proto, raw, overlay)).reason).toBe('BODY_UNEXPECTED')
  })
  test('raw bytes for anything else are a fault of ours', () => {
    for (const body of ['*', 's'])
      expect(refusal(() => transcode(types, m, opaque, proto, raw, overlayOf(bindingOf(m, { body }))))).toMatchObject({
        code: 13,
      })
  })
  test('opaque on the other side: the data', () => {
    const wire = transcode(types, body, opaque, proto, raw)
    expect(proto.decode(body, wire)).toEqual({ data: raw })
    expect(transcode(types, body, proto, opaque, wire).equals(raw)).toBe(true)
  })
})

describe('field mask of a PATCH', () => {
  const patch = (body: string, query = '', more: BindingInit = {}): unknown =>
    bind({ body: 's', updateMask: 'mask', ...more }, body, { query })
  test('what the body touches, proto names, sorted', () => {
    expect(patch('{"u":[],"t":"x","sub":{"sub":{"t":""}}}')).toMatchObject({ mask: 'sub.sub.t,t,u' })
  })
  test('a mask of the client wins, and so does one that is fixed', () => {
    expect(patch('{"t":"x"}', 'mask=')).toMatchObject({ mask: '' })
    expect(patch('{"t":"x"}', '', { set: { mask: 'u' } })).toMatchObject({ mask: 'u' })
  })
  test('names of unknown members that are ignored are not in it', () => {
    expect(patch('{"zz":{"t":1},"t":"x"}', '', { ignoreUnknown: true })).toMatchObject({ mask: 't' })
  })
  test('a member that is passed over may have an "@type", as an Any has', () => {
    expect(patch('{"zz":{"@type":"x/y","t":1},"t":"x"}', '', { ignoreUnknown: true })).toMatchObject({ mask: 't' })
  })
})

test('the writer is untouched when a request is refused', () => {
  const out = new Bytes()
  out.length = 5
  const overlay = overlayOf(bindingOf(m, { variables: ['id'], body: '*' }), { params: ['a'] })
  const run = table.transcoder(m, json, proto, overlay.binding)
  expect(() => run(Buffer.from('{"id":"b"}'), out, overlay)).toThrow()
  expect(out.length).toBe(5)
})

test('a Message weaves, remembers and decodes', () => {
  const schema = {
    codec: (name: string) => table.codec(name),
    transcoder: table.transcoder.bind(table),
  } as unknown as Schema
  const overlay = overlayOf(bindingOf(m, { variables: ['id'], body: '*' }), { params: ['a%20b'] })
  const message = makeMessage({ schema, type: m, codec: json, bytes: Buffer.from('{"n":1}'), overlay })
  expect(message.value()).toEqual({ id: 'a b', n: 1n })
  expect(message.as(proto)).toBe(message.as(proto))
  expect(message.as(json).toString()).toBe('{"id":"a b","n":"1"}')
  const changed = message.with({ ...message.value<object>(), n: 2n })
  expect(changed.as(json).toString()).toBe('{"id":"a b","n":"2"}')
})
