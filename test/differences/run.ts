/**
 * `npm run differences`: Protogate beside a live Envoy and grpc-gateway.
 *
 *   --seed N     another choice of requests (default 1)
 *   --pairs N    requests of each feature (default 400)
 *   --only A,B   these features alone
 *
 * 1. `setup/install.ts` puts Envoy (PyPI) and a grpc-gateway with our rules (Go modules) into PROTOGATE_CACHE, by default `protogate` in
 *    the user's cache folder. Python 3 with venv and Go are needed. The first run takes some minutes, later ones seconds.
 * 2. `proto/` has the rules, `pairs/` makes requests to them, feature by feature, the same ones for the same seed.
 * 3. `peers/` starts the three, each in front of a backend of its own that keeps what it gets, and starts anew what a request has killed.
 * 4. `compare.ts` says where two outcomes part ways, `classes/` to which named difference that belongs.
 * 5. `switches.ts` tries the switches of Protogate that the classes name; `report/` writes docs/differences.md.
 *
 * Exit code 1: a disagreement without a class, a class that nothing showed, a switch that does not do what it says, or a peer that can not
 * be had. The document is written by a whole run with the default seed and number alone.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { DIFFERENCES } from './classes/index.ts'
import { type Compared, comparePair, PEERS } from './compared.ts'
import { FEATURES, makePairs } from './pairs/index.ts'
import { encoder } from './pairs/replies.ts'
import { type Peers, startPeers } from './peers/index.ts'
import { outcomeLine, requestLine } from './report/answers.ts'
import { writeReport } from './report/index.ts'
import { type Installed, install } from './setup/install.ts'
import { trySwitches } from './switches.ts'

const DOCUMENT = fileURLToPath(new URL('../../docs/differences.md', import.meta.url))
const DEFAULTS = { seed: '1', pairs: '400' }

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: DEFAULTS.seed },
      pairs: { type: 'string', default: DEFAULTS.pairs },
      only: { type: 'string' },
    },
  })
  const seed = Number(values.seed)
  const whole = values.only === undefined && values.seed === DEFAULTS.seed && values.pairs === DEFAULTS.pairs
  const installed = install(say)
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(installed.descriptors)))
  const services = [...registry].filter(({ kind }) => kind === 'service').map(({ typeName }) => typeName)
  const names = values.only?.split(',') ?? Object.keys(FEATURES)
  say(`seed ${seed}, ${values.pairs} requests for each of ${names.length} features`)

  const peers = await startPeers(installed, services)
  stopAtSignals(peers)
  let compared: Compared[]
  try {
    compared = await runFeatures(names, seed, Number(values.pairs), peers, registry)
  } finally {
    await peers.stop()
  }
  return judge(compared, whole, seed, installed, registry)
}

const runFeatures = async (
  names: readonly string[],
  seed: number,
  count: number,
  peers: Peers,
  registry: FileRegistry,
): Promise<Compared[]> => {
  const encode = encoder(registry)
  const all: Compared[] = []
  for (const name of names) {
    const own: Compared[] = []
    for (const pair of makePairs(name, seed, count, encode)) own.push(await comparePair(peers, pair, registry))
    const agreeing = PEERS.map((peer) => `${peer} ${own.filter((one) => one.disagreements[peer] === undefined).length}`)
    say(`${name.padEnd(36)} ${own.length} requests, agree: ${agreeing.join(', ')}`)
    all.push(...own)
  }
  return all
}

const judge = async (
  compared: readonly Compared[],
  whole: boolean,
  seed: number,
  installed: Installed,
  registry: FileRegistry,
): Promise<number> => {
  const unclassified = compared.filter((one) => PEERS.some((peer) => isUnexplained(one, peer)))
  for (const one of unclassified) tellUnclassified(one)
  const shown = new Set(compared.flatMap((one) => PEERS.map((peer) => one.disagreements[peer]?.class)))
  const stale = whole ? DIFFERENCES.filter((difference) => !shown.has(difference)) : []
  for (const { id } of stale) complain(`no request showed the class "${id}": correct it, or take it out`)
  const wrong = await trySwitches(compared, installed.protos, registry)
  for (const line of wrong) complain(line)
  if (unclassified.length + stale.length + wrong.length > 0) return 1
  if (whole) {
    writeFileSync(DOCUMENT, writeReport({ seed, versions: installed.versions, compared, registry }))
    say(`${DIFFERENCES.length} classes; wrote ${DOCUMENT}`)
  } else say('every disagreement has a class; docs/differences.md is left as it is')
  return 0
}

const isUnexplained = ({ disagreements }: Compared, peer: (typeof PEERS)[number]): boolean =>
  disagreements[peer] !== undefined && disagreements[peer].class === undefined

const tellUnclassified = (one: Compared): void => {
  const shapes = PEERS.filter((peer) => isUnexplained(one, peer)).map(
    (peer) => `${peer}: ${one.disagreements[peer]!.shape}`,
  )
  complain(`unclassified ${one.pair.feature}, tag "${one.pair.tag}", ${shapes.join(', ')}\n  ${requestLine(one.pair)}`)
  complain(`  Protogate     ${outcomeLine(one.ours)}`)
  for (const peer of PEERS) complain(`  ${peer.padEnd(13)} ${outcomeLine(one.theirs[peer])}`)
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const stopAtSignals = (peers: Peers): void => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      void peers.stop().finally(() => process.exit(code))
    })
}

process.exitCode = await main().catch((error: unknown) => {
  complain(error instanceof Error ? error.message : String(error))
  return 1
})
