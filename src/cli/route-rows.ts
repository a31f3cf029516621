import type { FieldType, MessageType } from '../core/descriptor.ts'
import type { Route } from '../core/router.ts'
import type { Shape } from '../core/schema.ts'

/** One route as `protogate routes --json` prints it. */
export interface RouteRow {
  readonly id: string
  /** `GET`, `*`, `GET/WS` where the same path takes an upgrade, `WS` where it takes nothing else. */
  readonly method: string
  readonly path: string
  /** `package.Service/Method`; null for what has no schema. */
  readonly rpc: string | null
  readonly kind: string
  /** Names of the guard policies. */
  readonly auth: readonly string[]
  /** Upstreams, or `mock`, `redirect`, `respond`. */
  readonly target: string
}

const KINDS: Readonly<Record<Shape, string>> = {
  unary: 'unary',
  client_stream: 'client stream',
  server_stream: 'server stream',
  bidi: 'bidi stream',
  bytes: 'http',
}

export const routeRow = (route: Route): RouteRow => {
  const { id, method, template, operation, settings, about } = route
  const isRpc = settings.target === 'rpc'
  const streams = isRpc && method !== 'WS' && operation.shape !== 'unary'
  return {
    id,
    method: streams ? `${method}/WS` : method,
    path: template,
    rpc: isRpc ? operation.name : null,
    kind: isRpc ? KINDS[operation.shape] : settings.target === 'http' ? 'http' : 'websocket',
    auth: about?.guards ?? [],
    target: about?.target ?? '',
  }
}

/** Forms in which the messages of a streaming route come, for the table. */
export const streamForms = ({ kind, method }: RouteRow): string => {
  if (method === 'WS' || !kind.endsWith(' stream')) return ''
  return kind === 'client stream' ? 'ws · ndjson' : 'ws · sse · ndjson'
}

/** Routes that a reload brought, took away, or gave another meaning: target, guards, limits, types of their messages. */
export interface RouteChanges {
  readonly added: readonly Route[]
  readonly changed: readonly Route[]
  readonly removed: readonly Route[]
}

export const routeChanges = (before: readonly Route[], now: readonly Route[]): RouteChanges => {
  const old = byId(before)
  const fresh = byId(now)
  const kept = [...fresh].filter(([id]) => old.has(id))
  return {
    added: [...fresh].filter(([id]) => !old.has(id)).map(([, route]) => route),
    changed: kept.filter(([id, route]) => meaning(route) !== meaning(old.get(id)!)).map(([, route]) => route),
    removed: [...old].filter(([id]) => !fresh.has(id)).map(([, route]) => route),
  }
}

/** Routes that differ by host or headers alone are numbered. */
const byId = (routes: readonly Route[]): ReadonlyMap<string, Route> => {
  const found = new Map<string, Route>()
  for (const route of routes) {
    const own = `${route.id} ${route.method} ${route.template}`
    let key = own
    for (let n = 2; found.has(key); n++) key = `${own} ${n}`
    found.set(key, route)
  }
  return found
}

const meaning = ({ method, template, operation, binding, settings, about }: Route): string => {
  const { requestCodec: _, replyCodec: __, ...plain } = settings
  const { name, shape, input, output: reply } = operation
  const types = settings.target === 'rpc' ? [typeText(input), typeText(reply)] : []
  const bound =
    binding === undefined ? undefined : [binding.body, binding.responseBody, binding.unknownQuery, binding.compat]
  return JSON.stringify([method, template, name, shape, bound, plain, about, types], (_key, value: unknown) => {
    if (value instanceof Set) return [...value]
    return value === Number.POSITIVE_INFINITY ? 'none' : value
  })
}

/** Everything that the wire form of a message depends on, with all types below it. */
const typeText = (type: MessageType): string => {
  const seen = new Map<string, string>()
  const visit = ({ name, fields }: MessageType): void => {
    if (seen.has(name)) return
    seen.set(name, '')
    seen.set(name, fields.map(fieldText).join(';'))
    for (const { message } of fields) if (message !== undefined) visit(message)
  }
  visit(type)
  return [...seen].map(([name, text]) => `${name}{${text}}`).join('')
}
const fieldText = (field: FieldType): string => {
  const { number, name, jsonName, kind, repeated, mapKey, presence, oneof, message } = field
  const values = field.enum === undefined ? '' : [...field.enum.numbers].join()
  return [
    number,
    name,
    jsonName,
    kind,
    repeated,
    mapKey,
    presence,
    oneof,
    message?.name,
    field.enum?.name,
    values,
  ].join()
}
