import type { Clock, Resource } from '../../../src/spi.ts'

export interface KeepaliveInit {
  readonly clock: Clock
  /** Between two pings, and how long the answer may take, ms. */
  readonly every: number
  readonly timeout: number
  /** The connection has calls: an idle one is left alone. */
  busy(): boolean
  ping(): void
  /** No answer came in time. */
  dead(): void
}

/** Pings a connection that has calls. One timer for its life: a call costs nothing. */
export class Keepalive {
  readonly #init: KeepaliveInit
  #ping: Resource | undefined
  #pong: Resource | undefined

  constructor(init: KeepaliveInit) {
    this.#init = init
  }

  start(): void {
    const { clock, every, timeout } = this.#init
    this.#ping = clock.after(every, () => {
      if (this.#init.busy()) {
        this.#init.ping()
        this.#pong ??= clock.after(timeout, () => this.#init.dead())
      }
      this.start()
    })
  }
  answered(): void {
    void this.#pong?.stop()
    this.#pong = undefined
  }
  stop(): void {
    void this.#ping?.stop()
    void this.#pong?.stop()
  }
}
