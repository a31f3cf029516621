import type { Observable } from 'rxjs'
import { ConfigError, nearest } from '../../core/config-error.ts'
import type { Handler } from '../../core/handler.ts'
import type { OutboundModule } from '../../core/module.ts'
import type { RouteTarget } from '../../core/router.ts'
import type { Balancer, EndpointSpec, Upstream } from '../../core/snapshot.ts'
import { createUpstream, type LiveUpstream } from '../../upstream/upstream.ts'
import { chosen } from '../modules-schema.ts'
import type { UpstreamConfig } from '../schema.ts'
import { openChannel } from './channels.ts'
import { type Compilation, contextFor, report } from './compile.ts'
import { type BuiltPolicy, buildPolicies, checkOrder } from './policies.ts'
import { milliseconds } from './settings.ts'

/** The upstreams of a snapshot, as routes ask for them. */
export interface Upstreams {
  readonly all: ReadonlyMap<string, Upstream>
  /** It could not be opened, which was reported: nothing can be said of its routes. */
  isBroken(name: string): boolean
  /** undefined: the endpoints of this upstream do not serve that use. */
  use(name: string, use: RouteTarget): Handler | undefined
  /** Its schemes, for messages: `http: https:`. */
  schemes(name: string): string
  /** What a `ws: true` proxy to all of these is. undefined: they differ, or are neither. */
  upgradeUse(names: readonly string[]): 'frames' | 'tunnel' | undefined
  /** A target that answers from the schema. */
  mock(seed: number): Handler
}

/** Creates the upstreams. Connections are made when they are used, or in the background. */
export const buildUpstreams = async (compilation: Compilation): Promise<Upstreams> => {
  const { config } = compilation.loaded
  const all = new Map<string, Upstream>()
  const made = new Map<string, Source>()
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    const pointer = `/upstreams/${name}`
    const policies = await buildPolicies(compilation, upstream.policies, `${pointer}/policies`)
    checkOrder(compilation, policies)
    const source = sourceOf(compilation, name, upstream, pointer, policies)
    if (source === undefined) continue
    made.set(name, source)
    const opened = source.open(undefined)
    if (opened === undefined) continue
    await firstEndpoints(compilation, name, opened, milliseconds(upstream.connectTimeout))
    all.set(name, opened)
  }
  /** By use and name: those that routes reach by other adapters than the default ones of their schemes. */
  const others = new Map<string, Upstream>()
  return {
    all,
    isBroken: (name) => !all.has(name),
    use(name, use) {
      const source = made.get(name)
      if (source === undefined || !source.serves(use)) return undefined
      if (source.isDefault(use)) return all.get(name)?.call
      const key = `${use} ${name}`
      const opened = others.get(key) ?? source.open(use)
      if (opened !== undefined) others.set(key, opened)
      return opened?.call
    },
    schemes: (name) => schemeList(made.get(name)?.schemes ?? []),
    upgradeUse(names) {
      const uses = new Set(names.map((name) => useOfUpgrade(made.get(name))))
      const [only] = uses
      return uses.size === 1 ? only : undefined
    },
    mock: (seed) => mockHandler(compilation, seed),
  }
}

const useOfUpgrade = (source: Source | undefined): 'frames' | 'tunnel' | undefined => {
  if (source === undefined) return undefined
  if (source.serves('frames')) return 'frames'
  return source.serves('tunnel') ? 'tunnel' : undefined
}

/** `http: https:` */
export const schemeList = (schemes: Iterable<string>): string => [...schemes].map((scheme) => `${scheme}:`).join(' ')

/** An upstream that can be opened, once for each kind of adapter that routes need. */
interface Source {
  /** Schemes of the endpoints in the file; undefined: they come from a discovery and are known at run time. */
  readonly schemes: ReadonlySet<string> | undefined
  serves(use: RouteTarget): boolean
  /** The adapters that it is opened with anyway are those of this use. */
  isDefault(use: RouteTarget): boolean
  /** With the adapters of this use; `undefined`: with the default ones. The result is undefined when that fails (reported). */
  open(use: RouteTarget | undefined): LiveUpstream | undefined
}

/** What carries calls of a use to addresses of a scheme: the adapter that the upstream names, the default one, or any that does. */
const adapterOf = (
  { registry }: Compilation,
  { outbound }: UpstreamConfig,
  scheme: string,
  use: RouteTarget | undefined,
): OutboundModule | undefined => {
  const first = outbound === undefined ? registry.outbound(scheme) : registry.get('outbound', outbound)
  if (use === undefined || (first !== undefined && useOf(first) === use)) return first
  return registry.all('outbound').find((module) => useOf(module) === use && module.schemes.includes(scheme))
}
export const useOf = ({ serves = 'rpc' }: OutboundModule): RouteTarget => serves

const sourceOf = (
  compilation: Compilation,
  name: string,
  upstream: UpstreamConfig,
  pointer: string,
  policies: readonly BuiltPolicy[],
): Source | undefined => {
  const before = compilation.problems.length
  const specs = (upstream.endpoints ?? []).map((endpoint) => specOf(endpoint))
  for (const [index, { address }] of specs.entries())
    checkAddress(compilation, `${pointer}/endpoints/${index}`, address)
  const watch = upstream.discovery === undefined ? undefined : watchOf(compilation, upstream.discovery)
  const balancer = balancerOf(compilation, upstream)
  if (balancer === undefined || compilation.problems.length > before) return undefined
  const schemes = watch === undefined ? new Set(specs.map(({ address }) => schemeOf(address))) : undefined
  const adapter = (scheme: string, use?: RouteTarget) => adapterOf(compilation, upstream, scheme, use)
  // What a discovery finds is reached by the default adapters, unless none of them has that use.
  const all = compilation.registry.all('outbound').flatMap((module) => module.schemes)
  const holds = (test: (scheme: string) => boolean): boolean =>
    schemes === undefined ? all.some(test) : [...schemes].every(test)
  return {
    schemes,
    serves: (use) => holds((scheme) => adapter(scheme, use) !== undefined),
    isDefault: (use) => holds((scheme) => adapter(scheme, use) === adapter(scheme)),
    open(use) {
      try {
        const opened = createUpstream({
          name,
          endpoints: watch?.() ?? specs,
          balancer,
          policies: policies.map(({ policy }) => policy),
          connect(address) {
            const module = adapter(schemeOf(address), use)
            if (module === undefined) throw new Error(`no outbound adapter for "${address}"`)
            return openChannel(compilation, module, address, upstream)
          },
          clock: compilation.clock,
          log: compilation.log,
        })
        compilation.owned.push(opened)
        return opened
      } catch (error) {
        if (error instanceof ConfigError) {
          compilation.problems.push(
            ...error.problems.map((problem) => ({ pointer, ...compilation.loaded.place(pointer), ...problem })),
          )
          return undefined
        }
        report(compilation, pointer, {
          code: 'UPSTREAM_START_FAILED',
          message: `the upstream "${name}" cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
        })
        return undefined
      }
    },
  }
}

/** Gives a discovery a moment for its first list, so that the first calls after a start or a reload have somewhere to go. */
const firstEndpoints = async (
  compilation: Compilation,
  name: string,
  upstream: LiveUpstream,
  limit: number,
): Promise<void> => {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = compilation.clock.after(limit, resolve)
  await Promise.race([upstream.ready, late])
  await timer.stop()
  if (upstream.endpoints.length === 0)
    compilation.log.warn({ upstream: name }, 'the discovery has found no endpoints yet')
}

type EndpointConfig = NonNullable<UpstreamConfig['endpoints']>[number]
const specOf = (endpoint: EndpointConfig): EndpointSpec =>
  typeof endpoint === 'string'
    ? { address: endpoint, weight: 1, zone: undefined }
    : { address: endpoint.address, weight: endpoint.weight, zone: endpoint.zone }

const schemeOf = (address: string): string => {
  const colon = address.indexOf(':')
  return colon === -1 ? '' : address.slice(0, colon)
}

const checkAddress = (compilation: Compilation, pointer: string, address: string): void => {
  const scheme = schemeOf(address)
  if (compilation.registry.outbound(scheme) === undefined) {
    const known = [...new Set(compilation.registry.all('outbound').flatMap(({ schemes }) => schemes))]
    const near = nearest(scheme, known)
    report(compilation, pointer, {
      code: 'ENDPOINT_SCHEME',
      message: `"${address}" has no scheme that an outbound adapter knows`,
      hint: /^[\w.-]+:\d+$/.test(address)
        ? `did you mean "grpc://${address}"?`
        : near === undefined
          ? `known: ${known.join(', ')}`
          : `did you mean "${near}"?`,
    })
    return
  }
  if (scheme === 'unix' || scheme === 'mock' || URL.canParse(address)) return
  report(compilation, pointer, { code: 'ENDPOINT_INVALID', message: `"${address}" is no URL` })
}

const watchOf = (
  compilation: Compilation,
  discovery: NonNullable<UpstreamConfig['discovery']>,
): (() => Observable<readonly EndpointSpec[]>) => {
  const [name, config] = chosen(discovery)
  const module = compilation.registry.get('discovery', name)!
  return () => module.watch(config, contextFor(compilation, module))
}

const balancerOf = (compilation: Compilation, upstream: UpstreamConfig): Balancer | undefined => {
  const [name, config] = upstream.balancer === undefined ? ['round-robin', {}] : chosen(upstream.balancer)
  const module = compilation.registry.get('balancer', name)
  return module?.create(config, contextFor(compilation, module))
}

const mockHandler = (compilation: Compilation, seed: number): Handler => {
  const address = `mock:?seed=${seed}`
  const channel = openChannel(compilation, compilation.registry.outbound('mock')!, address, {})
  compilation.owned.push(channel)
  return channel.call
}
