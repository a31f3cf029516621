import { nearest, type Problem } from '../core/config-error.ts'
import { DEFAULT_UPSTREAM } from './defaults.ts'
import type { Environment } from './env.ts'

/** What flags say. They win over the environment, which wins over the file. */
export interface Overrides {
  readonly port?: number | undefined
  readonly adminPort?: number | undefined
  readonly host?: string | undefined
  /** Addresses: `host:port` (gRPC without TLS), `scheme://host:port`, or `name=address` for one upstream of several. */
  readonly upstream?: readonly string[] | undefined
}

type Raw = Record<string, unknown>

/**
 * Puts flags and `PROTOGATE_PORT` (or `PORT`), `PROTOGATE_ADMIN_PORT`, `PROTOGATE_HOST`, `PROTOGATE_UPSTREAM` (several with commas) into
 * a configuration that was parsed but not checked. `pointers`: what no longer comes from the file.
 */
export const applyOverrides = (
  value: Raw,
  flags: Overrides,
  env: Environment,
): { readonly value: Raw; readonly problems: readonly Problem[]; readonly pointers: readonly string[] } => {
  const problems: Problem[] = []
  const pointers: string[] = []
  const next: Raw = { __proto__: null, ...value }
  const port = flags.port ?? portOf(env, ['PROTOGATE_PORT', 'PORT'], problems)
  const adminPort = flags.adminPort ?? portOf(env, ['PROTOGATE_ADMIN_PORT'], problems)
  const host = flags.host ?? textOf(env, 'PROTOGATE_HOST')
  const upstreams = flags.upstream ?? textOf(env, 'PROTOGATE_UPSTREAM')?.split(',') ?? []

  if (port !== undefined || host !== undefined) {
    const [first, ...others] = Array.isArray(next.listeners) ? (next.listeners as unknown[]) : [{}]
    const changed = { ...(isObject(first) ? first : {}), ...defined({ port, host }) }
    next.listeners = [changed, ...others]
    pointers.push(...Object.keys(defined({ port, host })).map((key) => `/listeners/0/${key}`))
  }
  if (adminPort !== undefined) {
    next.admin = { ...(isObject(next.admin) ? next.admin : {}), port: adminPort }
    pointers.push('/admin/port')
  }
  for (const text of upstreams) {
    const name = setUpstream(next, text.trim(), problems)
    if (name !== undefined) pointers.push(`/upstreams/${name}`)
  }
  return { value: next, problems, pointers }
}

/** Replaces the endpoints of the upstream that is meant: the only one, or the one that the text names. */
const setUpstream = (value: Raw, text: string, problems: Problem[]): string | undefined => {
  const upstreams = isObject(value.upstreams) ? value.upstreams : {}
  const names = Object.keys(upstreams)
  const [, named, address = text] = /^([A-Za-z0-9_.-]+)=(.*)$/s.exec(text) ?? []
  const name = named ?? (names.length > 1 ? undefined : (names[0] ?? DEFAULT_UPSTREAM))
  if (name === undefined || (named !== undefined && names.length > 0 && !names.includes(named))) {
    const near = named === undefined ? undefined : nearest(named, names)
    problems.push({
      code: 'UPSTREAM_OVERRIDE',
      severity: 'error',
      message:
        named === undefined
          ? `"${text}" does not say which of the ${names.length} upstreams it is for`
          : `no upstream is called "${named}"`,
      hint: near === undefined ? `write NAME=ADDRESS with one of ${names.join(', ')}` : `did you mean "${near}"?`,
    })
    return undefined
  }
  const { discovery: _, ...kept } = isObject(upstreams[name]) ? upstreams[name] : {}
  value.upstreams = { __proto__: null, ...upstreams, [name]: { ...kept, endpoints: [literal(withScheme(address))] } }
  return name
}

/** `localhost:50051` is gRPC without TLS, as in every gRPC tool. */
const withScheme = (address: string): string =>
  /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d+$/.test(address) ? `grpc://${address}` : address
/** Flags and variables are taken as they are: what looks like a substitution in them is none. */
const literal = (text: string): string => text.replaceAll('${', () => '$${')

const portOf = (env: Environment, names: readonly string[], problems: Problem[]): number | undefined => {
  const name = names.find((candidate) => textOf(env, candidate) !== undefined)
  if (name === undefined) return undefined
  const port = parsePort(env[name]!)
  if (port === undefined)
    problems.push({
      code: 'ENV_VALUE',
      severity: 'error',
      message: `the environment variable ${name} is "${env[name]}": expected a port from 0 to 65535`,
      hint: `set ${name}=8080, or unset it`,
    })
  return port
}
/** A port as flags and variables give it; undefined when it is none. */
export const parsePort = (text: string): number | undefined =>
  /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined

const textOf = (env: Environment, name: string): string | undefined => (env[name] === '' ? undefined : env[name])
const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)
const defined = (value: Raw): Raw =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined))
