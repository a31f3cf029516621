import { hintFor, quote } from '../fault.ts'
import { expected, expectedMessage } from '../lexical.ts'
import {
  type FieldPlan,
  isDefault,
  isNullValue,
  makeValue,
  planOf,
  type TypePlan,
  typeOfUrl,
  type Value,
} from '../plan.ts'
import { JsonReader, jsonText, type ReaderOptions } from './reader.ts'
import { mapKey, readEnum, readScalar, readWellKnown, unfit } from './values.ts'

/** A whole JSON text as a message of the type. An empty text is an empty message: nothing was sent. */
export const parseMessage = (bytes: Uint8Array, plan: TypePlan, options: ReaderOptions): Value => {
  if (bytes.length === 0) return makeValue()
  const reader = new JsonReader(jsonText(bytes), options)
  const value = readMessage(reader, plan)
  reader.finish()
  return value
}

/** A whole JSON text as the value of one field, put into `into`: the body of a binding that names it. Nothing sent: unset. */
export const parseField = (bytes: Uint8Array, plan: FieldPlan, into: Value, options: ReaderOptions): void => {
  if (bytes.length === 0) return
  const reader = new JsonReader(jsonText(bytes), options)
  readField(reader, plan, into)
  reader.finish()
}

const readMessage = (reader: JsonReader, plan: TypePlan): Value => {
  if (plan.wellKnown !== undefined) return plan.wellKnown === 'any' ? readAny(reader) : readWellKnown(reader, plan)
  return readObject(reader, plan, false)
}

/** The object of an ordinary message. `inAny`: its `@type` is passed over, wherever it stands. */
const readObject = (reader: JsonReader, plan: TypePlan, inAny: boolean): Value => {
  const value = makeValue()
  if (reader.peek() !== 0x7b) throw unfit(reader, expectedMessage(plan.type))
  if (reader.open(0x7b)) return value
  let seen = 0
  let others: Set<number | string> | undefined
  do {
    reader.peek()
    const at = reader.pos
    const name = reader.key()
    const field = plan.find(name)
    if (field === undefined) {
      const type = inAny && name === '@type'
      if (!type && !reader.options.ignoreUnknown) throw unknownMember(reader, plan, name, at)
      others ??= new Set()
      if (others.has(name)) throw reader.duplicate(name, at)
      others.add(name)
      reader.skip()
      continue
    }
    if (field.index < 31) {
      const bit = 1 << field.index
      if ((seen & bit) !== 0) throw reader.duplicate(name, at)
      seen |= bit
    } else {
      others ??= new Set()
      if (others.has(field.index)) throw reader.duplicate(name, at)
      others.add(field.index)
    }
    reader.enter(name)
    readField(reader, field, value)
    reader.leave()
  } while (!reader.close(0x7b))
  return value
}

const unknownMember = (reader: JsonReader, plan: TypePlan, name: string, at: number) => {
  const hint = hintFor(name, plan.names())
  reader.enter(name)
  const problem = `${plan.type.name} has no field ${quote(name)}`
  return reader.error('FIELD_UNKNOWN', hint === undefined ? problem : `${problem}; did you mean ${quote(hint)}?`, at)
}

/** The value of a member. `null` is the same as no member, save where it is a value of its own. */
const readField = (reader: JsonReader, plan: FieldPlan, into: Value): void => {
  const { field } = plan
  const c = reader.peek()
  const collection = field.repeated || field.mapKey !== undefined
  if (c === 0x6e && (collection || !plan.nullIsValue) && reader.takes('null')) return
  if (field.mapKey !== undefined) readMap(reader, plan, into)
  else if (field.repeated) readRepeated(reader, plan, into)
  else readSingle(reader, plan, into)
}

const readSingle = (reader: JsonReader, plan: FieldPlan, into: Value): void => {
  const { field } = plan
  const at = reader.pos
  const value = readElement(reader, plan)
  if (value === undefined) return
  for (const sibling of plan.siblings)
    if (sibling in into)
      throw reader.error(
        'ONEOF_CONFLICT',
        `${quote(sibling)} is set too, and both are of the oneof ${quote(field.oneof!)}`,
        at,
      )
  if (field.presence || !isDefault(value)) into[plan.name] = value
}

/** One value; undefined: an unknown enum that is passed over. */
const readElement = (reader: JsonReader, plan: FieldPlan): unknown => {
  const { field } = plan
  if (field.kind === 'message') return readMessage(reader, plan.message)
  if (field.kind !== 'enum') return readScalar(reader, field.kind)
  if (reader.peek() === 0x6e && isNullValue(field) && reader.takes('null')) return 0
  return readEnum(reader, field)
}

const readRepeated = (reader: JsonReader, plan: FieldPlan, into: Value): void => {
  if (reader.peek() !== 0x5b) throw unfit(reader, `an array of ${expected(plan.field)}`)
  if (reader.open(0x5b)) return
  const list: unknown[] = []
  let index = 0
  do {
    reader.enter(index++)
    const element = readElement(reader, plan)
    if (element !== undefined) list.push(element)
    reader.leave()
  } while (!reader.close(0x5b))
  if (list.length > 0) into[plan.name] = list
}

const readMap = (reader: JsonReader, plan: FieldPlan, into: Value): void => {
  if (reader.peek() !== 0x7b) throw unfit(reader, `an object with values of ${expected(plan.field)}`)
  if (reader.open(0x7b)) return
  const map = new Map<unknown, unknown>()
  let dropped: Set<unknown> | undefined
  do {
    reader.peek()
    const at = reader.pos
    const name = reader.key()
    reader.enter(name)
    const key = mapKey(reader, plan.field.mapKey!, name, at)
    if (map.has(key) || dropped?.has(key)) {
      reader.leave()
      throw reader.duplicate(name, at)
    }
    const element = readElement(reader, plan)
    if (element !== undefined) map.set(key, element)
    else {
      dropped ??= new Set()
      dropped.add(key)
    }
    reader.leave()
  } while (!reader.close(0x7b))
  if (map.size > 0) into[plan.name] = map
}

/** An Any: `{}`, or an object with `@type` and the members of that type, or with `value` when its JSON form is its own. */
const readAny = (reader: JsonReader): Value => {
  const any = makeValue()
  if (reader.peek() !== 0x7b) throw unfit(reader, 'an object with the member "@type"')
  const at = reader.pos
  const url = reader.typeUrl()
  if (url === undefined) {
    if (reader.open(0x7b)) return any
    throw reader.error('FIELD_INVALID', 'the object of a google.protobuf.Any needs its type as the string "@type"', at)
  }
  const type = url.includes('/') ? reader.options.types(typeOfUrl(url)) : undefined
  if (type === undefined) {
    const problem = url.includes('/')
      ? `the type ${quote(url)} is not in the schema`
      : `${quote(url)} is not a type URL such as "type.googleapis.com/package.Message"`
    throw reader.error('ANY_TYPE_UNKNOWN', problem, at)
  }
  any['@type'] = url
  const plan = planOf(type)
  any.value =
    plan.wellKnown === undefined && type.name !== EMPTY ? readObject(reader, plan, true) : readBoxed(reader, plan, at)
  return any
}

const EMPTY = 'google.protobuf.Empty'

/** `{ "@type": …, "value": … }`. Of an Empty the value may be left out: there are two readings of the specification. */
const readBoxed = (reader: JsonReader, plan: TypePlan, at: number): Value => {
  let value: Value | undefined
  const names = new Set<string>()
  reader.open(0x7b)
  do {
    reader.peek()
    const start = reader.pos
    const name = reader.key()
    if (names.has(name)) throw reader.duplicate(name, start)
    names.add(name)
    if (name === 'value') {
      reader.enter(name)
      value = readMessage(reader, plan)
      reader.leave()
    } else {
      if (name !== '@type' && !reader.options.ignoreUnknown) {
        reader.enter(name)
        throw reader.error('FIELD_UNKNOWN', `${plan.type.name} in an Any has no member but "@type" and "value"`, start)
      }
      reader.skip()
    }
  } while (!reader.close(0x7b))
  if (value === undefined && plan.type.name !== EMPTY)
    throw reader.error('FIELD_INVALID', `${plan.type.name} in an Any needs the member "value"`, at)
  return value ?? makeValue()
}

/**
 * Paths of what a JSON body touches, in proto names, sorted: the field mask of a PATCH (SEMANTICS §14). Singular messages are
 * walked into; lists, maps, scalars, well-known types, empty objects and `null` are leaves. The text has been parsed before.
 */
export const touchedPaths = (bytes: Uint8Array, plan: TypePlan, options: ReaderOptions): string[] => {
  const paths: string[] = []
  const reader = new JsonReader(jsonText(bytes), options)
  walk(reader, plan, '', paths)
  return paths.sort()
}

const walk = (reader: JsonReader, plan: TypePlan, prefix: string, paths: string[]): void => {
  if (reader.peek() !== 0x7b || reader.open(0x7b)) {
    if (prefix !== '') paths.push(prefix)
    return
  }
  do {
    const field = plan.find(reader.key())
    const path = field === undefined ? '' : prefix === '' ? field.field.name : `${prefix}.${field.field.name}`
    const { kind, repeated, mapKey } = field?.field ?? { kind: undefined, repeated: false, mapKey: undefined }
    const inside = kind === 'message' && !repeated && mapKey === undefined && field!.wellKnown === undefined
    if (inside && reader.peek() === 0x7b) walk(reader, field!.message, path, paths)
    else {
      if (path !== '') paths.push(path)
      reader.skip()
    }
  } while (!reader.close(0x7b))
}
