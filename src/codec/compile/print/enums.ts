import type { FieldType } from '../../../core/descriptor.ts'
import { isNullValue } from '../../plan.ts'
import { SCRATCH } from '../scratch.ts'
import { putSigned } from './numbers.ts'
import { AT, type Write } from './page.ts'
import { varint } from './read.ts'

const O = SCRATCH

/** Longest name of an enum value or key of a field that is done here: so that a few of them always fit behind LIMIT. */
export const MAX_NAME = 1024

/** What each number of an enum is printed as: all texts behind each other, and where each starts and ends. */
interface Table {
  readonly text: Buffer
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** Place by number, from `low` on: -1 for none; of a sparse enum `sparse` tells it. */
  readonly low: number
  readonly dense: Int32Array
  readonly sparse: ReadonlyMap<number, number>
}

const tableOf = (names: ReadonlyMap<number, string>, asText: (number: number, name: string) => string): Table => {
  const numbers = [...names.keys()].sort((a, b) => a - b)
  const texts = numbers.map((number) => Buffer.from(asText(number, names.get(number)!)))
  const starts = new Int32Array(texts.length)
  const ends = new Int32Array(texts.length)
  let at = 0
  texts.forEach((text, i) => {
    starts[i] = at
    at += text.length
    ends[i] = at
  })
  const low = numbers[0] ?? 0
  const span = numbers.length === 0 ? 0 : numbers.at(-1)! - low + 1
  const dense = new Int32Array(span <= 4 * numbers.length + 64 ? span : 0).fill(-1)
  const sparse = new Map<number, number>()
  numbers.forEach((number, i) => {
    if (dense.length > 0) dense[number - low] = i
    else sparse.set(number, i)
  })
  return { text: Buffer.concat(texts), starts, ends, low, dense, sparse }
}

/**
 * One value of an enum field (see `scalarWriter`). An unknown number of an open enum is printed as it is; of a closed one it is
 * nothing: q comes back unchanged. undefined: an enum that is not done, because of a name too long.
 */
export const enumWriter = (field: FieldType, numbers: boolean): Write | undefined => {
  const { names, open } = field.enum!
  const asNull = isNullValue(field)
  for (const name of names.values()) if (!asNull && !numbers && JSON.stringify(name).length > MAX_NAME) return undefined
  const { text, starts, ends, low, dense, sparse } = tableOf(names, (number, name) =>
    asNull ? 'null' : numbers ? String(number) : JSON.stringify(name),
  )
  const span = dense.length
  return (buffer, at, end, q) => {
    let number: number
    if (at < end && buffer[at]! < 0x80) {
      number = buffer[at]!
      AT[0] = at + 1
    } else {
      number = varint(buffer, at, end)
      if (AT[0]! < 0 || number === 0) return -1
    }
    const place = number - low
    const i = place >= 0 && place < span ? dense[place]! : span > 0 ? -1 : (sparse.get(number) ?? -1)
    if (i < 0) return !open ? q : asNull ? putNull(q) : putSigned(q, number)
    let p = q
    for (let k = starts[i]!, last = ends[i]!; k < last; k++) O[p++] = text[k]!
    return p
  }
}

const putNull = (q: number): number => {
  O.writeUInt32BE(0x6e756c6c, q)
  return q + 4
}
