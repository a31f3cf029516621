import { fault } from '../fault.ts'
import {
  defaultOf,
  type FieldPlan,
  GROUP,
  GROUP_END,
  isDefault,
  keepUnknown,
  MAX_DEPTH,
  makeValue,
  planOf,
  scalarDefault,
  type TypePlan,
  type Types,
  typeOfUrl,
  type Value,
  wireOf,
} from '../plan.ts'
import { putVarint } from '../sink.ts'
import { WireReader } from './wire.ts'

/** Wire → value. Unknown fields are kept under `UNKNOWN`; anything that is not a message of the type is `fault('WIRE_INVALID')`. */
export const decodeProto = (plan: TypePlan, bytes: Uint8Array, types: Types, depth = 0): Value => {
  const reader = new MessageReader(bytes, plan.type.name)
  const value = makeValue()
  if (plan.wellKnown === 'any') readAny(reader, value, depth)
  else readMessage(reader, plan, value, types, depth, 0)
  if (reader.anys !== undefined) for (const [any, content] of reader.anys) fillAny(reader, any, content, types)
  return value
}

/** What has come of an Any so far. */
interface AnyContent {
  url: string
  bytes: Uint8Array | undefined
  readonly depth: number
}
/**
 * An Any may come in many pieces, of which the last url and the last bytes count. Only these are decoded, behind everything else:
 * decoding at each piece would cost the square of the message.
 */
class MessageReader extends WireReader {
  anys: Map<Value, AnyContent> | undefined

  /** The field that began at `start` and has just been read is none of the type of `into`. */
  keep(into: Value, start: number): void {
    keepUnknown(into, this.buffer.subarray(start, this.pos))
  }
}

/** Fields up to `reader.end`, or up to the end of the group with this number. */
const readMessage = (
  reader: MessageReader,
  plan: TypePlan,
  into: Value,
  types: Types,
  depth: number,
  group: number,
): void => {
  if (depth > MAX_DEPTH) throw reader.fail(`more than ${MAX_DEPTH} levels`)
  while (reader.pos < reader.end) {
    const start = reader.pos
    const tag = reader.tag()
    if ((tag & 7) === GROUP_END && group !== 0 && tag >>> 3 === group) return
    const field = plan.byNumber(tag >>> 3)
    if (field === undefined) reader.skip(tag, depth)
    else if (readField(reader, field, tag, into, types, depth)) continue
    reader.keep(into, start)
  }
  if (group !== 0) throw reader.fail('a group without its end')
}

/** false: what was read is no value of this field, but an unknown one: another wire type, or a number that a closed enum lacks. */
const readField = (
  reader: MessageReader,
  plan: FieldPlan,
  tag: number,
  into: Value,
  types: Types,
  depth: number,
): boolean => {
  const { field } = plan
  // Both forms of a repeated number are legal, whichever the type declares.
  if (tag === plan.packedTag) {
    readPacked(reader, plan, into)
    return true
  }
  if (tag !== plan.tag) {
    reader.skip(tag, depth)
    return false
  }
  if (field.mapKey !== undefined) return readEntry(reader, plan, into, types, depth)
  if (field.repeated) {
    const element =
      field.kind === 'message' ? readChild(reader, plan, undefined, types, depth) : readScalar(reader, plan)
    if (element !== undefined) listOf(into, plan.name).push(element)
    return element !== undefined
  }
  const value =
    field.kind === 'message'
      ? readChild(reader, plan, into[plan.name] as Value | undefined, types, depth)
      : readScalar(reader, plan)
  if (value === undefined) return false
  if (!(plan.name in into)) for (const sibling of plan.siblings) delete into[sibling]
  if (!field.presence && isDefault(value)) delete into[plan.name]
  else into[plan.name] = value
  return true
}

const listOf = (into: Value, name: string): unknown[] => {
  const list = into[name] as unknown[] | undefined
  if (list !== undefined) return list
  const made: unknown[] = []
  into[name] = made
  return made
}

const readPacked = (reader: MessageReader, plan: FieldPlan, into: Value): void => {
  const { end } = reader
  const length = reader.length()
  const list = listOf(into, plan.name)
  reader.end = reader.pos + length
  while (reader.pos < reader.end) {
    const start = reader.pos
    const element = readScalar(reader, plan)
    if (element !== undefined) list.push(element)
    else keepUnknown(into, Buffer.concat([tagBytes(plan.tag), reader.buffer.subarray(start, reader.pos)]))
  }
  reader.end = end
  if (list.length === 0) delete into[plan.name]
}

const tagBytes = (tag: number): Buffer => {
  const bytes = Buffer.alloc(5)
  return bytes.subarray(0, putVarint(bytes, 0, tag))
}

/** A message field. A second occurrence is merged into the first. */
const readChild = (
  reader: MessageReader,
  plan: FieldPlan,
  existing: Value | undefined,
  types: Types,
  depth: number,
): Value => {
  // `Value` is the one type that its JSON form does not show as a level, so that what fits as JSON fits here.
  const inner = plan.wellKnown === 'value' ? depth : depth + 1
  if (plan.wire === GROUP) {
    const value = existing ?? makeValue()
    readMessage(reader, plan.message, value, types, inner, plan.field.number)
    return value
  }
  const { end } = reader
  const length = reader.length()
  const value = existing ?? makeValue()
  reader.end = reader.pos + length
  if (plan.wellKnown === 'any') readAny(reader, value, inner)
  else readMessage(reader, plan.message, value, types, inner, 0)
  reader.end = end
  return value
}

/** An entry of a map. Key and value may be missing: then they are the defaults. false: its value is no number of a closed enum. */
const readEntry = (reader: MessageReader, plan: FieldPlan, into: Value, types: Types, depth: number): boolean => {
  const { field } = plan
  const keyKind = field.mapKey!
  const { end } = reader
  const length = reader.length()
  reader.end = reader.pos + length
  let key: unknown = scalarDefault(keyKind)
  let value: unknown
  let dropped = false
  const valueTag = (2 << 3) | plan.wire
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    if (tag >>> 3 === 1 && (tag & 7) === wireOf(keyKind)) {
      key = readKind(reader, plan, keyKind)
    } else if (tag === valueTag) {
      if (field.kind === 'message') value = readChild(reader, plan, value as Value | undefined, types, depth)
      else {
        value = readScalar(reader, plan)
        dropped = value === undefined
      }
    } else reader.skip(tag, depth)
  }
  reader.end = end
  if (dropped) return false
  let map = into[plan.name] as Map<unknown, unknown> | undefined
  if (map === undefined) {
    map = new Map()
    into[plan.name] = map
  }
  map.set(key, value ?? defaultOf(field))
  return true
}

/** One scalar or enum; undefined: a number that a closed enum does not know. */
const readScalar = (reader: MessageReader, plan: FieldPlan): unknown => {
  const { field } = plan
  if (field.kind !== 'enum') return readKind(reader, plan, field.kind)
  const number = reader.varint() | 0
  const type = field.enum!
  return type.open || type.names.has(number) ? number : undefined
}

const readKind = (reader: MessageReader, plan: FieldPlan, kind: string): unknown => {
  switch (kind) {
    case 'string': {
      const text = reader.string(plan.field.utf8)
      if (text === undefined)
        throw fault('UTF8_INVALID', `the string field ${quoteName(plan)} holds bytes that are not UTF-8`, plan.name)
      return text
    }
    case 'int32':
      return reader.varint() | 0
    case 'uint32':
      return reader.varint()
    case 'sint32': {
      const bits = reader.varint()
      return (bits >>> 1) ^ -(bits & 1)
    }
    case 'bool':
      return reader.bool()
    case 'int64':
      return BigInt.asIntN(64, reader.varint64())
    case 'uint64':
      return reader.varint64()
    case 'sint64': {
      const bits = reader.varint64()
      return (bits >> 1n) ^ -(bits & 1n)
    }
    case 'double':
      return reader.double()
    case 'float':
      return reader.float()
    case 'bytes':
      return reader.bytes()
    case 'fixed32':
      return reader.fixed32()
    case 'sfixed32':
      return reader.fixed32() | 0
    case 'fixed64':
      return reader.fixed64()
    default:
      return BigInt.asIntN(64, reader.fixed64())
  }
}
const quoteName = (plan: FieldPlan): string => JSON.stringify(plan.field.name)

/** One piece of an Any, up to `reader.end`. */
const readAny = (reader: MessageReader, any: Value, depth: number): void => {
  reader.anys ??= new Map()
  let content = reader.anys.get(any)
  if (content === undefined) {
    content = { url: '', bytes: undefined, depth }
    reader.anys.set(any, content)
  }
  while (reader.pos < reader.end) {
    const start = reader.pos
    const tag = reader.tag()
    if (tag === 0x0a) {
      const text = reader.string(true)
      if (text === undefined) throw reader.fail('a type URL that is not UTF-8')
      content.url = text
    } else if (tag === 0x12) content.bytes = reader.bytes()
    else {
      reader.skip(tag, depth)
      reader.keep(any, start)
    }
  }
}

/** `{ '@type', value }`, `value` decoded when the type is known. */
const fillAny = (reader: MessageReader, any: Value, { url, bytes, depth }: AnyContent, types: Types): void => {
  if (url === '' && bytes === undefined) return
  if (depth > MAX_DEPTH) throw reader.fail(`more than ${MAX_DEPTH} levels`)
  any['@type'] = url
  const type = types(typeOfUrl(url))
  const content = bytes ?? new Uint8Array(0)
  if (type === undefined) {
    any.value = content
    return
  }
  const plan = planOf(type)
  // What stands in an Any shares its level with it in JSON, except for another Any: those are as deep as they are many.
  any.value = decodeProto(plan, content, types, plan.wellKnown === 'any' ? depth + 1 : depth)
}
