import type { Choices } from './choices.ts'

type Syntax = 'proto3' | 'proto2' | '2023'

const SCALARS = [
  'int32',
  'string',
  'int64',
  'bool',
  'double',
  'bytes',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'float',
] as const
const KEYS = SCALARS.filter((kind) => !['double', 'float', 'bytes'].includes(kind))
const WELL_KNOWN = [
  'Timestamp',
  'Duration',
  'Timestamp',
  'Duration',
  'Value',
  'FieldMask',
  'Struct',
  'Value',
  'ListValue',
  'Any',
  'Empty',
  'DoubleValue',
  'FloatValue',
  'Int64Value',
  'UInt64Value',
  'Int32Value',
  'UInt32Value',
  'BoolValue',
  'StringValue',
  'BytesValue',
] as const
const IMPORTS = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers']
  .map((name) => `import "google/protobuf/${name}.proto";`)
  .join(' ')

const NUMBERS = [15, 16, 2047, 2048, 18_999, 20_000, 262_143, 262_144, 33_554_431, 33_554_432, 536_870_911]
/** Patterns of names; `#` is a number, which keeps them apart. */
const NAMES = [
  'f#',
  'foo_bar#',
  'fooBar#',
  'Upper#',
  'a_b_c#',
  'x_#',
  'constructor#',
  'to_string#',
  'f_#_z',
  'longer_name_of_field#',
]
/** Texts for `json_name`: whatever JSON can write, escaped as in a .proto file. */
const JSON_NAMES = [
  'j#',
  'with space #',
  'ключ#',
  'quote\\"#',
  'back\\\\slash#',
  'new\\nline#',
  '€#',
  '😀#',
  '#',
  'a.b#',
  '@type#',
  'k~/#',
]

/** A random .proto file of the package `fz`: messages `M0` to `M3` that may hold each other and themselves, and enums. Its root is `M0`. */
export const schemaText = (choices: Choices): string => {
  const syntax = choices.pick(['proto3', 'proto2', '2023'] as const)
  const enums = Array.from({ length: 1 + choices.below(3) }, (_, i) => `E${i}`)
  const messages = Array.from({ length: 1 + choices.below(4) }, (_, i) => `M${i}`)
  const writer = new Writer(choices, syntax, enums, messages)
  const bodies = [...enums.map((name) => writer.enumeration(name)), ...messages.map((name) => writer.message(name))]
  const head = syntax === '2023' ? 'edition = "2023";' : `syntax = "${syntax}";`
  return [head, IMPORTS, 'package fz;', ...bodies].join('\n')
}

class Writer {
  readonly #choices: Choices
  readonly #syntax: Syntax
  readonly #enums: readonly string[]
  readonly #messages: readonly string[]
  readonly #closed = new Set<string>()

  constructor(choices: Choices, syntax: Syntax, enums: readonly string[], messages: readonly string[]) {
    this.#choices = choices
    this.#syntax = syntax
    this.#enums = enums
    this.#messages = messages
  }

  enumeration(name: string): string {
    const closed = this.#syntax === 'proto2' || (this.#syntax === '2023' && this.#choices.oneIn(3))
    if (closed) this.#closed.add(name)
    const all = [1, 2, -1, 3, 2147483647, -2147483648, 127, 128, 100_000]
    const others = all.slice(0, this.#choices.below(all.length + 1))
    const first = closed && this.#choices.oneIn(2) ? 7 : 0
    const alias = this.#choices.oneIn(3)
    const values = [first, ...others].map((number, i) => `  ${name}_V${i} = ${number};`)
    if (alias) values.push(`  ${name}_ALIAS = ${first};`)
    return [
      `enum ${name} {`,
      ...(alias ? ['  option allow_alias = true;'] : []),
      ...(closed && this.#syntax === '2023' ? ['  option features.enum_type = CLOSED;'] : []),
      ...values,
      '}',
    ].join('\n')
  }

  message(name: string): string {
    const count = this.#size(name)
    const numbers = new Set<number>()
    const lines: string[] = []
    let inOneof = 0
    for (let i = 0; i < count; i++) {
      const number = this.#number(numbers, 1 + i)
      if (inOneof > 0) {
        lines.push(`    ${this.#member(i, number)}`)
        if (--inOneof === 0) lines.push('  }')
      } else if (count - i > 2 && this.#choices.oneIn(6)) {
        inOneof = 1 + this.#choices.below(3)
        lines.push(`  oneof pick${i} {`, `    ${this.#member(i, number)}`)
        if (i + inOneof >= count) inOneof = count - i - 1
      } else lines.push(`  ${this.#field(i, number)}`)
    }
    if (inOneof > 0) lines.push('  }')
    const extended = name === 'M0' && this.#syntax === 'proto2' && this.#choices.oneIn(4)
    if (extended) lines.push('  extensions 1000 to 1001;')
    const more = extended
      ? [`extend M0 { optional ${this.#type(false)} ext_a = 1000; repeated string ext_b = 1001; }`]
      : []
    return [`message ${name} {`, ...lines, '}', ...more].join('\n')
  }
  /** The root has more fields than the others, and sometimes more than fit the bits of one number. */
  #size(name: string): number {
    const most = name !== 'M0' ? 5 : this.#choices.oneIn(6) ? 41 : 13
    return this.#choices.below(most)
  }
  #number(taken: Set<number>, usual: number): number {
    const special = this.#choices.oneIn(5) ? this.#choices.pick(NUMBERS) : usual
    let number = taken.has(special) ? usual : special
    while (taken.has(number)) number += 100
    taken.add(number)
    return number
  }

  #name(i: number): string {
    return this.#choices.pick(NAMES).replaceAll('#', `${i}`)
  }
  #type(scalarsOnly: boolean): string {
    switch (scalarsOnly ? 0 : this.#choices.below(8)) {
      case 1:
        return this.#choices.pick(this.#enums)
      case 2:
      case 3:
        return this.#choices.pick(this.#messages)
      case 4:
      case 5:
        return `google.protobuf.${this.#choices.pick(WELL_KNOWN)}`
      case 6:
        return this.#choices.oneIn(6) ? 'google.protobuf.NullValue' : 'string'
      default:
        return this.#choices.pick(SCALARS)
    }
  }

  /** A member of a oneof. */
  #member(i: number, number: number): string {
    return this.#line('', this.#type(false), this.#name(i), number, this.#jsonName(i))
  }

  #field(i: number, number: number): string {
    const shape = this.#choices.below(8)
    if (shape === 5) return this.#map(i, number)
    if (shape === 7 && this.#syntax === 'proto2' && this.#choices.oneIn(3)) return this.#group(i, number)
    const type = this.#type(false)
    const options = this.#jsonName(i)
    if (shape === 3 || shape === 4) {
      options.push(...this.#repeated(type))
      return this.#line('repeated ', type, this.#name(i), number, options)
    }
    const label = this.#label(type)
    options.push(...this.#singular(type, label))
    return this.#line(label, type, this.#name(i), number, options)
  }
  #map(i: number, number: number): string {
    const type = this.#type(false)
    return this.#line(
      '',
      `map<${this.#choices.oneIn(2) ? this.#choices.pick(KEYS) : 'string'}, ${type}>`,
      this.#name(i),
      number,
      this.#jsonName(i),
    )
  }
  #group(i: number, number: number): string {
    const label = this.#choices.pick(['optional', 'repeated'])
    return `${label} group G${i} = ${number} { optional ${this.#type(true)} a = 1; repeated ${this.#type(true)} b = 2; }`
  }
  #line(label: string, type: string, name: string, number: number, options: readonly string[]): string {
    const list = options.length === 0 ? '' : ` [${options.join(', ')}]`
    return `${label}${type} ${name} = ${number}${list};`
  }

  #label(type: string): string {
    if (this.#syntax === '2023') return ''
    if (this.#syntax === 'proto3') return this.#choices.oneIn(3) ? 'optional ' : ''
    const plain = !/^[MG]\d|google/.test(type)
    return plain && this.#choices.oneIn(12) ? 'required ' : 'optional '
  }
  #jsonName(i: number): string[] {
    if (!this.#choices.oneIn(5)) return []
    return [`json_name = "${this.#choices.pick(JSON_NAMES).replace('#', `${i}`)}"`]
  }
  #repeated(type: string): string[] {
    const packable = !/^(string|bytes|M\d|google\.protobuf\.(?!NullValue).*)$/.test(type)
    if (this.#syntax !== '2023') return packable && this.#choices.oneIn(2) ? [`packed = ${this.#choices.oneIn(2)}`] : []
    if (/^M\d/.test(type) && this.#choices.oneIn(3)) return ['features.message_encoding = DELIMITED']
    return packable && this.#choices.oneIn(2) ? ['features.repeated_field_encoding = EXPANDED'] : []
  }
  #singular(type: string, label: string): string[] {
    if (this.#syntax === 'proto2') return label === 'optional ' && this.#choices.oneIn(6) ? this.#default(type) : []
    if (this.#syntax === 'proto3') return []
    const out: string[] = []
    const message = /^(M\d|google\.protobuf\.(?!NullValue))/.test(type)
    if (/^M\d/.test(type) && this.#choices.oneIn(3)) out.push('features.message_encoding = DELIMITED')
    if (!message && !this.#closed.has(type) && this.#choices.oneIn(3)) out.push('features.field_presence = IMPLICIT')
    else if (!message && this.#choices.oneIn(12)) out.push('features.field_presence = LEGACY_REQUIRED')
    if (type === 'string' && this.#choices.oneIn(4)) out.push('features.utf8_validation = NONE')
    return out
  }
  #default(type: string): string[] {
    if (type === 'string' || type === 'bytes') return ['default = "dflt"']
    if (type === 'bool') return ['default = true']
    if (type === 'double' || type === 'float') return ['default = 1.5']
    if (/int|fixed/.test(type)) return ['default = 7']
    return /^E\d/.test(type) ? [`default = ${type}_V0`] : []
  }
}
