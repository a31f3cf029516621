import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import type { EnumType, FieldType } from '../../../../src/core/descriptor.ts'
import { MessageTypeBuilder } from '../../../../src/schema/message-type.ts'
import { blob, checkPrint, integer, MODES, OPTIONS, tagBytes } from '../../../support/compiled-print.ts'

const field = (name: string, number: number, more: Partial<FieldType> = {}): FieldType => ({
  name,
  jsonName: name,
  number,
  kind: 'string',
  repeated: false,
  mapKey: undefined,
  packed: false,
  delimited: false,
  presence: false,
  required: false,
  utf8: true,
  oneof: undefined,
  message: undefined,
  enum: undefined,
  comment: '',
  ...more,
})
const typeOf = (name: string, fields: readonly FieldType[]): MessageTypeBuilder => {
  const type = new MessageTypeBuilder(name, '')
  type.define(fields)
  return type
}
const enumOf = (name: string, names: readonly (readonly [string, number])[], open = true): EnumType => ({
  name,
  numbers: new Map(names),
  names: new Map(names.toReversed().map(([text, number]) => [number, text])),
  open,
})
const nothing = (): undefined => undefined
const outcomes = (type: MessageTypeBuilder, wire: Buffer, all = true): string[] => [
  ...new Set(
    MODES.flatMap((mode) => (all ? OPTIONS : [{}]).map((flags) => checkPrint(type, wire, nothing, mode, flags))),
  ),
]

const EVIL = [
  '"',
  "'",
  '`',
  '\\',
  '\n',
  '\r\n',
  '\u2028',
  '*/',
  '//',
  '${globalThis.hacked=1}',
  '`);globalThis.hacked=1;(`',
  "');globalThis.hacked=1;('",
  '"};globalThis.hacked=1;{"',
  ']);globalThis.hacked=1;//',
  '<!--',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'then',
  '\ud800',
  '\udfff x',
  '\u0000',
  'é日😀',
  ' ',
  'return -1',
  'b',
  'q',
  'R',
  'D',
  'c0',
  'f0',
]

describe('names are data', () => {
  const shades = enumOf(
    'evil.${globalThis.hacked=1}',
    EVIL.map((name, i) => [name, i]),
  )
  const self = new MessageTypeBuilder("evil.');globalThis.hacked=1;('", '')
  self.define(
    EVIL.flatMap((name, i) => [
      field(name, 4 * i + 1),
      field(`${name}.enum`, 4 * i + 2, { kind: 'enum', enum: shades, repeated: true }),
      field(`${name}.self`, 4 * i + 3, { kind: 'message', message: self, presence: true, oneof: name }),
      field(`${name}.map`, 4 * i + 4, { kind: 'enum', enum: shades, mapKey: 'string' }),
    ]),
  )
  const inner = Buffer.concat(EVIL.map((name, i) => blob(4 * i + 1, name)))
  test('of fields, enums, oneofs and types', () => {
    const all = EVIL.map((name, i) =>
      Buffer.concat([
        blob(4 * i + 1, name),
        blob(4 * i + 2, Buffer.from(EVIL.map((_, number) => number))),
        blob(4 * i + 3, inner),
        blob(4 * i + 4, Buffer.concat([blob(1, name), integer(2, i)])),
      ]),
    )
    expect(outcomes(self, Buffer.concat(all))).toEqual(['printed'])
    expect(outcomes(self, Buffer.alloc(0))).toEqual(['printed'])
    expect((globalThis as { hacked?: unknown }).hacked).toBeUndefined()
  })
  test('the prototypes are as they were', () => {
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as Record<string, unknown>)['${globalThis.hacked=1}']).toBeUndefined()
  })
})

describe('sizes', () => {
  test('a thousand fields', () => {
    const wide = new MessageTypeBuilder('big.Wide', '')
    wide.define(
      Array.from({ length: 1000 }, (_, i) =>
        i % 10 === 9
          ? field(`child_${i}`, i + 1, { kind: 'message', message: wide, presence: true })
          : field(`f_${i}`, i + 1, { kind: i % 2 === 0 ? 'int32' : 'string' }),
      ),
    )
    const value = (i: number): Buffer =>
      i % 10 === 9 ? blob(i + 1, integer(1, 5)) : i % 2 === 0 ? integer(i + 1, i + 1) : blob(i + 1, `v${i}`)
    const wire = Buffer.concat(Array.from({ length: 1000 }, (_, i) => value(i)))
    expect(outcomes(wide, wire)).toEqual(['printed'])
    expect(outcomes(wide, Buffer.concat([value(3), value(555), value(999)]))).toEqual(['printed'])
    expect(outcomes(wide, Buffer.concat([value(555), value(3)]))).toEqual(['handed over'])
    const around = typeOf('big.Around', [field('wide', 1, { kind: 'message', message: wide, repeated: true })])
    expect(outcomes(around, Buffer.concat([blob(1, wire), blob(1, wire)]))).toEqual(['printed'])
  })
  test('a hundred fields with the longest keys, all of them absent, at the border of the memory', () => {
    const long = typeOf('big.Long', [
      field('start', 1),
      ...Array.from({ length: 120 }, (_, i) => field(`${'k'.repeat(1000)}${i}`, i + 2, { kind: 'int32' })),
    ])
    expect(outcomes(long, Buffer.alloc(0))).toEqual(['printed'])
    const before = 8 * 1024 * 1024 - 64 * 1024
    for (const size of [before - 200, before + 100])
      expect(outcomes(long, blob(1, 'x'.repeat(size)))).toEqual(['printed'])
  })
  test('names beyond a thousand bytes are handed over', () => {
    expect(outcomes(typeOf('big.Key', [field('k'.repeat(2000), 1)]), blob(1, 'x'))).toEqual(['handed over'])
    const names = enumOf('big.Name', [['n'.repeat(2000), 0]])
    const type = typeOf('big.Enum', [field('e', 1, { kind: 'enum', enum: names, presence: true })])
    expect(outcomes(type, integer(1, 0), false)).toEqual(['handed over'])
  })
  test('five thousand values of an enum, close together and far apart, open and closed', () => {
    for (const [step, open] of [
      [1, true],
      [1, false],
      [400_000, true],
      [400_000, false],
    ] as const) {
      const values = enumOf(
        'big.Values',
        Array.from({ length: 5000 }, (_, i) => [`VALUE_${i}`, (i - 2500) * step]),
        open,
      )
      const type = typeOf('big.Holder', [
        field('one', 1, { kind: 'enum', enum: values }),
        field('list', 2, { kind: 'enum', enum: values, repeated: true }),
      ])
      const numbers = [0, 1, -1, -2500, 2499, 2500, -2501, 7].map((i) => integer(2, i * step))
      expect(outcomes(type, Buffer.concat([integer(1, 17 * step), ...numbers, integer(2, 3)]))).toEqual(['printed'])
      expect(outcomes(type, integer(1, 2500 * step))).toEqual(['printed'])
    }
  })
  test('the highest field numbers', () => {
    const last = 2 ** 29 - 1
    const type = typeOf('big.Numbers', [
      field('low', 1),
      field('middle', 2 ** 28 - 1, { kind: 'int32', repeated: true }),
      field('high', last - 1, { kind: 'message', message: typeOf('big.Empty', []), delimited: true, presence: true }),
      field('last', last, { kind: 'int32', repeated: true }),
    ])
    const group = Buffer.concat([tagBytes(last - 1, 3), tagBytes(last - 1, 4)])
    const parts = [
      blob(1, 'x'),
      integer(2 ** 28 - 1, 4),
      integer(2 ** 28, 4),
      group,
      integer(last, 5),
      integer(last, 6),
    ]
    expect(outcomes(type, Buffer.concat(parts))).toEqual(['printed'])
    expect(outcomes(type, Buffer.concat(parts.toReversed()))).toEqual(['handed over'])
    for (const wire of [3, 4, 6, 7])
      for (const number of [last, 2 ** 28 - 1, 5])
        expect(outcomes(type, Buffer.concat([blob(1, 'x'), tagBytes(number, wire), integer(last, 5)]))).toEqual([
          'handed over',
        ])
    expect(outcomes(typeOf('big.Low', [field('low', 1)]), Buffer.concat([blob(1, 'x'), tagBytes(last, 7)]))).toEqual([
      'handed over',
    ])
  })
  test('forty oneofs', () => {
    const type = typeOf(
      'big.Oneofs',
      Array.from({ length: 80 }, (_, i) =>
        field(`f${i}`, i + 1, { kind: 'int32', presence: true, oneof: `one ${i >> 1}` }),
      ),
    )
    const every = (odd: number): Buffer =>
      Buffer.concat(Array.from({ length: 40 }, (_, i) => integer(2 * i + 1 + odd, i)))
    for (const odd of [0, 1]) expect(outcomes(type, every(odd))).toEqual(['printed'])
    expect(outcomes(type, Buffer.concat([integer(79, 1), integer(80, 1)]))).toEqual(['handed over'])
  })
  test('more types than one batch takes', () => {
    const types = Array.from({ length: 300 }, (_, i) => new MessageTypeBuilder(`big.Chain${i}`, ''))
    types.forEach((type, i) => {
      const next = types[(i + 1) % types.length]!
      type.define([
        field('n', 1, { kind: 'int32' }),
        field('next', 2, { kind: 'message', message: next, presence: true }),
      ])
    })
    let wire = integer(1, 7)
    for (let i = 0; i < 50; i++) wire = Buffer.concat([integer(1, i), blob(2, wire)])
    expect(outcomes(types[0]!, wire)).toEqual(['printed'])
  })
  test('types that were compiled for another one before', () => {
    const leaf = new MessageTypeBuilder('again.Leaf', '')
    leaf.define([field('t', 1), field('leaf', 2, { kind: 'message', message: leaf, presence: true })])
    expect(outcomes(leaf, blob(2, blob(1, 'x')))).toEqual(['printed'])
    const tree = typeOf('again.Tree', [
      field('leaf', 1, { kind: 'message', message: leaf, presence: true }),
      field('leaves', 2, { kind: 'message', message: leaf, mapKey: 'int32' }),
      field('group', 3, { kind: 'message', message: leaf, delimited: true, presence: true }),
    ])
    const group = Buffer.concat([tagBytes(3, 3), blob(1, 'y'), tagBytes(3, 4)])
    const wire = Buffer.concat([blob(1, blob(1, 'x')), blob(2, Buffer.concat([integer(1, 4), blob(2, '')])), group])
    expect(outcomes(tree, wire)).toEqual(['printed'])
  })
})

test('fields that get into each other’s way are handed over', () => {
  const same = typeOf('odd.Same', [field('a', 1, { jsonName: 'x' }), field('b', 2, { jsonName: 'x' })])
  expect(outcomes(same, Buffer.concat([blob(1, 'a'), blob(2, 'b')]), false)).toEqual(['handed over'])
  const twice = typeOf('odd.Twice', [field('a', 1), field('b', 1)])
  expect(outcomes(twice, blob(1, 'a'), false)).toEqual(['handed over'])
  const keys = typeOf('odd.Keys', [field('a', 1, { mapKey: 'double' })])
  expect(outcomes(keys, blob(1, ''), false)).toEqual(['handed over'])
})

test('where program text is forbidden, closures do the same', () => {
  const script = `
    import { canGenerate } from './src/codec/compile/scratch.ts'
    import { makePrint } from './src/codec/compile/print/index.ts'
    import { planOf } from './src/codec/plan.ts'
    import { Bytes } from './src/core/message.ts'
    import { typesOf } from './test/support/codec.ts'
    const types = typesOf('syntax = "proto3"; package p; message M { string a = 1; repeated M list = 2; map<string, int64> map = 3; }')
    const out = new Bytes()
    const print = makePrint(planOf(types.type('p.M')), {}, types.find)
    const done = print(Buffer.from('0a0178120412021200' + '1a050a016b1005', 'hex'), out)
    console.log(canGenerate(), done, out.take().toString())`
  const out = execFileSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script],
    { encoding: 'utf8', cwd: process.cwd() },
  )
  expect(out.trim()).toBe('false true {"a":"x","list":[{"list":[{"list":[{}]}]}],"map":{"k":"5"}}')
})
