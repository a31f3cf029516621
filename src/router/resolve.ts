import type { Problem } from '../core/config-error.ts'
import type { RouteEntry } from './entry.ts'
import { hostOf } from './hosts.ts'
import { compilePredicates, type Predicates } from './predicates.ts'
import type { Candidate } from './trie.ts'

/** An entry that holds, ready for the trie. */
export interface Binding extends Candidate {
  readonly entry: RouteEntry
  readonly predicates: Predicates
  /** Position among the entries. */
  readonly order: number
  /** Equal for entries of one place: table aside, the same hosts and the same paths. */
  readonly place: string
}

/**
 * Decides between entries that would answer the very same requests. A `path` line beats annotations. Two lines, or two services,
 * are an error and the first holds. Within one service it is a warning and the later one holds.
 */
export const resolveEntries = (
  entries: readonly RouteEntry[],
): { bindings: readonly Binding[]; problems: readonly Problem[] } => {
  const problems: Problem[] = []
  const held = new Map<string, Binding>()
  // Lines first: what a line decides is no conflict between annotations any more.
  const all = entries.map(bindingOf)
  const lines = all.filter(({ entry }) => entry.source.origin === 'routes')
  const annotations = all.filter(({ entry }) => entry.source.origin === 'annotation')
  for (const next of [...lines, ...annotations]) {
    const { entry } = next
    const key = JSON.stringify([entry.table, next.place, next.method, next.predicates.key])
    const first = held.get(key)
    const problem = first === undefined ? undefined : conflict(first.entry, entry)
    if (problem !== undefined) problems.push(problem)
    if (first === undefined || problem?.severity === 'warning') held.set(key, next)
  }
  return { bindings: [...held.values()].sort((a, b) => a.order - b.order), problems }
}

const bindingOf = (entry: RouteEntry, order: number): Binding => {
  const { template } = entry
  const segments = template.segments.map((segment) =>
    segment.kind === 'literal' ? segment.text : segment.kind === 'star' ? '*' : '**',
  )
  const host = entry.host === undefined ? '' : hostOf(entry.host)
  return {
    entry,
    order,
    template,
    method: entry.table === 'ws' ? '*' : entry.method,
    predicates: compilePredicates(entry.headers, entry.query),
    trailingSlash: entry.trailingSlash === true,
    place: JSON.stringify([host, segments.join('/'), template.verb ?? null, template.prefix]),
  }
}

const conflict = (first: RouteEntry, next: RouteEntry): Problem | undefined => {
  const a = first.source
  const b = next.source
  if (a.origin !== b.origin) return undefined
  const inOne = a.origin === 'annotation' && a.service === b.service && a.pointer === b.pointer
  const both = `${describeEntry(next)} is bound by ${whereIs(first)} and by ${whereIs(next)}`
  if (inOne)
    return {
      code: 'ROUTE_SHADOWED',
      severity: 'warning',
      message: `${both}; the later one holds`,
      ...placeOf(next),
      hint: 'remove one of the two rules, or choose with a "path" line in routes.json',
    }
  const lines = a.origin === 'routes' || a.service === b.service
  return {
    code: 'ROUTE_DUPLICATE',
    severity: 'error',
    message: both,
    // One service on two lines: its .proto is not what has to change.
    ...(lines && b.pointer !== undefined ? { pointer: b.pointer } : placeOf(next)),
    hint: lines
      ? 'remove one of the two lines, or tell them apart by "method", "host", "headers", "query" or "prefix"'
      : 'give one service a "prefix" or a "host", or choose with a "path" line in routes.json',
  }
}

/** `GET /v1/books/{id}`, with the host and the table where they matter. */
export const describeEntry = ({ table, method, host, template }: RouteEntry): string =>
  `${table === 'ws' ? 'WebSocket' : method === '*' ? 'every method of' : method} ${host ?? ''}${template.text}`

/** What an entry is called and where it stands. */
export const whereIs = ({ operation, route, source }: RouteEntry): string => {
  const { place, pointer } = source
  const name = source.origin === 'annotation' ? (operation ?? route.id) : `the route "${route.id}"`
  const at = place === undefined ? pointer : `${place.file}:${place.line}:${place.column}`
  return at === undefined ? name : `${name} (${at})`
}

/** The members of a Problem that say where. */
export const placeOf = ({ source }: RouteEntry): Partial<Problem> => ({ ...source.place, pointer: source.pointer })
