import type { Route } from '../core/router.ts'
import type { Place } from '../core/schema.ts'
import type { PathTemplate } from './path-template.ts'

/** Where an entry comes from. Decides which of two equal entries holds, and is named in problems. */
export interface RouteSource {
  /** `routes`: a line of routes.json with a `path` of its own. `annotation`: a rule of a method, or its default binding. */
  readonly origin: 'annotation' | 'routes'
  /** Of an annotation: fully qualified name of the service. */
  readonly service?: string | undefined
  readonly place?: Place | undefined
  /** JSON pointer of the line in routes.json; an annotation has that of its `service` line, if there is one. */
  readonly pointer?: string | undefined
}

/** One way to reach a route. A route with several bindings has several entries. */
export interface RouteEntry {
  /** `ws`: a `ws: true` line, seen by upgrades alone. `plain`: seen by requests, and by upgrades when its target is an RPC. */
  readonly table: 'plain' | 'ws'
  /** Upper case, or `*` = every method that is not bound otherwise. Not looked at in the table `ws`. */
  readonly method: string
  readonly template: PathTemplate
  /** `api.example` or `*.example` (one label or more in place of the star). Absent: every host. */
  readonly host?: string | undefined
  /** A header of this name must have this value, exactly. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** A query parameter of this name must have this value, both form-decoded. */
  readonly query?: Readonly<Record<string, string>> | undefined
  /** `compat.trailingSlash`: `/x/` matches `/x`. */
  readonly trailingSlash?: boolean | undefined
  /** `package.Service/Method` for `findOperation`. */
  readonly operation?: string | undefined
  readonly source: RouteSource
  readonly route: Route
  /**
   * What answers a CORS preflight of this route: its policies around a handler that refuses. An RPC without it answers
   * preflights by the fallback route, so that no OPTIONS request can run a method.
   */
  readonly preflight?: Route | undefined
}
