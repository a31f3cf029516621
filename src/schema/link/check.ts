import { defaultJsonName } from '../message-type.ts'
import { type EnumNode, type FieldNode, MAX_FIELD_NUMBER, type MessageNode, type Range } from '../parse/index.ts'
import { type ProtoFile, placeText, report } from './file.ts'
import { booleanOption, featuresOf, isLegacy, textOption } from './options.ts'

const FIRST_IMPLEMENTATION_NUMBER = 19_000n
const LAST_IMPLEMENTATION_NUMBER = 19_999n
const MIN_INT32 = -2_147_483_648n
const MAX_INT32 = 2_147_483_647n

/** Numbers, reserved names and JSON names of a message's own fields. */
export const checkMessage = (file: ProtoFile, message: MessageNode): void => {
  const numbers = new Map<bigint, FieldNode>()
  const isReserved = rangeTest(message.reserved.ranges)
  const isExtension = rangeTest(message.extensionRanges)
  const reservedNames = new Set(message.reserved.names.map(({ text }) => text))
  for (const field of message.fields) {
    checkNumber(file, field)
    const { value } = field.number
    const before = numbers.get(value)
    if (before === undefined) numbers.set(value, field)
    else
      report(
        file,
        field.number,
        'PROTO_DUPLICATE_NUMBER',
        `the number ${value} is used twice in "${message.name.text}"`,
        {
          hint: `first by "${before.name.text}", ${placeText(file, before.number)}`,
        },
      )
    if (isReserved(value))
      report(file, field.number, 'PROTO_RESERVED', `the number ${value} is reserved in "${message.name.text}"`)
    if (isExtension(value))
      report(
        file,
        field.number,
        'PROTO_RESERVED',
        `the number ${value} is kept for extensions of "${message.name.text}"`,
      )
    if (reservedNames.has(field.name.text))
      report(file, field.name, 'PROTO_RESERVED', `the name "${field.name.text}" is reserved in "${message.name.text}"`)
  }
  checkJsonNames(file, message)
  if (booleanOption(message.options, 'message_set_wire_format') === true)
    report(
      file,
      message.name,
      'PROTO_UNSUPPORTED',
      `"${message.name.text}" is a message set: its extensions are passed on as unknown fields and are absent in JSON`,
      { severity: 'warning' },
    )
}

export const checkNumber = (file: ProtoFile, field: FieldNode): void => {
  const { value } = field.number
  if (value < 1n || value > MAX_FIELD_NUMBER)
    report(file, field.number, 'PROTO_NUMBER', `${value} is not a field number, they go from 1 to ${MAX_FIELD_NUMBER}`)
  else if (value >= FIRST_IMPLEMENTATION_NUMBER && value <= LAST_IMPLEMENTATION_NUMBER)
    report(
      file,
      field.number,
      'PROTO_NUMBER',
      `${value} is not a field number, 19000 to 19999 belong to protobuf itself`,
    )
}

/** The number of an extension must lie in a range that the extended message keeps for them. */
export const checkExtension = (file: ProtoFile, field: FieldNode, extendee: MessageNode): void => {
  checkNumber(file, field)
  if (!rangeTest(extendee.extensionRanges)(field.number.value))
    report(
      file,
      field.number,
      'PROTO_NUMBER',
      `"${extendee.name.text}" keeps no number ${field.number.value} for extensions`,
    )
  if (field.label === 'required') report(file, field.name, 'PROTO_UNSUPPORTED', 'an extension cannot be required')
  if (textOption(field.options, 'json_name') !== undefined)
    report(file, field.name, 'PROTO_OPTION', 'an extension has no json_name, its JSON key is its full name in brackets')
}

/** Whether a number lies in one of the ranges. */
const rangeTest = (ranges: readonly Range[]): ((value: bigint) => boolean) => {
  const merged: { readonly from: bigint; to: bigint }[] = []
  for (const { from, to } of ranges.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = merged.at(-1)
    if (last === undefined || from > last.to) merged.push({ from, to })
    else if (to > last.to) last.to = to
  }
  return (value) => {
    let low = 0
    let high = merged.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (merged[middle]!.from <= value) low = middle + 1
      else high = middle
    }
    const candidate = merged[low - 1]
    return candidate !== undefined && value <= candidate.to
  }
}

/** Two fields with one JSON key: a JSON member could mean either. proto2 allows it and warns. */
const checkJsonNames = (file: ProtoFile, message: MessageNode): void => {
  const legacy = booleanOption(message.options, 'deprecated_legacy_json_field_conflicts') === true
  const bestEffort = featuresOf([...file.node.options, ...message.options]).json_format === 'LEGACY_BEST_EFFORT'
  const severity = file.node.syntax === 'proto2' || legacy || bestEffort ? 'warning' : 'error'
  const seen = new Map<string, FieldNode>()
  for (const field of message.fields) {
    const written = textOption(field.options, 'json_name')
    const name = written ?? defaultJsonName(field.name.text)
    if (written?.startsWith('[') && written.endsWith(']'))
      report(file, field.name, 'PROTO_OPTION', `the json_name "${written}" has the form of an extension`)
    const before = seen.get(name)
    if (before === undefined) seen.set(name, field)
    else if (before.name.text !== field.name.text)
      report(file, field.name, 'PROTO_DUPLICATE_JSON_NAME', `the JSON name "${name}" is that of two fields`, {
        severity,
        hint: `the other is "${before.name.text}", ${placeText(file, before.name)}; set json_name on one of them`,
      })
  }
}

export const checkEnum = (file: ProtoFile, node: EnumNode): void => {
  const [first] = node.values
  if (first === undefined) {
    report(file, node.name, 'PROTO_ENUM', `the enum "${node.name.text}" has no values`)
    return
  }
  if (isOpen(file, node) && first.number.value !== 0n)
    report(file, first.number, 'PROTO_ENUM', `the first value of the open enum "${node.name.text}" must be 0`)
  const aliases = booleanOption(node.options, 'allow_alias') === true
  const seen = new Map<bigint, string>()
  const isReserved = rangeTest(node.reserved.ranges)
  const reservedNames = new Set(node.reserved.names.map(({ text }) => text))
  for (const { name, number } of node.values) {
    const { value } = number
    if (value < MIN_INT32 || value > MAX_INT32)
      report(file, number, 'PROTO_NUMBER', `${value} does not fit into an enum, which is an int32`)
    if (isReserved(value) || reservedNames.has(name.text))
      report(file, name, 'PROTO_RESERVED', `"${name.text} = ${value}" is reserved in "${node.name.text}"`)
    const before = seen.get(value)
    if (before !== undefined && !aliases)
      report(file, number, 'PROTO_DUPLICATE_NUMBER', `the number ${value} is used twice in "${node.name.text}"`, {
        hint: `first by "${before}"; option allow_alias = true; permits it`,
      })
    seen.set(value, before ?? name.text)
  }
}

const isOpen = (file: ProtoFile, node: EnumNode): boolean => {
  if (isLegacy(file.node.syntax)) return file.node.syntax === 'proto3'
  return featuresOf([...file.node.options, ...node.options]).enum_type !== 'CLOSED'
}
