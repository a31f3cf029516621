/**
 * The long fuzz run: mutated inputs through the compiled lane, each checked by the reference lane, some by foreign implementations.
 * `npm run fuzz:json -- --inputs 1000000 --seed 1`. Exit status 1 on any finding: a crash, a hang, a wrong acceptance, another
 * result, growth of memory.
 */
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { DIRECTIONS, type Finding, type Progress } from './session.ts'
import type { Note, Task } from './worker.ts'

const { values } = parseArgs({ options: { seed: { type: 'string' }, inputs: { type: 'string', default: '1000000' } } })
const seed = Number(values.seed ?? Date.now() % 1_000_000_000)
const inputs = Number(values.inputs)
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(inputs) || inputs < 3) {
  console.error('usage: npm run fuzz:json -- [--seed <number>] [--inputs <number of at least 3>]')
  process.exit(2)
}

/** No input may take longer; whoever goes on after that long hangs. */
const HANG_MS = 30_000
/** What garbage collection leaves may differ by so much between the first and the last third. */
const HEAP_GROWTH = 16 * 1024 * 1024
const RSS_GROWTH = 128 * 1024 * 1024

console.log(`fuzz:json: ${inputs} inputs per direction, seed ${seed}`)
const state = new Int32Array(new SharedArrayBuffer(12))
const bytes = new Uint8Array(new SharedArrayBuffer(1 << 20))
const task: Task = { seed, inputs, state, bytes }
const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: task })

const tried = (): string => {
  const length = Math.min(state[2]!, bytes.length)
  return `${DIRECTIONS[state[1]!]}, input ${Buffer.from(bytes.subarray(0, length)).toString('hex')}`
}
const fail = (problem: string): never => {
  console.error(`\nfuzz:json: ${problem}\n  seed ${seed}, ${tried()}`)
  process.exit(1)
}

let seen = -1
let since = performance.now()
const watch = setInterval(() => {
  const now = Atomics.load(state, 0)
  if (now !== seen) {
    seen = now
    since = performance.now()
  } else if (performance.now() - since > HANG_MS) fail(`no end after ${HANG_MS} ms`)
}, 1000)

const mib = (size: number): string => `${(size / 1024 / 1024).toFixed(1)} MiB`
const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`
const memory: { heap: number; rss: number }[] = []

const summary = ({ totals, schemas, disagreements }: Progress, ms: number): void => {
  for (const direction of DIRECTIONS) {
    const total = totals[direction]
    console.log(
      `${direction}: ${total.inputs} inputs, ${percent(total.accepted, total.inputs)} accepted; the compiled lane did ` +
        `${percent(total.done, total.accepted * 2)} of these itself; ${total.foreign} checked by foreign implementations; ` +
        `slowest ${total.slowestMs.toFixed(1)} ms (${total.slowestBytes} bytes: ${total.slowestHex})`,
    )
  }
  console.log(
    `${schemas} schemas in ${(ms / 1000).toFixed(0)} s, ${Math.round((totals['JSON to wire'].inputs / ms) * 1000)} inputs per ` +
      `second and direction, checks included; listed disagreements met: ${disagreements.size}`,
  )
  console.log(
    `after garbage collection, by thirds: ${memory.map(({ heap, rss }) => `heap ${mib(heap)}, rss ${mib(rss)}`).join('; ')}`,
  )
}
const growth = (): string | undefined => {
  const [first, last] = [memory[0], memory.at(-1)]
  if (first === undefined || last === undefined) return undefined
  if (last.heap - first.heap > HEAP_GROWTH) return `the heap grew by ${mib(last.heap - first.heap)}`
  return last.rss - first.rss > RSS_GROWTH ? `the process grew by ${mib(last.rss - first.rss)}` : undefined
}
const show = ({ direction, problem, input, schema }: Finding): void =>
  console.error(`\nFINDING, ${direction}: ${problem}\ninput ${input}\nschema\n${schema}`)

worker.on('message', (note: Note) => {
  if (note.kind === 'memory') memory.push(note)
  else if (note.kind === 'progress') console.log(`… ${note.progress.totals['JSON to wire'].inputs}`)
  else {
    clearInterval(watch)
    summary(note.progress, note.ms)
    note.findings.forEach(show)
    const grown = growth()
    if (grown !== undefined) console.error(`\nFINDING: ${grown}`)
    const clean = note.findings.length === 0 && grown === undefined
    console.log(clean ? 'no finding' : `FAILED, seed ${seed}`)
    process.exitCode = clean ? 0 : 1
  }
})
worker.on('error', (error) => fail(`a crash: ${error.stack}`))
worker.on('exit', (code) => {
  if (code !== 0) fail(`the worker ended with ${code}`)
})
