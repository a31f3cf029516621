import type { Pair } from '../model.ts'
import { send } from './bodies.ts'
import type { Random } from './random.ts'
import { sample } from './values.ts'

type Form = readonly [tag: string, body: string]

const post = (feature: string, [tag, body]: Form): Pair => send(feature, tag, 'POST', '/json', body)

const INTEGERS = [
  ['i32', 'i32'],
  ['z32', 'i32'],
  ['g32', 'i32'],
  ['i64', 'i64'],
  ['z64', 'i64'],
  ['u32', 'u32'],
  ['f32', 'u32'],
  ['u64', 'u64'],
] as const
const FLOATS = [
  ['flt', 'float'],
  ['dbl', 'double'],
] as const
const BARE = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

export const numbers = (random: Random): Pair => {
  const [field, kind] = random.chance(0.6) ? random.pick(INTEGERS) : random.pick(FLOATS)
  const [text, tag] = sample(random, kind)
  const integer = kind[0] === 'i' || kind[0] === 'u'
  const quoted = random.chance(0.4)
  const named = quoted
    ? `quoted-${tag === 'ok' ? (integer ? 'integer' : 'float') : tag}`
    : BARE.test(text)
      ? tag
      : `bare-${tag}`
  const form = random.below(20)
  if (form === 0)
    return post('json-numbers', [
      'number-as-other-type',
      `{"${field}":${random.pick(['true', '[1]', '{}', '[]', '""'])}}`,
    ])
  if (form === 1)
    return post('json-numbers', ['long-number', `{"dbl":${random.below(99)}.${'3'.repeat(40 + random.below(300))}}`])
  if (form === 2)
    return post('json-numbers', [
      'integer-big-exponent',
      `{"i32":${random.below(99)}e${random.pick(['999999999', '400', '20'])}}`,
    ])
  if (form === 3)
    return post('json-numbers', [
      'integer-many-zeros',
      `{"i64":${1 + random.below(9)}${'0'.repeat(random.below(12))}.${'0'.repeat(20)}}`,
    ])
  return post('json-numbers', [
    named === 'quoted-integer' || named === 'quoted-float' ? 'quoted-number' : named,
    `{"${field}":${quoted ? JSON.stringify(text) : text}}`,
  ])
}

export const strings = (random: Random): Pair => {
  const word = random.word(6)
  const hex = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`
  const text = (tag: string, inner: string): Form => [tag, `{"s":"${word}${inner}"}`]
  const code = random.below(0x20)
  const forms: readonly Form[] = [
    text('ok', random.pick(['ä', '€', '😀', '日本語', '\u2028', '\u2029', '\u007f', '\ufeff', '</script>'])),
    text('ok', random.pick(['\\n', '\\t', '\\"', '\\\\', '\\/', '\\b', '\\f', '\\r'])),
    text('ok', hex(0x20 + random.below(0xd000))),
    text('escaped-control', hex(code)),
    text('escaped-pair', '\\ud83d\\ude00'),
    text('escaped-pair', '\\uD83D\\uDE00'),
    text('lone-surrogate', random.pick(['\\ud800', '\\udc00', '\\ud83dx', '\\ude00\\ud83d', '\\ud83d\\n'])),
    text('raw-control', random.pick(['\n', '\t', '\u0001', '\u001f', '\u0000'])),
    text('unknown-escape', random.pick(['\\x41', '\\a', '\\0', "\\'", '\\u12', '\\u00g1'])),
    ['key-escape', `{"\\u0073":"${word}"}`],
    ['text-as-other-type', `{"s":${random.pick(['1', 'true', '[]', '{}', '["a"]'])}}`],
    ['ok', `{"os":"${random.pick(['', word])}"}`],
    ['long-text', `{"s":"${word.repeat(2000 + random.below(500))}"}`],
    ['unterminated', `{"s":"${word}`],
  ]
  const pair = post('json-strings-and-escapes', random.pick(forms))
  if (!random.chance(0.12)) {
    if (!random.chance(0.25)) return pair
    const [value, tag] = sample(random, 'bytes')
    return post('json-strings-and-escapes', [tag, `{"y":${JSON.stringify(value)}}`])
  }
  const raw = random.pick([[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf5, 0x80, 0x80, 0x80], [0xc3]])
  const body = Buffer.concat([Buffer.from(`{"s":"${word}`), Buffer.from(raw), Buffer.from('"}')])
  return { ...pair, tag: 'raw-invalid-utf-8', body }
}

export const enums = (random: Random): Pair => {
  const field = random.pick(['c', 'oc', 'rc', 'mc'])
  const wrap = (value: string): string =>
    field === 'rc' ? `[${value}]` : field === 'mc' ? `{"${random.below(99)}":${value}}` : value
  const [text, tag] = sample(random, 'enum')
  const form = random.below(6)
  const body = (value: string): string => `{"s":"${random.word(3)}","${field}":${wrap(value)}}`
  if (form === 0) return post('json-enums', ['enum-as-other-type', body(random.pick(['true', '{}', '[]']))])
  if (form === 1 && (field === 'c' || field === 'oc')) return post('json-enums', ['enum-null', body('null')])
  if (form === 2)
    return post('json-enums', ['enum-padded-name', body(random.pick(['" RED"', '"RED "', '"differences.v1.RED"']))])
  const numeric = /^-?[\d.e]+$/.test(text)
  if (numeric && random.chance(0.5)) return post('json-enums', [`quoted-${tag}`, body(JSON.stringify(text))])
  return post('json-enums', [tag, body(numeric ? text : JSON.stringify(text))])
}

const WELL_KNOWN = [
  ['ts', 'timestamp'],
  ['ts', 'timestamp'],
  ['ts', 'timestamp'],
  ['du', 'duration'],
  ['du', 'duration'],
  ['fm', 'mask'],
  ['wb', 'bool'],
  ['wi', 'i32'],
  ['wl', 'i64'],
  ['wu', 'u64'],
  ['wf', 'float'],
  ['wd', 'double'],
  ['ws', 'string'],
  ['wy', 'bytes'],
] as const

export const wellKnown = (random: Random): Pair => {
  const feature = 'json-well-known-types'
  const word = random.word(4)
  const number = random.below(99_999)
  const forms: readonly Form[] = [
    ['struct', `{"st":{"a":"${word}","b":[1,2.5,null,true,{"c":{}}],"":${number}}}`],
    ['struct', `{"st":{"${word}":-${number}e-3}}`],
    ['struct-as-other-type', `{"st":${random.pick(['[]', '"x"', '1'])}}`],
    ['struct-repeated-key', `{"st":{"${word}":1,"${word}":2}}`],
    [
      'value',
      `{"va":${random.pick(['null', `"${word}"`, String(number), 'false', '[]', '{}', `[null,[${number}]]`])}}`,
    ],
    ['value-huge-number', `{"va":${number + 1}e999}`],
    ['value-integer-above-2-53', `{"va":9007199254740993${number}}`],
    ['list-value', `{"lv":[1,"${word}",null,[${number}]]}`],
    ['list-value-as-other-type', `{"lv":{"a":${number}}}`],
    ['empty', `{"em":{},"s":"${word}"}`],
    ['empty-with-member', `{"em":{"x":"${word}"}}`],
    ['null-value', `{"nv":${random.pick(['null', '"NULL_VALUE"', '0'])},"s":"${word}"}`],
    ['null-value-in-oneof', `{"pick_null":${random.pick(['null', '"NULL_VALUE"'])},"s":"${word}"}`],
    ['wrapper-null', `{"${random.pick(['wi', 'ws', 'wb', 'wy', 'ts', 'du', 'fm'])}":null,"s":"${word}"}`],
    ['wrapper-as-object', `{"wi":{"value":${number}}}`],
    ['timestamp-as-object', `{"ts":{"seconds":${number}}}`],
    ['values-with-null', `{"rva":[null,1,"${word}"]}`],
    ['list-with-null', `{"${random.pick(['rwi', 'rts'])}":[null],"s":"${word}"}`],
    ['deep-value', `{"va":${'['.repeat(40)}${number}${']'.repeat(40)}}`],
    ['deep-value-past-limit', `{"va":${'['.repeat(110)}${number}${']'.repeat(110)}}`],
  ]
  if (random.chance(0.3)) return post(feature, random.pick(forms))
  const [field, kind] = random.pick(WELL_KNOWN)
  const [text, tag] = sample(random, kind)
  const bare = BARE.test(text) && (field === 'wi' || field === 'wf' || field === 'wd') && random.chance(0.5)
  const literal = kind === 'bool' && (text === 'true' || text === 'false') && random.chance(0.7)
  const quoted = !bare && !literal
  const named =
    kind === 'bool' && quoted && tag === 'ok'
      ? 'bool-quoted'
      : quoted && field[0] === 'w' && tag.includes('number')
        ? `quoted-${tag}`
        : tag
  return post(feature, [named, `{"${field}":${quoted ? JSON.stringify(text) : text}}`])
}

const PREFIX = 'type.googleapis.com/'

export const any = (random: Random): Pair => {
  const word = random.word(4)
  const number = random.below(99_999)
  const leaf = `"@type":"${PREFIX}differences.v1.Leaf"`
  const wkt = (type: string): string => `"@type":"${PREFIX}google.protobuf.${type}"`
  const forms: readonly Form[] = [
    ['ok', `{${leaf},"s":"${word}"}`],
    ['ok', `{${leaf},"s":"${word}","inner":{"i":${number}}}`],
    ['type-last', `{"s":"${word}",${leaf}}`],
    ['type-last', `{"i":${number},${leaf},"c":"RED"}`],
    ['well-known-inside', `{${wkt('Timestamp')},"value":"2024-02-29T12:00:${10 + random.below(49)}Z"}`],
    ['well-known-inside', `{${wkt('Duration')},"value":"${number}s"}`],
    ['well-known-inside', `{${wkt('Int32Value')},"value":${number}}`],
    ['struct-inside', `{${wkt('Struct')},"value":{"a":"${word}"}}`],
    ['value-inside', `{${wkt('Value')},"value":${random.pick(['null', `"${word}"`, String(number)])}}`],
    ['well-known-type-last', `{"value":"${number}s",${wkt('Duration')}}`],
    ['any-inside', `{${wkt('Any')},"value":{${leaf},"s":"${word}"}}`],
    ['empty-inside', `{${wkt('Empty')},"value":{}}`],
    ['empty-inside-without-value', `{${wkt('Empty')}}`],
    ['well-known-without-value', `{${wkt(random.pick(['Duration', 'Timestamp', 'Int32Value']))}}`],
    ['well-known-with-other-member', `{${wkt('Duration')},"value":"1s","x":"${word}"}`],
    ['type-alone', `{${leaf}}`],
    ['empty-any', '{}'],
    ['without-type', `{"s":"${word}"}`],
    ['empty-type', `{"@type":"","s":"${word}"}`],
    ['unknown-type', `{"@type":"${PREFIX}no.such.${word}","s":"x"}`],
    ['other-host', `{"@type":"${word}.example/differences.v1.Leaf","s":"x"}`],
    ['without-slash', `{"@type":"differences.v1.Leaf","s":"${word}"}`],
    ['type-of-other-type', `{"@type":${number},"s":"x"}`],
    ['type-repeated', `{${leaf},${leaf},"s":"${word}"}`],
    ['unknown-member', `{${leaf},"zz":"${word}"}`],
    ['wire-form', `{"typeUrl":"${PREFIX}differences.v1.Leaf","value":"CgFh${word.length % 2 === 0 ? '' : 'EAE='}"}`],
  ]
  const [tag, body] = random.pick(forms)
  return post('json-any', [tag, `{"any":${body}${random.chance(0.3) ? `,"os":"${word}"` : ''}}`])
}

export const structure = (random: Random): Pair => {
  const feature = 'json-maps-oneofs-nulls-duplicates'
  const word = random.word(4)
  const number = random.below(99_999)
  const depth = 20 + random.below(60)
  const nest = (levels: number): string => `${'{"child":'.repeat(levels)}{"s":"${word}"}${'}'.repeat(levels)}`
  const forms: readonly Form[] = [
    ['ok', `{"ms":{"${word}":"x","b":"y"}}`],
    ['ok', `{"mi":{"${number}":"x","-1":"y"}}`],
    ['ok', `{"mb":{"true":"${word}","false":"y"}}`],
    ['ok', `{"mn":{"${word}":{"i":${number}}}}`],
    ['ok', `{"mc":{"18446744073709551615":"RED","${number}":"BLUE"}}`],
    ['map-key-form', `{"mi":{"${random.pick(['01', '+1', '1.0', '1e2', ' 1', '0x1', ''])}":"${word}"}}`],
    ['map-key-word', `{"mi":{"${word}x":"x"}}`],
    ['map-key-overflow', `{"mi":{"99999${number + 10000}9":"x"}}`],
    ['map-bool-key-form', `{"mb":{"${random.pick(['True', '1', 't', ''])}":"${word}"}}`],
    ['map-repeated-key', `{"ms":{"${word}":"x","${word}":"y"}}`],
    ['map-repeated-key', `{"mi":{"${number}":"x","${number}":"y"}}`],
    ['map-null-value', `{"ms":{"${word}":null}}`],
    ['map-null-value', `{"mn":{"${word}":null}}`],
    ['map-unknown-enum', `{"mc":{"${number}":"PINK"}}`],
    ['map-as-other-type', `{"ms":${random.pick(['[]', '"x"', '[{"key":"a","value":"b"}]'])},"s":"${word}"}`],
    ['list-as-other-type', `{"rs":${random.pick(['{}', '"x"', '1'])},"s":"${word}"}`],
    ['list-null-element', `{"rs":["${word}",null]}`],
    ['list-null-element', `{"rn":[null,{"s":"${word}"}]}`],
    ['list-nested', `{"ri":[[${number}]]}`],
    ['null-field', `{"${random.pick(['s', 'i32', 'b', 'n', 'rs', 'ms', 'oi', 'c', 'y', 'ts'])}":null,"os":"${word}"}`],
    ['ok', `{"pickS":"${word}"}`],
    ['ok', `{"pick_n":{"s":"${word}"}}`],
    ['two-of-oneof', `{"pickS":"${word}","pickI":${number}}`],
    ['oneof-null-beside', `{"pickS":null,"pickI":${number}}`],
    ['oneof-null-behind', `{"pickI":${number},"pickS":null}`],
    ['repeated-member', `{"s":"${word}","s":"x"}`],
    ['repeated-member', `{"n":{"s":"${word}"},"n":{"i":1}}`],
    ['repeated-member', `{"rs":["${word}"],"rs":["x"]}`],
    ['repeated-by-both-names', `{"snake_case_name":"${word}","snakeCaseName":"x"}`],
    ['repeated-with-null', `{"s":"${word}","s":null}`],
    ['repeated-with-null', `{"s":null,"s":"${word}"}`],
    ['proto-name', `{"snake_case_name":"${word}"}`],
    ['ok', `{"snakeCaseName":"${word}"}`],
    ['given-json-name', `{"other":"${word}"}`],
    ['proto-name', `{"renamed":"${word}"}`],
    ['other-case', `{"S":"${word}"}`],
    ['field-number', `{"1":"${word}"}`],
    ['bool-as-other-type', `{"b":${random.pick(['1', '0', '"yes"', '[]'])},"os":"${word}"}`],
    ['bool-quoted', `{"b":"${random.pick(['true', 'false'])}","os":"${word}"}`],
    ['deep', nest(depth)],
    ['deep-past-limit', nest(105 + random.below(60))],
    ['deep-unknown', `{"zz":${'['.repeat(depth)}${']'.repeat(depth)}}`],
    ['many-brackets', `{"va":${'['.repeat(5000 + number)}`],
    ['prototype-name', `{"ms":{"__proto__":"${word}","constructor":"x"}}`],
    ['unknown-prototype-name', `{"${random.pick(['__proto__', 'constructor', 'toString'])}":{"x":"${word}"}}`],
    ['explicit-default', `{"oi":0,"os":"","ob":false,"s":"${word}"}`],
    ['implicit-default', `{"i32":0,"s":"","b":false,"os":"${word}"}`],
  ]
  return post(feature, random.pick(forms))
}
