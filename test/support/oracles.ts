import {
  create,
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  Edition,
  EnumDescriptorProtoSchema,
  FeatureSet_EnumType,
  FeatureSet_FieldPresence,
  FeatureSet_JsonFormat,
  FeatureSet_MessageEncoding,
  FeatureSet_RepeatedFieldEncoding,
  FeatureSet_Utf8Validation,
  FeatureSetSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  OneofDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import protobuf from 'protobufjs'
import protojson from 'protobufjs/ext/protojson.js'
import { type CodecOptions, CodecTable } from '../../src/codec/codec.ts'
import type { EnumType, FieldType, MessageType } from '../../src/core/descriptor.ts'
import { Bytes, type Transcode } from '../../src/core/message.ts'
import { includeText } from '../../src/schema/include.ts'

/** The same types for @bufbuild/protobuf, extensions too: written as editions, whose features say all that a FieldType knows. */
export const bufbuildTypes = (roots: readonly MessageType[]): FileRegistry => {
  const messages = new Map<string, MessageType>()
  const enums = new Map<string, EnumType>()
  const visit = (type: MessageType): void => {
    if (messages.has(type.name)) return
    messages.set(type.name, type)
    for (const field of type.fields) {
      if (field.message !== undefined) visit(field.message)
      if (field.enum !== undefined) enums.set(field.enum.name, field.enum)
    }
  }
  for (const root of roots) visit(root)
  const files = new Map<string, FileDescriptorProto>()
  const made = new Map<string, DescriptorProto>()
  const fileOf = (name: string): FileDescriptorProto => {
    const parts = name.split('.')
    const message = parts.findIndex((part) => /^[A-Z]/.test(part))
    const scope = parts.slice(0, message === -1 ? parts.length - 1 : message).join('.')
    let file = files.get(scope)
    if (file === undefined) {
      file = create(FileDescriptorProtoSchema, {
        name: `${scope}.proto`,
        package: scope,
        syntax: 'editions',
        edition: Edition.EDITION_2023,
      })
      files.set(scope, file)
    }
    return file
  }
  for (const name of [...messages.keys()].sort()) {
    const message = messageProto(messages.get(name)!)
    made.set(name, message)
    const parent = made.get(name.slice(0, name.lastIndexOf('.')))
    if (parent === undefined) fileOf(name).messageType.push(message)
    else parent.nestedType.push(message)
  }
  for (const type of enums.values()) {
    const parent = made.get(type.name.slice(0, type.name.lastIndexOf('.')))
    if (parent === undefined) fileOf(type.name).enumType.push(enumProto(type))
    else parent.enumType.push(enumProto(type))
  }
  for (const type of messages.values())
    for (const field of type.fields) {
      if (!field.name.startsWith('[')) continue
      const name = field.name.slice(1, -1)
      const extension = fieldProto({ ...field, name: short(name), jsonName: '' })
      extension.extendee = `.${type.name}`
      const parent = made.get(name.slice(0, name.lastIndexOf('.')))
      if (parent === undefined) fileOf(name).extension.push(extension)
      else parent.extension.push(extension)
    }
  const order = (file: FileDescriptorProto): number => (file.package === 'google.protobuf' ? 0 : 1)
  const file = [...files.values()].sort((a, b) => order(a) - order(b))
  return createFileRegistry(create(FileDescriptorSetSchema, { file }))
}

const short = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

const enumProto = (type: EnumType) =>
  create(EnumDescriptorProtoSchema, {
    name: short(type.name),
    value: [...type.numbers].map(([name, number]) => ({ name, number })),
    options: {
      allowAlias: type.names.size < type.numbers.size,
      features: create(FeatureSetSchema, {
        enumType: type.open ? FeatureSet_EnumType.OPEN : FeatureSet_EnumType.CLOSED,
      }),
    },
  })

const messageProto = (type: MessageType): DescriptorProto => {
  const message = create(DescriptorProtoSchema, { name: short(type.name) })
  const oneofs: string[] = []
  for (const field of type.fields) {
    if (field.name.startsWith('[')) continue
    if (field.oneof !== undefined && !oneofs.includes(field.oneof)) oneofs.push(field.oneof)
    const proto = fieldProto(field)
    if (field.oneof !== undefined) proto.oneofIndex = oneofs.indexOf(field.oneof)
    if (field.mapKey !== undefined) {
      const entry = entryName(field.name)
      proto.typeName = `.${type.name}.${entry}`
      proto.type = FieldDescriptorProto_Type.MESSAGE
      message.nestedType.push(entryProto(entry, field))
    }
    message.field.push(proto)
  }
  message.oneofDecl = oneofs.map((name) => create(OneofDescriptorProtoSchema, { name }))
  return message
}

/** The name that protoc gives to the message of a map entry. */
const entryName = (name: string): string =>
  `${name
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')}Entry`

const entryProto = (name: string, field: FieldType): DescriptorProto => {
  const value = {
    ...field,
    name: 'value',
    jsonName: 'value',
    number: 2,
    mapKey: undefined,
    presence: false,
    oneof: undefined,
  }
  const key = {
    ...value,
    name: 'key',
    jsonName: 'key',
    number: 1,
    kind: field.mapKey!,
    message: undefined,
    enum: undefined,
  }
  return create(DescriptorProtoSchema, {
    name,
    field: [fieldProto(key), fieldProto({ ...value, presence: field.kind === 'message' })],
    options: { mapEntry: true },
  })
}

const TYPES: Readonly<Record<string, FieldDescriptorProto_Type>> = {
  double: FieldDescriptorProto_Type.DOUBLE,
  float: FieldDescriptorProto_Type.FLOAT,
  int32: FieldDescriptorProto_Type.INT32,
  int64: FieldDescriptorProto_Type.INT64,
  uint32: FieldDescriptorProto_Type.UINT32,
  uint64: FieldDescriptorProto_Type.UINT64,
  sint32: FieldDescriptorProto_Type.SINT32,
  sint64: FieldDescriptorProto_Type.SINT64,
  fixed32: FieldDescriptorProto_Type.FIXED32,
  fixed64: FieldDescriptorProto_Type.FIXED64,
  sfixed32: FieldDescriptorProto_Type.SFIXED32,
  sfixed64: FieldDescriptorProto_Type.SFIXED64,
  bool: FieldDescriptorProto_Type.BOOL,
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
  enum: FieldDescriptorProto_Type.ENUM,
  message: FieldDescriptorProto_Type.MESSAGE,
}

const fieldProto = (field: FieldType) => {
  const list = field.repeated || field.mapKey !== undefined
  const typeName = field.message?.name ?? field.enum?.name
  const features = create(FeatureSetSchema, {
    repeatedFieldEncoding: field.packed
      ? FeatureSet_RepeatedFieldEncoding.PACKED
      : FeatureSet_RepeatedFieldEncoding.EXPANDED,
    utf8Validation: field.utf8 ? FeatureSet_Utf8Validation.VERIFY : FeatureSet_Utf8Validation.NONE,
    messageEncoding: field.delimited
      ? FeatureSet_MessageEncoding.DELIMITED
      : FeatureSet_MessageEncoding.LENGTH_PREFIXED,
    jsonFormat: FeatureSet_JsonFormat.ALLOW,
  })
  if (!list && field.oneof === undefined && field.kind !== 'message')
    features.fieldPresence = field.required
      ? FeatureSet_FieldPresence.LEGACY_REQUIRED
      : field.presence
        ? FeatureSet_FieldPresence.EXPLICIT
        : FeatureSet_FieldPresence.IMPLICIT
  return create(FieldDescriptorProtoSchema, {
    name: field.name,
    ...(field.jsonName === '' ? {} : { jsonName: field.jsonName }),
    number: field.number,
    label: list ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    type: TYPES[field.kind]!,
    ...(typeName === undefined ? {} : { typeName: `.${typeName}` }),
    options: create(FieldOptionsSchema, { features }),
  })
}

export const bufbuildMessage = (registry: FileRegistry, name: string): DescMessage => {
  const found = registry.getMessage(name)
  if (found === undefined) throw new Error(`no type ${name}`)
  return found
}

/** A protobufjs type with its ProtoJSON extension. */
export interface ProtobufjsJson extends protobuf.Type {
  fromJsonString(text: string, options?: object): protobuf.Message
  toJsonString(message: object): string
}

/** The types of .proto texts as protobufjs reads them by default: its extension expects the camel case that this makes. */
export const protobufjsTypes = (...texts: readonly string[]): ((name: string) => ProtobufjsJson) => {
  const root = new protobuf.Root()
  const seen = new Set<string>()
  const parse = (text: string): void => {
    const { imports } = protobuf.parse(text, root)
    for (const name of imports ?? []) {
      if (seen.has(name)) continue
      seen.add(name)
      parse(includeText(name)!)
    }
  }
  for (const text of texts) parse(text)
  root.resolveAll()
  ;(protojson as unknown as { install(from: typeof protobuf): void }).install(protobuf)
  return (name) => root.lookupType(name) as ProtobufjsJson
}

/** One implementation of ProtoJSON for one type. What it refuses it throws, in whatever form. */
export interface Oracle {
  readonly name: OracleName
  /** JSON → wire. The text must be UTF-8. */
  parse(json: Uint8Array): Uint8Array
  /** Wire → JSON. */
  print(wire: Uint8Array): string
}
export type OracleName = 'reference' | 'compiled' | 'protobufjs' | 'bufbuild'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Our own codec as an oracle: `compiled: false` is the reference lane, which everything else is measured by. */
export const ownOracle = (
  type: MessageType,
  find: (name: string) => MessageType | undefined,
  compiled: NonNullable<CodecOptions['compiled']>,
): Oracle => {
  const table = new CodecTable(find, { compiled })
  const [json, proto] = [table.codec('json'), table.codec('proto')]
  const run = (transcode: Transcode, bytes: Uint8Array): Buffer => {
    const out = new Bytes()
    transcode(bytes, out, undefined)
    return out.take()
  }
  const [toWire, toJson] = [table.transcoder(type, json, proto), table.transcoder(type, proto, json)]
  return {
    name: compiled === false ? 'reference' : 'compiled',
    parse: (text) => run(toWire, text),
    print: (wire) => run(toJson, wire).toString(),
  }
}

/** protobufjs with its extension `ext/protojson`, over the .proto texts that declare the type. */
export const protobufjsOracle = (type: MessageType, texts: readonly string[]): Oracle => {
  const theirs = protobufjsTypes(...texts)(type.name)
  return {
    name: 'protobufjs',
    parse: (text) => theirs.encode(theirs.fromJsonString(utf8.decode(text))).finish(),
    print: (wire) => theirs.toJsonString(theirs.decode(wire)),
  }
}

/** @bufbuild/protobuf over descriptors made of the type and of what it refers to; `more` may be in an Any. */
export const bufbuildOracle = (type: MessageType, more: readonly MessageType[] = []): Oracle => {
  const registry = bufbuildTypes([type, ...more])
  const schema = bufbuildMessage(registry, type.name)
  return {
    name: 'bufbuild',
    parse: (text) => toBinary(schema, fromJsonString(schema, utf8.decode(text), { registry })),
    print: (wire) => toJsonString(schema, fromBinary(schema, wire), { registry }),
  }
}
