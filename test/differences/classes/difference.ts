import type { ConfigInput } from '../../../src/index.ts'
import type { Disagreement, Outcome, Shape } from '../model.ts'

type Settings = Omit<NonNullable<ConfigInput['routes']>[number], 'service' | 'to'>

/** How to get the other behaviour from Protogate. It is tried on requests of the class. */
export interface Switch {
  readonly say: string
  readonly settings: Settings
  /** This peer's way can not be had. */
  readonly except?: 'Envoy' | 'grpc-gateway'
  /** What is left between the two by intent, as `say` tells. */
  readonly leaves?: Shape
}

/** One named way in which gateways differ. The first in the list that fits a disagreement is its class. */
export interface Difference {
  readonly id: string
  /** What each does, in a sentence or two. */
  readonly what: string
  readonly peers: readonly ('Envoy' | 'grpc-gateway')[]
  /** Features it may show in; all unless given. */
  readonly features?: RegExp
  readonly tags: RegExp
  readonly shapes: readonly Shape[]
  readonly when?: (disagreement: Disagreement) => boolean
  /** Who does what the source says. `open`: no source decides, and ours is a choice. */
  readonly right: 'Protogate' | 'Envoy' | 'grpc-gateway' | 'both' | 'open'
  readonly source: string
  readonly switch?: Switch
  /** Tags whose requests show it best. */
  readonly example?: RegExp
}

export const fits = (difference: Difference, disagreement: Disagreement): boolean => {
  const { pair, shape, theirs } = disagreement
  if (!difference.peers.some((peer) => peer === theirs.peer)) return false
  if (!difference.shapes.includes(shape) || !difference.tags.test(pair.tag)) return false
  if (difference.features?.test(pair.feature) === false) return false
  return difference.when?.(disagreement) ?? true
}

export const BOTH = ['Envoy', 'grpc-gateway'] as const
export const ENVOY = ['Envoy'] as const
export const GRPC_GATEWAY = ['grpc-gateway'] as const

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const json = (outcome: Outcome): Json | undefined => {
  try {
    return JSON.parse(outcome.body.toString('utf8')) as Json
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const round = (value: Json): Json => (typeof value === 'number' ? Math.fround(value) : value)
const isDefault = (value: Json): boolean =>
  value === 0 || value === '' || value === false || value === null || value === '0' || value === 'COLOR_UNSPECIFIED'

/** The answers are the same JSON but for digits beyond what a 32-bit float holds. */
export const sameFloats = ({ ours, theirs }: Disagreement): boolean => {
  const [a, b] = [json(ours), json(theirs)]
  return a !== undefined && b !== undefined && extendsBy(a, b) && extendsBy(b, a)
}

/** The answer is ours with more members, all of which have a default value. */
export const sameButDefaults = ({ ours, theirs }: Disagreement): boolean => {
  const [a, b] = [json(ours), json(theirs)]
  return a !== undefined && b !== undefined && extendsBy(a, b)
}

const extendsBy = (less: Json, more: Json): boolean => {
  if (Array.isArray(less) && Array.isArray(more))
    return less.length === more.length && less.every((one, i) => extendsBy(one, more[i]!))
  if (!isObject(less) || !isObject(more)) return JSON.stringify(round(less)) === JSON.stringify(round(more))
  const added = Object.keys(more).filter((name) => !Object.hasOwn(less, name))
  return (
    added.every((name) => isDefault(more[name]!)) &&
    Object.entries(less).every(([name, one]) => Object.hasOwn(more, name) && extendsBy(one, more[name]!))
  )
}
const isObject = (value: Json): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The lines of the answer are ours, each inside `{"result":…}`, and a failure inside `{"error":…}`. */
export const sameInEnvelopes = ({ ours, theirs }: Disagreement): boolean => {
  const opened = records(theirs.body.toString('utf8'))
  return JSON.stringify(opened) === JSON.stringify(records(ours.body.toString('utf8')))
}

const records = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { result, error, ...rest } = JSON.parse(line) as { result?: Json; error?: { details?: Json[] } }
      if (error === undefined) return JSON.stringify(result ?? rest)
      const { details, ...status } = error
      return JSON.stringify({ error: { ...status, ...(details?.length === 0 ? {} : { details }) } })
    })
