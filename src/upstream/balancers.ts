import type { Balancer, Endpoint } from '../core/snapshot.ts'
import { defineBalancer, z } from '../spi.ts'

/**
 * Each endpoint in its turn, as often as its weight says, and spread evenly: weights 5, 1, 1 give a a b a c a a (the smooth
 * weighted round robin of nginx). An endpoint of weight 0 gets nothing.
 */
export const createRoundRobin = (): Balancer => {
  const credits = new WeakMap<Endpoint, number>()
  return {
    pick(endpoints) {
      let total = 0
      let best: Endpoint | undefined
      let most = Number.NEGATIVE_INFINITY
      for (const endpoint of endpoints) {
        if (endpoint.weight <= 0) continue
        const credit = (credits.get(endpoint) ?? 0) + endpoint.weight
        credits.set(endpoint, credit)
        total += endpoint.weight
        if (credit > most) {
          most = credit
          best = endpoint
        }
      }
      if (best !== undefined) credits.set(best, most - total)
      return best
    },
  }
}

/** The default balancer. */
export const roundRobin = defineBalancer({
  name: 'round-robin',
  config: z.strictObject({}).describe('Each endpoint in its turn, as often as its weight says'),
  create: createRoundRobin,
})
