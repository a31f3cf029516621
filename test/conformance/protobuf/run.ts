/**
 * The protobuf conformance suite: `npm run conformance:json -- [--testee protogate|gateway|protobufjs|protobuf-es|all] [--lane LANE]`.
 * Ends with 1 when a testee of ours fails a test. `--prepare` fetches what the runner needs and runs nothing. With `all`,
 * `--write` puts the figures into docs/conformance.md and `--check` ends with 1 when others stand there.
 */
import { parseArgs } from 'node:util'
import { document, gatewayTable, libraryTable } from './document.ts'
import { type Figures, LEVELS, PARTS, sum } from './figures.ts'
import { LANES } from './lanes.ts'
import { runSuite } from './run-suite.ts'
import { prepareRunner } from './runner.ts'
import { TESTEES } from './testees.ts'

/** Failures of the others are figures, no faults. */
const OURS: readonly string[] = [...LANES, 'gateway']
const SHOWN = 40

const chosen = (testee: string, lane: string | undefined): readonly string[] => {
  if (testee === 'all') return Object.keys(TESTEES)
  if (testee !== 'protogate') return [testee]
  return lane === undefined ? LANES : [lane]
}

const main = async (): Promise<boolean> => {
  const { values } = parseArgs({
    options: {
      testee: { type: 'string', default: 'protogate' },
      lane: { type: 'string' },
      prepare: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  })
  const documented = values.write || values.check
  const names = chosen(documented ? 'all' : values.testee, values.lane)
  for (const name of names)
    if (!Object.hasOwn(TESTEES, name))
      throw new Error(
        `there is no ${JSON.stringify(name)}: ${[...Object.keys(TESTEES), 'protogate', 'all'].join(', ')}`,
      )
  const runner = await prepareRunner()
  if (values.prepare) return true
  const results = new Map<string, Figures>()
  for (const name of names) {
    const figures = await runSuite(runner, name)
    results.set(name, figures)
    print(name, figures)
  }
  const passed = names.every((name) => !OURS.includes(name) || results.get(name)!.failures.length === 0)
  if (!documented) return passed
  const tables = { libraries: libraryTable(results), gateway: gatewayTable(results.get('gateway')!) }
  const fresh = document(tables, values.write)
  if (!fresh) console.log(values.write ? 'docs/conformance.md is written' : 'docs/conformance.md has other figures')
  return passed && (fresh || values.write)
}

const print = (name: string, { counts, failures, handedOver }: Figures): void => {
  for (const failure of failures.slice(0, SHOWN)) console.log(`${name}: ${failure}`)
  if (failures.length > SHOWN) console.log(`${name}: … and ${failures.length - SHOWN} more`)
  const parts = PARTS.map((part) => {
    const { passed, failed, skipped } = sum(LEVELS.map((level) => counts[part][level]))
    return `${part}: ${passed} passed, ${failed} failed, ${skipped} skipped`
  })
  if (handedOver !== undefined) parts.push(`${handedOver.count} of ${handedOver.of} messages made by the reference`)
  console.log(`${name.padEnd(12)} ${parts.join('; ')}`)
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
