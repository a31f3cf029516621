import { targetPath } from '../../core/attributes.ts'
import { nearest } from '../../core/config-error.ts'
import type { Handler } from '../../core/handler.ts'
import type { RouteTarget } from '../../core/router.ts'
import type { PathTemplate } from '../../router/path-template.ts'
import type { RouteConfig } from '../schema.ts'
import { type Compilation, report } from './compile.ts'
import { rewrite, stripPrefix, type TargetPath, unknownVariables } from './paths.ts'
import { schemeList, type Upstreams, useOf } from './upstreams.ts'

/** What a route does with a call, behind its policies. */
export interface Target {
  readonly kind: RouteTarget
  readonly handler: Handler
  /** For people: see `Route.about`. */
  readonly to: string
  /** For proxies: the handler for a path with these variables (`rewrite`, `stripPrefix`). */
  readonly withTemplate?: (template: PathTemplate) => Handler
}

/** Handlers of targets that are no upstream; `src/index.ts` gives them, since the configuration knows no handlers. */
export interface OwnHandlers {
  respond(config: NonNullable<RouteConfig['respond']>): Handler
  redirect(config: Exclude<NonNullable<RouteConfig['redirect']>, string>): Handler
}

/** The target of a line; undefined when it has none that can work (reported). */
export const targetOf = (
  compilation: Compilation,
  route: RouteConfig,
  pointer: string,
  upstreams: Upstreams,
): Target | undefined => {
  const { handlers } = compilation
  if (route.respond !== undefined) return { kind: 'http', to: 'respond', handler: handlers.respond(route.respond) }
  if (route.redirect !== undefined) {
    const { redirect } = route
    return {
      kind: 'http',
      to: 'redirect',
      handler: handlers.redirect(typeof redirect === 'string' ? { location: redirect, status: 308 } : redirect),
    }
  }
  const isRpc = route.rpc !== undefined || route.service !== undefined
  if (route.mock !== undefined) return { kind: 'rpc', to: 'mock', handler: upstreams.mock(route.mock.seed) }
  const shares = sharesOf(compilation, route, pointer)
  if (shares === undefined || shares.some(([name]) => upstreams.isBroken(name))) return undefined
  const to = compilation.loaded.mocked && route.to === undefined ? 'mock' : sharesText(shares)
  if (isRpc) {
    const handler = pick(compilation, pointer, upstreams, shares, 'rpc')
    return handler === undefined ? undefined : { kind: 'rpc', to, handler }
  }
  const use = route.ws ? upstreams.upgradeUse(shares.map(([name]) => name)) : 'http'
  if (use === undefined) {
    report(compilation, `${pointer}/to`, {
      code: 'UPSTREAM_MIXED',
      message:
        'a "ws" route needs upstreams of one kind: all of them ws:// or wss://, or all of them http:// or https://',
    })
    return undefined
  }
  const handler = pick(compilation, pointer, upstreams, shares, use)
  if (handler === undefined) return undefined
  return {
    kind: use,
    to,
    handler,
    withTemplate: (template) => {
      const path = pathOf(compilation, route, pointer, template)
      return path === undefined ? handler : withPath(handler, path)
    },
  }
}

type Share = readonly [upstream: string, weight: number]

const sharesText = (shares: readonly Share[]): string =>
  shares.length === 1 ? shares[0]![0] : shares.map(([name, weight]) => `${name} ${weight}`).join(', ')

/** The upstreams of a line with their weights. Without `to` the only upstream is meant. */
const sharesOf = (compilation: Compilation, route: RouteConfig, pointer: string): readonly Share[] | undefined => {
  const names = Object.keys(compilation.loaded.config.upstreams)
  const { to } = route
  if (to === undefined) {
    if (names.length === 1) return [[names[0]!, 1]]
    report(compilation, pointer, {
      code: 'ROUTE_TARGET_MISSING',
      message: `the route has no "to", and there ${names.length === 0 ? 'is no upstream' : `are ${names.length} upstreams`}`,
      hint: names.length === 0 ? 'add one under "upstreams"' : `"to" is one of ${names.join(', ')}`,
    })
    return undefined
  }
  const shares = typeof to === 'string' ? [[to, 1] as const] : Object.entries(to)
  for (const [name] of shares) {
    if (names.includes(name)) continue
    const near = nearest(name, names)
    report(compilation, typeof to === 'string' ? `${pointer}/to` : `${pointer}/to/${name}`, {
      code: 'ROUTE_UNKNOWN_UPSTREAM',
      message: `no upstream "${name}"`,
      hint: near === undefined ? `known: ${names.join(', ') || 'none'}` : `did you mean "${near}"?`,
    })
    return undefined
  }
  return shares
}

/** One handler over several upstreams: each call goes to one of them, by weight. */
const pick = (
  compilation: Compilation,
  pointer: string,
  upstreams: Upstreams,
  shares: readonly Share[],
  use: RouteTarget,
): Handler | undefined => {
  const handlers: { readonly call: Handler; readonly upTo: number }[] = []
  let total = 0
  for (const [name, weight] of shares) {
    const call = upstreams.use(name, use)
    if (call === undefined) {
      report(compilation, `${pointer}/to`, {
        code: 'UPSTREAM_KIND',
        message: `the upstream "${name}" cannot serve this route: its endpoints are ${upstreams.schemes(name)}, the route needs ${needed(compilation, use)}`,
      })
      return undefined
    }
    total += weight
    handlers.push({ call, upTo: total })
  }
  if (handlers.length === 1) return handlers[0]!.call
  if (total === 0) {
    report(compilation, `${pointer}/to`, { code: 'ROUTE_TARGET_MISSING', message: 'all weights of "to" are 0' })
    return undefined
  }
  return (exchange) => {
    const point = Math.random() * total
    return handlers.find(({ upTo }) => point < upTo)!.call(exchange)
  }
}

const needed = ({ registry }: Compilation, use: RouteTarget): string =>
  schemeList(new Set(registry.all('outbound').flatMap((module) => (useOf(module) === use ? module.schemes : []))))

const pathOf = (
  compilation: Compilation,
  route: RouteConfig,
  pointer: string,
  template: PathTemplate,
): TargetPath | undefined => {
  const variables = template.variables.map(({ path }) => path)
  if (route.rewrite !== undefined) {
    for (const name of unknownVariables(route.rewrite, variables))
      report(compilation, `${pointer}/rewrite`, {
        code: 'REWRITE_VARIABLE',
        message: `"{${name}}" is no variable of "${route.path}"`,
      })
    return rewrite(route.rewrite, variables)
  }
  return route.stripPrefix === undefined ? undefined : stripPrefix(route.stripPrefix)
}

const withPath =
  (handler: Handler, path: TargetPath): Handler =>
  (exchange) => {
    exchange.set(targetPath, path(exchange.head.path, exchange.match.params))
    return handler(exchange)
  }

/** Method of a route that has no RPC behind it. */
export const methodOf = (route: RouteConfig): string => route.method ?? '*'
