import fc from 'fast-check'
import { wellKnown } from '../../../../src/codec/plan.ts'
import type { Conflict } from '../../../../src/core/binding.ts'
import type { FieldType, MessageType } from '../../../../src/core/descriptor.ts'
import type { Overlay } from '../../../../src/core/message.ts'
import type { BindingInit } from '../../../support/codec.ts'

/** Random bindings of a type, and requests for them. */
export interface Bound {
  readonly init: BindingInit
  readonly requests: readonly Request[]
}
export type Request = Pick<Overlay, 'params' | 'query' | 'whole'> & { readonly body: string }

type Path = readonly FieldType[]

const LEAF_FORMS = ['timestamp', 'duration', 'mask', 'wrapper']
const isLeaf = (field: FieldType): boolean =>
  field.mapKey === undefined && (field.kind !== 'message' || LEAF_FORMS.includes(wellKnown(field.message) ?? ''))
const isOpen = (field: FieldType): boolean =>
  field.kind === 'message' && !field.repeated && field.mapKey === undefined && wellKnown(field.message) === undefined

/** Everything that a query can name, a few levels deep. */
const leavesOf = (type: MessageType, levels = 3): Path[] =>
  type.fields.flatMap((field): Path[] => {
    if (isLeaf(field)) return [[field]]
    return isOpen(field) && levels > 1 ? leavesOf(field.message!, levels - 1).map((path) => [field, ...path]) : []
  })

const integer = (low: bigint, high: bigint): fc.Arbitrary<string> =>
  fc.oneof(
    fc.bigInt(low, high).map(String),
    fc.constantFrom(low, high, 0n, 1n).map(String),
    fc.integer({ min: 0, max: 1000 }).map((value) => (low < 0n && value % 2 === 1 ? `-${value}` : `${value}`)),
    fc.constantFrom('1e2', '10.0', '-0'),
  )
const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((value) => value.isWellFormed())
const double = fc.oneof(
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map(String)
    .filter((value) => !value.includes('e+')),
  fc.constantFrom('NaN', 'Infinity', '-Infinity', '0', '-0', '1.5', '-2e3'),
)
const float = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toFixed(3)),
  fc.constantFrom('NaN', '-0', '0'),
)
const base64 = fc
  .uint8Array({ maxLength: 9 })
  .chain((bytes) => fc.constantFrom(Buffer.from(bytes).toString('base64'), Buffer.from(bytes).toString('base64url')))
const instant = fc
  .tuple(
    fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
    fc.constantFrom('', '.5', '.000000001'),
    fc.constantFrom('Z', '+00:00'),
  )
  .map(([seconds, part, zone]) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}${part}${zone}`)
const duration = fc
  .tuple(fc.integer({ min: -315_576_000_000, max: 315_576_000_000 }), fc.constantFrom('', '.25', '.000000001'))
  .map(([seconds, part]) => `${seconds}${part}s`)

const I32 = [-(2n ** 31n), 2n ** 31n - 1n] as const
const I64 = [-(2n ** 63n), 2n ** 63n - 1n] as const
const U32 = [0n, 2n ** 32n - 1n] as const
const U64 = [0n, 2n ** 64n - 1n] as const
const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: I32,
  sint32: I32,
  sfixed32: I32,
  uint32: U32,
  fixed32: U32,
  int64: I64,
  sint64: I64,
  sfixed64: I64,
  uint64: U64,
  fixed64: U64,
}

/** A text that fits one element of a leaf. */
const goodText = (field: FieldType): fc.Arbitrary<string> => {
  switch (wellKnown(field.message)) {
    case 'timestamp':
      return instant
    case 'duration':
      return duration
    case 'mask':
      return fc.constantFrom('', 'a', 'aB.c,d', 'fooBar')
    case 'wrapper':
      return goodText(field.message!.fields[0]!)
    default:
      break
  }
  if (field.kind === 'enum') {
    const { numbers, names } = field.enum!
    return fc.constantFrom(...numbers.keys(), ...[...names.keys()].map(String))
  }
  const range = RANGES[field.kind]
  if (range !== undefined) return integer(...range)
  if (field.kind === 'bool') return fc.constantFrom('true', 'false')
  return field.kind === 'string' ? text : field.kind === 'bytes' ? base64 : field.kind === 'float' ? float : double
}
const anyText = (field: FieldType): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: goodText(field), weight: 12 },
    {
      arbitrary: fc.constantFrom('', 'x', '1.5', ' 1', '99999999999999999999', 't', '1h', 'null', '\0', 'a_b'),
      weight: 1,
    },
  )

/** Percent-encoded: what must be, and some of the rest; `plain` characters never. */
const encoded = (value: string, form: boolean, plain = /^$/): fc.Arbitrary<string> =>
  fc.infiniteStream(fc.nat(9)).map((luck) => {
    let out = ''
    for (const char of value) {
      const chance = luck.next().value
      if (form && char === ' ' && chance < 5) out += '+'
      else if (plain.test(char) || (/^[\w.~:,/@!$*()-]$/.test(char) && chance < 8)) out += char
      else for (const byte of Buffer.from(char)) out += `%${byte.toString(16).padStart(2, '0')}`
    }
    return out
  })
/** What is wrong with an encoding now and then. */
const broken = (value: string): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: fc.constant(value), weight: 20 },
    fc.constantFrom(`${value}%`, `%f${value}`, `${value}%FF`, `é${value}`),
  )

/** JSON of one element. */
const jsonText = (field: FieldType): fc.Arbitrary<string> => {
  const scalar = field.kind === 'message' ? field.message!.fields[0]! : field
  const inner = wellKnown(field.message) === 'wrapper' || field.kind !== 'message' ? scalar : undefined
  return goodText(field).map((value) => {
    // A number in quotes is a number, but no enum.
    if (inner?.kind === 'bool' || (inner?.kind === 'enum' && /^-?\d/.test(value))) return value
    return JSON.stringify(value)
  })
}

/** Paths that do not touch each other, nor two members of one oneof. */
const apart = (paths: readonly Path[]): Path[] => {
  const claims = new Map<string, string>()
  return paths.filter((path) => {
    const own: [string, string][] = path.map((field, i) => {
      const before = path
        .slice(0, i)
        .map(({ number }) => number)
        .join('.')
      return [`${before}/${field.oneof ?? field.number}`, `${field.number}`]
    })
    const leaf = own[own.length - 1]!
    if (claims.has(leaf[0])) return false
    for (const [claim, number] of own) if (claims.has(claim) && claims.get(claim) !== number) return false
    for (const [claim, number] of own) claims.set(claim, number)
    return true
  })
}

const objectText = (leaves: readonly Path[], level: number): fc.Arbitrary<string> => {
  const members = Map.groupBy(leaves, (path) => path[level]!)
  const texts = [...members].map(([field, paths]) => {
    const value = isLeaf(field)
      ? field.repeated
        ? fc.array(jsonText(field), { maxLength: 3 }).map((list) => `[${list.join(', ')}]`)
        : jsonText(field)
      : objectText(paths, level + 1)
    const name = field.name.startsWith('[') ? field.jsonName : undefined
    return fc
      .tuple(fc.constantFrom(name ?? field.name, name ?? field.jsonName), value)
      .map(([key, json]) => `${JSON.stringify(key)}: ${json}`)
  })
  return fc.tuple(...texts).map((list) => `{${list.join(',')}}`)
}

const spelled = (path: Path): fc.Arbitrary<string> =>
  fc
    .tuple(
      ...path.map((field) => fc.constantFrom(field.name.startsWith('[') ? field.jsonName : field.name, field.jsonName)),
    )
    .map((names) => names.join('.'))

const pair = (path: Path, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(spelled(path), value)
    .chain(([key, one]) => fc.tuple(encoded(key, true), encoded(one, true)))
    .map(([key, one]) => `${key}=${one}`)

/** Names as the helper of the tests takes them: JSON names never have to be split. */
const dotted = (path: Path): string => path.map(({ jsonName }) => jsonName).join('.')

const DECODINGS = ['spec', 'keep-reserved', 'all'] as const

/** Bindings and requests of which the fast lane must do every one alone. */
export const tame = (type: MessageType): fc.Arbitrary<Bound> => {
  const leaves = leavesOf(type).filter((path) => path.every(({ jsonName }) => !jsonName.includes('.')))
  return fc
    .tuple(
      fc.shuffledSubarray(leaves, { minLength: 1, maxLength: 24 }),
      fc.constantFrom('', '*', 'field'),
      fc.nat(3),
      fc.boolean(),
      fc.constantFrom(...DECODINGS),
    )
    .chain(([chosen, kind, count, whole, decoding]) => {
      const paths = apart(chosen)
      const variables = paths.filter((path) => path.every(({ repeated }) => !repeated)).slice(0, count)
      const group = ([first]: Path) => first!.oneof ?? first!.name
      const ofPath = new Set(variables.map(group))
      const rest = paths.filter((path) => !ofPath.has(group(path)))
      const multi = count % 2 === 0
      const base: BindingInit = {
        variables: variables.map((path) => `${dotted(path)}${multi ? '=**' : ''}`),
        compat: { unescape: decoding },
      }
      const bodyPath = rest.find((path) => path.length > 1)
      if (kind === '*' || (kind === 'field' && bodyPath !== undefined)) {
        const isOfBody = (path: Path): boolean => kind === '*' || path[0] === bodyPath![0]
        const inside = rest.filter(isOfBody)
        const queried = rest.filter((path) => group(path) !== group(bodyPath ?? path) && !isOfBody(path))
        const init = { ...base, body: kind === '*' ? '*' : bodyPath![0]!.jsonName }
        return requests(init, variables, queried, objectText(inside, kind === '*' ? 0 : 1), false)
      }
      if (whole) {
        const [first] = rest
        const inBody = first === undefined ? [] : rest.filter((path) => group(path) === group(first))
        const queried = rest.filter((path) => !inBody.includes(path))
        return requests(base, variables, queried, objectText(inBody, 0), true)
      }
      return requests(base, variables, rest, fc.constant(''), false)
    })
}

const requests = (
  init: BindingInit,
  variables: readonly Path[],
  queried: readonly Path[],
  body: fc.Arbitrary<string>,
  whole: boolean,
): fc.Arbitrary<Bound> => {
  const params = variables.map((path) => {
    const leaf = path[path.length - 1]!
    // Captures of several segments may keep the escapes of these, and then only strings can hold them.
    const plain = leaf.kind === 'string' ? undefined : /^[!#$&'()*+,/:;=?@[\]]$/
    return goodText(leaf).chain((value) => encoded(value, false, plain))
  })
  const pairs = queried.map((path) => {
    const leaf = path[path.length - 1]!
    return fc.array(pair(path, goodText(leaf)), { minLength: 1, maxLength: leaf.repeated ? 3 : 1 })
  })
  const request = fc
    .tuple(fc.tuple(...params), fc.tuple(...pairs), fc.nat(5), body)
    .chain(([given, lists, luck, json]) =>
      fc.shuffledSubarray(lists.flat(), { minLength: lists.flat().length }).map((shuffled): Request => {
        // Later messages of a stream have neither path nor query.
        if (luck === 0) return { params: [], query: '', body: json, whole }
        return { params: given, query: shuffled.join(luck === 1 ? '&&' : '&'), body: json, whole }
      }),
    )
  return fc.array(request, { minLength: 1, maxLength: 5 }).map((list) => ({ init, requests: list }))
}

/** Bindings and requests of every sort, most of them with something unusual or wrong. */
export const wild = (type: MessageType): fc.Arbitrary<Bound> => {
  const leaves = leavesOf(type).filter((path) => path.every(({ jsonName }) => !jsonName.includes('.')))
  const single = leaves.filter((path) => !path.some(({ repeated }) => repeated))
  const masks = type.fields.filter(({ message, repeated }) => wellKnown(message) === 'mask' && !repeated)
  const fixed = fc
    .shuffledSubarray(leaves, { maxLength: 3 })
    .chain((paths) =>
      fc.tuple(
        ...paths.map((path) => {
          const leaf = path[path.length - 1]!
          return jsonText(leaf).map(
            (json) => [dotted(path), leaf.repeated ? [JSON.parse(json)] : JSON.parse(json)] as const,
          )
        }),
      ),
    )
    .map((entries): Record<string, unknown> => Object.fromEntries(entries))
  const binding = fc
    .record({
      variables: fc.shuffledSubarray(single, { maxLength: 3 }),
      body: fc.oneof(fc.constantFrom('', '*'), fc.constantFrom(...type.fields.map(({ jsonName }) => jsonName))),
      set: fc.oneof({ arbitrary: fc.constant({}), weight: 3 }, fixed),
      unknownQuery: fc.constantFrom<NonNullable<BindingInit['unknownQuery']>>('reject', 'ignore', 'ignore'),
      ignoreUnknown: fc.boolean(),
      streamed: fc.nat(5).map((luck) => luck === 0),
      queryForms: fc.nat(3).map((luck) => luck === 0),
      decoding: fc.constantFrom(...DECODINGS),
      conflict: fc.constantFrom<Conflict>('reject', 'reject', 'path', 'body'),
      multi: fc.boolean(),
      masked: fc.boolean(),
    })
    .map(({ variables, multi, masked, queryForms, decoding, conflict, ...rest }) => {
      const body = type.field(rest.body)
      const mask = masked && body !== undefined && isOpen(body) ? masks[0]?.name : undefined
      const init: BindingInit = {
        ...rest,
        variables: variables.map((path) => `${dotted(path)}${multi ? '=**' : ''}`),
        compat: { queryForms, unescape: decoding, conflict },
        ...(mask === undefined ? {} : { updateMask: mask }),
      }
      return { init, variables, body }
    })
  return binding.chain(({ init, variables, body }) => {
    const param = (path: Path) =>
      anyText(path[path.length - 1]!)
        .chain((value) => encoded(value, false))
        .chain(broken)
    const known = fc.constantFrom(...leaves).chain((path) => pair(path, anyText(path[path.length - 1]!)).chain(broken))
    const strange = fc.constantFrom(
      'zz=1',
      'zz',
      '=1',
      '',
      's',
      's=1',
      'm[a]=b',
      'inner=1',
      'a.b.c=1',
      'm.k=1',
      '%zz=1',
      'zz=%1',
    )
    const own = leaves.filter((path) => init.body === '*' || body === undefined || path[0] === body)
    const json = fc
      .shuffledSubarray(own, { maxLength: Math.min(6, own.length) })
      .chain((paths) => {
        const level = init.body === '*' || body === undefined ? 0 : 1
        if (level === 1 && isLeaf(body!)) return jsonText(body!).map((one) => (body!.repeated ? `[${one}]` : one))
        return objectText(apart(paths), level)
      })
      .chain((value) =>
        fc.oneof(
          { arbitrary: fc.constant(value), weight: 8 },
          fc.constantFrom(
            '',
            'null',
            '{}',
            '[]',
            ' {"zz":[1]} ',
            `${value} `,
            `${value}x`,
            value.slice(0, -1),
            value.replace('{', '{"zz":1,'),
          ),
        ),
      )
    const request = fc.record({
      params: fc.oneof(
        { arbitrary: fc.tuple(...variables.map(param)).map((list): string[] => list), weight: 6 },
        fc.constant([]),
      ),
      query: fc
        .array(fc.oneof({ arbitrary: known, weight: 12 }, strange), { maxLength: 6 })
        .map((pairs) => pairs.join('&')),
      body: fc.oneof({ arbitrary: json, weight: init.body === '' && init.streamed !== true ? 1 : 6 }, fc.constant('')),
      whole: fc.constantFrom(undefined, false, false, true),
    })
    return fc.array(request, { minLength: 1, maxLength: 6 }).map((list) => ({ init, requests: list }))
  })
}
