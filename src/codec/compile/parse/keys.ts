import type { ScalarKind } from '../../../core/descriptor.ts'
import { SCRATCH, VIEW } from '../scratch.ts'
import { fixed32, fixed64, int32, int64, sfixed32, sfixed64, sint32, sint64, uint32, uint64 } from './integer.ts'
import { IN, INPUT, S } from './state.ts'
import { string } from './text.ts'

/** Keys of maps: how they are read, and that no two of them are the same. */

type IntegerReader = (i: number, q: number) => number
const INTEGERS: Readonly<Record<string, IntegerReader>> = {
  int32,
  uint32,
  sint32,
  fixed32,
  sfixed32,
  int64,
  uint64,
  sint64,
  fixed64,
  sfixed64,
}

export const KEY_STRING = 0
export const KEY_BOOL = 1
/** What is written with a fixed number of bytes. */
export const KEY_FIXED32 = 2
export const KEY_FIXED64 = 3
export const KEY_VARINT = 4

export interface KeyType {
  readonly form: number
  readonly integer: IntegerReader
}
export const keyType = (kind: ScalarKind): KeyType => {
  const integer = INTEGERS[kind] ?? int32
  switch (kind) {
    case 'string':
      return { form: KEY_STRING, integer }
    case 'bool':
      return { form: KEY_BOOL, integer }
    case 'fixed32':
    case 'sfixed32':
      return { form: KEY_FIXED32, integer }
    case 'fixed64':
    case 'sfixed64':
      return { form: KEY_FIXED64, integer }
    default:
      return { form: KEY_VARINT, integer }
  }
}

/** The key whose quote is at `i`, without a tag. */
export const key = (type: KeyType, i: number, q: number): number => {
  if (type.form === KEY_STRING) return string(i, q)
  if (type.form !== KEY_BOOL) return integerKey(type, i, q)
  const word = IN.getInt32(i + 1, true)
  const yes = word === 0x6575_7274
  if (!yes && (word !== 0x736c_6166 || INPUT[i + 5] !== 0x65)) return -1
  const end = yes ? i + 5 : i + 6
  if (INPUT[end] !== 0x22) return -1
  SCRATCH[q] = yes ? 1 : 0
  S.at = end + 1
  return q + 1
}
/** A key is written in one way: without a fraction and without an exponent. */
const integerKey = (type: KeyType, i: number, q: number): number => {
  let k = i + 1
  if (INPUT[k] === 0x2d) k++
  while (INPUT[k]! >= 0x30 && INPUT[k]! <= 0x39) k++
  return INPUT[k] === 0x22 ? type.integer(i, q) : -1
}

/** Where in SCRATCH the keys of the maps are that are being read, those of the innermost map last. */
const KEYS = new Int32Array(1 << 17)
/** A hash table of keys: one more than their place among KEYS; 0: free. */
const TABLE = new Int32Array(1 << 18)
const SEED = (Math.random() * 0x1_0000_0000) | 0

/** Notes a key. False: too many. */
export const note = (at: number): boolean => {
  if (S.keys === KEYS.length) return false
  KEYS[S.keys++] = at
  return true
}

/** Whether the keys noted since `base` all differ; they are then forgotten. False also when too many meet in the table. */
export const distinct = (form: number, base: number): boolean => {
  const end = S.keys
  S.keys = base
  const count = end - base
  if (count < 2) return true
  if (count <= 6) {
    for (let a = base + 1; a < end; a++) for (let b = base; b < a; b++) if (same(form, KEYS[a]!, KEYS[b]!)) return false
    return true
  }
  const mask = (1 << (32 - Math.clz32(2 * count - 1))) - 1
  TABLE.fill(0, 0, mask + 1)
  let steps = 8 * count + 64
  for (let k = base; k < end; k++) {
    const at = KEYS[k]!
    let slot = hashOf(form, at) & mask
    for (let other = TABLE[slot]!; other !== 0; other = TABLE[slot]!) {
      if (--steps < 0 || same(form, at, KEYS[other - 1]!)) return false
      slot = (slot + 1) & mask
    }
    TABLE[slot] = k + 1
  }
  return true
}

const sizeOf = (form: number, at: number): number => {
  if (form === KEY_FIXED32) return 4
  if (form === KEY_FIXED64) return 8
  let end = at
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = SCRATCH[end++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return form === KEY_STRING ? end - at + value : end - at
}
const same = (form: number, a: number, b: number): boolean => {
  // The length of a string, or what differs most of a number.
  if (SCRATCH[a] !== SCRATCH[b]) return false
  for (let k = sizeOf(form, a) - 1; k > 0; k--) if (SCRATCH[a + k] !== SCRATCH[b + k]) return false
  return true
}
const hashOf = (form: number, at: number): number => {
  const end = at + sizeOf(form, at)
  let hash = SEED
  let k = at
  for (; k + 4 <= end; k += 4) {
    hash = Math.imul(hash ^ VIEW.getInt32(k, true), 0x9e37_79b1)
    hash ^= hash >>> 15
  }
  for (; k < end; k++) hash = Math.imul(hash ^ SCRATCH[k]!, 0x85eb_ca6b)
  return hash ^ (hash >>> 13)
}
