import { describe, expect, test } from 'vitest'
import { describeProblem } from '../../../src/core/config-error.ts'
import { type OptionValue, parseProto } from '../../../src/schema/parse/index.ts'

const problems = (text: string): readonly string[] => parseProto('a.proto', text).problems.map(describeProblem)
const proto3 = (body: string): string => `syntax = "proto3";\n${body}`

describe('comments', () => {
  const comment = (before: string): string => {
    const { node, problems: found } = parseProto('a.proto', proto3(`${before}message M {}`))
    expect(found).toEqual([])
    return node.messages[0]!.comment
  }
  test.each([
    ['// one\n', 'one'],
    ['// one\n// two\n', 'one\ntwo'],
    ['// one\n//\n//   indented\n', 'one\n\n  indented'],
    ['/* block */\n', 'block'],
    ['/* block */ ', 'block'],
    ['/** doc\n * more\n   * again */\n', 'doc\nmore\nagain'],
    ['// detached\n\n', ''],
    ['// detached\n\n// leading\n', 'leading'],
    ['// line\n/* block */\n', 'block'],
    ['; // of the statement before\n', ''],
    ['; /* of the\n statement before */\n', ''],
    ['; // of the statement before\n// leading\n', 'leading'],
    ['// a "string that does not end\n', 'a "string that does not end'],
  ])('%j', (before, expected) => expect(comment(before)).toBe(expected))

  test('ten thousand lines before one declaration take no noticeable time', () => {
    expect(comment(`${'// x\n'.repeat(10_000)}`).length).toBe(19_999)
  })
})

describe('option values are exact', () => {
  const value = (text: string): OptionValue => {
    const { node, problems: found } = parseProto('a.proto', proto3(`option (o) = ${text};`))
    expect(found.map(describeProblem)).toEqual([])
    return node.options[0]!.value
  }
  test.each([
    ['9223372036854775807', 9_223_372_036_854_775_807n],
    ['-9223372036854775808', -9_223_372_036_854_775_808n],
    ['0x1F', 31n],
    ['017', 15n],
    ['0', 0n],
  ])('integer %s', (text, expected) => expect(value(text)).toMatchObject({ kind: 'integer', value: expected }))
  test.each([
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1e3', 1000],
    ['-2.', -2],
    ['inf', Number.POSITIVE_INFINITY],
    ['-inf', Number.NEGATIVE_INFINITY],
    ['nan', Number.NaN],
    ['-nan', Number.NaN],
  ])('float %s', (text, expected) => expect(value(text)).toMatchObject({ kind: 'float', value: expected }))
  test.each([
    ['"a" \'b\'\n"c"', [0x61, 0x62, 0x63]],
    ['"\\001\\xff\\X7"', [1, 0xff, 7]],
    ['"\\n\\t\\\\\\"\\\'\\?"', [10, 9, 92, 34, 39, 63]],
    ['"\\u00e9\\U0001F600é"', [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xa9]],
    ['"//no comment"', [...Buffer.from('//no comment')]],
  ])('string %s', (text, bytes) => {
    const found = value(text)
    expect(found.kind === 'string' && [...found.bytes]).toEqual(bytes)
  })
  test('aggregates: braces, angles, lists, optional separators, comments of both kinds', () => {
    const found = value(`{ a: 1, b { c: "x"; } d < e: nan > # don't mind
      f: [1, -2] g: [{ h: X }, <i: true>] // nor this
      [pkg.ext]: 1 [type.googleapis.com/pkg.T] { } k: [] }`)
    const names = found.kind === 'message' ? found.fields.map(({ name, value: one }) => [name.text, one.kind]) : []
    expect(names).toEqual([
      ['a', 'integer'],
      ['b', 'message'],
      ['d', 'message'],
      ['f', 'list'],
      ['g', 'list'],
      ['[pkg.ext]', 'integer'],
      ['[type.googleapis.com/pkg.T]', 'message'],
      ['k', 'list'],
    ])
  })
  test('"#" begins no comment outside of an aggregate, and none behind it', () => {
    expect(problems(proto3('option (o) = { a: 1 }; # x'))).toEqual([
      'a.proto:2:24 error PROTO_SYNTAX: "#" cannot stand here',
    ])
  })
})

describe('syntax errors', () => {
  test('all of a file, each with its place', async () => {
    const bad = proto3(`package a;
message M {
  string a = 1
  string b = 2;
  optional group X = 3 { }
  required int32 c = 0x1;
  int32 d = 08;
  oneof o { repeated string z = 1; }
  map<float, string> m = 4;
  repeated map<string, string> n = 4;
  oneof p { map<string, string> q = 4; }
  string 'x = 5;
  string e = 1x;
  string f = 6 [deprecated true];
  string 9 = 7;
  reserved 5 to 3;
  reserved "a", 3;
  string g = 8 [(x) = "\\q"];
  rpc R(M) returns (M);
}
enum E { A = 0 B = 1; }
service S { rpc A(M) return (M); rpc B(M) returns (M) { option (o) = { get "/x" }; option (o) = { get: "/x"; } } }
}
message Open { message Inner {
`)
    await expect(`${problems(bad).join('\n')}\n`).toMatchFileSnapshot('../../golden/proto-syntax.txt')
  })
  test.each([
    ['', []],
    [
      'syntax = "proto4";\nmessage M { nonsense',
      ['a.proto:1:10 error PROTO_SYNTAX: the syntax "proto4" is not known (known: proto2, proto3)'],
    ],
    [
      'syntax = "2023";',
      ['a.proto:1:10 error PROTO_SYNTAX: the syntax "2023" is not known (write: edition = "2023";)'],
    ],
    [
      'edition = "1999";',
      ['a.proto:1:11 error PROTO_SYNTAX: the edition "1999" is not known (known: 2023, 2024, 2026)'],
    ],
    [
      'message M {}\nsyntax = "proto3";',
      ['a.proto:2:1 error PROTO_SYNTAX: "syntax" must be the first statement of the file'],
    ],
    [
      'message M { string a = 1; }',
      [
        'a.proto:1:13 error PROTO_SYNTAX: a field of proto2 begins with "optional", "required" or "repeated", found "string" (a file that does not say its syntax is proto2; begin it with: syntax = "proto3";)',
      ],
    ],
    [
      'edition = "2023"; message M { optional int32 a = 1; }',
      [
        'a.proto:1:31 error PROTO_SYNTAX: editions have no label "optional" (write [features.field_presence = EXPLICIT])',
      ],
    ],
    [
      'edition = "2023"; message M { group G = 1 {} }',
      [
        'a.proto:1:31 error PROTO_SYNTAX: editions have no groups (use a message field with [features.message_encoding = DELIMITED])',
      ],
    ],
    [
      'syntax = "proto2"; message M { optional group g = 1 {} }',
      ['a.proto:1:47 error PROTO_SYNTAX: the name of a group begins with a capital letter'],
    ],
    ['syntax = "proto3"; package a; package b;', ['a.proto:1:31 error PROTO_SYNTAX: a file has one package only']],
    [
      'syntax = "proto3"; message M {} /* open',
      ['a.proto:1:33 error PROTO_SYNTAX: the comment is not closed, "*/" is missing'],
    ],
    ['syntax = "proto3"; message M { oneof o {} }', ['a.proto:1:38 error PROTO_SYNTAX: the oneof "o" has no fields']],
  ])('%j', (text, expected) => expect(problems(text)).toEqual(expected))

  test('nesting is bounded', () => {
    const nested = (depth: number): string => proto3('message M {'.repeat(depth) + '}'.repeat(depth))
    expect(problems(nested(32))).toEqual([])
    expect(problems(nested(33))[0]).toContain('messages are nested deeper than 32 levels')
    expect(problems(proto3(`option (o) = ${'{ a '.repeat(100_000)}`))[0]).toContain('nested deeper than 64 levels')
  })
  test('a file of nonsense ends after twenty errors', () => {
    expect(problems(proto3('x;\n'.repeat(1000)))).toHaveLength(20)
  })
  test('any cut of a good file gives errors and never throws', () => {
    const good =
      proto3(`import "a.proto"; option (o) = { a: "b" }; message M { map<string, M> m = 1 [json_name = "x"]; }
      enum E { A = 0; } service S { rpc R(stream M) returns (M) { option (p).q = 1; } } extend M { string s = 2; }`)
    expect(problems(good)).toEqual([])
    for (let end = 0; end < good.length; end++) parseProto('a.proto', good.slice(0, end))
    for (let at = 0; at < good.length; at++) parseProto('a.proto', `${good.slice(0, at)}}${good.slice(at)}`)
  })
})
