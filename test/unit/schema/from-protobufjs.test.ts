import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { describe, expect, test } from 'vitest'
import type { FieldType } from '../../../src/core/descriptor.ts'
import { fromProtobufjs, type Types } from '../../../src/schema/from-protobufjs.ts'
import { loadSchema } from '../../../src/schema/schema.ts'
import { cleanSchema } from '../../support/proto-folder.ts'

const parsed = (...texts: readonly string[]): Types => {
  const root = new protobuf.Root()
  for (const text of texts) protobuf.parse(text, root, { keepCase: true, alternateCommentMode: true })
  root.resolveAll()
  return fromProtobufjs(root)
}
const plain = ({ message, enum: values, comment: _, ...field }: FieldType): object => ({
  ...field,
  message: message?.name,
  enum: values?.name,
})

describe('the same types by protobufjs’s own parser', () => {
  const include = fileURLToPath(new URL('../../../src/schema/include/', import.meta.url))
  const names = globSync('**/*.proto', { cwd: include }).sort()
  test('of all built-in files', async () => {
    const theirs = parsed(...names.map((name) => readFileSync(`${include}${name}`, 'utf8')))
    const { schema, problems } = await loadSchema([include], { base: include })
    expect(problems).toEqual([])
    expect(names.length).toBeGreaterThan(50)
    expect([...schema.types.keys()].toSorted()).toEqual([...theirs.messages.keys()].toSorted())
    for (const [name, type] of theirs.messages)
      expect([name, schema.type(name)!.fields.map(plain)]).toEqual([name, type.fields.map(plain)])
    for (const [name, type] of theirs.enums) expect([name, schema.enums.get(name)]).toEqual([name, type])
  })
})

describe('names and kinds', () => {
  test('fields of every kind', () => {
    const types = parsed(`syntax = "proto2"; package a.b;
      message M { optional int32 foo_bar = 1 [json_name = "x"]; required string s = 2; repeated sint32 p = 3 [packed = true];
        optional group Inner = 4 { optional bool z = 1; } map<string, M> m = 5; oneof o { bytes b = 6; E e = 7; } extensions 100 to 200; }
      enum E { option allow_alias = true; A = 1; B = 0; C = 1; }
      extend M { optional M ext = 100; }`)
    const fields = types.messages.get('a.b.M')!.fields
    const base = {
      repeated: false,
      mapKey: undefined,
      packed: false,
      delimited: false,
      presence: true,
      required: false,
      utf8: false,
    }
    expect(fields.map(plain)).toEqual([
      { ...base, name: 'foo_bar', jsonName: 'x', number: 1, kind: 'int32' },
      { ...base, name: 's', jsonName: 's', number: 2, kind: 'string', required: true },
      { ...base, name: 'p', jsonName: 'p', number: 3, kind: 'sint32', repeated: true, packed: true, presence: false },
      {
        ...base,
        name: 'inner',
        jsonName: 'inner',
        number: 4,
        kind: 'message',
        delimited: true,
        message: 'a.b.M.Inner',
      },
      {
        ...base,
        name: 'm',
        jsonName: 'm',
        number: 5,
        kind: 'message',
        mapKey: 'string',
        presence: false,
        message: 'a.b.M',
      },
      { ...base, name: 'b', jsonName: 'b', number: 6, kind: 'bytes', oneof: 'o' },
      { ...base, name: 'e', jsonName: 'e', number: 7, kind: 'enum', oneof: 'o', enum: 'a.b.E' },
      { ...base, name: '[a.b.ext]', jsonName: '[a.b.ext]', number: 100, kind: 'message', message: 'a.b.M' },
    ])
    expect(types.enums.get('a.b.E')).toEqual({
      name: 'a.b.E',
      numbers: new Map([
        ['A', 1],
        ['B', 0],
        ['C', 1],
      ]),
      names: new Map([
        [1, 'A'],
        [0, 'B'],
      ]),
      open: false,
    })
  })
  test('where a JSON name is another field’s proto name, the JSON name wins', () => {
    const type = parsed(
      'syntax = "proto2"; message M { optional int32 a = 1 [json_name = "b"]; optional int32 b = 2 [json_name = "c"]; }',
    ).messages.get('M')!
    expect(type.field('b')?.number).toBe(1)
    expect(type.field('c')?.number).toBe(2)
    expect(type.field('a')?.number).toBe(1)
    expect(type.byNumber(2)?.name).toBe('b')
    expect(type.byNumber(3)).toBeUndefined()
  })
  test.each([
    ['foo_bar', 'fooBar'],
    ['foo__bar', 'fooBar'],
    ['_foo', 'Foo'],
    ['foo_', 'foo'],
    ['foo_1_a', 'foo1A'],
    ['FOO_BAR', 'FOOBAR'],
    ['__proto__', 'Proto'],
  ])('%s is %s in JSON', async (name, json) => {
    const schema = await cleanSchema({ 'a.proto': `syntax = "proto3"; message M { string ${name} = 1; }` })
    expect(schema.type('M')?.fields[0]).toMatchObject({ name, jsonName: json })
  })
  test('a root that was not resolved is refused', () => {
    const { root } = protobuf.parse('syntax = "proto3"; message M { M m = 1; }')
    expect(() => fromProtobufjs(root)).toThrow('call resolveAll on the root first')
  })
})
