import type { FieldType, MessageType, ScalarKind } from '../../../src/core/descriptor.ts'
import type { Choices } from './choices.ts'
import type { FindType, Value } from './values.ts'

/**
 * Values as wire bytes in any of the forms that mean the same: fields in any order, packed or not or in pieces, messages and maps in
 * pieces, defaults written or left out, longer varints than needed, unknown fields between.
 */
export const wireMessage = (type: MessageType, value: Value, choices: Choices, find: FindType): Buffer =>
  new WireSpeller(choices, find).message(type, value)

export const varint = (value: bigint, padding = 0): Buffer => {
  const out: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  out.push(Number(rest))
  for (let i = 0; i < padding && out.length < 10; i++) {
    out[out.length - 1]! |= 0x80
    out.push(0)
  }
  return Buffer.from(out)
}
const [VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32] = [0, 1, 2, 3, 4, 5]

const wireType = (kind: ScalarKind | 'enum' | 'message'): number => {
  if (kind === 'string' || kind === 'bytes' || kind === 'message') return BYTES
  if (kind === 'double' || kind === 'fixed64' || kind === 'sfixed64') return FIXED64
  return kind === 'float' || kind === 'fixed32' || kind === 'sfixed32' ? FIXED32 : VARINT
}

/** Ways in which a message may differ from what an encoder writes. */
const ODDNESS = ['order', 'unknown', 'varint', 'packed', 'twice', 'entry', 'bits'] as const
type Oddness = (typeof ODDNESS)[number]

class WireSpeller {
  readonly #choices: Choices
  readonly #find: FindType
  /** Few kinds of oddness meet in one message. */
  readonly #kinds: ReadonlySet<Oddness>
  /** Entries that may still be doubled: in maps of maps the doubles would double. */
  #copies = 4

  constructor(choices: Choices, find: FindType) {
    this.#choices = choices
    this.#find = find
    this.#kinds = new Set(ODDNESS.filter(() => choices.oneIn(4)))
  }
  #odd(kind: Oddness, times: number): boolean {
    return this.#kinds.has(kind) && this.#choices.oneIn(times)
  }
  #varint(value: bigint): Buffer {
    return varint(value, this.#odd('varint', 6) ? 1 + this.#choices.below(4) : 0)
  }
  #tag(number: number, type: number): Buffer {
    const tag = (BigInt(number) << 3n) | BigInt(type)
    // A tag has five bytes at most.
    return this.#odd('varint', 8) && tag < 1n << 28n ? varint(tag, 1) : varint(tag)
  }
  #prefixed(bytes: Buffer): Buffer {
    return Buffer.concat([this.#varint(BigInt(bytes.length)), bytes])
  }

  message(type: MessageType, value: Value): Buffer {
    if (type.name === 'google.protobuf.Any') return this.#any(value)
    const parts: Buffer[] = []
    for (const field of type.fields) {
      const one = value[field.jsonName]
      if (one !== undefined) parts.push(...this.#field(field, one))
    }
    if (this.#odd('unknown', 3)) parts.splice(this.#choices.below(parts.length + 1), 0, this.#unknown(type))
    return Buffer.concat(this.#odd('order', 3) ? this.#choices.shuffled(parts) : parts)
  }
  #any(any: Value): Buffer {
    const url = any['@type'] as string | undefined
    if (url === undefined) return Buffer.alloc(0)
    const type = this.#find(url.slice(url.lastIndexOf('/') + 1))!
    const content = this.message(type, any.value as Value)
    const parts = [
      Buffer.concat([this.#tag(1, BYTES), this.#prefixed(Buffer.from(url))]),
      ...(content.length > 0 || this.#odd('entry', 2)
        ? [Buffer.concat([this.#tag(2, BYTES), this.#prefixed(content)])]
        : []),
    ]
    return Buffer.concat(this.#odd('order', 3) ? parts.reverse() : parts)
  }
  /** A field that the type does not have, in any wire type. */
  #unknown(type: MessageType): Buffer {
    let number = this.#choices.pick([900, 13, 1, 536_870_911, 77])
    while (type.byNumber(number) !== undefined) number = (number % 536_870_911) + 1
    const inner = Buffer.concat([this.#tag(3, VARINT), this.#varint(5n)])
    switch (this.#choices.below(5)) {
      case 0:
        return Buffer.concat([this.#tag(number, VARINT), this.#varint(this.#choices.bits64())])
      case 1:
        return Buffer.concat([this.#tag(number, BYTES), this.#prefixed(inner)])
      case 2:
        return Buffer.concat([this.#tag(number, FIXED32), Buffer.alloc(4, 7)])
      case 3:
        return Buffer.concat([this.#tag(number, FIXED64), Buffer.alloc(8, 7)])
      default:
        return Buffer.concat([this.#tag(number, GROUP), inner, this.#tag(number, GROUP_END)])
    }
  }

  /** Every occurrence of the field. Those of lists and maps keep their order only when nothing is shuffled, which both lanes see. */
  #field(field: FieldType, value: unknown): Buffer[] {
    if (field.mapKey !== undefined)
      return [...(value as Map<unknown, unknown>)].flatMap(([key, one]) => {
        const entry = this.#entry(field, key, one)
        if (this.#copies === 0 || !this.#odd('twice', 4)) return [entry]
        this.#copies--
        return [entry, entry]
      })
    if (!field.repeated) return this.#single(field, value)
    const list = value as unknown[]
    const packable = wireType(field.kind) !== BYTES
    if (packable && list.length > 0 && field.packed !== this.#odd('packed', 2)) return this.#packed(field, list)
    return list.map((one) => this.#one(field, one))
  }
  #packed(field: FieldType, list: readonly unknown[]): Buffer[] {
    const cut = this.#odd('packed', 3) ? this.#choices.below(list.length + 1) : 0
    return [list.slice(0, cut), list.slice(cut)]
      .filter((part) => part.length > 0)
      .map((part) =>
        Buffer.concat([
          this.#tag(field.number, BYTES),
          this.#prefixed(Buffer.concat(part.map((one) => this.#scalar(field.kind, one)))),
        ]),
      )
  }
  #single(field: FieldType, value: unknown): Buffer[] {
    if (field.kind !== 'message') {
      const twice = this.#odd('twice', 3) ? [this.#one(field, value)] : []
      return [...twice, this.#one(field, value)]
    }
    const one = this.#one(field, value)
    // An empty occurrence more changes nothing: messages are merged.
    return this.#odd('twice', 3) && !field.delimited
      ? [one, Buffer.concat([this.#tag(field.number, BYTES), varint(0n)])]
      : [one]
  }
  #one(field: FieldType, value: unknown): Buffer {
    if (field.kind === 'message' && field.delimited)
      return Buffer.concat([
        this.#tag(field.number, GROUP),
        this.message(field.message!, value as Value),
        this.#tag(field.number, GROUP_END),
      ])
    return Buffer.concat([this.#tag(field.number, wireType(field.kind)), this.#element(field, value)])
  }
  #element(field: FieldType, value: unknown): Buffer {
    if (field.kind === 'message') return this.#prefixed(this.message(field.message!, value as Value))
    return this.#scalar(field.kind, value)
  }
  #entry(field: FieldType, key: unknown, value: unknown): Buffer {
    const isDefault = (one: unknown): boolean => one === 0 || one === 0n || one === '' || one === false
    const parts: Buffer[] = []
    if (!(isDefault(key) && this.#odd('entry', 2)))
      parts.push(Buffer.concat([this.#tag(1, wireType(field.mapKey!)), this.#scalar(field.mapKey!, key)]))
    parts.push(Buffer.concat([this.#tag(2, wireType(field.kind)), this.#element(field, value)]))
    if (this.#odd('entry', 4)) parts.reverse()
    if (this.#odd('entry', 5)) parts.push(Buffer.concat([this.#tag(9, VARINT), varint(1n)]))
    return Buffer.concat([this.#tag(field.number, BYTES), this.#prefixed(Buffer.concat(parts))])
  }

  #scalar(kind: ScalarKind | 'enum' | 'message', value: unknown): Buffer {
    switch (kind) {
      case 'string':
        return this.#prefixed(Buffer.from(value as string))
      case 'bytes':
        return this.#prefixed(Buffer.from(value as Uint8Array))
      case 'bool':
        return this.#varint(value === true ? (this.#odd('bits', 4) ? 1n << 33n : 1n) : 0n)
      case 'sint32':
      case 'sint64': {
        const big = BigInt(value as number | bigint)
        return this.#varint(BigInt.asUintN(64, (big << 1n) ^ (big >> 63n)))
      }
      case 'double':
      case 'float': {
        const out = Buffer.alloc(kind === 'double' ? 8 : 4)
        if (kind === 'double') out.writeDoubleLE(value as number)
        else out.writeFloatLE(value as number)
        return out
      }
      case 'fixed64':
      case 'sfixed64':
        return fixed(BigInt(value as bigint), 8)
      case 'fixed32':
      case 'sfixed32':
        return fixed(BigInt(value as number), 4)
      case 'int32':
      case 'enum':
      case 'uint32': {
        const big = BigInt(value as number)
        // Only the low 32 bits count.
        if (this.#odd('bits', 4)) return this.#varint(BigInt.asUintN(32, big) | (BigInt(this.#choices.below(4)) << 40n))
        return this.#varint(big)
      }
      default:
        return this.#varint(BigInt(value as bigint))
    }
  }
}
const fixed = (value: bigint, size: 4 | 8): Buffer => {
  const out = Buffer.alloc(size)
  if (size === 8) out.writeBigUInt64LE(BigInt.asUintN(64, value))
  else out.writeUInt32LE(Number(BigInt.asUintN(32, value)))
  return out
}
