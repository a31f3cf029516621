import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { DIRECTIONS, type Finding, type Progress, Session } from './session.ts'

/** What the main thread hands in: the seed, inputs per direction, and memory where it can read what is being tried. */
export interface Task {
  readonly seed: number
  readonly inputs: number
  /** [0] counts inputs, [1] is the direction, [2] the length of the input in `bytes`. */
  readonly state: Int32Array
  readonly bytes: Uint8Array
}
export type Note =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'memory'; readonly third: number; readonly heap: number; readonly rss: number }
  | { readonly kind: 'end'; readonly progress: Progress; readonly findings: readonly Finding[]; readonly ms: number }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

// Most of what is tried is refused, and a stack costs more than everything else.
Error.stackTraceLimit = 0

const { seed, inputs, state, bytes } = workerData as Task
const tell = (note: Note): void => parentPort!.postMessage(note)

const session = new Session(seed, (direction, input) => {
  bytes.set(input.subarray(0, bytes.length))
  state[1] = DIRECTIONS.indexOf(direction)
  state[2] = input.length
  Atomics.add(state, 0, 1)
})
const progress = (): Progress => {
  const { totals, schemas, disagreements } = session
  return { totals, schemas, disagreements }
}
const memory = (third: number): void => {
  collect()
  collect()
  const { heapUsed, rss } = process.memoryUsage()
  tell({ kind: 'memory', third, heap: heapUsed, rss })
}

const start = performance.now()
let third = 1
let told = start
for (;;) {
  const left = inputs - session.totals['JSON to wire'].inputs
  if (left <= 0 || session.findings.length > 0) break
  session.next(Math.min(left, Math.ceil((inputs * third) / 3) - session.totals['JSON to wire'].inputs))
  if (session.totals['JSON to wire'].inputs >= (inputs * third) / 3) memory(third++)
  if (performance.now() - told > 10_000) {
    told = performance.now()
    tell({ kind: 'progress', progress: progress() })
  }
}
tell({ kind: 'end', progress: progress(), findings: session.findings, ms: performance.now() - start })
