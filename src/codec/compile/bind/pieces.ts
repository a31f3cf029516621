import { LIMIT } from '../scratch.ts'
import { allZero, putVarint } from '../varint.ts'
import { type Leaf, PLAIN, putElement } from './leaf.ts'
import { closeLength, putBytes } from './put.ts'
import { KEEP_NOTHING, KEEP_RESERVED, KEEP_SLASH } from './text.ts'
import type { Node, Slot, Tree } from './tree.ts'

/**
 * Pieces of path and query that are written late, because what they belong to (a nested message, a packed list) is written as a
 * whole. They are kept in arrays that all bindings share: one call at a time is at work.
 */
export const MAX_PIECES = 4096
const STARTS = new Int32Array(MAX_PIECES)
const ENDS = new Int32Array(MAX_PIECES)
const NEXTS = new Int32Array(MAX_PIECES)
/** `PLAIN` or `FORM` of a query value, or the number of a path variable. */
const SOURCES = new Int32Array(MAX_PIECES)

/** The texts of a call, and how captures are decoded: one `KEEP_…` for each variable. */
export interface Raw {
  readonly query: string
  readonly params: readonly string[]
  readonly keep: readonly number[]
}

/** Puts a piece of RAW behind those that the slot has. */
export const addPiece = (piece: number, slot: Slot, source: number, start: number, end: number): void => {
  STARTS[piece] = start
  ENDS[piece] = end
  SOURCES[piece] = source
  NEXTS[piece] = -1
  if (slot.first < 0) slot.first = piece
  else NEXTS[slot.last] = piece
  slot.last = piece
}

/** One value of a slot, with its tag; nothing when it is the default of a field that is not sent then. −1: it does not fit. */
export const putPiece = (q: number, slot: Slot, raw: Raw, source: number, start: number, end: number): number => {
  const value = putVarint(q, slot.tag)
  const behind = putValue(value, slot.leaf!, raw, source, start, end)
  return behind >= 0 && slot.hidesDefault && allZero(value, behind) ? q : behind
}

const putValue = (q: number, leaf: Leaf, raw: Raw, source: number, start: number, end: number): number => {
  if (source < 0) return putElement(q, leaf, source, start, end, raw.query, 0)
  const capture = raw.params[source]!
  const how = capture.indexOf('%') === -1 ? PLAIN : raw.keep[source]!
  return putElement(q, leaf, how, start, end, capture, start)
}

/** How a capture is decoded: `multi` as in PathVariable. */
export const keepOf = (multi: boolean, mode: 'spec' | 'keep-reserved' | 'all'): number =>
  !multi || mode === 'all' ? KEEP_NOTHING : mode === 'spec' ? KEEP_SLASH : KEEP_RESERVED

/** Everything of a message that was not written at once, `but` one child. −1: something does not fit. */
export const putFields = (q: number, tree: Tree, node: Node, raw: Raw, but: Node | undefined): number => {
  let at = q
  for (let slot = node.firstSlot; slot !== undefined; slot = slot.next) {
    at = putSlot(at, slot, raw)
    if (at < 0) return -1
  }
  for (let child = node.firstChild; child !== undefined; child = child.next) {
    if (child === but) continue
    const start = openNode(at, child)
    at = putFields(start, tree, child, raw, undefined)
    if (at < 0) return -1
    at = closeNode(start, at, child)
  }
  return at
}

/** The tag of a message, and room for its length. Where its fields begin. */
export const openNode = (q: number, node: Node): number => {
  const at = putVarint(q, node.plan!.tag)
  return node.endTag === 0 ? at + 1 : at
}
export const closeNode = (start: number, q: number, node: Node): number =>
  node.endTag === 0 ? closeLength(start - 1, q) : putVarint(q, node.endTag)

const putSlot = (q: number, slot: Slot, raw: Raw): number => {
  const { fixed } = slot
  if (fixed !== undefined) return q + fixed.length > LIMIT ? -1 : putBytes(q, fixed)
  let at = q
  const start = slot.packed ? putVarint(q, slot.tag) : q
  if (slot.packed) at = start + 1
  for (let piece = slot.first; piece >= 0; piece = NEXTS[piece]!) {
    const source = SOURCES[piece]!
    at = slot.packed
      ? putValue(at, slot.leaf!, raw, source, STARTS[piece]!, ENDS[piece]!)
      : putPiece(at, slot, raw, source, STARTS[piece]!, ENDS[piece]!)
    if (at < 0) return -1
  }
  return slot.packed ? closeLength(start, at) : at
}
