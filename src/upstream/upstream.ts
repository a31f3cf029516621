import type { Observable } from 'rxjs'
import { type EndpointChanged, endpointChanged } from '../core/channels.ts'
import type { Clock } from '../core/clock.ts'
import { compose, type Handler, type Policy } from '../core/handler.ts'
import type { Log } from '../core/module.ts'
import type { Balancer, Channel, Endpoint, EndpointSpec, Upstream } from '../core/snapshot.ts'
import { errors } from '../core/status.ts'
import { LiveEndpoint } from './endpoint.ts'

export interface UpstreamInit {
  readonly name: string
  /** A fixed list, or the lists that a discovery finds: each replaces the one before. */
  readonly endpoints: readonly EndpointSpec[] | Observable<readonly EndpointSpec[]>
  readonly balancer: Balancer
  /** Around every attempt, the first one outermost. */
  readonly policies: readonly Policy[]
  /**
   * A channel to an address, usually one that other snapshots hold too: its `stop` lets go of it. What it throws for a fixed
   * list goes to the caller of `createUpstream`; for a discovered address it is logged, and the address is left out.
   */
  connect(address: string): Channel
  readonly clock: Clock
  readonly log: Log
}

/** An upstream whose first list of endpoints may still be on its way. */
export interface LiveUpstream extends Upstream {
  /** Resolves with the first list, at once for a fixed one, or when there will be none. A call before it fails with NO_ENDPOINT. */
  readonly ready: Promise<void>
}

/**
 * A named set of endpoints: `call` goes through the policies, picks an endpoint and calls its channel. An endpoint that a new
 * list does not have gets no new calls, and its channel is let go when those in flight are over.
 */
export const createUpstream = (init: UpstreamInit): LiveUpstream => {
  const { name, balancer, log } = init
  const first = Promise.withResolvers<void>()
  const all = new Map<string, LiveEndpoint>()
  const leaving = new Set<LiveEndpoint>()
  let endpoints: readonly LiveEndpoint[] = []
  let stopped = false

  const add = (spec: EndpointSpec): LiveEndpoint => {
    const endpoint = new LiveEndpoint(name, spec, init.connect(spec.address), init.clock)
    all.set(spec.address, endpoint)
    changed('added', endpoint)
    return endpoint
  }
  const changed = (kind: 'added' | 'removed', endpoint: LiveEndpoint): void => {
    const { address } = endpoint
    const event: EndpointChanged = { kind, upstream: name, address, endpoint, detail: undefined }
    if (endpointChanged.hasSubscribers) endpointChanged.publish(event)
  }
  const retire = (endpoint: LiveEndpoint): void => {
    all.delete(endpoint.address)
    leaving.add(endpoint)
    changed('removed', endpoint)
    void endpoint.retire().then(
      () => leaving.delete(endpoint),
      (error: unknown) => notStopped(endpoint, error),
    )
  }
  const notStopped = (endpoint: LiveEndpoint, error: unknown): void =>
    log.warn({ err: error, upstream: name, address: endpoint.address }, 'the channel of an endpoint did not stop')
  const use = (specs: readonly EndpointSpec[], make: (spec: EndpointSpec) => LiveEndpoint | undefined): void => {
    const next: LiveEndpoint[] = []
    for (const spec of merged(specs)) {
      const endpoint = all.get(spec.address) ?? make(spec)
      if (endpoint === undefined) continue
      endpoint.weight = spec.weight
      endpoint.zone = spec.zone
      next.push(endpoint)
    }
    endpoints = next
    for (const endpoint of [...all.values()]) if (!next.includes(endpoint)) retire(endpoint)
    first.resolve()
  }
  const addIfPossible = (spec: EndpointSpec): LiveEndpoint | undefined => {
    try {
      return add(spec)
    } catch (error) {
      log.warn({ err: error, upstream: name, address: spec.address }, 'a discovered endpoint cannot be used')
      return undefined
    }
  }

  const pickAndCall: Handler = (exchange) => {
    const endpoint = balancer.pick(endpoints, exchange)
    if (endpoint === undefined)
      throw errors.unavailable(`upstream ${name} has no endpoint that takes calls`, { reason: 'NO_ENDPOINT' })
    return (endpoint as LiveEndpoint).call(exchange)
  }

  let unsubscribe: (() => void) | undefined
  if (isList(init.endpoints)) {
    try {
      use(init.endpoints, add)
    } catch (error) {
      for (const endpoint of all.values()) retire(endpoint)
      throw error
    }
  } else {
    const subscription = init.endpoints.subscribe({
      next: (specs) => {
        if (!stopped) use(specs, addIfPossible)
      },
      error(error: unknown) {
        log.warn({ err: error, upstream: name }, 'the discovery has failed; the endpoints stay as they are')
        first.resolve()
      },
      complete: () => first.resolve(),
    })
    unsubscribe = () => subscription.unsubscribe()
  }

  return {
    name,
    get endpoints(): readonly Endpoint[] {
      return endpoints
    },
    ready: first.promise,
    call: compose(init.policies, pickAndCall),
    async stop() {
      if (stopped) return
      stopped = true
      unsubscribe?.()
      for (const endpoint of all.values()) changed('removed', endpoint)
      const last = [...all.values(), ...leaving]
      all.clear()
      endpoints = []
      await Promise.all(last.map((endpoint) => endpoint.channel.stop()))
    },
  }
}

const isList = (endpoints: UpstreamInit['endpoints']): endpoints is readonly EndpointSpec[] => Array.isArray(endpoints)

/** An address that is named twice is one endpoint with both weights. */
const merged = (specs: readonly EndpointSpec[]): Iterable<EndpointSpec> => {
  const found = new Map<string, EndpointSpec>()
  for (const spec of specs) {
    const before = found.get(spec.address)
    found.set(spec.address, before === undefined ? spec : { ...spec, weight: before.weight + spec.weight })
  }
  return found.values()
}
