import protobuf from 'protobufjs'
import type { EnumType, FieldType, MessageType } from '../core/descriptor.ts'
import { defaultJsonName, isPackable, isScalar, MessageTypeBuilder, makeEnumType } from './message-type.ts'

/** What a set of .proto files or descriptors declares. Names are fully qualified, without a leading dot. */
export interface Types {
  readonly messages: ReadonlyMap<string, MessageType>
  readonly enums: ReadonlyMap<string, EnumType>
}

export interface FromProtobufjsOptions {
  /** Leading comment of a message or field by its full name. Without it protobufjs's own comments are used. */
  readonly comment?: (fullName: string) => string
  /** The name that stands for an identifier of the root: undoes a renaming made before protobufjs saw it (`__proto__`). */
  readonly restore?: (name: string) => string
}

/**
 * The types of a protobufjs 8 Root that was read with `keepCase` and resolved (`resolveAll`). Extensions become fields of the
 * message that they extend, under the name `[package.extension]`.
 */
export const fromProtobufjs = (root: protobuf.Root, options: FromProtobufjsOptions = {}): Types => {
  const sources = new Map<protobuf.ReflectionObject, MessageTypeBuilder>()
  const messages = new Map<string, MessageType>()
  const enums = new Map<string, EnumType>()
  const linked = new Map<protobuf.ReflectionObject, EnumType>()
  visit(root, (object) => {
    const name = fullName(object)
    if (object instanceof protobuf.Enum) {
      const type = enumType(object, name, options)
      enums.set(name, type)
      linked.set(object, type)
    } else if (object instanceof protobuf.Type) {
      const type = new MessageTypeBuilder(name, commentOf(object, name, options))
      messages.set(name, type)
      sources.set(object, type)
    }
  })
  for (const [source, type] of sources) {
    const fields: FieldType[] = []
    for (const field of (source as protobuf.Type).fieldsArray) fields.push(fieldType(field, sources, linked, options))
    type.define(fields)
  }
  return { messages, enums }
}

/** Depth first, in the order of declaration. */
const visit = (parent: protobuf.NamespaceBase, see: (object: protobuf.ReflectionObject) => void): void => {
  for (const object of parent.nestedArray) {
    see(object)
    if (object instanceof protobuf.Namespace) visit(object, see)
  }
}

const fullName = (object: protobuf.ReflectionObject): string => object.fullName.replace(/^\./, '')

/** protobufjs resolves the features of editions, and those that proto2 and proto3 stand for, and keeps them here. */
interface Features {
  readonly enum_type: 'OPEN' | 'CLOSED'
  readonly utf8_validation: 'VERIFY' | 'NONE'
}
const featuresOf = (object: protobuf.ReflectionObject): Features =>
  (object as unknown as { readonly _features: Features })._features

const commentOf = (object: protobuf.ReflectionObject, name: string, options: FromProtobufjsOptions): string =>
  options.comment === undefined ? (object.comment ?? '').trim() : options.comment(restored(name, options))

const enumType = (source: protobuf.Enum, name: string, options: FromProtobufjsOptions): EnumType => {
  const values = Object.keys(source.values).map((value) => [restored(value, options), source.values[value]!] as const)
  return makeEnumType(name, values, featuresOf(source).enum_type === 'OPEN')
}

const fieldType = (
  field: protobuf.Field,
  messages: ReadonlyMap<protobuf.ReflectionObject, MessageType>,
  enums: ReadonlyMap<protobuf.ReflectionObject, EnumType>,
  options: FromProtobufjsOptions,
): FieldType => {
  const message = field.resolvedType === null ? undefined : messages.get(field.resolvedType)
  const enumeration = field.resolvedType === null ? undefined : enums.get(field.resolvedType)
  const kind = message !== undefined ? 'message' : enumeration !== undefined ? 'enum' : field.type
  if (kind !== 'message' && kind !== 'enum' && !isScalar(kind))
    throw new TypeError(`${field.fullName} has the unresolved type ${field.type}: call resolveAll on the root first`)
  const map = field instanceof protobuf.MapField ? field : undefined
  const names = namesOf(field, options)
  const { partOf } = field
  return {
    ...names,
    number: field.id,
    kind,
    repeated: field.repeated,
    mapKey: map !== undefined && isScalar(map.keyType) ? map.keyType : undefined,
    packed: field.repeated && field.packed && isPackable(kind),
    delimited: map === undefined && field.delimited,
    presence: !field.repeated && map === undefined && (kind === 'message' || Boolean(field.hasPresence)),
    required: field.required,
    utf8: featuresOf(field).utf8_validation === 'VERIFY',
    oneof: partOf === null || partOf.isProto3Optional ? undefined : restored(partOf.name, options),
    message,
    enum: enumeration,
    comment: commentOf(field.declaringField ?? field, fullName(field.declaringField ?? field), options),
  }
}

const restored = (name: string, options: FromProtobufjsOptions): string => options.restore?.(name) ?? name

const namesOf = (field: protobuf.Field, options: FromProtobufjsOptions): { name: string; jsonName: string } => {
  if (field.declaringField !== null) {
    const name = `[${restored(fullName(field.declaringField), options)}]`
    return { name, jsonName: name }
  }
  const { resolvedType } = field
  const name = isGroup(resolvedType) ? resolvedType.name.toLowerCase() : restored(field.name, options)
  const written = field.options?.json_name as string | undefined
  return { name, jsonName: written ?? defaultJsonName(name) }
}

/** protoc names the field of a group by the lower-cased name of its type; protobufjs lowers the first letter only. */
const isGroup = (type: protobuf.Type | protobuf.Enum | null): type is protobuf.Type =>
  type instanceof protobuf.Type && (type as unknown as { readonly group?: boolean }).group === true
