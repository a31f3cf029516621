import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import { fileURLToPath } from 'node:url'

export interface Column<Row> {
  readonly title: string
  readonly right?: boolean
  cell(row: Row): string
}

/** A Markdown table. */
export const table = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ right }) => (right === true ? '--:' : '---'))),
    ...rows.map((row) => line(columns.map((column) => column.cell(row)))),
  ].join('\n')
}

/** `2026-11-24 · 2 × AMD EPYC · Linux 6.1.0 · Node 24.21.0`: figures without their machine say nothing. */
export const surroundings = (): string => {
  const day = new Date().toISOString().slice(0, 10)
  const cpu = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`
  return `${day} · ${cpu} · Linux ${release().split('-')[0]} · Node ${process.versions.node}`
}

const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))

/** Puts `text` between the markers `<!-- name -->` and `<!-- /name -->` of docs/performance.md. */
export const writeSection = (name: string, text: string): void => {
  const before = readFileSync(DOCUMENT, 'utf8')
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [before.indexOf(open), before.indexOf(close)]
  if (from === -1 || to < from) throw new Error(`docs/performance.md has no ${open} … ${close}`)
  writeFileSync(DOCUMENT, `${before.slice(0, from + open.length)}\n${text.trim()}\n${before.slice(to)}`)
}
