import { describe, expect, test } from 'vitest'
import { UNKNOWN } from '../../../src/codec/plan.ts'
import { ProtoCodec } from '../../../src/codec/proto/index.ts'
import { Bytes } from '../../../src/core/message.ts'
import { encodeValue, refusal, transcode, typesOf, vectorTypes } from '../../support/codec.ts'
import { EDITION, LEGACY } from '../../support/legacy-proto.ts'

const types = typesOf(LEGACY, EDITION)
const { table } = types
const proto = table.codec('proto')
const json = table.codec('json')
const old = types.type('old.Old')
const ed = types.type('ed.E')
const modern = vectorTypes()
const m = modern.type('vec.M')
const sub = modern.type('vec.Sub')

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const decode = (text: string, type = old): Record<string, unknown> =>
  proto.decode(type, hex(text)) as Record<string, unknown>
const modernDecode = (text: string): Record<string, unknown> =>
  modern.table.codec('proto').decode(m, hex(text)) as Record<string, unknown>
const asJson = (text: string, type = old): string => transcode(types, type, proto, json, hex(text)).toString()

describe('the form of a value', () => {
  test('null prototype, JSON names, bigint, Uint8Array, Map, enum numbers, unset absent', () => {
    const wire = transcode(
      modern,
      m,
      modern.table.codec('json'),
      modern.table.codec('proto'),
      '{"id":"i","n":"5","y":"AQI=","c":"RED","m":{"k":"v"},"mn":{"1":"2"},"snakeCaseName":"s","at":"1970-01-01T00:00:01.5Z","wn":7,"any":{"@type":"t/vec.Sub","t":"x"},"st":{"a":null},"r":[1],"s":{}}',
    )
    const value = modern.table.codec('proto').decode(m, wire) as Record<string, any>
    expect(Object.getPrototypeOf(value)).toBe(null)
    expect(Object.getPrototypeOf(value.s)).toBe(null)
    expect(value).toEqual({
      id: 'i',
      n: 5n,
      r: [1],
      s: {},
      m: new Map([['k', 'v']]),
      c: 1,
      at: { seconds: 1n, nanos: 500_000_000 },
      y: Buffer.from([1, 2]),
      st: { fields: new Map([['a', { nullValue: 0 }]]) },
      any: { '@type': 't/vec.Sub', value: { t: 'x' } },
      wn: { value: 7n },
      mn: new Map([[1n, 2n]]),
      snakeCaseName: 's',
    })
    // The transcoder may have written the fields in the order of the text, the encoder writes them by number.
    const again = encodeValue(modern, m, value)
    expect(modern.table.codec('proto').decode(m, again)).toEqual(value)
    expect(again.length).toBe(wire.length)
    expect(modern.table.codec('json').decode(m, Buffer.from('{"id":"i","n":"5"}'))).toEqual({ id: 'i', n: 5n })
  })
  test('the JSON decoder gives the same value as the wire decoder', () => {
    const text =
      '{"n":"1","c":7,"m":{"a":"b"},"at":"2024-01-01T00:00:00Z","wn":0,"dur":"0s","mask":"a,bC","val":[1,null],"b":false,"f":0.1,"wb":false}'
    const direct = modern.table.codec('json').decode(m, Buffer.from(text))
    const wire = encodeValue(modern, m, direct)
    expect(modern.table.codec('proto').decode(m, wire)).toEqual(direct)
  })
})

describe('wire → value', () => {
  test('unknown fields of every wire type are passed over, groups in groups too', () => {
    const unknown = ['f8 07 05', 'f9 07 0102030405060708', 'fa 07 02 aabb', 'fd 07 01020304', 'fb 07 08 01 13 14 fc 07']
    const wire = `08 01 ${unknown.join('')} 08 02`
    expect(decode(wire)).toEqual({ a: 2, [UNKNOWN]: unknown.map(hex) })
    expect(asJson(wire)).toBe('{"a":2}')
  })
  test('a known field of another wire type is unknown', () => {
    expect(decode('0a 01 41')).toEqual({ [UNKNOWN]: [hex('0a 01 41')] })
    expect(decode('10 05')).toEqual({ [UNKNOWN]: [hex('10 05')] })
    expect(asJson('0a 01 41 10 05')).toBe('{}')
  })
  test('groups', () => {
    const value = decode('1b 0a 01 41 12 02 08 07 1c  23 08 01 24 23 24')
    expect(value).toEqual({ pair: { left: 'A', right: { a: 7 } }, item: [{ x: 1 }, {}] })
    expect(encodeValue(types, old, value).toString('hex')).toBe('1b0a014112020807' + '1c' + '23080124' + '2324')
    expect(asJson('1b 0a 01 41 1c')).toBe('{"pair":{"left":"A"}}')
  })
  test('packed and unpacked are both accepted, mixed', () => {
    expect(decode('48 01 4a 02 02 03 48 04')).toEqual({ loose: [1, 2, 3, 4] })
    expect(decode('52 02 01 02 50 03')).toEqual({ tight: [-1n, 1n, -2n] })
    expect(encodeValue(types, old, { loose: [1, 2], tight: [-1n, 1n] }).toString('hex')).toBe('48014802' + '52020102')
  })
  test('an empty packed list is no list', () => {
    expect(decode('52 00')).toEqual({})
  })
  test('the last of a singular scalar wins', () => {
    expect(decode('08 01 08 02')).toEqual({ a: 2 })
    expect(modernDecode('10 05 10 00')).toEqual({})
  })
  test('repeated singular messages are merged', () => {
    expect(modernDecode('2a 06 0a 01 78 12 01 61 2a 03 12 01 62 2a 03 0a 01 79')).toEqual({
      s: { t: 'y', u: ['a', 'b'] },
    })
    expect(decode('1b 0a 01 41 1c 1b 12 02 08 01 1c 1b 12 02 10 00 1c')).toEqual({
      pair: { left: 'A', right: { a: 1, [UNKNOWN]: [hex('10 00')] } },
    })
  })
  test('an Any that comes in two pieces is one', () => {
    const url = Buffer.from('t/vec.Sub')
    const first = Buffer.concat([hex('9a 01 0b 0a 09'), url])
    const second = hex('9a 01 05 12 03 0a 01 78')
    expect(modern.table.codec('proto').decode(m, Buffer.concat([first, second]))).toEqual({
      any: { '@type': 't/vec.Sub', value: { t: 'x' } },
    })
  })
  test('an Any in an Any is a level, however many there are', () => {
    const nested = (levels: number): Buffer => {
      const parts: Buffer[] = []
      let size = 0
      for (let i = 0; i < levels; i++) {
        const length = Buffer.from([
          0x80 | (size & 127),
          0x80 | ((size >> 7) & 127),
          0x80 | ((size >> 14) & 127),
          size >> 21,
        ])
        parts.push(Buffer.concat([hex('0a 13'), Buffer.from('google.protobuf.Any'), hex('12'), length]))
        size += parts.at(-1)!.length
      }
      return Buffer.concat(parts.reverse())
    }
    const any = modern.type('google.protobuf.Any')
    const decodeAny = (levels: number): unknown => modern.table.codec('proto').decode(any, nested(levels))
    expect(decodeAny(101)).toMatchObject({ '@type': 'google.protobuf.Any' })
    for (const levels of [102, 20_000])
      expect(refusal(() => decodeAny(levels)).message).toContain('more than 100 levels')
  })
  test('an Any that comes in many pieces is decoded once', () => {
    const asked: string[] = []
    const codec = new ProtoCodec((name) => {
      asked.push(name)
      return modern.type(name)
    })
    const piece = Buffer.concat([hex('9a 01 10 0a 09'), Buffer.from('t/vec.Sub'), hex('12 03 0a 01 78')])
    expect(codec.decode(m, Buffer.concat(Array.from({ length: 50 }, () => piece)))).toEqual({
      any: { '@type': 't/vec.Sub', value: { t: 'x' } },
    })
    expect(asked).toEqual(['vec.Sub'])
  })
  test('the last member of a oneof wins', () => {
    expect(decode('62 01 41 6a 02 08 01')).toEqual({ child: { a: 1 } })
    expect(decode('6a 02 08 01 62 01 41 6a 00')).toEqual({ child: {} })
    expect(decode('62 01 41 70 09')).toEqual({ text: 'A', [UNKNOWN]: [hex('70 09')] })
  })
  test('a number that a closed enum does not have is an unknown field, open ones keep it', () => {
    expect(decode('28 09')).toEqual({ [UNKNOWN]: [hex('28 09')] })
    expect(decode('28 01 28 09')).toEqual({ shut: 1, [UNKNOWN]: [hex('28 09')] })
    expect(decode('30 01 30 09 30 02')).toEqual({ shuts: [1, 2], [UNKNOWN]: [hex('30 09')] })
    expect(decode('3a 03 01 09 02')).toEqual({ packedShuts: [1, 2], [UNKNOWN]: [hex('38 09')] })
    expect(decode('42 05 0a 01 61 10 09  42 05 0a 01 62 10 02')).toEqual({
      shutMap: new Map([['b', 2]]),
      [UNKNOWN]: [hex('42 05 0a 01 61 10 09')],
    })
    expect(asJson('28 09 42 05 0a 01 61 10 09')).toBe('{}')
    expect(modernDecode('40 63')).toEqual({ c: 99 })
    expect(decode('48 09 50 09', ed)).toEqual({ open: 9, [UNKNOWN]: [hex('50 09')] })
  })
  test('a map entry may lack key or value, in any order, with unknown fields; the last one wins', () => {
    expect(modernDecode('3a 00')).toEqual({ m: new Map([['', '']]) })
    expect(modernDecode('3a 08 12 01 76 0a 01 6b 18 05')).toEqual({ m: new Map([['k', 'v']]) })
    expect(modernDecode('3a 06 0a 01 6b 12 01 61 3a 06 0a 01 6b 12 01 62')).toEqual({ m: new Map([['k', 'b']]) })
    expect(decode('42 03 0a 01 61')).toEqual({ shutMap: new Map([['a', 1]]) })
    expect(decode('b2 01 02 08 03')).toEqual({ olds: new Map([[-2, {}]]) })
    expect(decode('b2 01 06 12 02 08 01 08 01')).toEqual({ olds: new Map([[-1, { a: 1 }]]) })
  })
  test('unknown fields are written again behind the known ones, also by a changed copy', () => {
    const again = (wire: string, change: object = {}): string =>
      encodeValue(types, old, { ...decode(wire), ...change }).toString('hex')
    expect(again('f8 07 05 08 01 f8 07 06')).toBe('0801f80705f80706')
    expect(again('f8 07 05 08 01', { a: 2 })).toBe('0802f80705')
    expect(again('6a 05 f8 07 05 08 01 6a 03 f8 07 06')).toBe('6a080801f80705f80706')
    expect(again('1b f8 07 05 1c')).toBe('1bf807051c')
    expect(again('3a 03 01 09 02')).toBe('3a0201023809')
    const any = Buffer.concat([hex('9a 01 13 f8 07 05 0a 09'), Buffer.from('t/vec.Sub'), hex('12 03 f8 07 06')])
    const kept = modernDecode(any.toString('hex'))
    expect(kept).toEqual({
      any: { '@type': 't/vec.Sub', value: { [UNKNOWN]: [hex('f8 07 06')] }, [UNKNOWN]: [hex('f8 07 05')] },
    })
    expect(modernDecode(encodeValue(modern, m, kept).toString('hex'))).toEqual(kept)
  })
  test('negative int32 as ten bytes, and as five', () => {
    expect(decode('08 ff ff ff ff ff ff ff ff ff 01')).toEqual({ a: -1 })
    expect(decode('08 ff ff ff ff 0f')).toEqual({ a: -1 })
    expect(encodeValue(types, old, { a: -1 }).toString('hex')).toBe('08ffffffffffffffffff01')
  })
  test('any set bit of a bool is true', () => {
    expect(decode('98 01 80 80 80 80 10')).toEqual({ flag: true })
    expect(decode('98 01 80 00')).toEqual({ flag: false })
  })
  test('extensions under their names', () => {
    const wire = hex('a2 06 01 6e a8 06 05 a8 06 06')
    expect(proto.decode(old, wire)).toEqual({ '[old.nick]': 'n', '[old.marks]': [5, 6] })
    const text = transcode(types, old, proto, json, wire).toString()
    expect(text).toBe('{"[old.nick]":"n","[old.marks]":[5,6]}')
    expect(transcode(types, old, json, proto, text).equals(wire)).toBe(true)
    expect(
      transcode(types, old, proto, table.codec('json', { emitDefaults: true }), hex('08 01')).toString(),
    ).not.toContain('[old.')
  })
  test('editions: presence, delimited messages, expanded lists', () => {
    const value = {
      explicit: 0,
      child: { explicit: 5 },
      children: [{}, { text: 'x' }],
      packed: [1, 2],
      expanded: [1, 2],
    }
    const wire = encodeValue(types, ed, { ...value, implicit: 0, text: '' })
    expect(wire.toString('hex')).toBe('0800' + '1b08051c' + '2324' + '236201782' + '4' + '2a020102' + '30013002')
    expect(proto.decode(ed, wire)).toEqual(value)
  })
  test('strings that are not UTF-8: refused where the schema says so, replaced where not', () => {
    expect(refusal(() => decode('3a 02 c3 28', ed))).toMatchObject({ code: 3, reason: 'UTF8_INVALID' })
    expect(refusal(() => modernDecode('0a 01 ff')).message).toBe('the string field "id" holds bytes that are not UTF-8')
    expect(refusal(() => modernDecode('3a 03 0a 01 ff'))).toMatchObject({ reason: 'UTF8_INVALID' })
    expect(decode('42 02 c3 28', ed)).toEqual({ loose: '\ufffd(' })
    expect(modernDecode('0a 03 ef bf bd')).toEqual({ id: '\ufffd' })
  })
  test.each([
    ['a truncated tag', '80'],
    ['a truncated varint', '08 80'],
    ['a varint of eleven bytes', '08 80 80 80 80 80 80 80 80 80 80 01'],
    ['a varint of 65 bits', '08 ff ff ff ff ff ff ff ff ff 02'],
    ['a 64-bit varint of eleven bytes', 'a0 01 80 80 80 80 80 80 80 80 80 80 01'],
    ['an unknown varint of eleven bytes', 'f8 07 80 80 80 80 80 80 80 80 80 80 01'],
    ['a tag of six bytes', '88 80 80 80 80 00 01'],
    ['a tag of 33 bits', '88 80 80 80 10 01'],
    ['the field number 0', '00 01'],
    ['a length beyond the end', '12 05 61'],
    ['a length of 4 GiB', '12 ff ff ff ff 0f'],
    ['a length of more than 32 bits', '12 80 80 80 80 10'],
    ['an unknown length of more than 32 bits', 'fa 07 80 80 80 80 10'],
    ['an inner length beyond its message', '6a 03 12 05 61'],
    ['a varint that runs out of its message', '6a 02 08 80 08 01'],
    ['a packed element that runs out of its list', '52 01 80 08 01'],
    ['a truncated fixed32', '7d 01 02 03'],
    ['a truncated fixed64', '81 01 01 02 03'],
    ['a truncated double', '89 01 01 02 03'],
    ['wire type 6', '0e'],
    ['wire type 7', '0f'],
    ['the end of a group that was not begun', '1c'],
    ['a group that another one ends', '1b 24'],
    ['a group without its end', '1b 0a 01 41'],
    ['an unknown group without its end', 'fb 07 08 01'],
    ['a group that ends in another message', '6a 01 1b 1c'],
  ])('%s is refused', (_, text) => {
    expect(refusal(() => decode(text))).toMatchObject({ code: 3, reason: 'WIRE_INVALID', origin: 'client' })
  })
  test('100 levels and not one more', () => {
    const nest = (levels: number): Buffer => {
      let bytes = Buffer.alloc(0)
      for (let i = 0; i < levels; i++) {
        const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7]
        bytes = Buffer.concat([Buffer.from([0x1a, ...length]), bytes])
      }
      return bytes
    }
    const wire = modern.table.codec('proto')
    expect(() => wire.decode(sub, nest(100))).not.toThrow()
    expect(refusal(() => wire.decode(sub, nest(101))).message).toContain('more than 100 levels')
    const groups = (levels: number): Buffer => Buffer.from([...Array(levels).fill(0x2b), ...Array(levels).fill(0x2c)])
    expect(() => wire.decode(sub, groups(100))).not.toThrow()
    expect(refusal(() => wire.decode(sub, groups(101))).message).toContain('more than 100 levels')
    expect(refusal(() => wire.decode(sub, groups(100_000))).message).toContain('more than 100 levels')
  })
})

describe('value → wire', () => {
  test('fields in the order of their numbers, defaults without presence omitted, minus zero kept', () => {
    expect(
      encodeValue(modern, m, {
        f: -0,
        d: 0,
        n: 0n,
        id: '',
        flag: false,
        y: new Uint8Array(0),
        c: 0,
        b: false,
      }).toString('hex'),
    ).toBe('2000' + 'c501' + '00000080')
    expect(encodeValue(modern, m, { d: 1, id: 'x' }).toString('hex').startsWith('0a0178')).toBe(true)
  })
  test('safe numbers are accepted for 64-bit fields', () => {
    expect(encodeValue(modern, m, { n: 5, wn: { value: 6 } }).toString('hex')).toBe('1005' + 'aa01020806')
  })
  test.each([
    ['a string for an int64', { n: '5' }],
    ['a fraction for an int64', { n: 1.5 }],
    ['an int64 out of range', { n: 2n ** 63n }],
    ['a negative uint64', { u64: -1n }],
    ['an unsafe number', { n: 2 ** 60 }],
    ['an int32 out of range', { oi: 2 ** 31 }],
    ['a number for a string', { id: 1 }],
    ['an object for a map', { m: { k: 'v' } }],
    ['a scalar for a list', { r: 1 }],
    ['null for a message', { s: null }],
    ['a list for a message', { s: [] }],
    ['a name for an enum', { c: 'RED' }],
    ['text for bytes', { y: 'AQ==' }],
    ['an Any without its type', { any: { value: {} } }],
    ['a decoded message of an unknown type', { any: { '@type': 't/no.Such', value: {} } }],
    ['a string', 'x'],
  ])('%s is a fault of ours', (_, value) => {
    const out = new Bytes()
    out.length = 3
    expect(refusal(() => modern.table.codec('proto').encode(m, value, out))).toMatchObject({
      code: 13,
      reason: 'VALUE_INVALID',
      origin: 'gateway',
    })
    expect(out.length).toBe(3)
  })
  test('values in circles end', () => {
    const value: Record<string, unknown> = {}
    value.sub = value
    expect(refusal(() => encodeValue(modern, sub, value)).reason).toBe('VALUE_INVALID')
    const struct: Record<string, unknown> = {}
    struct.fields = new Map([['a', { structValue: struct }]])
    const json = modern.table.codec('json')
    expect(refusal(() => json.encode(m, { st: struct }, new Bytes())).reason).toBe('VALUE_INVALID')
    expect(refusal(() => json.encode(sub, value, new Bytes())).reason).toBe('VALUE_INVALID')
  })
  test('lengths of every size are moved to their place', () => {
    for (const size of [0, 1, 127, 128, 129, 16383, 16384, 16385, 2_097_151, 2_097_152]) {
      const value = { sub: { sub: { t: 'x'.repeat(size) } } }
      const want = size === 0 ? { sub: { sub: {} } } : value
      const wire = encodeValue(modern, sub, value)
      expect(modern.table.codec('proto').decode(sub, wire)).toEqual(want)
    }
  })
  test('strings of every kind', () => {
    for (const text of [
      '',
      'a',
      'é',
      '€'.repeat(42),
      'x'.repeat(42),
      'x'.repeat(43),
      '😀'.repeat(21),
      '€'.repeat(5000),
    ]) {
      const wire = encodeValue(modern, sub, { t: text })
      expect((modern.table.codec('proto').decode(sub, wire) as { t?: string }).t ?? '').toBe(text)
    }
  })
  test('a writer whose ensure forgets what was written past its length', () => {
    let buffer = Buffer.alloc(4)
    const out = {
      get buffer() {
        return buffer
      },
      length: 2,
      ensure(more: number) {
        if (this.length + more <= buffer.length) return
        const grown = Buffer.alloc(this.length + more, 0xee)
        buffer.copy(grown, 0, 0, this.length)
        buffer = grown
      },
    }
    modern.table.codec('proto').encode(sub, { t: 'abc', u: ['d', 'e', 'f'.repeat(300)], sub: { t: 'g' } }, out)
    expect(modern.table.codec('proto').decode(sub, buffer.subarray(2, out.length))).toEqual({
      t: 'abc',
      u: ['d', 'e', 'f'.repeat(300)],
      sub: { t: 'g' },
    })
  })
})

describe('proto2 in JSON', () => {
  test('closed enums: unknown numbers refused; aliases read, the first name written', () => {
    expect(refusal(() => transcode(types, old, json, proto, '{"shut":9}')).reason).toBe('FIELD_INVALID')
    expect(asJson(transcode(types, old, json, proto, '{"shut":"ALSO_TWO","name":""}').toString('hex'))).toBe(
      '{"name":"","shut":"TWO"}',
    )
  })
  test('set defaults are printed, because presence is tracked', () => {
    expect(asJson('08 00 28 01')).toBe('{"a":0,"shut":"ONE"}')
  })
})
