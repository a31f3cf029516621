import { Histogram, type Registry } from 'prom-client'
import { tally } from '../core/attributes.ts'
import type { AttemptEnded, ExchangeEnded } from '../core/channels.ts'
import type { Route } from '../core/router.ts'
import { httpFromStatus } from '../core/status-map.ts'
import { boundedCode, codeLabel, OTHER } from './labels.ts'

/** Those of the OpenTelemetry conventions for HTTP and RPC, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** A histogram keeps about this many label sets; routes and methods that come later are counted under `_OTHER`. */
export const MOST_SERIES = 2000

/** RFC 9110 §9 and RFC 5789. Any other word that a client may invent is `_OTHER`. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']
/** Where nothing was found the label is empty, which in Prometheus is to have none. */
const NO_ROUTE = ''

type Observe = (seconds: number) => void

export interface Durations {
  exchange(ended: ExchangeEnded): void
  attempt(ended: AttemptEnded): void
}

/** The two duration histograms. A finished call costs one map look-up for the series that it belongs to. */
export const createDurations = (registry: Registry): Durations => {
  const http = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of calls from their head to their last byte, in seconds. An accepted WebSocket has the status code 101.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets: BUCKETS,
    registers: [registry],
  })
  const rpc = new Histogram({
    name: 'rpc_client_call_duration_seconds',
    help: 'Duration of calls to gRPC endpoints, each attempt for itself, in seconds.',
    labelNames: ['rpc_method', 'rpc_response_status_code'],
    buckets: BUCKETS,
    registers: [registry],
  })
  const httpSeries = new SeriesCache((method, route, status) =>
    http.labels({ http_request_method: method, http_route: route, http_response_status_code: status }),
  )
  const rpcSeries = new SeriesCache((_method, operation, code) =>
    rpc.labels({ rpc_method: operation, rpc_response_status_code: codeLabel(code) }),
  )

  return {
    exchange({ exchange, status, started, ended }) {
      const { match, head } = exchange
      const code = responseCode(exchange.get(tally)?.httpStatus ?? 0, httpFromStatus(status))
      const template = match.miss === undefined ? match.route.template : NO_ROUTE
      httpSeries.of(match.route, template, METHODS.indexOf(head.method), code)((ended - started) / 1000)
    },
    attempt({ exchange, operation, code, started, ended }) {
      const { route, snapshot } = exchange.match
      if (route.settings.target !== 'rpc') return
      const name = snapshot.schema.operations.has(operation) ? operation : OTHER
      rpcSeries.of(route, name, 0, boundedCode(code))((ended - started) / 1000)
    },
  }
}

/** 0 is unknown: the call ended before anything was written. From 1000 on it is a close code of an accepted WebSocket. */
const responseCode = (written: number, byStatus: number): number => {
  if (written === 0) return byStatus
  return written >= 1000 ? 101 : written
}

/** Series by route object first, then, because a reload makes new route objects, by their labels. */
class SeriesCache {
  readonly #bind: (method: string, name: string, code: number) => { observe: Observe }
  readonly #byRoute = new WeakMap<Route, Map<string, Map<number, Observe>>>()
  readonly #byLabels = new Map<string, Observe>()

  constructor(bind: (method: string, name: string, code: number) => { observe: Observe }) {
    this.#bind = bind
  }

  of(route: Route, name: string, method: number, code: number): Observe {
    const key = method * 1000 + code
    return (
      this.#byRoute.get(route)?.get(name)?.get(key) ?? this.#remember(route, name, key, this.#find(name, method, code))
    )
  }

  #remember(route: Route, name: string, key: number, observe: Observe): Observe {
    const names = this.#byRoute.get(route) ?? new Map<string, Map<number, Observe>>()
    const series = names.get(name) ?? new Map<number, Observe>()
    this.#byRoute.set(route, names.set(name, series.set(key, observe)))
    return observe
  }

  #find(name: string, method: number, code: number): Observe {
    const word = METHODS[method] ?? OTHER
    const known = this.#byLabels.get(`${word} ${code} ${name}`)
    if (known !== undefined) return known
    const kept = this.#byLabels.size < MOST_SERIES ? name : OTHER
    const key = `${word} ${code} ${kept}`
    const observe = this.#byLabels.get(key) ?? this.#bind(word, kept, code).observe
    this.#byLabels.set(key, observe)
    return observe
  }
}
