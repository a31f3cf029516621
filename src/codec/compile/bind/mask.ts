import type { FieldPlan, TypePlan } from '../../plan.ts'
import { LIMIT } from '../scratch.ts'
import { putVarint } from '../varint.ts'
import { hashStep } from './keys.ts'
import { closeLeaf, openLeaf } from './leaf.ts'
import { putBytes } from './put.ts'
import type { Slot } from './tree.ts'

/** A field in its message: its path in proto names, and that as an element of `paths` on the wire. */
interface Entry {
  readonly key: Uint8Array
  readonly path: string
  readonly wire: Buffer
  /** A singular message without a JSON form of its own: its members are touched and not itself. */
  readonly message: TypePlan | undefined
  level: Level | undefined
}
/** The members of one message that have been seen, by the hash of their spelling. */
interface Level {
  readonly plan: TypePlan
  readonly prefix: string
  readonly entries: Map<number, Entry[]>
}

/** So many members are remembered; then it starts anew. */
const MAX_ENTRIES = 512

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d

/** Writes the field mask of a PATCH from what its body touches, like `touchedPaths` of the reference lane. */
export class MaskWriter {
  readonly #slot: Slot
  readonly #plan: TypePlan
  #root: Level
  #size = 0
  /** The first `#count` of these are what this body touches. */
  readonly #found: Entry[] = []
  #count = 0

  /** `slot`: the mask. `plan`: the type of the body. */
  constructor(slot: Slot, plan: TypePlan) {
    this.#slot = slot
    this.#plan = plan
    this.#root = makeLevel(plan, '')
  }

  /** From a text that the parser has accepted. Nothing touched: nothing is written. −1: handed over. */
  put(q: number, text: Uint8Array): number {
    this.#count = 0
    if (this.#size > MAX_ENTRIES) {
      this.#root = makeLevel(this.#plan, '')
      this.#size = 0
    }
    const at = space(text, 0)
    if (text[at] === OPEN && this.#walk(text, at, this.#root, undefined) < 0) return -1
    return this.#count === 0 ? q : this.#write(q)
  }

  #write(q: number): number {
    const leaf = this.#slot.leaf!
    const start = putVarint(q, this.#slot.tag)
    let at = openLeaf(start, leaf)
    const entries = sorted(this.#found, this.#count)
    for (let i = 0; i < this.#count; i++) {
      const { wire } = entries[i]!
      if (at + wire.length > LIMIT) return -1
      at = putBytes(at, wire)
    }
    return closeLeaf(start, at, leaf)
  }

  /** Over the object at `at`; returns where it ends. `self`: the field that it is the value of. */
  #walk(text: Uint8Array, at: number, level: Level, self: Entry | undefined): number {
    let pos = space(text, at + 1)
    if (text[pos] === CLOSE) {
      if (self !== undefined) this.#found[this.#count++] = self
      return pos + 1
    }
    for (;;) {
      const start = pos + 1
      let end = start
      let hash = 0
      for (let c = text[end]!; c !== QUOTE; c = text[++end]!) {
        if (c === BACKSLASH) return -1
        hash = hashStep(hash, c)
      }
      pos = space(text, space(text, end + 1) + 1)
      const entry = this.#entry(level, text, start, end, hash)
      if (entry === undefined) return -1
      if (entry.message !== undefined && text[pos] === OPEN) {
        entry.level ??= makeLevel(entry.message, `${entry.path}.`)
        pos = this.#walk(text, pos, entry.level, entry)
        if (pos < 0) return -1
      } else {
        this.#found[this.#count++] = entry
        pos = skipValue(text, pos)
      }
      pos = space(text, pos)
      if (text[pos] === CLOSE) return pos + 1
      pos = space(text, pos + 1)
    }
  }

  #entry(level: Level, text: Uint8Array, start: number, end: number, hash: number): Entry | undefined {
    let entries = level.entries.get(hash)
    if (entries !== undefined) for (const entry of entries) if (isAt(entry.key, text, start, end)) return entry
    const key = Buffer.from(text.subarray(start, end))
    const field = this.#size > 2 * MAX_ENTRIES ? undefined : level.plan.find(key.toString())
    if (field === undefined) return undefined
    if (entries === undefined) {
      entries = []
      level.entries.set(hash, entries)
    }
    const entry = makeEntry(key, level.prefix, field)
    entries.push(entry)
    this.#size++
    return entry
  }
}

/** The first entries, by path. What a client sends has mostly few members, and those are sorted in place. */
const sorted = (entries: Entry[], count: number): readonly Entry[] => {
  if (count > 16) return entries.slice(0, count).sort(byPath)
  for (let i = 1; i < count; i++) {
    const entry = entries[i]!
    let at = i
    for (; at > 0 && entries[at - 1]!.path > entry.path; at--) entries[at] = entries[at - 1]!
    entries[at] = entry
  }
  return entries
}
const byPath = (a: Entry, b: Entry): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)

const makeLevel = (plan: TypePlan, prefix: string): Level => ({ plan, prefix, entries: new Map() })

const makeEntry = (key: Uint8Array, prefix: string, plan: FieldPlan): Entry => {
  const { kind, repeated, mapKey, name } = plan.field
  const path = prefix + name
  const bytes = Buffer.from(path)
  const head = Buffer.alloc(8)
  head[0] = 0x0a
  let size = 1
  for (let rest = bytes.length; ; rest >>>= 7) {
    head[size++] = rest > 0x7f ? (rest & 0x7f) | 0x80 : rest
    if (rest <= 0x7f) break
  }
  const inside = kind === 'message' && !repeated && mapKey === undefined && plan.wellKnown === undefined
  return {
    key,
    path,
    wire: Buffer.concat([head.subarray(0, size), bytes]),
    message: inside ? plan.message : undefined,
    level: undefined,
  }
}

const isAt = (key: Uint8Array, text: Uint8Array, start: number, end: number): boolean => {
  if (key.length !== end - start) return false
  for (let i = 0; i < key.length; i++) if (key[i] !== text[start + i]) return false
  return true
}

const space = (text: Uint8Array, at: number): number => {
  let pos = at
  for (let c = text[pos]; c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09; c = text[pos]) pos++
  return pos
}

/** Behind the value that stands at `at`. The text is known to be JSON. */
const skipValue = (text: Uint8Array, at: number): number => {
  const first = text[at]
  if (first === QUOTE) return stringEnd(text, at + 1)
  if (first !== OPEN && first !== 0x5b) return wordEnd(text, at)
  let pos = at
  let depth = 0
  do {
    const c = text[pos]!
    if (c === QUOTE) {
      pos = stringEnd(text, pos + 1)
      continue
    }
    if (c === OPEN || c === 0x5b) depth++
    else if (c === CLOSE || c === 0x5d) depth--
    pos++
  } while (depth > 0)
  return pos
}
/** Behind a number or a word. */
const wordEnd = (text: Uint8Array, at: number): number => {
  let pos = at
  for (let c = text[pos]!; c > 0x20 && c !== 0x2c && c !== CLOSE && c !== 0x5d; c = text[pos]!) pos++
  return pos
}

/** Behind the quote that ends a string. A native search is faster from some length on. */
const stringEnd = (text: Uint8Array, at: number): number => {
  for (let pos = at; pos < at + 32; pos++) {
    const c = text[pos]
    if (c === QUOTE) return pos + 1
    if (c === BACKSLASH) break
  }
  for (let from = at; ; ) {
    const quote = text.indexOf(QUOTE, from)
    let before = quote
    while (before > at && text[before - 1] === BACKSLASH) before--
    if ((quote - before) % 2 === 0) return quote + 1
    from = quote + 1
  }
}
