import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { typesOf, vectorTypes } from '../../../support/codec.ts'
import { EDITION, LEGACY } from '../../../support/legacy-proto.ts'
import { Lanes } from './parse-lanes.ts'
import { mutate, objectText, picker } from './parse-random.ts'
import { schemaTypes } from './parse-schema.ts'

const own = schemaTypes()
const modern = vectorTypes()
const legacy = typesOf(LEGACY, EDITION)
const lanes = [
  ...['One', 'Optional', 'Many', 'Maps', 'Keyed', 'Either', 'Far'].map(
    (name) => new Lanes(own.type(`p.${name}`), own.find),
  ),
  ...['vec.M', 'qv.Q'].map((name) => new Lanes(modern.type(name), modern.find)),
  ...['old.Old', 'ed.E'].map((name) => new Lanes(legacy.type(name), legacy.find)),
].map((lane): [string, Lanes] => [lane.type.name, lane])

const numbers = fc.array(fc.nat(65_535), { minLength: 40, maxLength: 400, size: 'max' })

describe.each(lanes)('%s', (_, lane) => {
  test('what fits is read', () => {
    let taken = 0
    let over = 0
    fc.assert(
      fc.property(numbers, (entropy) => {
        const result = lane.check(objectText(lane.type, picker(entropy)))
        if (result === 'taken') taken++
        if (result === 'over') over++
      }),
      { numRuns: 300 },
    )
    expect(over).toBe(0)
    // The rest is refused by everybody: entries of a map that are the same after all, a required field is not asked for.
    expect(taken).toBeGreaterThan(200)
  })

  test('what is damaged is read only if the reference reads it, and alike', () => {
    let refused = 0
    fc.assert(
      fc.property(numbers, (entropy) => {
        const pick = picker(entropy)
        const text = Buffer.from(objectText(lane.type, pick))
        if (lane.check(mutate(text, pick)) === 'refused') refused++
      }),
      { numRuns: 1000 },
    )
    expect(refused).toBeGreaterThan(200)
  })
})
