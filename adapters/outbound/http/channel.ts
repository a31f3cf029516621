import type { Pool } from 'undici'
import { type Channel, type Clock, type Exchange, errors, type Reply } from '../../../src/spi.ts'
import { HttpCall } from './call.ts'
import { closed } from './errors.ts'

export interface ChannelInit {
  /** Put before every path; no final `/`. */
  readonly basePath: string
  /** ms */
  readonly connectTimeout: number
  readonly pool: Pool
  readonly clock: Clock
}

/** The connections to one HTTP backend. */
export class HttpChannel implements Channel {
  readonly init: ChannelInit
  readonly #calls = new Set<HttpCall>()
  #stopped = false

  constructor(init: ChannelInit) {
    this.init = init
    // undici tells every request as well; without a listener nothing is lost.
    init.pool.setMaxListeners(0)
  }

  readonly call = (exchange: Exchange): Promise<Reply> => {
    if (exchange.match.route.operation.shape !== 'bytes')
      throw errors.unimplemented('the backend speaks HTTP and cannot take an RPC', {
        reason: 'UPSTREAM_PROTOCOL',
      })
    if (exchange.head.method === 'CONNECT')
      throw errors.methodNotAllowed('CONNECT is not passed on', { httpStatus: 405 })
    if (this.#stopped) throw closed()
    const call = new HttpCall(this.init, exchange, () => this.#calls.delete(call))
    this.#calls.add(call)
    return call.run()
  }

  /** Calls in flight end with UNAVAILABLE; sockets are closed when it resolves. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    for (const call of [...this.#calls]) call.fail(closed())
    await this.init.pool.destroy()
  }
}
