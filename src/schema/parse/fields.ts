import { readBracketedOptions } from './options.ts'
import type { Reader } from './reader.ts'
import type { FieldNode, Ident, Range, Reserved, Syntax } from './syntax.ts'

/** Where a field stands, as far as the grammar of its beginning depends on it. */
export interface FieldScope {
  readonly syntax: Syntax
  /** The file says what its syntax is. */
  readonly declared: boolean
  readonly oneof: string | undefined
  readonly extend: boolean
}

/** A field up to its body: a group goes on with `{`, all others are complete. */
export type FieldHead = FieldNode & { readonly groupType: Ident | undefined }

const LABELS = ['optional', 'required', 'repeated'] as const

/** Reads `[label] type name = number [options]` or `map<K, V> name = number [options]`, without the final `;`. */
export const readField = (reader: Reader, scope: FieldScope, comment: string): FieldHead => {
  const start = reader.token
  const label = LABELS.find((word) => reader.is(word))
  if (label !== undefined) {
    checkLabel(reader, label, scope)
    reader.advance()
  }
  if (reader.is('map') && reader.peek().text === '<') return readMap(reader, scope, label, comment)
  if (label === undefined && scope.syntax === 'proto2' && scope.oneof === undefined)
    reader.fail(
      `a field of proto2 begins with "optional", "required" or "repeated", ${reader.found()}`,
      start,
      scope.declared ? undefined : 'a file that does not say its syntax is proto2; begin it with: syntax = "proto3";',
    )
  if (reader.is('group')) return readGroup(reader, scope, label, comment)
  const type = reader.typeName('the type of a field')
  return {
    ...rest(reader, reader.name('the name of a field')),
    ...kind(label, scope),
    type,
    mapKey: undefined,
    comment,
  }
}

const kind = (label: FieldNode['label'], scope: FieldScope) => ({
  label,
  oneof: scope.oneof,
  group: false,
  groupType: undefined,
})

const rest = (reader: Reader, name: Ident): Pick<FieldNode, 'name' | 'number' | 'options'> => {
  reader.expect('=', `behind the name of the field "${name.text}"`)
  return { name, number: reader.integer('the number of the field'), options: readBracketedOptions(reader) }
}

const checkLabel = (reader: Reader, label: (typeof LABELS)[number], scope: FieldScope): void => {
  if (scope.oneof !== undefined) reader.fail(`a field of a oneof has no label, found "${label}"`)
  if (label === 'required' && scope.syntax === 'proto3') reader.fail('proto3 has no required fields')
  if (label === 'repeated' || scope.syntax === 'proto2' || scope.syntax === 'proto3') return
  const feature = label === 'required' ? 'LEGACY_REQUIRED' : 'EXPLICIT'
  reader.fail(`editions have no label "${label}"`, reader.token, `write [features.field_presence = ${feature}]`)
}

const readMap = (reader: Reader, scope: FieldScope, label: FieldNode['label'], comment: string): FieldHead => {
  if (label !== undefined) reader.fail('a map field has no label')
  if (scope.oneof !== undefined) reader.fail('a map field cannot be a member of a oneof')
  if (scope.extend) reader.fail('a map field cannot be an extension')
  reader.advance()
  reader.expect('<', 'behind "map"')
  const mapKey = reader.typeName('the type of the keys')
  if (!MAP_KEYS.has(mapKey.text)) reader.fail(`keys of a map are integers, bool or string, not ${mapKey.text}`, mapKey)
  reader.expect(',', 'behind the type of the keys')
  const type = reader.typeName('the type of the values')
  reader.expect('>', 'behind the type of the values')
  return { ...rest(reader, reader.name('the name of a field')), ...kind(label, scope), type, mapKey, comment }
}

const MAP_KEYS: ReadonlySet<string> = new Set([
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
])

const readGroup = (reader: Reader, scope: FieldScope, label: FieldNode['label'], comment: string): FieldHead => {
  if (scope.syntax === 'proto3') reader.fail('proto3 has no groups')
  if (scope.syntax !== 'proto2')
    reader.fail(
      'editions have no groups',
      reader.token,
      'use a message field with [features.message_encoding = DELIMITED]',
    )
  reader.advance()
  const type = reader.name('the name of a group')
  const first = type.text.charAt(0)
  if (first < 'A' || first > 'Z') reader.fail('the name of a group begins with a capital letter', type)
  const name = { ...type, text: type.text.toLowerCase() }
  return {
    ...rest(reader, name),
    ...kind(label, scope),
    type,
    mapKey: undefined,
    comment,
    group: true,
    groupType: type,
  }
}

/** `1, 2 to 5, 7 to max`. `max` is the highest number that can stand there. */
export const readRanges = (reader: Reader, max: bigint): readonly Range[] => {
  const ranges: Range[] = []
  do {
    const start = reader.token
    const from = reader.integer('a number').value
    let to = from
    if (reader.take('to')) to = reader.take('max') ? max : reader.integer('the end of the range').value
    if (to < from) reader.fail('the range ends before it begins', reader.since(start))
    ranges.push({ from, to, ...reader.since(start) })
  } while (reader.take(','))
  return ranges
}

/** What stands behind `reserved`: ranges, or names (strings; identifiers in editions). */
export const readReserved = (reader: Reader, max: bigint): Reserved => {
  if (reader.token.kind !== 'string' && reader.token.kind !== 'name')
    return { ranges: readRanges(reader, max), names: [] }
  const names: Ident[] = []
  do {
    const { kind, text, offset, length } = reader.token
    if (kind === 'string') {
      reader.advance()
      names.push({ text: text.slice(1, -1), offset, length })
    } else names.push(reader.name('the name that is reserved'))
  } while (reader.take(','))
  return { ranges: [], names }
}
