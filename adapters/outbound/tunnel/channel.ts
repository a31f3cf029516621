import {
  type Channel,
  type Clock,
  Code,
  type Exchange,
  errors,
  makeStatus,
  type Reply,
  type Status,
  upgrade,
} from '../../../src/spi.ts'
import { TunnelCall } from './call.ts'
import { GuardedProxy } from './proxy.ts'

export interface ChannelInit {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** The `host` that the backend is told. */
  readonly authority: string
  /** Put before every path; without a final `/`. */
  readonly basePath: string
  /** ms until there is a connection. */
  readonly connectTimeout: number
  /** ms from there until the backend has answered. */
  readonly handshakeTimeout: number
  /** Options of `tls.connect`. */
  readonly tls: object
  readonly clock: Clock
}

/** One endpoint. Every tunnel has a connection of its own. */
export class TunnelChannel implements Channel {
  readonly #init: ChannelInit
  readonly #calls = new Set<TunnelCall>()
  #proxy: GuardedProxy | undefined
  #stopped = false

  constructor(init: ChannelInit) {
    this.#init = init
  }

  readonly call = (exchange: Exchange): Promise<Reply> => {
    const taken = exchange.get(upgrade)
    if (taken === undefined)
      throw errors.unimplemented('this upstream serves only upgrades', {
        reason: 'UPSTREAM_PROTOCOL',
      })
    this.#proxy ??= new GuardedProxy()
    const call: TunnelCall = new TunnelCall(this.#init, this.#proxy, exchange, taken, () => this.#calls.delete(call))
    this.#calls.add(call)
    return call.run(this.#stopped ? this.#closed() : undefined)
  }

  /** Tunnels that are open are cut, upgrades in flight fail with UNAVAILABLE. */
  stop(): Promise<void> {
    this.#stopped = true
    for (const call of [...this.#calls]) call.lost(this.#closed())
    return Promise.resolve()
  }

  #closed(): Status {
    return makeStatus(Code.UNAVAILABLE, 'the connection to the backend was closed', { reason: 'DRAINING' })
  }
}
