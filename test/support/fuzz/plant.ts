/**
 * Plants each fault into a copy of the codec and looks for it with the property. For each a line of JSON comes out. Run by the test
 * as a process of its own, because a copy of a module is there to stay. Arguments: the seed and, if not all, the names.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { FAULTS, type Fault } from './faults.ts'
import { loadCodec } from './lanes.ts'
import { laneProperty, RUNS } from './property.ts'

export interface Planted {
  readonly name: string
  /** How often the text stands in its file. */
  readonly places: number
  /** The run that found it; undefined: nobody did. */
  readonly run: number | undefined
  readonly problem: string
}

const SOURCE = fileURLToPath(new URL('../../../src/', import.meta.url))
Error.stackTraceLimit = 0

const plant = async (fault: Fault, folder: string, seed: number): Promise<Planted> => {
  const { name, file, text, instead } = fault
  for (const part of ['codec', 'core']) cpSync(join(SOURCE, part), join(folder, 'src', part), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const path = join(folder, 'src/codec/compile', file)
  const parts = readFileSync(path, 'utf8').split(text)
  const places = parts.length - 1
  if (places !== 1) return { name, places, run: undefined, problem: '' }
  writeFileSync(path, parts.join(instead))
  const modules = await loadCodec(pathToFileURL(folder).href)
  const found = fc.check(laneProperty(modules), { numRuns: RUNS, seed, endOnFailure: true })
  const problem = found.errorInstance instanceof Error ? found.errorInstance.message : ''
  return { name, places, run: found.failed ? found.numRuns : undefined, problem: problem.slice(0, 300) }
}

const [seed, ...names] = process.argv.slice(2)
const base = mkdtempSync(join(tmpdir(), 'protogate-faults-'))
try {
  for (const [number, fault] of FAULTS.entries()) {
    if (names.length > 0 && !names.includes(fault.name)) continue
    console.log(JSON.stringify(await plant(fault, join(base, `${number}`), Number(seed))))
  }
} finally {
  rmSync(base, { recursive: true, force: true })
}
