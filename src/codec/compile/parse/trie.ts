import { type Names, wordsOf } from './names.ts'

/** Finds a name by a few switches over single bytes, then compares it whole: sets `f` to its value and `i` behind its quote. */
export const matchText = (names: Names): string =>
  choose(names.entries().map(([name, value]) => ({ name, bytes: Buffer.from(`${name}"`), value })))

interface Entry {
  readonly name: string
  /** With the closing quote: then none is the beginning of another. */
  readonly bytes: Buffer
  readonly value: number
}

const choose = (entries: readonly Entry[]): string => {
  const [first] = entries
  if (first === undefined) return ''
  if (entries.length === 1) return leaf(first)
  const offset = bestOffset(entries)
  const groups = Map.groupBy(entries, ({ bytes }) => bytes[offset]!)
  const cases = [...groups].map(([byte, group]) => `case ${byte}:${choose(group)}return -1;`)
  return `switch(I[i+${offset}]){${cases.join('')}}`
}

/** Where the entries differ most. */
const bestOffset = (entries: readonly Entry[]): number => {
  const shortest = Math.min(...entries.map(({ bytes }) => bytes.length))
  let best = 0
  let most = 0
  for (let offset = 0; offset < shortest; offset++) {
    const count = new Set(entries.map(({ bytes }) => bytes[offset])).size
    if (count > most) {
      best = offset
      most = count
    }
  }
  return best
}

const leaf = ({ name, bytes, value }: Entry): string => {
  const words = wordsOf(name)
  const tests = Array.from(words, (word, k) => {
    const at = k === 0 ? 'i' : `i+${4 * k}`
    switch (k === words.length - 1 ? bytes.length & 3 : 0) {
      case 1:
        return `I[${at}]===${word}`
      case 2:
        return `N.getUint16(${at},true)===${word}`
      case 3:
        return `(N.getInt32(${at},true)&16777215)===${word}`
      default:
        return `N.getInt32(${at},true)===${word}`
    }
  })
  return `if(${tests.join('&&')}){i+=${bytes.length};f=${value};break k}`
}
