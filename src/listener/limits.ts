/** What a client may cost before it has said anything useful. Every limit has a default (docs/reference/routes.json `limits`). */
export interface ListenerLimits {
  /** ms for a whole request head, counted from the connection or the end of the request before it. Then 408. */
  readonly headersTimeout: number
  /** Bytes of a request head. Then 431. */
  readonly maxHeaderBytes: number
  /** Lines of a request head. Then 431. */
  readonly maxHeaderLines: number
  /** Sockets at a time; further ones are closed unanswered. */
  readonly maxConnections: number
  /** Requests on one connection; the last answer says `connection: close`. */
  readonly maxRequestsPerConnection: number
  /** ms that a connection may stay open between two requests. Longer than the 60 s of common load balancers. */
  readonly keepAliveTimeout: number
  /** ms without a byte of a body that somebody wants to read. A client that is told to wait is not counted. */
  readonly bodyIdleTimeout: number
}

export const DEFAULT_LIMITS: ListenerLimits = {
  headersTimeout: 10_000,
  maxHeaderBytes: 16 * 1024,
  maxHeaderLines: 100,
  maxConnections: 10_000,
  maxRequestsPerConnection: 100_000,
  keepAliveTimeout: 75_000,
  bodyIdleTimeout: 60_000,
}
