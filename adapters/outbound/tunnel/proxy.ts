import type { ClientRequest, IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { Duplex } from 'node:stream'
import type HttpProxy from 'http-proxy'

const require = createRequire(import.meta.url)

/**
 * http-proxy, loaded when the first tunnel needs it. It takes `util._extend` at load time, which warns (DEP0060) on every first
 * call; for that moment it is given what the deprecation advises. No other warning is touched, and nobody else's.
 */
const load = (): typeof HttpProxy => {
  const util = require('node:util') as { _extend: unknown }
  const { _extend } = util
  util._extend = Object.assign
  try {
    return require('http-proxy') as typeof HttpProxy
  } finally {
    util._extend = _extend
  }
}

export interface Outgoing {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** For `node:https`. */
  readonly tls: object
  /** Raw path with query, exactly as the backend shall see it. */
  readonly path: string
  /** Everything that is sent, `host` and the fields of the upgrade included. */
  readonly headers: NodeJS.Dict<string | string[]>
}

/**
 * One http-proxy behind a guard. Only `ws` of it is ever called. What it gets wrong is taken from it: it answers refusals with a
 * broken head, ends the client's socket on every error, joins paths and drops empty segments, believes `x-forwarded-*`, and
 * forgets its request when the client leaves during the handshake.
 */
export class GuardedProxy {
  readonly #proxy: HttpProxy
  #path = ''
  #created: ClientRequest | undefined

  constructor() {
    const httpProxy = load()
    this.#proxy = httpProxy.createProxyServer({ xfwd: false })
    // Raised between the creation of the request and its end: the last moment at which the path can be set.
    this.#proxy.on('proxyReqWs', (request) => {
      request.path = this.#path
      this.#created = request
    })
    // Every failure is seen on the request and the sockets themselves; without a listener it would be thrown.
    this.#proxy.on('error', () => {})
  }

  /**
   * Sends the upgrade. On 101 `onUpgrade` is asked; when it says true, http-proxy writes the head to `socket` and pipes both ways.
   * Any other answer goes to `onResponse` alone, any error of the request to `onError` alone. Throws what `http.request` throws.
   */
  ws(
    socket: Duplex,
    { secure, host, port, tls, path, headers }: Outgoing,
    events: {
      onUpgrade(response: IncomingMessage, upstream: Duplex): boolean
      onResponse(response: IncomingMessage): void
      onError(error: Error): void
    },
  ): ClientRequest {
    this.#created = undefined
    this.#path = path
    // All that it reads of a request. `url` is never used (`ignorePath`), so it cannot be parsed wrongly.
    const incoming = { method: 'GET', url: '/', headers } as unknown as IncomingMessage
    this.#proxy.ws(
      incoming,
      socket as never,
      undefined,
      {
        target: { protocol: secure ? 'https:' : 'http:', host, hostname: host, port, ...tls } as never,
        agent: false as never,
        ignorePath: true,
        toProxy: true,
        prependPath: false,
        xfwd: false,
        changeOrigin: false,
        // A copy: it is written to.
        ...(secure ? { ssl: { ...tls } } : {}),
      },
      () => {},
    )
    const request = this.#created as ClientRequest | undefined
    if (request === undefined) throw new Error('http-proxy made no request')
    // It has attached its listeners by now. Of them only the one that joins the sockets is kept, and asked for when it is wanted.
    const [join] = request.listeners('upgrade') as ((...args: unknown[]) => void)[]
    request.removeAllListeners('upgrade')
    request.removeAllListeners('response')
    request.removeAllListeners('error')
    request.on('response', events.onResponse)
    request.on('error', events.onError)
    request.on('upgrade', (response, upstream, first) => {
      if (events.onUpgrade(response, upstream)) join?.call(request, response, upstream, first)
    })
    return request
  }
}
