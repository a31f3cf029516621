import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { typesOf } from '../support/codec.ts'
import { checkBinding, randomBindingCase } from '../support/fuzz/bindings.ts'
import { type Case, checkForeign, checkLanes, type Input, panelOf, randomCase } from '../support/fuzz/cases.ts'
import { made } from '../support/fuzz/choices.ts'
import type { Disagreement } from '../support/fuzz/disagreements/entry.ts'
import { DISAGREEMENTS } from '../support/fuzz/disagreements/index.ts'
import { FAULTS } from '../support/fuzz/faults.ts'
import { differences, type Panel } from '../support/fuzz/foreign.ts'
import type { Planted } from '../support/fuzz/plant.ts'
import * as modules from '../support/fuzz/project-codec.ts'
import { laneProperty, RUNS } from '../support/fuzz/property.ts'

describe('the compiled lane, as program text and as closures', () => {
  test('makes of random messages, spellings and mutations what the reference lane makes of them, errors too', () => {
    fc.assert(laneProperty(modules), { numRuns: RUNS })
  })

  test('does nearly all messages itself that a printer or an encoder writes', () => {
    const sum = { asked: 0, done: 0 }
    const usual = made((choices): Case => {
      const one = randomCase(choices, 4, 0)
      const { reference } = panelOf(one)
      const inputs = one.inputs.flatMap(({ direction, bytes }): Input[] => {
        try {
          const wire = Buffer.from(direction === 'JSON to wire' ? reference.parse(bytes) : bytes)
          const json = Buffer.from(reference.print(wire))
          return [
            { direction: 'JSON to wire', bytes: json },
            { direction: 'wire to JSON', bytes: Buffer.from(reference.parse(json)) },
          ]
        } catch {
          return []
        }
      })
      return { ...one, options: {}, inputs }
    })
    fc.assert(
      fc.property(usual, (one) => {
        const { asked, done } = checkLanes(modules, one)
        for (const direction of ['JSON to wire', 'wire to JSON'] as const) {
          sum.asked += asked[direction]
          sum.done += done[direction]
        }
      }),
      { numRuns: 60, seed: 20261124 },
    )
    expect(sum.done / sum.asked).toBeGreaterThan(0.9)
  })

  test('binds path, query and body as the reference lane does', () => {
    fc.assert(
      fc.property(
        made((choices) => randomBindingCase(choices, 6)),
        checkBinding,
      ),
      { numRuns: 150 },
    )
  })
})

describe('a fault planted into the compiled lane', () => {
  /** The same seed finds the same faults; others find nearly all of them too. */
  const SEED = 4
  const plant = fileURLToPath(new URL('../support/fuzz/plant.ts', import.meta.url))
  const run = promisify(execFile)(process.execPath, [plant, `${SEED}`], { maxBuffer: 1 << 24 })
  const planted = run.then(({ stdout }) =>
    stdout
      .trim()
      .split('\n')
      .map((line): Planted => JSON.parse(line)),
  )

  test.each(FAULTS)('$name', { timeout: 120_000 }, async ({ name, file }) => {
    const found = (await planted).find((one) => one.name === name)
    expect(found?.places, `how often its text stands in ${file}`).toBe(1)
    expect(found?.run, `the run, of ${RUNS}, that finds it`).toBeLessThanOrEqual(RUNS)
  })
})

describe('the reference lane and the foreign ones', () => {
  // A seed of its own: what is new is looked for by `npm run fuzz:json`, and a build does not depend on luck.
  test('agree on random messages, spellings and mutations, or the disagreement is listed', () => {
    const property = fc.property(
      made((choices) => randomCase(choices, 3, 3)),
      (one: Case) => {
        const panel = panelOf(one)
        for (const input of one.inputs) checkForeign(panel, one.schema, input)
      },
    )
    fc.assert(property, { numRuns: 120, seed: 20261124 })
  })

  test('every disagreement has a name of its own', () => {
    expect(new Set(DISAGREEMENTS.map(({ name }) => name)).size).toBe(DISAGREEMENTS.length)
  })

  const listed = DISAGREEMENTS.flatMap((one) => one.who.map((who) => ({ ...one, who, all: one })))
  test.each(listed)('$who: $name', ({ who, all }) => {
    const { panel, input } = exampleOf(all)
    const found = differences(panel, input.direction, input.bytes).find((difference) => difference.who === who)
    expect(found, 'they agree by now: the entry is stale').toBeDefined()
    const leaves = found!.leaves
    const explained =
      all.explains?.(found!) === true ||
      (leaves.length > 0 && leaves.every((leaf) => all.explainsLeaf?.(leaf, found!) === true))
    expect(explained, `the entry does not explain ${found!.ours} against ${found!.theirs}`).toBe(true)
  })
})

const exampleOf = ({ example }: Disagreement): { panel: Panel; input: Input } => {
  const imports = ['any', 'empty', 'struct', 'field_mask', 'timestamp', 'duration']
    .map((name) => `import "google/protobuf/${name}.proto";`)
    .join(' ')
  const { syntax = 'proto3', fields, json, wire } = example
  const schema = `syntax = "${syntax}"; ${imports} package fz; message M0 { ${fields} }`
  const { find, type } = typesOf(schema)
  const input: Input =
    json === undefined
      ? { direction: 'wire to JSON', bytes: Buffer.from(wire!, 'hex') }
      : { direction: 'JSON to wire', bytes: Buffer.from(json) }
  return { panel: panelOf({ schema, type: type('fz.M0'), find }), input }
}
