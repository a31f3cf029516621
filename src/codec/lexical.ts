import type { EnumType, FieldType, MessageType } from '../core/descriptor.ts'
import { type WellKnown, wellKnown } from './plan.ts'

/**
 * Text → scalar, in the lexical forms of ProtoJSON: shared by the JSON parser (numbers and the texts in quotes) and by path and
 * query binding. undefined: not such a value. No regular expressions: all of this runs per value.
 */

const digit = (c: number): boolean => c >= 0x30 && c <= 0x39

/** Where the JSON number that starts at `start` ends; -1 when there is none. */
export const numberEnd = (text: string, start: number): number => {
  let at = text.charCodeAt(start) === 0x2d ? start + 1 : start
  if (text.charCodeAt(at) === 0x30) at++
  else {
    const first = at
    while (digit(text.charCodeAt(at))) at++
    if (at === first) return -1
  }
  if (text.charCodeAt(at) === 0x2e) {
    const first = ++at
    while (digit(text.charCodeAt(at))) at++
    if (at === first) return -1
  }
  if ((text.charCodeAt(at) | 0x20) === 0x65) {
    at++
    const sign = text.charCodeAt(at)
    if (sign === 0x2b || sign === 0x2d) at++
    const first = at
    while (digit(text.charCodeAt(at))) at++
    if (at === first) return -1
  }
  return at
}

const isNumber = (text: string): boolean => text.length > 0 && numberEnd(text, 0) === text.length

/** The longest run of digits that a double always holds exactly, and that of a uint64. */
const EXACT = 15
const LONGEST = 20

/** A whole number in any JSON form (`10`, `1e1`, `10.0`), exact however long. Small ones are numbers, the others bigints. */
const whole = (text: string): number | bigint | undefined => {
  const { length } = text
  const negative = text.charCodeAt(0) === 0x2d
  const first = negative ? 1 : 0
  const count = length - first
  if (count > 0 && count <= LONGEST && (count === 1 || text.charCodeAt(first) !== 0x30)) {
    let value = 0
    let at = first
    for (; at < length; at++) {
      const c = text.charCodeAt(at)
      if (!digit(c)) break
      value = value * 10 + (c - 0x30)
    }
    if (at === length) return count > EXACT ? BigInt(text) : negative && value !== 0 ? -value : value
  }
  return isNumber(text) ? wholeOf(text, negative) : undefined
}

/** The slow way, for a text that is a JSON number: digits and exponent apart, so that `1e1000000000` costs nothing. */
const wholeOf = (text: string, negative: boolean): number | bigint | undefined => {
  let digits = ''
  let scale = 0
  let at = negative ? 1 : 0
  let mark = at
  while (digit(text.charCodeAt(at))) at++
  digits = text.slice(mark, at)
  if (text.charCodeAt(at) === 0x2e) {
    mark = ++at
    while (digit(text.charCodeAt(at))) at++
    digits += text.slice(mark, at)
    scale = mark - at
  }
  if (at < text.length) scale += Number(text.slice(at + 1))
  let start = 0
  while (digits.charCodeAt(start) === 0x30) start++
  let end = digits.length
  while (end > start && digits.charCodeAt(end - 1) === 0x30) end--
  if (start === end) return 0
  scale += digits.length - end
  if (scale < 0 || end - start + scale > LONGEST) return undefined
  const value = BigInt(digits.slice(start, end) + '0'.repeat(scale))
  return negative ? -value : value
}

/** A whole number between two bounds that doubles hold exactly. */
const bounded = (text: string, low: number, high: number): number | undefined => {
  const value = whole(text)
  return value !== undefined && value >= low && value <= high ? Number(value) : undefined
}
const bounded64 = (text: string, low: bigint, high: bigint): bigint | undefined => {
  const value = whole(text)
  if (value === undefined) return undefined
  const big = BigInt(value)
  return big >= low && big <= high ? big : undefined
}

/** A finite number in JSON form, or `NaN`, `Infinity`, `-Infinity` where `names` are allowed. Overflow is no such value. */
export const toDouble = (text: string, names: boolean): number | undefined => {
  if (isNumber(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  if (!names) return undefined
  return text === 'NaN'
    ? Number.NaN
    : text === 'Infinity'
      ? Number.POSITIVE_INFINITY
      : text === '-Infinity'
        ? Number.NEGATIVE_INFINITY
        : undefined
}

/** The same rounded to 32 bits. */
const toFloat = (text: string, names: boolean): number | undefined => {
  const value = toDouble(text, names)
  if (value === undefined) return undefined
  const rounded = Math.fround(value)
  return Number.isFinite(value) && !Number.isFinite(rounded) ? undefined : rounded
}

/** A number of any numeric kind. `names`: the texts of the non-finite floats are allowed. */
export const toNumber = (kind: FieldType['kind'], text: string, names: boolean): number | bigint | undefined => {
  switch (kind) {
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return bounded(text, -0x8000_0000, 0x7fff_ffff)
    case 'uint32':
    case 'fixed32':
      return bounded(text, 0, 0xffff_ffff)
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return bounded64(text, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn)
    case 'uint64':
    case 'fixed64':
      return bounded64(text, 0n, 0xffff_ffff_ffff_ffffn)
    case 'float':
      return toFloat(text, names)
    default:
      return toDouble(text, names)
  }
}

/** The key of a map entry. Unlike a value, a whole number has no fraction and no exponent: a key is written in one way. */
export const toMapKey = (kind: FieldType['kind'], text: string): string | boolean | number | bigint | undefined => {
  if (kind === 'string') return text
  if (kind === 'bool') return text === 'true' ? true : text === 'false' ? false : undefined
  return text.includes('.') || text.includes('e') || text.includes('E') ? undefined : toNumber(kind, text, false)
}

/** An enum by number. A closed enum takes only numbers that it has. */
export const enumByNumber = (type: EnumType, text: string): number | undefined => {
  const number = bounded(text, -0x8000_0000, 0x7fff_ffff)
  return number !== undefined && (type.open || type.names.has(number)) ? number : undefined
}

/** 1: a character of base64 in either alphabet. */
const BASE64 = new Uint8Array(128)
for (const c of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_')) BASE64[c] = 1

/** Base64 in the standard or the URL-safe alphabet, padded or not. */
export const toBytes = (text: string): Uint8Array | undefined => {
  let { length } = text
  if (length > 0 && text.charCodeAt(length - 1) === 0x3d) {
    if (length % 4 !== 0) return undefined
    length -= text.charCodeAt(length - 2) === 0x3d ? 2 : 1
  }
  if (length % 4 === 1) return undefined
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c > 0x7f || BASE64[c] === 0) return undefined
  }
  return Buffer.from(text, 'base64')
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ['int32', 'a whole number from -2147483648 to 2147483647'],
  ['uint32', 'a whole number from 0 to 4294967295'],
  ['int64', 'a whole number from -9223372036854775808 to 9223372036854775807'],
  ['uint64', 'a whole number from 0 to 18446744073709551615'],
  ['float', 'a number that fits a 32-bit float'],
  ['double', 'a number that fits a 64-bit float'],
  ['bool', 'true or false'],
  ['string', 'a string'],
  ['bytes', 'base64'],
])
const BASE_KIND: ReadonlyMap<string, string> = new Map([
  ['sint32', 'int32'],
  ['sfixed32', 'int32'],
  ['fixed32', 'uint32'],
  ['sint64', 'int64'],
  ['sfixed64', 'int64'],
  ['fixed64', 'uint64'],
])
const FORMS: Readonly<Record<WellKnown, string>> = {
  any: 'an object with the member "@type"',
  timestamp: 'an RFC 3339 time such as "2024-02-29T10:00:00Z", between the years 0001 and 9999',
  duration: 'a duration such as "1.5s", within 315576000000 seconds',
  mask: 'field paths in lowerCamelCase, joined by commas',
  struct: 'an object',
  value: 'a JSON value',
  list: 'an array',
  wrapper: 'the bare value',
}

/** What a value of this kind must look like, for error messages. */
export const expectedKind = (kind: FieldType['kind']): string => KINDS.get(BASE_KIND.get(kind) ?? kind) ?? kind

/** What a message of this type must look like, for error messages. */
export const expectedMessage = (type: MessageType): string => {
  const form = wellKnown(type)
  const wrapped = type.fields[0]
  if (form === 'wrapper' && wrapped !== undefined) return expectedKind(wrapped.kind)
  return form === undefined ? `an object of the type ${type.name}` : FORMS[form]
}

/** What one element of this field must look like, for error messages. */
export const expected = (field: FieldType): string => {
  if (field.kind === 'message') return expectedMessage(field.message!)
  if (field.kind !== 'enum') return expectedKind(field.kind)
  const names = [...field.enum!.numbers.keys()]
  const shown = names.length > 8 ? `${names.slice(0, 8).join(', ')}, ...` : names.join(', ')
  return `a name or number of the enum ${field.enum!.name} (${shown})`
}
