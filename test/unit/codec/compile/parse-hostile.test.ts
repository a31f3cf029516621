import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { makeParse } from '../../../../src/codec/compile/parse/index.ts'
import { planOf } from '../../../../src/codec/plan.ts'
import type { EnumType, FieldType, MessageType } from '../../../../src/core/descriptor.ts'
import { Bytes } from '../../../../src/core/message.ts'
import { MessageTypeBuilder, makeEnumType } from '../../../../src/schema/message-type.ts'
import { Lanes } from './parse-lanes.ts'

/** Names that mean something to somebody. JSON can write the second ones only with an escape. */
const PLAIN = [
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '*/',
    '//',
    '${process.exit(1)}',
    '`',
    "'",
    '</script>',
  ],
  ...[
    '世界',
    'Grüße',
    '😀',
    '\u2028',
    '\u2029',
    '\ufeff',
    'a.b',
    '[pkg.ext]',
    ' ',
    '',
    'x'.repeat(500),
    '0',
    '-1',
    'function',
    'return -1',
    ');',
  ],
  ...['@type', 'null', 'f', 'i', 'q', 'a', 'ab', 'abc', 'abcd', 'abcde', '\u007f', 'é', 'e\u0301'],
]
const ESCAPED = [
  '"',
  '\\',
  '\n',
  '\u0000',
  'a"b',
  'a\\',
  '"+process.exit(1)+"',
  '*/\n//',
  '\ud800',
  '\udc00x',
  '\r',
  '\t',
]
/** How a text writes the name, if it can. */
const quoted = (name: string): string => JSON.stringify(name)

/** A name that no text can write is nobody's. */
const outcome = (name: string) => (!ESCAPED.includes(name) ? 'taken' : name.isWellFormed() ? 'over' : 'refused')

const fieldOf = (init: Partial<FieldType> & { name: string; number: number }): FieldType => ({
  jsonName: init.name,
  kind: 'int32',
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
  ...init,
})
const typeOf = (name: string, fields: readonly FieldType[]): MessageType => {
  const type = new MessageTypeBuilder(name, '')
  type.define(fields)
  return type
}

test('names of fields, types, oneofs and enums are data', () => {
  const names = [...PLAIN, ...ESCAPED]
  const nameless: EnumType = makeEnumType(
    names[5]!,
    names.map((name, k): [string, number] => [name, k - 3]),
    true,
  )
  for (const name of names) {
    const inner = typeOf(`${name}.Inner`, [fieldOf({ name, number: 1, kind: 'string' })])
    const type = typeOf(name, [
      fieldOf({ name, jsonName: `${name}1`, number: 1, kind: 'string', oneof: name, presence: true }),
      fieldOf({ name: `${name}2`, number: 2, oneof: name, presence: true }),
      fieldOf({ name: `${name}3`, number: 3, kind: 'enum', enum: nameless }),
      fieldOf({ name: `${name}4`, number: 4, kind: 'message', message: inner, presence: true }),
      fieldOf({ name: `${name}5`, number: 5, kind: 'enum', enum: nameless, mapKey: 'string' }),
    ])
    const lanes = new Lanes(type)
    const wanted = outcome(name)
    expect(lanes.check(`{${quoted(name)}:"x"}`), name).toBe(wanted)
    expect(lanes.check(`{${quoted(`${name}2`)}:5}`), name).toBe(wanted)
    expect(lanes.check(`{${quoted(`${name}1`)}:"",${quoted(`${name}2`)}:0}`), name).toBe('refused')
    expect(lanes.check(`{${quoted(`${name}4`)}:{${quoted(name)}:"y"}}`), name).toBe(wanted)
    expect(lanes.check(`{${quoted(`${name}9`)}:1}`), name).toBe('refused')
    if (ESCAPED.includes(name)) continue
    for (const value of names) {
      expect(lanes.check(`{${quoted(`${name}3`)}:${quoted(value)}}`), value).toBe(outcome(value))
      expect(lanes.check(`{${quoted(`${name}5`)}:{"k":${quoted(value)}}}`), value).toBe(outcome(value))
    }
  }
})

test('a name that is no Unicode is not that of its replacement', () => {
  const lanes = new Lanes(typeOf('T', [fieldOf({ name: '\ud800', number: 1 })]))
  expect(lanes.check('{"\ufffd":1}')).toBe('refused')
})

test('all of them in one type, in any order', () => {
  const lanes = new Lanes(
    typeOf(
      'T',
      PLAIN.map((name, k) => fieldOf({ name, number: k + 1, kind: 'string' })),
    ),
  )
  for (const one of [PLAIN, PLAIN.toReversed(), PLAIN.toSorted()])
    expect(lanes.check(`{${one.map((name) => `${quoted(name)}:"x"`).join()}}`)).toBe('taken')
  for (const name of PLAIN) {
    expect(lanes.check(`{${quoted(`${name}x`)}:"x"}`)).toBe(PLAIN.includes(`${name}x`) ? 'taken' : 'refused')
    expect(lanes.check(`{${quoted(name)}:"x",${quoted(name)}:"x"}`), name).toBe('refused')
  }
})

test('a name that is too long for program text', () => {
  const name = 'x'.repeat(100_000)
  const lanes = new Lanes(typeOf('T', [fieldOf({ name, number: 1 }), fieldOf({ name: `${name}y`, number: 2 })]))
  expect(lanes.check(`{"${name}":1,"${name}y":2}`)).toBe('taken')
  expect(lanes.check(`{"${name}z":1}`)).toBe('refused')
})

test('a name that is the JSON name of another field', () => {
  const lanes = new Lanes(
    typeOf('T', [
      fieldOf({ name: 'a', jsonName: 'b', number: 1 }),
      fieldOf({ name: 'b', jsonName: 'a', number: 2, kind: 'string' }),
    ]),
  )
  expect(lanes.check('{"b":1,"a":"x"}')).toBe('taken')
  expect(lanes.check('{"a":1}')).toBe('refused')
})

test.each([31, 32, 62, 63, 93, 96, 97, 124, 125, 1000])('a type with %d fields', (count) => {
  const fields = Array.from({ length: count }, (_, k) =>
    fieldOf({
      name: `field_${k}`,
      jsonName: `field${k}`,
      number: k + 1,
      ...(k % 10 === 9 ? { oneof: `o${k % 3}`, presence: true } : {}),
    }),
  )
  const lanes = new Lanes(typeOf('T', fields))
  const free = fields.filter(({ oneof }) => oneof === undefined)
  const all = (name: 'name' | 'jsonName') => free.map((field, k) => `"${field[name]}":${k}`)
  expect(lanes.check(`{${all('name').join()}}`)).toBe('taken')
  expect(lanes.check(`{${all('jsonName').toReversed().join(' , ')}}`)).toBe('taken')
  for (const at of [0, 1, 26, 27, free.length - 1])
    expect(lanes.check(`{${[...all('name'), `"${free[at]!.jsonName}":1`].join()}}`)).toBe('refused')
  const members = fields.filter(({ oneof }) => oneof === 'o0')
  if (members.length > 1) expect(lanes.check(`{"${members[0]!.name}":1,"${members.at(-1)!.name}":2}`)).toBe('refused')
  if (members.length > 0) expect(lanes.check(`{"${members[0]!.name}":1,"${free[0]!.name}":2}`)).toBe('taken')
})

test('an enum with 5,000 values', () => {
  const values = Array.from({ length: 5000 }, (_, k): [string, number] => [`VALUE_NUMBER_${k}`, k * 7 - 100])
  for (const open of [true, false]) {
    const lanes = new Lanes(
      typeOf('T', [
        fieldOf({
          name: 'e',
          number: 1,
          kind: 'enum',
          enum: makeEnumType('E', values, open),
          repeated: true,
          packed: true,
        }),
      ]),
    )
    expect(
      lanes.check(`{"e":[${values.map(([name, number], k) => (k % 2 === 0 ? `"${name}"` : number)).join()}]}`),
    ).toBe('taken')
    expect(lanes.check('{"e":["VALUE_NUMBER_5000"]}')).toBe('refused')
    expect(lanes.check('{"e":[-99]}')).toBe(open ? 'taken' : 'refused')
    expect(lanes.check('{"e":[6e0]}')).toBe(open ? 'taken' : 'refused')
    expect(lanes.check('{"e":[-1.0e2]}')).toBe('taken')
  }
})

test('a type that refers to itself in every way, as a group too', () => {
  const type = new MessageTypeBuilder('T', '')
  type.define([
    fieldOf({ name: 'one', number: 1, kind: 'message', message: type, presence: true }),
    fieldOf({ name: 'many', number: 2, kind: 'message', message: type, repeated: true, presence: true }),
    fieldOf({ name: 'map', number: 3, kind: 'message', message: type, mapKey: 'int32', presence: true }),
    fieldOf({ name: 'group', number: 536_870_911, kind: 'message', message: type, delimited: true, presence: true }),
    fieldOf({
      name: 'groups',
      number: 16,
      kind: 'message',
      message: type,
      delimited: true,
      repeated: true,
      presence: true,
    }),
    fieldOf({ name: 'n', number: 5 }),
    fieldOf({ name: 'ints', number: 6, repeated: true, packed: true }),
    fieldOf({ name: 'texts', number: 7, kind: 'string', mapKey: 'string' }),
  ])
  const lanes = new Lanes(type)
  const text =
    '{"one":{"group":{"n":1}},"many":[{"groups":[{"n":2},{},{"map":{"1":{"n":3},"2":{}}}]}],"group":{"groups":[]}}'
  expect(lanes.check(text)).toBe('taken')
  expect(lanes.check('{"group":{"n":1},"groups":[{"group":{}}]')).toBe('refused')
  for (const [open, close] of [
    ['{"one":', '}'],
    ['{"group":', '}'],
  ] as const) {
    expect(lanes.check(`${open.repeat(99)}{}${close.repeat(99)}`)).toBe('taken')
    expect(lanes.check(`${open.repeat(100)}{}${close.repeat(100)}`)).toBe('refused')
    for (const inner of ['{"ints":[]}', '{"many":[]}', '{"texts":{}}', '{"ints":[1]}', '{"texts":{"a":"b"}}']) {
      expect(lanes.check(`${open.repeat(98)}${inner}${close.repeat(98)}`)).toBe('taken')
      expect(lanes.check(`${open.repeat(99)}${inner}${close.repeat(99)}`)).toBe('refused')
    }
  }
  for (const [open, close] of [
    ['{"many":[', ']}'],
    ['{"groups":[', ']}'],
    ['{"map":{"1":', '}}'],
  ] as const) {
    expect(lanes.check(`${open.repeat(49)}{"one":{}}${close.repeat(49)}`)).toBe('taken')
    expect(lanes.check(`${open.repeat(50)}${close.repeat(50)}`)).toBe(open.includes('map') ? 'refused' : 'taken')
    expect(lanes.check(`${open.repeat(50)}{}${close.repeat(50)}`)).toBe('refused')
  }
})

test('an Any of a type that has a field "@type"', () => {
  const any = new MessageTypeBuilder('google.protobuf.Any', '')
  any.define([
    fieldOf({ name: 'type_url', jsonName: 'typeUrl', number: 1, kind: 'string' }),
    fieldOf({ name: 'value', number: 2, kind: 'bytes' }),
  ])
  const type = typeOf('T', [
    fieldOf({ name: 't', jsonName: '@type', number: 1, kind: 'string' }),
    fieldOf({ name: 'n', number: 2 }),
  ])
  const holder = typeOf('H', [fieldOf({ name: 'any', number: 1, kind: 'message', message: any, presence: true })])
  const lanes = new Lanes(holder, (name) => (name === 'T' ? type : undefined))
  expect(lanes.check('{"any":{"@type":"x/T","n":1}}')).toBe('over')
  expect(lanes.check('{"any":{"@type":"x/T","t":"x/T"}}')).toBe('refused')
})

test('more types at once than are made into program text', () => {
  const chain = Array.from({ length: 300 }, (_, k) => new MessageTypeBuilder(`T${k}`, ''))
  for (const [k, type] of chain.entries())
    type.define([
      fieldOf({ name: 'next', number: 1, kind: 'message', message: chain[(k + 1) % 300]!, presence: true }),
      fieldOf({ name: 'n', number: 2 }),
    ])
  expect(new Lanes(chain[0]!).check('{"next":{"next":{"n":5}},"n":1}')).toBe('taken')
})

test('types that share what was made before', () => {
  const leaf = typeOf('Leaf', [fieldOf({ name: 'n', number: 1 })])
  const a = typeOf('A', [fieldOf({ name: 'leaf', number: 1, kind: 'message', message: leaf, presence: true })])
  const find = () => undefined
  const parse = (type: MessageType, text: string): Buffer => {
    const out = new Bytes(8)
    expect(makeParse(planOf(type), find, 'generate')(Buffer.from(text), out)).toBe(true)
    return out.take()
  }
  expect(parse(leaf, '{"n":5}').toString('hex')).toBe('0805')
  expect(parse(a, '{"leaf":{"n":5}}').toString('hex')).toBe('0a020805')
})

test('where program text is forbidden it works without', () => {
  const url = (path: string) => JSON.stringify(new URL(`../../../../${path}`, import.meta.url).href)
  const script = `
    import { canGenerate } from ${url('src/codec/compile/scratch.ts')}
    import { makeParse } from ${url('src/codec/compile/parse/index.ts')}
    import { planOf } from ${url('src/codec/plan.ts')}
    import { Bytes } from ${url('src/core/message.ts')}
    import { MessageTypeBuilder } from ${url('src/schema/message-type.ts')}
    const type = new MessageTypeBuilder('T', '')
    type.define([{ ...${JSON.stringify(fieldOf({ name: 'n', number: 1 }))}, repeated: true, packed: true }])
    const out = new Bytes(8)
    const ok = makeParse(planOf(type), () => undefined)(Buffer.from('{"n":[1,2]}'), out)
    console.log(canGenerate(), ok, out.take().toString('hex'))`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  )
  expect(stderr).toBe('')
  expect(stdout.trim()).toBe('false true 0a020102')
})
