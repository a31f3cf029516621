import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Count, type Figures, LEVELS, PARTS, sum } from './figures.ts'

export const DOCUMENT = fileURLToPath(new URL('../../../docs/conformance.md', import.meta.url))

/** Exact, because package.json pins exactly. */
const { dependencies, devDependencies } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>>
const version = (name: string): string => (dependencies[name] ?? devDependencies[name])!

/** How each testee is called in the tables. */
const TITLES: Readonly<Record<string, string>> = {
  generate: 'Protogate, compiled',
  closures: 'Protogate, compiled to closures',
  reference: 'Protogate, reference',
  protobufjs: `protobufjs ${version('protobufjs')} with \`ext/protojson\``,
  'protobuf-es': `@bufbuild/protobuf ${version('@bufbuild/protobuf')}`,
}

const number = (value: number): string => value.toLocaleString('en-US')
const ran = ({ passed, failed }: Count): number => passed + failed
const score = (count: Count): string => `${number(count.passed)} of ${number(ran(count))}`
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** One line for each testee that reads and writes messages in its own process. */
export const libraryTable = (results: ReadonlyMap<string, Figures>): string => {
  const heads = [
    '',
    'JSON, required',
    'JSON, recommended',
    'binary, required',
    'binary, recommended',
    'failed',
    'skipped',
  ]
  const lines = Object.entries(TITLES).flatMap(([name, title]) => {
    const figures = results.get(name)
    if (figures === undefined) return []
    const { counts } = figures
    const all = sum(PARTS.flatMap((part) => LEVELS.map((level) => counts[part][level])))
    const scores = (['json', 'wire'] as const).flatMap((part) => LEVELS.map((level) => score(counts[part][level])))
    return row([title, ...scores, number(all.failed), number(all.skipped)])
  })
  return [row(heads), `|---${'|--:'.repeat(heads.length - 1)}|`, ...lines].join('\n')
}

/** What of the suite goes through a gateway, and what came of it. */
export const gatewayTable = ({ counts }: Figures): string => {
  const [json, wire, text] = PARTS.map((part) => sum(LEVELS.map((level) => counts[part][level])))
  const lines = [
    ['JSON in or out', json!, 'all of it'],
    [
      'protobuf in and out, broken',
      refusals(wire!),
      'the backend answers with it: an error of the gateway is asked for',
    ],
    ['protobuf in and out, whole', without(wire!, refusals(wire!)), 'not applicable: what comes over HTTP is JSON'],
    ['text format', text!, 'not applicable'],
  ] as const
  const rows = lines.map(([name, count, note]) =>
    row([
      name,
      note,
      number(ran(count) + count.skipped),
      number(count.passed),
      number(count.failed),
      number(count.skipped),
    ]),
  )
  return [row(['', '', 'tests', 'passed', 'failed', 'skipped']), '|---|---|--:|--:|--:|--:|', ...rows].join('\n')
}
const refusals = ({ refused }: Count): Count => ({ passed: refused, failed: 0, skipped: 0, refused })
const without = (all: Count, part: Count): Count => ({ ...all, passed: all.passed - part.passed, refused: 0 })

/** The text of the document with the tables between its marks. Throws when a mark is missing. */
export const withTables = (text: string, tables: Readonly<Record<string, string>>): string => {
  let next = text
  for (const [name, table] of Object.entries(tables)) {
    const [open, close] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`]
    const from = next.indexOf(open)
    const to = next.indexOf(close)
    if (from === -1 || to < from) throw new Error(`docs/conformance.md has no marks for the table "${name}"`)
    next = next.slice(0, from + open.length) + table + next.slice(to)
  }
  return next
}

/** Puts the tables into the document, or only looks whether they are in it. false: they were not. */
export const document = (tables: Readonly<Record<string, string>>, write: boolean): boolean => {
  const text = readFileSync(DOCUMENT, 'utf8')
  const next = withTables(text, tables)
  if (write && next !== text) writeFileSync(DOCUMENT, next)
  return next === text
}
