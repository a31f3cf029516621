/**
 * `npm run bench:codec`: JSON bytes to wire bytes and back, Protogate's three lanes beside protobufjs and protobuf-es. See
 * bench/README.md.
 */
import { parseArgs } from 'node:util'
import { chosen, wholeNumber } from '../lib/options.ts'
import { writeSection } from '../lib/report.ts'
import { DIRECTIONS } from './child.ts'
import { CONTENDERS, type ContenderName, loadBench } from './contenders.ts'
import { KINDS, type Kind, SIZES } from './data.ts'
import { Inputs } from './inputs.ts'
import { MeasuringProcess } from './process.ts'
import { markdown, type Row, shortcomings } from './report.ts'

const USAGE = `npm run bench:codec -- [options]
  --only A,B         kinds of data: ${KINDS.join(', ')}
  --sizes A,B        ${SIZES.join(', ')}
  --contenders A,B   ${CONTENDERS.join(', ')}; the first is the one whose ratios are shown
  --processes N      fresh processes for each contender and kind of data, one after the other (2)
  --rounds N         samples in each of them, in turns with the other contenders (3)
  --warm MS          CPU time before the first sample of a case (300)
  --sample MS        CPU time of a sample (25)
  --together         one process for all contenders and all data: everybody's types are in everybody's way
  --profile FOLDER   a CPU profile of every process
  --check            exit code 1 unless the geometric mean over protobufjs is at least 3 and no row is below 1
  --write            put the tables into docs/performance.md`

const TARGET = 3

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    sizes: { type: 'string' },
    contenders: { type: 'string' },
    processes: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    warm: { type: 'string', default: '300' },
    sample: { type: 'string', default: '25' },
    together: { type: 'boolean', default: false },
    profile: { type: 'string' },
    check: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

interface Case extends Row {
  readonly samples: Map<ContenderName, number[]>
  readonly refused: Map<ContenderName, string>
}

const plan = {
  kinds: chosen(KINDS, options.only),
  sizes: chosen(SIZES, options.sizes),
  names: chosen(CONTENDERS, options.contenders),
  processes: wholeNumber('processes', options.processes),
  rounds: wholeNumber('rounds', options.rounds),
  warmMs: wholeNumber('warm', options.warm),
  sampleMs: wholeNumber('sample', options.sample),
}

const makeCases = (): readonly Case[] =>
  DIRECTIONS.flatMap((direction) =>
    plan.kinds.flatMap((kind) =>
      plan.sizes.map((size) => ({ kind, size, direction, samples: new Map(), refused: new Map() })),
    ),
  )

/** Takes one sample, in the first round of a process after a look at the result: who makes something else is not timed. */
const sample = async (one: Case, name: ContenderName, child: MeasuringProcess, inputs: Inputs, first: boolean) => {
  if (one.refused.has(name)) return
  const { kind, size, direction } = one
  const question = { name, kind, size, direction }
  if (first) {
    const answer = await child.ask({ ...question, measure: undefined })
    const fault = 'made' in answer ? inputs.fault(kind, size, direction, answer.made) : failureOf(answer)
    if (fault !== undefined) {
      one.refused.set(name, fault)
      one.samples.delete(name)
      return
    }
  }
  // Between two samples of a case the others of the process were at work.
  const warmMs = first ? plan.warmMs : Math.ceil(plan.warmMs / 10)
  const answer = await child.ask({ ...question, measure: { warmMs, sampleMs: plan.sampleMs } })
  if (!('us' in answer)) throw new Error(`${name}, ${kind}: ${failureOf(answer)}`)
  one.samples.set(name, [...(one.samples.get(name) ?? []), answer.us])
}
const failureOf = (answer: object): string => ('failed' in answer ? String(answer.failed) : 'no result')

/** All rounds of these cases. Whoever begins a turn changes with every round. */
const measure = async (
  cases: readonly Case[],
  inputs: Inputs,
  childOf: (name: ContenderName) => MeasuringProcess,
): Promise<void> => {
  const { names, rounds } = plan
  for (let round = 0; round < rounds; round++)
    for (const one of cases)
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(turn + round) % names.length]!
        await sample(one, name, childOf(name), inputs, round === 0)
      }
}

const apart = async (cases: readonly Case[], inputs: Inputs, kind: Kind): Promise<void> => {
  const started = plan.names.map(async (name) => [name, await start(inputs)] as const)
  const children = new Map(await Promise.all(started))
  try {
    await measure(
      cases.filter((one) => one.kind === kind),
      inputs,
      (name) => children.get(name)!,
    )
  } finally {
    for (const child of children.values()) await child.stop()
  }
}

const together = async (cases: readonly Case[], inputs: Inputs): Promise<void> => {
  const child = await start(inputs)
  try {
    await measure(cases, inputs, () => child)
  } finally {
    await child.stop()
  }
}

const start = (inputs: Inputs): Promise<MeasuringProcess> => MeasuringProcess.start(inputs.folder, options.profile)

const run = async (): Promise<readonly Row[]> => {
  const cases = makeCases()
  const inputs = new Inputs(await loadBench(), plan.kinds, plan.sizes)
  try {
    for (let generation = 1; generation <= plan.processes; generation++) {
      if (options.together) await together(cases, inputs)
      else for (const kind of plan.kinds) await apart(cases, inputs, kind)
      console.error(`${generation} of ${plan.processes} done`)
    }
  } finally {
    inputs.remove()
  }
  return cases
}

const describe = (): string => {
  const { names, processes, rounds } = plan
  const process = processes === 1 ? 'process' : 'processes'
  return options.together
    ? `${processes} ${process} for all contenders and data × ${rounds} rounds`
    : `${processes} ${process} for each of ${names.length} contenders and kind of data × ${rounds} rounds, in turns`
}

const main = async (): Promise<number> => {
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const rows = await run()
  const text = markdown({ rows, names: plan.names, how: describe() })
  console.log(text)
  if (options.write) writeSection('bench:codec', text)
  if (!options.check) return 0
  const found = shortcomings(rows, plan.names[0]!, TARGET)
  for (const line of found) console.error(line)
  return found.length === 0 ? 0 : 1
}

process.exitCode = await main()
