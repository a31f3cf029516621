import type { Clock } from './clock.ts'
import type { Resource } from './module.ts'

/** Watches for silence: `onIdle` runs once when nobody has called `touch` for `ms`. */
export interface IdleWatch extends Resource {
  touch(): void
}

/** `ms` of Infinity watches nothing. A touch costs a clock reading: the timer is set anew only when it fires too early. */
export const watchIdle = (clock: Clock, ms: number, onIdle: () => void): IdleWatch => {
  if (ms === Number.POSITIVE_INFINITY) return { touch() {}, stop: () => Promise.resolve() }
  let last = clock.now()
  let timer: Resource | undefined
  const wait = (left: number): void => {
    timer = clock.after(left, () => {
      const rest = last + ms - clock.now()
      if (rest > 0) wait(rest)
      else onIdle()
    })
  }
  wait(ms)
  return {
    touch() {
      last = clock.now()
    },
    stop: () => timer?.stop() ?? Promise.resolve(),
  }
}
