import type { EnumType, FieldType, MessageType, ScalarKind } from '../core/descriptor.ts'

/** Kinds of one element that have no type of their own. */
export const SCALARS: ReadonlySet<string> = new Set<ScalarKind>([
  'double',
  'float',
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
  'bytes',
])
export const isScalar = (type: string): type is ScalarKind => SCALARS.has(type)

/** Repeated fields of these kinds may be packed: everything of a fixed or varint wire type. */
export const isPackable = (kind: FieldType['kind']): boolean =>
  kind !== 'string' && kind !== 'bytes' && kind !== 'message'

/**
 * A MessageType in the making. Types refer to each other in circles, so a type exists before its fields do; whoever builds a
 * schema calls `define` once for each and hands out the finished ones only.
 */
export class MessageTypeBuilder implements MessageType {
  readonly name: string
  readonly comment: string
  fields: readonly FieldType[] = []
  readonly #byName = new Map<string, FieldType>()
  readonly #byNumber = new Map<number, FieldType>()

  constructor(name: string, comment: string) {
    this.name = name
    this.comment = comment
  }

  define(fields: readonly FieldType[]): void {
    this.fields = fields.toSorted((a, b) => a.number - b.number)
    for (const field of this.fields) this.#byName.set(field.name, field)
    for (const field of this.fields) this.#byName.set(field.jsonName, field)
    for (const field of this.fields) this.#byNumber.set(field.number, field)
  }
  field(name: string): FieldType | undefined {
    return this.#byName.get(name)
  }
  byNumber(number: number): FieldType | undefined {
    return this.#byNumber.get(number)
  }
}

/** The first name of a number is its name; later ones are aliases that are read and never written. */
export const makeEnumType = (
  name: string,
  values: Iterable<readonly [name: string, number: number]>,
  open: boolean,
): EnumType => {
  const numbers = new Map<string, number>()
  const names = new Map<number, string>()
  for (const [value, number] of values) {
    numbers.set(value, number)
    if (!names.has(number)) names.set(number, value)
  }
  return { name, numbers, names, open }
}

/** `json_name` where the .proto sets none: each `_` goes, the letter behind it becomes upper case (as protoc does it). */
export const defaultJsonName = (name: string): string =>
  name.replace(/_+(.?)/g, (_, letter: string) => (letter >= 'a' && letter <= 'z' ? letter.toUpperCase() : letter))
