import type { FieldType } from '../../../core/descriptor.ts'
import { decodeCapture, decodeForm } from '../../../core/percent.ts'
import { maskFromText } from '../../field-mask.ts'
import { boolFromText } from '../../leaf.ts'
import { enumByNumber, toBytes } from '../../lexical.ts'
import { type FieldPlan, GROUP, GROUP_END, isNullValue } from '../../plan.ts'
import { durationFromGo, durationFromText, type Instant, timestampFromText } from '../../time.ts'
import { SCRATCH } from '../scratch.ts'
import { allZero, putVarint } from '../varint.ts'
import { BOOL, BYTES, formOfScalar, putDigits, putNumber, STRING } from './number.ts'
import { closeLength, putBytes, putInt32, putVarint64 } from './put.ts'
import { DECODED_AT, KEEP_NOTHING, KEEP_RESERVED, loadText, putDecoded, putPlain, putUtf8 } from './text.ts'

/** What else a bare text becomes on the wire, beside the scalars. */
const ENUM = 20
const TIMESTAMP = 21
const DURATION = 22
const MASK = 23
const WRAPPER = 24

/** A field whose elements come as bare text. */
export interface Leaf {
  readonly plan: FieldPlan
  readonly form: number
  /** Of a wrapper: form and tag of what it wraps. */
  readonly inner: number
  readonly innerTag: number
  /** Tag that ends the message when its wire form is a group; 0 when a length stands before it. */
  readonly endTag: number
  /** Go's booleans and durations are taken too (`compat.queryForms`). */
  readonly goForms: boolean
}

/** undefined: elements of this field have no bare text that the fast lane knows. */
export const leafOf = (plan: FieldPlan, goForms: boolean): Leaf | undefined => {
  const wrapped = plan.wellKnown === 'wrapper' ? plan.message.fields[0]! : undefined
  const form = formOf(plan)
  const inner = wrapped === undefined ? STRING : formOfScalar(wrapped.field.kind)
  if (form === undefined || inner === undefined || plan.field.mapKey !== undefined) return undefined
  const endTag = plan.wire === GROUP ? ((plan.field.number << 3) | GROUP_END) >>> 0 : 0
  return { plan, form, inner, innerTag: wrapped?.tag ?? 0, endTag, goForms }
}

const formOf = ({ field, wellKnown }: FieldPlan): number | undefined => {
  if (field.kind === 'enum') return ENUM
  if (field.kind !== 'message') return formOfScalar(field.kind)
  switch (wellKnown) {
    case 'timestamp':
      return TIMESTAMP
    case 'duration':
      return DURATION
    case 'mask':
      return MASK
    case 'wrapper':
      return WRAPPER
    default:
      return undefined
  }
}

/** How a piece of RAW becomes text: as it is, by the rules of forms, or (from 0 on) as a capture with its `KEEP_…`. */
export const PLAIN = -2
export const FORM = -1

/**
 * Writes one element, without its tag, from a piece of RAW. `text` holds the same piece at `start - base`, for what is only read
 * from strings. −1: the piece does not fit the field.
 */
export const putElement = (
  q: number,
  leaf: Leaf,
  how: number,
  start: number,
  end: number,
  text: string,
  base: number,
): number => {
  const { form } = leaf
  if (form === STRING && how === PLAIN) return putPlain(q, start, end)
  if (how !== PLAIN) return putEscaped(q, leaf, how, start, end, text.slice(start - base, end - base))
  switch (form) {
    case ENUM:
      return putEnum(q, leaf.plan.field, text.slice(start - base, end - base))
    case TIMESTAMP:
      return putInstant(q, leaf, timestampFromText(text.slice(start - base, end - base)))
    case DURATION:
      return putInstant(q, leaf, durationOf(text.slice(start - base, end - base), leaf.goForms))
    case MASK:
      return putMask(q, leaf, maskFromText(text.slice(start - base, end - base)))
    case WRAPPER: {
      const value = putVarint(openLeaf(q, leaf), leaf.innerTag)
      return closeWrapper(q, leaf, value, putScalar(value, leaf.inner, leaf.goForms, start, end, text, base))
    }
    default:
      return putScalar(q, form, leaf.goForms, start, end, text, base)
  }
}

/** Strings are decoded straight to the wire; everything else, where escapes are rare, by way of a decoded text. */
const putEscaped = (q: number, leaf: Leaf, how: number, start: number, end: number, raw: string): number => {
  const keep = how === FORM ? KEEP_NOTHING : how
  if (leaf.form === STRING) return putDecoded(q, start, end, keep, how === FORM)
  if (leaf.form === WRAPPER && leaf.inner === STRING) {
    const value = putVarint(openLeaf(q, leaf), leaf.innerTag)
    return closeWrapper(q, leaf, value, putDecoded(value, start, end, keep, how === FORM))
  }
  const text =
    how === FORM
      ? decodeForm(raw)
      : decodeCapture(raw, keep !== KEEP_NOTHING, keep === KEEP_RESERVED ? 'keep-reserved' : 'spec')
  if (text === undefined || !loadText(text, DECODED_AT)) return -1
  return putElement(q, leaf, PLAIN, DECODED_AT, DECODED_AT + text.length, text, DECODED_AT)
}

const putScalar = (
  q: number,
  form: number,
  goForms: boolean,
  start: number,
  end: number,
  text: string,
  base: number,
): number => {
  switch (form) {
    case STRING:
      return putPlain(q, start, end)
    case BYTES: {
      const bytes = toBytes(text.slice(start - base, end - base))
      return bytes === undefined ? -1 : putBytes(putVarint(q, bytes.length), bytes)
    }
    case BOOL: {
      const value = boolFromText(text.slice(start - base, end - base), goForms)
      if (value === undefined) return -1
      SCRATCH[q] = value ? 1 : 0
      return q + 1
    }
    default: {
      const behind = putDigits(q, form, start, end)
      return behind > 0 ? behind : putNumber(q, form, text.slice(start - base, end - base))
    }
  }
}

const putEnum = (q: number, field: FieldType, text: string): number => {
  const number = field.enum!.numbers.get(text) ?? (text === 'null' && isNullValue(field) ? 0 : undefined)
  const value = number ?? enumByNumber(field.enum!, text)
  return value === undefined ? -1 : putInt32(q, value)
}

const durationOf = (text: string, goForms: boolean): Instant | undefined =>
  durationFromText(text) ?? (goForms ? durationFromGo(text) : undefined)

/** Where the fields of a message begin whose tag ends at `q`. */
export const openLeaf = (q: number, leaf: Leaf): number => (leaf.endTag === 0 ? q + 1 : q)
export const closeLeaf = (start: number, q: number, leaf: Leaf): number =>
  leaf.endTag === 0 ? closeLength(start, q) : putVarint(q, leaf.endTag)

const TWO_32 = 0x1_0000_0000
const putInstant = (q: number, leaf: Leaf, instant: Instant | undefined): number => {
  if (instant === undefined) return -1
  let at = openLeaf(q, leaf)
  const seconds = Number(instant.seconds)
  if (seconds !== 0) {
    SCRATCH[at] = 0x08
    at = putVarint64(at + 1, seconds % TWO_32, Math.floor(seconds / TWO_32))
  }
  if (instant.nanos !== 0) {
    SCRATCH[at] = 0x10
    at = putInt32(at + 1, instant.nanos)
  }
  return closeLeaf(q, at, leaf)
}

const putMask = (q: number, leaf: Leaf, paths: readonly string[] | undefined): number => {
  if (paths === undefined) return -1
  let at = openLeaf(q, leaf)
  for (const path of paths) {
    SCRATCH[at] = 0x0a
    at = putUtf8(at + 1, path)
  }
  return closeLeaf(q, at, leaf)
}

/** A wrapper whose value stands between two positions (−1: it does not fit). A default is not sent. */
const closeWrapper = (q: number, leaf: Leaf, value: number, behind: number): number =>
  behind < 0 ? -1 : closeLeaf(q, allZero(value, behind) ? openLeaf(q, leaf) : behind, leaf)
