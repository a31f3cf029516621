/**
 * What the gateway knows of a protobuf type, whatever it was read from (.proto text, descriptor set, reflection). The codecs,
 * the binder and the mock work on these and on nothing else. Built by `src/schema`; immutable once the schema is compiled.
 */
export type ScalarKind =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'

export interface EnumType {
  /** Fully qualified, no leading dot. */
  readonly name: string
  /** Every name, aliases included. */
  readonly numbers: ReadonlyMap<string, number>
  /** The first name of each number. */
  readonly names: ReadonlyMap<number, string>
  /** Open (proto3, editions default): unknown numbers are values. Closed (proto2): they are not. */
  readonly open: boolean
}

export interface FieldType {
  /** As written in the .proto. */
  readonly name: string
  /** `json_name`, else the lowerCamelCase of `name`; `[pkg.ext]` for an extension. */
  readonly jsonName: string
  readonly number: number
  /** Kind of one element; of a map: kind of its values. */
  readonly kind: ScalarKind | 'enum' | 'message'
  readonly repeated: boolean
  /** Kind of the keys when this is a map field; then `repeated` is false. */
  readonly mapKey: ScalarKind | undefined
  readonly packed: boolean
  /** Wire form of a message field: group (proto2, editions DELIMITED) or length-prefixed. */
  readonly delimited: boolean
  /** Presence is tracked: `optional`, proto2, messages, oneof members. Without it the default value is not written. */
  readonly presence: boolean
  readonly required: boolean
  /** Strings must be valid UTF-8 (proto3, editions VERIFY). */
  readonly utf8: boolean
  /** Name of the real oneof that it is a member of; synthetic ones of proto3 `optional` do not count. */
  readonly oneof: string | undefined
  /** For kind `message`. */
  readonly message: MessageType | undefined
  /** For kind `enum`. */
  readonly enum: EnumType | undefined
  /** Text of the leading comment, trimmed; empty when there is none. */
  readonly comment: string
}

export interface MessageType {
  /** Fully qualified, no leading dot: `google.protobuf.Timestamp`. */
  readonly name: string
  /** In the order of their numbers. */
  readonly fields: readonly FieldType[]
  /** By proto name or JSON name; where the two clash the JSON name wins. Safe for any string (`__proto__`). */
  field(name: string): FieldType | undefined
  byNumber(number: number): FieldType | undefined
  readonly comment: string
}

/** A field path of an HTTP binding: `['inner', 'child', 'name']`, resolved. */
export type FieldPath = readonly FieldType[]
