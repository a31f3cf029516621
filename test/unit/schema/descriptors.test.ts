import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { describeProblem } from '../../../src/core/config-error.ts'
import type { FieldType } from '../../../src/core/descriptor.ts'
import { readDescriptorSet } from '../../../src/schema/load-descriptors.ts'
import { loadSchema } from '../../../src/schema/schema.ts'
import { protoFolder } from '../../support/proto-folder.ts'

/** `schema.binpb` is what `buf build` makes of the .proto files beside it (without source info of google/). */
const VECTORS = fileURLToPath(new URL('../../vectors/schema/', import.meta.url))
const text = await loadSchema([VECTORS], { base: VECTORS })
const compiled = await loadSchema(['schema.binpb'], { base: VECTORS })

const plain = ({ message, enum: values, ...field }: FieldType): object => ({
  ...field,
  message: message?.name,
  enum: values?.name,
})

describe('.proto text and a descriptor set of the same files give the same schema', () => {
  test('both load without a problem', () => {
    expect([...text.problems, ...compiled.problems]).toEqual([])
  })
  const own = [...text.schema.types.keys()].filter((name) => !name.startsWith('google.') && !name.startsWith('pb.'))
  test('the same types, among them all that the vectors declare', () => {
    expect(own).toHaveLength(26)
    expect(own.filter((name) => compiled.schema.type(name) === undefined)).toEqual([])
    expect(text.schema.types.size).toBe(compiled.schema.types.size)
  })
  test.each(own)('%s', (name) => {
    const a = text.schema.type(name)!
    const b = compiled.schema.type(name)!
    expect(a.comment).toBe(b.comment)
    expect(a.fields.map(plain)).toEqual(b.fields.map(plain))
  })
  test('types of imported files, comments aside', () => {
    for (const [name, type] of compiled.schema.types) {
      const fields = (of: readonly FieldType[]) => of.map((field) => plain({ ...field, comment: '' }))
      expect([name, fields(text.schema.type(name)?.fields ?? [])]).toEqual([name, fields(type.fields)])
    }
  })
  test.each([...text.schema.enums.keys()])('enum %s', (name) => {
    expect(compiled.schema.enums.get(name)).toEqual(text.schema.enums.get(name))
  })
  test('services, operations, places and comments', () => {
    expect([...compiled.schema.services].toSorted()).toEqual([...text.schema.services].toSorted())
    expect(compiled.schema.operations.size).toBe(9)
    for (const [name, b] of compiled.schema.operations) {
      const a = text.schema.operations.get(name)!
      expect([a.shape, a.idempotent, a.input.name, a.output.name]).toEqual([
        b.shape,
        b.idempotent,
        b.input.name,
        b.output.name,
      ])
      expect(compiled.schema.comment(name)).toBe(text.schema.comment(name))
      const [from, to] = [text.schema.place(name)!, compiled.schema.place(name)!]
      expect([to.line, to.column]).toEqual([from.line, from.column])
      expect(to.file).toBe(`schema.binpb(${from.file})`)
    }
  })
  test('http rules', () => {
    const rules = (of: typeof text) =>
      [...of.schema.operations.keys()]
        .toSorted()
        .map((name) => [name, of.schema.rules(name).map(({ place: _, ...rule }) => rule)])
    expect(rules(compiled)).toEqual(rules(text))
    expect(
      text.schema.rules('vectors.modern.v1.Shapes/Get').map((rule) => [rule.method, rule.template, rule.body]),
    ).toEqual([
      ['GET', '/v1/{name=things/*}', ''],
      ['GET', '/v1/things:first', ''],
      ['REPORT', '/v1/things', '*'],
    ])
  })
  test('both together are one schema; the names of a conflict are told', async () => {
    const both = await loadSchema([VECTORS, 'schema.binpb'], { base: VECTORS })
    expect(both.problems).toEqual([])
    expect(both.schema.types.size).toBe(text.schema.types.size)
    const base = protoFolder({
      'api.binpb': readFileSync(`${VECTORS}schema.binpb`),
      'a.proto': `syntax = "proto3"; package vectors.modern.v1; message Other {}
message UpdateRequest { string other = 1; } service Shapes { rpc Get(Other) returns (Other); }`,
    })
    const mixed = await loadSchema(['a.proto', 'api.binpb'], { base })
    expect(mixed.problems.map(describeProblem)).toEqual([
      'api.binpb error SCHEMA_CONFLICT: "vectors.modern.v1.UpdateRequest" is declared differently here and in a.proto',
      'api.binpb(modern.proto) error SCHEMA_CONFLICT: "vectors.modern.v1.Shapes" is declared differently here and in a.proto',
    ])
  })
})

describe('sets that are no good', () => {
  const problems = (bytes: Uint8Array): readonly string[] =>
    readDescriptorSet(bytes, 'api.binpb').problems.map(describeProblem)
  const good = readFileSync(`${VECTORS}schema.binpb`)
  const file = (init: object) =>
    toBinary(
      FileDescriptorSetSchema,
      create(FileDescriptorSetSchema, { file: [{ name: 'a.proto', syntax: 'proto3', ...init }] }),
    )

  test('cut short, at any place', () => {
    for (let end = 0; end < good.length; end += 997) {
      const { part, problems: found } = readDescriptorSet(good.subarray(0, end), 'api.binpb')
      expect(part, `first ${end} bytes`).toBeUndefined()
      expect(found.every(({ code, file: at }) => code === 'DESCRIPTOR_INVALID' && at === 'api.binpb')).toBe(true)
      expect(found.length).toBeGreaterThan(0)
    }
  })
  test('bytes changed anywhere: a schema or problems, never a throw', () => {
    let seed = 7
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return (seed >>> 8) % below
    }
    let refused = 0
    for (let i = 0; i < 400; i++) {
      const bytes = Buffer.from(good)
      for (let k = 0; k <= i % 5; k++) bytes[next(bytes.length)] = next(256)
      const { part, problems: found } = readDescriptorSet(bytes, 'api.binpb')
      expect(part === undefined).toBe(found.some(({ severity }) => severity === 'error'))
      if (part === undefined) refused++
    }
    expect(refused).toBeGreaterThan(100)
  })
  test.each([
    ['empty', Buffer.alloc(0), 'the file is empty'],
    ['text', Buffer.from('syntax = "proto3"; message M {}'), 'the file is cut short or is no descriptor set: '],
    ['JSON', Buffer.from('{"file":[]}'), 'the file is cut short or is no descriptor set: '],
    ['another message', Buffer.from([0x10, 0x01]), 'the file is no descriptor set: it holds no files'],
    [
      'a set of something else',
      Buffer.from([0x0a, 0x00, 0x10, 0x01]),
      'the file is no descriptor set: it has fields that a set does not have',
    ],
    ['a nameless file', Buffer.from([0x0a, 0x00]), 'the file is no descriptor set: its file #1 has no name'],
  ])('%s', (_, bytes, expected) => {
    const [first] = problems(bytes)
    expect(first).toContain(`api.binpb error DESCRIPTOR_INVALID: ${expected}`)
    expect(first).toContain('make one with: protoc --include_imports')
  })
  test('made without its imports', () => {
    expect(problems(file({ dependency: ['b.proto', 'google/protobuf/any.proto'] }))).toEqual([
      'api.binpb error DESCRIPTOR_INVALID: the set lacks "b.proto", which "a.proto" imports (protoc: add --include_imports; buf build does it by itself)',
      'api.binpb error DESCRIPTOR_INVALID: the set lacks "google/protobuf/any.proto", which "a.proto" imports (protoc: add --include_imports; buf build does it by itself)',
    ])
  })
  const field = (name: string, number: number) => ({ name, number, label: Label.OPTIONAL, type: Type.STRING })
  test.each([
    [
      'names',
      {
        package: 'a.constructor',
        messageType: [
          { name: '__proto__' },
          { name: 'a b' },
          { name: 'M', field: [field('x;', 1), field('__proto__', 2)] },
        ],
      },
      [
        'the package name "constructor" is refused, JavaScript objects react to it',
        'the message name "__proto__" is refused, JavaScript objects react to it',
        '"a b" is not the name of a message',
        '"x;" is not the name of a field',
      ],
    ],
    [
      'duplicates',
      { messageType: [{ name: 'M', field: [field('a', 1), field('a', 1)] }, { name: 'M' }], enumType: [{ name: 'E' }] },
      [
        'the number 1 is used twice in "M"',
        'the field "a" is declared twice in "M"',
        'the JSON name "a" is that of two fields of "M"',
        '"M" is declared twice, first in a.proto',
        'the enum "E" has no values',
      ],
    ],
    [
      'numbers',
      { messageType: [{ name: 'M', field: [field('a', 0), field('b', -5)] }] },
      ['0, of "M.a", is not a field number', '-5, of "M.b", is not a field number'],
    ],
  ])('%s', (_, init, expected) => {
    expect(
      problems(file(init)).map((line) =>
        line.replace(/^api\.binpb (error|warning) DESCRIPTOR_INVALID: a\.proto: /, ''),
      ),
    ).toEqual(expected)
  })
  test('types that are not there', () => {
    const [first] = problems(
      file({
        messageType: [
          {
            name: 'M',
            field: [{ name: 'a', number: 1, label: Label.OPTIONAL, type: Type.MESSAGE, typeName: '.Missing' }],
          },
        ],
      }),
    )
    expect(first).toContain('the descriptors do not fit together: ')
    expect(first).toContain('.Missing')
  })
  test('an edition from the future', () => {
    expect(problems(file({ syntax: 'editions', edition: 5000 }))[0]).toContain('unsupported edition')
  })
  test('a file that does not exist, and one that is a folder', async () => {
    const base = protoFolder({ 'x.binpb/a.proto': 'syntax = "proto3"; message A {}' })
    const { problems: found, schema } = await loadSchema(['y.binpb', 'x.binpb'], { base })
    expect(found.map(describeProblem)).toEqual([
      'y.binpb error SCHEMA_NOT_FOUND: no file or folder "y.binpb" (did you mean "x.binpb"?)',
    ])
    expect(schema.type('A')?.name).toBe('A')
  })
})

describe('sets in other forms', () => {
  test('files in any order, JSON names left out, without source info', () => {
    const set = create(FileDescriptorSetSchema, {
      file: [
        {
          name: 'b.proto',
          syntax: 'proto3',
          dependency: ['a.proto'],
          messageType: [
            {
              name: 'B',
              field: [{ name: 'some_a', number: 1, label: Label.OPTIONAL, type: Type.MESSAGE, typeName: '.A' }],
            },
          ],
          service: [{ name: 'S', method: [{ name: 'R', inputType: '.B', outputType: '.A' }] }],
        },
        { name: 'a.proto', syntax: 'proto3', messageType: [{ name: 'A' }] },
      ],
    })
    const { part, problems: found } = readDescriptorSet(toBinary(FileDescriptorSetSchema, set), 'api.binpb')
    expect(found).toEqual([])
    expect(part?.messages.get('B')?.field('someA')?.message?.name).toBe('A')
    expect(part?.services[0]?.methods[0]?.place).toEqual({ file: 'api.binpb(b.proto)', line: 1, column: 1 })
  })
  test('services of files that are there to be imported are not offered', () => {
    const service = [{ name: 'S', method: [] }]
    const set = create(FileDescriptorSetSchema, {
      file: [
        { name: 'mine.proto', package: 'a', syntax: 'proto3', service },
        { name: 'google/longrunning/operations.proto', package: 'b', syntax: 'proto3', service },
        { name: 'theirs.proto', package: 'c', syntax: 'proto3', service },
      ],
    })
    // buf's mark: field 8042, { is_import: true }
    set.file[2]!.$unknown = [{ no: 8042, wireType: 2, data: Buffer.from([2, 8, 1]) }]
    const { part } = readDescriptorSet(toBinary(FileDescriptorSetSchema, set), 'api.binpb')
    expect(part?.services.map(({ name, exposed }) => [name, exposed])).toEqual([
      ['a.S', true],
      ['b.S', false],
      ['c.S', false],
    ])
  })
})
