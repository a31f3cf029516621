import { describe, expect, test } from 'vitest'
import { MessageTypeBuilder } from '../../../../src/schema/message-type.ts'
import { typesOf } from '../../../support/codec.ts'
import { blob, checkPrint, integer, MODES, OPTIONS, tagBytes } from '../../../support/compiled-print.ts'

const WRAPPERS = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes']
const FILES = ['timestamp', 'duration', 'field_mask', 'wrappers', 'struct', 'any', 'empty']
const NAMES = [
  ...['Timestamp', 'Duration', 'FieldMask', 'Struct', 'Value', 'ListValue', 'Any', 'Empty'],
  ...WRAPPERS.map((name) => `${name}Value`),
]
const types = typesOf(`
syntax = "proto3"; package wk;
${FILES.map((file) => `import "google/protobuf/${file}.proto";`).join('\n')}
${NAMES.map(
  (name) => `message In${name} {
  google.protobuf.${name} one = 1;
  repeated google.protobuf.${name} list = 2;
  oneof which { google.protobuf.${name} left = 3; int32 right = 4; }
  map<string, google.protobuf.${name}> map = 5;
  int32 after = 6;
}`,
).join('\n')}
message Nulls { google.protobuf.NullValue one = 1; repeated google.protobuf.NullValue list = 2;
  optional google.protobuf.NullValue maybe = 3; map<int32, google.protobuf.NullValue> map = 4; }
message Plain { string text = 1; int64 big = 2; Plain child = 3; google.protobuf.Any any = 4; }
`)

const outcomes = (name: string, wire: Buffer, all = true): string[] => [
  ...new Set(
    MODES.flatMap((mode) =>
      (all ? OPTIONS : [{}]).map((flags) => checkPrint(types.type(name), wire, types.find, mode, flags)),
    ),
  ),
]
/** A message of a well-known type wherever one may stand. */
const places = (name: string, content: Buffer): (readonly [string, Buffer])[] => [
  [`google.protobuf.${name}`, content],
  [`wk.In${name}`, blob(1, content)],
  [`wk.In${name}`, Buffer.concat([blob(2, content), blob(2, ''), blob(2, content), integer(6, 1)])],
  [`wk.In${name}`, blob(3, content)],
  [`wk.In${name}`, Buffer.concat([blob(5, Buffer.concat([blob(1, 'k'), blob(2, content)])), blob(5, blob(1, 'none'))])],
]
const done = (name: string, content: Buffer): void => {
  for (const [type, wire] of places(name, content))
    expect(outcomes(type, wire), `${type} ${wire.toString('hex')}`).toEqual(['printed'])
}
const handsOver = (name: string, content: Buffer): void => {
  for (const [type, wire] of places(name, content))
    expect(outcomes(type, wire, false), `${type} ${wire.toString('hex')}`).toEqual(['handed over'])
}
const instant = (seconds: number, nanos: number): Buffer => Buffer.concat([integer(1, seconds), integer(2, nanos)])

const DAY = 86_400
test('timestamps', () => {
  done('Timestamp', Buffer.alloc(0))
  const start = -62_135_596_800
  const seconds = [0, 1, -1, start, start + 1, 253_402_300_799, 951_782_400, 951_868_799, 4_107_542_400, 1_700_000_000]
  for (const one of seconds)
    for (const nanos of [0, 1, 1000, 999_999_999, 500_000_000, 120_000, 1_000_000])
      done('Timestamp', instant(one, nanos))
  for (const [one, nanos] of [
    [start - 1, 0],
    [253_402_300_800, 0],
    [0, -1],
    [0, 1_000_000_000],
  ] as const)
    handsOver('Timestamp', instant(one, nanos))
  handsOver('Timestamp', Buffer.concat([instant(1, 1), integer(3, 1)]))
  handsOver('Timestamp', Buffer.from('08', 'hex'))
})
test('every day of four hundred years, and the others at random', () => {
  const plain = types.type('google.protobuf.Timestamp')
  for (let day = -719_162; day <= 2_932_896; day += day > -1000 && day < 146_097 ? 1 : 997) {
    const wire = integer(1, day * DAY + ((((day * 7919) % DAY) >>> 0) % DAY))
    expect(checkPrint(plain, wire, types.find, 'closures')).toBe('printed')
  }
})
test('durations', () => {
  done('Duration', Buffer.alloc(0))
  for (const [seconds, nanos] of [
    [0, 1],
    [1, 0],
    [-1, 0],
    [0, -1],
    [-1, -500_000_000],
    [315_576_000_000, 0],
    [-315_576_000_000, -999_999_999],
    [12_345, 120_000],
  ] as const)
    done('Duration', instant(seconds, nanos))
  for (const [seconds, nanos] of [
    [1, -1],
    [-1, 1],
    [315_576_000_001, 0],
    [0, 1_000_000_000],
  ] as const)
    handsOver('Duration', instant(seconds, nanos))
})
test('field masks', () => {
  for (const paths of [[], [''], ['a'], ['foo_bar', 'a.b_c.d_e', 'x1.y2'], ['a', '', 'b']])
    done('FieldMask', Buffer.concat(paths.map((path) => blob(1, path))))
  for (const path of ['fooBar', 'foo__bar', 'foo_3', 'a,b', 'foo_']) handsOver('FieldMask', blob(1, path))
  done('FieldMask', Buffer.concat(Array.from({ length: 2000 }, () => blob(1, 'some_path.of_it'))))
})
test('wrappers', () => {
  const real = (value: number): Buffer => {
    const bytes = Buffer.alloc(9, tagBytes(1, 1))
    bytes.writeDoubleLE(value, 1)
    return bytes
  }
  for (const value of [0, -0, 1.5, Number.NaN]) done('DoubleValue', real(value))
  for (const hex of ['', '0d00000000', '0d0000c03f', '0dcdcccc3d']) done('FloatValue', Buffer.from(hex, 'hex'))
  for (const name of ['Int64Value', 'UInt64Value', 'Int32Value', 'UInt32Value'])
    for (const value of [0, 1, 2 ** 31, 2 ** 31 - 1]) done(name, integer(1, value))
  for (const value of [2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n]) done('Int64Value', integer(1, value))
  for (const value of [0, 1]) done('BoolValue', integer(1, value))
  for (const text of ['', 'a "b"', 'é'.repeat(100)]) done('StringValue', blob(1, text))
  done('BytesValue', blob(1, Buffer.alloc(50, 255)))
  for (const name of WRAPPERS) {
    done(`${name}Value`, Buffer.alloc(0))
    handsOver(`${name}Value`, integer(2, 1))
  }
})

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(9, tagBytes(2, 1))
  bytes.writeDoubleLE(value, 1)
  return bytes
}
const struct = (...members: (readonly [string, Buffer])[]): Buffer =>
  Buffer.concat(members.map(([key, value]) => blob(1, Buffer.concat([blob(1, key), blob(2, value)]))))
const list = (...values: Buffer[]): Buffer => Buffer.concat(values.map((value) => blob(1, value)))
describe('struct, value, list', () => {
  const leaves = [
    Buffer.alloc(0),
    integer(1, 0),
    number(1.5),
    number(-0),
    blob(3, 'te"xt'),
    integer(4, 1),
    integer(4, 0),
  ]
  const inner = struct(
    ['a', blob(6, list(...leaves))],
    ['', blob(5, Buffer.alloc(0))],
    ['é"', blob(6, Buffer.alloc(0))],
  )
  test('all kinds of values', () => {
    for (const leaf of [...leaves, blob(5, inner)]) done('Value', leaf)
    done('Struct', inner)
    done('ListValue', list(...leaves, blob(5, inner), blob(6, list(...leaves))))
    done('Struct', Buffer.concat([blob(1, blob(1, 'no value')), blob(1, blob(2, number(1)))]))
    done('Empty', Buffer.alloc(0))
    done('Empty', integer(7, 1))
  })
  test('many members, and one of them twice', () => {
    const members = Array.from({ length: 400 }, (_, i): [string, Buffer] => [`member ${i}`, number(i)])
    done('Struct', struct(...members))
    handsOver('Struct', struct(...members, members[7]!))
  })
  test('what has no JSON, or more than one kind, is handed over', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) handsOver('Value', number(bad))
    handsOver('Value', Buffer.concat([number(1), blob(3, 'x')]))
    handsOver('Value', blob(3, Buffer.from('ff', 'hex')))
    handsOver('Struct', blob(1, Buffer.concat([blob(2, number(1)), blob(1, 'key')])))
  })
  test('a hundred levels and not more', () => {
    const nested = (levels: number): Buffer => {
      let value = number(1)
      for (let i = 0; i < levels; i++) value = i % 2 === 0 ? blob(6, blob(1, value)) : blob(5, struct(['k', value]))
      return value
    }
    expect(outcomes('google.protobuf.Value', nested(100))).toEqual(['printed'])
    expect(outcomes('google.protobuf.Value', nested(101))).toEqual(['handed over'])
    expect(outcomes('wk.InValue', blob(1, nested(100)))).toEqual(['printed'])
    expect(outcomes('wk.InListValue', blob(1, blob(1, nested(99))))).toEqual(['printed'])
    expect(outcomes('wk.InListValue', blob(1, blob(1, nested(100))))).toEqual(['handed over'])
  })
  test('NullValue', () => {
    const parts = [blob(2, Buffer.from([0, 1, 7])), integer(3, 0), blob(4, integer(1, 4)), blob(4, integer(2, 9))]
    for (const wire of [integer(1, 0), integer(1, 3), ...parts, Buffer.concat(parts)])
      expect(outcomes('wk.Nulls', wire)).toEqual(['printed'])
  })
})

describe('Any', () => {
  const any = (name: string, content: Buffer): Buffer =>
    Buffer.concat([blob(1, `type.googleapis.com/${name}`), blob(2, content)])
  test('of known types, with their members or their own form', () => {
    const plain = Buffer.concat([blob(1, 'te"xt'), integer(2, -5), blob(3, blob(1, 'child'))])
    done('Any', any('wk.Plain', plain))
    done('Any', any('wk.Plain', Buffer.alloc(0)))
    done('Any', blob(1, 'anything/wk.Plain'))
    done('Any', blob(1, 'wk.Plain'))
    done('Any', any('google.protobuf.Timestamp', instant(1, 1)))
    done('Any', any('google.protobuf.Value', number(1)))
    done('Any', any('google.protobuf.Empty', Buffer.alloc(0)))
    done('Any', any('google.protobuf.Int64Value', integer(1, 5)))
    done('Any', any('wk.Plain', blob(4, any('wk.Plain', blob(4, any('google.protobuf.Duration', instant(1, 0)))))))
    done('Any', Buffer.alloc(0))
  })
  test('everything else is handed over', () => {
    handsOver('Any', any('wk.Nobody', Buffer.alloc(0)))
    handsOver('Any', any('google.protobuf.Any', Buffer.alloc(0)))
    handsOver('Any', any('google.protobuf.Timestamp', instant(0, -1)))
    handsOver('Any', any('wk.Plain', Buffer.from('0a05', 'hex')))
    handsOver('Any', blob(2, ''))
    handsOver('Any', Buffer.concat([blob(2, ''), blob(1, 'wk.Plain')]))
    handsOver('Any', Buffer.concat([any('wk.Plain', Buffer.alloc(0)), blob(1, 'wk.Plain')]))
    handsOver('Any', Buffer.concat([blob(1, Buffer.from('ff', 'hex')), blob(2, '')]))
  })
})

test('a type that only has such a name is printed as what it is', () => {
  const text = types.type('wk.Plain').fields[0]!
  const odd = new MessageTypeBuilder('google.protobuf.Timestamp', '')
  odd.define([text])
  const extra = new MessageTypeBuilder('google.protobuf.Duration', '')
  extra.define([...types.type('google.protobuf.Duration').fields, { ...text, number: 3 }])
  for (const mode of MODES) {
    expect(checkPrint(odd, blob(1, 'x'), types.find, mode)).toBe('printed')
    expect(checkPrint(extra, instant(1, 1), types.find, mode)).toBe('handed over')
  }
})
test('a group of a well-known type is handed over', () => {
  const type = new MessageTypeBuilder('wk.Group', '')
  const instantType = types.type('google.protobuf.Timestamp')
  const like = types.type('wk.InTimestamp').fields[0]!
  type.define([{ ...like, delimited: true, message: instantType }])
  const wire = Buffer.concat([tagBytes(1, 3), instant(1, 1), tagBytes(1, 4)])
  for (const mode of MODES) expect(checkPrint(type, wire, types.find, mode)).toBe('handed over')
})
