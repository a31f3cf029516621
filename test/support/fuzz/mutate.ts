import type { Choices } from './choices.ts'
import { varint } from './wire.ts'

/** JSON texts and wire bytes, damaged. What comes out may still be right, or right and something else. */

/** The tokens of a JSON text in Latin-1, white space between them included: bytes stay what they are. */
export type Tokens = readonly string[]
export const tokensOf = (json: Buffer): Tokens =>
  json.toString('latin1').match(/"(?:[^"\\]|\\.)*"|[-+.\w]+|[\s\S]/g) ?? []
const bytesOf = (tokens: Tokens): Buffer => Buffer.from(tokens.join(''), 'latin1')

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')
/** Texts that stand where a value may, or is expected. */
const VALUES = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '""',
  '{}',
  '[]',
  '1',
  '-1',
  '"1"',
  '1.0',
  '1.5',
  '1e2',
  '1e400',
  '1e-400',
  '01',
  '+1',
  '.5',
  '1.',
  '-',
  '0x10',
  'NaN',
  'Infinity',
  '"NaN"',
  '"-Infinity"',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '"9007199254740993"',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '18446744073709551615',
  '18446744073709551616',
  '1e19',
  '0.1e1',
  '100e-2',
  '3.4028235e38',
  '3.5e38',
  '1e-46',
  '"1970-01-01T00:00:00Z"',
  '"2024-02-30T00:00:00Z"',
  '"2016-12-31T23:59:60Z"',
  '"0001-01-01T00:00:00Z"',
  '"9999-12-31T23:59:59.999999999Z"',
  '"10000-01-01T00:00:00Z"',
  '"1970-01-01t00:00:00z"',
  '"2024-01-01T00:00:00+24:00"',
  '"1.5s"',
  '"-0.5s"',
  '"315576000001s"',
  '"1.0000000001s"',
  '"a,b.cD"',
  '"a_b"',
  '"QUI="',
  '"QUI"',
  '"Q-_-"',
  '"Q+/+"',
  '"QQ=="',
  '"Q"',
  '"QR=="',
  '"E0_V0"',
  '"E0_ALIAS"',
  '"\\ud800"',
  '"\\udc00"',
  '"\\ud83d\\ude00"',
  '"\\u0000"',
  '"\\u00e9"',
  '"\\x"',
  '"\\u12g4"',
  '"tab\there"',
  latin1('"é€😀"'),
  '"\xff"',
  '"\xed\xa0\x80"',
  '"\xc0\x80"',
  '{"@type":"type.googleapis.com/fz.M0"}',
  '{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}',
  '{"value":"1s","@type":"type.googleapis.com/google.protobuf.Duration"}',
  '{"@type":"x/no.Such"}',
  '{"@type":1}',
  '[null]',
  '[1,"a"]',
  '{"a":null}',
  '{"1":1}',
  '{"__proto__":1}',
]
const PUNCTUATION = ['{', '}', '[', ']', ',', ':', '"', ' ', '\n', '//x', '\ufeff', '\u0000', '\u000b']
const isString = (token: string): boolean => token[0] === '"'
const isValue = (token: string): boolean => isString(token) || /^[-+.\w]/.test(token)

/** The text with one to three things done to it. */
export const mutateJson = (json: Buffer, tokens: Tokens, choices: Choices): Buffer => {
  let bytes = json
  let known: Tokens | undefined = tokens
  for (let edits = 1 + (choices.oneIn(2) ? choices.below(3) : 0); edits > 0; edits--) {
    if (choices.oneIn(3)) {
      bytes = mutateBytes(bytes, choices)
      known = undefined
    } else {
      const changed: Tokens = editTokens(known ?? tokensOf(bytes), choices)
      known = changed
      bytes = bytesOf(changed)
    }
  }
  return bytes
}

const editTokens = (tokens: Tokens, choices: Choices): string[] => {
  const out = [...tokens]
  if (out.length === 0) return [choices.pick(VALUES)]
  const at = choices.below(out.length)
  // Every other token is punctuation, so the next value is sought from here.
  const value = out.findIndex((token, i) => i >= at && isValue(token))
  const where = value === -1 ? at : value
  switch (choices.below(16)) {
    case 0:
    case 1:
    case 2:
      out[where] = choices.pick(VALUES)
      return out
    case 3:
    case 12:
    case 13:
      out[where] = editText(out[where]!, choices)
      return out
    case 4:
      return [...out.slice(0, at), ...out.slice(at + 1 + choices.below(4))]
    case 5:
      out.splice(at, 0, ...out.slice(at, at + 1 + choices.below(6)))
      return out
    case 6: {
      const other = choices.below(out.length)
      const moved = out[at]!
      out[at] = out[other]!
      out[other] = moved
      return out
    }
    case 7:
      out[where] = `0${out[where]}`
      return out
    case 8:
      out[where] = out[where]!.startsWith('"') ? out[where]!.slice(1, -1) : `"${out[where]}"`
      return out
    case 9:
    case 14:
      return doubled(out, choices)
    case 10: {
      const depth = choices.pick([1, 2, 97, 98, 99, 100, 101])
      const [open, close] = choices.pick([
        ['[', ']'],
        ['{"a":', '}'],
        ['{"value":', '}'],
      ])
      out[where] = open.repeat(depth) + out[where] + close.repeat(depth)
      return out
    }
    case 11:
      out.splice(at, 0, choices.pick(PUNCTUATION))
      return out
    case 15:
      out[where] = `${out[where]}${choices.pick(['', ' ', '\t', '0', 'e5', '.0', ','])}`
      return out
    default:
      out.splice(1, 0, `${choices.pick(['"zz"', '"@type"', '"__proto__"', '"a"'])}:${choices.pick(VALUES)},`)
      return out
  }
}

/** A member given twice, or a second time under another spelling of its name, with its value, `null` or another one. */
const doubled = (tokens: string[], choices: Choices): string[] => {
  const colons = tokens.flatMap((token, i) => (token === ':' && isString(tokens[i - 1] ?? '') ? [i] : []))
  if (colons.length === 0) return tokens
  const colon = choices.pick(colons)
  const name = tokens[colon - 1]!
  const escaped = choices.oneIn(4) && name.length > 2 && name.charCodeAt(1) < 0x80 && name[1] !== '\\'
  const spelled = escaped ? `"\\u00${name.charCodeAt(1).toString(16)}${name.slice(2)}` : name
  const value = choices.oneIn(4) ? choices.pick(VALUES) : tokens.slice(colon + 1, valueEnd(tokens, colon + 1)).join('')
  tokens.splice(colon - 1, 0, `${spelled}:${value},`)
  return tokens
}
/** Where the value that starts at `start` ends. */
const valueEnd = (tokens: Tokens, start: number): number => {
  let depth = 0
  for (let i = start; i < tokens.length; i++) {
    const token = tokens[i]!
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    if (depth < 0) return i
    if (depth === 0 && /\S/.test(token)) return i + 1
  }
  return tokens.length
}

/** A string or number with a character less, more or different. */
const editText = (token: string, choices: Choices): string => {
  const string = isString(token)
  // Between the quotes, mostly.
  const at = string ? 1 + choices.below(Math.max(1, token.length - 1)) : choices.below(token.length + 1)
  const piece = choices.pick(string ? choices.pick(IN_STRINGS) : IN_NUMBERS)
  const cut = choices.pick([0, 0, 1, 2])
  return token.slice(0, at) + piece + token.slice(at + cut)
}
const IN_NUMBERS = ['0', '9', '-', '.', 'e', '+', '.0', 'e1', ' ', '00']
/** Pieces of one kind each, so that every kind is as likely. */
const IN_STRINGS: readonly (readonly string[])[] = [
  ['0', '9', '-', '.', 'e', '=', '_', '+', 'Z', 'A', ' ', '"', '\\'],
  ['\\ud800', '\\udc00', '\\udfff', '\\ud83d\\u0041', '\\ud83d\\ude00'],
  ['\\u0041', '\\/', '\\n', '\\x', '\\u12', '\\u0000', '\\u00E9'],
  ['\x00', '\x1f', '\x7f', '\x09'],
  ['\xc0\x80', '\xc1\xbf', '\xe0\x80\x80', '\xf0\x80\x80\x80', '\xf4\x90\x80\x80', '\xf5\x80\x80\x80'],
  ['\xed\xa0\x80', '\xed\xbf\xbf', '\xc3', '\xff', '\x80', '\xe2\x82'],
  ['\xc3\xa9', '\xef\xbf\xbf', '\xf0\x9f\x98\x80', '\xef\xbb\xbf'],
]

const mutateBytes = (bytes: Buffer, choices: Choices): Buffer => {
  if (bytes.length === 0) return Buffer.from([choices.below(256)])
  const at = choices.below(bytes.length)
  const size = 1 + choices.below(choices.pick([1, 4, 30]))
  switch (choices.below(6)) {
    case 0: {
      const out = Buffer.from(bytes)
      out[at]! ^= 1 << choices.below(8)
      return out
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)])
    case 2:
      return Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)])
    case 3:
      return bytes.subarray(0, at)
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([choices.below(256)]), bytes.subarray(at)])
    default: {
      const out = Buffer.from(bytes)
      out[at] = choices.pick([0, 255, 128, 127, 34, 92, 1, 0x7b, 0x7d, 8, 10, choices.below(256)])
      return out
    }
  }
}

/** Wire bytes with one to three things done to them. */
export const mutateWire = (wire: Buffer, choices: Choices): Buffer => {
  let out = wire
  for (let edits = 1 + (choices.oneIn(2) ? choices.below(3) : 0); edits > 0; edits--)
    out = choices.oneIn(2) ? editFields(out, choices, 0) : mutateBytes(out, choices)
  return out
}

interface Piece {
  readonly start: number
  /** Where the value starts, behind tag and length. */
  readonly body: number
  readonly end: number
  readonly tag: number
}
/** The fields of a message, as far as the bytes are one. */
const piecesOf = (wire: Buffer): Piece[] => {
  const out: Piece[] = []
  let at = 0
  while (at < wire.length) {
    const start = at
    const tag = readVarint(wire, at)
    if (tag === undefined) break
    let body = tag.end
    let end: number
    const type = tag.value & 7
    if (type === 1 || type === 5) end = body + (type === 1 ? 8 : 4)
    else if (type === 0 || type === 2) {
      const number = readVarint(wire, body)
      if (number === undefined) break
      if (type === 2) body = number.end
      end = type === 0 ? number.end : number.end + number.value
    } else end = body
    if (end > wire.length) break
    out.push({ start, body, end, tag: tag.value })
    at = end
  }
  return out
}
const readVarint = (wire: Buffer, start: number): { value: number; end: number } | undefined => {
  let value = 0
  for (let at = start; at < Math.min(wire.length, start + 10); at++) {
    if (at - start < 5) value = (value | ((wire[at]! & 0x7f) << ((at - start) * 7))) >>> 0
    if (wire[at]! < 0x80) return { value, end: at + 1 }
  }
  return undefined
}

const editFields = (wire: Buffer, choices: Choices, depth: number): Buffer => {
  const pieces = piecesOf(wire)
  if (pieces.length === 0) return mutateBytes(wire, choices)
  const piece = choices.pick(pieces)
  const { start, body, end, tag } = piece
  const [head, bytes, tail] = [wire.subarray(0, start), wire.subarray(start, end), wire.subarray(end)]
  const content = wire.subarray(body, end)
  const withTag = (changed: number, value: Buffer): Buffer =>
    Buffer.concat([
      head,
      varint(BigInt(changed >>> 0)),
      (changed & 7) === 2 ? varint(BigInt(value.length)) : EMPTY,
      value,
      tail,
    ])
  switch (choices.below(14)) {
    case 0:
      return Buffer.concat([head, tail])
    case 1:
      return Buffer.concat([head, bytes, bytes, tail])
    case 2:
      return Buffer.concat([tail, head, bytes])
    case 3:
      // Inside of what may be a message.
      if ((tag & 7) === 2 && depth < 6) return withTag(tag, editFields(content, choices, depth + 1))
      return withTag((tag & ~7) | 2, content)
    case 4:
      if ((tag & 7) === 2 && depth < 6) return withTag(tag, editFields(content, choices, depth + 1))
      return withTag((tag & ~7) | 0, content)
    case 5:
      return withTag((tag & ~7) | choices.below(8), content)
    case 6:
      return withTag((choices.pick([0, 1, 2, 3, 5, 100, 536_870_911]) << 3) | (tag & 7), content)
    case 7:
      return Buffer.concat([
        head,
        varint(BigInt(tag), choices.below(4)),
        wire.subarray(body - ((tag & 7) === 2 ? 1 : 0)),
      ])
    case 9: {
      // Ten bytes, of which the last may say too much.
      const long = Buffer.from([...Array(9).fill(0x80 | choices.below(128)), choices.below(4)])
      return withTag(tag & ~7, long)
    }
    case 10:
    case 11:
    case 12: {
      const at = choices.below(content.length + 1)
      const piece = Buffer.from(choices.pick(choices.pick(IN_STRINGS)), 'latin1')
      return withTag((tag & ~7) | 2, Buffer.concat([content.subarray(0, at), piece, content.subarray(at)]))
    }
    case 8: {
      const number = varint(choices.bits64() >> BigInt(choices.below(64)), choices.below(3))
      return withTag(tag & ~7, number)
    }
    default: {
      const deep = choices.pick([1, 98, 99, 100, 101])
      const group = varint(BigInt(((tag | 7) - 4) >>> 0))
      const close = varint(BigInt(((tag | 7) - 3) >>> 0))
      if (choices.oneIn(2)) return Buffer.concat([head, ...Array(deep).fill(group), ...Array(deep).fill(close), tail])
      let nested = content
      for (let i = 0; i < deep; i++)
        nested = Buffer.concat([varint(BigInt((tag & ~7) | 2)), varint(BigInt(nested.length)), nested])
      return Buffer.concat([head, nested, tail])
    }
  }
}
const EMPTY = Buffer.alloc(0)
