import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { typesOf, vectorTypes } from '../../../support/codec.ts'
import { checkPrint, damaged, MODES, messageBytes, OPTIONS, randomOf } from '../../../support/compiled-print.ts'
import { EDITION, LEGACY } from '../../../support/legacy-proto.ts'

const vectors = vectorTypes()
const legacy = typesOf(LEGACY)
const edition = typesOf(EDITION)
const CASES = [
  { name: 'vec.M', types: vectors },
  { name: 'old.Old', types: legacy },
  { name: 'ed.E', types: edition },
].map(({ name, types }) => ({ name, type: types.type(name), find: types.find }))

const options = fc.constantFrom(...OPTIONS)
const seed = fc.integer()

describe.each(CASES)('$name', ({ type, find }) => {
  const fieldNames = fc.constantFrom(...type.fields.map(({ name }) => name))
  describe.each(MODES)('%s', (mode) => {
    test('random messages, all of which are done', () => {
      fc.assert(
        fc.property(seed, options, (from, flags) => {
          const wire = messageBytes(randomOf(from), type, { wild: false })
          expect(checkPrint(type, wire, find, mode, flags), wire.toString('hex')).toBe('printed')
        }),
        { numRuns: 1500 },
      )
    })
    test('messages with everything that a wire may have', () => {
      fc.assert(
        fc.property(seed, options, (from, flags) => {
          checkPrint(type, messageBytes(randomOf(from), type, { wild: true }), find, mode, flags)
        }),
        { numRuns: 3000 },
      )
    })
    test('damaged messages', () => {
      fc.assert(
        fc.property(seed, options, fc.boolean(), (from, flags, wild) => {
          const random = randomOf(from)
          checkPrint(type, damaged(random, messageBytes(random, type, { wild })), find, mode, flags)
        }),
        { numRuns: 4000 },
      )
    })
    test('one field of a message', () => {
      fc.assert(
        fc.property(seed, options, fieldNames, fc.boolean(), (from, flags, field, broken) => {
          const random = randomOf(from)
          const wire = messageBytes(random, type, { wild: broken })
          checkPrint(type, broken ? damaged(random, wire) : wire, find, mode, { ...flags, field })
        }),
        { numRuns: 1500 },
      )
    })
  })
})
