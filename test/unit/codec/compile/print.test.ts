import { describe, expect, test } from 'vitest'
import { typesOf } from '../../../support/codec.ts'
import {
  blob,
  checkPrint,
  integer,
  MODES,
  OPTIONS,
  referencePrint,
  sized,
  tagBytes,
  varintBytes,
} from '../../../support/compiled-print.ts'
import { EDITION, LEGACY } from '../../../support/legacy-proto.ts'

const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}
const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}
const fixed32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value | 0)
  return bytes
}
const fixed64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
  return bytes
}
const INTS = [0, 1, -1, 9, 10, 99, 100, 9999, 10_000, 12_345_678, 99_999_999, 100_000_000, 2 ** 31 - 1, -(2 ** 31)]
const BIGS = [
  ...INTS.map(BigInt),
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  -(2n ** 53n) + 1n,
  -(2n ** 53n),
  -(2n ** 53n) - 1n,
  10n ** 18n + 7n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n - 1n,
]
const REALS = [0, -0, 1, -1.5, 0.1, 1 / 3, 99.99, 1e-4, 1.5e-5, 1.5e-7, 5e-324, 16_777_216, 16_777_218, 2 ** 53, 1e21]
const ODD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.1 + 0.2, Math.PI * 1e9, 1e15 / 7, 1e300]
const TEXTS = [
  '',
  'a',
  'plain text of more than twenty bytes, to be copied eight at a time',
  '"\\/\b\f\n\r\t\u0000\u001f\u007f',
  'é',
  'ż\u2028\u2029\uffff',
  '😀 and "escapes" \\ behind \n it, a long one: ',
  `${'x'.repeat(300)}"${'y'.repeat(700)}\n`,
  `${'日本語'.repeat(100)}"`,
  `${'x'.repeat(63)}é`,
]

/** Wire forms of values of each kind. */
const VALUES: Readonly<Record<string, readonly Buffer[]>> = {
  double: [...REALS, ...ODD].map(double),
  float: [...REALS, ...ODD].map(float),
  int32: INTS.map(varintBytes),
  uint32: [...INTS.map((value) => value >>> 0), 2 ** 32 - 1].map(varintBytes),
  sint32: [0, 1, 2, 3, 2 ** 32 - 1, 2 ** 32 - 2].map(varintBytes),
  int64: BIGS.map(varintBytes),
  uint64: BIGS.map(varintBytes),
  sint64: BIGS.map(varintBytes),
  fixed32: INTS.map(fixed32),
  sfixed32: INTS.map(fixed32),
  fixed64: BIGS.map(fixed64),
  sfixed64: BIGS.map(fixed64),
  bool: [0, 1].map(varintBytes),
  string: TEXTS.map((text) => sized(Buffer.from(text))),
  bytes: [0, 1, 2, 3, 4, 95, 96, 97, 98, 100_000].map((size) => sized(Buffer.alloc(size, 'ÿ\u0000é~'))),
  Color: [0, 1, 2, 3, 7, -1, 2 ** 31 - 1].map(varintBytes),
  Wide: [0, 5, 1_000_000, -7, 6].map(varintBytes),
  Sub: [Buffer.alloc(0), integer(1, 5), Buffer.concat([integer(1, 5), blob(2, integer(1, 6))])].map(sized),
}
const WIRES: Readonly<Record<string, number>> = {
  double: 1,
  fixed64: 1,
  sfixed64: 1,
  float: 5,
  fixed32: 5,
  sfixed32: 5,
  string: 2,
  bytes: 2,
  Sub: 2,
}
const wireOf = (kind: string): number => WIRES[kind] ?? 0
const KEYS = ['int32', 'int64', 'uint32', 'uint64', 'sint32', 'sint64', 'fixed32', 'fixed64', 'sfixed32', 'sfixed64']
const KINDS = Object.keys(VALUES)
const packable = (kind: string): boolean => wireOf(kind) !== 2

const types = typesOf(`
syntax = "proto3"; package all;
enum Color { NONE = 0; RED = 1; GREEN = 2; VERT = 2; option allow_alias = true; }
enum Wide { FIRST = 0; FIFTH = 5; MILLION = 1000000; MINUS = -7; }
message Sub { int32 number = 1; Sub sub = 2; }
${KINDS.map(
  (kind) => `message Of_${kind} {
  ${kind} plain_one = 1;
  optional ${kind} maybe = 2;
  repeated ${kind} list = 3;
  repeated ${kind} loose = 4 ${packable(kind) ? '[packed = false]' : ''};
  oneof which { ${kind} left = 5; ${kind} right = 6; }
  map<string, ${kind}> named = 700;
  bool after = 70000;
}`,
).join('\n')}
${[...KEYS, 'bool', 'string'].map((key) => `message By_${key} { map<${key}, Color> map = 1; map<${key}, Sub> subs = 2; }`).join('\n')}
`)
const legacy = typesOf(LEGACY)
const edition = typesOf(EDITION)

const done = (name: string, wire: Buffer, of = types, options = OPTIONS): void => {
  const type = of.type(name)
  for (const mode of MODES)
    for (const flags of options)
      expect(checkPrint(type, wire, of.find, mode, flags), `${mode} ${wire.subarray(0, 200).toString('hex')}`).toBe(
        'printed',
      )
}
const handsOver = (name: string, wire: Buffer, of = types): void => {
  for (const mode of MODES) expect(checkPrint(of.type(name), wire, of.find, mode)).toBe('handed over')
}

describe.each(KINDS)('%s', (kind) => {
  const name = `all.Of_${kind}`
  const wire = wireOf(kind)
  const values = VALUES[kind]!
  const field = (number: number, value: Buffer): Buffer => Buffer.concat([tagBytes(number, wire), value])
  test('single, with and without presence, in a oneof', () => {
    for (const value of values) for (const number of [1, 2, 5, 6]) done(name, field(number, value))
  })
  test('lists, in both wire forms', () => {
    for (const number of [3, 4]) {
      done(name, Buffer.concat(values.map((value) => field(number, value))))
      if (!packable(kind)) continue
      done(name, blob(number, Buffer.concat(values)))
      done(name, blob(number, ''))
      done(
        name,
        Buffer.concat([field(number, values[1]!), blob(number, Buffer.concat(values)), field(number, values[0]!)]),
      )
    }
  })
  test('values of a map, and a missing one', () => {
    const entry = (key: string, value: Buffer): Buffer => blob(700, Buffer.concat([blob(1, key), value]))
    done(name, Buffer.concat(values.map((value, i) => entry(`key "${i}"`, field(2, value)))))
    done(name, entry('without', Buffer.alloc(0)))
    done(name, blob(700, ''))
  })
  test('all of them, and unknown fields between', () => {
    const value = values[1]!
    const group = Buffer.concat([tagBytes(699, 3), blob(1, 'x'), tagBytes(699, 4)])
    const known = [1, 2, 3, 5].map((number) => field(number, value))
    const parts = [...known, integer(9, 1), blob(77, 'x'), group]
    done(name, Buffer.concat([...parts, integer(70_000, 1), integer(2 ** 28, 3), integer(70_001, 3)]))
    done(name, Buffer.alloc(0))
  })
  test('cut anywhere it is never more than the reference accepts', () => {
    const value = values.find(({ length }) => length > 1) ?? values[0]!
    const parts = [1, 2, 3, 4, 5].map((number) => field(number, value))
    const entry = blob(700, Buffer.concat([blob(1, 'k'), field(2, value)]))
    const whole = Buffer.concat([...parts, entry, integer(70_000, 1)])
    for (let size = 0; size < whole.length && size < 300; size++)
      for (const mode of MODES) checkPrint(types.type(name), whole.subarray(0, size), types.find, mode)
  })
})

describe('maps', () => {
  test.each([...KEYS, 'bool', 'string'])('keys of the kind %s', (kind) => {
    const values = VALUES[kind]!
    const number = wireOf(kind)
    const seen = new Set<string>()
    const distinct = values.filter((value) => seen.size < seen.add(value.toString('hex')).size)
    const entries = (map: number, value: Buffer): Buffer =>
      Buffer.concat(distinct.map((key) => blob(map, Buffer.concat([tagBytes(1, number), key, value]))))
    done(`all.By_${kind}`, Buffer.concat([entries(1, integer(2, 1)), entries(2, blob(2, integer(1, 3)))]))
    const twice = distinct.at(-1)!
    handsOver(
      `all.By_${kind}`,
      Buffer.concat([entries(1, integer(2, 1)), blob(1, Buffer.concat([tagBytes(1, number), twice, integer(2, 2)]))]),
    )
    done(`all.By_${kind}`, blob(1, integer(2, 2)))
    handsOver(`all.By_${kind}`, Buffer.concat([blob(1, integer(2, 2)), blob(1, integer(2, 1))]))
  })
  test.each([1, 8, 9, 300, 5000])('%i string keys, and one of them again', (count) => {
    const entries = Array.from({ length: count }, (_, i) =>
      blob(700, Buffer.concat([blob(1, `key-${i}`), blob(2, `${i}`)])),
    )
    done('all.Of_string', Buffer.concat(entries), types, [{}])
    handsOver('all.Of_string', Buffer.concat([...entries, entries[count >> 1]!]))
  })
  test('no map is handed over by chance, however many there are', () => {
    const type = types.type('all.By_uint64')
    for (let i = 0; i < 3000; i++) {
      const keys = Array.from({ length: 2 + (i % 60) }, (_, k) => varintBytes(BigInt(i) * 1_000_003n + BigInt(k * k)))
      const wire = Buffer.concat(keys.map((key) => blob(1, Buffer.concat([tagBytes(1, 0), key, integer(2, 1)]))))
      expect(checkPrint(type, wire, types.find, MODES[i & 1]!)).toBe('printed')
    }
  })
  test('a map in each of many messages, with the same keys', () => {
    const one = blob(100, Buffer.concat([blob(1, 'a'), blob(2, integer(1, 1))]))
    const texts = typesOf(`syntax = "proto3"; package m; message L { repeated M list = 1; }
      message M { map<string, M> map = 100; int32 n = 1; }`)
    const nested = blob(1, Buffer.concat([one, blob(100, Buffer.concat([blob(1, 'b'), blob(2, one)]))]))
    done('m.L', Buffer.concat(Array.from({ length: 3000 }, () => nested)), texts, [{}])
  })
  test('an entry with its value first, or with more than two fields, is handed over', () => {
    handsOver('all.Of_int32', blob(700, Buffer.concat([integer(2, 1), blob(1, 'k')])))
    handsOver('all.Of_int32', blob(700, Buffer.concat([blob(1, 'k'), integer(2, 1), integer(3, 1)])))
  })
})

describe('what is handed over', () => {
  test.each([
    ['a field twice', Buffer.concat([integer(1, 1), integer(1, 2)])],
    ['fields out of order', Buffer.concat([integer(2, 1), integer(1, 2)])],
    ['an unknown field and then one out of order', Buffer.concat([integer(2, 1), integer(80, 1), integer(1, 2)])],
    ['two members of a oneof', Buffer.concat([integer(5, 1), integer(6, 2)])],
    ['a zero of two bytes', Buffer.from('088000', 'hex')],
    ['the end of a group that was not begun', tagBytes(699, 4)],
    ['field number zero', Buffer.from('0001', 'hex')],
    ['a wire type that does not exist', Buffer.from('0e', 'hex')],
    ['a tag of six bytes', Buffer.from('88808080800001', 'hex')],
    ['a tag beyond 32 bits', Buffer.from('888080801001', 'hex')],
    ['a varint of eleven bytes', Buffer.from('08ffffffffffffffffffff01', 'hex')],
    ['a varint beyond 64 bits', Buffer.from('08ffffffffffffffffff02', 'hex')],
    ['a length beyond the end', Buffer.from('1a05', 'hex')],
    ['a length beyond 2^31', Buffer.from('1affffffff0f', 'hex')],
  ])('%s', (_, wire) => handsOver('all.Of_int32', wire))
  test.each(['ff', 'c0af', 'eda080', 'f4908080', 'e282', 'c3', 'f0808080', 'fe', '80', 'e28228'])(
    'text that is not UTF-8: %s',
    (hex) => {
      const bad = Buffer.from(hex, 'hex')
      for (const before of ['', 'x'.repeat(15), 'é'.repeat(40), 'x'.repeat(500), '"'.repeat(70)])
        for (const behind of ['', 'x', 'é', 'x'.repeat(300)]) {
          const wire = blob(1, Buffer.concat([Buffer.from(before), bad, Buffer.from(behind)]))
          handsOver('all.Of_string', wire)
        }
    },
  )
  test('a number of another wire type is an unknown field, and is not', () => {
    const other = Buffer.concat([tagBytes(1, 5), Buffer.alloc(4, 1), tagBytes(2, 1), Buffer.alloc(8)])
    done('all.Of_int32', Buffer.concat([integer(1, 4), other, integer(3, 1)]))
  })
})

describe('depth', () => {
  const nested = (levels: number): Buffer => {
    let wire = integer(1, 1)
    for (let i = 0; i < levels; i++) wire = blob(2, wire)
    return wire
  }
  test('a hundred levels and not more', () => {
    done('all.Sub', nested(100))
    handsOver('all.Sub', nested(101))
    expect(referencePrint(types.type('all.Sub'), nested(101), {}, types.find)).toBeUndefined()
  })
  test('unknown groups', () => {
    const groups = (levels: number): Buffer =>
      Buffer.concat([
        ...Array.from({ length: levels }, () => tagBytes(9, 3)),
        ...Array.from({ length: levels }, () => tagBytes(9, 4)),
      ])
    done('all.Sub', groups(100))
    handsOver('all.Sub', groups(101))
  })
})

describe('proto2 and editions', () => {
  const pair = Buffer.concat([tagBytes(3, 3), blob(1, 'l'), blob(2, integer(1, 4)), tagBytes(3, 4)])
  test('groups, single and in lists', () => {
    done('old.Old', pair, legacy)
    const item = (x: number): Buffer => Buffer.concat([tagBytes(4, 3), integer(1, x), integer(77, 1), tagBytes(4, 4)])
    done('old.Old', Buffer.concat([pair, item(1), item(2)]), legacy)
    const child = Buffer.concat([tagBytes(3, 3), integer(1, 5), tagBytes(4, 3), tagBytes(4, 4), tagBytes(3, 4)])
    done('ed.E', child, edition)
    handsOver('old.Old', pair.subarray(0, -1), legacy)
    handsOver('old.Old', Buffer.concat([pair.subarray(0, -1), tagBytes(4, 4)]), legacy)
  })
  test('numbers that a closed enum does not know', () => {
    for (const number of [1, 2, 3, 0, -1]) {
      done('old.Old', integer(5, number), legacy)
      done('old.Old', integer(14, number), legacy)
      done('ed.E', integer(10, number), edition)
      for (const field of [6, 7]) {
        done('old.Old', Buffer.concat([integer(field, number), integer(field, 1), integer(field, number)]), legacy)
        done('old.Old', blob(field, Buffer.concat([number, 2, number, 1].map(varintBytes))), legacy)
        done('old.Old', blob(field, varintBytes(number)), legacy)
      }
      done('old.Old', blob(8, Buffer.concat([blob(1, 'k'), integer(2, number)])), legacy)
      done('old.Old', Buffer.concat([integer(5, number), blob(12, 'text')]), legacy)
    }
    const entries = [3, 1, 4, 2].map((number) => blob(8, Buffer.concat([blob(1, `k${number}`), integer(2, number)])))
    done('old.Old', Buffer.concat(entries), legacy)
    done('old.Old', Buffer.concat([blob(12, 'text'), integer(14, 9)]), legacy)
    done('old.Old', blob(8, blob(1, 'no value')), legacy)
  })
  test('extensions, and text that nobody checks', () => {
    done('old.Old', Buffer.concat([blob(100, 'nick'), integer(101, 1), integer(101, 2)]), legacy)
    handsOver('old.Old', blob(2, Buffer.from('ff', 'hex')), legacy)
    done('ed.E', Buffer.concat([blob(7, 'é'), blob(8, 'é'), blob(12, '')]), edition)
  })
  test('both wire forms of lists', () => {
    done('old.Old', Buffer.concat([blob(9, Buffer.from([1, 2, 3])), integer(9, 4), integer(10, 5)]), legacy)
  })
})
