/** `npm run bench`: what a request costs in a running gateway, beside Envoy and grpc-gateway. See bench/README.md. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chosen, wholeNumber } from '../lib/options.ts'
import { writeSection } from '../lib/report.ts'
import { type Backends, type ContenderName, startBackends, startContender } from './contenders.ts'
import { checkAnswer, loadGenerator, measure, type Sample, warmUp } from './load.ts'
import { cpuTimeOf, machineTime, type Server } from './processes.ts'
import { type Measured, markdown } from './report.ts'
import { installed, setUp, versions } from './setup.ts'
import { PEERS, type Peer, WORKLOADS, type Workload } from './workloads.ts'

const NAMES = WORKLOADS.map(({ name }) => name)
const USAGE = `npm run bench -- [options]
  --setup            install and build backend and peers into the cache folder, once
  --only A,B         workloads: ${NAMES.join(', ')}
  --peers A,B        ${PEERS.join(', ')}; none: Protogate alone
  --rounds N         rounds, in each of which everybody has a turn (3)
  --seconds N        seconds of load of a turn (2)
  --warm N           seconds of load before it; before the first round everybody has twice as much (1)
  --profile FOLDER   a CPU profile of Protogate
  --keep             leave the folder with logs and configurations
  --write            put the tables into docs/performance.md`

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean', default: false },
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    warm: { type: 'string', default: '1' },
    profile: { type: 'string' },
    keep: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

interface Running extends Measured {
  readonly samples: Map<ContenderName, Sample[]>
}

const say = (line: string): void => console.error(line)
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const main = async (): Promise<number> => {
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  if (options.setup) {
    const failures = setUp(say)
    for (const failure of failures) say(failure)
    return failures.length === 0 ? 0 : 1
  }
  if (process.platform !== 'linux') throw new Error('CPU time of other processes is read from /proc: this needs Linux')
  if (!existsSync(installed.backend)) throw new Error('the backend is not built: npm run bench -- --setup')
  const text = await run()
  console.log(text)
  if (options.write) writeSection('bench:gateway', text)
  return 0
}

const run = async (): Promise<string> => {
  const rounds = wholeNumber('rounds', options.rounds)
  const warmSeconds = wholeNumber('warm', options.warm)
  const workloads = chosen(NAMES, options.only).map((name) => WORKLOADS.find((one) => one.name === name)!)
  const peers = options.peers === 'none' ? [] : chosen(PEERS, options.peers)
  const folder = mkdtempSync(join(tmpdir(), 'protogate-bench-'))
  const remarks: string[] = []
  const servers = new Map<ContenderName, Server>()
  const backend = await startBackends(folder)
  try {
    servers.set('protogate', await startContender('protogate', backend, folder, options.profile))
    for (const peer of peers) await addPeer(peer, backend, folder, servers, remarks)
    const running: Running[] = []
    for (const workload of workloads) running.push(await admit(workload, servers, remarks))
    for (const { workload, samples } of running)
      for (const name of samples.keys()) await warmUp(servers.get(name)!, workload, 2 * warmSeconds, folder)
    const foreignShare = watchOthers()
    for (let round = 0; round < rounds; round++) await measureRound(running, servers, { folder, warmSeconds }, round)
    remarks.push(...disturbance(foreignShare()))
    const how = `${versions()} · ${loadGenerator()} · ${rounds} rounds of ${options.seconds} s`
    return markdown({ measured: running, how, remarks })
  } finally {
    for (const server of [...servers.values(), backend.server]) await server.stop()
    if (options.keep) say(folder)
    else rmSync(folder, { recursive: true, force: true })
  }
}

/** A peer that can not be had is left out, and the report says so. */
const addPeer = async (
  peer: Peer,
  backend: Backends,
  folder: string,
  servers: Map<ContenderName, Server>,
  remarks: string[],
): Promise<void> => {
  try {
    servers.set(peer, await startContender(peer, backend, folder, undefined))
  } catch (error) {
    remarks.push(`${peer} is left out: ${messageOf(error)}`)
  }
}

/** Whoever gives another answer has no part in a workload. Protogate has to give the right one. */
const admit = async (
  workload: Workload,
  servers: ReadonlyMap<ContenderName, Server>,
  remarks: string[],
): Promise<Running> => {
  const samples = new Map<ContenderName, Sample[]>()
  for (const [name, { port, lastWords }] of servers) {
    if (name !== 'protogate' && !workload.peers.includes(name)) continue
    try {
      await checkAnswer(port, workload)
      samples.set(name, [])
    } catch (error) {
      if (name === 'protogate')
        throw new Error(`${workload.name}: ${messageOf(error)}\n${lastWords()}`, { cause: error })
      remarks.push(`${workload.name}: ${name} is left out: ${messageOf(error)}`)
    }
  }
  return { workload, samples }
}

/** Everybody has a turn at every workload; who begins changes with the round. */
const measureRound = async (
  running: readonly Running[],
  servers: ReadonlyMap<ContenderName, Server>,
  place: { readonly folder: string; readonly warmSeconds: number },
  round: number,
): Promise<void> => {
  const seconds = wholeNumber('seconds', options.seconds)
  for (const { workload, samples } of running) {
    const names = [...samples.keys()]
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round) % names.length]!
      const sample = await measure(servers.get(name)!, workload, { seconds, ...place })
      samples.get(name)!.push(sample)
      say(`round ${round + 1}, ${workload.name}, ${name}: ${sample.us.toFixed(2)} µs`)
    }
  }
}

/** What part of the CPU time from now on goes to processes that have nothing to do with this. */
const watchOthers = (): (() => number) => {
  const own = (): number => {
    const { user, system } = cpuTimeOf(process.pid)
    return user + system
  }
  const [ownBefore, allBefore] = [own(), machineTime()]
  return () => Math.max(0, 1 - (own() - ownBefore) / (machineTime() - allBefore))
}

const disturbance = (share: number): readonly string[] =>
  share > 0.05
    ? [`other processes took ${Math.round(share * 100)} % of the CPU time that was used: believe ratios only`]
    : []

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(messageOf(error))
    process.exit(1)
  },
)
