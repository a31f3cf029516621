import { expect } from 'vitest'
import { makePrint } from '../../src/codec/compile/print/index.ts'
import type { Mode } from '../../src/codec/compile/scratch.ts'
import { printField, printMessage } from '../../src/codec/json/print.ts'
import { FIXED32, FIXED64, planOf, type Types, VARINT, wireOf } from '../../src/codec/plan.ts'
import { decodeProto } from '../../src/codec/proto/decode.ts'
import type { EnumType, FieldType, MessageType } from '../../src/core/descriptor.ts'
import { Bytes } from '../../src/core/message.ts'
import type { JsonOptions } from '../../src/core/schema.ts'
import { GatewayError } from '../../src/core/status.ts'

export const MODES: readonly Mode[] = ['generate', 'closures']

/** Every combination of the flags that change how a message is printed. */
export const OPTIONS: readonly JsonOptions[] = Array.from({ length: 16 }, (_, i) => ({
  emitDefaults: (i & 1) !== 0,
  protoNames: (i & 2) !== 0,
  enumNumbers: (i & 4) !== 0,
  int64Numbers: (i & 8) !== 0,
}))

/** What decoding and printing makes of it; undefined: it refuses. */
export const referencePrint = (
  type: MessageType,
  wire: Uint8Array,
  options: JsonOptions,
  types: Types,
): Buffer | undefined => {
  const plan = planOf(type)
  const out = new Bytes()
  try {
    const value = decodeProto(plan, wire, types)
    if (options.field === undefined) printMessage(plan, value, out, options, types)
    else printField(plan.find(options.field)!, value, out, options, types)
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown
    return undefined
  }
  return out.take()
}

export type Outcome = 'printed' | 'handed over'

/** Prints compiled, and holds what comes out against the reference. */
export const checkPrint = (
  type: MessageType,
  wire: Uint8Array,
  types: Types,
  mode: Mode,
  options: JsonOptions = {},
): Outcome => {
  const print = makePrint(planOf(type), options, types, mode)
  const out = new Bytes(16)
  out.buffer.write('before:')
  out.length = 7
  const done = print(wire, out)
  expect(out.take().subarray(0, 7).toString()).toBe('before:')
  if (!done) {
    expect(out.length).toBe(7)
    return 'handed over'
  }
  const want = referencePrint(type, wire, options, types)
  if (want === undefined)
    throw new Error(`${mode} printed what the reference refuses: ${Buffer.from(wire).toString('hex')}`)
  const got = out.take().subarray(7)
  if (!got.equals(want)) {
    // Only now as text: messages may be large.
    expect(got.toString(), Buffer.from(wire).subarray(0, 2000).toString('hex')).toBe(want.toString())
    expect(got.equals(want)).toBe(true)
  }
  return 'printed'
}

export const varintBytes = (value: bigint | number): Buffer => {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
export const tagBytes = (number: number, wire: number): Buffer => varintBytes((BigInt(number) << 3n) | BigInt(wire))
export const sized = (bytes: Uint8Array): Buffer => Buffer.concat([varintBytes(bytes.length), bytes])
/** A field with its length before it. */
export const blob = (number: number, bytes: Uint8Array | string): Buffer =>
  Buffer.concat([tagBytes(number, 2), sized(Buffer.from(bytes))])
export const integer = (number: number, value: bigint | number): Buffer =>
  Buffer.concat([tagBytes(number, VARINT), varintBytes(value)])

/** Numbers from 0 to `below`, the same for the same seed. */
export type Random = (below: number) => number
export const randomOf = (seed: number): Random => {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!

const INTEGERS = [
  0n,
  1n,
  2n,
  9n,
  10n,
  99n,
  100n,
  127n,
  128n,
  12345n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
]
const LARGE = [
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  10n ** 15n,
  10n ** 18n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
]
const DOUBLES = [
  0,
  -0,
  1,
  -1,
  0.1,
  1 / 3,
  1.5,
  123.456,
  99.99,
  1e-7,
  1.234e-6,
  5e-324,
  1e21,
  1e300,
  123456789.123,
  2 ** 53,
]
const TEXTS = [
  '',
  'a',
  'plain text',
  'quo"te\\',
  'tab\t\n\r\b\f',
  '\u0000\u001f\u007f',
  'é',
  '日本語',
  '😀',
  '\u2028\u2029',
]
const BROKEN = ['ff', 'c0af', 'eda080', 'f4908080', 'e282', '61f0', 'f0808080', 'c3']

const text = (random: Random): Buffer => {
  const size = random(4)
  let made = ''
  for (let i = 0; i < size; i++) made += pick(random, TEXTS)
  return Buffer.from(
    random(12) === 0 ? made + pick(random, ['x', 'é', 'lines\nand "quotes" ']).repeat(random(60)) : made,
  )
}
/** A varint; of the kinds with 32 bits in range, except for wild ones. */
const wholeBytes = (random: Random, kind: FieldType['kind'], { wild }: WireInit): Buffer => {
  const small = random(2) === 0 ? pick(random, INTEGERS) : BigInt(random(2 ** 32))
  const value = random(4) === 0 ? pick(random, LARGE) : small
  const signed = random(4) === 0 ? -value : value
  if (wild || kind.endsWith('64')) return varintBytes(signed)
  return varintBytes(kind === 'int32' ? BigInt.asIntN(32, signed) : BigInt.asUintN(32, signed))
}
const floating = (random: Random): number => {
  if (random(3) === 0) return pick(random, DOUBLES)
  if (random(10) === 0) return pick(random, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
  const value = random(2) === 0 ? random(1e6) / 10 ** random(6) : (random(2 ** 32) / 2 ** 32) * 10 ** (random(40) - 20)
  return random(2) === 0 ? -value : value
}
const enumNumber = (random: Random, { numbers }: EnumType): number =>
  random(5) === 0 ? pick(random, [-1, 0, 7, 4711, -(2 ** 31)]) : pick(random, [...numbers.values()])

export interface WireInit {
  /** Sometimes: fields out of order, twice, unknown or of the wrong wire type; broken text. */
  readonly wild: boolean
}

/** One value of a kind as it stands behind its tag. */
const valueBytes = (
  random: Random,
  kind: FieldType['kind'],
  field: FieldType,
  init: WireInit,
  depth: number,
): Buffer => {
  switch (kind) {
    case 'message':
      return sized(messageBytes(random, field.message!, init, depth + 1))
    case 'enum':
      return varintBytes(enumNumber(random, field.enum!))
    case 'string':
      if (init.wild && random(60) === 0) return sized(Buffer.from(pick(random, BROKEN), 'hex'))
      return sized(text(random))
    case 'bytes':
      return sized(Buffer.from(Array.from({ length: random(8) === 0 ? random(200) : random(7) }, () => random(256))))
    case 'bool':
      return varintBytes(random(2))
    case 'double': {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleLE(floating(random))
      return bytes
    }
    case 'float': {
      const bytes = Buffer.alloc(4)
      bytes.writeFloatLE(floating(random))
      return bytes
    }
    default: {
      const wire = wireOf(kind)
      if (wire === VARINT) return wholeBytes(random, kind, init)
      const bytes = Buffer.alloc(wire === FIXED64 ? 8 : 4)
      if (random(4) > 0) for (let i = 0; i < bytes.length; i++) bytes[i] = random(3) === 0 ? 0 : random(256)
      return bytes
    }
  }
}

/** Text and range that the well-known types ask for; most of the time. */
const special = (random: Random, type: MessageType): Buffer | undefined => {
  switch (type.name) {
    case 'google.protobuf.Timestamp':
    case 'google.protobuf.Duration': {
      const seconds = pick(random, [
        0,
        1,
        1_700_000_000 + random(1e8),
        951_782_400,
        -1,
        -62_135_596_800,
        253_402_300_799,
      ])
      const nanos = pick(random, [0, 1, 500_000_000, 123_456_000, 999_999_999, random(1e9)])
      const sign = type.name.endsWith('Duration') && seconds < 0 ? -1 : 1
      const parts = [integer(1, seconds), integer(2, nanos * sign)]
      return Buffer.concat(parts.filter(() => random(4) > 0))
    }
    case 'google.protobuf.FieldMask':
      return Buffer.concat(
        Array.from({ length: random(4) }, () => blob(1, pick(random, ['a', 'foo_bar', 'a.b_c.d', 'x1.y']))),
      )
    case 'google.protobuf.Value':
      return random(6) > 0 ? anything(random, 0) : Buffer.alloc(0)
    case 'google.protobuf.Any': {
      const [name, content] = pick(random, INSIDE)
      const url = blob(1, `type.googleapis.com/${name}`)
      return random(6) === 0 ? Buffer.alloc(0) : Buffer.concat([url, blob(2, content(random))])
    }
    default:
      return undefined
  }
}
/** Types that are known wherever `google/rpc/status.proto` is. */
const INSIDE: readonly (readonly [string, (random: Random) => Buffer])[] = [
  ['google.rpc.Status', (random) => Buffer.concat([integer(1, random(17)), blob(2, text(random))])],
  ['google.protobuf.Duration', (random) => integer(1, random(1000))],
]
const anything = (random: Random, depth: number): Buffer => {
  switch (random(depth > 3 ? 4 : 6)) {
    case 0:
      return integer(1, 0)
    case 1: {
      const bytes = Buffer.alloc(8)
      const value = floating(random)
      bytes.writeDoubleLE(Number.isFinite(value) ? value : 1)
      return Buffer.concat([tagBytes(2, FIXED64), bytes])
    }
    case 2:
      return blob(3, text(random))
    case 3:
      return integer(4, random(2))
    case 4:
      return blob(
        5,
        Buffer.concat(
          Array.from({ length: random(4) }, (_, i) =>
            blob(1, Buffer.concat([blob(1, `k${i}`), blob(2, anything(random, depth + 1))])),
          ),
        ),
      )
    default:
      return blob(6, Buffer.concat(Array.from({ length: random(4) }, () => blob(1, anything(random, depth + 1)))))
  }
}

const fieldBytes = (random: Random, field: FieldType, init: WireInit, depth: number): Buffer => {
  const { number, kind } = field
  if (field.mapKey !== undefined) {
    const entries: Buffer[] = []
    const keys = new Set<string>()
    for (let i = random(4); i >= 0; i--) {
      const key = Buffer.concat([
        tagBytes(1, wireOf(field.mapKey)),
        valueBytes(random, field.mapKey, field, init, depth),
      ])
      const value = Buffer.concat([tagBytes(2, wireOf(kind)), valueBytes(random, kind, field, init, depth)])
      const parts = [random(8) > 0 ? key : Buffer.alloc(0), random(8) > 0 ? value : Buffer.alloc(0)]
      const text =
        parts[0]!.length === 0 || parts[0]!.subarray(1).every((byte) => byte === 0) ? '' : parts[0]!.toString('hex')
      if (keys.has(text) && !(init.wild && random(4) === 0)) continue
      keys.add(text)
      entries.push(blob(number, Buffer.concat(init.wild && random(10) === 0 ? parts.reverse() : parts)))
    }
    return Buffer.concat(entries)
  }
  if (kind === 'message' && field.delimited) {
    const one = (): Buffer =>
      Buffer.concat([tagBytes(number, 3), messageBytes(random, field.message!, init, depth + 1), tagBytes(number, 4)])
    return Buffer.concat(Array.from({ length: field.repeated ? 1 + random(3) : 1 }, one))
  }
  const wire = wireOf(kind)
  const one = (): Buffer => valueBytes(random, kind, field, init, depth)
  if (!field.repeated) return Buffer.concat([tagBytes(number, wire), one()])
  const elements = Array.from({ length: 1 + random(4) }, one)
  const packable = wire === VARINT || wire === FIXED32 || wire === FIXED64
  if (packable && random(2) === 0) return blob(number, Buffer.concat(elements))
  return Buffer.concat(elements.map((bytes) => Buffer.concat([tagBytes(number, wire), bytes])))
}

/** The wire form of a random message. Oneofs have one member, unless it is a wild one. */
export const messageBytes = (random: Random, type: MessageType, init: WireInit, depth = 0): Buffer => {
  const usual = !init.wild || random(8) > 0 ? special(random, type) : undefined
  if (usual !== undefined) return usual
  const oneofs = new Set<string>()
  const parts: Buffer[] = []
  const few = depth > 0 || type.fields.length > 20
  for (const field of type.fields) {
    if (depth > 3 && field.message !== undefined) continue
    if (random(10) < (few ? 7 : 4)) continue
    if (field.oneof !== undefined) {
      if (oneofs.has(field.oneof) && !(init.wild && random(5) === 0)) continue
      oneofs.add(field.oneof)
    }
    parts.push(fieldBytes(random, field, init, depth))
  }
  if (init.wild) disturb(random, parts, type)
  return Buffer.concat(parts)
}

const disturb = (random: Random, parts: Buffer[], type: MessageType): void => {
  const at = (): number => random(parts.length + 1)
  if (random(4) === 0) parts.splice(at(), 0, integer(536_870_911 - random(3), random(1000)))
  if (random(6) === 0) parts.splice(at(), 0, blob(15_000 + random(10), 'unknown'))
  if (random(8) === 0) parts.splice(at(), 0, Buffer.concat([tagBytes(9999, 3), integer(3, 1), tagBytes(9999, 4)]))
  if (random(8) === 0 && type.fields.length > 0) {
    const { number } = pick(random, type.fields)
    parts.splice(at(), 0, Buffer.concat([tagBytes(number, FIXED32), Buffer.alloc(4, 1)]))
  }
  if (random(12) === 0 && parts.length > 1) parts.reverse()
  if (random(12) === 0 && parts.length > 0) parts.push(pick(random, parts))
}

/** The same bytes with a few of them changed, cut or added. */
export const damaged = (random: Random, wire: Buffer): Buffer => {
  let bytes = Buffer.from(wire)
  for (let i = random(3); i >= 0; i--) {
    const at = random(bytes.length + 1)
    switch (random(5)) {
      case 0:
        bytes = bytes.subarray(0, at)
        break
      case 1:
        if (at < bytes.length) bytes[at] = random(256)
        break
      case 2:
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << random(8))
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([random(256)]), bytes.subarray(at)])
        break
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(4))])
    }
  }
  return bytes
}
