import type { FieldType, MessageType } from '../../../src/spi.ts'
import type { Random } from './random.ts'
import { enumOf, type Place, scalarOf, wordsOf } from './scalars.ts'

/** A message in the form of `Message.value()`. */
export type Value = Record<string, unknown>
export const makeValue = (): Value => Object.create(null) as Value

export interface Recipe {
  readonly type: MessageType
  readonly random: Random
  readonly time: number
  readonly index: number
  /** What was asked, and its type: fields of the same name and kind are answered with its values. */
  readonly request: Value | undefined
  readonly requestType: MessageType
  /** Every type of the schema, for what an Any holds. */
  typeNamed(name: string): MessageType | undefined
}

/** Messages inside messages are made up to here, and no type inside itself. */
const DEEPEST = 4
/** Required fields are made longer: without them nobody can read the message. */
const DEEPEST_REQUIRED = 12
/** As many elements as the request asks for by `page_size`, but no more than this. */
const LONGEST_LIST = 50

/** Types that hold many others could make answers without measure: so many messages are in one, then as many that are required. */
const MOST_MESSAGES = 5_000

/** A recipe at work. */
interface Making extends Recipe {
  /** Messages that may still be made. */
  readonly room: { left: number }
}

/** An answer made up from its type, and from the request where that says something about it. */
export const makeAnswer = (recipe: Recipe): Value =>
  makeMessage({ ...sharpened(recipe), room: { left: MOST_MESSAGES } }, recipe.type, [], [], 'all')

/** `CreateBook(book) returns (Book)`: the answer is what was sent, and what it leaves open is made up. */
const sharpened = (recipe: Recipe): Recipe => {
  const { type, request, requestType } = recipe
  if (request === undefined || requestType === type) return recipe
  const field = requestType.fields.find((one) => one.message === type && !one.repeated && one.mapKey === undefined)
  const sent = field === undefined ? undefined : (request[field.jsonName] as Value | undefined)
  return sent === undefined ? recipe : { ...recipe, request: sent, requestType: type }
}

/** What a message takes over from the request: all fields, those that are no messages, or none. */
type Echo = 'all' | 'scalars' | 'none'

const makeMessage = (
  recipe: Making,
  type: MessageType,
  within: readonly MessageType[],
  hint: readonly string[],
  echo: Echo,
): Value => {
  const known = WELL_KNOWN.get(type.name)
  if (known !== undefined) return known(recipe, hint)
  const value = makeValue()
  const chosen = chooseMembers(type, recipe)
  for (const field of type.fields) {
    if (field.jsonName.startsWith('[')) continue
    if (field.oneof !== undefined && chosen.get(field.oneof) !== field) continue
    const given = echo === 'none' ? undefined : fromRequest(recipe, field, echo)
    const made = given ?? make(recipe, type, field, within, hint)
    if (made !== undefined) value[field.jsonName] = made
  }
  return value
}

/** One member of each oneof: the one that the request has, else any, but an error only where there is nothing else. */
const chooseMembers = (type: MessageType, { random, request }: Recipe): ReadonlyMap<string, FieldType> => {
  const groups = new Map<string, FieldType[]>()
  for (const field of type.fields) {
    if (field.oneof === undefined) continue
    const group = groups.get(field.oneof)
    if (group === undefined) groups.set(field.oneof, [field])
    else group.push(field)
  }
  const chosen = new Map<string, FieldType>()
  for (const [name, members] of groups) {
    const asked = members.find((field) => request?.[field.jsonName] !== undefined)
    const good = members.filter((field) => field.name !== 'error')
    chosen.set(name, asked ?? random.pick(good.length === 0 ? members : good))
  }
  return chosen
}

/** The request's value of a field with this name and kind. */
const fromRequest = (recipe: Making, field: FieldType, echo: Echo): unknown => {
  const { request, requestType } = recipe
  const given = request?.[field.jsonName]
  if (given === undefined) return greeting(recipe, field)
  const asked = requestType.field(field.jsonName)
  const same =
    asked !== undefined &&
    asked.kind === field.kind &&
    asked.repeated === field.repeated &&
    asked.mapKey === field.mapKey &&
    asked.message === field.message &&
    asked.enum === field.enum
  return same && (echo === 'all' || field.kind !== 'message') ? given : undefined
}

/** `SayHello(name: "World")` has but one good answer. */
const greeting = ({ request }: Recipe, field: FieldType): string | undefined => {
  const name = request?.name
  if (field.kind !== 'string' || field.repeated || field.mapKey !== undefined) return undefined
  if (field.name !== 'message' && field.name !== 'greeting' && field.name !== 'reply') return undefined
  return typeof name === 'string' && name !== '' ? `Hello ${name}` : undefined
}

const make = (
  recipe: Making,
  owner: MessageType,
  field: FieldType,
  within: readonly MessageType[],
  hint: readonly string[],
): unknown => {
  const words = wordsOf(field.name)
  // A token for the next page would send clients round and round.
  if (field.kind === 'string' && words.at(-1) === 'token' && words.includes('page')) return undefined
  const place: Place = {
    field,
    words: hint.length > 0 && words.length === 1 && words[0] === 'value' ? hint : words,
    owner: owner.name.slice(owner.name.lastIndexOf('.') + 1),
    random: recipe.random,
    time: recipe.time,
    index: recipe.index,
  }
  const one = (): unknown => element(recipe, owner, place, within)
  if (field.mapKey !== undefined) {
    const map = new Map<unknown, unknown>()
    const keys: Place = { ...place, words: ['key'] }
    for (let i = 0; i < 2; i++) {
      const made = one()
      if (made !== undefined) map.set(scalarOf(field.mapKey, keys), made)
    }
    return map.size === 0 ? undefined : map
  }
  if (!field.repeated) return one()
  const list: unknown[] = []
  for (let i = listLength(recipe, within.length); i > 0; i--) {
    const made = one()
    if (made !== undefined) list.push(made)
  }
  return list.length === 0 ? undefined : list
}

const listLength = ({ request, random }: Recipe, depth: number): number => {
  if (depth > 0) return random.whole(1, 2)
  const asked = Number(request?.pageSize ?? 0)
  return asked > 0 ? Math.min(asked, LONGEST_LIST) : random.whole(2, 3)
}

const element = (recipe: Making, owner: MessageType, place: Place, within: readonly MessageType[]): unknown => {
  const { field } = place
  if (field.kind === 'enum') return enumOf(field.enum!, recipe.random)
  if (field.kind !== 'message') return scalarOf(field.kind, place)
  const type = field.message!
  const path = [...within, owner]
  const isDeep = path.length >= DEEPEST || path.includes(type)
  const isNeeded = field.required && path.length < DEEPEST_REQUIRED && recipe.room.left > -MOST_MESSAGES
  if ((isDeep || recipe.room.left <= 0) && !isNeeded) return undefined
  recipe.room.left--
  if (type.name === ANY) return anyOf(recipe, place.words)
  const isOnly = path.length === 1 && !field.repeated && field.mapKey === undefined
  return makeMessage(recipe, type, path, place.words, isOnly ? 'scalars' : 'none')
}

const ANY = 'google.protobuf.Any'
const TEXT_VALUE = 'google.protobuf.StringValue'
/** A text; nothing when the schema does not know how to write one. */
const anyOf = (recipe: Making, words: readonly string[]): Value | undefined => {
  const type = recipe.typeNamed(TEXT_VALUE)
  if (type === undefined) return undefined
  return valueWith({
    '@type': `type.googleapis.com/${TEXT_VALUE}`,
    value: makeMessage(recipe, type, [type], words, 'none'),
  })
}

const valueWith = (members: Readonly<Record<string, unknown>>): Value => Object.assign(makeValue(), members)

/** Types whose fields do not say what makes sense in them. */
const WELL_KNOWN = new Map<string, (recipe: Making, words: readonly string[]) => Value>([
  [
    'google.protobuf.Timestamp',
    ({ time }) => valueWith({ seconds: BigInt(Math.floor(time / 1000)), nanos: (time % 1000) * 1_000_000 }),
  ],
  ['google.protobuf.Duration', ({ random }) => valueWith({ seconds: BigInt(random.whole(1, 300)) })],
  ['google.protobuf.FieldMask', () => valueWith({ paths: ['name'] })],
  ['google.protobuf.Struct', ({ random }) => structOf(random)],
  ['google.protobuf.Value', ({ random }) => valueWith({ stringValue: random.hex(8) })],
  [
    'google.protobuf.ListValue',
    ({ random }) => valueWith({ values: [valueWith({ numberValue: random.whole(1, 9) })] }),
  ],
  [
    'google.api.HttpBody',
    ({ random }) => valueWith({ contentType: 'text/plain', data: Buffer.from(`answer ${random.hex(8)}\n`) }),
  ],
])
const structOf = (random: Random): Value =>
  valueWith({
    fields: new Map([
      ['kind', valueWith({ stringValue: random.pick(['one', 'two', 'three']) })],
      ['count', valueWith({ numberValue: random.whole(1, 100) })],
      ['ready', valueWith({ boolValue: true })],
    ]),
  })
