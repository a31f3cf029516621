import type { EnumType, FieldType, ScalarKind } from '../../../src/spi.ts'
import type { Random } from './random.ts'

/** Where a value is wanted: the field, the message around it, and what the whole answer agrees on. */
export interface Place {
  readonly field: FieldType
  /** The name that the value is known by, as words: `created_at` → `['created', 'at']`. */
  readonly words: readonly string[]
  /** Last part of the name of the message: `Book`. */
  readonly owner: string
  readonly random: Random
  /** The answer's time, in ms since the Unix epoch. */
  readonly time: number
  /** Number of the answer within its stream, from 1. */
  readonly index: number
}

const FIRST_NAMES = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Radia', 'Linus', 'Frances', 'Ken']
const LAST_NAMES = ['Lovelace', 'Hopper', 'Turing', 'Dijkstra', 'Liskov', 'Knuth', 'Perlman', 'Allen', 'Thompson']
const ADJECTIVES = ['amber', 'quiet', 'swift', 'bright', 'northern', 'golden', 'silver', 'early', 'gentle', 'bold']
const NOUNS = ['harbour', 'falcon', 'meadow', 'lantern', 'river', 'summit', 'orchard', 'compass', 'beacon', 'garden']
const CITIES = ['Lisbon', 'Kyoto', 'Nairobi', 'Oslo', 'Quito', 'Vienna', 'Wellington', 'Toronto']
const COUNTRIES = ['PT', 'JP', 'KE', 'NO', 'EC', 'AT', 'NZ', 'CA']
const PEOPLE = /^(user|person|author|customer|member|contact|employee|owner|account|profile|student|speaker)s?$/

type Text = (place: Place) => string
const person: Text = ({ random }) => `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`
const thing: Text = ({ random }) => `${random.pick(ADJECTIVES)} ${random.pick(NOUNS)}`
const title: Text = (place) => {
  const text = thing(place)
  return text[0]!.toUpperCase() + text.slice(1)
}
const slug: Text = (place) => thing(place).replace(' ', '-')
const iso: Text = ({ time }) => new Date(time).toISOString()
const identifier: Text = ({ words, owner, random }) => {
  const of = words.length > 1 ? words.slice(0, -1).join('-') : owner.toLowerCase()
  return `${of}-${random.whole(100, 9999)}`
}
const uuid: Text = ({ random }) =>
  `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-${random.pick(['8', '9', 'a', 'b'])}${random.hex(3)}-${random.hex(12)}`

/** By the last word of the name. */
const TEXTS = new Map<string, Text>([
  ['id', identifier],
  ['uuid', uuid],
  ['guid', uuid],
  ['email', ({ random }) => `${random.pick(FIRST_NAMES).toLowerCase()}@example.com`],
  ['author', person],
  ['user', person],
  ['sender', person],
  ['username', ({ random }) => random.pick(FIRST_NAMES).toLowerCase()],
  ['title', title],
  ['url', (place) => `https://example.com/${slug(place)}`],
  ['uri', (place) => `https://example.com/${slug(place)}`],
  ['link', (place) => `https://example.com/${slug(place)}`],
  ['phone', ({ random }) => `+1 555 01${random.whole(10, 99)}`],
  ['city', ({ random }) => random.pick(CITIES)],
  ['country', ({ random }) => random.pick(COUNTRIES)],
  ['street', ({ random }) => `${random.whole(1, 200)} Example Street`],
  ['address', ({ random }) => `${random.whole(1, 200)} Example Street, ${random.pick(CITIES)}`],
  ['zip', ({ random }) => String(random.whole(10000, 99999))],
  ['currency', ({ random }) => random.pick(['EUR', 'USD', 'JPY', 'CHF'])],
  ['symbol', ({ random }) => random.pick(['ACME', 'GLOB', 'INIT', 'UMBR'])],
  ['language', () => 'en'],
  ['locale', () => 'en-GB'],
  ['timezone', () => 'Europe/Lisbon'],
  ['version', ({ random }) => `${random.whole(1, 4)}.${random.whole(0, 12)}.${random.whole(0, 9)}`],
  ['etag', ({ random }) => random.hex(16)],
  ['hash', ({ random }) => random.hex(32)],
  ['token', ({ random }) => random.hex(24)],
  ['ip', ({ random }) => `192.0.2.${random.whole(1, 254)}`],
  ['host', (place) => `${slug(place)}.example.com`],
  ['hostname', (place) => `${slug(place)}.example.com`],
  ['date', (place) => iso(place).slice(0, 10)],
  ['at', iso],
  ['time', iso],
  ['timestamp', iso],
  ['description', (place) => `A ${thing(place)} and a ${thing(place)}.`],
  ['summary', (place) => `A ${thing(place)} and a ${thing(place)}.`],
  ['text', (place) => `${title(place)}.`],
  ['message', (place) => `${title(place)}.`],
  ['color', ({ random }) => `#${random.hex(6)}`],
  ['colour', ({ random }) => `#${random.hex(6)}`],
  ['slug', slug],
  ['key', slug],
  ['code', ({ random }) => `${random.hex(4).toUpperCase()}-${random.whole(10, 99)}`],
])

const textOf = (place: Place): string => {
  const { words, owner, random } = place
  const last = words.at(-1) ?? ''
  const before = words.at(-2)
  if (last === 'name') {
    if (before === 'first' || before === 'given') return random.pick(FIRST_NAMES)
    if (before === 'last' || before === 'family') return random.pick(LAST_NAMES)
    if (before === 'user') return random.pick(FIRST_NAMES).toLowerCase()
    return PEOPLE.test(before ?? owner.toLowerCase()) ? person(place) : title(place)
  }
  if (last === 'type' && (before === 'content' || before === 'mime')) return 'text/plain'
  if (last === 'code' && before === 'currency') return random.pick(['EUR', 'USD', 'JPY', 'CHF'])
  return (TEXTS.get(last) ?? TEXTS.get(singular(last)) ?? thing)(place)
}

/** Good enough for the names of fields. */
const singular = (word: string): string => (word.endsWith('s') ? word.slice(0, -1) : word)

/** Ranges of numbers by the last word of the name. */
const RANGES = new Map<string, readonly [from: number, to: number]>([
  ['id', [1, 99_999]],
  ['age', [18, 90]],
  ['year', [1990, 2030]],
  ['month', [1, 12]],
  ['day', [1, 28]],
  ['hour', [0, 23]],
  ['hours', [0, 23]],
  ['minute', [0, 59]],
  ['minutes', [0, 59]],
  ['latitude', [-60, 60]],
  ['lat', [-60, 60]],
  ['longitude', [-180, 179]],
  ['lng', [-180, 179]],
  ['percent', [0, 100]],
  ['percentage', [0, 100]],
  ['rating', [1, 5]],
  ['score', [0, 100]],
  ['port', [1024, 65_535]],
  ['page', [1, 10]],
  ['quantity', [1, 20]],
  ['nanos', [0, 999_999_999]],
])
/** These count the answers of a stream. */
const COUNTING = new Set(['seq', 'sequence', 'index', 'tick', 'n', 'number', 'offset', 'position'])
const TIMES = new Set(['at', 'time', 'timestamp', 'date'])
const YES = new Set(['ok', 'success', 'enabled', 'active', 'valid', 'done', 'available', 'alive'])
const NO = new Set(['deleted', 'error', 'failed', 'deprecated', 'disabled', 'archived', 'more'])

const wholeOf = ({ words, random, time, index }: Place, is64: boolean): number => {
  const last = words.at(-1) ?? ''
  if (COUNTING.has(last)) return index
  // In 32 bits a time is seconds; in 64 it is what JavaScript and most APIs take, unless the name says otherwise.
  if (TIMES.has(last) || words.includes('timestamp')) return is64 && last !== 'seconds' ? time : Math.floor(time / 1000)
  const [from, to] = RANGES.get(last) ?? [1, 1000]
  return random.whole(from, to)
}
const fractionOf = (place: Place): number => {
  const last = place.words.at(-1) ?? ''
  if (last === 'ratio' || last === 'fraction' || last === 'probability') return place.random.whole(0, 100) / 100
  return wholeOf(place, true) + (COUNTING.has(last) || TIMES.has(last) ? 0 : place.random.whole(0, 99) / 100)
}

const boolOf = ({ words, random }: Place): boolean => {
  const last = words.at(-1) ?? ''
  if (YES.has(last)) return true
  return !NO.has(last) && random.whole(0, 1) === 1
}

/** A value that somebody who reads the field's name would expect. 64-bit kinds are bigint, `bytes` text in UTF-8. */
export const scalarOf = (kind: ScalarKind, place: Place): unknown => {
  switch (kind) {
    case 'string':
      return textOf(place)
    case 'bytes':
      return Buffer.from(textOf(place))
    case 'bool':
      return boolOf(place)
    case 'double':
      return fractionOf(place)
    case 'float':
      return Math.fround(fractionOf(place))
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return BigInt(unsigned(kind, wholeOf(place, true)))
    default:
      return unsigned(kind, wholeOf(place, false))
  }
}
const unsigned = (kind: ScalarKind, value: number): number =>
  kind.startsWith('u') || kind.startsWith('fixed') ? Math.abs(value) : value

/** A value other than 0, which by custom says "unspecified", where there is one. */
export const enumOf = (type: EnumType, random: Random): number => {
  const numbers = [...type.names.keys()].filter((number) => number !== 0)
  return numbers.length === 0 ? 0 : random.pick(numbers)
}

/** `createdAt`, `created_at` and `CREATED_AT` → `['created', 'at']`. */
export const wordsOf = (name: string): readonly string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[_\W]+/)
    .filter((word) => word !== '')
