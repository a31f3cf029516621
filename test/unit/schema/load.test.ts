import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeProblem } from '../../../src/core/config-error.ts'
import { emptySchema, loadSchema } from '../../../src/schema/schema.ts'
import { protoFolder } from '../../support/proto-folder.ts'

const message = (name: string): string => `syntax = "proto3"; message ${name} {}`
const load = async (base: string, ...sources: readonly string[]) => {
  const loaded = await loadSchema(sources, { base })
  return { ...loaded, texts: loaded.problems.map(describeProblem) }
}

describe('sources', () => {
  test('a folder: every .proto below it; hidden folders and node_modules are left out', async () => {
    const base = protoFolder({
      'protos/a.proto': message('A'),
      'protos/deep/er/b.proto': message('B'),
      'protos/.hidden/c.proto': 'nonsense',
      'protos/node_modules/x/d.proto': 'nonsense',
      'protos/readme.md': '',
    })
    const { schema, texts, files } = await load(base, 'protos')
    expect(texts).toEqual([])
    expect(files).toEqual([join(base, 'protos/a.proto'), join(base, 'protos/deep/er/b.proto')])
    expect([schema.type('A')?.name, schema.type('B')?.name]).toEqual(['A', 'B'])
  })
  test('a file: its imports resolve from its folder and from the folders around it, up to the base', async () => {
    const base = protoFolder({
      'protos/shop/v1/a.proto':
        'syntax = "proto3"; import "b.proto"; import "shop/c.proto"; import "protos/d.proto"; message A { B b = 1; C c = 2; D d = 3; }',
      'protos/shop/v1/b.proto': message('B'),
      'protos/shop/c.proto': message('C'),
      'protos/d.proto': message('D'),
      'protos/unused.proto': 'nonsense',
    })
    const { schema, texts } = await load(base, 'protos/shop/v1/a.proto')
    expect(texts).toEqual([])
    expect(schema.type('A')?.fields.map((field) => field.message?.name)).toEqual(['B', 'C', 'D'])
  })
  test('an absolute path outside of the base', async () => {
    const other = protoFolder({ 'x.proto': message('X') })
    const { schema, texts } = await load(protoFolder({}), join(other, 'x.proto'))
    expect(texts).toEqual([])
    expect(schema.type('X')?.name).toBe('X')
  })
  test('a neighbour by "./"', async () => {
    const base = protoFolder({
      'protos/deep/a.proto':
        'syntax = "proto3"; import "./b.proto"; import "../c.proto"; message A { B b = 1; C c = 2; }',
      'protos/deep/b.proto': message('B'),
      'protos/c.proto': message('C'),
    })
    expect((await load(base, 'protos')).texts).toEqual([])
  })
  test('one file by two names is one file', async () => {
    const base = protoFolder({
      'protos/inner/a.proto': message('A'),
      'protos/b.proto': 'syntax = "proto3"; import "inner/a.proto"; import "a.proto"; message B { A a = 1; }',
    })
    expect((await load(base, 'protos', 'protos/inner', 'protos/inner/a.proto')).texts).toEqual([])
  })
  test('what is wrong with a source', async () => {
    const base = protoFolder({ 'protos/a.proto': message('A'), 'empty/x.txt': '', 'notes.txt': '' })
    const { texts } = await load(base, 'proto', 'protos/b.proto', 'empty', 'notes.txt', 'protos')
    expect(texts).toEqual([
      'proto error SCHEMA_NOT_FOUND: no file or folder "proto" (did you mean "protos"?)',
      'protos/b.proto error SCHEMA_NOT_FOUND: no file or folder "protos/b.proto" (did you mean "protos/a.proto"?)',
      'empty warning SCHEMA_EMPTY: the folder "empty" has no .proto files',
      'notes.txt error SCHEMA_KIND: "notes.txt" is no kind of schema (a folder, a .proto file, a descriptor set (.binpb) or a service config (.yaml, .json))',
    ])
  })
  test('files that cannot be read as text', async () => {
    const base = protoFolder({
      'protos/latin.proto': Buffer.from('syntax = "proto3"; // caf\xe9', 'latin1'),
      'protos/wide.proto': Buffer.from('\ufeffsyntax = "proto3";', 'utf16le'),
      'protos/bom.proto': '\ufeffsyntax = "proto3"; message WithMark {}',
      'protos/large.proto': '',
      'protos/user.proto': 'syntax = "proto3"; import "large.proto"; message U { Large l = 1; }',
    })
    truncateSync(join(base, 'protos/large.proto'), 4 * 1024 * 1024 + 1)
    const { schema, texts } = await load(base, 'protos')
    expect(texts).toEqual([
      'protos/large.proto error SCHEMA_TOO_LARGE: the file has 4194305 bytes, at most 4194304 are read',
      'protos/latin.proto error PROTO_NOT_UTF8: the file is not valid UTF-8',
      'protos/wide.proto error PROTO_NOT_UTF8: the file is not valid UTF-8 (it looks like UTF-16: save it as UTF-8)',
    ])
    expect(schema.type('WithMark')?.name).toBe('WithMark')
    expect(schema.type('U')).toBeUndefined()
  })
})

describe('symbolic links', () => {
  test('inside of the folder they are followed, a file that is reached twice counts once', async () => {
    const base = protoFolder({ 'protos/real/a.proto': message('A') })
    symlinkSync('real', join(base, 'protos/link'))
    symlinkSync('real/a.proto', join(base, 'protos/b.proto'))
    symlinkSync('.', join(base, 'protos/circle'))
    expect((await load(base, 'protos')).texts).toEqual([])
  })
  test('a folder that is itself a link is a folder', async () => {
    const base = protoFolder({ 'real/a.proto': message('A') })
    symlinkSync('real', join(base, 'protos'))
    expect((await load(base, 'protos')).schema.type('A')?.name).toBe('A')
  })
  test('a mounted ConfigMap: files are links into a hidden folder', async () => {
    const base = protoFolder({ 'protos/..2024/a.proto': message('A') })
    symlinkSync('..2024', join(base, 'protos/..data'))
    symlinkSync('..data/a.proto', join(base, 'protos/a.proto'))
    const { schema, texts } = await load(base, 'protos')
    expect(texts).toEqual([])
    expect(schema.type('A')?.name).toBe('A')
  })
  test('out of the folder they are refused, whether found or imported', async () => {
    const outside = protoFolder({ 'secret.proto': message('Secret') })
    const base = protoFolder({
      'protos/a.proto': 'syntax = "proto3"; import "s.proto"; import "dir/secret.proto";',
    })
    symlinkSync(join(outside, 'secret.proto'), join(base, 'protos/s.proto'))
    symlinkSync(outside, join(base, 'protos/dir'))
    symlinkSync('/nowhere/at.all', join(base, 'protos/lost.proto'))
    const { schema, texts, files } = await load(base, 'protos')
    const hint = '(name its target in "schemas" if it is meant)'
    expect(texts).toEqual([
      `protos/dir error SCHEMA_SYMLINK: the symbolic link "protos/dir" leads out of the folder, to ${outside} ${hint}`,
      'protos/lost.proto error SCHEMA_SYMLINK: the symbolic link "protos/lost.proto" leads nowhere',
      `protos/s.proto error SCHEMA_SYMLINK: the symbolic link "protos/s.proto" leads out of the folder, to ${outside}/secret.proto ${hint}`,
      `protos/s.proto error SCHEMA_SYMLINK: the symbolic link "protos/s.proto" leads out of the folder, to ${outside}/secret.proto`,
      `protos/dir/secret.proto error SCHEMA_SYMLINK: the symbolic link "protos/dir/secret.proto" leads out of the folder, to ${outside}/secret.proto`,
    ])
    expect(schema.type('Secret')).toBeUndefined()
    expect(files).toEqual([join(base, 'protos/a.proto')])
  })
})

describe('built-in files', () => {
  test('an import needs no copy, and only what is imported is loaded', async () => {
    const base = protoFolder({
      'a.proto': `syntax = "proto3"; import "google/api/annotations.proto"; import "buf/validate/validate.proto"; import "grpc/health/v1/health.proto";
message A { string a = 1 [(buf.validate.field).string.min_len = 1]; }
service S { rpc R(A) returns (A) { option (google.api.http) = { get: "/a" }; } }`,
    })
    const { schema, texts, files } = await load(base, 'a.proto')
    expect(texts).toEqual([])
    expect(files).toEqual([join(base, 'a.proto')])
    expect(schema.type('google.api.HttpRule')?.field('additionalBindings')?.repeated).toBe(true)
    expect(schema.type('google.type.Money')).toBeUndefined()
    expect([...schema.services.keys()]).toEqual(['S'])
    expect(schema.operations.get('grpc.health.v1.Health/Check')?.shape).toBe('unary')
  })
  test('status, error details and well-known types are always there', async () => {
    for (const schema of [emptySchema(), (await load(protoFolder({}))).schema]) {
      expect(schema.type('google.rpc.Status')?.field('details')?.message?.name).toBe('google.protobuf.Any')
      expect(schema.type('google.rpc.BadRequest.FieldViolation')?.field('field')?.kind).toBe('string')
      expect(schema.type('google.protobuf.Struct')?.name).toBe('google.protobuf.Struct')
      expect(schema.operations.size).toBe(0)
      expect(schema.codec('json')).toBe(schema.codec('json'))
    }
  })
  test('a copy in the folder counts first, wherever it lies, and its services are not offered', async () => {
    const copy =
      'syntax = "proto3"; package google.rpc; message Status { string mine = 1; } service Ours { rpc R(Status) returns (Status); }'
    const base = protoFolder({
      'protos/third_party/google/rpc/status.proto': copy,
      'protos/a.proto':
        'syntax = "proto3"; import "google/rpc/status.proto"; message A { google.rpc.Status status = 1; }',
    })
    const { schema, texts } = await load(base, 'protos')
    expect(texts).toEqual([])
    expect(schema.type('A')?.field('status')?.message?.field('mine')?.number).toBe(1)
    expect(schema.type('google.rpc.Status')?.field('mine')?.number).toBe(1)
    expect(schema.services.size).toBe(0)
    expect(schema.operations.has('google.rpc.Ours/R')).toBe(true)
    const named = await load(base, 'protos/third_party/google/rpc/status.proto')
    expect([...named.schema.services.keys()]).toEqual(['google.rpc.Ours'])
  })
  test('a copy under any path does not clash with what nobody imports', async () => {
    const base = protoFolder({
      'status.proto': 'syntax = "proto3"; package google.rpc; message Status { string mine = 1; }',
    })
    const { schema, texts } = await load(base, 'status.proto')
    expect(texts).toEqual([])
    expect(schema.type('google.rpc.Status')?.field('mine')?.number).toBe(1)
  })
})

describe('for reloads', () => {
  test('the hash follows the content of every file that is read, imports included', async () => {
    const base = protoFolder({
      'protos/a.proto': 'syntax = "proto3"; import "shared/b.proto"; message A { B b = 1; }',
      'lib/shared/b.proto': message('B'),
    })
    const hash = async (): Promise<string> => (await load(base, 'protos', 'lib/shared/b.proto', 'lib')).schema.hash
    const first = await hash()
    expect(await hash()).toBe(first)
    writeFileSync(join(base, 'lib/shared/b.proto'), message('B { string x = 1; } message C'))
    const second = await hash()
    expect(second).not.toBe(first)
    mkdirSync(join(base, 'protos/more'))
    writeFileSync(join(base, 'protos/more/c.proto'), message('D'))
    expect(await hash()).not.toBe(second)
  })
})
