import { type Column, surroundings, table } from '../lib/report.ts'
import { digits, geometricMean, medianRatio, spread } from '../lib/stats.ts'
import type { Direction } from './child.ts'
import type { ContenderName } from './contenders.ts'
import type { Kind, Size } from './data.ts'

/** One case: what each contender took in each round, in microseconds of CPU time. */
export interface Row {
  readonly kind: Kind
  readonly size: Size
  readonly direction: Direction
  readonly samples: ReadonlyMap<ContenderName, readonly number[]>
  /** Who made something else, and was not timed. */
  readonly refused: ReadonlyMap<ContenderName, string>
}

/**
 * How many times as fast as protobufjs a contender is; undefined where one of them took no part. protobufjs is its usual way,
 * and where that makes another message (well-known types) its own ProtoJSON extension.
 */
const ratioToProtobufjs = (row: Row, name: ContenderName): number | undefined => ratio(row, protobufjsOf(row), name)

const protobufjsOf = ({ samples }: Row): ContenderName => (samples.has('protobufjs') ? 'protobufjs' : 'protojson')

const ratio = ({ samples }: Row, theirs: ContenderName, ours: ContenderName): number | undefined => {
  const [base, own] = [samples.get(theirs), samples.get(ours)]
  return base === undefined || own === undefined ? undefined : medianRatio(base, own)
}

/** Geometric mean over these rows; undefined when no row has both. */
const meanRatio = (
  rows: readonly Row[],
  theirs: (row: Row) => ContenderName,
  ours: ContenderName,
): number | undefined => {
  const ratios = rows.flatMap((row) => ratio(row, theirs(row), ours) ?? [])
  return ratios.length === 0 ? undefined : geometricMean(ratios)
}

/** Rows with the usual way of protobufjs: the extension, which stands in elsewhere, is slower. */
const usualRows = (rows: readonly Row[]): readonly Row[] => rows.filter(({ samples }) => samples.has('protobufjs'))

/**
 * What is not good enough: a geometric mean below `least`, of the rows where protobufjs goes its usual way, and every row that is slower
 * than protobufjs. Empty: all is well.
 */
export const shortcomings = (rows: readonly Row[], name: ContenderName, least: number): readonly string[] => {
  const mean = meanRatio(usualRows(rows), protobufjsOf, name)
  if (mean === undefined) return [`${name} was not measured beside protobufjs`]
  const slow = rows.flatMap((row) => {
    const times = ratioToProtobufjs(row, name)
    if (times === undefined) return [`${title(row)}: not measured`]
    return times < 1 ? [`${title(row)}: ${times.toFixed(2)} times protobufjs`] : []
  })
  return mean < least ? [`geometric mean ${mean.toFixed(2)}, less than ${least}`, ...slow] : slow
}

const title = ({ kind, size, direction }: Row): string => `${kind}, ${size}, ${direction}`

export interface Run {
  readonly rows: readonly Row[]
  readonly names: readonly ContenderName[]
  /** `3 processes × 3 rounds` */
  readonly how: string
}

/** The whole run as Markdown: a table for each direction, the means, who was left out. */
export const markdown = ({ rows, names, how }: Run): string => {
  const parts = [...Map.groupBy(rows, ({ direction }) => direction)].flatMap(([direction, own]) => [
    `**${direction}**, CPU µs for a message: median [least–most]`,
    table(columns(own, names), own),
  ])
  return [...parts, means(rows, names), ...leftOut(rows), `${surroundings()} · ${how}`].join('\n\n')
}

const columns = (rows: readonly Row[], names: readonly ContenderName[]): readonly Column<Row>[] => {
  const took = names.filter((name) => rows.some(({ samples }) => samples.has(name)))
  const times = (theirs: (row: Row) => ContenderName) => (row: Row) => {
    const found = ratio(row, theirs(row), names[0]!)
    return found === undefined ? '' : `${digits(found)}×`
  }
  return [
    { title: 'Data', cell: ({ kind }) => kind },
    { title: 'Size', right: true, cell: ({ size }) => size },
    ...took.map((name) => ({
      title: name,
      right: true,
      cell: ({ samples }: Row) => (samples.has(name) ? spread(samples.get(name)!) : '–'),
    })),
    { title: `${names[0]} vs protobufjs`, right: true, cell: times(protobufjsOf) },
    { title: 'vs protobuf-es', right: true, cell: times(() => 'protobuf-es') },
  ]
}

interface Group {
  readonly name: string
  readonly rows: readonly Row[]
}

const means = (rows: readonly Row[], names: readonly ContenderName[]): string => {
  const directions = [...new Set(rows.map(({ direction }) => direction))]
  const groups: Group[] = [
    ...directions.map((name) => ({ name, rows: rows.filter(({ direction }) => direction === name) })),
    { name: 'all', rows },
  ]
  const usual = usualRows(rows)
  if (usual.length > 0 && usual.length < rows.length)
    groups.push({ name: 'all where protobufjs goes its usual way', rows: usual })
  const cell = (theirs: (row: Row) => ContenderName, name: ContenderName) => (group: Group) => {
    const mean = meanRatio(group.rows, theirs, name)
    return mean === undefined ? '–' : `${mean.toFixed(2)}×`
  }
  const own = names.filter((name) => OURS.includes(name))
  return [
    'Geometric means of how many times as fast:',
    table<Group>(
      [
        { title: 'Rows', cell: (group) => group.name },
        ...own.flatMap((name) => [
          { title: `${name} vs protobufjs`, right: true, cell: cell(protobufjsOf, name) },
          { title: 'vs protobuf-es', right: true, cell: cell(() => 'protobuf-es', name) },
        ]),
      ],
      groups,
    ),
  ].join('\n\n')
}
const OURS: readonly ContenderName[] = ['compiled', 'closures', 'reference']

/** One line for each contender, with the data that it concerns. */
const leftOut = (rows: readonly Row[]): readonly string[] => {
  const found = new Map<ContenderName, Set<string>>()
  for (const { kind, refused } of rows)
    for (const name of refused.keys()) found.set(name, (found.get(name) ?? new Set()).add(kind))
  return [...found].map(([name, kinds]) => {
    const reason = rows.flatMap(({ refused }) => refused.get(name) ?? [])[0]
    return `${name} is not timed with ${[...kinds].join(', ')}: it makes another message (${reason}).`
  })
}
