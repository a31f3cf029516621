import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bindingOf, overlayOf } from '../../../support/codec.ts'
import { lanesOf, legacy, MODES, types } from './bind-lanes.ts'
import { tame, wild } from './bind-requests.ts'

const CASES = [
  ['vec.M', types],
  ['qv.Q', types],
  ['old.Old', legacy],
  ['ed.E', legacy],
] as const

describe.each(MODES)('%s', (mode) => {
  test.each(CASES)('%s: requests of which nothing is unusual are done alone', (name, all) => {
    const type = all.type(name)
    let done = 0
    fc.assert(
      fc.property(tame(type), ({ init, requests }) => {
        const binding = bindingOf(type, init)
        const lanes = lanesOf(all, type, binding, mode)
        for (const { body, ...rest } of requests) {
          const { refused, handedOver } = lanes.run(body, overlayOf(binding, rest))
          expect(refused).toBeUndefined()
          expect(handedOver).toBe(false)
          done++
        }
      }),
      { seed: 20_261_124, numRuns: 300 },
    )
    expect(done).toBeGreaterThan(300)
  })

  test.each(CASES)('%s: whatever comes, it is what the reference lane says', (name, all) => {
    const type = all.type(name)
    const counts = { woven: 0, handedOver: 0, refused: 0 }
    fc.assert(
      fc.property(wild(type), ({ init, requests }) => {
        const binding = bindingOf(type, init)
        const lanes = lanesOf(all, type, binding, mode)
        for (const { body, ...rest } of requests) {
          const { refused, handedOver } = lanes.run(body, overlayOf(binding, rest))
          if (refused !== undefined) counts.refused++
          else if (handedOver) counts.handedOver++
          else counts.woven++
        }
      }),
      { seed: 20_261_125, numRuns: 500 },
    )
    // Of each sort enough to mean something.
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(60)
  })
})
