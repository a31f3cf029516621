import { RAW } from './text.ts'
import type { Slot } from './tree.ts'

const SETS = 32
const WAYS = 8
/** Longer keys are resolved each time. */
const MAX_LENGTH = 512

/** What is in a table that has nothing: most bindings never see a query. Never written to. */
const NO_HASHES = new Int32Array(SETS * WAYS)
const NO_SLOTS: (Slot | null | undefined)[] = new Array(SETS * WAYS).fill(undefined)
const NO_KEYS: Uint8Array[] = new Array(SETS * WAYS).fill(new Uint8Array(0))

/**
 * What query keys name, by their raw bytes: null stands for one that is passed over. At most 256, whatever clients send: a key shares
 * its place with seven others, and the oldest of them goes first. So a search never compares more than eight.
 */
export class KeyTable {
  #hashes = NO_HASHES
  #keys = NO_KEYS
  #slots = NO_SLOTS
  #oldest = NO_HASHES

  /** The key that stands in RAW between two positions; `hash` as `hashStep` has made it. undefined: not remembered. */
  find(start: number, end: number, hash: number): Slot | null | undefined {
    const first = setOf(hash) * WAYS
    for (let i = first; i < first + WAYS; i++)
      if (this.#hashes[i] === hash && this.#slots[i] !== undefined && isAt(this.#keys[i]!, start, end))
        return this.#slots[i]
    return undefined
  }

  remember(key: string, hash: number, slot: Slot | null): void {
    if (key.length > MAX_LENGTH) return
    if (this.#slots === NO_SLOTS) this.#begin()
    const set = setOf(hash)
    const at = set * WAYS + this.#oldest[set]!
    this.#oldest[set] = (this.#oldest[set]! + 1) % WAYS
    this.#hashes[at] = hash
    this.#keys[at] = new Uint8Array(Buffer.from(key))
    this.#slots[at] = slot
  }
  #begin(): void {
    this.#hashes = NO_HASHES.slice()
    this.#oldest = NO_HASHES.slice()
    this.#slots = NO_SLOTS.slice()
    this.#keys = NO_KEYS.slice()
  }
}

/** The hash of a key grows with each of its characters; it starts at 0. */
export const hashStep = (hash: number, c: number): number => (Math.imul(hash, 31) + c) | 0

const setOf = (hash: number): number => (hash ^ (hash >>> 7) ^ (hash >>> 15)) & (SETS - 1)

const isAt = (key: Uint8Array, start: number, end: number): boolean => {
  if (key.length !== end - start) return false
  const raw = RAW
  for (let i = 0; i < key.length; i++) if (key[i] !== raw[start + i]) return false
  return true
}
