import { describe, expect, test } from 'vitest'
import { describeProblem } from '../../../src/core/config-error.ts'
import { type BindingRule, compileBinding } from '../../../src/schema/binding.ts'
import { cleanSchema } from '../../support/proto-folder.ts'

const PROTO = `syntax = "proto3";
package b;
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message M {
  string id = 1;
  Sub sub_message = 2;
  repeated string tags = 3;
  map<string, string> labels = 4;
  map<string, int32> counts = 5;
  Color color = 6;
  google.protobuf.Timestamp at = 7;
  google.protobuf.FieldMask mask = 8;
  google.protobuf.Int64Value wrapped = 9;
  google.protobuf.Struct data = 10;
  google.protobuf.Empty nothing = 11;
  oneof choice { string p = 12; string q = 13; Sub r = 14; }
  repeated Sub subs = 15;
  int64 big = 16;
}
message Sub { string t = 1; Sub child = 2; oneof o { string x = 3; string y = 4; } string deep_name = 5; }
enum Color { NONE = 0; RED = 1; }
service S { rpc Get(M) returns (M); rpc Put(stream M) returns (M); rpc Talk(stream M) returns (stream M); rpc Watch(M) returns (stream M); }`
const schema = await cleanSchema({ 'b.proto': PROTO })
const place = { file: 'b.proto', line: 3, column: 5 }

const compile = (rule: Partial<BindingRule> & { paths?: readonly string[] }, method = 'Get') =>
  compileBinding(
    schema,
    schema.operations.get(`b.S/${method}`)!,
    {
      method: 'GET',
      body: '',
      responseBody: '',
      unknownQuery: 'reject',
      ignoreUnknown: false,
      compat: {
        template: 'strict',
        unescape: 'spec',
        trailingSlash: false,
        queryForms: false,
        streamEnvelope: false,
        conflict: 'reject',
      },
      ...rule,
      variables: (rule.paths ?? []).map((path) => ({ path, multi: path === 'id' })),
    },
    place,
  )
const texts = (rule: Parameters<typeof compile>[0]): readonly string[] =>
  compile(rule).problems.map((problem) => {
    expect(problem).toMatchObject({ ...place, severity: 'error' })
    return describeProblem({ ...problem, file: undefined, severity: 'error' }).replace(/^error /, '')
  })

describe('what fits', () => {
  test('variables: scalars, enums, fields of messages, and messages that are one value in JSON', () => {
    const { binding, problems } = compile({
      paths: ['id', 'sub_message.child.t', 'color', 'at', 'mask', 'wrapped', 'sub_message.x'],
    })
    expect(problems).toEqual([])
    expect(binding!.variables.map(({ path, multi }) => [path.map(({ name }) => name).join('.'), multi])).toEqual([
      ['id', true],
      ['sub_message.child.t', false],
      ['color', false],
      ['at', false],
      ['mask', false],
      ['wrapped', false],
      ['sub_message.x', false],
    ])
    expect(binding!.variables[1]!.path[1]).toBe(schema.type('b.Sub')!.field('child'))
  })
  test('body and response body, by proto or JSON name, of any kind', () => {
    const m = schema.type('b.M')!
    expect(compile({ body: '*' }).binding).toMatchObject({ body: '*', bodyField: undefined, streamed: false })
    expect(compile({ body: 'subMessage' }).binding).toMatchObject({
      body: 'sub_message',
      bodyField: m.field('sub_message'),
    })
    expect(compile({ body: 'tags', responseBody: 'labels' }).binding).toMatchObject({
      bodyField: m.field('tags'),
      responseField: m.field('labels'),
    })
    expect(compile({ body: 'sub_message', paths: ['sub_message.t'] }).problems).toEqual([])
  })
  test('streamed: the request is a stream', () => {
    expect(['Get', 'Watch', 'Put', 'Talk'].map((method) => compile({ body: '*' }, method).binding?.streamed)).toEqual([
      false,
      false,
      true,
      true,
    ])
  })
  test('set: fields at any depth, values of any kind', () => {
    const set = {
      id: 'x',
      'subMessage.child': { t: 'y' },
      'sub_message.deepName': 'z',
      tags: ['a'],
      labels: { __proto__: null, k: 'v' },
      big: '9007199254740993',
      color: 'RED',
    }
    const { binding, problems } = compile({ set })
    expect(problems).toEqual([])
    expect(binding!.set.map(({ path, json }) => [path.map(({ name }) => name).join('.'), json])).toEqual([
      ['id', 'x'],
      ['sub_message.child', { t: 'y' }],
      ['sub_message.deep_name', 'z'],
      ['tags', ['a']],
      ['labels', set.labels],
      ['big', '9007199254740993'],
      ['color', 'RED'],
    ])
  })
  test('capture: a map of strings; with the whole message as body there is nothing to capture', () => {
    expect(compile({ unknownQuery: { capture: 'labels' } }).binding?.unknownQuery).toEqual({ capture: 'labels' })
    expect(compile({ body: '*', unknownQuery: { capture: 'labels' } }).binding?.unknownQuery).toBe('reject')
    expect(compile({ body: '*', unknownQuery: 'ignore' }).binding?.unknownQuery).toBe('ignore')
  })
})

describe('what does not fit', () => {
  test.each([
    [{ paths: ['idd'] }, ['BINDING_UNKNOWN_FIELD: b.S/Get: {idd}: b.M has no field "idd" (did you mean "id"?)']],
    [
      { paths: ['subMessage.t'] },
      ['BINDING_UNKNOWN_FIELD: b.S/Get: {subMessage.t}: b.M has no field "subMessage" (did you mean "sub_message"?)'],
    ],
    [
      { paths: ['sub_message.zzz'] },
      [
        'BINDING_UNKNOWN_FIELD: b.S/Get: {sub_message.zzz}: b.Sub has no field "zzz" (its fields: t, child, x, y, deep_name)',
      ],
    ],
    [{ paths: ['tags'] }, ['BINDING_REPEATED: b.S/Get: {tags}: "tags" of b.M is repeated, a path has one value']],
    [
      { paths: ['labels.k'] },
      ['BINDING_REPEATED: b.S/Get: {labels.k}: "labels" of b.M is a map, a path has one value'],
    ],
    [{ paths: ['subs.t'] }, ['BINDING_REPEATED: b.S/Get: {subs.t}: "subs" of b.M is repeated, a path has one value']],
    [
      { paths: ['sub_message'] },
      [
        'BINDING_NOT_LEAF: b.S/Get: {sub_message}: "sub_message" is the message b.Sub, a path binds single values (bind one of its fields: {sub_message.t}, {sub_message.x}, {sub_message.y})',
      ],
    ],
    [
      { paths: ['data'] },
      [
        'BINDING_NOT_LEAF: b.S/Get: {data}: "data" is the message google.protobuf.Struct, a path binds single values (bind one of its fields: it has no single value)',
      ],
    ],
    [
      { paths: ['nothing'] },
      [
        'BINDING_NOT_LEAF: b.S/Get: {nothing}: "nothing" is the message google.protobuf.Empty, a path binds single values (bind one of its fields: it has no single value)',
      ],
    ],
    [
      { paths: ['at.seconds'] },
      ['BINDING_NOT_LEAF: b.S/Get: {at.seconds}: "at" is google.protobuf.Timestamp, bind it whole'],
    ],
    [{ paths: ['id.x'] }, ['BINDING_NOT_LEAF: b.S/Get: {id.x}: "id" is string, it has no fields']],
    [{ paths: ['id', 'id'] }, ['BINDING_FIELD_TWICE: b.S/Get: {id} binds a field that another variable binds too']],
    [{ paths: ['p', 'q'] }, ['BINDING_ONEOF: b.S/Get: {p} and {q} are members of the oneof "choice"']],
    [{ paths: ['p', 'r.t'] }, ['BINDING_ONEOF: b.S/Get: {p} and {r.t} are members of the oneof "choice"']],
    [
      { paths: ['sub_message.x', 'sub_message.y'] },
      ['BINDING_ONEOF: b.S/Get: {sub_message.x} and {sub_message.y} are members of the oneof "o"'],
    ],
    [{ paths: ['p'], body: 'r' }, ['BINDING_ONEOF: b.S/Get: {p} and body "r" are members of the oneof "choice"']],
    [{ paths: ['id'], body: 'id' }, ['BINDING_FIELD_TWICE: b.S/Get: body "id" is bound by the path already']],
    [{ body: 'sub' }, ['BINDING_UNKNOWN_FIELD: b.S/Get: body: b.M has no field "sub" (did you mean "subs"?)']],
    [
      { body: 'sub_message.t' },
      [
        'BINDING_BODY: b.S/Get: body "sub_message.t": only a top-level field of the request can be named (name "sub_message")',
      ],
    ],
    [
      { responseBody: '*' },
      ['BINDING_BODY: b.S/Get: response_body "*" does not exist (without response_body the whole reply is sent)'],
    ],
    [
      { unknownQuery: { capture: 'counts' } },
      ['BINDING_CAPTURE: b.S/Get: unknownQuery.capture: "counts" of b.M is not a map<string, string>'],
    ],
    [
      { unknownQuery: { capture: 'label' } },
      ['BINDING_UNKNOWN_FIELD: b.S/Get: unknownQuery.capture: b.M has no field "label" (did you mean "labels"?)'],
    ],
    [
      { body: 'labels', unknownQuery: { capture: 'labels' } },
      ['BINDING_FIELD_TWICE: b.S/Get: unknownQuery.capture: "labels" is bound already'],
    ],
    [{ set: { 'tags.x': 1 } }, ['BINDING_SET: b.S/Get: set: "tags.x" goes through "tags", which is no single message']],
    [
      { set: { 'labels.x': 'y' } },
      ['BINDING_SET: b.S/Get: set: "labels.x" goes through "labels", which is no single message'],
    ],
    [
      { set: { 'sub_message.childd': 1 } },
      ['BINDING_UNKNOWN_FIELD: b.S/Get: set "sub_message.childd": b.Sub has no field "childd" (did you mean "child"?)'],
    ],
    [
      { set: { sub_message: {}, 'subMessage.t': 'x' } },
      ['BINDING_FIELD_TWICE: b.S/Get: set: "subMessage.t" and "sub_message" fix the same field'],
    ],
    [
      { paths: ['id'], set: { id: 'x' } },
      ['BINDING_FIELD_TWICE: b.S/Get: set: "id" is bound by the path already (write "*" in the path in place of {id})'],
    ],
  ])('%j', (rule, expected) => {
    expect(texts(rule)).toEqual(expected)
    expect(compile(rule).binding).toBeUndefined()
  })
  test.each([
    [{ big: 1.5 }],
    [{ color: 'PINK' }],
    [{ id: 5 }],
    [{ 'sub_message.t': {} }],
    [{ sub_message: { zz: 1 } }],
  ])('set %j: a value that its field cannot have', (set) => {
    const [text, ...more] = texts({ set })
    expect(text).toContain(`BINDING_SET: b.S/Get: set: the value of "${Object.keys(set)[0]}" does not fit its field: `)
    expect(more).toEqual([])
  })
  test('all of a rule at once', () => {
    expect(texts({ paths: ['x1', 'tags'], body: 'x2', responseBody: 'x3', set: { x4: 1 } })).toHaveLength(5)
  })
})
