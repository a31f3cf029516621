import { nearest } from '../../core/config-error.ts'
import { includeText } from '../include.ts'
import {
  type AggregateField,
  type EnumNode,
  type FieldNode,
  type FileNode,
  type Ident,
  type MessageNode,
  type OptionNode,
  type OptionValue,
  parseProto,
  type Syntax,
} from '../parse/index.ts'
import { type ProtoFile, report } from './file.ts'
import type { Resolver } from './resolve.ts'
import type { Declaration } from './symbols.ts'

/** What an option may belong to, and the message of google/protobuf/descriptor.proto that lists its options. */
const TARGETS = {
  file: 'FileOptions',
  message: 'MessageOptions',
  field: 'FieldOptions',
  oneof: 'OneofOptions',
  enum: 'EnumOptions',
  value: 'EnumValueOptions',
  service: 'ServiceOptions',
  method: 'MethodOptions',
} as const
export type OptionTarget = keyof typeof TARGETS

let descriptor: FileNode | undefined
const optionsMessage = (name: string): MessageNode => {
  descriptor ??= parseProto('descriptor.proto', includeText('google/protobuf/descriptor.proto') ?? '').node
  const found = descriptor.messages.find((message) => message.name.text === name)
  if (found === undefined) throw new Error(`the built-in google/protobuf/descriptor.proto has no ${name}`)
  return found
}

/**
 * Checks names and values of built-in options, and that the extensions behind custom ones are imported. Returns what those
 * names mean.
 */
export const checkOptions = (
  file: ProtoFile,
  resolver: Resolver,
  target: OptionTarget,
  options: readonly OptionNode[],
  scope: string,
): ReadonlyMap<Ident, Declaration> => {
  const meaning = new Map<Ident, Declaration>()
  if (options.length === 0) return meaning
  const seen = new Set<string>()
  const known = optionsMessage(TARGETS[target])
  for (const option of options) {
    const [first] = option.name
    if (first === undefined) continue
    const name = option.name.map(({ text, extension }) => (extension ? `(${text})` : text)).join('.')
    if (first.extension) {
      const extension = resolver.option(first, scope)
      if (extension !== undefined) meaning.set(first, extension)
      continue
    }
    const repeated = known.fields.some((field) => field.name.text === name && field.label === 'repeated')
    if (seen.has(name) && !repeated) report(file, option, 'PROTO_OPTION', `the option "${name}" is set twice`)
    seen.add(name)
    if (first.text === 'features') checkFeatures(file, option, target)
    else if (target === 'field' && (first.text === 'json_name' || first.text === 'default'))
      checkFieldOption(file, option)
    else checkBuiltIn(file, known, option, first)
  }
  return meaning
}

const checkFieldOption = (file: ProtoFile, option: OptionNode): void => {
  if (option.name[0]!.text !== 'json_name') return
  if (option.value.kind !== 'string') report(file, option.value, 'PROTO_OPTION', 'json_name is a string')
  else if (option.value.bytes.includes(0)) report(file, option.value, 'PROTO_OPTION', 'json_name holds no U+0000')
}

const checkBuiltIn = (file: ProtoFile, known: MessageNode, option: OptionNode, first: Ident): void => {
  const field = known.fields.find(({ name }) => name.text === first.text)
  if (field !== undefined) {
    checkValue(file, known, field.type.text, first.text, option.value)
    return
  }
  const near = nearest(
    first.text,
    known.fields.map(({ name }) => name.text),
  )
  report(file, first, 'PROTO_UNKNOWN_OPTION', `no option "${first.text}", it is ignored`, {
    severity: 'warning',
    hint: near === undefined ? 'a custom option stands in parentheses: (my.option)' : `did you mean "${near}"?`,
  })
}

const checkValue = (file: ProtoFile, known: MessageNode, type: string, name: string, value: OptionValue): void => {
  if (type === 'bool' && !(value.kind === 'name' && (value.text === 'true' || value.text === 'false')))
    report(file, value, 'PROTO_OPTION', `"${name}" is true or false`)
  if (type === 'string' && value.kind !== 'string') report(file, value, 'PROTO_OPTION', `"${name}" is a string`)
  const enumeration = known.enums.find((one) => one.name.text === lastOf(type))
  if (enumeration !== undefined) checkEnumValue(file, enumeration, name, value)
}
const lastOf = (type: string): string => type.slice(type.lastIndexOf('.') + 1)

const checkEnumValue = (file: ProtoFile, enumeration: EnumNode, name: string, value: OptionValue): void => {
  const values = enumeration.values.map((one) => one.name.text)
  if (value.kind === 'name' && values.includes(value.text)) return
  const written = value.kind === 'name' ? value.text : ''
  const near = nearest(written, values)
  report(file, value, 'PROTO_OPTION', `"${name}" has no value "${written}"`, {
    hint: near === undefined ? `known: ${values.join(', ')}` : `did you mean "${near}"?`,
  })
}

/** `features.field_presence = IMPLICIT` and `features = { field_presence: IMPLICIT }`. */
const checkFeatures = (file: ProtoFile, option: OptionNode, target: OptionTarget): void => {
  if (isLegacy(file.node.syntax)) {
    report(file, option, 'PROTO_OPTION', `features belong to editions, this file is ${file.node.syntax}`)
    return
  }
  const known = optionsMessage('FeatureSet')
  for (const { name, value } of featureFields(option)) {
    const field = known.fields.find((one) => one.name.text === name.text)
    if (field !== undefined) {
      checkValue(file, known, field.type.text, name.text, value)
      if (!targetsOf(field).includes(`TARGET_TYPE_${target === 'value' ? 'ENUM_ENTRY' : target.toUpperCase()}`))
        report(file, name, 'PROTO_OPTION', `the feature "${name.text}" cannot be set on a ${target}`)
      continue
    }
    const near = nearest(
      name.text,
      known.fields.map((one) => one.name.text),
    )
    report(file, name, 'PROTO_UNKNOWN_OPTION', `no feature "${name.text}"`, {
      hint: near === undefined ? undefined : `did you mean "${near}"?`,
    })
  }
}

/** What a feature may be set on: its own option `targets` says so. */
const targetsOf = (field: FieldNode): readonly string[] =>
  field.options.flatMap(({ name, value }) => (name[0]?.text === 'targets' && value.kind === 'name' ? [value.text] : []))

export const isLegacy = (syntax: Syntax): boolean => syntax === 'proto2' || syntax === 'proto3'

/** Features of languages, `features.(pb.cpp).string_type`, mean nothing here. */
const featureFields = (option: OptionNode): readonly AggregateField[] => {
  const [, second] = option.name
  if (second === undefined)
    return option.value.kind === 'message' ? option.value.fields.filter(({ name }) => !name.text.startsWith('[')) : []
  return second.extension ? [] : [{ name: second, value: option.value }]
}

/** The features that the options of one element set, by name. */
export const featuresOf = (options: readonly OptionNode[]): Record<string, string> => {
  const features: Record<string, string> = Object.create(null)
  for (const option of options) {
    const [first] = option.name
    if (first === undefined || first.extension || first.text !== 'features') continue
    for (const { name, value } of featureFields(option)) if (value.kind === 'name') features[name.text] = value.text
  }
  return features
}

const optionValue = (options: readonly OptionNode[], name: string): OptionValue | undefined =>
  options.find((option) => option.name.length === 1 && !option.name[0]!.extension && option.name[0]!.text === name)
    ?.value

export const booleanOption = (options: readonly OptionNode[], name: string): boolean | undefined => {
  const value = optionValue(options, name)
  return value?.kind === 'name' ? value.text === 'true' : undefined
}
/** Text of a string, or the name of an enum's value. */
export const textOption = (options: readonly OptionNode[], name: string): string | undefined => {
  const value = optionValue(options, name)
  if (value?.kind === 'string') return value.bytes.toString()
  return value?.kind === 'name' ? value.text : undefined
}
