import { MAX_DEPTH, planOf, type TypePlan, type Types, typeOfUrl } from '../../plan.ts'
import { SCRATCH } from '../scratch.ts'
import { double } from './decimal.ts'
import { bool, element } from './element.ts'
import { Op, type Reader } from './field.ts'
import { distinct, KEY_STRING, note } from './keys.ts'
import { close } from './lengths.ts'
import { isPlain } from './names.ts'
import { IN, INPUT, S, space, TOP, takesNull } from './state.ts'
import { string } from './text.ts'
import { duration, mask, timestamp } from './time.ts'

/** Types with a JSON form of their own: the fields of the message, without a length. */

const struct: Reader = (at, q, depth) => {
  if (INPUT[at] !== 0x7b || depth > MAX_DEPTH) return -1
  let i = space(at + 1)
  if (INPUT[i] === 0x7d) {
    S.at = i + 1
    return q
  }
  const base = S.keys
  let to = q
  for (;;) {
    if (to - i > S.slack || INPUT[i] !== 0x22) return -1
    const start = to + 1
    SCRATCH[to] = 0x0a
    SCRATCH[start + 1] = 0x0a
    to = string(i, start + 2)
    if (to < 0) return -1
    i = space(S.at)
    if (INPUT[i] !== 0x3a) return -1
    SCRATCH[to] = 0x12
    const content = value(space(i + 1), to + 2, depth + 1)
    if (content < 0) return -1
    const end = close(to + 1, content)
    if (end < 0) return -1
    to = close(start, end)
    if (to < 0 || !note(start + 2 + to - end)) return -1
    i = space(S.at)
    const c = INPUT[i]
    if (c === 0x7d) break
    if (c !== 0x2c) return -1
    i = space(i + 1)
  }
  S.at = i + 1
  return distinct(KEY_STRING, base) ? to : -1
}

const listValue: Reader = (at, q, depth) => {
  if (INPUT[at] !== 0x5b || depth > MAX_DEPTH) return -1
  let i = space(at + 1)
  if (INPUT[i] === 0x5d) {
    S.at = i + 1
    return q
  }
  let to = q
  for (;;) {
    if (to - i > S.slack) return -1
    SCRATCH[to] = 0x0a
    const end = value(i, to + 2, depth + 1)
    if (end < 0) return -1
    to = close(to + 1, end)
    if (to < 0) return -1
    i = space(S.at)
    const c = INPUT[i]
    if (c === 0x5d) break
    if (c !== 0x2c) return -1
    i = space(i + 1)
  }
  S.at = i + 1
  return to
}

const value: Reader = (i, q, depth) => {
  switch (INPUT[i]) {
    case 0x22:
      SCRATCH[q] = 0x1a
      return string(i, q + 1)
    case 0x7b: {
      SCRATCH[q] = 0x2a
      const end = struct(i, q + 2, depth)
      return end < 0 ? -1 : close(q + 1, end)
    }
    case 0x5b: {
      SCRATCH[q] = 0x32
      const end = listValue(i, q + 2, depth)
      return end < 0 ? -1 : close(q + 1, end)
    }
    case 0x74:
    case 0x66:
      SCRATCH[q] = 0x20
      return bool(i, q + 1)
    case 0x6e:
      SCRATCH[q] = 0x08
      SCRATCH[q + 1] = 0
      return takesNull(i) ? q + 2 : -1
    default:
      SCRATCH[q] = 0x11
      return double(i, q + 1)
  }
}

/** A wrapper: its only field, left out when it is the default. */
const wrapper = (plan: TypePlan): Reader => {
  const op = new Op(plan.fields[0]!)
  return (i, q, depth) => {
    SCRATCH[q] = op.tagWord
    const end = element(op, i, q + 1, depth)
    for (let k = q + 1; k < end; k++) if (SCRATCH[k] !== 0) return end
    return end < 0 ? -1 : q
  }
}

/** The readers of an ordinary type. */
export interface Members {
  /** Words of its bits in TOP. */
  readonly words: number
  /** From the first member, or the `}`, on: behind the `{`, or behind a comma. */
  readonly members: Reader
}
export type FindReaders = (plan: TypePlan) => { readonly read: Reader; readonly own: Members | undefined }

/** Type URLs that are remembered. They come from outside, so their number is bounded. */
const MAX_URLS = 256
const EMPTY = 'google.protobuf.Empty'
const TYPE_WORDS = Buffer.from('"@type"')
const TYPE_LOW = TYPE_WORDS.readInt32LE(0)
const TYPE_HIGH = TYPE_WORDS.readInt32LE(3)
/** Room for `any` to write a URL to, and longest text of one. */
const MAX_URL = 1000

/** Any whose type comes first. Anywhere else among the members it is a matter for the reference. */
const any = (types: Types, find: FindReaders): Reader => {
  const known = new Map<string, TypePlan>()
  const planFor = (url: string): TypePlan | undefined => {
    let plan = known.get(url)
    if (plan !== undefined) return plan
    const type = url.includes('/') ? types(typeOfUrl(url)) : undefined
    if (type === undefined) return undefined
    plan = planOf(type)
    if (known.size < MAX_URLS) known.set(url, plan)
    return plan
  }
  return (at, q, depth) => {
    if (INPUT[at] !== 0x7b || depth > MAX_DEPTH || q - at > S.slack) return -1
    let i = space(at + 1)
    if (INPUT[i] === 0x7d) {
      S.at = i + 1
      return q
    }
    if (IN.getInt32(i, true) !== TYPE_LOW || IN.getInt32(i + 3, true) !== TYPE_HIGH) return -1
    i = space(i + 7)
    if (INPUT[i] !== 0x3a) return -1
    i = space(i + 1)
    const url = urlAt(i)
    const plan = url === undefined ? undefined : planFor(url)
    if (url === undefined || plan === undefined) return -1
    SCRATCH[q] = 0x0a
    const start = string(i, q + 1)
    if (start < 0) return -1
    SCRATCH[start] = 0x12
    i = space(S.at)
    const more = INPUT[i] === 0x2c
    if (more) i = space(i + 1)
    if (more ? INPUT[i] !== 0x22 : INPUT[i] !== 0x7d) return -1
    const { read, own } = find(plan)
    const end =
      own === undefined || plan.type.name === EMPTY
        ? boxed(plan, read, i, start + 2, depth)
        : plain(plan, own, i, start + 2, depth)
    return end < 0 ? -1 : close(start + 1, end)
  }
}

const urlAt = (i: number): string | undefined => {
  if (INPUT[i] !== 0x22) return undefined
  const end = INPUT.indexOf(0x22, i + 1)
  if (end - i > MAX_URL) return undefined
  const url = INPUT.toString('latin1', i + 1, end)
  // As bytes it is the same text only when it is ASCII.
  return isPlain(url) && !/[^ -~]/.test(url) ? url : undefined
}

const plain = (plan: TypePlan, own: Members, i: number, q: number, depth: number): number => {
  // A field of that name is read as a field, and as the type too.
  if (plan.find('@type') !== undefined) return -1
  if (depth === 1) TOP.fill(0, 0, own.words)
  return own.members(i, q, depth)
}

/** Of an Empty the value may be missing. */
const boxed = (plan: TypePlan, read: Reader, at: number, q: number, depth: number): number => {
  let i = at
  if (INPUT[i] === 0x7d) {
    S.at = i + 1
    return plan.type.name === EMPTY ? q : -1
  }
  if (IN.getInt32(i, true) !== 0x6c61_7622 || IN.getInt32(i + 3, true) !== 0x2265_756c) return -1
  i = space(i + 7)
  if (INPUT[i] !== 0x3a) return -1
  const end = read(space(i + 1), q, depth + 1)
  if (end < 0) return -1
  i = space(S.at)
  if (INPUT[i] !== 0x7d) return -1
  S.at = i + 1
  return end
}

/** The reader of a type with a JSON form of its own. */
export const knownReader = (plan: TypePlan, types: Types, find: FindReaders): Reader => {
  switch (plan.wellKnown) {
    case 'any':
      return any(types, find)
    case 'timestamp':
      return timestamp
    case 'duration':
      return duration
    case 'mask':
      return mask
    case 'struct':
      return struct
    case 'value':
      return value
    case 'list':
      return listValue
    default:
      return wrapper(plan)
  }
}
