import { describe, expect, test } from 'vitest'
import { CodecTable } from '../../../src/codec/codec.ts'
import type { FieldType } from '../../../src/core/descriptor.ts'
import { Bytes } from '../../../src/core/message.ts'
import { MessageTypeBuilder } from '../../../src/schema/message-type.ts'
import { bindingOf, overlayOf, refusal } from '../../support/codec.ts'

/** Names that every plain object lends: as fields, as JSON members, as keys of maps and queries they are data. */
const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype', '__defineGetter__']

const field = (name: string, number: number, more: Partial<FieldType> = {}): FieldType => ({
  name,
  jsonName: name,
  number,
  kind: 'string',
  repeated: false,
  mapKey: undefined,
  packed: false,
  delimited: false,
  presence: false,
  required: false,
  utf8: true,
  oneof: undefined,
  message: undefined,
  enum: undefined,
  comment: '',
  ...more,
})
const type = new MessageTypeBuilder('odd.Names', '')
type.define([
  ...NAMES.map((name, i) => field(name, i + 1)),
  field('map', 50, { mapKey: 'string' }),
  field('child', 51, { kind: 'message', message: type, presence: true }),
])
const plain = new MessageTypeBuilder('odd.Plain', '')
plain.define([field('a', 1), field('b', 2, { mapKey: 'string' })])

const table = new CodecTable(() => undefined)
const proto = table.codec('proto')
const json = table.codec('json')
const encode = (of: MessageTypeBuilder, value: unknown): Buffer => {
  const out = new Bytes()
  proto.encode(of, value, out)
  return out.take()
}

describe('fields named like members of Object.prototype', () => {
  const text = `{${NAMES.map((name) => `"${name}":"v-${name}"`).join(',')}}`
  test('an empty message has none of them', () => {
    expect(encode(type, {}).length).toBe(0)
    expect(encode(type, Object.create(null)).length).toBe(0)
    const out = new Bytes()
    json.encode(type, {}, out)
    expect(out.take().toString()).toBe('{}')
  })
  test('they go through JSON → wire → JSON', () => {
    const value = json.decode(type, Buffer.from(text))
    const out = new Bytes()
    json.encode(type, proto.decode(type, encode(type, value)), out)
    expect(out.take().toString()).toBe(text)
    expect(Object.keys(value as object)).toEqual(NAMES)
    expect(Object.getPrototypeOf(value)).toBe(null)
  })
  test('as query keys, nested too', () => {
    const query = NAMES.map((name) => `child.${name}=${name}`).join('&')
    const out = new Bytes()
    const binding = bindingOf(type, {})
    table.transcoder(type, json, proto, binding)(Buffer.alloc(0), out, overlayOf(binding, { query }))
    const { child } = proto.decode(type, out.take()) as { child: object }
    // In the order of the wire, which is that of the query.
    expect(Object.entries(child).sort()).toEqual(NAMES.map((name) => [name, name]).sort())
  })
  test('as keys of maps', () => {
    const value = json.decode(plain, Buffer.from(`{"b":${text}}`)) as { b: Map<string, string> }
    expect([...value.b.keys()]).toEqual(NAMES)
    const out = new Bytes()
    json.encode(plain, proto.decode(plain, encode(plain, value)), out)
    expect(out.take().toString()).toBe(`{"b":${text}}`)
  })
  test.each(NAMES)('%s is unknown where no field has the name', (name) => {
    expect(refusal(() => json.decode(plain, Buffer.from(`{"${name}":{"x":1}}`))).reason).toBe('FIELD_UNKNOWN')
    const binding = bindingOf(plain, {})
    const bind = (query: string) => () =>
      table.transcoder(plain, json, proto, binding)(Buffer.alloc(0), new Bytes(), overlayOf(binding, { query }))
    expect(refusal(bind(`${name}=1`)).reason).toBe('QUERY_UNKNOWN')
    expect(refusal(bind(`${name}.x=1`)).reason).toBe('QUERY_UNKNOWN')
    expect(({} as Record<string, unknown>).x).toBe(undefined)
  })
  test('as the JSON of a plain HTTP body', () => {
    const opaque = table.codec('opaque')
    const value = opaque.decode(plain, Buffer.from(text)) as object
    expect(Object.entries(value)).toEqual(NAMES.map((name) => [name, `v-${name}`]))
    expect(Object.getPrototypeOf(value)).toBe(null)
  })
})
