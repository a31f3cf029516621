import { SCRATCH } from '../scratch.ts'

const O = SCRATCH

/**
 * Which keys the maps of one message have had. The first few of a map are compared with each other; those of larger maps are in one
 * hash table for all of them. Entries of earlier messages stay in it until room is needed; they disturb nobody, because no two maps
 * have the same id.
 */

const SMALL = 1024
const PROBES = 64
const LAST_ID = 0x3fff_ffff

/** Four numbers each: id of the map (0: free), hash, and either start and end of the key in the message or 64 more bits of it. */
let table = new Int32Array(SMALL * 4)
let used = 0
let lastId = 0
let firstId = 1
/** So that nobody can know which keys fall together. */
const seed = (Math.random() * 0x1_0000_0000) | 0

/** Starts a message. */
export const openKeys = (): void => {
  if (lastId > LAST_ID) {
    lastId = 0
    used = 0
    table.fill(0)
  }
  firstId = lastId + 1
  depth = 0
}
/** Gives back what a large message needed. */
export const closeKeys = (): void => {
  if (table.length <= SMALL * 4 * 16) return
  table = new Int32Array(SMALL * 4)
  used = 0
}

const FEW = 8
/** More maps are never open in each other: messages are not that deep. */
const OPEN = 256
/** By place among the open maps: how many keys it has had, up to one more than FEW; its id, when it has more; the first keys. */
const counts = new Int32Array(OPEN)
const ids = new Int32Array(OPEN)
const firsts = new Int32Array(OPEN * FEW * 2)
let depth = 0

/** Starts a map; the result is its place. `closeMap` ends it; a message that is given up ends all of them. */
export const openMap = (): number => {
  counts[depth] = 0
  return depth++
}
export const closeMap = (): void => {
  depth--
}

const mix = (hash: number): number => {
  const a = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return a ^ (a >>> 15)
}
const hashOf = (buffer: Buffer, start: number, end: number, from: number): number => {
  let hash = from
  let k = start
  for (; k + 4 <= end; k += 4) {
    const word = buffer[k]! | (buffer[k + 1]! << 8) | (buffer[k + 2]! << 16) | (buffer[k + 3]! << 24)
    hash = Math.imul(hash ^ word, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; k < end; k++) hash = Math.imul(hash ^ buffer[k]!, 0x01000193)
  return mix(hash ^ (end - start))
}

const same = (buffer: Buffer, a: number, b: number, length: number): boolean => {
  for (let i = 0; i < length; i++) if (buffer[a + i] !== buffer[b + i]) return false
  return true
}

/** Whether the key from `start` to `end` is new to the map. false also when that would take long to find out. */
export const isNewText = (map: number, buffer: Buffer, start: number, end: number): boolean => {
  const count = counts[map]!
  const length = end - start
  if (count < FEW) {
    const from = map * FEW * 2
    const to = from + count * 2
    for (let at = from; at < to; at += 2) {
      const other = firsts[at]!
      if (firsts[at + 1]! - other === length && same(buffer, start, other, length)) return false
    }
    firsts[to] = start
    firsts[to + 1] = end
    counts[map] = count + 1
    return true
  }
  if (count === FEW) {
    openTable(map)
    for (let at = map * FEW * 2, i = 0; i < FEW; i++, at += 2)
      if (!addText(ids[map]!, buffer, firsts[at]!, firsts[at + 1]!)) return false
  }
  return addText(ids[map]!, buffer, start, end)
}

const addText = (id: number, buffer: Buffer, start: number, end: number): boolean => {
  const hash = hashOf(buffer, start, end, seed ^ id)
  const slots = table.length >> 2
  const length = end - start
  for (let i = 0; i < PROBES; i++) {
    const at = ((hash + i) & (slots - 1)) << 2
    if (table[at] === 0) {
      put(at, id, hash, start, end)
      return true
    }
    if (table[at] !== id || table[at + 1] !== hash) continue
    const other = table[at + 2]!
    if (table[at + 3]! - other === length && same(buffer, start, other, length)) return false
  }
  return false
}

/** The same for the key that has been printed from `start` to `end` of SCRATCH; all but certain, which is enough for a refusal. */
export const isNewPrinted = (map: number, start: number, end: number): boolean => {
  const first = hashOf(O, start, end, seed)
  const second = hashOf(O, start, end, ~seed)
  const count = counts[map]!
  if (count < FEW) {
    const from = map * FEW * 2
    const to = from + count * 2
    for (let at = from; at < to; at += 2) if (firsts[at] === first && firsts[at + 1] === second) return false
    firsts[to] = first
    firsts[to + 1] = second
    counts[map] = count + 1
    return true
  }
  if (count === FEW) {
    openTable(map)
    for (let at = map * FEW * 2, i = 0; i < FEW; i++, at += 2)
      if (!addHashes(ids[map]!, firsts[at]!, firsts[at + 1]!)) return false
  }
  return addHashes(ids[map]!, first, second)
}

const addHashes = (id: number, first: number, second: number): boolean => {
  const hash = mix(first ^ id)
  const slots = table.length >> 2
  for (let i = 0; i < PROBES; i++) {
    const at = ((hash + i) & (slots - 1)) << 2
    if (table[at] === 0) {
      put(at, id, hash, first, second)
      return true
    }
    if (table[at] === id && table[at + 2] === first && table[at + 3] === second) return false
  }
  return false
}

const openTable = (map: number): void => {
  counts[map] = FEW + 1
  ids[map] = ++lastId
}

const put = (at: number, map: number, hash: number, third: number, fourth: number): void => {
  table[at] = map
  table[at + 1] = hash
  table[at + 2] = third
  table[at + 3] = fourth
  // A quarter full: with more, so many neighbours that the search is given up would come about by chance.
  if (++used > table.length >> 4) rebuild()
}

/** Without the entries of earlier messages, and larger when that does not make enough room. */
const rebuild = (): void => {
  const old = table
  let live = 0
  for (let at = 0; at < old.length; at += 4) if (old[at]! >= firstId) live++
  const size = live > old.length >> 5 ? old.length * 2 : old.length
  table = new Int32Array(size)
  used = live
  const slots = size >> 2
  for (let at = 0; at < old.length; at += 4) {
    if (old[at]! < firstId) continue
    let to = old[at + 1]! & (slots - 1)
    while (table[to << 2] !== 0) to = (to + 1) & (slots - 1)
    for (let i = 0; i < 4; i++) table[(to << 2) + i] = old[at + i]!
  }
}
