/** What is transcoded: JSON of each kind of data, in the sizes of API traffic. The same bytes on every run and in every process. */

export const KINDS = ['numbers', 'strings', 'escapes', 'non-ASCII', 'bytes', 'maps', 'nested', 'well-known'] as const
export type Kind = (typeof KINDS)[number]

export const SIZES = ['200 B', '2 KB', '20 KB', '1 MB'] as const
export type Size = (typeof SIZES)[number]

const TARGETS: Readonly<Record<Size, number>> = { '200 B': 200, '2 KB': 2000, '20 KB': 20_000, '1 MB': 1_000_000 }

/** Message type of a kind, in data.proto. */
export const typeName = (kind: Kind): string => `bench.codec.${SHAPES[kind].type}`

/** The JSON text whose length is next to the size that was asked for. */
export const jsonOf = (kind: Kind, size: Size): Buffer => {
  const target = TARGETS[size]
  const { build } = SHAPES[kind]
  const textOf = (amount: number): string => JSON.stringify(build(amount, random(7)))
  let low = 0
  let high = 1
  while (Buffer.byteLength(textOf(high)) < target) {
    low = high
    high *= 2
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (Buffer.byteLength(textOf(middle)) < target) low = middle
    else high = middle
  }
  const [below, above] = [Buffer.from(textOf(low)), Buffer.from(textOf(high))]
  return target - below.length < above.length - target ? below : above
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
type Random = () => number
const random = (seed: number): Random => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Shape {
  readonly type: string
  /** A message whose JSON grows with `amount`. */
  build(amount: number, next: Random): object
}

const below = (next: Random, limit: number): number => Math.floor(next() * limit)
const list = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index))

/** Prices, quarters and measurements: few digits, exact ones, and all seventeen. */
const double = (next: Random): number => {
  const choice = below(next, 3)
  if (choice === 0) return (1 + below(next, 99_999)) / 100
  if (choice === 1) return (1 + below(next, 4000)) / 4
  return next() * 1000 - 500
}
const int64 = (next: Random): string =>
  (BigInt(1 + below(next, 2 ** 31)) * BigInt(next() < 0.5 ? 1 : 1_000_000_007)).toString()

const numbers = (next: Random) => ({
  offset: below(next, 2 ** 20) - 2 ** 19,
  delta: -1 - below(next, 5000),
  length: 1 + below(next, 2 ** 32 - 1),
  position: `-${int64(next)}`,
  serial: int64(next),
  checksum: 1 + below(next, 2 ** 32 - 1),
  token: int64(next),
  weight: (1 + below(next, 4000)) / 16,
  price: double(next),
  valid: true,
  kind: next() < 0.5 ? 'KIND_SMALL' : 'KIND_LARGE',
})

/** Half of it in one long string, half in short ones. */
const texts =
  (text: (next: Random, length: number) => string) =>
  (amount: number, next: Random): object => ({
    name: text(next, 12),
    title: text(next, 30),
    body: text(next, 20 + 40 * amount),
    lines: list(amount, () => text(next, 20 + below(next, 40))),
  })

const joined = (next: Random, length: number, pieces: readonly string[]): string => {
  let text = ''
  while (text.length < length) text += pieces[below(next, pieces.length)]
  return text
}
const WORDS = [
  'alpha ',
  'of the ',
  'gateway ',
  'request. ',
  '42 ',
  'a ',
  'transcoder, ',
  'Lovelace ',
  'in ',
  'message ',
]
const plain = (next: Random, length: number): string => joined(next, length, WORDS)
const escaped = (next: Random, length: number): string =>
  joined(next, length, [...WORDS, '"quoted" ', 'line\n', '\tindent ', 'C:\\path\\', '\r\n', 'bell\u0007 '])
const foreign = (next: Random, length: number): string =>
  joined(next, length, ['Größe ', 'año ', 'привет ', '世界', '東京都', 'नमस्ते ', '😀', 'plain ', 'κόσμε '])

const base64 = (next: Random, length: number): string =>
  Buffer.from(list(length, () => below(next, 256))).toString('base64')

const book = (next: Random, index: number) => ({
  name: `books/${index}`,
  title: plain(next, 14),
  author: { name: plain(next, 8), birth: { year: 1800 + below(next, 200), place: plain(next, 5) } },
  isbn: String(9_780_000_000_000 + index),
  price: double(next),
  pages: 100 + below(next, 900),
  kind: 'KIND_LARGE',
  tags: ['fiction', 'classic'],
  ...(next() < 0.5 ? { donor: plain(next, 6) } : { orderNumber: int64(next) }),
})

const timestamp = (next: Random): string => {
  const seconds = new Date(below(next, 2 ** 31) * 1000).toISOString().slice(0, 19)
  const digits = [0, 3, 6, 9][below(next, 4)]!
  return `${seconds}${digits === 0 ? '' : `.${String(1 + below(next, 900)).padStart(digits, '0')}`}Z`
}

const event = (next: Random): object => ({
  createdAt: timestamp(next),
  elapsed: `${1 + below(next, 5000)}.${100 + below(next, 900)}s`,
  note: plain(next, 12),
  count: int64(next),
  active: true,
  share: double(next),
  changed: 'name,author.birth,price',
  details: { user: plain(next, 8), attempt: 1 + below(next, 9), flags: [true, null, 'x'], nested: { ratio: 0.5 } },
})

const SHAPES: Readonly<Record<Kind, Shape>> = {
  numbers: {
    type: 'Numbers',
    build: (amount, next) => ({
      ...numbers(next),
      samples: list(amount, () => below(next, 20_000) - 10_000),
      readings: list(amount, () => double(next)),
      ids: list(amount, () => int64(next)),
      rows: list(amount >> 2, () => numbers(next)),
    }),
  },
  strings: { type: 'Texts', build: texts(plain) },
  escapes: { type: 'Texts', build: texts(escaped) },
  'non-ASCII': { type: 'Texts', build: texts(foreign) },
  bytes: {
    type: 'Blobs',
    build: (amount, next) => ({
      digest: base64(next, 32),
      content: base64(next, 30 + 32 * amount),
      chunks: list(amount, () => base64(next, 20 + below(next, 24))),
    }),
  },
  maps: {
    type: 'Maps',
    build: (amount, next) => ({
      labels: Object.fromEntries(list(amount, (index) => [`label-${index}`, plain(next, 10)])),
      counts: Object.fromEntries(list(amount, (index) => [`count.${index}`, 1 + below(next, 10_000)])),
      // Ascending, because objects order such keys themselves.
      codes: Object.fromEntries(list(amount, (index) => [1 + index * 3, plain(next, 8)])),
      cells: Object.fromEntries(list(amount, (index) => [`r${index}c`, { text: plain(next, 8), value: double(next) }])),
    }),
  },
  nested: {
    type: 'Library',
    build: (amount, next) => ({
      name: 'Central',
      shelves: list(amount >> 3, (shelf) => ({
        name: `shelves/${shelf}`,
        room: { building: 'North wing', floor: 1 + below(next, 9) },
        books: list(7, (index) => book(next, index)),
      })),
      books: list(amount & 7, (index) => book(next, index)),
    }),
  },
  'well-known': {
    type: 'Event',
    build: (amount, next) => ({
      ...event(next),
      seen: list(amount, () => timestamp(next)),
      parts: list(amount >> 1, () => event(next)),
    }),
  },
}
