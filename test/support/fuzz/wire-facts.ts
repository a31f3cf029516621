import type { FieldType, MessageType } from '../../../src/core/descriptor.ts'
import type { FindType } from './values.ts'

/**
 * What of wire bytes implementations are known to treat differently, found by a walk that knows nothing of them. Disagreements
 * about an input are put down to what it holds.
 */
export type WireFact =
  | 'another wire type than the field has'
  | 'a group in a message without fields'
  | 'a varint longer than its number needs'
  | 'nested more than 60 deep'
  | 'an Any of an unknown type'
  | 'an Any in pieces'
  | 'a required field is missing'
  | 'a Value of no kind'
  | 'an entry of a map without its value'
  | 'an entry of a map without its 64-bit key'
  | 'bytes that are not UTF-8'
  | 'a number that its closed enum lacks'
  | 'the field number 0'
  | 'cut short or malformed'

export const wireFacts = (type: MessageType, wire: Uint8Array, find: FindType): ReadonlySet<WireFact> => {
  const walk = new Walk(find)
  walk.message(type, Buffer.from(wire), 0)
  return walk.facts
}

class Malformed extends Error {}

class Walk {
  readonly facts = new Set<WireFact>()
  readonly #find: FindType
  constructor(find: FindType) {
    this.#find = find
  }

  message(type: MessageType | undefined, wire: Buffer, depth: number): void {
    try {
      const cursor = new Cursor(wire, this.facts)
      this.#fields(type, cursor, depth, 0)
    } catch (thrown) {
      if (!(thrown instanceof Malformed)) throw thrown
      this.facts.add('cut short or malformed')
    }
  }

  #fields(type: MessageType | undefined, cursor: Cursor, depth: number, group: number): void {
    if (depth > 60) this.facts.add('nested more than 60 deep')
    if (depth > 300) return
    const seen = new Set<number>()
    let url: string | undefined
    let content: Buffer | undefined
    while (!cursor.done) {
      const tag = cursor.tag()
      const number = Math.floor(tag / 8)
      const wireType = tag % 8
      if (number === 0) {
        this.facts.add('the field number 0')
        throw new Malformed()
      }
      if (wireType === 4) {
        if (number !== group) throw new Malformed()
        break
      }
      const known = type?.byNumber(number)
      if (known !== undefined && wireType === wireTypeOf(known)) seen.add(number)
      if (type?.name === 'google.protobuf.Any' && wireType === 2) {
        const bytes = cursor.bytes()
        if (number === 1) {
          if (url !== undefined) this.facts.add('an Any in pieces')
          url = bytes.toString()
        } else if (number === 2) {
          if (content !== undefined) this.facts.add('an Any in pieces')
          content = bytes
        }
      } else this.#value(type, cursor, wireType, number, depth)
    }
    if (type?.name === 'google.protobuf.Any' && (url !== undefined || content !== undefined))
      this.#any(url ?? '', content, depth)
    if (type?.name === 'google.protobuf.Value' && seen.size === 0) this.facts.add('a Value of no kind')
    if (type?.name === ENTRY && !seen.has(1) && type.fields[0]!.kind.endsWith('64'))
      this.facts.add('an entry of a map without its 64-bit key')
    if (type?.name === ENTRY && !seen.has(2)) {
      this.facts.add('an entry of a map without its value')
      if (type.fields[1]!.message?.name === 'google.protobuf.Value') this.facts.add('a Value of no kind')
    }
    for (const field of type?.fields ?? [])
      if (field.required && !seen.has(field.number)) this.facts.add('a required field is missing')
  }
  #any(url: string, content: Buffer | undefined, depth: number): void {
    const type = this.#find(url.slice(url.lastIndexOf('/') + 1))
    if (type === undefined || !url.includes('/')) this.facts.add('an Any of an unknown type')
    if (type !== undefined) this.message(type, content ?? Buffer.alloc(0), depth + 1)
  }

  #value(type: MessageType | undefined, cursor: Cursor, wireType: number, number: number, depth: number): void {
    const field = type?.byNumber(number)
    const wanted = field === undefined ? wireType : wireTypeOf(field)
    const packed = field?.repeated === true && wireType === 2 && wanted !== 2 && wanted !== 3
    if (wireType !== wanted && !packed) this.facts.add('another wire type than the field has')
    const fits = wireType === wanted
    switch (wireType) {
      case 0: {
        const value = cursor.varint(10)
        if (fits && field?.kind === 'enum') this.#enum(field, value)
        return
      }
      case 1:
        cursor.skip(8)
        return
      case 5:
        cursor.skip(4)
        return
      case 2: {
        const bytes = cursor.bytes()
        if (packed && field!.kind === 'enum') {
          const inner = new Cursor(bytes, this.facts)
          while (!inner.done) this.#enum(field!, inner.varint(10))
        } else if (packed && wanted === 0) {
          const inner = new Cursor(bytes, this.facts)
          while (!inner.done) inner.varint(10)
        } else if (packed) {
          if (bytes.length % (wanted === 1 ? 8 : 4) !== 0) this.facts.add('cut short or malformed')
        } else if (fits && field?.mapKey !== undefined) this.message(entryType(field), bytes, depth)
        else if (fits && field?.kind === 'message') this.message(field.message, bytes, depth + 1)
        else if (fits && field?.kind === 'string' && !isText(bytes)) this.facts.add('bytes that are not UTF-8')
        return
      }
      case 3:
        if (type?.fields.length === 0) this.facts.add('a group in a message without fields')
        this.#fields(fits ? field?.message : undefined, cursor, depth + 1, number)
        return
      default:
        throw new Malformed()
    }
  }
  #enum(field: FieldType, value: bigint): void {
    const number = Number(BigInt.asIntN(32, value))
    if (!field.enum!.open && !field.enum!.names.has(number)) this.facts.add('a number that its closed enum lacks')
  }
}

const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString()).equals(bytes)

const wireTypeOf = (field: FieldType): number => {
  if (field.mapKey !== undefined) return 2
  switch (field.kind) {
    case 'message':
      return field.delimited ? 3 : 2
    case 'string':
    case 'bytes':
      return 2
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return 1
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return 5
    default:
      return 0
  }
}

/** The message that an entry of a map is. */
const ENTRY = '(entry)'
const entryType = (field: FieldType): MessageType => {
  const value: FieldType = { ...field, number: 2, mapKey: undefined, repeated: false }
  const key: FieldType = { ...value, number: 1, kind: field.mapKey!, message: undefined, enum: undefined }
  return {
    name: ENTRY,
    comment: '',
    fields: [key, value],
    field: () => undefined,
    byNumber: (number) => (number === 1 ? key : number === 2 ? value : undefined),
  }
}

class Cursor {
  readonly #bytes: Buffer
  readonly #facts: Set<WireFact>
  #at = 0
  constructor(bytes: Buffer, facts: Set<WireFact>) {
    this.#bytes = bytes
    this.#facts = facts
  }
  get done(): boolean {
    return this.#at >= this.#bytes.length
  }
  skip(size: number): void {
    if (this.#at + size > this.#bytes.length) throw new Malformed()
    this.#at += size
  }
  varint(most: number): bigint {
    let value = 0n
    for (let i = 0; ; i++) {
      const byte = this.#bytes[this.#at++]
      if (i === 10) this.#facts.add('a varint longer than its number needs')
      if (byte === undefined || i === 10) throw new Malformed()
      value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) {
        if ((byte === 0 && i > 0) || i >= most || (i === 9 && byte > 1))
          this.#facts.add('a varint longer than its number needs')
        return value
      }
    }
  }
  tag(): number {
    const tag = this.varint(5)
    if (tag > 0xffff_ffffn) throw new Malformed()
    return Number(tag)
  }
  bytes(): Buffer {
    const whole = this.varint(5)
    if (whole > 0xffff_ffffn) this.#facts.add('a varint longer than its number needs')
    const length = Number(whole & 0xffff_ffffn)
    const start = this.#at
    this.skip(length)
    return this.#bytes.subarray(start, this.#at)
  }
}
