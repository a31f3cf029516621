import type { EnumType } from '../../../core/descriptor.ts'
import { toNumber } from '../../lexical.ts'
import { type FieldPlan, GROUP, GROUP_END, isNullValue, wireOf } from '../../plan.ts'
import { SCRATCH } from '../scratch.ts'
import { int32, signed, source } from './integer.ts'
import { type KeyType, keyType } from './keys.ts'
import { Names } from './names.ts'
import { INPUT, takesNull } from './state.ts'

/** Reads the JSON of a message, of which it stands on the first character; `depth` is that of a bracket which stands there. */
export type Reader = (i: number, q: number, depth: number) => number

/** What one element of a field is. */
export const CODES: readonly FieldPlan['field']['kind'][] = [
  'string',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'double',
  'float',
  'bool',
  'bytes',
  'enum',
  'message',
]

/** A field, with all that its readers want to know worked out. */
export class Op {
  readonly plan: FieldPlan
  readonly code: number
  /** The tag of an element, or of the packed list; at most four bytes in `tagWord`, a fifth in `tagLast`. */
  readonly tagWord: number
  readonly tagLast: number
  readonly tagSize: number
  /** The tag behind a group; 0: not one. */
  readonly endTag: number
  readonly packed: boolean
  /** Its default is not written. */
  readonly implicit: boolean
  readonly key: KeyType
  readonly keyTag: number
  readonly valueTag: number
  readonly names: Names | undefined
  readonly nullValue: boolean
  /** Set when the readers of all types of a batch are there. */
  read: Reader = () => -1
  #lastName = -1

  constructor(plan: FieldPlan) {
    const { field } = plan
    this.plan = plan
    this.code = CODES.indexOf(field.kind)
    this.packed = field.packed && plan.packedTag !== 0
    const tag = tagBytes(this.packed ? plan.packedTag : plan.tag)
    this.tagSize = tag.length
    this.tagWord = Buffer.from([...tag, 0, 0, 0]).readInt32LE(0)
    this.tagLast = tag[4] ?? 0
    this.endTag = plan.wire === GROUP ? ((field.number << 3) | GROUP_END) >>> 0 : 0
    this.implicit = !field.presence
    this.key = keyType(field.mapKey ?? 'string')
    this.keyTag = (1 << 3) | wireOf(field.mapKey ?? 'string')
    this.valueTag = (2 << 3) | plan.wire
    this.nullValue = isNullValue(field)
    this.names = field.enum === undefined ? undefined : enumNames(field.enum)
  }

  /** An enum by name or number. */
  enum(i: number, q: number): number {
    const c = INPUT[i]
    if (c === 0x22) {
      const found = this.names!.find(i + 1, this.#lastName)
      if (found < 0) return -1
      this.#lastName = found
      return signed(q, this.names!.values[found]!)
    }
    const type = this.plan.field.enum!
    if (c === 0x6e) {
      if (!this.nullValue || !takesNull(i)) return -1
      SCRATCH[q] = 0
      return q + 1
    }
    if (type.open) return int32(i, q)
    const text = source(i)
    const number = text === undefined ? undefined : toNumber('int32', text, false)
    return number !== undefined && type.names.has(number as number) ? signed(q, number as number) : -1
  }
}

const tables = new WeakMap<EnumType, Names>()
const enumNames = (type: EnumType): Names => {
  let names = tables.get(type)
  if (names === undefined) {
    names = new Names(type.numbers)
    tables.set(type, names)
  }
  return names
}

/** The bytes of an unsigned varint. */
export const tagBytes = (tag: number): number[] => {
  const bytes: number[] = []
  let rest = tag
  for (; rest >>> 0 > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return bytes
}
