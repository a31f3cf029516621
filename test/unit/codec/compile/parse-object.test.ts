import { describe, expect, test } from 'vitest'
import {
  makeFieldParser,
  makeObjectParser,
  mentions,
  NOTHING_TAKEN,
  parsedAll,
  parsedEnd,
  takenOf,
} from '../../../../src/codec/compile/parse/index.ts'
import { LIMIT, SCRATCH } from '../../../../src/codec/compile/scratch.ts'
import { planOf } from '../../../../src/codec/plan.ts'
import { decodeProto } from '../../../../src/codec/proto/index.ts'
import { type Types, typesOf } from '../../../support/codec.ts'
import { MODES } from './parse-lanes.ts'

const types: Types = typesOf(`
syntax = "proto3";
package b;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
message M {
  string id = 1;
  int32 n = 2;
  M m = 3;
  repeated int32 list = 4;
  map<string, int32> map = 5;
  oneof o { string a = 6; int32 b = 7; google.protobuf.Value v = 8; }
  google.protobuf.Timestamp at = 9;
  repeated M ms = 10;
  optional string os = 11;
  google.protobuf.Any any = 12;
}
message Wide { ${Array.from({ length: 200 }, (_, k) => `int32 f${k} = ${k + 1};`).join('')} oneof o { string x = 300; string y = 301; } }
message Nothing {}
`)
const plan = planOf(types.type('b.M'))
const wide = planOf(types.type('b.Wide'))
const field = (name: string) => plan.find(name)!
const START = 100
const read = (end: number, of = plan) => decodeProto(of, Buffer.from(SCRATCH.subarray(START, end)), types.find)

describe.each(MODES)('an object inside a text (%s)', (mode) => {
  const parse = makeObjectParser(plan, types.find, mode)

  test('is read to where it ends', () => {
    const text = Buffer.from('[1, {"id":"x","m":{"n":5}} , 2]')
    const end = parse(text, 3, START, NOTHING_TAKEN)
    expect(read(end)).toEqual({ id: 'x', m: { n: 5 } })
    expect(parsedEnd()).toBe(text.indexOf(' , 2'))
    expect(parsedAll()).toBe(false)
  })
  test('may be all of it', () => {
    expect(parse(Buffer.from(' {} \n'), 0, START, NOTHING_TAKEN)).toBe(START)
    expect(parsedEnd()).toBe(3)
    expect(parsedAll()).toBe(true)
  })
  test('leaves what is before it in the scratch alone', () => {
    SCRATCH.fill(0x5a, 0, START)
    parse(Buffer.from(`{"id":"${'x'.repeat(5000)}","m":{"m":{"id":"${'y'.repeat(5000)}"}}}`), 0, START, NOTHING_TAKEN)
    expect(SCRATCH.subarray(0, START).every((byte) => byte === 0x5a)).toBe(true)
  })
  test.each(['', 'null', '[]', '{', '"x"', '{"id":1}'])('%j is none', (text) => {
    expect(parse(Buffer.from(text), 0, START, NOTHING_TAKEN)).toBe(-1)
  })
  test('needs room', () => {
    const text = Buffer.from('{"id":"x"}')
    expect(parse(text, 0, LIMIT + 1, NOTHING_TAKEN)).toBe(-1)
    expect(parse(text, 0, LIMIT, NOTHING_TAKEN)).toBe(-1)
    expect(parse(text, 0, LIMIT - 100, NOTHING_TAKEN)).toBe(LIMIT - 97)
  })
})

describe.each(MODES)('fields that are taken (%s)', (mode) => {
  const parse = makeObjectParser(plan, types.find, mode)
  const run = (text: string, ...names: string[]) => parse(Buffer.from(text), 0, START, takenOf(plan, names.map(field)))

  test('hand over', () => {
    for (const name of plan.fields.map((one) => one.name)) {
      expect(run(`{"${name}":null}`, name)).toBe(-1)
      expect(run(`{"${name}":null}`, ...plan.fields.map((one) => one.name).filter((one) => one !== name))).toBe(
        name === 'v' ? -1 : START,
      )
    }
  })
  test('only at the top', () => {
    const end = run('{"m":{"id":"x","a":"y"},"ms":[{"id":"z"}],"n":0}', 'id', 'a')
    expect(read(end)).toEqual({ m: { id: 'x', a: 'y' }, ms: [{ id: 'z' }] })
  })
  test('stand for their oneof', () => {
    for (const [taken, member] of [
      ['a', '"b":1'],
      ['b', '"a":"x"'],
      ['v', '"a":""'],
      ['a', '"v":null'],
    ] as const)
      expect(run(`{${member}}`, taken), member).toBe(-1)
    expect(run('{"b":null,"os":"x"}', 'a')).toBeGreaterThan(START)
  })
  test('are forgotten afterwards', () => {
    expect(run('{"id":"x"}', 'id')).toBe(-1)
    expect(run('{"id":"x"}')).toBe(START + 3)
  })
  test('of a type with many fields', () => {
    const parseWide = makeObjectParser(wide, types.find, mode)
    const taken = takenOf(wide, [wide.find('f0')!, wide.find('f199')!, wide.find('x')!])
    expect(parseWide(Buffer.from('{"f199":1}'), 0, START, taken)).toBe(-1)
    expect(parseWide(Buffer.from('{"y":""}'), 0, START, taken)).toBe(-1)
    const end = parseWide(Buffer.from('{"f198":1,"f31":2,"f62":3,"y":null}'), 0, START, taken)
    expect(read(end, wide)).toEqual({ f31: 2, f62: 3, f198: 1 })
    const named = wide.fields.filter((one) => mentions(one)).map((one) => one.name)
    expect(named).toEqual(['f31', 'f62', 'f198', 'y'])
    expect(parseWide(Buffer.from('{"f198":1,"f198":1}'), 0, START, NOTHING_TAKEN)).toBe(-1)
    expect(parseWide(Buffer.from('{"y":"","x":""}'), 0, START, NOTHING_TAKEN)).toBe(-1)
  })
  test('are none of a type whose JSON is its own', () => {
    const any = planOf(types.type('google.protobuf.Any'))
    const parseAny = makeObjectParser(any, types.find, mode)
    const text = Buffer.from('{"@type":"x/b.M","id":"x"}')
    expect(parseAny(text, 0, START, takenOf(any, [any.fields[0]!]))).toBe(-1)
    expect(parseAny(text, 0, START, NOTHING_TAKEN)).toBeGreaterThan(START)
    expect(any.fields.map(mentions)).toEqual([false, false])
  })
  test('may be none of a type without fields', () => {
    const nothing = makeObjectParser(planOf(types.type('b.Nothing')), types.find, mode)
    expect(nothing(Buffer.from('{}'), 0, START, NOTHING_TAKEN)).toBe(START)
    expect(nothing(Buffer.from('{"a":1}'), 0, START, NOTHING_TAKEN)).toBe(-1)
  })
})

test.each(MODES)('mentions: what the object names, null and defaults included (%s)', (mode) => {
  const parse = makeObjectParser(plan, types.find, mode)
  const taken = takenOf(plan, [field('id')])
  parse(Buffer.from('{"n":0,"m":{"list":[1]},"at":null,"a":"x","any":{"@type":"x/b.M","os":"y"}}'), 0, START, taken)
  expect(plan.fields.filter((one) => mentions(one)).map((one) => one.name)).toEqual(['n', 'm', 'a', 'at', 'any'])
  parse(Buffer.from('{}'), 0, START, taken)
  expect(plan.fields.filter((one) => mentions(one))).toEqual([])
})

describe.each(MODES)('one field (%s)', (mode) => {
  test.each([
    ['id', '"x"', { id: 'x' }],
    ['id', '""', {}],
    ['id', ' null ', {}],
    ['n', '5', { n: 5 }],
    ['m', '{"m":{"n":1}}', { m: { m: { n: 1 } } }],
    ['m', '{}', { m: {} }],
    ['list', '[1,2]', { list: [1, 2] }],
    ['list', '[]', {}],
    ['map', '{"a":1}', { map: new Map([['a', 1]]) }],
    ['v', 'null', { v: { nullValue: 0 } }],
    ['at', '"1970-01-01T00:00:01Z"', { at: { seconds: 1n } }],
    ['ms', '[{"id":"a"},{}]', { ms: [{ id: 'a' }, {}] }],
    ['os', '""', { os: '' }],
    ['any', '{"@type":"x/b.M","id":"x"}', { any: { '@type': 'x/b.M', value: { id: 'x' } } }],
  ])('%s: %s', (name, text, value) => {
    const parse = makeFieldParser(field(name), types.find, mode)
    const end = parse(Buffer.from(`  ${text}\t`), 1, START)
    expect(read(end)).toEqual(value)
    expect(parsedAll()).toBe(true)
    expect(plan.fields.filter((one) => mentions(one))).toEqual([])
  })
  test.each([
    ['id', '1'],
    ['m', '{"x":1}'],
    ['list', '{}'],
    ['m', ''],
    ['m', '{"a":"","b":1}'],
    ['any', '{"@type":"x/b.M","id":"x","id":""}'],
  ])('%s: %s hands over', (name, text) => {
    expect(makeFieldParser(field(name), types.find, mode)(Buffer.from(text), 0, START)).toBe(-1)
  })
  test('is not disturbed by what was taken before', () => {
    makeObjectParser(plan, types.find, mode)(Buffer.from('{}'), 0, START, takenOf(plan, plan.fields))
    for (const [name, text] of [
      ['m', '{"id":"x"}'],
      ['any', '{"@type":"x/b.M","id":"x"}'],
    ] as const)
      expect(makeFieldParser(field(name), types.find, mode)(Buffer.from(text), 0, START)).toBeGreaterThan(START)
  })
})
