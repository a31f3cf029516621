import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { FileDescriptorProto, MethodDescriptorProto } from '@bufbuild/protobuf/wkt'
import type { Place } from '../../core/schema.ts'
import type { RawMember, RawRule } from '../http-rule.ts'

/** `extend google.protobuf.MethodOptions { HttpRule http = 72295728; }` of google/api/annotations.proto. */
const HTTP = 72_295_728
/** `buf build` marks the files that are in an image only because others import them. */
const BUF_FILE = 8042
const BUF_IS_IMPORT = 1

/** Names of the string fields of google.api.HttpRule, by number. */
const STRINGS = new Map([
  [1, 'selector'],
  [2, 'get'],
  [3, 'put'],
  [4, 'post'],
  [5, 'delete'],
  [6, 'patch'],
  [7, 'body'],
  [12, 'response_body'],
])
const CUSTOM = 8
const ADDITIONAL = 11
/** Members of google.api.CustomHttpPattern. */
const CUSTOM_STRINGS = new Map([
  [1, 'kind'],
  [2, 'path'],
])
/** One level is allowed; what is deeper is read so that it can be refused by name. */
const MAX_DEPTH = 3

/** The `google.api.http` option of a method. It has no place of its own in a descriptor, so it has the method's. */
export const ruleOf = (method: MethodDescriptorProto, place: Place): RawRule | undefined => {
  const fields = (method.options?.$unknown ?? []).filter(
    ({ no, wireType }) => no === HTTP && wireType === WireType.LengthDelimited,
  )
  if (fields.length === 0) return undefined
  const members = fields.flatMap(({ data }) => readRule(new BinaryReader(data).bytes(), place, 0).members)
  return { place, members }
}

const readRule = (bytes: Uint8Array, place: Place, depth: number): RawRule => {
  const members: RawMember[] = []
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const name = STRINGS.get(number)
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType, number)
    else if (name !== undefined) members.push({ name, value: reader.string(), place })
    else if (number === CUSTOM) members.push({ name: 'custom', value: readCustom(reader.bytes(), place), place })
    else if (number === ADDITIONAL && depth < MAX_DEPTH)
      members.push({ name: 'additional_bindings', value: readRule(reader.bytes(), place, depth + 1), place })
    else reader.skip(wireType, number)
  }
  return { place, members: lastOfEach(members) }
}

const readCustom = (bytes: Uint8Array, place: Place): RawRule => {
  const members: RawMember[] = []
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const name = CUSTOM_STRINGS.get(number)
    if (name !== undefined && wireType === WireType.LengthDelimited)
      members.push({ name, value: reader.string(), place })
    else reader.skip(wireType, number)
  }
  return { place, members: lastOfEach(members) }
}

/** On the wire the last occurrence of a singular field counts, and the last member of the oneof `pattern`. */
const lastOfEach = (members: readonly RawMember[]): readonly RawMember[] => {
  const last = new Map<string, RawMember>()
  for (const member of members) if (member.name !== 'additional_bindings') last.set(slotOf(member.name), member)
  return members.filter((member) => member.name === 'additional_bindings' || last.get(slotOf(member.name)) === member)
}
const PATTERNS: ReadonlySet<string> = new Set(['get', 'put', 'post', 'delete', 'patch', 'custom'])
const slotOf = (name: string): string => (PATTERNS.has(name) ? 'pattern' : name)

export const isImported = (file: FileDescriptorProto): boolean =>
  (file.$unknown ?? []).some(({ no, wireType, data }) => {
    if (no !== BUF_FILE || wireType !== WireType.LengthDelimited) return false
    const reader = new BinaryReader(new BinaryReader(data).bytes())
    let imported = false
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag()
      if (number === BUF_IS_IMPORT && type === WireType.Varint) imported = reader.bool()
      else reader.skip(type, number)
    }
    return imported
  })
