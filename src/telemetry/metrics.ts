import { Counter, Gauge, Registry } from 'prom-client'
import {
  type AttemptEnded,
  attemptEnded,
  type ExchangeEnded,
  type ExchangeStarted,
  exchangeEnded,
  exchangeStarted,
  type RequestRefused,
  requestRefused,
  type SnapshotChanged,
  snapshotChanged,
} from '../core/channels.ts'
import type { Resource } from '../core/module.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { createDurations } from './durations.ts'
import type { EndpointStates } from './endpoint-states.ts'
import { ExchangeTotals } from './exchange-totals.ts'
import { OPEN_METRICS_TYPE, prefersOpenMetrics, TEXT_TYPE, toOpenMetrics } from './open-metrics.ts'
import { addProcessMetrics } from './process-metrics.ts'

export interface MetricsOptions {
  /** True for the snapshots and listeners of the gateway that is measured: the channels belong to the whole process. */
  owns(part: object): boolean
  /** The snapshot that serves now, undefined before the first. Read at each scrape. */
  snapshot(): Snapshot | undefined
  readonly endpoints: EndpointStates
}

export interface Metrics extends Resource {
  /** The whole page for `/metrics`: text format 0.0.4, or OpenMetrics where `accept` prefers it. */
  render(accept: string | undefined): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * Measures one gateway from now on, in a registry of its own, until `stop`. Names and labels: docs/reference/metrics.md.
 * Calls that were open before it was made are not counted.
 */
export const createMetrics = ({ owns, snapshot, endpoints }: MetricsOptions): Metrics => {
  const registry = new Registry()
  const durations = createDurations(registry)
  const totals = new ExchangeTotals(registry)
  const reloads = addReloads(registry)
  addSnapshotGauges(registry, snapshot, endpoints)
  const ofProcess = addProcessMetrics(registry)

  const onStart = (event: unknown): void => {
    const { exchange } = event as ExchangeStarted
    if (owns(exchange.match.snapshot)) totals.started(exchange)
  }
  const onEnd = (event: unknown): void => {
    const ended = event as ExchangeEnded
    if (!owns(ended.exchange.match.snapshot)) return
    durations.exchange(ended)
    totals.ended(ended)
  }
  const onAttempt = (event: unknown): void => {
    const ended = event as AttemptEnded
    if (!owns(ended.exchange.match.snapshot)) return
    durations.attempt(ended)
    totals.attempted(ended)
  }
  const onSnapshot = (event: unknown): void => {
    const change = event as SnapshotChanged
    if (change.snapshot !== undefined && owns(change.snapshot)) reloads(change)
  }
  const refusals = addRefusals(registry)
  const onRefused = (event: unknown): void => {
    const refused = event as RequestRefused
    if (owns(refused.listener)) refusals(refused)
  }
  requestRefused.subscribe(onRefused)
  exchangeStarted.subscribe(onStart)
  exchangeEnded.subscribe(onEnd)
  attemptEnded.subscribe(onAttempt)
  snapshotChanged.subscribe(onSnapshot)

  return {
    async render(accept) {
      const text = await registry.metrics()
      return prefersOpenMetrics(accept)
        ? { contentType: OPEN_METRICS_TYPE, body: toOpenMetrics(text) }
        : { contentType: TEXT_TYPE, body: text }
    },
    async stop() {
      requestRefused.unsubscribe(onRefused)
      exchangeStarted.unsubscribe(onStart)
      exchangeEnded.unsubscribe(onEnd)
      attemptEnded.unsubscribe(onAttempt)
      snapshotChanged.unsubscribe(onSnapshot)
      await ofProcess.stop()
    },
  }
}

/** Requests that a listener refused: they never became a call and are in no other series. Reasons are a fixed set of words. */
const addRefusals = (registry: Registry): ((refused: RequestRefused) => void) => {
  const total = new Counter({
    name: 'protogate_requests_refused_total',
    help: 'Requests that were refused before they became a call: malformed, too large or too slow heads.',
    labelNames: ['http_response_status_code', 'reason'],
    registers: [registry],
  })
  return ({ httpStatus, reason }) => total.inc({ http_response_status_code: String(httpStatus), reason })
}

const addReloads = (registry: Registry): ((change: SnapshotChanged) => void) => {
  const registers = [registry]
  const total = new Counter({
    name: 'protogate_reloads_total',
    help: 'Configurations that were offered, the first one included, by result: loaded or refused.',
    labelNames: ['result'],
    registers,
  })
  for (const result of ['loaded', 'refused']) total.inc({ result }, 0)
  const successful = new Gauge({
    name: 'protogate_last_reload_successful',
    help: '1 when the configuration that was offered last serves, 0 when it was refused.',
    registers,
  })
  return ({ kind }) => {
    if (kind === 'released') return
    total.inc({ result: kind })
    successful.set(kind === 'loaded' ? 1 : 0)
  }
}

const addSnapshotGauges = (
  registry: Registry,
  snapshot: () => Snapshot | undefined,
  endpoints: EndpointStates,
): void => {
  const registers = [registry]
  const upstreams = () => snapshot()?.upstreams.values() ?? []
  new Gauge({
    name: 'protogate_snapshot_revision',
    help: 'Revision of the configuration that serves; 0 before the first.',
    registers,
    collect() {
      this.set(snapshot()?.revision ?? 0)
    },
  })
  new Gauge({
    name: 'protogate_endpoints',
    help: 'Endpoints of an upstream by state: ok, or failed when the last news of it was a failure.',
    labelNames: ['upstream', 'state'],
    registers,
    collect() {
      this.reset()
      for (const upstream of upstreams()) {
        const failed = upstream.endpoints.filter((endpoint) => endpoints.isFailed(endpoint)).length
        this.set({ upstream: upstream.name, state: 'ok' }, upstream.endpoints.length - failed)
        this.set({ upstream: upstream.name, state: 'failed' }, failed)
      }
    },
  })
  new Gauge({
    name: 'protogate_endpoint_open_calls',
    help: 'Calls that are open at an endpoint.',
    labelNames: ['upstream', 'address'],
    registers,
    collect() {
      this.reset()
      for (const upstream of upstreams())
        for (const { address, inFlight } of upstream.endpoints) this.inc({ upstream: upstream.name, address }, inFlight)
    },
  })
}
