import type { Clock } from '../../../src/spi.ts'
import { ConnectionError, ErrorCode, FRAME_HEADER } from './frames.ts'
import type { Output } from './output.ts'
import type { Sender } from './sender.ts'

/**
 * Frames that carry nothing which a peer may send in such a time, ms, beyond so many for each frame that carries something: a
 * server of grpc-go pings with every message that it takes, to measure.
 */
const MAX_FRAMES = 10_000
const PERIOD = 10_000
const EACH = 4
/** Bytes of our answers that a peer may leave unread; the longest one answers a ping. */
const MAX_ANSWERS = 4 * 1024 * 1024
const ANSWER = FRAME_HEADER + 8

/** Tells a flood of frames that carry nothing from the few that a busy connection needs. */
export class IdleGuard {
  readonly #clock: Clock
  readonly #out: Output
  readonly #sender: Sender
  #frames = 0
  #since = Number.NEGATIVE_INFINITY
  /** Frames of messages that were sent when an idle frame came last. */
  #sent = 0
  /** Bytes of answers since the output's `turn`. */
  #answers = 0
  #turn = 0

  constructor(clock: Clock, out: Output, sender: Sender) {
    this.#clock = clock
    this.#out = out
    this.#sender = sender
  }

  /** A ping, settings, empty data came. Throws ConnectionError ENHANCE_YOUR_CALM when it is one of too many. */
  idle(): void {
    const { turn } = this.#out
    if (turn !== this.#turn) this.#answers = 0
    this.#turn = turn
    this.#answers += ANSWER
    const { frames } = this.#sender
    this.#frames = Math.max(0, this.#frames - EACH * (frames - this.#sent)) + 1
    this.#sent = frames
    if (this.#frames <= MAX_FRAMES && this.#answers < MAX_ANSWERS) return
    const now = this.#clock.now()
    if (now - this.#since < PERIOD || this.#answers >= MAX_ANSWERS)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a flood of frames that carry nothing')
    this.#frames = 0
    this.#since = now
  }

  /** A frame that carries something makes up for some that do not. */
  useful(): void {
    if (this.#frames > 0) this.#frames = Math.max(0, this.#frames - EACH)
  }
}
