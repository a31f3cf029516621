import type { Resource } from './module.ts'

/** A hold on a shared resource. `release` may be called twice; the last holder's release stops it. */
export interface Lease<T extends Resource> {
  readonly value: T
  release(): Promise<void>
}

interface Held {
  readonly value: Resource
  holders: number
}

/**
 * Resources by key, counted over their holders: what two snapshots both need (connections, limits, caches) is made once and
 * lives until the last of them lets go.
 */
export class SharedResources {
  readonly #held = new Map<string, Held>()

  get size(): number {
    return this.#held.size
  }

  acquire<T extends Resource>(key: string, make: () => T): Lease<T> {
    let held = this.#held.get(key)
    if (held === undefined) {
      held = { value: make(), holders: 0 }
      this.#held.set(key, held)
    }
    held.holders++
    let open = true
    return {
      value: held.value as T,
      release: async () => {
        if (!open) return
        open = false
        held.holders--
        if (held.holders > 0) return
        if (this.#held.get(key) === held) this.#held.delete(key)
        await held.value.stop()
      },
    }
  }
}
