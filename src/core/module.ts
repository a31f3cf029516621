import type { Observable } from 'rxjs'
import type { Clock } from './clock.ts'
import type { Exchange } from './exchange.ts'
import type { Policy, Reply } from './handler.ts'
import type { Listener } from './http.ts'
import type { RouteTarget } from './router.ts'
import type { Schema } from './schema.ts'
import type { Balancer, Channel, EndpointSpec, Snapshot } from './snapshot.ts'

/** Something that runs until it is stopped. `stop` may be called twice. */
export interface Resource {
  stop(): Promise<void>
}
export interface Log {
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
}
/** A zod schema, seen only through the Standard Schema interface so that core needs no zod. */
export interface ConfigSchema<C> {
  readonly '~standard': { readonly types?: { readonly output: C } | undefined }
}

/** What a module is given when a snapshot creates it. */
export interface Context {
  readonly log: Log
  readonly clock: Clock
  readonly schema: Schema
  /** Stopped with this snapshot, in reverse order. */
  own(resource: Resource): void
  /** Counted over snapshots: limits, breakers, caches, topics and clients survive a reload. The key is prefixed by the module's name. */
  shared<T extends Resource>(key: string, make: () => T): T
}

export interface ModuleOf<K extends string, C> {
  readonly kind: K
  /** The key in routes.json. */
  readonly name: string
  readonly config: ConfigSchema<C>
}

/** In this order: `reuse` may never stand before `guard`, `transform` never before `guard`. */
export type Stage = 'observe' | 'guard' | 'limit' | 'transform' | 'reuse' | 'resilience'
export interface PolicyModule<C = any> extends ModuleOf<'policy', C> {
  readonly stage: Stage
  readonly needs?: 'message' | 'body'
  create(config: C, context: Context): Policy | Promise<Policy>
}
export interface InboundModule<C = any> extends ModuleOf<'inbound', C> {
  /** Top-level key of its part of routes.json; its name where absent. */
  readonly section?: string
  create(context: Omit<Context, 'schema' | 'own' | 'shared'>): Inbound
}
export interface OutboundModule<C = any> extends ModuleOf<'outbound', C> {
  /** URL schemes without colon: `['grpc', 'grpcs']`. */
  readonly schemes: readonly string[]
  /** What routes may send through it. Absent: calls of RPCs. */
  readonly serves?: RouteTarget
  /**
   * No I/O before the first call, or in the background: `connect` returns at once. A channel outlives snapshots: each call has the
   * schema of its own, `exchange.match.snapshot.schema`.
   */
  connect(address: string, config: C, context: Omit<Context, 'schema'>): Channel
}
export interface BalancerModule<C = any> extends ModuleOf<'balancer', C> {
  create(config: C, context: Context): Balancer
}
export interface DiscoveryModule<C = any> extends ModuleOf<'discovery', C> {
  watch(config: C, context: Context): Observable<readonly EndpointSpec[]>
}
export type Module = PolicyModule | InboundModule | OutboundModule | BalancerModule | DiscoveryModule

/** What an inbound adapter gets. It never sees upstreams, policies or other adapters, and keeps neither router nor options. */
export interface Ingress {
  readonly snapshot: Snapshot
  dispatch(exchange: Exchange): Reply | Promise<Reply>
}
export interface Inbound {
  attach(listener: Listener, ingress: Ingress): void
  /** Refuses new work, lets calls in flight end; resolves when none is left. */
  drain(): Promise<void>
  /**
   * The gateway stops now: every call that is still open ends with UNAVAILABLE, reason `DRAINING`, and its client is told as far as the
   * protocol can. What is written in this turn or the next still goes out; then the connections are closed.
   */
  cut?(): void
}

type Defined<M extends Module> = Omit<M, 'kind'>
export const definePolicy = <C>(module: Defined<PolicyModule<C>>): PolicyModule<C> => ({ kind: 'policy', ...module })
export const defineInbound = <C>(module: Defined<InboundModule<C>>): InboundModule<C> => ({
  kind: 'inbound',
  ...module,
})
export const defineOutbound = <C>(module: Defined<OutboundModule<C>>): OutboundModule<C> => ({
  kind: 'outbound',
  ...module,
})
export const defineBalancer = <C>(module: Defined<BalancerModule<C>>): BalancerModule<C> => ({
  kind: 'balancer',
  ...module,
})
export const defineDiscovery = <C>(module: Defined<DiscoveryModule<C>>): DiscoveryModule<C> => ({
  kind: 'discovery',
  ...module,
})

type Kind = Module['kind']
type OfKind<K extends Kind> = Extract<Module, { kind: K }>

/** Modules by kind and name. A second module of the same kind and name is a programming error and throws. */
export class Registry {
  readonly #modules = new Map<string, Module>()
  readonly #schemes = new Map<string, OutboundModule>()

  constructor(modules: readonly Module[]) {
    for (const module of modules) this.add(module)
  }

  add(module: Module): void {
    const key = `${module.kind} ${module.name}`
    if (this.#modules.has(key)) throw new Error(`two modules of the kind ${module.kind} are called "${module.name}"`)
    this.#modules.set(key, module)
    if (module.kind !== 'outbound') return
    for (const scheme of module.schemes) if (!this.#schemes.has(scheme)) this.#schemes.set(scheme, module)
  }

  get<K extends Kind>(kind: K, name: string): OfKind<K> | undefined {
    return this.#modules.get(`${kind} ${name}`) as OfKind<K> | undefined
  }
  all<K extends Kind>(kind: K): readonly OfKind<K>[] {
    return [...this.#modules.values()].filter((module): module is OfKind<K> => module.kind === kind)
  }
  /** The outbound of a URL scheme: the first that was registered for it. */
  outbound(scheme: string): OutboundModule | undefined {
    return this.#schemes.get(scheme)
  }
}

/** The whole: holds the current snapshot. */
export interface Gateway extends Resource {
  readonly snapshot: Snapshot
  start(): Promise<void>
  /** Builds the next snapshot and swaps it in. Rejects with ConfigError and leaves the old one serving when it is bad. */
  reload(): Promise<Snapshot>
  /** Stops accepting, lets calls in flight end. true: all of them did; false: the time for it was over first. */
  drain(): Promise<boolean>
}
