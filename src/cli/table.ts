import type { Output } from './output.ts'
import { type RouteRow, streamForms } from './route-rows.ts'

const HEADS = ['METHOD', 'PATH', '→  CALLS', 'KIND', 'AUTH', 'UPSTREAM'] as const

/** Routes as a table for people, two spaces in; `most` rows at the most. */
export const routeTable = (rows: readonly RouteRow[], out: Output, most = Number.POSITIVE_INFINITY): string => {
  const shown = rows.slice(0, most)
  const cells = shown.map((row) => [
    row.method,
    row.path,
    `   ${row.rpc ?? '–'}`,
    row.kind,
    row.auth.length === 0 ? '–' : row.auth.join(' '),
    streamForms(row) === '' ? row.target : `${row.target}  (${streamForms(row)})`,
  ])
  const widths = HEADS.map((head, column) => Math.max(head.length, ...cells.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd()
  const rest = rows.length - shown.length
  return [
    out.paint('gray', line(HEADS)),
    ...cells.map((row) => line(row)),
    ...(rest > 0 ? [out.paint('gray', `  … and ${rest} more: protogate routes`)] : []),
    '',
  ].join('\n')
}

/** A command line that calls the first route that is easily called; undefined when there is none. */
export const exampleCall = (rows: readonly RouteRow[], url: string): string | undefined => {
  const simple = rows.filter(({ kind, rpc }) => rpc !== null && kind === 'unary')
  const get = simple.find(({ method }) => method === 'GET')
  if (get !== undefined) return `curl ${quote(url + samplePath(get.path))}`
  const post = simple.find(({ method }) => method === 'POST')
  return post === undefined
    ? undefined
    : `curl ${quote(url + samplePath(post.path))} -H 'content-type: application/json' -d '{}'`
}

/** A path that a template matches: every variable and wildcard is `1`. */
export const samplePath = (template: string): string =>
  template.replace(/\{[^}=]*(?:=([^}]*))?\}/g, (_, pattern: string | undefined) => pattern ?? '*').replace(/\*+/g, '1')

const quote = (text: string): string => (/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** `1 route`, `2 routes`. */
export const counted = (amount: number, word: string): string => `${amount} ${word}${amount === 1 ? '' : 's'}`
