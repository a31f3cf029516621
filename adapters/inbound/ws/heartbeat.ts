import type { Clock, Resource } from '../../../src/spi.ts'

export interface HeartbeatActions {
  ping(): void
  /** false while the socket is paused: then no answer can be seen. */
  isReading(): boolean
  /** Two answers in a row did not come. */
  dead(): void
}

const MISSES = 2

/**
 * Pings a peer every `interval` ms (Infinity: never) and gives up after two pings without a sign of life. While the socket is
 * paused nothing is counted; but pings go out twice as often, because then only a failing write tells that the peer is gone: the
 * first provokes its reset, the second meets it.
 */
export class Heartbeat {
  readonly #clock: Clock
  readonly #half: number
  readonly #actions: HeartbeatActions
  #timer: Resource | undefined
  #odd = false
  #missed = 0
  #stopped = false
  readonly #tick = (): void => {
    const { ping, isReading, dead } = this.#actions
    this.#odd = !this.#odd
    if (!isReading()) {
      this.#missed = 0
      ping()
    } else if (!this.#odd) {
      if (this.#missed >= MISSES) {
        this.#stopped = true
        dead()
        return
      }
      this.#missed++
      ping()
    }
    if (!this.#stopped) this.#wait()
  }

  constructor(clock: Clock, interval: number, actions: HeartbeatActions) {
    this.#clock = clock
    this.#half = interval / 2
    this.#actions = actions
    if (interval !== Number.POSITIVE_INFINITY) this.#wait()
  }

  /** The peer was heard. */
  alive(): void {
    this.#missed = 0
  }
  stop(): void {
    this.#stopped = true
    void this.#timer?.stop()
    this.#timer = undefined
  }

  #wait(): void {
    this.#timer = this.#clock.after(this.#half, this.#tick)
  }
}
