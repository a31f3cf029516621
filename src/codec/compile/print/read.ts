import { BYTES, FIXED32, FIXED64, GROUP, GROUP_END, MAX_DEPTH, VARINT } from '../../plan.ts'
import { AT } from './page.ts'

/** The low 32 bits of a varint, signed. AT: where it ends, or -1. */
export const varint = (buffer: Buffer, at: number, end: number): number => {
  if (end - at < 4) return longVarint(buffer, at, end)
  const a = buffer[at]!
  if (a < 0x80) {
    AT[0] = at + 1
    return a
  }
  const b = buffer[at + 1]!
  if (b < 0x80) {
    AT[0] = at + 2
    return (a & 0x7f) | (b << 7)
  }
  const c = buffer[at + 2]!
  if (c < 0x80) {
    AT[0] = at + 3
    return (a & 0x7f) | ((b & 0x7f) << 7) | (c << 14)
  }
  return longVarint(buffer, at, end)
}

/** The varint of a length. One of more than four bytes, which may be more than 32 bits, is not read: AT is -1. */
export const lengthVarint = (buffer: Buffer, at: number, end: number): number => {
  const length = varint(buffer, at, end)
  if (AT[0]! - at > 4) AT[0] = -1
  return length
}

const longVarint = (buffer: Buffer, at: number, end: number): number => {
  AT[0] = -1
  if (at >= end) return 0
  let j = at + 1
  let byte = buffer[at]!
  let value = byte & 0x7f
  for (let shift = 7; byte > 0x7f; shift += 7) {
    if (j >= end || shift > 63) return 0
    byte = buffer[j++]!
    if (shift < 32) value |= (byte & 0x7f) << shift
    else if (shift === 63 && byte > 1) return 0
  }
  AT[0] = j
  return value
}

/** A tag, of which there is a byte at least; -1: none. AT: where it ends. */
export const readTag = (buffer: Buffer, at: number, end: number): number => {
  let j = at + 1
  let byte = buffer[at]!
  let value = byte & 0x7f
  for (let shift = 7; byte > 0x7f; shift += 7) {
    if (j >= end || shift > 28) return -1
    byte = buffer[j++]!
    if (shift === 28 && byte > 0x0f) return -1
    value |= (byte & 0x7f) << shift
  }
  AT[0] = j
  value >>>= 0
  // Number 0, and the wire types that do not exist: so the marks for "no more tags" are never read from a wire.
  return value < 8 || (value & 7) > FIXED32 ? -1 : value
}

/** Where the value of a field that nobody knows ends; -1: nowhere. */
export const skip = (buffer: Buffer, at: number, end: number, tag: number, depth: number): number => {
  switch (tag & 7) {
    case VARINT:
      varint(buffer, at, end)
      return AT[0]!
    case FIXED64:
      return at + 8 <= end ? at + 8 : -1
    case FIXED32:
      return at + 4 <= end ? at + 4 : -1
    case BYTES: {
      const length = lengthVarint(buffer, at, end)
      const start = AT[0]!
      return start < 0 || length < 0 || length > end - start ? -1 : start + length
    }
    case GROUP:
      return depth >= MAX_DEPTH ? -1 : skipGroup(buffer, at, end, tag, depth)
    default:
      return -1
  }
}

const skipGroup = (buffer: Buffer, at: number, end: number, tag: number, depth: number): number => {
  let j = at
  while (j < end) {
    const inner = readTag(buffer, j, end)
    if (inner < 0) return -1
    j = AT[0]!
    if ((inner & 7) === GROUP_END) return inner >>> 3 === tag >>> 3 ? j : -1
    j = skip(buffer, j, end, inner, depth + 1)
    if (j < 0) return -1
  }
  return -1
}

/**
 * Passes over unknown fields, of which `tag` is the first, up to a tag of `limit` or more, which is returned; `last` when the message
 * ends before, by its length or by the tag `group`. -1: a field of `known` comes out of order, or nothing readable. AT: behind the tag.
 */
export const gap = (
  buffer: Buffer,
  at: number,
  end: number,
  tag: number,
  limit: number,
  known: ReadonlySet<number>,
  depth: number,
  last: number,
  group: number,
): number => {
  let j = at
  let t = tag
  for (;;) {
    if (known.has(t)) return -1
    j = skip(buffer, j, end, t, depth)
    if (j < 0) return -1
    if (j >= end) {
      AT[0] = j
      return group === 0 ? last : -1
    }
    t = readTag(buffer, j, end)
    if (t < 0) return -1
    if (t === group) return last
    if (t >= limit) return t
    j = AT[0]!
  }
}
