import type { RequestHead } from '../core/exchange.ts'
import { decodeForm } from '../core/percent.ts'

/** `headers` and `query` of a route, compiled. */
export interface Predicates {
  /** The more, the earlier the route is tried. */
  readonly count: number
  /** Equal for equal conditions, in whatever order they were written. */
  readonly key: string
  accepts(head: RequestHead): boolean
}

type Pair = readonly [name: string, value: string]
const NONE: Predicates = { count: 0, key: '', accepts: () => true }

export const compilePredicates = (
  headers: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, string>> = {},
): Predicates => {
  const headerPairs = sorted(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const queryPairs = sorted(Object.entries(query))
  const count = headerPairs.length + queryPairs.length
  if (count === 0) return NONE
  return {
    count,
    key: JSON.stringify([headerPairs, queryPairs]),
    accepts: (head) => hasHeaders(head, headerPairs) && hasQuery(head.path, queryPairs),
  }
}

const sorted = (pairs: Pair[]): readonly Pair[] =>
  pairs.sort(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const hasHeaders = (head: RequestHead, wanted: readonly Pair[]): boolean =>
  wanted.every(([name, value]) => head.headers.getAll(name).includes(value))

const hasQuery = (path: string, wanted: readonly Pair[]): boolean => {
  if (wanted.length === 0) return true
  const at = path.indexOf('?')
  if (at === -1) return false
  const missing = new Set(wanted)
  for (const part of path.slice(at + 1).split('&')) {
    const equals = part.indexOf('=')
    const name = decodeForm(equals === -1 ? part : part.slice(0, equals))
    const value = equals === -1 ? '' : decodeForm(part.slice(equals + 1))
    for (const pair of missing) if (pair[0] === name && pair[1] === value) missing.delete(pair)
    if (missing.size === 0) return true
  }
  return false
}
