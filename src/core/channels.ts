import diagnostics from 'node:diagnostics_channel'
import type { Exchange, LiveExchange } from './exchange.ts'
import type { Endpoint, Snapshot } from './snapshot.ts'
import type { Status } from './status.ts'

/**
 * What core publishes. Logs, metrics, traces and taps subscribe; core imports none of them. Times are monotonic ms.
 * The channels belong to the process: a subscriber of one gateway among several tells its own by the snapshot (of
 * `exchange.match`, or of the event) or by the endpoint object.
 */
export interface ExchangeStarted {
  readonly exchange: LiveExchange
  readonly started: number
}
export interface ExchangeEnded {
  readonly exchange: LiveExchange
  readonly status: Status
  readonly started: number
  readonly ended: number
}
export interface SnapshotChanged {
  readonly kind: 'loaded' | 'refused' | 'released'
  readonly revision: number
  /** The one that `kind` speaks of; of a refusal the one that goes on serving, undefined when there is none yet. */
  readonly snapshot: Snapshot | undefined
  /** Of a refusal: the rendered problems. */
  readonly problems: readonly string[]
}
export interface EndpointChanged {
  readonly kind: 'added' | 'removed' | 'failed' | 'healthy'
  readonly upstream: string
  readonly address: string
  readonly endpoint: Endpoint
  readonly detail: string | undefined
}
/** One call to an endpoint: an attempt of the exchange. */
export interface AttemptEnded {
  readonly exchange: Exchange
  readonly upstream: string
  readonly address: string
  readonly operation: string
  readonly code: number
  readonly started: number
  readonly ended: number
}
/** A request that the listener turned away before any adapter saw it: there is no exchange. */
export interface RequestRefused {
  readonly httpStatus: number
  /** Stable word, as in the answer's ErrorInfo. */
  readonly reason: string
  /** Of the directly connected machine. */
  readonly address: string
  /** The listener that refused, by which a subscriber tells its own gateway's. */
  readonly listener: object
}

export const exchangeStarted = diagnostics.channel('gateway.exchange.start')
export const exchangeEnded = diagnostics.channel('gateway.exchange.end')
export const attemptEnded = diagnostics.channel('gateway.attempt.end')
export const snapshotChanged = diagnostics.channel('gateway.snapshot')
export const endpointChanged = diagnostics.channel('gateway.endpoint')
export const requestRefused = diagnostics.channel('gateway.request.refused')
