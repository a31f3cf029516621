import type { HttpBinding } from './binding.ts'
import type { Exchange, RequestHead } from './exchange.ts'
import type { Handler } from './handler.ts'
import type { Codec } from './message.ts'
import type { JsonOptions, Operation } from './schema.ts'
import type { Snapshot } from './snapshot.ts'

export type StreamFormat = 'ndjson' | 'array' | 'sse'

/** What stands behind a route: an RPC, plain HTTP (also `respond` and `redirect`), WebSocket frames, or an opaque byte tunnel. */
export type RouteTarget = 'rpc' | 'http' | 'frames' | 'tunnel'

/** What a route says beside its handler: read by the inbound adapters. Sizes in bytes, times in ms; Infinity = none. */
export interface RouteSettings {
  /** JSON form of requests and replies of this route (its `json` and `response_body`). */
  readonly requestCodec: Codec
  readonly replyCodec: Codec
  /** What `replyCodec` was made of; undefined where replies are not JSON. A client may ask for a reply with other options. */
  readonly replyJson: JsonOptions | undefined
  readonly timeout: number
  /** Longest silence of a stream, in both directions together. */
  readonly idleTimeout: number
  readonly maxBodyBytes: number
  readonly maxMessageBytes: number
  readonly stream: StreamFormat
  /** Names of headers that become gRPC metadata, and of reply metadata that become headers; undefined: all (proxies). */
  readonly forwardRequest: ReadonlySet<string> | undefined
  readonly forwardResponse: ReadonlySet<string> | undefined
  /** A policy of the route declares `needs: 'body'`: collect the body before dispatch. */
  readonly needsBody: boolean
  readonly target: RouteTarget
}

export interface Route {
  /** Stable over reloads of an unchanged configuration; label of logs and metrics. */
  readonly id: string
  /** As the user wrote it: `/v1/books/{id}`. `http_route` of the metrics. */
  readonly template: string
  /** Upper case or `*`; `WS` for a `ws: true` route. */
  readonly method: string
  readonly operation: Operation
  readonly binding: HttpBinding | undefined
  readonly settings: RouteSettings
  readonly handler: Handler
  /** The guard policies alone: no target, no limits; throws. */
  readonly guard: (exchange: Exchange) => void | Promise<void>
  /** What people are told of it: where calls go (upstreams, `mock`, `redirect`, `respond`), names of its guard policies. */
  readonly about?: { readonly target: string; readonly guards: readonly string[] }
}

/**
 * `find` always answers. A miss is the snapshot's fallback route: gateway policies around a handler that throws 400, 404 or 405
 * with `Allow`, so that CORS, logs, metrics and limits see misses too.
 */
export interface RouteMatch {
  readonly route: Route
  /** Raw captures (percent-encoded), in the order of the template's variables; for a prefix route the rest of the path. */
  readonly params: readonly string[]
  readonly snapshot: Snapshot
  readonly miss: Miss | undefined
}
export interface Miss {
  readonly httpStatus: 400 | 404 | 405
  readonly allow: readonly string[]
}

export interface Router {
  find(head: RequestHead, upgrade: boolean): RouteMatch
  /** By `package.Service/Method`, for inbound protocols that name the method. */
  findOperation(name: string): RouteMatch | undefined
  readonly routes: readonly Route[]
}
