import type { SecureContextOptions } from 'node:tls'
import {
  type Channel,
  type Clock,
  Code,
  type Exchange,
  errors,
  makeStatus,
  type Reply,
  type Status,
} from '../../../src/spi.ts'
import { WsCall } from './call.ts'

export interface ChannelInit {
  /** `ws://host:port` */
  readonly origin: string
  /** Put before every path; without a final `/`. */
  readonly basePath: string
  /** ms until there is a connection. */
  readonly connectTimeout: number
  /** ms from there until the backend has answered. */
  readonly handshakeTimeout: number
  readonly maxMessageBytes: number
  readonly tls: SecureContextOptions & { readonly servername?: string }
  readonly clock: Clock
}

/** One endpoint. Every call has a connection of its own. */
export class WsChannel implements Channel {
  readonly #init: ChannelInit
  readonly #calls = new Set<WsCall>()
  #stopped = false

  constructor(init: ChannelInit) {
    this.#init = init
  }

  readonly call = (exchange: Exchange): Promise<Reply> => {
    const { shape } = exchange.match.route.operation
    if (shape !== 'bidi')
      throw errors.unimplemented('the backend speaks WebSocket and serves only routes with "ws": true', {
        reason: 'UPSTREAM_PROTOCOL',
      })
    const call: WsCall = new WsCall(this.#init, exchange, () => this.#calls.delete(call))
    this.#calls.add(call)
    return call.run(this.#stopped ? this.#closed() : undefined)
  }

  /** Calls in flight end with UNAVAILABLE. */
  stop(): Promise<void> {
    this.#stopped = true
    for (const call of [...this.#calls]) call.lost(this.#closed())
    return Promise.resolve()
  }

  #closed(): Status {
    return makeStatus(Code.UNAVAILABLE, 'the connection to the backend was closed', { reason: 'DRAINING' })
  }
}
