import { describe, expect, test } from 'vitest'
import { Bytes, type Codec, makeMessage } from '../../../src/core/message.ts'
import type { Schema } from '../../../src/core/schema.ts'
import { bindingOf, refusal, transcode, vectorTypes } from '../../support/codec.ts'

const types = vectorTypes()
const { table } = types
const m = types.type('vec.M')
const empty = types.type('google.protobuf.Empty')

describe('CodecTable', () => {
  test('codecs are made once for each name and set of options', () => {
    for (const name of ['proto', 'json', 'opaque', 'text']) {
      expect(table.codec(name)).toBe(table.codec(name))
      expect(table.codec(name).name).toBe(name)
    }
    expect(table.codec('json', {})).toBe(table.codec('json'))
    expect(table.codec('json', { emitDefaults: false })).toBe(table.codec('json'))
    expect(table.codec('json', { emitDefaults: true, protoNames: true })).toBe(
      table.codec('json', { protoNames: true, emitDefaults: true }),
    )
    expect(table.codec('json', { field: 's' })).toBe(table.codec('json', { field: 's' }))
    const all = [
      { emitDefaults: true },
      { protoNames: true },
      { enumNumbers: true },
      { int64Numbers: true },
      { ignoreUnknown: true },
      { field: 's' },
      { field: 't' },
      { field: 's', ignoreUnknown: true },
      {},
    ].map((options) => table.codec('json', options))
    expect(new Set(all).size).toBe(all.length)
  })
  test('an unknown name is a programming error', () => {
    expect(() => table.codec('xml')).toThrow('there is no codec "xml"')
  })
  test('transcoders are remembered by type, codecs and binding', () => {
    const json = table.codec('json')
    const proto = table.codec('proto')
    const one = bindingOf(m, {})
    const two = bindingOf(m, {})
    expect(table.transcoder(m, json, proto)).toBe(table.transcoder(m, json, proto))
    expect(table.transcoder(m, json, proto, one)).toBe(table.transcoder(m, json, proto, one))
    const all = [
      table.transcoder(m, json, proto),
      table.transcoder(m, proto, json),
      table.transcoder(empty, json, proto),
      table.transcoder(m, json, proto, one),
      table.transcoder(m, json, proto, two),
    ]
    expect(new Set(all).size).toBe(all.length)
  })
  test('the same codec on both sides, and raw to raw, copies', () => {
    const bytes = Buffer.from([1, 255, 0])
    const [opaque, text] = [table.codec('opaque'), table.codec('text')]
    for (const [from, to] of [
      [opaque, opaque],
      [opaque, text],
      [text, opaque],
    ] as const)
      expect(transcode(types, m, from, to, bytes).equals(bytes)).toBe(true)
  })
  test('a codec from outside is decoded and encoded', () => {
    const upper: Codec = {
      name: 'upper',
      decode: (_, bytes) => ({ id: Buffer.from(bytes).toString().toUpperCase() }),
      encode: () => undefined,
    }
    const json = table.codec('json')
    expect(transcode(types, m, upper, json, 'abc').toString()).toBe('{"id":"ABC"}')
  })
})

describe('opaque', () => {
  const opaque = table.codec('opaque')
  const decode = (text: string): unknown => opaque.decode(empty, Buffer.from(text))
  test('the JSON of a plain HTTP body, lossless', () => {
    expect(
      decode(
        '{"a":[1,2.5,-3e2,"x",null,true,false],"b":{"c":{}},"n":9007199254740993,"big":123456789012345678901234567890}',
      ),
    ).toEqual({
      a: [1, 2.5, -300, 'x', null, true, false],
      b: { c: {} },
      n: 9007199254740993n,
      big: 123456789012345678901234567890n,
    })
    expect(decode('"x"')).toBe('x')
    expect(decode('')).toBe(undefined)
  })
  test('is written back as JSON', () => {
    const text = '{"a":[1,2.5,-300,"x",null,true,false],"b":{"c":{}},"n":9007199254740993}'
    const out = new Bytes()
    opaque.encode(empty, decode(text), out)
    expect(out.take().toString()).toBe(text)
  })
  test('bytes are written as they are', () => {
    const out = new Bytes()
    opaque.encode(empty, Buffer.from([0, 255]), out)
    expect(out.take().toString('hex')).toBe('00ff')
  })
  test.each(['{', '{"a":1,"a":2}', '[1,]', 'nope', '{"a":\u00a01}', '['.repeat(100_000)])('refuses %j', (text) => {
    expect(refusal(() => decode(text)).code).toBe(3)
  })
  test.each([[() => 1], [{ a: Number.NaN }], [Symbol('x')]])('refuses to write %s', (value) => {
    expect(refusal(() => opaque.encode(empty, value, new Bytes())).reason).toBe('VALUE_INVALID')
  })
  test('refuses to write circles', () => {
    const circle: unknown[] = []
    circle.push(circle)
    expect(refusal(() => opaque.encode(empty, circle, new Bytes())).reason).toBe('VALUE_INVALID')
  })
})

describe('text', () => {
  const text = table.codec('text')
  test('is the string of a frame', () => {
    expect(text.decode(empty, Buffer.from('a€'))).toBe('a€')
    const out = new Bytes(1)
    text.encode(empty, 'a€', out)
    expect(out.take().toString()).toBe('a€')
    expect(refusal(() => text.decode(empty, Buffer.from([0xff]))).reason).toBe('UTF8_INVALID')
    expect(refusal(() => text.encode(empty, {}, new Bytes())).reason).toBe('VALUE_INVALID')
  })
  test('a changed text message stays text', () => {
    const schema = { codec: (name: string) => table.codec(name) } as unknown as Schema
    const message = makeMessage({ schema, type: empty, codec: text, bytes: Buffer.from('a') })
    const changed = message.with('b')
    expect(changed.codec).toBe(text)
    expect(Buffer.from(changed.bytes).toString()).toBe('b')
  })
})
