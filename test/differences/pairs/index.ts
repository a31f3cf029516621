import type { Pair } from '../model.ts'
import * as bodies from './bodies.ts'
import * as http from './http.ts'
import * as json from './json.ts'
import * as paths from './paths.ts'
import * as queries from './queries.ts'
import { Random } from './random.ts'
import * as replies from './replies.ts'

type Make = (random: Random, encode: replies.Encode) => Pair

/** The features by name, each with the generator of its pairs. */
export const FEATURES: Readonly<Record<string, Make>> = {
  'path-literals-and-stars': paths.literals,
  'double-star': paths.doubleStars,
  verbs: paths.verbs,
  'percent-decoding': paths.percent,
  'path-types': paths.pathTypes,
  'path-well-known-types': paths.pathMessages,
  'query-scalars': queries.scalars,
  'query-nested': queries.nested,
  'query-repeated': queries.repeated,
  'query-well-known-types': queries.wellKnown,
  'query-unknown-and-conflict': queries.conflicts,
  'body-star': bodies.star,
  'body-field': bodies.field,
  'body-none': bodies.none,
  'response-body': replies.responseBody,
  'json-numbers': json.numbers,
  'json-strings-and-escapes': json.strings,
  'json-enums': json.enums,
  'json-well-known-types': json.wellKnown,
  'json-any': json.any,
  'json-maps-oneofs-nulls-duplicates': json.structure,
  'json-printing': replies.printed,
  'patch-mask': bodies.patch,
  'errors-and-status': replies.errors,
  'methods-405-head': http.methods,
  'content-types-and-accept': http.contentTypes,
  'server-streams': replies.streams,
  httpbody: replies.httpBody,
}

/** `count` different pairs of a feature, the same for the same seed. */
export const makePairs = (name: string, seed: number, count: number, encode: replies.Encode): Pair[] => {
  const make = FEATURES[name]
  if (make === undefined) throw new Error(`no feature "${name}"; there are ${Object.keys(FEATURES).join(', ')}`)
  const random = new Random(seed, name)
  const pairs = new Map<string, Pair>()
  for (let tries = 0; pairs.size < count && tries < count * 50; tries++) {
    const pair = make(random, encode)
    if (pair.feature !== name) throw new Error(`the generator of "${name}" made a pair of "${pair.feature}"`)
    pairs.set(identity(pair), pair)
  }
  if (pairs.size < count) throw new Error(`"${name}" has only ${pairs.size} different pairs of ${count}`)
  return [...pairs.values()]
}

const identity = ({ method, target, headers, body, answer }: Pair): string =>
  JSON.stringify([method, target, headers, body?.toString('latin1'), answer], (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
