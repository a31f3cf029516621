import { describe, expect, test } from 'vitest'
import type { JsonOptions } from '../../../src/core/schema.ts'
import { GatewayError } from '../../../src/core/status.ts'
import { encodeValue, refusal, roundTrip, transcode, vectorTypes } from '../../support/codec.ts'
import { readVectors } from '../../support/vectors.ts'

interface Case {
  readonly body: string | null
  readonly bodyHex?: string
  readonly tail?: string
  readonly repeat?: number
  readonly ignoreUnknown?: boolean
  readonly status: number
  readonly want: Record<string, unknown> | null
  readonly map?: string
  readonly raw?: string
  readonly reason?: string | null
  readonly pointer?: string
  readonly hint?: string
  readonly says?: string
  readonly mark?: 'exact' | 'later'
}

const types = vectorTypes()
const { table } = types
const type = types.type('vec.M')
const proto = table.codec('proto')
const json = table.codec('json')

const bytesOf = (one: Case): Buffer => {
  if (one.bodyHex !== undefined) return Buffer.from(one.bodyHex, 'hex')
  if (one.tail !== undefined) return Buffer.from(one.body + one.tail.repeat(one.repeat!))
  return Buffer.from(one.repeat === undefined ? one.body! : one.body!.repeat(one.repeat))
}

/** The field of the first violation of the BadRequest. */
const pointerOf = (error: GatewayError): string | undefined => {
  const bad = error.status.details.find(({ typeUrl }) => typeUrl.endsWith('google.rpc.BadRequest'))
  const value = types.table
    .codec('proto')
    .decode(types.find('google.rpc.BadRequest')!, bad?.value ?? new Uint8Array()) as {
    fieldViolations?: { field?: string }[]
  }
  return value.fieldViolations?.[0] === undefined ? undefined : (value.fieldViolations[0].field ?? '')
}

describe('test/vectors/protojson.json', () => {
  const { cases } = readVectors<{ cases: Case[] }>('protojson.json')
  test.each(cases.map((one, i) => ({ ...one, name: `${i} ${(one.body ?? one.bodyHex)!.slice(0, 70)}` })))(
    '$name → $status',
    (one) => {
      const from = one.ignoreUnknown === true ? table.codec('json', { ignoreUnknown: true }) : json
      if (one.status === 200) {
        const text = transcode(types, type, proto, json, transcode(types, type, from, proto, bytesOf(one))).toString()
        if (one.raw !== undefined) expect(text).toBe(one.raw)
        const got = JSON.parse(text)
        if (one.map === undefined) expect(got).toEqual(one.want)
        else expect(Object.entries(got[one.map])).toEqual(one.want![one.map])
        return
      }
      let caught: unknown
      try {
        transcode(types, type, from, proto, bytesOf(one))
      } catch (thrown) {
        caught = thrown
      }
      expect(caught).toBeInstanceOf(GatewayError)
      const error = caught as GatewayError
      expect(error.status.code).toBe(3)
      if (typeof one.reason === 'string')
        expect(
          refusal(() => {
            throw error
          }).reason,
        ).toBe(one.reason)
      if (one.pointer !== undefined) expect(pointerOf(error)).toBe(one.pointer)
      if (one.hint !== undefined) expect(error.message).toContain(`did you mean "${one.hint}"`)
      if (one.says !== undefined) expect(error.message).toContain(one.says)
    },
  )
  test('no case waits for another transcoder', () => {
    expect(cases.filter(({ mark }) => mark !== undefined)).toEqual([])
  })
})

test('line and column of an error', () => {
  expect(() => roundTrip(types, type, '{\n  "s": {\n    "t": 1\n  }\n}')).toThrow(
    'JSON 3:10 (/s/t): expected a string, found 1',
  )
  expect(() => roundTrip(types, type, '{\n "n": 1,\n}')).toThrow(
    'JSON 3:1: expected a member name in double quotes, found "}"',
  )
})

test('error messages are cut, however long what they quote', () => {
  const long = 'x'.repeat(100_000)
  const texts = [
    `{"${long}":1}`,
    `{"n":"${long}"}`,
    `{"n":${'1'.repeat(100_000)}}`,
    `{"c":"${long}"}`,
    `{"m":{"${long}":1}}`,
  ]
  for (const text of texts) expect(refusal(() => roundTrip(types, type, text)).message.length).toBeLessThan(500)
})

describe('printing', () => {
  const print = (text: string, options: JsonOptions): string =>
    transcode(types, type, proto, table.codec('json', options), transcode(types, type, json, proto, text)).toString()

  test('compact, in the order of field numbers', () => {
    expect(roundTrip(types, type, '{"d": 1, "rs": [{"u": ["a", "b"], "t": "x"}], "n": 2, "id": "i"}')).toBe(
      '{"id":"i","n":"2","rs":[{"t":"x","u":["a","b"]}],"d":1}',
    )
  })
  test('emitDefaults: scalars, lists and maps without presence, and nothing else', () => {
    const got = JSON.parse(print('{}', { emitDefaults: true }))
    expect(got).toEqual({
      id: '',
      n: '0',
      r: [],
      rs: [],
      m: {},
      c: 'NONE',
      y: '',
      f: 0,
      d: 0,
      u32: 0,
      u64: '0',
      flag: false,
      rc: [],
      mc: {},
      mb: {},
      mn: {},
      nv: null,
      rval: [],
      rnv: [],
      snakeCaseName: '',
      Renamed: '',
      ranys: [],
      mval: {},
      rat: [],
      s32: 0,
      f64: '0',
    })
    expect(JSON.parse(print('{"s":{}}', { emitDefaults: true })).s).toEqual({ t: '', u: [] })
  })
  test('protoNames', () => {
    expect(print('{"snakeCaseName":"a","Renamed":"b","s":{"t":"x"}}', { protoNames: true })).toBe(
      '{"s":{"t":"x"},"snake_case_name":"a","other":"b"}',
    )
  })
  test('enumNumbers', () => {
    expect(print('{"c":"RED","rc":["CRIMSON"],"mc":{"1":"RED"},"rnv":[null]}', { enumNumbers: true })).toBe(
      '{"c":1,"rc":[2],"mc":{"1":1},"rnv":[null]}',
    )
  })
  test('int64Numbers: only where JavaScript keeps them exactly', () => {
    expect(print('{"n":"9007199254740991","u64":"9007199254740993","wn":5,"mn":{"1":2}}', { int64Numbers: true })).toBe(
      '{"n":9007199254740991,"wn":5,"u64":"9007199254740993","mn":{"1":2}}',
    )
  })
  test('strings', () => {
    const odd = '\u0000\u001f"\\/<>&\u007f\u0080é€\u2028😀'
    const text = roundTrip(types, type, JSON.stringify({ id: odd, p: odd.repeat(40) }))
    expect(JSON.parse(text)).toEqual({ id: odd, p: odd.repeat(40) })
    expect(text).not.toMatch(/[\n\r]/)
  })
  test('floats are as short as their 32 bits allow', () => {
    for (const value of [0.1, 1.1, 3.4028235e38, 1.17549435e-38, 16777217, 1e-45, 0.3333333, 123456.78]) {
      const printed = JSON.parse(roundTrip(types, type, `{"f":${value}}`)).f
      expect(Math.fround(printed)).toBe(Math.fround(value))
      expect(String(printed).length).toBeLessThanOrEqual(14)
    }
    expect(roundTrip(types, type, '{"f":0.1}')).toBe('{"f":0.1}')
  })
  test('an Any of an unknown type keeps its bytes', () => {
    const wire = encodeValue(types, type, { any: { '@type': 'type.example/acme.Gone', value: Uint8Array.of(8, 1) } })
    expect(transcode(types, type, proto, json, wire).toString()).toBe(
      '{"any":{"@type":"type.example/acme.Gone","value":"CAE="}}',
    )
    expect(encodeValue(types, type, proto.decode(type, wire)).equals(wire)).toBe(true)
  })
  test.each([
    ['a time after the year 9999', { at: { seconds: 253402300800n } }],
    ['negative nanoseconds of a time', { at: { nanos: -1 } }],
    ['a whole second of nanoseconds', { at: { nanos: 1_000_000_000 } }],
    ['a duration out of range', { dur: { seconds: 315576000001n } }],
    ['a duration of two signs', { dur: { seconds: 1n, nanos: -1 } }],
    ['a path in camel case', { mask: { paths: ['fooBar'] } }],
    ['a path with two underscores', { mask: { paths: ['foo__bar'] } }],
    ['a path with an underscore before a digit', { mask: { paths: ['foo_3'] } }],
    ['a path that ends in an underscore', { mask: { paths: ['foo_'] } }],
    ['a Value that is not a number', { val: { numberValue: Number.NaN } }],
  ])('%s has no JSON form and is refused', (_, value) => {
    const wire = encodeValue(types, type, value)
    expect(refusal(() => transcode(types, type, proto, json, wire))).toMatchObject({ code: 3, reason: 'FIELD_INVALID' })
  })
  test('a Value of no kind is null', () => {
    expect(transcode(types, type, proto, json, encodeValue(types, type, { val: {} })).toString()).toBe('{"val":null}')
  })
})

describe('response_body: one field', () => {
  const field = (name: string, text: string, options: JsonOptions = {}): string =>
    transcode(
      types,
      type,
      proto,
      table.codec('json', { ...options, field: name }),
      transcode(types, type, json, proto, text),
    ).toString()
  test.each([
    ['id', '{"id":"x","n":1}', '"x"'],
    ['r', '{"r":[1,2]}', '[1,2]'],
    ['s', '{"s":{"t":"x"}}', '{"t":"x"}'],
    ['m', '{"m":{"a":"b"}}', '{"a":"b"}'],
    ['at', '{"at":"2024-01-01T00:00:00Z"}', '"2024-01-01T00:00:00Z"'],
    ['snake_case_name', '{"snakeCaseName":"x"}', '"x"'],
    ['id', '{}', '""'],
    ['n', '{}', '"0"'],
    ['flag', '{}', 'false'],
    ['y', '{}', '""'],
    ['c', '{}', '"NONE"'],
    ['r', '{}', '[]'],
    ['m', '{}', '{}'],
    ['s', '{}', '{}'],
    ['st', '{}', '{}'],
    ['any', '{}', '{}'],
    ['at', '{}', 'null'],
    ['ws', '{}', 'null'],
    ['val', '{}', 'null'],
    ['list', '{}', 'null'],
    ['oi', '{}', 'null'],
    ['p', '{}', 'null'],
  ])('%s of %s is %s', (name, text, want) => {
    expect(field(name, text)).toBe(want)
  })
  test('is read back the same way', () => {
    const codec = table.codec('json', { field: 's' })
    expect(codec.decode(type, Buffer.from('{"t":"x"}'))).toEqual({ s: { t: 'x' } })
    expect(codec.decode(type, Buffer.from(''))).toEqual({})
  })
})

test('an unknown member with an "@type" is ignored as a whole', () => {
  const lenient = table.codec('json', { ignoreUnknown: true })
  const text = '{"zz":{"@type":"x/y","a":{"@type":"x/z","b":[{"@type":"x/u"}]}},"id":"a"}'
  expect(lenient.decode(type, Buffer.from(text))).toEqual({ id: 'a' })
})
