/**
 * A process that measures: `node --expose-gc child.ts FOLDER`, where FOLDER has the inputs. It answers one question after the other:
 * what a contender makes of an input, or what that costs in CPU time, garbage collection and compiler threads included.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Contender, type ContenderName, loadBench } from './contenders.ts'
import { type Kind, type Size, typeName } from './data.ts'

export const DIRECTIONS = ['JSON → wire', 'wire → JSON'] as const
export type Direction = (typeof DIRECTIONS)[number]

/** What stands in the folder: `inputFile('maps', '2 KB', 'json')`. */
export const inputFile = (kind: Kind, size: Size, form: 'json' | 'wire'): string => `${kind} ${size}.${form}`

export interface Question {
  readonly name: ContenderName
  readonly kind: Kind
  readonly size: Size
  readonly direction: Direction
  /** CPU milliseconds of warming up and of measuring; without, the result itself is asked for. */
  readonly measure: { readonly warmMs: number; readonly sampleMs: number } | undefined
}
/** `sink` depends on every byte count of every result, so that no call can be without effect. */
export type Answer =
  | { readonly us: number; readonly sink: number }
  | { readonly made: Uint8Array }
  | { readonly failed: string }

type Run = (bytes: Buffer) => Uint8Array

interface Job {
  readonly run: Run
  /** Four copies: a call must not profit from having just read the very same memory. */
  readonly inputs: readonly Buffer[]
}

let sink = 0

const repeat = ({ run, inputs }: Job, calls: number): void => {
  for (let call = 0; call < calls; call++) {
    const made = run(inputs[call & 3]!)
    sink ^= made.length ^ made[made.length >> 1]!
  }
}

const cpuMicroseconds = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Calls until `ms` of CPU time are full; what one of them took. */
const fill = (job: Job, ms: number): number => {
  const started = cpuMicroseconds()
  let calls = 0
  let batch = 1
  for (;;) {
    repeat(job, batch)
    calls += batch
    const left = started + ms * 1000 - cpuMicroseconds()
    const each = (ms * 1000 - left) / calls
    if (left <= 0) return each
    batch = Math.max(1, Math.min(batch * 2, Math.ceil(left / each)))
  }
}

const serve = async (folder: string, collect: () => void): Promise<void> => {
  const bench = await loadBench()
  const contenders = new Map<string, Contender>()
  const jobs = new Map<string, Job>()

  const jobOf = ({ name, kind, size, direction }: Question): Job => {
    const type = typeName(kind)
    const contender = contenders.get(name + type) ?? bench.contender(name, type)
    contenders.set(name + type, contender)
    const toWire = direction === 'JSON → wire'
    const input = readFileSync(join(folder, inputFile(kind, size, toWire ? 'json' : 'wire')))
    return {
      run: toWire ? contender.toWire : contender.toJson,
      inputs: Array.from({ length: 4 }, () => Buffer.from(input)),
    }
  }

  const answer = (question: Question): Answer => {
    const key = `${question.name} ${question.kind} ${question.size} ${question.direction}`
    const job = jobs.get(key) ?? jobOf(question)
    jobs.set(key, job)
    if (question.measure === undefined) return { made: job.run(job.inputs[0]!) }
    const about = fill(job, question.measure.warmMs)
    const calls = Math.max(1, Math.ceil((question.measure.sampleMs * 1000) / about))
    collect()
    const started = cpuMicroseconds()
    repeat(job, calls)
    return { us: (cpuMicroseconds() - started) / calls, sink }
  }

  process.on('message', (question: Question) => {
    try {
      process.send!(answer(question))
    } catch (error) {
      process.send!({ failed: error instanceof Error ? error.message : String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
}

if (import.meta.main) {
  const [, , folder] = process.argv
  if (folder === undefined || globalThis.gc === undefined) throw new Error('node --expose-gc child.ts FOLDER')
  await serve(folder, globalThis.gc)
  process.send!('ready')
}
