import type { FieldType, MessageType, ScalarKind } from '../../../src/core/descriptor.ts'
import type { Choices } from './choices.ts'
import type { FindType, Value } from './values.ts'

/** Values as JSON texts in any of the spellings that ProtoJSON has for them. The decision 0 is always the plain one. */
export const spellMessage = (type: MessageType, value: Value, choices: Choices, find: FindType): string =>
  new Speller(choices, find).message(type, value)

/** The JSON of one field. */
export const spellField = (field: FieldType, value: unknown, choices: Choices, find: FindType): string =>
  new Speller(choices, find).field(field, value)

const SPACES = ['', ' ', '\n', '\t', '\r\n', '   ']
const hex4 = (unit: number): string => unit.toString(16).padStart(4, '0')

/** Ways in which a text may differ from what a printer writes. The last ones are mistakes. */
const ODDNESS = [
  'space',
  'order',
  'null',
  'proto name',
  'enum number',
  'number',
  'base64',
  'escape',
  'escaped name',
  'time',
  'twice',
] as const
type Oddness = (typeof ODDNESS)[number]
const RARE: ReadonlySet<Oddness> = new Set(['escaped name', 'twice'])

class Speller {
  readonly #choices: Choices
  readonly #find: FindType
  /** Few kinds of oddness meet in one text, or else nearly all texts were equally odd. */
  readonly #kinds: ReadonlySet<Oddness>
  /** Members that may still be given twice: in objects in objects the doubles would double. */
  #copies = 2

  constructor(choices: Choices, find: FindType) {
    this.#choices = choices
    this.#find = find
    this.#kinds = new Set(ODDNESS.filter((kind) => choices.oneIn(RARE.has(kind) ? 12 : 4)))
  }

  #odd(kind: Oddness, times: number): boolean {
    return this.#kinds.has(kind) && this.#choices.oneIn(times)
  }
  #space(): string {
    return this.#odd('space', 8) ? this.#choices.pick(SPACES) : ''
  }
  #object(members: readonly (readonly [string, string])[]): string {
    const order = this.#odd('order', 2) ? this.#choices.shuffled(members) : [...members]
    if (members.length > 0 && this.#copies > 0 && this.#odd('twice', 3)) {
      this.#copies--
      order.push(this.#choices.pick(members))
    }
    const inner = order.map(([name, text]) => `${this.#space()}${name}${this.#space()}:${this.#space()}${text}`)
    return `{${inner.join(`${this.#space()},`)}${this.#space()}}`
  }
  #array(elements: readonly string[]): string {
    return `[${this.#space()}${elements.join(`${this.#space()},${this.#space()}`)}${this.#space()}]`
  }

  message(type: MessageType, value: Value): string {
    return this.#wellKnown(type, value) ?? this.#object(this.#members(type, value))
  }
  #members(type: MessageType, value: Value): [string, string][] {
    const out: [string, string][] = []
    for (const field of type.fields) {
      const one = value[field.jsonName]
      if (one === undefined) {
        if (this.#odd('null', 4) && !nullCounts(field)) out.push([this.#name(field, type), 'null'])
      } else out.push([this.#name(field, type), this.field(field, one)])
    }
    return out
  }
  #name(field: FieldType, type: MessageType): string {
    // Where the name of one field is the JSON name of another, it means the other one.
    const proto = this.#odd('proto name', 2) && type.field(field.name) === field
    return this.#key(proto ? field.name : field.jsonName)
  }

  field(field: FieldType, value: unknown): string {
    if (field.mapKey !== undefined)
      return this.#object(
        [...(value as Map<unknown, unknown>)].map(([key, one]) => [
          this.string(String(key)),
          this.#element(field, one),
        ]),
      )
    if (field.repeated) return this.#array((value as unknown[]).map((one) => this.#element(field, one)))
    return this.#element(field, value)
  }
  #element(field: FieldType, value: unknown): string {
    if (field.kind === 'message') return this.message(field.message!, value as Value)
    if (field.kind === 'enum') return this.#enum(field, value as number)
    return this.scalar(field.kind, value)
  }
  #enum(field: FieldType, number: number): string {
    const type = field.enum!
    if (type.name === 'google.protobuf.NullValue') return this.#odd('enum number', 2) ? '"NULL_VALUE"' : 'null'
    const names = [...type.numbers].filter(([, one]) => one === number).map(([name]) => name)
    if (names.length === 0 || this.#odd('enum number', 2))
      return this.#odd('number', 3) ? this.#exponent(`${number}`) : `${number}`
    return this.string(this.#choices.pick(names))
  }

  scalar(kind: ScalarKind, value: unknown): string {
    switch (kind) {
      case 'bool':
        return String(value)
      case 'string':
        return this.string(value as string)
      case 'bytes':
        return this.#bytes(value as Uint8Array)
      case 'double':
      case 'float':
        return this.#double(value as number, kind === 'float')
      default: {
        const digits = this.#odd('number', 3) ? this.#exponent(`${value}`) : `${value}`
        return typeof value === 'bigint' ? this.#quoted(digits, 2) : this.#quoted(digits, 5)
      }
    }
  }
  /** A number in quotes: once in `times`, and always when `times` is 1. 64 bits are as good without as with. */
  #quoted(digits: string, times: number): string {
    return times === 1 || this.#choices.oneIn(times) ? `"${digits}"` : digits
  }
  /** `1200` as `12e2`, `1200.0` or `12000e-1`. */
  #exponent(digits: string): string {
    if (digits === '0') return this.#choices.pick(['0.0', '0e0', '0E+5', '-0', '0.00e-3'])
    const zeros = /0*$/.exec(digits)![0].length
    switch (this.#choices.below(4)) {
      case 0:
        return `${digits}.${'0'.repeat(1 + this.#choices.below(3))}`
      case 1:
        return zeros === 0 ? `${digits}e0` : `${digits.slice(0, -zeros)}E+${zeros}`
      case 2:
        return `${digits}0e-1`
      default:
        return /\d\d$/.test(digits) ? `${digits.slice(0, -1)}.${digits.slice(-1)}e1` : `${digits}e00`
    }
  }
  #double(value: number, single: boolean): string {
    if (!Number.isFinite(value)) return `"${value}"`
    const plain = Object.is(value, -0)
      ? '-0'
      : single && this.#odd('number', 2)
        ? `${Number(value.toPrecision(9))}`
        : `${value}`
    let text = plain
    if (this.#odd('number', 3) && value !== 0)
      text = this.#choices.pick([value.toExponential(), value.toPrecision(17), plain.toUpperCase()])
    return this.#quoted(text, 8)
  }
  #bytes(value: Uint8Array): string {
    const encoding = this.#odd('base64', 2) ? 'base64url' : 'base64'
    let text = Buffer.from(value).toString(encoding)
    if (this.#odd('base64', 3)) text = text.replaceAll('=', '')
    else if (encoding === 'base64url' && this.#odd('base64', 2)) text = text.padEnd(Math.ceil(text.length / 4) * 4, '=')
    return this.string(text)
  }

  #key(name: string): string {
    return this.#odd('escaped name', 3) ? this.#escaped(name) : JSON.stringify(name)
  }
  string(value: string): string {
    return this.#odd('escape', 2) ? this.#escaped(value) : JSON.stringify(value)
  }
  #escaped(value: string): string {
    let out = ''
    const often = this.#choices.pick([3, 1, 20])
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      if (unit === 0x2f) out += this.#choices.oneIn(2) ? '\\/' : '/'
      else if (this.#choices.oneIn(often) || unit < 0x20 || unit === 0x22 || unit === 0x5c) {
        // A pair of surrogates is escaped as a whole or not at all.
        const low = unit >= 0xd800 && unit < 0xdc00
        out += `\\u${hex4(unit)}`
        if (low) out += `\\u${hex4(value.charCodeAt(++i)).toUpperCase()}`
      } else if (unit >= 0xd800 && unit < 0xdc00) out += value[i]! + value[++i]!
      else out += value[i]
    }
    return `"${out}"`
  }

  #wellKnown(type: MessageType, value: Value): string | undefined {
    const [, name] = /^google\.protobuf\.(\w+)$/.exec(type.name) ?? []
    switch (name) {
      case 'Timestamp':
        return this.string(this.#time(Number(value.seconds ?? 0), Number(value.nanos ?? 0)))
      case 'Duration':
        return this.string(this.#duration(Number(value.seconds ?? 0), Number(value.nanos ?? 0)))
      case 'FieldMask':
        return this.string(((value.paths as string[] | undefined) ?? []).map(camel).join(','))
      case 'Value':
        return this.#value(value)
      case 'Struct':
        return this.#struct(value)
      case 'ListValue':
        return this.#array(((value.values as Value[] | undefined) ?? []).map((one) => this.#value(one)))
      case 'Any':
        return this.#any(value)
      case undefined:
      case 'Empty':
        return undefined
      default: {
        const [field] = type.fields
        return this.scalar(field!.kind as ScalarKind, value.value ?? zero(field!.kind))
      }
    }
  }
  #fraction(nanos: number): string {
    const digits = `${Math.abs(nanos)}`.padStart(9, '0')
    const short = digits.replace(/0+$/, '')
    if (short === '') return this.#odd('time', 4) ? '.0' : ''
    return `.${this.#odd('time', 3) ? digits : this.#odd('time', 3) ? short : short.padEnd(Math.ceil(short.length / 3) * 3, '0')}`
  }
  #time(seconds: number, nanos: number): string {
    const offset = this.#odd('time', 2) ? this.#choices.pick([3600, -3600, 19_800, 0, -86_340]) : undefined
    const shifted = new Date((seconds + (offset ?? 0)) * 1000)
    const year = shifted.getUTCFullYear()
    const use = offset === undefined || year < 1 || year > 9999 ? undefined : offset
    const date = use === undefined ? new Date(seconds * 1000) : shifted
    const minutes = Math.abs(use ?? 0) / 60
    const two = (part: number): string => `${part}`.padStart(2, '0')
    const zone =
      use === undefined
        ? 'Z'
        : `${use < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(Math.floor(minutes % 60))}`
    return `${date.toISOString().slice(0, 19)}${this.#fraction(nanos)}${zone}`
  }
  #duration(seconds: number, nanos: number): string {
    return `${seconds < 0 || nanos < 0 ? '-' : ''}${Math.abs(seconds)}${this.#fraction(nanos)}s`
  }
  #value(value: Value): string {
    if (value.stringValue !== undefined) return this.string(value.stringValue as string)
    if (value.numberValue !== undefined) {
      const number = value.numberValue as number
      return Object.is(number, -0) ? '-0' : this.#odd('number', 3) ? number.toExponential() : `${number}`
    }
    if (value.boolValue !== undefined) return String(value.boolValue)
    if (value.structValue !== undefined) return this.#struct(value.structValue as Value)
    if (value.listValue !== undefined) {
      const values = ((value.listValue as Value).values as Value[] | undefined) ?? []
      return this.#array(values.map((one) => this.#value(one)))
    }
    return 'null'
  }
  #struct(struct: Value): string {
    const fields = (struct.fields as Map<string, Value> | undefined) ?? new Map<string, Value>()
    return this.#object([...fields].map(([key, one]) => [this.#key(key), this.#value(one)]))
  }
  #any(any: Value): string {
    const url = any['@type'] as string | undefined
    if (url === undefined) return '{}'
    const type = this.#find(url.slice(url.lastIndexOf('/') + 1))!
    const content = any.value as Value
    const typed: [string, string] = [this.#key('@type'), this.string(url)]
    const known = this.#wellKnown(type, content)
    // Of an Empty there are two readings; the plain one is the object itself.
    return this.#object(
      known === undefined ? [typed, ...this.#members(type, content)] : [typed, [this.#key('value'), known]],
    )
  }
}

/** Fields where `null` is a value and not the absence of one. */
const nullCounts = (field: FieldType): boolean =>
  field.required ||
  ((field.message?.name === 'google.protobuf.Value' || field.enum?.name === 'google.protobuf.NullValue') &&
    !field.repeated &&
    field.mapKey === undefined)

const camel = (path: string): string => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const zero = (kind: FieldType['kind']): unknown => {
  if (kind === 'string') return ''
  if (kind === 'bytes') return new Uint8Array(0)
  return kind === 'bool' ? false : 0
}
