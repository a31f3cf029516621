import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { planOf } from '../../../src/codec/plan.ts'
import { link, type ProtoFile } from '../../../src/schema/link/index.ts'
import { readDescriptorSet } from '../../../src/schema/load-descriptors.ts'
import { parseProto } from '../../../src/schema/parse/index.ts'
import { loadSchema } from '../../../src/schema/schema.ts'
import { cleanSchema, loadProtoFiles, protoFolder } from '../../support/proto-folder.ts'

const codes = async (text: string): Promise<readonly string[]> => {
  const { problems } = await loadProtoFiles({ 'a.proto': `syntax = "proto3"; ${text}` })
  return problems.map(({ code, message }) => `${code} ${message}`)
}

describe('names are bounded', () => {
  test.each([
    [
      'a package of many parts',
      `package a${'.a'.repeat(31)};`,
      'PROTO_SYNTAX the name of a package has at most 31 parts',
    ],
    [
      'a package of a million parts',
      `package a${'.a'.repeat(1_000_000)};`,
      'PROTO_SYNTAX the name of the package has more than 1000 characters',
    ],
    ['a long name', `message ${'A'.repeat(256)} {}`, 'PROTO_SYNTAX the name of a message has more than 255 characters'],
    [
      'a number of many digits',
      `message M { bool a = ${'9'.repeat(101)}; }`,
      'PROTO_SYNTAX the number of the field has more than 100 digits',
    ],
    [
      'an option of many parts',
      `message M {} service S { rpc R(M) returns (M) { option (google.api.http)${'.get'.repeat(200_000)} = "/"; } }`,
      'PROTO_SYNTAX the name of the option has more than 64 parts',
    ],
  ])('%s', async (_, text, expected) => expect(await codes(text)).toEqual([expected]))

  test('messages in messages with long names', async () => {
    const open = Array.from({ length: 8 }, (_, i) => `message ${'A'.repeat(200)}${i} {`).join(' ')
    expect(await codes(`${open} ${'}'.repeat(8)}`)).toEqual([
      'PROTO_NAME_REFUSED the full name of a message has more than 32 parts or 1000 characters',
    ])
    expect(await codes(`package a; ${'message M {'.repeat(32)} ${'}'.repeat(32)}`)).toEqual([
      'PROTO_NAME_REFUSED the full name of a message has more than 32 parts or 1000 characters',
    ])
  })
  test('what is just within the bounds loads', async () => {
    const schema = await cleanSchema({
      'a.proto': `syntax = "proto3"; package a${'.a'.repeat(30)}; message ${'A'.repeat(255)} {} service S { rpc R(${'A'.repeat(255)}) returns (${'A'.repeat(255)}); } `,
    })
    expect(schema.operations.size).toBe(1)
    const deep = `syntax = "proto3"; ${'message M {'.repeat(32)} bool a = 1; ${'}'.repeat(32)}`
    expect((await cleanSchema({ 'a.proto': deep })).type(`${'M.'.repeat(31)}M`)?.fields).toHaveLength(1)
  })
  test('in a descriptor set too', () => {
    const set = create(FileDescriptorSetSchema, {
      file: [
        { name: 'a.proto', syntax: 'proto3', package: `a${'.a'.repeat(31)}` },
        { name: 'b.proto', syntax: 'proto3', messageType: [{ name: 'B'.repeat(256) }] },
        { name: 'c.proto', syntax: 'proto3', messageType: [{ name: 'C'.repeat(1001) }] },
      ],
    })
    const { problems } = readDescriptorSet(toBinary(FileDescriptorSetSchema, set), 'api.binpb')
    expect(problems.map(({ message }) => message)).toEqual([
      'a.proto: the name of the package has more than 31 parts',
      'b.proto: the name of a message has more than 255 characters',
      'c.proto: the full name of a message has more than 1000 characters',
    ])
  })
})

test('a oneof of many members: fields are added one by one, and know of each other by one list', async () => {
  const fields = Array.from({ length: 15_000 }, (_, i) => `bool f${i} = ${i + 20_001};`).join(' ')
  const schema = await cleanSchema({
    'a.proto': `syntax = "proto3"; message M { oneof o { ${fields} } } service S { rpc R(M) returns (M); }`,
  })
  const plan = planOf(schema.type('M')!)
  expect(plan.fields).toHaveLength(15_000)
  expect(new Set(plan.fields.map(({ siblings }) => siblings)).size).toBe(1)
})

const LONG = 15_000

test('a long chain of imports in a descriptor set', () => {
  const set = create(FileDescriptorSetSchema, {
    file: Array.from({ length: LONG }, (_, i) => ({
      name: `f${i}.proto`,
      syntax: 'proto3',
      dependency: i + 1 < LONG ? [`f${i + 1}.proto`] : [],
    })),
  })
  expect(readDescriptorSet(toBinary(FileDescriptorSetSchema, set), 'api.binpb').problems).toEqual([])
})

test('a long chain of imports', () => {
  const files: ProtoFile[] = []
  for (let i = 0; i < LONG; i++) {
    const previous = files.at(-1)
    const { node, problems } = parseProto(
      `f${i}.proto`,
      `syntax = "proto3"; ${previous === undefined ? '' : `import "f${i - 1}.proto";`}`,
    )
    const imports = previous === undefined ? [] : [previous]
    files.push({ node, problems: [...problems], importName: `f${i}.proto`, builtIn: false, exposed: true, imports })
  }
  files.reverse()
  expect(link(files).files).toHaveLength(LONG)
  // The one that all others need, directly or not.
  files[LONG - 1]!.problems.push({ code: 'X', severity: 'error', message: 'broken' })
  expect(link(files).files).toEqual([])
})

describe('one source calls a message like another its service', () => {
  const MESSAGE = 'syntax = "proto3"; package a; message B { string x = 1; } service T { rpc R(B) returns (B); }'
  const served = async (set: Parameters<typeof create<typeof FileDescriptorSetSchema>>[1]) => {
    const bytes = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, set))
    const base = protoFolder({ 'a.proto': MESSAGE, 'b.binpb': bytes })
    const { schema, problems } = await loadSchema(['a.proto', 'b.binpb'], { base })
    expect(problems).toEqual([])
    return [...schema.operations.keys()].toSorted()
  }
  test('the very name', async () => {
    const service = [{ name: 'B', method: [{ name: 'R', inputType: '.a.M', outputType: '.a.M' }] }]
    expect(
      await served({
        file: [{ name: 'z.proto', syntax: 'proto3', package: 'a', messageType: [{ name: 'M' }], service }],
      }),
    ).toEqual(['a.B/R', 'a.T/R'])
  })
  test('a part of its package', async () => {
    const service = [{ name: 'S', method: [{ name: 'R', inputType: '.a.B.M', outputType: '.a.B.M' }] }]
    expect(
      await served({
        file: [{ name: 'z.proto', syntax: 'proto3', package: 'a.B', messageType: [{ name: 'M' }], service }],
      }),
    ).toEqual(['a.B.S/R', 'a.T/R'])
  })
})

test('a service called Message', async () => {
  const schema = await cleanSchema({
    'a.proto': 'syntax = "proto3"; message M {} service Message { rpc R(M) returns (stream M); }',
  })
  expect(schema.operations.get('Message/R')?.shape).toBe('server_stream')
})
