import type { Exchange } from './exchange.ts'
import type { Handler } from './handler.ts'
import type { Context, ModuleOf, Resource } from './module.ts'
import type { Router } from './router.ts'
import type { Schema } from './schema.ts'

/** One immutable, compiled configuration. A reload builds another and swaps one field in Gateway. */
export interface Snapshot {
  readonly revision: number
  readonly router: Router
  readonly schema: Schema
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** An inbound adapter's own part of the configuration, parsed by its schema. */
  options<C>(module: ModuleOf<string, C>): C
  retain(): void
  /** The last one out stops the upstreams that nobody else holds. */
  release(): void
}

/** A live connection (pool) to one endpoint. */
export interface Channel extends Resource {
  readonly call: Handler
}
export interface Endpoint {
  readonly address: string
  readonly weight: number
  readonly zone: string | undefined
  readonly inFlight: number
  readonly channel: Channel
}
export interface EndpointSpec {
  readonly address: string
  readonly weight: number
  readonly zone: string | undefined
}
export interface Balancer {
  pick(endpoints: readonly Endpoint[], exchange: Exchange): Endpoint | undefined
}
/** A named set of endpoints with a balancer. */
export interface Upstream extends Resource {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly call: Handler
}
export type { Context }
