import { type Column, surroundings, table } from '../lib/report.ts'
import { digits, median, medianRatio, spread } from '../lib/stats.ts'
import type { ContenderName } from './contenders.ts'
import type { Sample } from './load.ts'
import { PEERS, type Workload } from './workloads.ts'

export interface Measured {
  readonly workload: Workload
  readonly samples: ReadonlyMap<ContenderName, readonly Sample[]>
}

export interface Run {
  readonly measured: readonly Measured[]
  /** Versions of the peers, load generator, rounds. */
  readonly how: string
  /** Who was left out, and other things to know before a figure is believed. */
  readonly remarks: readonly string[]
}

export const markdown = ({ measured, how, remarks }: Run): string =>
  [
    ...measured.filter(({ samples }) => samples.size > 0).map(section),
    [`${surroundings()} · ${how}`, ...remarks, ...idle(measured)].map((line) => `- ${line}`).join('\n'),
  ].join('\n\n')

type Entry = readonly [ContenderName, readonly Sample[]]

const section = ({ workload, samples }: Measured): string => {
  const unit = workload.messages === undefined ? 'request' : 'message'
  const middle = (own: readonly Sample[], of: (sample: Sample) => number): number => median(own.map(of))
  const peers = PEERS.filter((peer) => samples.has(peer))
  const columns: readonly Column<Entry>[] = [
    { title: 'Gateway', cell: ([name]) => name },
    { title: `CPU µs a ${unit}`, right: true, cell: ([, own]) => spread(own.map(({ us }) => us)) },
    {
      title: 'user + system',
      right: true,
      cell: ([, own]) => `${digits(middle(own, ({ user }) => user))} + ${digits(middle(own, ({ system }) => system))}`,
    },
    {
      title: `${unit}s a second`,
      right: true,
      cell: ([, own]) => middle(own, ({ perSecond }) => perSecond).toFixed(0),
    },
    { title: 'busy', right: true, cell: ([, own]) => middle(own, ({ busy }) => busy).toFixed(2) },
    ...peers.map((peer) => ({
      title: `of ${peer}`,
      right: true,
      cell: ([, own]: Entry) => `${share(own, samples.get(peer)!).toFixed(2)}×`,
    })),
  ]
  return `**${workload.title}**\n\n${table(columns, [...samples])}`
}

const share = (own: readonly Sample[], base: readonly Sample[]): number =>
  medianRatio(
    own.map(({ us }) => us),
    base.map(({ us }) => us),
  )

/** A gateway that waits for its load batches less, and looks dearer than it is. */
const idle = (measured: readonly Measured[]): readonly string[] => {
  const found = measured.flatMap(({ workload, samples }) =>
    [...samples].flatMap(([name, own]) => {
      const busy = median(own.map((sample) => sample.busy))
      return busy < 0.9 ? [`${workload.name} ${name} ${busy.toFixed(2)}`] : []
    }),
  )
  return found.length === 0
    ? []
    : [`not busy all the time, so a little dearer than under full load: ${found.join(', ')}`]
}
