import type { EnumType, FieldType, MessageType, ScalarKind } from '../../../src/core/descriptor.ts'
import type { Choices } from './choices.ts'

/** Random values in the form of `Message.value`, made of what is at the border of something. */
export type Value = Record<string, unknown>

/** Messages of a schema by their full name, for what an Any holds. */
export type FindType = (name: string) => MessageType | undefined

const INT32 = [1, 0, -1, 127, 128, -128, 2 ** 31 - 1, -(2 ** 31), 255, 256, 16_383, 16_384, -2, 1_000_000, 999_999_999]
const UINT32 = [1, 0, 127, 128, 2 ** 32 - 1, 2 ** 31, 2 ** 31 - 1, 255, 16_383, 16_384, 2_097_151, 2_097_152]
const INT64 = [
  1n,
  0n,
  -1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 53n - 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 32n,
  2n ** 31n,
  -(2n ** 31n),
  10n ** 15n,
  10n ** 15n - 1n,
  10n ** 18n,
  127n,
  128n,
]
const UINT64 = [1n, 0n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 32n - 1n, 2n ** 32n, 10n ** 19n]
const DOUBLES = [
  0.5,
  0,
  -0,
  1,
  -1,
  0.1,
  1e21,
  1e-7,
  123_456_789.125,
  5e-324,
  2.2250738585072014e-308,
  2.225073858507201e-308,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  2 ** 53 + 2,
  1e23,
  0.1 + 0.2,
  3.4028234663852886e38,
]
const FLOATS = [0.5, 0, -0, 1, -1.25, 0.1, 1e-45, 1.17549435e-38, 3.4028234663852886e38, 16_777_217, 1e10, 8.5e-7]
const STRINGS = [
  'a',
  '',
  '"',
  '\\',
  '\n',
  '\u0000',
  '\u001f',
  '\u007f',
  '\u0080',
  'é',
  '€',
  '\u2028',
  '😀',
  '\ufffd',
  '\uffff',
  '/',
  'null',
  '__proto__',
  'hello world',
  '</script>',
  '\ud7ff\ue000',
  '\u{10ffff}',
]
const LENGTHS = [3, 14, 15, 16, 17, 31, 32, 33, 62, 63, 64, 65, 125, 126, 127, 128, 129, 255, 256, 300]
/** Rare, because everything takes longer with them: where a length needs one byte more. */
const LONG = [1000, 4096, 16_381, 16_382, 16_383, 16_384, 16_385, 20_000]

const SECONDS = [
  0, 1, -1, 86_399, 951_782_400, 951_868_799, 1_709_164_800, -62_135_596_800, 253_402_300_799, 4_102_444_800,
]
const NANOS = [0, 500_000_000, 1, 999_999_999, 1000, 1_000_000, 123_456_789, 10, 100]
const DURATIONS = [0, 1, -1, 59, 3600, 315_576_000_000, -315_576_000_000, 315_575_999_999]
const PATHS = ['a', 'foo_bar', 'a.b_c.d', 'x1.y', 'f']

const mixed = (kind: ScalarKind, choices: Choices): unknown => {
  const bits = choices.bits64()
  switch (kind) {
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return Number(BigInt.asIntN(32, bits >> BigInt(choices.below(32))))
    case 'uint32':
    case 'fixed32':
      return Number(BigInt.asUintN(32, bits)) >>> choices.below(32)
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return BigInt.asIntN(64, bits) >> BigInt(choices.below(64))
    case 'float':
    case 'double': {
      BITS.setBigUint64(0, bits)
      const value = kind === 'float' ? BITS.getFloat32(0) : BITS.getFloat64(0)
      return Number.isNaN(value) ? 1 / 3 : value
    }
    default:
      return bits >> BigInt(choices.below(64))
  }
}
const BITS = new DataView(new ArrayBuffer(8))

const text = (choices: Choices): string => {
  if (!choices.oneIn(3)) return choices.pick(STRINGS)
  const length = choices.oneIn(200) ? choices.pick(LONG) : choices.pick(LENGTHS)
  const unit = choices.pick(['x', 'xyz', 'é', 'ab"', '€', 'line\n', '😀', 'a'])
  const out = unit.repeat(Math.ceil(length / unit.length))
  // Cut by code points, so that no surrogate is left alone.
  return (
    [...out.slice(0, length)].filter((one) => one.isWellFormed()).join('') +
    (choices.oneIn(4) ? choices.pick(STRINGS) : '')
  )
}
const bytes = (choices: Choices): Uint8Array => {
  const length = choices.oneIn(200) ? choices.pick(LONG) : choices.oneIn(3) ? choices.pick(LENGTHS) : choices.below(8)
  const out = Buffer.alloc(length)
  const step = choices.pick([251, 0, 7, 64, choices.below(256)])
  // Whole bytes of ones give the characters in which the two alphabets of base64 differ.
  const start = choices.pick([255, 0, 251, choices.below(256)])
  for (let i = 0; i < length; i++) out[i] = start + i * step
  return out
}

export const scalarValue = (kind: ScalarKind, choices: Choices): unknown => {
  switch (kind) {
    case 'string':
      return text(choices)
    case 'bytes':
      return bytes(choices)
    case 'bool':
      return choices.below(2) === 0
    default:
      return choices.oneIn(3) ? mixed(kind, choices) : choices.pick(BORDERS[kind])
  }
}
const BORDERS: Readonly<Record<Exclude<ScalarKind, 'string' | 'bytes' | 'bool'>, readonly unknown[]>> = {
  int32: INT32,
  sint32: INT32,
  sfixed32: INT32,
  uint32: UINT32,
  fixed32: UINT32,
  int64: INT64,
  sint64: INT64,
  sfixed64: INT64,
  uint64: UINT64,
  fixed64: UINT64,
  double: DOUBLES,
  float: [...FLOATS.map(Math.fround), Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
}

const enumValue = (type: EnumType, choices: Choices): number => {
  if (type.open && choices.oneIn(5)) return choices.pick([42, -42, 2 ** 31 - 1, -(2 ** 31)])
  return choices.pick([...type.names.keys()])
}

/** How deep messages stand in each other before only those without members are made. */
const DEEP = 5

/** Types of what an Any holds. */
export const ANY_TYPES: readonly string[] = [
  'fz.M0',
  'fz.M1',
  'google.protobuf.Duration',
  'google.protobuf.Struct',
  'google.protobuf.Empty',
  'google.protobuf.Any',
  'google.protobuf.Int64Value',
  'google.protobuf.Value',
  'google.protobuf.BytesValue',
]

/** A message of the type. Default values of fields without presence may be in it; who writes it leaves them out or not. */
export const messageValue = (type: MessageType, choices: Choices, find: FindType): Value =>
  new Maker(choices, find).message(type, 0)

/** A value of one field. */
export const fieldValue = (field: FieldType, choices: Choices, find: FindType): unknown =>
  new Maker(choices, find).field(field, 0)

const of = (entries: Readonly<Record<string, unknown>>): Value => Object.assign(Object.create(null), entries)
const listed = (name: string, list: readonly unknown[]): Value => of(list.length === 0 ? {} : { [name]: list })
const instant = (seconds: number, nanos: number): Value =>
  of({ ...(seconds === 0 ? {} : { seconds: BigInt(seconds) }), ...(nanos === 0 ? {} : { nanos }) })

class Maker {
  readonly #choices: Choices
  readonly #find: FindType
  /** How many messages, list elements and map entries there may still be: types that hold themselves would never end. */
  #left: number
  readonly #clashes: boolean
  readonly #deep: boolean

  constructor(choices: Choices, find: FindType) {
    this.#choices = choices
    this.#find = find
    this.#left = choices.pick([30, 15, 60, 200])
    this.#clashes = choices.oneIn(4)
    this.#deep = choices.oneIn(3)
  }
  #times<T>(count: number, make: () => T): T[] {
    const out: T[] = []
    for (let i = 0; i < count && this.#left > 0; i++) {
      this.#left--
      out.push(make())
    }
    return out
  }

  message(type: MessageType, depth: number): Value {
    const known = this.#wellKnown(type, depth)
    if (known !== undefined) return known
    const value: Value = Object.create(null)
    const keep = depth === 0 ? this.#choices.pick([2, 3, 1, 8]) : depth < DEEP && this.#left > 0 ? 2 : 0
    // Two members of a oneof: a mistake as JSON, and on the wire the last one is what counts.
    const clash = this.#clashes && this.#choices.oneIn(3)
    const groups = Map.groupBy(type.fields, (field) => field.oneof ?? `=${field.name}`)
    for (const group of groups.values()) {
      const field = this.#choices.pick(group)
      if (!field.required && (keep === 0 || (keep > 1 && this.#choices.below(keep) !== 1))) continue
      value[field.jsonName] = this.field(field, depth)
      const other = clash ? this.#choices.pick(group) : field
      if (other !== field) value[other.jsonName] = this.field(other, depth)
    }
    return value
  }
  field(field: FieldType, depth: number): unknown {
    const message = field.kind === 'message'
    if (field.mapKey !== undefined) {
      const { mapKey } = field
      const size = this.#choices.oneIn(40) && !message ? 40 : this.#choices.below(4)
      return new Map(this.#times(size, () => [scalarValue(mapKey, this.#choices), this.#element(field, depth)]))
    }
    if (!field.repeated) return this.#element(field, depth)
    const many = this.#choices.oneIn(30) && !message
    return this.#times(many ? this.#choices.pick([64, 127, 128, 129]) : this.#choices.below(5), () =>
      this.#element(field, depth),
    )
  }
  #element(field: FieldType, depth: number): unknown {
    if (field.kind === 'message') {
      this.#left--
      return this.message(field.message!, depth + 1)
    }
    if (field.kind !== 'enum') return scalarValue(field.kind, this.#choices)
    return field.enum!.name === 'google.protobuf.NullValue' ? 0 : enumValue(field.enum!, this.#choices)
  }

  #wellKnown(type: MessageType, depth: number): Value | undefined {
    const choices = this.#choices
    switch (type.name) {
      case 'google.protobuf.Timestamp': {
        const seconds = choices.oneIn(3) ? choices.below(4_000_000_000) : choices.pick(SECONDS)
        return instant(seconds, choices.pick(NANOS))
      }
      case 'google.protobuf.Duration': {
        const seconds = choices.pick(DURATIONS)
        const nanos = Math.abs(seconds) === 315_576_000_000 ? 0 : choices.pick(NANOS)
        return instant(seconds, seconds < 0 || (seconds === 0 && choices.oneIn(2)) ? -nanos : nanos)
      }
      case 'google.protobuf.FieldMask':
        return listed(
          'paths',
          this.#times(choices.below(4), () => choices.pick(PATHS)),
        )
      case 'google.protobuf.Value':
        return this.#json(depth)
      case 'google.protobuf.Struct':
        return this.#struct(depth)
      case 'google.protobuf.ListValue':
        return this.#list(depth)
      case 'google.protobuf.Any':
        return this.#any(depth)
      default:
        return undefined
    }
  }
  #struct(depth: number): Value {
    const fields = new Map<string, Value>(
      this.#times(this.#choices.below(4), () => [this.#choices.pick(STRINGS), this.#json(depth + 1)]),
    )
    return of(fields.size === 0 ? {} : { fields })
  }
  #list(depth: number): Value {
    return listed(
      'values',
      this.#times(this.#choices.below(4), () => this.#json(depth + 1)),
    )
  }
  #json(depth: number): Value {
    // About as deep as it may be; how many levels stand above depends on how the message is written.
    if (this.#deep && depth < DEEP && this.#choices.oneIn(2)) {
      const levels = 101 - this.#choices.below(4)
      const leaf = of({ boolValue: true })
      const list = this.#choices.oneIn(2)
      let nested = leaf
      for (let i = 0; i < levels; i++)
        nested = list
          ? of({ listValue: of({ values: [nested] }) })
          : of({ structValue: of({ fields: new Map([['a', nested]]) }) })
      return nested
    }
    switch (this.#choices.below(depth > DEEP || this.#left <= 0 ? 4 : 6)) {
      case 0:
        return of({ nullValue: 0 })
      case 1:
        return of({ stringValue: text(this.#choices) })
      case 2: {
        const number = scalarValue('double', this.#choices) as number
        return of({ numberValue: Number.isFinite(number) ? number : 1.5 })
      }
      case 3:
        return of({ boolValue: this.#choices.below(2) === 0 })
      case 4:
        return of({ structValue: this.#struct(depth + 1) })
      default:
        return of({ listValue: this.#list(depth + 1) })
    }
  }
  #any(depth: number): Value {
    const choices = this.#choices
    if (depth > DEEP || this.#left <= 0 || choices.oneIn(6)) return of({})
    const name = choices.pick(ANY_TYPES)
    const type = this.#find(name)
    if (type === undefined) return of({})
    const url = `${choices.pick(['type.googleapis.com/', 'example.org/a/', '/'])}${name}`
    return of({ '@type': url, value: this.message(type, depth + 1) })
  }
}
