import { IN, INPUT, S } from './state.ts'

/** Nobody who writes a schema can know which names meet in one slot. */
const SEED = (Math.random() * 0x1_0000_0000) | 0

/**
 * Names that a schema has, to be found in a text as they stand there, without escapes. A name that JSON cannot write without an
 * escape is left out, and so is one that is not well-formed Unicode: what spells them is for the reference.
 */
export class Names {
  /** Words of each name and its closing quote; the rest of the last word is zero. */
  readonly #words: Int32Array[] = []
  readonly #sizes: number[] = []
  readonly values: number[] = []
  /** The name that followed this one the last time: members tend to come in the same order. */
  readonly #next: number[] = []
  readonly #names: string[] = []
  readonly #slots: Int32Array
  readonly #mask: number

  /** The later of two equal names counts. */
  constructor(entries: Iterable<readonly [name: string, value: number]>) {
    const plain = [...new Map(entries)].filter(([name]) => isPlain(name))
    this.#mask = 2 ** Math.ceil(Math.log2(plain.length * 2 + 2)) - 1
    this.#slots = new Int32Array(this.#mask + 1).fill(-1)
    for (const [name, value] of plain) this.#add(name, value)
  }

  #add(name: string, value: number): void {
    const words = wordsOf(name)
    const size = Buffer.byteLength(name)
    const index = this.values.push(value) - 1
    this.#names.push(name)
    this.#words.push(words)
    this.#sizes.push(size)
    this.#next.push(index)
    let hash = SEED
    for (const c of Buffer.from(name)) hash = Math.imul(hash ^ c, 0x9e37_79b1)
    let slot = (hash ^ (hash >>> 15)) & this.#mask
    while (this.#slots[slot]! >= 0) slot = (slot + 1) & this.#mask
    this.#slots[slot] = index
  }

  /** Those that are in. */
  entries(): [name: string, value: number][] {
    return this.#names.map((name, k) => [name, this.values[k]!])
  }

  #is(index: number, at: number): boolean {
    const words = this.#words[index]!
    const last = words.length - 1
    for (let k = 0; k < last; k++) if (IN.getInt32(at + 4 * k, true) !== words[k]) return false
    const used = (this.#sizes[index]! + 1) & 3
    const word = IN.getInt32(at + 4 * last, true)
    return (used === 0 ? word : word & ((1 << (8 * used)) - 1)) === words[last]
  }

  /** Which of the names stands at `at`, behind the first quote; S.at is then behind the last one. −1: none. `before`: the one before. */
  find(at: number, before: number): number {
    const guess = before < 0 ? 0 : this.#next[before]!
    if (guess < this.values.length && this.#is(guess, at)) {
      S.at = at + this.#sizes[guess]! + 1
      return guess
    }
    const found = this.#search(at)
    if (found >= 0) {
      S.at = at + this.#sizes[found]! + 1
      if (before >= 0) this.#next[before] = found
    }
    return found
  }

  #search(at: number): number {
    let hash = SEED
    let i = at
    for (let c = INPUT[i]!; c !== 0x22; c = INPUT[++i]!) {
      if (c < 0x20 || c === 0x5c) return -1
      hash = Math.imul(hash ^ c, 0x9e37_79b1)
    }
    let slot = (hash ^ (hash >>> 15)) & this.#mask
    for (let index = this.#slots[slot]!; index >= 0; index = this.#slots[slot]!) {
      if (this.#is(index, at)) return index
      slot = (slot + 1) & this.#mask
    }
    return -1
  }
}

/** Whether JSON may write the name as it is. */
export const isPlain = (name: string): boolean => {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (c < 0x20 || c === 0x22 || c === 0x5c) return false
  }
  return name.isWellFormed()
}

/** A name and its closing quote, as it stands in a text: little-endian words, the last one filled up with zeros. */
export const wordsOf = (name: string): Int32Array => {
  const bytes = Buffer.from(`${name}"`)
  const padded = Buffer.alloc((bytes.length + 3) & ~3)
  bytes.copy(padded)
  const words = new Int32Array(padded.length / 4)
  for (let k = 0; k < words.length; k++) words[k] = padded.readInt32LE(4 * k)
  return words
}
