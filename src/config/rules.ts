import { ConfigError } from '../core/config-error.ts'
import type { Registry } from '../core/module.ts'
import { trustOf } from '../listener/trust.ts'
import type { Fault } from './issues.ts'

/**
 * What the schema cannot say: which keys go together. Works on a value that may be wrong in other ways as well, so that all
 * faults are told at once.
 */
export const checkRules = (value: unknown, registry: Registry): readonly Fault[] => {
  const config = members(value)
  return [
    ...list(config.routes).flatMap((route, index) => checkRoute(members(route), ['routes', index])),
    ...duplicateNames(list(config.routes)),
    ...Object.entries(members(config.upstreams)).flatMap(([name, upstream]) =>
      checkUpstream(members(upstream), ['upstreams', name], registry),
    ),
    ...duplicateListeners(config),
    ...list(config.trustedProxies).flatMap(wrongProxy),
  ]
}

type Members = Readonly<Record<string, unknown>>
type Path = readonly PropertyKey[]

const NOTHING: Members = Object.freeze(Object.create(null))
/** Members of an object; none when it is something else. */
const members = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { __proto__: null, ...value } : NOTHING
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const given = (route: Members, keys: readonly string[]): readonly string[] =>
  keys.filter((key) => route[key] !== undefined)
const quoted = (keys: readonly string[]): string => keys.map((key) => `"${key}"`).join(' and ')

/** Keys of a route by what it is; those that every route may have are not listed. */
const RPC_KEYS = ['json', 'unknownQuery', 'compat', 'stream', 'forward', 'set']
const KINDS = {
  service: { text: 'a "service" route', keys: ['service', 'prefix', 'to', 'mock', ...RPC_KEYS] },
  rpc: {
    text: 'a route to an RPC',
    keys: ['path', 'method', 'ws', 'rpc', 'to', 'mock', 'body', 'responseBody', ...RPC_KEYS],
  },
  proxy: { text: 'a proxy route', keys: ['path', 'method', 'ws', 'to', 'stripPrefix', 'rewrite', 'compat'] },
  redirect: { text: 'a redirect', keys: ['path', 'method', 'redirect', 'compat'] },
  respond: { text: 'a "respond" route', keys: ['path', 'method', 'respond', 'compat'] },
} as const
type Kind = keyof typeof KINDS
const ALL_KEYS = new Set<string>(Object.values(KINDS).flatMap(({ keys }) => [...keys]))
const COMMON_KEYS = ['name', 'host', 'headers', 'query', 'timeout', 'limits', 'policies']
const UPSTREAM_KEYS = ['endpoints', 'discovery', 'balancer', 'policies', 'tls', 'outbound', 'connectTimeout', 'limits']

/** A misspelt key is told as such; that the right one is missing is no news then. */
const isMisspelt = (value: Members, known: Iterable<string>): boolean => {
  const names = new Set(known)
  return Object.keys(value).some((key) => !names.has(key))
}

const checkRoute = (route: Members, path: Path): readonly Fault[] => {
  if (Object.keys(route).length === 0) return []
  const faults: Fault[] = []
  const misspelt = isMisspelt(route, [...ALL_KEYS, ...COMMON_KEYS])
  const matches = given(route, ['service', 'path'])
  if (matches.length === 0 && !misspelt)
    faults.push({
      code: 'ROUTE_MATCH_MISSING',
      path,
      message: 'the route has neither "service" nor "path"',
      hint: 'add "service": "package.Service" or "path": "/…"',
    })
  if (matches.length === 2)
    faults.push({
      code: 'ROUTE_MATCH_AMBIGUOUS',
      path: [...path, 'path'],
      onKey: true,
      message: 'the route has both "service" and "path"',
      hint: 'make two routes of it',
    })
  if (matches.length !== 1) return faults
  const targets = given(route, ['rpc', 'to', 'mock', 'redirect', 'respond'])
  const kind = kindOf(route, targets)
  if (kind === undefined) return misspelt && targets.length === 0 ? faults : wrongTargets(targets, path)
  for (const key of given(route, [...ALL_KEYS]))
    if (!(KINDS[kind].keys as readonly string[]).includes(key) && !isDefault(key, route[key]))
      faults.push({
        code: 'ROUTE_KEY_MISPLACED',
        path: [...path, key],
        onKey: true,
        message: `"${key}" means nothing in ${KINDS[kind].text}`,
        hint: `it belongs to ${Object.values(KINDS)
          .filter(({ keys }) => (keys as readonly string[]).includes(key))
          .map(({ text }) => text)
          .join(' or ')}`,
      })
  return faults
}

/** What a route is by its targets; undefined when they are too many, or none. */
const kindOf = (route: Members, targets: readonly string[]): Kind | undefined => {
  const set = targets.join(' ')
  if (route.service !== undefined) return ['', 'to', 'mock'].includes(set) ? 'service' : undefined
  if (['rpc', 'rpc to', 'rpc mock'].includes(set)) return 'rpc'
  if (set === 'to') return 'proxy'
  return set === 'redirect' || set === 'respond' ? set : undefined
}

const wrongTargets = (targets: readonly string[], path: Path): readonly Fault[] => {
  if (targets.length === 0)
    return [
      {
        code: 'ROUTE_TARGET_MISSING',
        path,
        message: 'the route has no target',
        hint: 'add "rpc" and "to", "to" alone for a proxy, "redirect" or "respond"',
      },
    ]
  if (targets.length === 1)
    return [
      {
        code: 'ROUTE_TARGET_INVALID',
        path: [...path, targets[0]!],
        onKey: true,
        message: `"${targets[0]}" cannot stand here by itself`,
        hint:
          targets[0] === 'mock'
            ? 'a mock answers a method: add "rpc", or write "respond" for a fixed answer'
            : 'a "service" route goes "to" an upstream or to a "mock"',
      },
    ]
  return [
    {
      code: 'ROUTE_TARGET_AMBIGUOUS',
      path: [...path, targets.at(-1)!],
      onKey: true,
      message: `the route has ${targets.length} targets: ${quoted(targets)}`,
      hint: 'a route has exactly one: "rpc" with "to", "to" alone, "mock", "redirect" or "respond"',
    },
  ]
}

/** Written out, but without effect: no reason to refuse it. */
const isDefault = (key: string, value: unknown): boolean => key === 'ws' && value === false

const duplicateNames = (routes: readonly unknown[]): readonly Fault[] => {
  const first = new Map<unknown, number>()
  return routes.flatMap((route, index): readonly Fault[] => {
    const { name } = members(route)
    if (typeof name !== 'string') return []
    const other = first.get(name)
    if (other === undefined) {
      first.set(name, index)
      return []
    }
    return [
      {
        code: 'ROUTE_NAME_TWICE',
        path: ['routes', index, 'name'],
        message: `two routes are called "${name}": /routes/${other} and /routes/${index}`,
        hint: 'names tell routes apart in logs and metrics',
      },
    ]
  })
}

const checkUpstream = (upstream: Members, path: Path, registry: Registry): readonly Fault[] => {
  const sources = given(upstream, ['endpoints', 'discovery'])
  const faults: Fault[] = []
  if (sources.length === 0 && !isMisspelt(upstream, UPSTREAM_KEYS))
    faults.push({
      code: 'UPSTREAM_ENDPOINTS_MISSING',
      path,
      message: `the upstream "${String(path.at(-1))}" has neither "endpoints" nor "discovery"`,
      hint: 'add "endpoints": ["grpc://host:port"]',
    })
  if (sources.length === 2)
    faults.push({
      code: 'UPSTREAM_ENDPOINTS_AMBIGUOUS',
      path: [...path, 'discovery'],
      onKey: true,
      message: `the upstream "${String(path.at(-1))}" has both "endpoints" and "discovery"`,
      hint: 'keep one of them',
    })
  return [...faults, ...wrongOutbound(upstream, path, registry)]
}

/** `outbound` names an adapter: it must speak the scheme of every endpoint. Unknown schemes are told with the upstreams. */
const wrongOutbound = (upstream: Members, path: Path, registry: Registry): readonly Fault[] => {
  const asked = typeof upstream.outbound === 'string' ? registry.get('outbound', upstream.outbound) : undefined
  if (asked === undefined) return []
  return list(upstream.endpoints).flatMap((endpoint, index): readonly Fault[] => {
    const address = typeof endpoint === 'string' ? endpoint : members(endpoint).address
    const scheme = typeof address === 'string' ? /^[a-z][a-z0-9+.-]*(?=:)/.exec(address)?.[0] : undefined
    if (scheme === undefined || asked.schemes.includes(scheme) || registry.outbound(scheme) === undefined) return []
    return [
      {
        code: 'UPSTREAM_OUTBOUND',
        path: [...path, 'endpoints', index],
        message: `the outbound adapter "${asked.name}" does not speak ${scheme}:`,
        hint: `it speaks ${asked.schemes.map((known) => `${known}:`).join(' ')}`,
      },
    ]
  })
}

const wrongProxy = (entry: unknown, index: number): readonly Fault[] => {
  if (typeof entry !== 'string' || entry === '') return []
  try {
    trustOf([entry])
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ code, message, hint }) => ({ code, message, hint, path: ['trustedProxies', index] }))
  }
}

const duplicateListeners = (config: Members): readonly Fault[] => {
  const places: { readonly path: Path; readonly value: Members }[] = list(config.listeners).map((value, index) => ({
    path: ['listeners', index],
    value: members(value),
  }))
  if (config.admin !== undefined && config.admin !== false)
    places.push({ path: ['admin'], value: { port: 9090, ...members(config.admin) } })
  const seen = new Set<string>()
  return places.flatMap(({ path, value: { host = '127.0.0.1', port = 8080 } }): readonly Fault[] => {
    const address = `${String(host)}:${String(port)}`
    if (port === 0 || !seen.has(address)) {
      seen.add(address)
      return []
    }
    return [
      {
        code: 'LISTENER_TWICE',
        path: [...path, 'port'],
        message: `${address} is listened on twice`,
        hint: 'give one of them another port',
      },
    ]
  })
}
