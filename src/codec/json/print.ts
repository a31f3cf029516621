import type { FieldType } from '../../core/descriptor.ts'
import type { ByteWriter } from '../../core/message.ts'
import type { JsonOptions } from '../../core/schema.ts'
import { fault, valueFault } from '../fault.ts'
import { maskToText } from '../field-mask.ts'
import {
  type FieldPlan,
  isDefault,
  isNullValue,
  MAX_DEPTH,
  own,
  planOf,
  scalarDefault,
  type TypePlan,
  type Types,
  typeOfUrl,
  type Value,
} from '../plan.ts'
import { Sink } from '../sink.ts'
import { durationToText, timestampToText } from '../time.ts'

/** An output level may be two message levels; guards against values in circles. */
const MAX_LEVELS = 2 * MAX_DEPTH + 50

interface Printer {
  readonly sink: Sink
  readonly options: JsonOptions
  readonly types: Types
}

/** Value → compact JSON, members in the order of their field numbers. */
export const printMessage = (
  plan: TypePlan,
  value: unknown,
  out: ByteWriter,
  options: JsonOptions,
  types: Types,
): void => {
  const sink = new Sink(out)
  writeMessage({ sink, options, types }, plan, value, 0)
  sink.done()
}

/**
 * The JSON of one field of a message (`response_body`). An absent field is what it means: `[]`, `{}`, the default of a scalar, `{}`
 * for a message whose JSON is an object; `null` for every other field that knows presence.
 */
export const printField = (
  plan: FieldPlan,
  message: unknown,
  out: ByteWriter,
  options: JsonOptions,
  types: Types,
): void => {
  const sink = new Sink(out)
  const printer = { sink, options, types }
  const value = own(asMessage(message, plan.field.name), plan.name)
  if (value === undefined) writeAbsent(printer, plan)
  else writeField(printer, plan, value, 0)
  sink.done()
}

/** The JSON of an Any value. */
export const printAny = (any: Value, out: ByteWriter, types: Types): void => {
  const sink = new Sink(out)
  writeAny({ sink, options: {}, types }, any, 0)
  sink.done()
}

const writeAbsent = (printer: Printer, plan: FieldPlan): void => {
  const { field, wellKnown } = plan
  const { sink } = printer
  if (field.mapKey !== undefined) sink.ascii('{}')
  else if (field.repeated) sink.ascii('[]')
  else if (field.kind === 'message')
    sink.ascii(wellKnown === undefined || wellKnown === 'any' || wellKnown === 'struct' ? '{}' : 'null')
  else if (field.presence) sink.ascii('null')
  else writeElement(printer, plan, field.kind === 'enum' ? 0 : scalarDefault(field.kind), 0)
}

const asMessage = (value: unknown, where: string): Value => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map)
    throw valueFault(where, 'an object')
  return value as Value
}

const writeMessage = (printer: Printer, plan: TypePlan, value: unknown, depth: number): void => {
  if (depth > MAX_LEVELS) throw valueFault(plan.type.name, `at most ${MAX_LEVELS} levels`)
  const message = asMessage(value, plan.type.name)
  if (plan.wellKnown !== undefined) {
    writeWellKnown(printer, plan, message, depth)
    return
  }
  printer.sink.byte(0x7b)
  writeMembers(printer, plan, message, depth, true)
  printer.sink.byte(0x7d)
}

const writeMembers = (printer: Printer, plan: TypePlan, message: Value, depth: number, empty: boolean): void => {
  const { sink, options } = printer
  const protoNames = options.protoNames === true
  const emitDefaults = options.emitDefaults === true
  let first = empty
  for (const field of plan.fields) {
    const value = own(message, field.name)
    const absent = value === undefined || isAbsent(field.field, value)
    if (absent && !(emitDefaults && field.emitted)) continue
    if (!first) sink.byte(0x2c)
    first = false
    sink.raw(protoNames ? field.protoKey : field.jsonKey)
    if (absent) writeAbsent(printer, field)
    else writeField(printer, field, value, depth)
  }
}

/** Without presence, the default is the same as nothing. */
const isAbsent = (field: FieldType, value: unknown): boolean =>
  !field.presence &&
  (field.repeated
    ? Array.isArray(value) && value.length === 0
    : field.mapKey !== undefined
      ? value instanceof Map && value.size === 0
      : isDefault(value))

const writeField = (printer: Printer, plan: FieldPlan, value: unknown, depth: number): void => {
  const { sink } = printer
  const { field } = plan
  if (field.mapKey !== undefined) {
    if (!(value instanceof Map)) throw valueFault(field.name, 'a Map')
    sink.byte(0x7b)
    let first = true
    for (const [key, element] of value) {
      if (!first) sink.byte(0x2c)
      first = false
      sink.jsonString(String(key))
      sink.byte(0x3a)
      writeElement(printer, plan, element, depth)
    }
    sink.byte(0x7d)
  } else if (field.repeated) {
    if (!Array.isArray(value)) throw valueFault(field.name, 'an array')
    sink.byte(0x5b)
    for (let i = 0; i < value.length; i++) {
      if (i > 0) sink.byte(0x2c)
      writeElement(printer, plan, value[i], depth)
    }
    sink.byte(0x5d)
  } else writeElement(printer, plan, value, depth)
}

const writeElement = (printer: Printer, plan: FieldPlan, value: unknown, depth: number): void => {
  const { field } = plan
  if (field.kind === 'message') writeMessage(printer, plan.message, value, depth + 1)
  else if (field.kind === 'enum') writeEnum(printer, field, value)
  else writeScalar(printer, field.kind, field.name, value)
}

const writeEnum = ({ sink, options }: Printer, field: FieldType, value: unknown) => {
  if (typeof value !== 'number') throw valueFault(field.name, 'the number of an enum')
  if (isNullValue(field)) return sink.ascii('null')
  const name = options.enumNumbers === true ? undefined : field.enum!.names.get(value)
  if (name === undefined) sink.ascii(String(value))
  else sink.jsonString(name)
}

const writeScalar = ({ sink, options }: Printer, kind: FieldType['kind'], where: string, value: unknown) => {
  switch (typeof value) {
    case 'string':
      if (kind === 'string') return sink.jsonString(value)
      break
    case 'boolean':
      if (kind === 'bool') return sink.ascii(value ? 'true' : 'false')
      break
    case 'bigint':
      return writeInt64(sink, options, value)
    case 'number':
      if (kind === 'double' || kind === 'float') return writeDouble(sink, value, kind === 'float')
      if (IS_64.has(kind) && Number.isSafeInteger(value)) return writeInt64(sink, options, BigInt(value))
      if (Number.isInteger(value)) return sink.ascii(String(value))
      break
    default:
      if (kind === 'bytes' && value instanceof Uint8Array) return writeBase64(sink, value)
  }
  throw valueFault(where, `a value of the kind ${kind}`)
}
const IS_64: ReadonlySet<string> = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64'])

/** In quotes, because JavaScript's numbers end at 2^53. As numbers only on request, and only where they are exact there. */
const writeInt64 = (sink: Sink, options: JsonOptions, value: bigint): void => {
  const text = String(value)
  sink.ascii(options.int64Numbers === true && Number.isSafeInteger(Number(value)) ? text : `"${text}"`)
}

const writeDouble = (sink: Sink, value: number, single: boolean): void => {
  if (!Number.isFinite(value)) sink.ascii(`"${value}"`)
  else if (value === 0) sink.ascii(Object.is(value, -0) ? '-0' : '0')
  else sink.ascii(single ? shortFloat(value) : String(value))
}
/** The shortest text that reads back as the same 32-bit float. */
const shortFloat = (value: number): string => {
  if (Number.isInteger(value) && Math.abs(value) <= 0x100_0000) return String(value)
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === Math.fround(value)) return String(shorter)
  }
  return String(Number(value.toPrecision(9)))
}

const writeBase64 = (sink: Sink, bytes: Uint8Array): void => {
  sink.byte(0x22)
  sink.ascii(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'))
  sink.byte(0x22)
}

const writeWellKnown = (printer: Printer, plan: TypePlan, message: Value, depth: number) => {
  const { sink } = printer
  switch (plan.wellKnown) {
    case 'any':
      return writeAny(printer, message, depth)
    case 'wrapper': {
      const { name, field } = plan.fields[0]!
      return writeScalar(printer, field.kind, name, own(message, name) ?? scalarDefault(field.kind))
    }
    case 'struct':
      return writeStruct(printer, own(message, 'fields'), depth)
    case 'list':
      return writeList(printer, own(message, 'values'), depth)
    case 'value':
      return writeValue(printer, message, depth)
    case 'mask': {
      const paths = own(message, 'paths') ?? []
      const text = Array.isArray(paths) ? maskToText(paths) : undefined
      if (text === undefined) throw unprintable(plan, 'a path that has no lowerCamelCase form')
      return sink.jsonString(text)
    }
    default: {
      const seconds = BigInt((own(message, 'seconds') as bigint | number | undefined) ?? 0n)
      const nanos = (own(message, 'nanos') as number | undefined) ?? 0
      const text = plan.wellKnown === 'timestamp' ? timestampToText(seconds, nanos) : durationToText(seconds, nanos)
      if (text === undefined) throw unprintable(plan, 'a value outside its range')
      sink.jsonString(text)
    }
  }
}
const unprintable = (plan: TypePlan, what: string) =>
  fault('FIELD_INVALID', `a ${plan.type.name} cannot be written as JSON: ${what}`)

const writeStruct = (printer: Printer, fields: unknown, depth: number): void => {
  const { sink } = printer
  sink.byte(0x7b)
  let first = true
  if (fields instanceof Map)
    for (const [key, value] of fields) {
      if (!first) sink.byte(0x2c)
      first = false
      sink.jsonString(String(key))
      sink.byte(0x3a)
      writeValue(printer, asMessage(value, 'google.protobuf.Struct'), depth + 1)
    }
  sink.byte(0x7d)
}

const writeList = (printer: Printer, values: unknown, depth: number): void => {
  const { sink } = printer
  sink.byte(0x5b)
  if (Array.isArray(values))
    for (let i = 0; i < values.length; i++) {
      if (i > 0) sink.byte(0x2c)
      writeValue(printer, asMessage(values[i], 'google.protobuf.ListValue'), depth + 1)
    }
  sink.byte(0x5d)
}

/** A Value that holds none of its kinds is written as `null`. */
const writeValue = (printer: Printer, value: Value, depth: number) => {
  const { sink } = printer
  if (depth > MAX_LEVELS) throw valueFault('google.protobuf.Value', `at most ${MAX_LEVELS} levels`)
  const text = own(value, 'stringValue')
  if (text !== undefined) return sink.jsonString(String(text))
  const number = own(value, 'numberValue')
  if (number !== undefined) {
    if (!Number.isFinite(number))
      throw fault('FIELD_INVALID', `a google.protobuf.Value cannot be written as JSON: ${number}`)
    return writeDouble(sink, number as number, false)
  }
  const truth = own(value, 'boolValue')
  if (truth !== undefined) return sink.ascii(truth === true ? 'true' : 'false')
  const struct = own(value, 'structValue') as Value | undefined
  if (struct !== undefined) return writeStruct(printer, own(struct, 'fields'), depth + 1)
  const list = own(value, 'listValue') as Value | undefined
  if (list !== undefined) return writeList(printer, own(list, 'values'), depth + 1)
  sink.ascii('null')
}

/** `@type` and the members of its message, or `value` when its JSON form is its own. Of an unknown type: its bytes in base64. */
const writeAny = (printer: Printer, any: Value, depth: number): void => {
  const { sink, types } = printer
  const url = own(any, '@type')
  const content = own(any, 'value')
  sink.byte(0x7b)
  if (url !== undefined || content !== undefined) {
    if (typeof url !== 'string') throw valueFault('google.protobuf.Any', 'a string in "@type"')
    sink.ascii('"@type":')
    sink.jsonString(url)
    const type = content instanceof Uint8Array ? undefined : types(typeOfUrl(url))
    if (type !== undefined && content !== undefined) {
      const plan = planOf(type)
      if (plan.wellKnown === undefined) writeMembers(printer, plan, asMessage(content, type.name), depth + 1, false)
      else {
        sink.ascii(',"value":')
        writeMessage(printer, plan, content, depth + 1)
      }
    } else if (content !== undefined) {
      if (!(content instanceof Uint8Array))
        throw valueFault('google.protobuf.Any', `the bytes of ${url}, which the schema does not have`)
      sink.ascii(',"value":')
      writeBase64(sink, content)
    }
  }
  sink.byte(0x7d)
}
