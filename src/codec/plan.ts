import type { FieldType, MessageType } from '../core/descriptor.ts'

/** A decoded message: null prototype, keyed by JSON names (see `Message.value`). */
export type Value = Record<string, unknown>
/** A new, empty one. */
export const makeValue = (): Value => Object.create(null)

/**
 * Where a Value keeps the fields of the wire that its type does not have: whole fields with their tags, in the order in which they
 * came. An enumerable symbol, so that a copy by spread has them too.
 */
export const UNKNOWN: unique symbol = Symbol('unknown fields')
interface WithUnknown {
  [UNKNOWN]?: Uint8Array[]
}
/** The unknown fields of a value. */
export const unknownOf = (value: Value): readonly Uint8Array[] | undefined => (value as WithUnknown)[UNKNOWN]
/** Keeps one more of them. */
export const keepUnknown = (value: Value, field: Uint8Array): void => {
  const fields = (value as WithUnknown)[UNKNOWN]
  if (fields === undefined) (value as WithUnknown)[UNKNOWN] = [field]
  else fields.push(field)
}

/** Messages may stand in each other this deep; so may brackets in a JSON text. */
export const MAX_DEPTH = 100

/** Looks up a message type by its full name, for `google.protobuf.Any`. */
export type Types = (name: string) => MessageType | undefined

/** Types whose JSON form is not an object of their fields (ProtoJSON). `Any` counts: its object is not made of its own fields. */
export type WellKnown = 'any' | 'timestamp' | 'duration' | 'mask' | 'struct' | 'value' | 'list' | 'wrapper'
const WELL_KNOWN: ReadonlyMap<string, WellKnown> = new Map<string, WellKnown>([
  ['google.protobuf.Any', 'any'],
  ['google.protobuf.Timestamp', 'timestamp'],
  ['google.protobuf.Duration', 'duration'],
  ['google.protobuf.FieldMask', 'mask'],
  ['google.protobuf.Struct', 'struct'],
  ['google.protobuf.Value', 'value'],
  ['google.protobuf.ListValue', 'list'],
  ...['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    (name): [string, WellKnown] => [`google.protobuf.${name}Value`, 'wrapper'],
  ),
])
/** The fields that make a type what its name promises. */
const FIELDS: Readonly<Record<WellKnown, readonly string[]>> = {
  any: ['1 typeUrl string', '2 value bytes'],
  timestamp: ['1 seconds int64', '2 nanos int32'],
  duration: ['1 seconds int64', '2 nanos int32'],
  mask: ['1 paths string list'],
  struct: ['1 fields google.protobuf.Value map'],
  value: [
    '1 nullValue enum',
    '2 numberValue double',
    '3 stringValue string',
    '4 boolValue bool',
    '5 structValue google.protobuf.Struct',
    '6 listValue google.protobuf.ListValue',
  ],
  list: ['1 values google.protobuf.Value list'],
  wrapper: [],
}
const described = ({ number, jsonName, kind, message, repeated, mapKey }: FieldType): string =>
  `${number} ${jsonName} ${message?.name ?? kind}${repeated ? ' list' : mapKey === undefined ? '' : ' map'}`

/**
 * How the JSON form of this type differs, if it does. A schema may declare another type under such a name: that one is a message
 * like any other.
 */
export const wellKnown = (type: MessageType | undefined): WellKnown | undefined => {
  const form = type === undefined ? undefined : WELL_KNOWN.get(type.name)
  if (type === undefined || form === undefined) return undefined
  const fields = type.fields.map(described)
  const [first] = type.fields
  if (form === 'wrapper') return fields.length === 1 && fields[0] === `1 value ${first!.kind}` ? form : undefined
  return FIELDS[form].every((field) => fields.includes(field)) ? form : undefined
}

/** Wire types of the protobuf encoding. */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const GROUP = 3
export const GROUP_END = 4
export const FIXED32 = 5

/** Wire type of one value of a kind; of a message: with its length before it. */
export const wireOf = (kind: FieldType['kind']): number => {
  switch (kind) {
    case 'message':
    case 'string':
    case 'bytes':
      return BYTES
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return FIXED64
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return FIXED32
    default:
      return VARINT
  }
}

/** What the codecs want to know of a field, worked out once. */
export class FieldPlan {
  readonly field: FieldType
  /** Place among the fields of its message. */
  readonly index: number
  /** Its key in a Value. */
  readonly name: string
  /** Wire type of one element. */
  readonly wire: number
  /** Tag of one element; of a map: of an entry. */
  readonly tag: number
  /** Tag of the packed form; 0 when there is none. */
  readonly packedTag: number
  /** Keys of all members of its oneof, its own as well: one list for all of them, because a oneof may be huge. */
  readonly siblings: readonly string[]
  /** `"name":` in the two styles. */
  readonly jsonKey: Buffer
  readonly protoKey: Buffer
  /** Printed at its default when defaults are asked for: fields without presence, extensions aside. */
  readonly emitted: boolean
  readonly wellKnown: WellKnown | undefined
  /** JSON `null` is a value of this field and not its absence: `google.protobuf.Value` and `NullValue`. */
  readonly nullIsValue: boolean
  #message: TypePlan | undefined

  constructor(field: FieldType, index: number, siblings: readonly string[]) {
    this.field = field
    this.index = index
    this.name = field.jsonName
    const map = field.mapKey !== undefined
    this.wire = field.kind === 'message' && field.delimited && !map ? GROUP : wireOf(field.kind)
    this.tag = ((field.number << 3) | (map ? BYTES : this.wire)) >>> 0
    this.packedTag =
      field.repeated && this.wire !== BYTES && this.wire !== GROUP ? ((field.number << 3) | BYTES) >>> 0 : 0
    this.siblings = siblings
    this.jsonKey = Buffer.from(`${JSON.stringify(field.jsonName)}:`)
    this.protoKey = Buffer.from(`${JSON.stringify(field.name)}:`)
    this.emitted = !field.presence && !field.name.startsWith('[')
    this.wellKnown = wellKnown(field.message)
    this.nullIsValue = this.wellKnown === 'value' || isNullValue(field)
  }

  /** Plan of the message type of a field of the kind `message`. Made on first use: types refer to each other in circles. */
  get message(): TypePlan {
    this.#message ??= planOf(this.field.message!)
    return this.#message
  }
}

const NO_SIBLINGS: readonly string[] = []

/** What the codecs want to know of a message type, worked out once. */
export class TypePlan {
  readonly type: MessageType
  /** In the order of their numbers. */
  readonly fields: readonly FieldPlan[]
  readonly wellKnown: WellKnown | undefined
  readonly #names = new Map<string, FieldPlan>()
  readonly #numbers = new Map<number, FieldPlan>()

  constructor(type: MessageType) {
    this.type = type
    this.wellKnown = wellKnown(type)
    const oneofs = new Map<string | undefined, string[]>()
    for (const { oneof, jsonName } of type.fields) {
      const members = oneofs.get(oneof)
      if (members === undefined) oneofs.set(oneof, [jsonName])
      else members.push(jsonName)
    }
    this.fields = type.fields.map((field, index) => {
      const siblings = field.oneof === undefined ? NO_SIBLINGS : oneofs.get(field.oneof)!
      return new FieldPlan(field, index, siblings)
    })
    for (const plan of this.fields) {
      this.#numbers.set(plan.field.number, plan)
      this.#names.set(plan.field.name, plan)
    }
    for (const plan of this.fields) this.#names.set(plan.name, plan)
  }

  /** By proto name or JSON name; the JSON name wins. Safe for any text. */
  find(name: string): FieldPlan | undefined {
    return this.#names.get(name)
  }
  byNumber(number: number): FieldPlan | undefined {
    return this.#numbers.get(number)
  }
  /** Every name that `find` knows, for hints. */
  names(): Iterable<string> {
    return this.#names.keys()
  }
}

/** `type.googleapis.com/acme.v1.Book` → `acme.v1.Book`. */
export const typeOfUrl = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

const plans = new WeakMap<MessageType, TypePlan>()
/** The plan of a type: made once, kept as long as the type. */
export const planOf = (type: MessageType): TypePlan => {
  const known = plans.get(type)
  if (known !== undefined) return known
  const plan = new TypePlan(type)
  plans.set(type, plan)
  return plan
}

export const isNullValue = (field: FieldType): boolean =>
  field.kind === 'enum' && field.enum!.name === 'google.protobuf.NullValue'

/** The default of a scalar or enum field without presence; of an enum: its first number. */
export const defaultOf = (field: FieldType): unknown => {
  switch (field.kind) {
    case 'enum':
      return field.enum!.open ? 0 : (field.enum!.numbers.values().next().value ?? 0)
    case 'message':
      return makeValue()
    default:
      return scalarDefault(field.kind)
  }
}
/** The default of a map key or scalar kind. */
export const scalarDefault = (kind: FieldType['kind']): unknown => {
  switch (kind) {
    case 'string':
      return ''
    case 'bytes':
      return new Uint8Array(0)
    case 'bool':
      return false
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return 0n
    default:
      return 0
  }
}

/** Whether a value is what an absent field without presence means. Minus zero is not: its bits differ. */
export const isDefault = (value: unknown): boolean =>
  value === '' ||
  value === false ||
  value === 0n ||
  (value === 0 && !Object.is(value, -0)) ||
  (value instanceof Uint8Array && value.length === 0)

/** The member of a Value that a codec may trust: its own, never one that a prototype lends (`constructor`). */
export const own = (value: Value, name: string): unknown =>
  Object.getPrototypeOf(value) === null || Object.hasOwn(value, name) ? value[name] : undefined
