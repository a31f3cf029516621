import type { ByteWriter } from '../../core/message.ts'
import { valueFault } from '../fault.ts'
import {
  type FieldPlan,
  GROUP,
  GROUP_END,
  isDefault,
  MAX_DEPTH,
  own,
  planOf,
  type TypePlan,
  type Types,
  typeOfUrl,
  unknownOf,
  type Value,
  wireOf,
} from '../plan.ts'
import { Sink } from '../sink.ts'

/** A JSON level is at most two message levels (`Any` and what it holds, `Struct` and `Value`). Guards against values in circles. */
const MAX_LEVELS = 2 * MAX_DEPTH + 50

/** Value → wire, fields in the order of their numbers, unknown ones behind them. A value that its type cannot hold is our own fault: `VALUE_INVALID`. */
export const encodeProto = (plan: TypePlan, value: unknown, out: ByteWriter, types: Types): void => {
  const sink = new Sink(out)
  writeBody(sink, plan, value, types, 0)
  sink.done()
}

const isMessage = (value: unknown): value is Value =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Map) &&
  !(value instanceof Uint8Array)

const writeBody = (sink: Sink, plan: TypePlan, value: unknown, types: Types, depth: number): void => {
  if (!isMessage(value)) throw valueFault(plan.type.name, 'an object')
  if (depth > MAX_LEVELS) throw valueFault(plan.type.name, `at most ${MAX_LEVELS} levels`)
  if (plan.wellKnown === 'any') writeAny(sink, value, types, depth)
  else
    for (const field of plan.fields) {
      const member = own(value, field.name)
      if (member !== undefined) writeField(sink, plan, field, member, types, depth)
    }
  const unknown = unknownOf(value)
  if (unknown !== undefined) for (const field of unknown) sink.raw(field)
}

const writeField = (
  sink: Sink,
  owner: TypePlan,
  plan: FieldPlan,
  value: unknown,
  types: Types,
  depth: number,
): void => {
  const { field } = plan
  if (field.mapKey !== undefined) {
    if (!(value instanceof Map)) throw bad(owner, plan, 'a Map')
    for (const [key, element] of value) {
      sink.varint(plan.tag)
      const at = sink.begin()
      sink.varint((1 << 3) | wireOf(field.mapKey))
      writeKind(sink, owner, plan, field.mapKey, key)
      sink.varint((2 << 3) | plan.wire)
      writeElement(sink, owner, plan, element, types, depth)
      sink.end(at)
    }
    return
  }
  if (!field.repeated) {
    if (!field.presence && isDefault(value)) return
    sink.varint(plan.tag)
    writeElement(sink, owner, plan, value, types, depth)
    return
  }
  if (!Array.isArray(value)) throw bad(owner, plan, 'an array')
  if (value.length === 0) return
  if (field.packed && plan.packedTag !== 0) {
    sink.varint(plan.packedTag)
    const at = sink.begin()
    for (const element of value) writeKind(sink, owner, plan, field.kind, element)
    sink.end(at)
    return
  }
  for (const element of value) {
    sink.varint(plan.tag)
    writeElement(sink, owner, plan, element, types, depth)
  }
}

const writeElement = (
  sink: Sink,
  owner: TypePlan,
  plan: FieldPlan,
  value: unknown,
  types: Types,
  depth: number,
): void => {
  if (plan.field.kind !== 'message') {
    writeKind(sink, owner, plan, plan.field.kind, value)
  } else if (plan.wire === GROUP) {
    writeBody(sink, plan.message, value, types, depth + 1)
    sink.varint(((plan.field.number << 3) | GROUP_END) >>> 0)
  } else {
    const at = sink.begin()
    writeBody(sink, plan.message, value, types, depth + 1)
    sink.end(at)
  }
}

/** `{}`, or `{ '@type', value }` with a decoded message or, for a type that the schema lacks, its bytes. */
const writeAny = (sink: Sink, value: Value, types: Types, depth: number): void => {
  const url = own(value, '@type')
  const content = own(value, 'value')
  if (url === undefined && content === undefined) return
  if (typeof url !== 'string') throw valueFault('google.protobuf.Any', 'a string in "@type"')
  if (url !== '') {
    sink.varint(0x0a)
    sink.prefixedString(url)
  }
  if (content === undefined || (content instanceof Uint8Array && content.length === 0)) return
  sink.varint(0x12)
  if (content instanceof Uint8Array) {
    sink.prefixedBytes(content)
    return
  }
  const type = types(typeOfUrl(url))
  if (type === undefined) throw valueFault('google.protobuf.Any', `the bytes of ${url}, which the schema does not have`)
  const at = sink.begin()
  writeBody(sink, planOf(type), content, types, depth + 1)
  sink.end(at)
}

const bad = (owner: TypePlan, plan: FieldPlan, expected: string) =>
  valueFault(`${owner.type.name}.${plan.field.name}`, expected)

const writeKind = (sink: Sink, owner: TypePlan, plan: FieldPlan, kind: string, value: unknown) => {
  switch (kind) {
    case 'string':
      if (typeof value !== 'string') throw bad(owner, plan, 'a string')
      return sink.prefixedString(value)
    case 'bool':
      if (typeof value !== 'boolean') throw bad(owner, plan, 'a boolean')
      return sink.byte(value ? 1 : 0)
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw bad(owner, plan, 'a Uint8Array')
      return sink.prefixedBytes(value)
    case 'double':
    case 'float':
      if (typeof value !== 'number') throw bad(owner, plan, 'a number')
      return kind === 'double' ? sink.double(value) : sink.float(value)
    case 'int32':
    case 'enum': {
      const number = signed(owner, plan, value)
      return number < 0 ? sink.varint64(BigInt(number)) : sink.varint(number)
    }
    case 'sint32': {
      const number = signed(owner, plan, value)
      return sink.varint((number << 1) ^ (number >> 31))
    }
    case 'sfixed32':
      return sink.fixed32(signed(owner, plan, value))
    case 'uint32':
      return sink.varint(unsigned(owner, plan, value))
    case 'fixed32':
      return sink.fixed32(unsigned(owner, plan, value))
    case 'int64':
      return sink.varint64(signed64(owner, plan, value))
    case 'sint64': {
      const number = signed64(owner, plan, value)
      return sink.varint64(BigInt.asUintN(64, (number << 1n) ^ (number >> 63n)))
    }
    case 'sfixed64':
      return sink.fixed64(signed64(owner, plan, value))
    case 'uint64':
      return sink.varint64(unsigned64(owner, plan, value))
    default:
      return sink.fixed64(unsigned64(owner, plan, value))
  }
}

const signed = (owner: TypePlan, plan: FieldPlan, value: unknown): number => {
  if (typeof value !== 'number' || value !== (value | 0)) throw bad(owner, plan, 'a 32-bit integer')
  return value | 0
}
const unsigned = (owner: TypePlan, plan: FieldPlan, value: unknown): number => {
  if (typeof value !== 'number' || value !== value >>> 0) throw bad(owner, plan, 'an unsigned 32-bit integer')
  return value >>> 0
}
const signed64 = (owner: TypePlan, plan: FieldPlan, value: unknown): bigint => {
  const big = Number.isSafeInteger(value) ? BigInt(value as number) : value
  if (typeof big !== 'bigint' || BigInt.asIntN(64, big) !== big) throw bad(owner, plan, 'a 64-bit integer as bigint')
  return big
}
const unsigned64 = (owner: TypePlan, plan: FieldPlan, value: unknown): bigint => {
  const big = Number.isSafeInteger(value) ? BigInt(value as number) : value
  if (typeof big !== 'bigint' || BigInt.asUintN(64, big) !== big)
    throw bad(owner, plan, 'an unsigned 64-bit integer as bigint')
  return big
}
