import { isDeepStrictEqual } from 'node:util'
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EnumType, FieldType, MessageType } from '../../src/core/descriptor.ts'
import { GatewayError } from '../../src/core/status.ts'
import { type Types, transcode, typesOf, VECTOR_PROTOS, vectorTypes } from '../support/codec.ts'
import { EDITION, LEGACY } from '../support/legacy-proto.ts'
import { bufbuildMessage, bufbuildTypes, protobufjsTypes } from '../support/oracles.ts'
import { readVectors } from '../support/vectors.ts'

/** Three implementations of ProtoJSON for one type: ours, that of protobufjs, that of @bufbuild/protobuf. */
interface Trio {
  readonly name: string
  readonly type: MessageType
  /** JSON → wire. Ours throws GatewayError, the others whatever they like. */
  readonly parse: Readonly<Record<Who, (text: string) => Uint8Array>>
  /** Wire → JSON. */
  readonly print: Readonly<Record<Who, (wire: Uint8Array) => string>>
}
type Who = 'ours' | 'protobufjs' | 'bufbuild'
const ORACLES = ['protobufjs', 'bufbuild'] as const

const trioOf = (name: string, types: Types, texts: readonly string[]): Trio => {
  const type = types.type(name)
  const { table } = types
  const [json, proto] = [table.codec('json'), table.codec('proto')]
  const theirs = protobufjsTypes(...texts)(name)
  const registry = bufbuildTypes([type])
  const schema = bufbuildMessage(registry, name)
  return {
    name,
    type,
    parse: {
      ours: (text) => transcode(types, type, json, proto, text),
      protobufjs: (text) => theirs.encode(theirs.fromJsonString(text)).finish(),
      bufbuild: (text) => toBinary(schema, fromJsonString(schema, text, { registry })),
    },
    print: {
      ours: (wire) => transcode(types, type, proto, json, wire).toString(),
      protobufjs: (wire) => theirs.toJsonString(theirs.decode(wire)),
      bufbuild: (wire) => toJsonString(schema, fromBinary(schema, wire), { registry }),
    },
  }
}

const legacy = typesOf(LEGACY, EDITION)
const modern = vectorTypes()
const trios = [
  trioOf('qv.Q', modern, VECTOR_PROTOS),
  trioOf('vec.M', modern, VECTOR_PROTOS),
  trioOf('old.Old', legacy, [LEGACY]),
  trioOf('ed.E', legacy, [EDITION]),
]
const vec = trios[1]!

/** JSON texts that fit a type, in every spelling that all three must take alike. */
const messageText = (type: MessageType, depth: number): fc.Arbitrary<string> => {
  const plain = type.fields.filter((field) => !field.name.startsWith('['))
  const groups = [...Map.groupBy(plain, (field) => field.oneof ?? field.name).values()]
  const required = plain.filter((field) => field.required)
  return fc
    .tuple(fc.subarray(groups, { maxLength: Math.min(8, groups.length) }), fc.nat(1000))
    .chain(([chosen, pick]) => {
      const fields = chosen.map((group) => group[pick % group.length]!)
      for (const field of required) if (!fields.includes(field)) fields.push(field)
      return fc
        .tuple(...fields.map((field) => memberText(field, depth)))
        .map((members) => `{${members.filter((member) => member !== '').join(',')}}`)
    })
}

const memberText = (field: FieldType, depth: number): fc.Arbitrary<string> => {
  const names = field.name.startsWith('_') ? [field.jsonName] : [field.jsonName, field.name]
  return fc
    .tuple(fc.constantFrom(...names), fieldText(field, depth))
    .map(([name, text]) => (text === '' ? '' : `${JSON.stringify(name)}:${text}`))
}

const fieldText = (field: FieldType, depth: number): fc.Arbitrary<string> => {
  if (field.kind === 'message' && !scalarForm(field.message!) && depth > 3) return fc.constant('')
  const element = elementText(field, depth)
  if (field.mapKey !== undefined)
    return fc
      .uniqueArray(fc.tuple(keyText(field.mapKey), element), {
        maxLength: 3,
        selector: ([key]) => JSON.parse(key),
      })
      .map((entries) => `{${entries.map(([key, value]) => `${key}:${value}`).join(',')}}`)
  if (field.repeated) return fc.array(element, { maxLength: 3 }).map((list) => `[${list.join(',')}]`)
  return element
}
/** A key of a map: what is no string yet, in quotes, and a number only in its plain form. */
const keyText = (kind: FieldType['kind']): fc.Arbitrary<string> =>
  scalarText(kind)
    .map((text) => (text.startsWith('"') ? text : `"${text}"`))
    .map((text) => (kind === 'string' ? text : text.replace(/(\.0|e0)"$/, '"')))

const scalarForm = (type: MessageType): boolean =>
  type.name.startsWith('google.protobuf.') && type.name !== 'google.protobuf.Any'

const elementText = (field: FieldType, depth: number): fc.Arbitrary<string> => {
  if (field.kind === 'enum') return enumText(field.enum!)
  if (field.kind !== 'message') return scalarText(field.kind)
  const known = WELL_KNOWN[field.message!.name]
  return known === undefined ? messageText(field.message!, depth + 1) : known()
}

const enumText = (type: EnumType): fc.Arbitrary<string> => {
  if (type.name === 'google.protobuf.NullValue') return fc.constant('null')
  const known = [...[...type.numbers.keys()].map((name) => JSON.stringify(name)), ...[...type.names.keys()].map(String)]
  return type.open ? fc.oneof(fc.constantFrom(...known), fc.integer().map(String)) : fc.constantFrom(...known)
}

/** Printable characters, escapes, and code points outside of the first plane. */
const unicode = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed())
const SAFE = BigInt(Number.MAX_SAFE_INTEGER)
const int64Text = (low: bigint, high: bigint): fc.Arbitrary<string> =>
  fc
    .bigInt(low, high)
    .chain((value) =>
      value >= -SAFE && value <= SAFE ? fc.constantFrom(`${value}`, `"${value}"`) : fc.constant(`"${value}"`),
    )
const int32Text = (low: number, high: number): fc.Arbitrary<string> =>
  fc
    .integer({ min: low, max: high })
    .chain((value) => fc.constantFrom(`${value}`, `"${value}"`, `${value}.0`, `${value}e0`))
/** Sixteenths: texts, doubles and floats of them are the same number for everybody. */
const binaryFraction = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((value) => value / 16 + 0)
const doubleText = fc.oneof(
  binaryFraction.map((value) => String(value)),
  binaryFraction.map((value) => `"${value}"`),
  fc.constantFrom('"NaN"', '"Infinity"', '"-Infinity"', '0', '1e3', '-2.5E-1'),
)

const scalarText = (kind: FieldType['kind']): fc.Arbitrary<string> => {
  switch (kind) {
    case 'string':
      return unicode.map((text) => JSON.stringify(text))
    case 'bytes':
      return fc
        .tuple(fc.uint8Array({ maxLength: 9 }), fc.constantFrom<'base64' | 'base64url'>('base64', 'base64url'))
        .map(([bytes, form]) => `"${Buffer.from(bytes).toString(form)}"`)
    case 'bool':
      return fc.constantFrom('true', 'false')
    case 'double':
    case 'float':
      return doubleText
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return int64Text(-(2n ** 63n), 2n ** 63n - 1n)
    case 'uint64':
    case 'fixed64':
      return int64Text(0n, 2n ** 64n - 1n)
    case 'uint32':
    case 'fixed32':
      return int32Text(0, 2 ** 32 - 1)
    default:
      return int32Text(-(2 ** 31), 2 ** 31 - 1)
  }
}

const plainJson = fc
  .json({ maxDepth: 3, stringUnit: 'binary' })
  .filter((text) => text.isWellFormed() && !text.includes('-0') && !/\\ud[89a-f]/i.test(text))
const objectJson = fc
  .dictionary(
    fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__'),
    plainJson,
    { maxKeys: 3 },
  )
  .map(
    (entries) =>
      `{${Object.entries(entries)
        .map(([key, text]) => `${JSON.stringify(key)}:${text}`)
        .join(',')}}`,
  )
const timeText = fc
  .tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.constantFrom('', '.5', '.000001', '.999999999'))
  .map(([seconds, fraction]) => `"${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction}Z"`)
const durationText = fc
  .tuple(fc.integer({ min: -315_576_000_000, max: 315_576_000_000 }), fc.constantFrom('', '.25', '.000000001'))
  .map(([seconds, fraction]) => `"${seconds}${Math.abs(seconds) === 315_576_000_000 ? '' : fraction}s"`)
const maskText = fc
  .array(fc.constantFrom('a', 'fooBar', 'a.bC.d', 's.tUV'), { maxLength: 3 })
  .map((paths) => `"${paths.join(',')}"`)
const anyText = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant('{}'),
    messageText(vec.type.field('s')!.message!, 3).map(
      (text) => `{"@type":"type.googleapis.com/vec.Sub"${text === '{}' ? '}' : `,${text.slice(1)}`}`,
    ),
    durationText.map((text) => `{"@type":"type.googleapis.com/google.protobuf.Duration","value":${text}}`),
    objectJson.map((text) => `{"value":${text},"@type":"type.googleapis.com/google.protobuf.Struct"}`),
  )

const wrapper = (kind: FieldType['kind']) => () => scalarText(kind)
const WELL_KNOWN: Readonly<Record<string, () => fc.Arbitrary<string>>> = {
  'google.protobuf.Any': anyText,
  'google.protobuf.Timestamp': () => timeText,
  'google.protobuf.Duration': () => durationText,
  'google.protobuf.FieldMask': () => maskText,
  'google.protobuf.Struct': () => objectJson,
  'google.protobuf.Value': () => plainJson,
  'google.protobuf.ListValue': () => fc.array(plainJson, { maxLength: 3 }).map((list) => `[${list.join(',')}]`),
  'google.protobuf.Empty': () => fc.constant('{}'),
  'google.protobuf.DoubleValue': wrapper('double'),
  'google.protobuf.Int64Value': wrapper('int64'),
  'google.protobuf.UInt64Value': wrapper('uint64'),
  'google.protobuf.StringValue': wrapper('string'),
  'google.protobuf.BoolValue': wrapper('bool'),
  'google.protobuf.BytesValue': wrapper('bytes'),
}

/** Texts are equal when they are the same JSON; the order of members and the writing of a float do not count. */
const sameJson = (a: string, b: string): boolean => {
  expect(normal(JSON.parse(a))).toEqual(normal(JSON.parse(b)))
  return true
}
const normal = (value: unknown): unknown =>
  typeof value === 'number'
    ? Math.fround(value)
    : Array.isArray(value)
      ? value.map(normal)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, normal(member)]))
        : value

describe.each(trios)('$name: what fits', ({ type, parse, print }) => {
  test('all three read it alike and print it alike', () => {
    fc.assert(
      fc.property(messageText(type, 0), (text) => {
        const wire = parse.ours(text)
        const printed = print.ours(wire)
        for (const who of ORACLES) {
          sameJson(print.ours(parse[who](text)), printed)
          sameJson(print[who](wire), printed)
        }
        expect(print.ours(parse.ours(printed))).toBe(printed)
        expect(Buffer.from(parse.ours(printed)).equals(Buffer.from(wire))).toBe(true)
      }),
      { numRuns: 400 },
    )
  })
})

/** Where an oracle is laxer or stricter than the specification, and we are not. */
type Disagreement =
  | 'number above 2^53 is rounded'
  | 'white space, signs, zeros or hexadecimal in a quoted integer'
  | 'exponent in a quoted integer'
  | 'dates that do not exist'
  | 'duration beyond its range by a fraction'
  | 'mask with empty parts'
  | 'sloppy base64'
  | 'minus zero is lost'
  | 'float that rounds to the largest is refused'
  | 'float below the smallest is kept'
  | 'Empty in an Any with a value'
  | 'type URL without a slash'
  | 'Any without @type is emptied'
  | 'more members beside value'
  | 'other limit of nesting'
  | 'an empty text'
const KNOWN: readonly (readonly [Disagreement, readonly Who[], RegExp])[] = [
  ['an empty text', ['protobufjs', 'bufbuild'], /^$/],
  [
    'number above 2^53 is rounded',
    ['protobufjs', 'bufbuild'],
    /[^"\d](9007199254740993(\.0)?|18446744073709551615)[^"]/,
  ],
  ['white space, signs, zeros or hexadecimal in a quoted integer', ['bufbuild'], /^\{"n":"( {2}1|1 |0x1)"\}$/],
  [
    'white space, signs, zeros or hexadecimal in a quoted integer',
    ['protobufjs', 'bufbuild'],
    /^\{"n":"(\+1|01|1\.)"\}$/,
  ],
  ['exponent in a quoted integer', ['bufbuild'], /^\{"n":"1e3"\}$/],
  ['dates that do not exist', ['bufbuild'], /^\{"at":"(2023-02-29|2100-02-29|2024-01-01T24)/],
  ['duration beyond its range by a fraction', ['protobufjs', 'bufbuild'], /^\{"dur":"315576000000\.1s"\}$/],
  ['mask with empty parts', ['protobufjs', 'bufbuild'], /^\{"mask":"(a\.\.b|a,|\.a|a\.)"\}$/],
  ['sloppy base64', ['protobufjs', 'bufbuild'], /^\{"y":"[^"]*"\}$/],
  ['minus zero is lost', ['protobufjs'], /^\{"d":-0\}$/],
  ['float that rounds to the largest is refused', ['protobufjs'], /3\.4028235e38/],
  ['float below the smallest is kept', ['protobufjs', 'bufbuild'], /1e-46/],
  ['Empty in an Any with a value', ['protobufjs', 'bufbuild'], /Empty","value"/],
  ['type URL without a slash', ['protobufjs', 'bufbuild'], /"@type":"vec\.Sub"/],
  ['Any without @type is emptied', ['protobufjs'], /^\{"any":\{"t":"x"\}\}$/],
  ['more members beside value', ['protobufjs', 'bufbuild'], /"value":"1s","x":1/],
  ['other limit of nesting', ['protobufjs', 'bufbuild'], /({"sub":){99}|\[{99}/],
]

const outcome = (trio: Trio, who: Who, text: string): string => {
  try {
    return trio.print.ours(trio.parse[who](text))
  } catch (thrown) {
    if (who === 'ours') expect(thrown).toBeInstanceOf(GatewayError)
    return 'refused'
  }
}

/** Entries of a map have no order. */
const same = (a: string, b: string): boolean =>
  a === b || (a !== 'refused' && b !== 'refused' && isDeepStrictEqual(JSON.parse(a), JSON.parse(b)))

test('test/vectors/protojson.json: the oracles agree, or the disagreement has a name', () => {
  const { cases } = readVectors<{ cases: { body: string | null; repeat?: number; ignoreUnknown?: boolean }[] }>(
    'protojson.json',
  )
  const used = new Set<Disagreement>()
  for (const { body, repeat, ignoreUnknown } of cases) {
    if (body === null || repeat !== undefined || ignoreUnknown === true) continue
    const ours = outcome(vec, 'ours', body)
    for (const who of ORACLES) {
      if (same(outcome(vec, who, body), ours)) continue
      const known = KNOWN.find(([, whom, pattern]) => whom.includes(who) && pattern.test(body))
      expect(known?.[0], `${who} differs on ${body}`).toBeDefined()
      used.add(known![0])
    }
  }
  // `float below the smallest is kept` shows only in memory: on the wire it is zero for everybody.
  expect([...used].sort()).toEqual(
    [...new Set(KNOWN.map(([name]) => name))].filter((name) => name !== 'float below the smallest is kept').sort(),
  )
})

/** A text with a few characters, or pieces of it, taken away, doubled or replaced. */
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u',
  '\\ud800',
  'null',
  'true',
  '0',
  '-',
  '1e9',
  '.5',
  'NaN',
  ' ',
  '\n',
  '"@type":',
  '{}',
  '[]',
  '\u0000',
  '€',
  '😀',
  '/*',
  '"n":1',
  '__proto__',
]
const edit = fc.tuple(
  fc.nat(10_000),
  fc.nat(12),
  fc.constantFrom('cut', 'double', 'insert', 'replace'),
  fc.constantFrom(...PIECES),
)
const mutate = (text: string, edits: readonly [number, number, string, string][]): string =>
  edits.reduce((current, [at, length, how, piece]) => {
    const start = current.length === 0 ? 0 : at % current.length
    const [head, body, tail] = [
      current.slice(0, start),
      current.slice(start, start + length),
      current.slice(start + length),
    ]
    if (how === 'cut') return head + tail
    if (how === 'double') return head + body + body + tail
    return how === 'insert' ? head + piece + body + tail : head + piece + tail
  }, text)

describe.each(trios)('$name: mutated texts', (trio) => {
  test('nothing but GatewayError comes out, and what is accepted round-trips', () => {
    fc.assert(
      fc.property(messageText(trio.type, 0), fc.array(edit, { minLength: 1, maxLength: 4 }), (text, edits) => {
        const printed = outcome(trio, 'ours', mutate(text, edits))
        if (printed !== 'refused') expect(outcome(trio, 'ours', printed)).toBe(printed)
      }),
      { numRuns: 1500 },
    )
  })
  test('bytes that are no text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        outcome(trio, 'ours', Buffer.from(bytes).toString('latin1'))
      }),
      { numRuns: 500 },
    )
  })
})

test('what we accept of mutated texts, protobufjs accepts, and means the same', () => {
  let accepted = 0
  fc.assert(
    fc.property(messageText(vec.type, 0), fc.array(edit, { minLength: 1, maxLength: 1 }), (text, edits) => {
      const changed = mutate(text, edits)
      const ours = outcome(vec, 'ours', changed)
      if (
        ours === 'refused' ||
        changed === '' ||
        !changed.isWellFormed() ||
        /\d{16}|-0(?!\d)|e[-+]?\d{2}/i.test(changed)
      )
        return
      accepted++
      sameJson(outcome(vec, 'protobufjs', changed), ours)
    }),
    { numRuns: 2000, seed: 20261124 },
  )
  expect(accepted).toBeGreaterThan(100)
})

test('every float and every double survives its text', () => {
  const bits = Buffer.alloc(8)
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (raw) => {
      bits.writeBigUInt64LE(raw)
      const [float, double] = [bits.readFloatLE(), bits.readDoubleLE()]
      const text = vec.print.ours(modernWire({ f: float, d: double }))
      const parsed = modern.table.codec('json').decode(vec.type, Buffer.from(text)) as { f?: number; d?: number }
      expect(parsed.f ?? 0).toBe(float)
      expect(parsed.d ?? 0).toBe(double)
    }),
    { numRuns: 2000 },
  )
})
const modernWire = (value: Record<string, unknown>): Uint8Array => {
  const schema = bufbuildMessage(bufbuildRegistry, 'vec.M')
  return toBinary(schema, create(schema, value))
}
const bufbuildRegistry = bufbuildTypes([vec.type])

test('hostile texts end in time', () => {
  const big = 200_000
  const any = (levels: number, inner: string): string => {
    let text = inner
    for (let i = 0; i < levels; i++) text = `{"value":${text},"@type":"type.googleapis.com/google.protobuf.Any"}`
    return text
  }
  const texts = [
    `{"n":${'9'.repeat(big)}}`,
    `{"n":0.${'0'.repeat(big)}1e${big + 1}}`,
    `{"n":"${'1'.repeat(big)}e-${big}"}`,
    '{"n":1e999999999999999999999999}',
    `{"y":"${'A'.repeat(big * 4)}"}`,
    `{"id":"${'\\u0041'.repeat(big)}"}`,
    `{"id":"${'\\'.repeat(big)}"}`,
    `{"any":${any(97, `{"@type":"type.googleapis.com/vec.Sub","t":"${'x'.repeat(big * 10)}"}`)}}`,
    `{"any":${any(97, `[${'1,'.repeat(big)}1]`)}}`,
    `{"m":{${Array.from({ length: big / 10 }, (_, i) => `"k${i}":""`).join(',')}}}`,
    `{"r":[${'0,'.repeat(big)}0]}`,
    `{"rs":[${'{},'.repeat(big)}{}]}`,
    `${' '.repeat(big * 10)}{`,
    `{"${'z'.repeat(big)}":1}`,
    `${'\n'.repeat(big)}x`,
    `{"mask":"${'a,'.repeat(big)}a"}`,
    `{"mask":"${'A'.repeat(big)}"}`,
  ]
  for (const text of texts) outcome(vec, 'ours', text)
})
