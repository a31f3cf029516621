import type { Miss, Router } from '../../src/core/router.ts'
import type { Shape } from '../../src/core/schema.ts'
import type { RouteEntry } from '../../src/router/entry.ts'
import { isTemplateError, type PathTemplate, parsePrefix, parseTemplate } from '../../src/router/path-template.ts'
import { buildRouter, type RouterOptions } from '../../src/router/router.ts'
import { fakeOperation, fakeRoute, fakeSchema, fakeSettings, fakeSnapshot } from './loopback.ts'

const SCHEMA = fakeSchema()
/** The snapshot that every match of `routerOf` carries. */
export const SNAPSHOT = fakeSnapshot()

/** The parsed template; a template error throws. `prefix` for `/shop/*` as a prefix. */
export const template = (text: string, mode: 'strict' | 'lenient' | 'prefix' = 'strict'): PathTemplate => {
  const parsed = mode === 'prefix' ? parsePrefix(text) : parseTemplate(text, mode)
  if (isTemplateError(parsed)) throw new Error(`${text} at ${parsed.offset}: ${parsed.message}`)
  return parsed
}

export interface EntryParts extends Partial<Omit<RouteEntry, 'template' | 'route' | 'source'>> {
  readonly mode?: 'strict' | 'lenient'
  readonly shape?: Shape
  readonly target?: 'rpc' | 'http' | 'frames' | 'tunnel'
  readonly source?: Partial<RouteEntry['source']>
}
/** An entry called `id` from `GET /v1/{id}`, `prefix * /shop/*` or `ws /chat`. It is an annotation of a service of its own. */
export const entry = (id: string, rule: string, parts: EntryParts = {}): RouteEntry => {
  const { mode = 'strict', shape = 'unary', target = 'rpc', source, ...rest } = parts
  const words = rule.split(' ')
  const prefix = words[0] === 'prefix'
  if (prefix) words.shift()
  const [method = '', path = ''] = words
  const operation = rest.operation ?? `test.${id}/Do`
  return {
    table: method === 'ws' ? 'ws' : 'plain',
    method: method === 'ws' ? 'GET' : method,
    template: template(path, prefix ? 'prefix' : mode),
    operation,
    source: { origin: 'annotation', service: `test.${id}`, ...source },
    route: fakeRoute(
      {
        id,
        template: path,
        method: method === 'ws' ? 'WS' : method,
        operation: fakeOperation({ name: operation, shape }),
        settings: fakeSettings(SCHEMA, { target }),
      },
      SCHEMA,
    ),
    ...rest,
  }
}

export const missRoute = (miss: Miss) => fakeRoute({ id: `miss ${miss.httpStatus}` }, SCHEMA)
/** Builds a router and throws on any problem, warnings included. */
export const routerOf = (entries: readonly RouteEntry[], options: Partial<RouterOptions> = {}): Router => {
  const { router, problems } = buildRouter(entries, { snapshot: () => SNAPSHOT, fallback: missRoute, ...options })
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'))
  return router
}
