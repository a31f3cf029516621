import type { Problem } from '../core/config-error.ts'
import type { RequestHead } from '../core/exchange.ts'
import type { Miss, Route, RouteMatch, Router } from '../core/router.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { RouteEntry } from './entry.ts'
import { HostMap } from './hosts.ts'
import { type Binding, resolveEntries } from './resolve.ts'
import { type SplitPath, splitPath } from './split.ts'
import { type Found, Trie, type Wish } from './trie.ts'
import { ambiguousUpgrades, upgradesOf } from './upgrades.ts'

export interface RouterOptions {
  /** The snapshot that the router becomes part of; asked at each match. */
  readonly snapshot: () => Snapshot
  /** The route that answers a miss. Asked once for each kind of miss, and remembered. */
  readonly fallback: (miss: Miss) => Route
  /** OPTIONS is answered (a CORS policy stands before the fallback), so `Allow` names it. Off by default. */
  readonly allowOptions?: boolean
}

/**
 * Compiles entries into a router. Never throws: what is wrong is in `problems`; with an error among them the router is not
 * to be used.
 *
 * How a request finds its route: the most specific host first (exact, longest `*.x`, none). In a host, templates by the rules of `Trie`,
 * templates with a verb first. Where templates end in the same place: more conditions (`headers`, `query`) first, then `path` lines
 * before annotations, then the exact method before `*`, then as declared. A prefix route stands last in its place: `/shop/*`
 * takes what nothing more specific takes, segment by segment, so `/shop/{id}` goes before it and `/{section}/{id}` does not.
 *
 * HEAD runs what is bound to GET. A path without segments that fit is a 404; one whose routes have other methods is a 405.
 * A CORS preflight goes to a route that binds OPTIONS itself; else to the route of `access-control-request-method`, as its
 * `preflight`. A path with a malformed escape or a dot segment is a 400.
 *
 * An upgrade looks at the `ws` table, then at RPC bindings whatever their method (`upgradesOf`); a miss is a 404.
 */
export const buildRouter = (
  entries: readonly RouteEntry[],
  options: RouterOptions,
): { router: Router; problems: readonly Problem[] } => {
  const { bindings, problems } = resolveEntries(entries)
  const plain = bindings.filter(({ entry }) => entry.table === 'plain')
  const settled = new Set(bindings.filter(({ entry }) => entry.table === 'ws').map(({ place }) => place))
  return {
    router: new TableRouter(entries, bindings, options),
    problems: [...problems, ...ambiguousUpgrades(plain, settled)],
  }
}

interface Tables {
  readonly plain: Trie<Binding>
  readonly ws: Trie<Binding>
}

class TableRouter implements Router {
  readonly routes: readonly Route[]
  readonly #hosts = new HostMap<Tables>(() => ({ plain: new Trie(), ws: new Trie() }))
  readonly #operations = new Map<string, Route>()
  readonly #fallbacks = new Map<string, { readonly miss: Miss; readonly route: Route }>()
  readonly #options: RouterOptions

  constructor(entries: readonly RouteEntry[], bindings: readonly Binding[], options: RouterOptions) {
    this.#options = options
    for (const binding of bindings) this.#hosts.at(binding.entry.host)[binding.entry.table].add(binding)
    for (const { plain, ws } of this.#hosts.all()) {
      plain.finish(inOrder, upgradesOf)
      ws.finish(inOrder, (all) => all)
    }
    this.routes = tableOrder(bindings)
    this.#collectOperations(entries)
  }

  find(head: RequestHead, upgrade: boolean): RouteMatch {
    const path = splitPath(head.path)
    if (path === undefined) return this.#miss(400, [])
    if (upgrade) return this.#findUpgrade(path, head)
    const wanted = head.method === 'OPTIONS' ? head.headers.get('access-control-request-method') : undefined
    return wanted === undefined ? this.#findPlain(path, head) : this.#findPreflight(path, head, wanted)
  }

  findOperation(name: string): RouteMatch | undefined {
    const route = this.#operations.get(name)
    return route === undefined ? undefined : this.#match(route, [])
  }

  #findPlain(path: SplitPath, head: RequestHead): RouteMatch {
    const found = this.#search(path, { head, method: head.method, any: true, upgrade: false, methods: undefined })
    if (found === 'refused') return this.#miss(400, [])
    if (found === undefined) return this.#missed(path, head)
    return this.#match(found.candidate.entry.route, found.params)
  }

  #findPreflight(path: SplitPath, head: RequestHead, wanted: string): RouteMatch {
    const wish = { head, upgrade: false, methods: undefined }
    const own = this.#search(path, { ...wish, method: 'OPTIONS', any: false })
    const found = own ?? this.#search(path, { ...wish, method: wanted, any: true })
    if (found === 'refused') return this.#miss(400, [])
    if (found === undefined) return this.#missed(path, head)
    const { entry } = found.candidate
    if (own !== undefined) return this.#match(entry.route, found.params)
    if (entry.preflight !== undefined) return this.#match(entry.preflight, found.params)
    // A backend behind a proxy of every method answers its own preflights; a method must never be run by one.
    const passed = entry.method === '*' && entry.route.settings.target !== 'rpc'
    return passed ? this.#match(entry.route, found.params) : this.#missed(path, head)
  }

  #findUpgrade(path: SplitPath, head: RequestHead): RouteMatch {
    const wish: Wish = { head, method: head.method, any: true, upgrade: true, methods: undefined }
    for (const { plain, ws } of this.#hosts.of(head.authority)) {
      const found = ws.find(path, wish) ?? plain.find(path, wish)
      if (found === 'refused') return this.#miss(400, [])
      if (found !== undefined) return this.#match(found.candidate.entry.route, found.params)
    }
    return this.#miss(404, [])
  }

  #search(path: SplitPath, wish: Wish): Found<Binding> | 'refused' | undefined {
    for (const { plain } of this.#hosts.of(wish.head.authority)) {
      const found = plain.find(path, wish)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** 404, or 405 when the path has routes of other methods. */
  #missed(path: SplitPath, head: RequestHead): RouteMatch {
    const methods = new Set<string>()
    this.#search(path, { head, method: head.method, any: true, upgrade: false, methods })
    if (methods.size === 0) return this.#miss(404, [])
    // Left over from a preflight that the route may not answer; anything else would have been served by it.
    if (methods.delete('*')) for (const method of EVERY) methods.add(method)
    if (methods.has('GET')) methods.add('HEAD')
    if (this.#options.allowOptions) methods.add('OPTIONS')
    return this.#miss(405, [...methods].sort())
  }

  #miss(httpStatus: Miss['httpStatus'], allow: readonly string[]): RouteMatch {
    const key = `${httpStatus} ${allow.join()}`
    let known = this.#fallbacks.get(key)
    if (known === undefined) {
      const miss = { httpStatus, allow }
      known = { miss, route: this.#options.fallback(miss) }
      this.#fallbacks.set(key, known)
    }
    return { route: known.route, params: [], snapshot: this.#options.snapshot(), miss: known.miss }
  }

  #match(route: Route, params: readonly string[]): RouteMatch {
    return { route, params, snapshot: this.#options.snapshot(), miss: undefined }
  }

  /** Every operation stays callable by name, also when a line took its path. Its service line goes before a `path` line. */
  #collectOperations(entries: readonly RouteEntry[]): void {
    for (const origin of ['annotation', 'routes'])
      for (const { operation, source, route } of entries) {
        if (operation === undefined || source.origin !== origin || this.#operations.has(operation)) continue
        this.#operations.set(operation, route)
      }
  }
}

const EVERY = ['DELETE', 'GET', 'PATCH', 'POST', 'PUT']

/** The order in which the candidates of one place are tried. */
const inOrder = (a: Binding, b: Binding): number =>
  b.predicates.count - a.predicates.count ||
  Number(b.entry.source.origin === 'routes') - Number(a.entry.source.origin === 'routes') ||
  methodRank(a.method) - methodRank(b.method) ||
  a.order - b.order

/** HEAD before GET, which would serve it too; `*` last. */
const methodRank = (method: string): number => (method === '*' ? 2 : method === 'HEAD' ? 0 : 1)

/** Each route once, by template, then method, then id. */
const tableOrder = (bindings: readonly Binding[]): readonly Route[] =>
  [...new Set(bindings.map(({ entry }) => entry.route))].sort(
    (a, b) => compare(a.template, b.template) || compare(a.method, b.method) || compare(a.id, b.id),
  )
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
