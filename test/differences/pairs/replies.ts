import { type FileRegistry, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import type { Pair } from '../model.ts'
import type { Answer } from '../peers/backend.ts'
import { send } from './bodies.ts'
import { get } from './paths.ts'
import type { Random } from './random.ts'

/** Wire bytes of a message that is given as JSON. */
export type Encode = (type: string, json: JsonValue) => Uint8Array

export const encoder =
  (registry: FileRegistry): Encode =>
  (type, json) => {
    const desc = registry.getMessage(type)
    if (desc === undefined) throw new Error(`no message ${type}`)
    return toBinary(desc, fromJson(desc, json, { registry }))
  }

const ALL = 'differences.v1.All'
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Answers whose wire form is no echo of JSON: what a backend may send and a gateway has to print. */
export const printed = (random: Random, encode: Encode): Pair => {
  const feature = 'json-printing'
  const number = random.below(99_999)
  const word = random.word(5)
  const answers: readonly (readonly [tag: string, () => Uint8Array])[] = [
    [
      'ok',
      () => encode(ALL, { s: word, i64: String(number), dbl: number / 64, rs: ['a', word], ms: { b: '1', a: word } }),
    ],
    ['ok', () => encode(ALL, { u64: '18446744073709551615', f32: number, oi: 0, ob: false, os: '' })],
    ['ok', () => encode(ALL, { y: Buffer.from(word).toString('base64'), c: 'RED', rc: ['GREEN', 'BLUE'] })],
    ['ok', () => encode(ALL, { dbl: [1e21, 1e-7, 5e-324, 123456789012345680000, -1.5, 0.1][number % 6]!, s: word })],
    [
      'float',
      () => encode(ALL, { flt: [0.1, 16777216, 3.4028234663852886e38, 1e-45, 1.5, 1e10][number % 6]!, s: word }),
    ],
    ['not-finite', () => encode(ALL, { dbl: random.pick(['NaN', 'Infinity', '-Infinity']), flt: 'NaN', s: word })],
    ['minus-zero', () => Buffer.concat([hex('61 0000000000000080'.replace('61', '69')), encode(ALL, { os: word })])],
    ['unknown-enum', () => Buffer.concat([hex('80 01 63'), encode(ALL, { os: word })])],
    ['alias-order', () => encode(ALL, { c: 'BELOW', os: word })],
    [
      'timestamp',
      () =>
        encode(ALL, {
          ts: random.pick([
            '0001-01-01T00:00:00Z',
            '2024-02-29T12:00:00.1Z',
            '9999-12-31T23:59:59.999999999Z',
            '1969-12-31T23:59:59.9Z',
            '2024-02-29T12:00:00.000001Z',
          ]),
          s: word,
        }),
    ],
    // field 61, length-delimited: seconds 253402300800 (year 10000)
    [
      'timestamp-out-of-range',
      () =>
        Buffer.concat([
          hex('ea 03 07 08 80 c8 ff 90 b0 07'.replace('80 c8 ff 90 b0 07', '80 dc ce e4 b0 07'.slice(0, 17))),
          encode(ALL, { os: word }),
        ]),
    ],
    [
      'timestamp-nanos-out-of-range',
      () => Buffer.concat([hex('ea 03 06 10 80 94 eb dc 03'), encode(ALL, { os: word })]),
    ],
    [
      'duration',
      () => encode(ALL, { du: random.pick(['-0.5s', '1.000000001s', '315576000000s', '3.1s', '0s']), s: word }),
    ],
    // field 62: seconds 1, nanos -1
    [
      'duration-mixed-signs',
      () => Buffer.concat([hex('f2 03 0d 08 01 10 ff ff ff ff ff ff ff ff ff 01'), encode(ALL, { os: word })]),
    ],
    ['mask', () => encode(ALL, { fm: 's,n.twoWords', os: word })],
    // field 63: the path "fooBar", which has no lowerCamelCase form that comes back
    ['mask-not-reversible', () => Buffer.concat([hex('fa 03 08 0a 06 66 6f 6f 42 61 72'), encode(ALL, { os: word })])],
    ['wrapper-default', () => encode(ALL, { wi: 0, ws: '', wb: false, wl: '0', os: word })],
    ['struct', () => encode(ALL, { st: { a: [1, null, { b: word }], c: number / 8 }, va: null, lv: [] })],
    // field 65: a Value without a kind
    ['value-without-kind', () => Buffer.concat([hex('8a 04 00'), encode(ALL, { os: word })])],
    // field 65: number_value NaN
    ['value-not-finite', () => Buffer.concat([hex('8a 04 09 11 00 00 00 00 00 00 f8 7f'), encode(ALL, { os: word })])],
    ['any', () => encode(ALL, { any: { '@type': 'type.googleapis.com/differences.v1.Leaf', s: word } })],
    [
      'any-well-known',
      () => encode(ALL, { any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: `${number}s` } }),
    ],
    // field 67: type_url "x/no.such", no value
    [
      'any-unknown-type',
      () => Buffer.concat([hex('9a 04 0b 0a 09 78 2f 6e 6f 2e 73 75 63 68'), encode(ALL, { os: word })]),
    ],
    ['any-empty', () => Buffer.concat([hex('9a 04 00'), encode(ALL, { os: word })])],
    // field 1: a string that is not UTF-8
    ['invalid-utf-8', () => Buffer.concat([hex('0a 02 c3 28'), encode(ALL, { os: word })])],
    ['unknown-field', () => Buffer.concat([hex('ba 3e 03 61 62 63'), encode(ALL, { os: word })])],
    ['repeated-singular', () => Buffer.concat([hex('10 01 10 02'), encode(ALL, { os: word })])],
    ['merged-message', () => Buffer.concat([encode(ALL, { n: { s: word } }), encode(ALL, { n: { i: number } })])],
    ['unpacked-list', () => Buffer.concat([hex('80 02 01 80 02 02'), encode(ALL, { os: word })])],
    ['oneof-twice', () => Buffer.concat([encode(ALL, { pickS: word }), encode(ALL, { pickI: number })])],
    [
      'broken-wire',
      () => Buffer.concat([encode(ALL, { os: word }), hex(random.pick(['0a 05 61', '08', 'ff', '0f', '00 01']))]),
    ],
    ['map-entry-without-value', () => Buffer.concat([hex('ca 02 03 0a 01 6b'), encode(ALL, { os: word })])],
    ['empty-message', () => encode(ALL, { n: {}, em: {}, s: word })],
    [
      'escapes',
      () =>
        encode(ALL, {
          s: `${word}${random.pick(['<', '>', '&', '"', '\\', '\u2028', '\u0001', '/', '\u007f', '😀'])}`,
        }),
    ],
  ]
  const [tag, make] = random.pick(answers)
  return { ...get(feature, tag, '/json'), answer: { messages: [make()] } }
}

export const responseBody = (random: Random, encode: Encode): Pair => {
  const feature = 'response-body'
  const word = random.word(5)
  const number = random.below(99_999)
  const rpc = (name: string): string => `/differences.v1.ResponseBodies/${name[0]!.toUpperCase()}${name.slice(1)}`
  const forms: readonly (readonly [tag: string, path: string, json: JsonValue])[] = [
    ['ok', 'message', { n: { s: word, i: number } }],
    ['ok', 'message', { s: 'left out', n: { list: [word] } }],
    ['empty-message', 'message', { s: word, n: {} }],
    ['absent-message', 'message', { s: word }],
    ['scalar', 'text', { s: word }],
    ['absent-scalar', 'text', { os: word }],
    ['scalar', 'long', { i64: `${number}000000000000` }],
    ['absent-scalar', 'long', { os: word }],
    ['list', 'list', { rs: [word, 'b'] }],
    ['absent-list', 'list', { os: word }],
    ['list', 'leaves', { rn: [{ s: word }, {}] }],
    ['absent-list', 'leaves', { os: word }],
    ['map', 'map', { ms: { k: word } }],
    ['absent-map', 'map', { os: word }],
    ['well-known', 'time', { ts: '2024-02-29T12:00:00Z', s: word }],
    ['absent-message', 'time', { os: word }],
    ['enum', 'enum', { c: random.pick(['RED', 'BLUE']), os: word }],
    ['absent-enum', 'enum', { os: word }],
  ]
  if (random.chance(0.15))
    return { ...send(feature, 'ok', 'POST', '/rb/both', `{"n":{"s":"${word}"}}`), rpc: rpc('Both') }
  if (random.chance(0.1))
    return { ...get(feature, 'error', '/rb/message'), rpc: rpc('Message'), answer: { code: 5, message: word } }
  const [tag, path, json] = random.pick(forms)
  return { ...get(feature, tag, `/rb/${path}`), rpc: rpc(path), answer: { messages: [encode(ALL, json)] } }
}

const TYPE_URL = 'type.googleapis.com/'

export const errors = (random: Random, encode: Encode): Pair => {
  const feature = 'errors-and-status'
  const word = random.word(5)
  const code = random.below(17)
  const target = `/err/${word}`
  const status = (json: JsonValue): Uint8Array => encode('google.rpc.Status', json)
  const failure = (tag: string, answer: Answer): Pair =>
    random.chance(0.7)
      ? { ...get(feature, tag, target), answer }
      : { ...send(feature, tag, 'POST', '/err', `{"s":"${word}"}`), answer }
  const info = { '@type': `${TYPE_URL}google.rpc.ErrorInfo`, reason: 'WHY', domain: word }
  const bad = { '@type': `${TYPE_URL}google.rpc.BadRequest`, fieldViolations: [{ field: 'a', description: word }] }
  const failing = code === 0 ? 5 : code
  const only = random.chance(0.5)
  const forms: readonly (() => Pair)[] = [
    () => failure(`code-${failing}`, { code: failing, message: word, trailersOnly: only }),
    () => failure(`code-${failing}`, { code: failing, message: word, trailersOnly: only }),
    () => failure(`code-${failing}`, { code: failing, message: word, trailersOnly: only }),
    () => ({
      ...get(feature, 'code-9-conditional', target),
      headers: [[random.pick(['If-Match', 'If-None-Match']), `"${word}"`]],
      answer: { code: 9, message: word },
    }),
    () => failure('code-unknown', { code: random.pick([17, 42, 99, 123]), message: word, trailersOnly: only }),
    () => failure('without-message', { code: failing, trailersOnly: only }),
    () => failure('encoded-message', { code: 5, message: `${word}%20%E2%82%AC%C3%A4%25`, trailersOnly: only }),
    () => failure('badly-encoded-message', { code: 5, message: `${word}%ZZ%`, trailersOnly: only }),
    () =>
      failure('details', {
        code: failing,
        message: word,
        details: status({ code: failing, message: word, details: [info] }),
        trailersOnly: only,
      }),
    () =>
      failure('details', {
        code: 3,
        message: word,
        details: status({ code: 3, message: word, details: [bad, info] }),
        trailersOnly: only,
      }),
    () =>
      failure('details-of-other-code', {
        code: 5,
        message: word,
        details: status({ code: 7, message: word, details: [info] }),
        trailersOnly: only,
      }),
    () =>
      failure('details-of-other-message', {
        code: 5,
        message: word,
        details: status({ code: 5, message: 'another', details: [] }),
        trailersOnly: only,
      }),
    () =>
      failure('details-of-unknown-type', {
        code: 5,
        message: word,
        details: Buffer.concat([
          status({ code: 5, message: word }),
          hex('1a 0e 0a 09 78 2f 6e 6f 2e 73 75 63 68 12 01 61'),
        ]),
        trailersOnly: only,
      }),
    () => failure('details-broken', { code: 5, message: word, details: hex('0a ff'), trailersOnly: only }),
    () => failure('message-then-failure', { code: failing, message: word, messages: [encode(ALL, { s: word })] }),
    () => ({ ...get(feature, 'no-message', target), answer: { messages: [] } }),
    () => ({
      ...get(feature, 'two-messages', target),
      answer: { messages: [encode(ALL, { s: word }), encode(ALL, { s: 'b' })] },
    }),
    () => get(feature, 'not-found', `/nothing/${word}`),
  ]
  return random.pick(forms)()
}

export const streams = (random: Random, encode: Encode): Pair => {
  const feature = 'server-streams'
  const word = random.word(4)
  const count = random.below(5)
  const messages = Array.from({ length: count }, (_, index) =>
    encode(ALL, { s: `${word}${index}`, i32: index, n: { s: word, i: 1 } }),
  )
  const accept = random.pick([
    undefined,
    undefined,
    '*/*',
    'application/json',
    'application/x-ndjson',
    'text/event-stream',
    'text/html',
  ])
  const failing = random.chance(0.35)
  const base: Pair = random.chance(0.7)
    ? random.chance(0.25)
      ? { ...get(feature, '', `/st/field/${word}`), rpc: '/differences.v1.Streams/Field' }
      : get(feature, '', `/st/${word}`)
    : send(feature, '', 'POST', '/st', `{"s":"${word}"}`)
  const form = accept === undefined || accept === '*/*' ? 'any' : accept.slice(accept.indexOf('/') + 1)
  const end = failing ? (count === 0 ? 'failure-at-once' : 'failure-later') : count === 0 ? 'no-messages' : 'ok'
  return {
    ...base,
    tag: `${form}:${end}`,
    headers: accept === undefined ? base.headers : [...base.headers, ['Accept', accept]],
    answer: failing ? { messages, code: random.pick([5, 8, 13]), message: word } : { messages },
  }
}

const HTTP_BODY = 'google.api.HttpBody'
const TYPES = [
  'text/plain',
  'image/png',
  'application/octet-stream',
  'text/html; charset=utf-8',
  'application/json',
  'application/pdf',
]

export const httpBody = (random: Random, encode: Encode): Pair => {
  const feature = 'httpbody'
  const word = random.word(6)
  const type = random.pick(TYPES)
  const data = Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)))
  const body = (bytes: Buffer, contentType?: string): Uint8Array =>
    encode(HTTP_BODY, { data: bytes.toString('base64'), ...(contentType === undefined ? {} : { contentType }) })
  const upload = (tag: string, target: string, bytes: Buffer, contentType?: string): Pair => ({
    feature,
    tag,
    method: 'POST',
    target,
    headers: contentType === undefined ? [] : [['Content-Type', contentType]],
    body: bytes,
  })
  const answered = (tag: string, target: string, answer: Answer): Pair => ({ ...get(feature, tag, target), answer })
  const file = (): Uint8Array =>
    encode('differences.v1.Upload', { name: word, file: { data: data.toString('base64'), contentType: type } })
  const forms: readonly (() => Pair)[] = [
    () => upload('upload', '/hb/whole', data, type),
    () => upload('upload-json-text', '/hb/whole', Buffer.from(`{"data":"${word}"}`), 'application/json'),
    () => upload('upload-without-type', '/hb/whole', Buffer.concat([data, Buffer.from(word)])),
    () => upload('upload-empty', '/hb/whole', Buffer.alloc(0), type),
    () => upload('upload-in-field', `/hb/inside/${word}`, data, type),
    () => upload('upload-in-field', `/hb/inside/${word}?part=${random.below(99)}`, data, type),
    () => answered('download', `/hb/download/${word}`, { messages: [body(data, type)] }),
    () => answered('download-without-type', `/hb/download/${word}`, { messages: [body(Buffer.from(word))] }),
    () => answered('download-empty', `/hb/download/${word}`, { messages: [body(Buffer.alloc(0), type)] }),
    () =>
      answered('download-odd-type', `/hb/download/${word}`, {
        messages: [body(data, random.pick(['not a type', 'text/plain\r\nx-evil: 1', 'täxt/plain']))],
      }),
    () => answered('download-error', `/hb/download/${word}`, { code: 5, message: word }),
    () => answered('download-part', `/hb/part/${word}`, { messages: [file()] }),
    () =>
      answered('download-chunks', `/hb/chunks/${word}`, {
        messages: [body(data, type), body(Buffer.from(word)), body(Buffer.from([10, 0, 255]))],
      }),
    () => answered('download-no-chunks', `/hb/chunks/${word}`, { messages: [] }),
    () =>
      answered('download-chunks-then-failure', `/hb/chunks/${word}`, {
        messages: [body(Buffer.from(word), type)],
        code: 13,
        message: word,
      }),
    () => answered('download-failure-at-once', `/hb/chunks/${word}`, { messages: [], code: 5, message: word }),
  ]
  return random.pick(forms)()
}
