import { describe, expect, test } from 'vitest'
import { describeProblem } from '../../../src/core/config-error.ts'
import { cleanSchema, loadProtoFiles } from '../../support/proto-folder.ts'

const problems = async (files: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  (await loadProtoFiles(files)).problems.map(describeProblem)

describe('problems of files that fit the grammar', () => {
  const cases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'missing import': {
      'a.proto': 'syntax = "proto3"; import "shop/typs.proto"; message M { shop.Item i = 1; }',
      'shop/types.proto': 'syntax = "proto3"; package shop; message Item {}',
    },
    'import that lies deeper': {
      'a.proto': 'syntax = "proto3"; import "shop/types.proto";',
      'third_party/shop/types.proto': 'syntax = "proto3"; package shop; message Item {}',
    },
    'misspelt built-in import': { 'a.proto': 'syntax = "proto3"; import "google/api/anotations.proto";' },
    'import that leads out': {
      'a.proto': 'syntax = "proto3"; import "../b.proto"; import "/etc/passwd"; import "a//b";',
    },
    'circle of imports': {
      'a.proto': 'syntax = "proto3"; import "b.proto";',
      'b.proto': 'syntax = "proto3"; import "c.proto";',
      'c.proto': 'syntax = "proto3"; import "a.proto";',
    },
    'file that imports itself': { 'a.proto': 'syntax = "proto3"; import "a.proto";' },
    'unknown types': {
      'a.proto': `syntax = "proto3"; package shop;
message Item { Pricee price = 1; map<string, shop.Itm> items = 2; google.protobuf.Timestamp at = 3; }
message Price { string amount = 1; }
service S { rpc Get(Item) returns (Nothing); rpc Put(Kind) returns (Item); }
enum Kind { A = 0; }`,
    },
    'type that is not imported': {
      'a.proto': 'syntax = "proto3"; package a; message A { b.B b = 1; }',
      'b.proto': 'syntax = "proto3"; package b; message B {}',
    },
    'import is not passed on unless it is public': {
      'a.proto': 'syntax = "proto3"; import "b.proto"; message A { D d = 1; C c = 2; }',
      'b.proto': 'syntax = "proto3"; import public "d.proto"; import "c.proto"; message B { C c = 1; }',
      'c.proto': 'syntax = "proto3"; message C {}',
      'd.proto': 'syntax = "proto3"; message D {}',
    },
    'inner scope hides the outer one': {
      'a.proto':
        'syntax = "proto3"; package a.b; message b { message X {} } message M { b.Y y = 1; message b {} } message Y {}',
    },
    'names twice': {
      'a.proto': `syntax = "proto3"; package a;
message M { string x = 1; int32 x = 2; oneof x { bool z = 3; } message N {} enum N { Z = 0; } }
message M { message Inner {} }
enum E { ONE = 0; } enum F { ONE = 0; }
service S { rpc R(M) returns (M); rpc R(M) returns (M); }`,
      'b.proto': 'syntax = "proto3"; package a; message M {} message P { string q = 1; } service S {}',
      'c.proto': 'syntax = "proto3"; package a.M;',
    },
    'copy of a built-in file under another path': {
      'a.proto': 'syntax = "proto3"; import "google/api/annotations.proto";',
      'http.proto': 'syntax = "proto3"; package google.api; message HttpRule { string get = 2; } message Http {}',
    },
    'names that are refused': {
      'a.proto': `syntax = "proto3"; package a.constructor.b;
message prototype {} message __proto__ {} enum constructor { X = 0; }
service S { rpc __proto__(prototype) returns (prototype); rpc constructor(prototype) returns (prototype); }`,
    },
    numbers: {
      'a.proto': `syntax = "proto2"; message M {
  optional int32 a = 0; optional int32 b = 536870912; optional int32 c = 19000; optional int32 d = -1;
  optional int32 e = 5; optional int32 f = 5; optional int32 g = 12; optional int32 h = 101; optional int32 i = 99999999999999999999;
  reserved 10 to 20; reserved "a", "zz"; extensions 100 to 200; }
extend M { optional int32 x = 100; optional int32 y = 100; optional int32 z = 7; required int32 r = 102; optional int32 j = 103 [json_name = "k"]; }`,
    },
    enums: {
      'a.proto': `syntax = "proto3"; enum A {} enum B { ONE = 1; TWO = 1; BIG = 2147483648; reserved 3, "R"; R = 4; THREE = 3; }
enum C { option allow_alias = true; C0 = 0; C1 = 0; }`,
    },
    'JSON names': {
      'a.proto': `syntax = "proto3"; message M { string foo_bar = 1; string fooBar = 2; string a = 3 [json_name = "b"]; string b = 4; string c = 5 [json_name = "[x]"]; }`,
      'b.proto': `syntax = "proto2"; message P { optional string foo_bar = 1; optional string fooBar = 2; }`,
    },
    options: {
      'a.proto': `syntax = "proto3"; option optimise_for = SPEED; option java_multiple_files = yes; option features.field_presence = IMPLICIT;
message M { option deprecated = 1; string a = 1 [deprecated = true, deprecated = true, json_name = 5, (x.y) = 1]; string b = 2 [(x.y).z = 1]; }
service S { rpc R(M) returns (M) { option idempotency_level = IDEMPOTEN; option (google.api.htp) = { get: "/x" }; } }
service T { rpc R(M) returns (M) { option (google.api.http) = { get: "/x" }; } rpc Q(M) returns (M) { option (google.api.http) = { get: "/y" }; } }`,
    },
    features: {
      'a.proto': `edition = "2023"; option features.field_presense = IMPLICIT; option features.enum_type = CLOSE;
message M { option features.field_presence = EXPLICIT; string a = 1 [features = { utf8_validation: NONE, json_format: ALLOW }]; }`,
    },
    'message set': {
      'a.proto': `syntax = "proto2"; message Set { option message_set_wire_format = true; extensions 4 to max; }
message M { extend Set { optional M item = 4; } }`,
    },
    'one file is broken, the others are checked': {
      'a.proto': 'syntax = "proto3"; message A { string a = 1 }',
      'b.proto': 'syntax = "proto3"; import "a.proto"; message B { A a = 1; Unknown u = 2; string a = 3; }',
      'c.proto': 'syntax = "proto3"; message C { Missing m = 1; }',
    },
    'http rules': {
      'a.proto': `syntax = "proto3"; import "google/api/annotations.proto"; message M { string a = 1; }
service S {
  rpc A(M) returns (M) { option (google.api.http) = { gett: "/a" }; }
  rpc B(M) returns (M) { option (google.api.http) = { get: "/a" post: "/b" }; }
  rpc C(M) returns (M) { option (google.api.http) = { get: "/a" get: "/b" body: 1 }; }
  rpc D(M) returns (M) { option (google.api.http) = { get: "" additional_bindings { get: "/b" additional_bindings { get: "/c" } } }; }
  rpc E(M) returns (M) { option (google.api.http) = { custom { kind: "A B" path: "/x" } }; }
  rpc F(M) returns (M) { option (google.api.http) = { custom { kind: "HEAD" } }; }
  rpc G(M) returns (M) { option (google.api.http) = { body: "*" }; }
  rpc H(M) returns (M) { option (google.api.http) = "/x"; }
  rpc I(M) returns (M) { option (google.api.http).get = "/x"; option (google.api.http).get = "/y"; }
  rpc J(M) returns (M) { option (google.api.http) = { get: "/a" additional_bindings: "/b" path: "/c" }; }
}`,
    },
  }
  test('texts', async () => {
    const texts: string[] = []
    for (const [name, files] of Object.entries(cases)) texts.push(`## ${name}`, ...(await problems(files)), '')
    await expect(texts.join('\n')).toMatchFileSnapshot('../../golden/proto-problems.txt')
  })
})

describe('what is left out and what is not', () => {
  test('a file with an error, and those that import it, are absent; the others are there', async () => {
    const { schema, problems: found } = await loadProtoFiles({
      'a.proto': 'syntax = "proto3"; message A { string a = 1 }',
      'b.proto': 'syntax = "proto3"; import "a.proto"; message B { A a = 1; } service SB { rpc R(B) returns (B); }',
      'c.proto': 'syntax = "proto3"; message C {} service SC { rpc R(C) returns (C); }',
    })
    expect(found).toHaveLength(1)
    expect(schema.type('A')).toBeUndefined()
    expect(schema.type('B')).toBeUndefined()
    expect([...schema.services.keys()]).toEqual(['SC'])
  })
  test('of a name that is declared twice the first declaration stays', async () => {
    const { schema } = await loadProtoFiles({
      'a.proto': 'syntax = "proto3"; message M { string first = 1; }',
      'b.proto': 'syntax = "proto3"; message M { string second = 1; }',
    })
    expect(schema.type('M')?.field('first')?.number).toBe(1)
  })
  test('a name means what protoc says it means, not the first thing of that name anywhere', async () => {
    const schema = await cleanSchema({
      'a.proto': `syntax = "proto3"; package a; import "b.proto";
message Holder { X x = 1; .X root = 2; b.X other = 3; message Deep { X x = 1; message X { bool deep = 1; } } }
message X { bool a = 1; }`,
      'b.proto': 'syntax = "proto3"; package a.b; message X { bool b = 1; }',
      'c.proto': 'syntax = "proto3"; message Unrelated { message X {} }',
      'd.proto': 'syntax = "proto3"; message X { bool root = 1; }',
      'e.proto': 'syntax = "proto3"; package a.b.c; message X {}',
    }).catch((error: Error) => error.message)
    expect(schema).toContain('no type ".X" is imported (add: import "d.proto";)')
    const fixed = await cleanSchema({
      'a.proto': `syntax = "proto3"; package a; import "b.proto"; import "d.proto";
message Holder { X x = 1; .X root = 2; b.X other = 3; message Deep { X x = 1; message X { bool deep = 1; } } }
message X { bool a = 1; }`,
      'b.proto': 'syntax = "proto3"; package a.b; message X { bool b = 1; }',
      'd.proto': 'syntax = "proto3"; message X { bool root = 1; }',
    })
    const types = fixed.type('a.Holder')!.fields.map((field) => field.message?.name)
    expect(types).toEqual(['a.X', 'X', 'a.b.X'])
    expect(fixed.type('a.Holder.Deep')?.field('x')?.message?.name).toBe('a.Holder.Deep.X')
  })
  test('extensions belong to the message that they name, and are fields of it', async () => {
    const schema = await cleanSchema({
      'a.proto': `syntax = "proto2"; package a; message M { extensions 100 to max; message M { extensions 1 to 9; } }
extend M { optional string ext = 100; repeated M list = 101; }
message Other { extend M.M { optional int32 inner = 1; } }`,
    })
    expect(
      schema.type('a.M')?.fields.map(({ name, jsonName, number, presence }) => [name, jsonName, number, presence]),
    ).toEqual([
      ['[a.ext]', '[a.ext]', 100, true],
      ['[a.list]', '[a.list]', 101, false],
    ])
    expect(schema.type('a.M')?.field('ext')).toBeUndefined()
    expect(schema.type('a.M.M')?.field('[a.Other.inner]')?.kind).toBe('int32')
  })
})
