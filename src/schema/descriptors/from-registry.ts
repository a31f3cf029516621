import {
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  ScalarType,
} from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import type { EnumType, FieldType, MessageType, ScalarKind } from '../../core/descriptor.ts'
import { isBuiltInName } from '../include.ts'
import type { SchemaPart } from '../merge.ts'
import { defaultJsonName, MessageTypeBuilder, makeEnumType } from '../message-type.ts'
import type { MethodSource, ServiceSource } from '../services.ts'
import { isImported, ruleOf } from './options.ts'
import { PATHS, SourceInfo } from './source-info.ts'

/** Types and services of a registry that was made from a descriptor set. */
export const fromRegistry = (registry: FileRegistry, shown: string): SchemaPart => {
  const reader = new RegistryReader(shown)
  const files = [...registry.files].map((file) => ({ file, info: new SourceInfo(file.proto, shown) }))
  for (const { file, info } of files) reader.declare(file, info)
  for (const { file, info } of files) reader.extensions(file, info)
  for (const { file, info } of files) reader.define(file, info)
  return reader.part()
}

class RegistryReader {
  readonly #shown: string
  readonly #messages = new Map<string, MessageTypeBuilder>()
  readonly #enums = new Map<string, EnumType>()
  readonly #origins = new Map<string, string>()
  readonly #extensions = new Map<string, FieldType[]>()
  readonly #services: ServiceSource[] = []

  constructor(shown: string) {
    this.#shown = shown
  }

  part(): SchemaPart {
    const origin = (name: string) => ({ file: this.#shown, builtIn: isBuiltInName(this.#origins.get(name) ?? '') })
    return { messages: this.#messages, enums: this.#enums, services: this.#services, origin }
  }

  /** Types exist before their fields do, because they refer to each other. */
  declare(file: DescFile, info: SourceInfo): void {
    for (const one of file.enums) this.#declareEnum(one)
    for (const [i, message] of file.messages.entries()) this.#declareMessage(message, info, [PATHS.fileMessage, i])
  }

  #declareMessage(message: DescMessage, info: SourceInfo, path: readonly number[]): void {
    this.#messages.set(message.typeName, new MessageTypeBuilder(message.typeName, info.comment(path)))
    this.#origins.set(message.typeName, message.file.proto.name)
    for (const one of message.nestedEnums) this.#declareEnum(one)
    for (const nested of message.nestedMessages) this.#declareMessage(nested, info, nestedPath(message, nested, path))
  }

  #declareEnum(one: DescEnum): void {
    const values = one.values.map(({ name, number }) => [name, number] as const)
    this.#enums.set(one.typeName, makeEnumType(one.typeName, values, one.open))
    this.#origins.set(one.typeName, one.file.proto.name)
  }

  /** Before the messages, because an extension may extend a message of any file. */
  extensions(file: DescFile, info: SourceInfo): void {
    for (const [i, extension] of file.extensions.entries())
      this.#extend(extension, info.comment([PATHS.fileExtension, i]))
    for (const [i, message] of file.messages.entries()) this.#nestedExtensions(message, info, [PATHS.fileMessage, i])
  }

  #nestedExtensions(message: DescMessage, info: SourceInfo, path: readonly number[]): void {
    for (const [i, extension] of message.nestedExtensions.entries())
      this.#extend(extension, info.comment([...path, PATHS.nestedExtension, i]))
    for (const nested of message.nestedMessages) this.#nestedExtensions(nested, info, nestedPath(message, nested, path))
  }

  define(file: DescFile, info: SourceInfo): void {
    for (const [i, message] of file.messages.entries()) this.#defineMessage(message, info, [PATHS.fileMessage, i])
    for (const [i, service] of file.services.entries()) {
      const path = [PATHS.fileService, i]
      this.#services.push({
        name: service.typeName,
        exposed: !isImported(file.proto) && !isBuiltInName(file.proto.name),
        comment: info.comment(path),
        methods: service.methods.map((method, m) => methodSource(method, info, [...path, PATHS.method, m])),
      })
    }
  }

  #defineMessage(message: DescMessage, info: SourceInfo, path: readonly number[]): void {
    const fields = message.fields.map((field, i) => this.#field(field, info.comment([...path, PATHS.field, i])))
    this.#messages.get(message.typeName)!.define([...fields, ...(this.#extensions.get(message.typeName) ?? [])])
    for (const nested of message.nestedMessages) this.#defineMessage(nested, info, nestedPath(message, nested, path))
  }

  #extend(extension: DescExtension, comment: string): void {
    const { extendee } = extension
    if (extendee.proto.options?.messageSetWireFormat === true) return
    const known = this.#extensions.get(extendee.typeName) ?? []
    known.push(this.#field(extension, comment))
    this.#extensions.set(extendee.typeName, known)
  }

  #field(field: DescField | DescExtension, comment: string): FieldType {
    const repeated = field.fieldKind === 'list'
    const map = field.fieldKind === 'map'
    const name = field.kind === 'extension' ? field.jsonName : field.name
    return {
      name,
      jsonName: field.jsonName === '' ? defaultJsonName(name) : field.jsonName,
      number: field.number,
      kind: kindOf(field),
      repeated,
      mapKey: map ? SCALARS[field.mapKey] : undefined,
      packed: repeated && field.packed,
      delimited: !map && field.message !== undefined && field.delimitedEncoding === true,
      presence: !repeated && !map && field.presence !== FeatureSet_FieldPresence.IMPLICIT,
      required: field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED,
      utf8: field.utf8Validation,
      oneof: field.oneof?.name,
      message: field.message === undefined ? undefined : this.#message(field.message),
      enum: field.enum === undefined ? undefined : this.#enums.get(field.enum.typeName),
      comment,
    }
  }

  #message(message: DescMessage): MessageType {
    return this.#messages.get(message.typeName)!
  }
}

/** The entries of maps stand among the nested types of a descriptor, so positions are those of the descriptor. */
const nestedPath = (message: DescMessage, nested: DescMessage, path: readonly number[]): readonly number[] => [
  ...path,
  PATHS.nestedMessage,
  message.proto.nestedType.indexOf(nested.proto),
]

const kindOf = (field: DescField | DescExtension): FieldType['kind'] => {
  if (field.message !== undefined) return 'message'
  return field.enum !== undefined ? 'enum' : SCALARS[field.scalar!]
}

const SCALARS: Readonly<Record<ScalarType, ScalarKind>> = {
  [ScalarType.DOUBLE]: 'double',
  [ScalarType.FLOAT]: 'float',
  [ScalarType.INT64]: 'int64',
  [ScalarType.UINT64]: 'uint64',
  [ScalarType.INT32]: 'int32',
  [ScalarType.FIXED64]: 'fixed64',
  [ScalarType.FIXED32]: 'fixed32',
  [ScalarType.BOOL]: 'bool',
  [ScalarType.STRING]: 'string',
  [ScalarType.BYTES]: 'bytes',
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.SFIXED32]: 'sfixed32',
  [ScalarType.SFIXED64]: 'sfixed64',
  [ScalarType.SINT32]: 'sint32',
  [ScalarType.SINT64]: 'sint64',
}

const methodSource = (method: DescMethod, info: SourceInfo, path: readonly number[]): MethodSource => {
  const place = info.place(path)
  return {
    name: method.name,
    input: method.input.typeName,
    output: method.output.typeName,
    clientStreaming: method.proto.clientStreaming,
    serverStreaming: method.proto.serverStreaming,
    idempotency: MethodOptions_IdempotencyLevel[method.idempotency] ?? 'IDEMPOTENCY_UNKNOWN',
    rule: ruleOf(method.proto, place),
    place,
    comment: info.comment(path),
  }
}
