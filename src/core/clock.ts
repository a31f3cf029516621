import type { Resource } from './module.ts'

/** The only source of time outside libraries. Milliseconds, monotonic. */
export interface Clock {
  now(): number
  /** Runs `run` once, not before `ms` have passed; `stop()` takes it back. Coarse: rounded up to the wheel's tick. */
  after(ms: number, run: () => void): Resource
}

const TICK = 5
/** `setTimeout` overflows at 2^31 ms and fires at once; longer waits are cut into pieces of this many ms. */
const LONGEST = 2 ** 30
const DONE = Promise.resolve()

class Timer implements Resource {
  run: (() => void) | undefined
  readonly due: number
  readonly #forget: ((timer: Timer) => void) | undefined
  constructor(due: number, run: () => void, forget?: (timer: Timer) => void) {
    this.due = due
    this.run = run
    this.#forget = forget
  }
  stop(): Promise<void> {
    if (this.run !== undefined) {
      this.run = undefined
      this.#forget?.(this)
    }
    return DONE
  }
  fire(): void {
    const { run } = this
    this.run = undefined
    run?.()
  }
}

/**
 * The deadline wheel: timers of one tick share a bucket, and one `setTimeout` serves them all, so that a call costs a set
 * entry and not a timer of Node's. It never keeps the process alive by itself.
 */
class WheelClock implements Clock {
  readonly #buckets = new Map<number, Set<Timer>>()
  readonly #forget = (timer: Timer): void => {
    const bucket = this.#buckets.get(timer.due)
    if (bucket?.delete(timer) && bucket.size === 0) this.#buckets.delete(timer.due)
  }
  #next = Number.POSITIVE_INFINITY
  #handle: NodeJS.Timeout | undefined

  now(): number {
    return performance.now()
  }

  after(ms: number, run: () => void): Resource {
    const tick = Math.ceil((this.now() + Math.max(0, ms)) / TICK)
    const timer = new Timer(tick, run, this.#forget)
    const bucket = this.#buckets.get(tick)
    if (bucket !== undefined) bucket.add(timer)
    else this.#buckets.set(tick, new Set([timer]))
    if (tick < this.#next) this.#schedule(tick)
    return timer
  }

  #schedule(tick: number): void {
    this.#next = tick
    clearTimeout(this.#handle)
    const wait = Math.min(LONGEST, Math.max(0, tick * TICK - this.now()))
    this.#handle = setTimeout(() => this.#fire(), wait)
    this.#handle.unref()
  }

  #fire(): void {
    const reached = Math.floor(this.now() / TICK)
    const due: Timer[] = []
    let next = Number.POSITIVE_INFINITY
    for (const [tick, bucket] of this.#buckets) {
      if (tick > reached) {
        if (tick < next) next = tick
        continue
      }
      this.#buckets.delete(tick)
      for (const timer of bucket) due.push(timer)
    }
    this.#next = Number.POSITIVE_INFINITY
    if (next !== Number.POSITIVE_INFINITY) this.#schedule(next)
    due.sort((a, b) => a.due - b.due)
    for (const timer of due) {
      try {
        timer.fire()
      } catch (thrown) {
        // As with timers of Node's own: uncaught, and no reason for the others not to run.
        queueMicrotask(() => {
          throw thrown
        })
      }
    }
  }
}

/** The real clock. One for each process is enough. */
export const systemClock = (): Clock => new WheelClock()

/** A clock that stands still until it is told: for tests. `advance` runs what falls due, in order. */
export const testClock = (start = 0): Clock & { advance(ms: number): void; pending(): number } => {
  let time = start
  let timers: Timer[] = []
  return {
    now: () => time,
    after(ms, run) {
      const timer = new Timer(time + Math.max(0, ms), run)
      timers.push(timer)
      return timer
    },
    pending: () => timers.filter((timer) => timer.run !== undefined).length,
    advance(ms) {
      const until = time + ms
      for (;;) {
        timers = timers.filter((timer) => timer.run !== undefined)
        const due = timers.filter((timer) => timer.due <= until).sort((a, b) => a.due - b.due)[0]
        if (due === undefined) break
        timers = timers.filter((timer) => timer !== due)
        time = Math.max(time, due.due)
        due.fire()
      }
      time = until
    },
  }
}
