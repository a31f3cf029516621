import type { FieldType } from '../../core/descriptor.ts'
import type { GatewayError } from '../../core/status.ts'
import { hintFor, quote } from '../fault.ts'
import { maskFromText } from '../field-mask.ts'
import {
  enumByNumber,
  expected,
  expectedKind,
  expectedMessage,
  toBytes,
  toDouble,
  toMapKey,
  toNumber,
} from '../lexical.ts'
import { isDefault, makeValue, type TypePlan, type Value } from '../plan.ts'
import { durationFromText, timestampFromText } from '../time.ts'
import type { JsonReader } from './reader.ts'

/** JSON values that are no message objects: scalars, enums and the well-known types with a form of their own. */

/** The value that the reader stands on is JSON, but not what its type asks for. */
export const unfit = (reader: JsonReader, what: string): GatewayError => {
  reader.peek()
  const start = reader.pos
  reader.skip()
  return reader.error('FIELD_INVALID', `expected ${what}, found ${found(reader.text.slice(start, reader.pos))}`, start)
}
const found = (source: string): string => {
  if (source[0] === '{') return 'an object'
  if (source[0] === '[') return 'an array'
  return source[0] === '"' ? quote(source.slice(1, -1)) : source.length > 60 ? `${source.slice(0, 57)}...` : source
}

/** A scalar. `null` is not one. */
export const readScalar = (reader: JsonReader, kind: FieldType['kind']): unknown => {
  const c = reader.peek()
  const start = reader.pos
  if (kind === 'bool') {
    if (reader.takes('true')) return true
    if (reader.takes('false')) return false
  } else if (kind === 'string') {
    if (c === 0x22) return reader.string()
  } else if (kind === 'bytes') {
    const bytes = c === 0x22 ? toBytes(reader.string()) : undefined
    if (bytes !== undefined) return bytes
  } else if (c === 0x22 || c === 0x2d || (c >= 0x30 && c <= 0x39)) {
    const number = c === 0x22 ? toNumber(kind, reader.string(), true) : toNumber(kind, reader.number(), false)
    if (number !== undefined) return number
  }
  reader.pos = start
  throw unfit(reader, expectedKind(kind))
}

/** An enum by name or number; undefined: an unknown one, where those are passed over. */
export const readEnum = (reader: JsonReader, field: FieldType): number | undefined => {
  const type = field.enum!
  const c = reader.peek()
  const start = reader.pos
  let hint: string | undefined
  if (c === 0x22) {
    const name = reader.string()
    const number = type.numbers.get(name)
    if (number !== undefined) return number
    if (reader.options.ignoreUnknown) return undefined
    hint = hintFor(name, type.numbers.keys())
  } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
    const source = reader.number()
    const number = enumByNumber(type, source)
    if (number !== undefined) return number
    if (reader.options.ignoreUnknown && toNumber('int32', source, false) !== undefined) return undefined
  }
  reader.pos = start
  throw unfit(reader, hint === undefined ? expected(field) : `${expected(field)}; did you mean ${quote(hint)}`)
}

/** The key of a map entry: the text of a key in quotes. `at` is where it stands. */
export const mapKey = (reader: JsonReader, kind: FieldType['kind'], text: string, at: number): unknown => {
  const key = toMapKey(kind, text)
  if (key === undefined)
    throw reader.error('FIELD_INVALID', `expected ${expectedKind(kind)} as the key of a map, found ${quote(text)}`, at)
  return key
}

/** A well-known type other than Any. */
export const readWellKnown = (reader: JsonReader, plan: TypePlan): Value => {
  const form = plan.wellKnown
  const c = reader.peek()
  if (form === 'value') return readValue(reader)
  if (form === 'wrapper') {
    const { name, field } = plan.fields[0]!
    return wrap(name, readScalar(reader, field.kind))
  }
  if (form === 'struct' && c === 0x7b) return readStruct(reader)
  if (form === 'list' && c === 0x5b) return readList(reader)
  const start = reader.pos
  if (c === 0x22 && (form === 'timestamp' || form === 'duration' || form === 'mask')) {
    const value = textOf(form, reader.string())
    if (value !== undefined) return value
    reader.pos = start
  }
  throw unfit(reader, expectedMessage(plan.type))
}

/** The message of a wrapper. */
export const wrap = (name: string, scalar: unknown): Value => {
  const value = makeValue()
  if (!isDefault(scalar)) value[name] = scalar
  return value
}

/** The value of a Timestamp, Duration or FieldMask from its text; undefined: not such a text. */
export const textOf = (what: 'timestamp' | 'duration' | 'mask', text: string): Value | undefined => {
  const value = makeValue()
  if (what === 'mask') {
    const paths = maskFromText(text)
    if (paths === undefined) return undefined
    if (paths.length > 0) value.paths = paths
    return value
  }
  const instant = what === 'timestamp' ? timestampFromText(text) : durationFromText(text)
  if (instant === undefined) return undefined
  return instantValue(instant.seconds, instant.nanos)
}
/** The message of a Timestamp or Duration. */
export const instantValue = (seconds: bigint, nanos: number): Value => {
  const value = makeValue()
  if (seconds !== 0n) value.seconds = seconds
  if (nanos !== 0) value.nanos = nanos
  return value
}

const readStruct = (reader: JsonReader): Value => {
  const struct = makeValue()
  if (reader.open(0x7b)) return struct
  const fields = new Map<string, Value>()
  struct.fields = fields
  do {
    reader.peek()
    const at = reader.pos
    const name = reader.key()
    if (fields.has(name)) throw reader.duplicate(name, at)
    reader.enter(name)
    fields.set(name, readValue(reader))
    reader.leave()
  } while (!reader.close(0x7b))
  return struct
}

const readList = (reader: JsonReader): Value => {
  const list = makeValue()
  if (reader.open(0x5b)) return list
  const values: Value[] = []
  list.values = values
  do {
    reader.enter(values.length)
    values.push(readValue(reader))
    reader.leave()
  } while (!reader.close(0x5b))
  return list
}

const readValue = (reader: JsonReader): Value => {
  const value = makeValue()
  const c = reader.peek()
  if (c === 0x22) value.stringValue = reader.string()
  else if (c === 0x7b) value.structValue = readStruct(reader)
  else if (c === 0x5b) value.listValue = readList(reader)
  else if (reader.takes('null')) value.nullValue = 0
  else if (reader.takes('true')) value.boolValue = true
  else if (reader.takes('false')) value.boolValue = false
  else {
    const start = reader.pos
    const number = toDouble(reader.number(), false)
    if (number === undefined) {
      reader.pos = start
      throw unfit(reader, expectedKind('double'))
    }
    value.numberValue = number
  }
  return value
}
