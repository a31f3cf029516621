import { type EndpointChanged, endpointChanged } from '../core/channels.ts'
import type { Resource } from '../core/module.ts'
import type { Endpoint } from '../core/snapshot.ts'

export interface EndpointStates extends Resource {
  /** The last news of this endpoint was a failure. */
  isFailed(endpoint: Endpoint): boolean
}

/** Remembers which endpoints have failed and not recovered, for `/readyz` and the metrics. Runs until `stop`. */
export const watchEndpoints = (): EndpointStates => {
  const failed = new WeakSet<Endpoint>()
  const onChange = (event: unknown): void => {
    const { kind, endpoint } = event as EndpointChanged
    if (kind === 'failed') failed.add(endpoint)
    else failed.delete(endpoint)
  }
  endpointChanged.subscribe(onChange)
  return {
    isFailed: (endpoint) => failed.has(endpoint),
    stop() {
      endpointChanged.unsubscribe(onChange)
      return Promise.resolve()
    },
  }
}
