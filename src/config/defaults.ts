import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

type Raw = Record<string, unknown>

/** Folder of .proto files that counts when nothing else is said. */
export const PROTOS = 'protos'
/** The upstream of a configuration that names none. */
export const DEFAULT_UPSTREAM = 'default'
const MOCK = 'mock:'

/**
 * Fills in what a configuration leaves unsaid and the schema cannot know, `{}` being what `protos/` alone means: every service
 * of `protos/` (or else of the .proto files beside it), sent to one upstream, which answers from the schema as long as no address is
 * given. `value` is raw: wrong parts are left as they are.
 */
export const fillDefaults = (value: Raw, base: string): Filled => {
  const filled: Raw = { __proto__: null, ...value }
  const beside = filled.schemas === undefined && !existsSync(join(base, PROTOS))
  filled.schemas ??= schemasOf(base)
  filled.routes ??= [{ service: '*' }]
  const mocked = filled.upstreams === undefined && needsUpstream(filled.routes)
  if (mocked) filled.upstreams = { [DEFAULT_UPSTREAM]: { endpoints: [MOCK] } }
  return { value: filled, mocked, beside }
}

export interface Filled {
  readonly value: Raw
  /** Nothing says where the backend is. */
  readonly mocked: boolean
  /** The schemas are the .proto files of `base` itself, however many there are. */
  readonly beside: boolean
}

const schemasOf = (base: string): readonly string[] => {
  if (existsSync(join(base, PROTOS))) return [PROTOS]
  return existsSync(base)
    ? readdirSync(base)
        .filter((name) => name.endsWith('.proto'))
        .sort()
    : []
}

/** A route calls an RPC and does not say where. */
const needsUpstream = (routes: unknown): boolean =>
  Array.isArray(routes) &&
  routes.some((route: unknown) => {
    if (typeof route !== 'object' || route === null) return false
    const { service, rpc, to, mock } = route as Raw
    return (service !== undefined || rpc !== undefined) && to === undefined && mock === undefined
  })
