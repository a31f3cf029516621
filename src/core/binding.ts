import type { FieldPath, FieldType } from './descriptor.ts'

/** What to do with a query key that names no field: refuse (400), drop, or put it into a map field. */
export type UnknownQuery = 'reject' | 'ignore' | { readonly capture: string }

/** Deviations from the rules that a route may ask for (its `compat`). */
export interface Compat {
  readonly template: 'strict' | 'lenient'
  readonly unescape: 'spec' | 'keep-reserved' | 'all'
  readonly trailingSlash: boolean
  /** `m[k]=v` maps, JSON text for Struct and Value, `1`/`t`/`T` booleans, Go durations. */
  readonly queryForms: boolean
  /** NDJSON lines as `{"result":…}` and `{"error":…}`. */
  readonly streamEnvelope: boolean
  readonly conflict: Conflict
}

/**
 * What happens when two parts of a request feed one field (SEMANTICS §4). `reject`: refused, unless path and body say the same.
 * `path`: the path wins, then the body, then the query. `body`: the body wins, then the path, then the query. Whatever loses is
 * passed over silently.
 */
export type Conflict = 'reject' | 'path' | 'body'

/** One variable of a path template, resolved against the request message. */
export interface PathVariable {
  readonly path: FieldPath
  /** Its template has a `/` or `**`: `%2F` stays encoded (SEMANTICS §3). */
  readonly multi: boolean
}

/** One HTTP rule of an operation, compiled: which part of the request feeds which field, what of the reply is sent. */
export interface HttpBinding {
  /** `*`, the name of a top-level field, or '' for no body. */
  readonly body: string
  /** Name of a top-level field of the reply, or '' for the whole message. */
  readonly responseBody: string
  /**
   * The request is a stream (client_stream, bidi). Then each message is whole JSON of the input type even where `body` is '': path
   * and query bind their fields of the first one on top, and "a body that nobody asked for" does not exist.
   */
  readonly streamed: boolean
  readonly bodyField: FieldType | undefined
  readonly responseField: FieldType | undefined
  /** In the order of `RouteMatch.params`. */
  readonly variables: readonly PathVariable[]
  readonly unknownQuery: UnknownQuery
  readonly ignoreUnknown: boolean
  readonly compat: Compat
  /**
   * Of a PATCH whose `body` names a field: the one top-level FieldMask field of the request. Filled with what the body touches when
   * the client gives no mask (SEMANTICS §14).
   */
  readonly updateMask?: FieldType | undefined
  /** Fields of the request that the route fixes (`set`): path and JSON value as configured. They win over everything. */
  readonly set: readonly { readonly path: FieldPath; readonly json: unknown }[]
}
