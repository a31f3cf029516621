import { METHODS } from 'node:http'
import type { HttpBinding } from '../../core/binding.ts'
import { nearest, type Problem } from '../../core/config-error.ts'
import { compose, type Handler } from '../../core/handler.ts'
import type { Route } from '../../core/router.ts'
import type { HttpRule, Operation, Place, Schema } from '../../core/schema.ts'
import { errors } from '../../core/status.ts'
import type { RouteEntry, RouteSource } from '../../router/entry.ts'
import { isTemplateError, type PathTemplate, parsePrefix, parseTemplate } from '../../router/path-template.ts'
import { compileBinding } from '../../schema/binding.ts'
import type { RouteConfig } from '../schema.ts'
import { type Compilation, report } from './compile.ts'
import { type BuiltPolicy, buildPolicies, checkOrder, guardOf } from './policies.ts'
import { bytesSettings, opaqueType, rpcSettings } from './settings.ts'
import { methodOf, type Target, targetOf } from './targets.ts'
import type { Upstreams } from './upstreams.ts'

/** What the routes of one line of routes.json have in common. */
interface Line {
  readonly compilation: Compilation
  readonly route: RouteConfig
  readonly pointer: string
  /** Gateway policies, then those of the line. */
  readonly policies: readonly BuiltPolicy[]
  readonly target: Target
}

/** The entries of all lines. What is wrong with a line is reported and the others go on. */
export const buildRoutes = async (
  compilation: Compilation,
  upstreams: Upstreams,
  gatewayPolicies: readonly BuiltPolicy[],
): Promise<readonly RouteEntry[]> => {
  const { config } = compilation.loaded
  const routes = config.routes ?? []
  const named = new Set(routes.map(({ service }) => service).filter((name) => name !== undefined))
  const entries: RouteEntry[] = []
  for (const [index, route] of routes.entries()) {
    const pointer = `/routes/${index}`
    const own = await buildPolicies(compilation, route.policies, `${pointer}/policies`)
    const policies = [...gatewayPolicies, ...own]
    checkOrder(compilation, policies)
    const target = targetOf(compilation, route, pointer, upstreams) ?? noTarget(route)
    const line: Line = { compilation, route, pointer, policies, target }
    if (route.service !== undefined) entries.push(...serviceEntries(line, named))
    else entries.push(...pathEntries(line))
  }
  return entries
}

/** Stands in for a target that was refused, so that the rest of its line is checked as well. Nothing is ever served with it. */
const noTarget = ({ rpc, service }: RouteConfig): Target => ({
  kind: rpc === undefined && service === undefined ? 'http' : 'rpc',
  to: '',
  handler() {
    throw errors.internal('a refused configuration was served')
  },
})

/** `service`: every rule of every method. `*` stands for the services that no other line names. */
const serviceEntries = (line: Line, named: ReadonlySet<string>): readonly RouteEntry[] => {
  const { compilation, route, pointer } = line
  const { schema } = compilation
  const wanted = route.service!
  const services = wanted === '*' ? [...schema.services.keys()].filter((name) => !named.has(name)) : [wanted]
  return services.flatMap((service) => {
    const methods = schema.services.get(service)
    const operations = methods?.map((method) => `${service}/${method}`) ?? imported(schema, service)
    if (operations.length === 0) {
      const near = nearest(service, schema.services.keys())
      report(compilation, `${pointer}/service`, {
        code: 'ROUTE_UNKNOWN_SERVICE',
        message: `no service "${service}" in the schemas`,
        hint: near === undefined ? knownServices([...schema.services.keys()]) : `did you mean "${near}"?`,
      })
      return []
    }
    return operations.flatMap((name) => {
      const operation = schema.operations.get(name)!
      return schema.rules(operation.name).flatMap((rule) => {
        const source: RouteSource = { origin: 'annotation', service, place: rule.place, pointer: `${pointer}/service` }
        return rpcEntry(line, operation, { ...rule, template: (route.prefix ?? '') + rule.template }, source)
      })
    })
  })
}

/** A service of a file that was only imported: it has no routes of its own accord, but a line may ask for it. */
const imported = (schema: Schema, service: string): readonly string[] =>
  [...schema.operations.keys()].filter((name) => name.startsWith(`${service}/`))

const knownServices = (names: readonly string[]): string =>
  names.length === 0
    ? 'the schemas have no service'
    : `known: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ' …' : ''}`

/** `path`: one entry. */
const pathEntries = (line: Line): readonly RouteEntry[] => {
  const { compilation, route, pointer, target } = line
  const place = compilation.loaded.place(`${pointer}/path`)
  const source: RouteSource = { origin: 'routes', place, pointer: `${pointer}/path` }
  if (target.kind === 'rpc') {
    const { rpc } = route
    const operation = rpc === undefined ? undefined : compilation.schema.operations.get(rpc)
    if (operation === undefined) {
      const near = nearest(rpc ?? '', compilation.schema.operations.keys())
      const at = near === undefined ? undefined : compilation.schema.place(near)
      report(compilation, `${pointer}/rpc`, {
        code: 'ROUTE_UNKNOWN_RPC',
        message: `no method "${rpc}" in the schemas`,
        hint:
          near === undefined ? 'see "protogate routes" for what there is' : `did you mean "${near}"${whereText(at)}?`,
      })
      return []
    }
    const method = route.method ?? 'POST'
    const body = route.body ?? (route.ws || method === 'GET' || method === 'DELETE' || method === 'HEAD' ? '' : '*')
    const rule: HttpRule = {
      method,
      template: route.path!,
      body,
      responseBody: route.responseBody ?? '',
      place: place ?? { file: compilation.loaded.file ?? 'routes.json', line: 1, column: 1 },
      implicit: false,
    }
    return rpcEntry(line, operation, rule, source)
  }
  const template = parsed(
    line,
    route.path!.endsWith('/*') ? parsePrefix(route.path!) : parseTemplate(route.path!, 'strict'),
  )
  return template === undefined ? [] : bytesEntry(line, template, source)
}

const whereText = (place: Place | undefined): string => (place === undefined ? '' : ` (${place.file}:${place.line})`)

const parsed = (line: Line, result: ReturnType<typeof parseTemplate>, place?: Place): PathTemplate | undefined => {
  if (!isTemplateError(result)) return result
  const problem = { code: 'TEMPLATE_INVALID', severity: 'error' as const, message: result.message }
  if (place === undefined)
    report(line.compilation, `${line.pointer}/path`, {
      ...problem,
      message: `${line.route.path}: ${result.message} (at character ${result.offset + 1})`,
    })
  else line.compilation.problems.push({ ...problem, ...place })
  return undefined
}

/** One binding of an operation. */
const rpcEntry = (line: Line, operation: Operation, rule: HttpRule, source: RouteSource): readonly RouteEntry[] => {
  const { compilation, route, target } = line
  checkMethod(line, rule.method, source)
  const result = parseTemplate(rule.template, route.compat.template)
  if (isTemplateError(result)) {
    const message = `${rule.template}: ${result.message} (at character ${result.offset + 1})`
    compilation.problems.push({
      code: 'TEMPLATE_INVALID',
      severity: 'error',
      message,
      ...rule.place,
      pointer: source.pointer,
    })
    return []
  }
  const { binding, problems } = compileBinding(
    compilation.schema,
    operation,
    {
      method: rule.method,
      variables: result.variables.map(({ path, multi }) => ({ path, multi })),
      body: rule.body,
      responseBody: rule.responseBody,
      unknownQuery: route.unknownQuery,
      ignoreUnknown: route.json.ignoreUnknown,
      compat: compatOf(route, rule),
      set: route.set,
    },
    rule.place,
  )
  compilation.problems.push(...problems)
  if (binding === undefined) return []
  const method = route.ws ? 'WS' : rule.method
  const settings = rpcSettings(compilation.schema, operation, binding, route, compilation.loaded.config.limits)
  const made = makeRoute(line, { method, template: rule.template, operation, binding, settings }, target.handler)
  return [{ ...matchOf(line), template: result, method: rule.method, operation: operation.name, source, ...made }]
}

/** What the route says itself counts before what the file of the rule says. */
const compatOf = ({ compat }: RouteConfig, { unescape: decoding }: HttpRule): RouteConfig['compat'] =>
  decoding === undefined || compat.unescape !== 'spec' ? compat : { ...compat, unescape: decoding }

/** A route without a schema: a proxy, `redirect` or `respond`. */
const bytesEntry = (line: Line, template: PathTemplate, source: RouteSource): readonly RouteEntry[] => {
  const { compilation, route, target, policies } = line
  const method = methodOf(route)
  checkMethod(line, method, source)
  const kind = target.kind === 'rpc' ? 'http' : target.kind
  const needsBody = policies.some(({ module }) => module.needs === 'body')
  const settings = bytesSettings(compilation.schema, kind, route, compilation.loaded.config.limits, needsBody)
  const operation: Operation = {
    name: route.name ?? `${route.ws ? 'WS' : method} ${route.path}`,
    shape: kind === 'frames' || kind === 'tunnel' ? 'bidi' : 'bytes',
    input: opaqueType,
    output: opaqueType,
    idempotent: false,
  }
  const handler = target.withTemplate?.(template) ?? target.handler
  const shape = { method: route.ws ? 'WS' : method, template: route.path!, operation, binding: undefined, settings }
  return [{ ...matchOf(line), template, method, source, ...makeRoute(line, shape, handler) }]
}

/** A method that no client can send: node:http parses a fixed list, and answers everything else with 400. */
const checkMethod = ({ compilation }: Line, method: string, source: RouteSource): void => {
  if (method === '*' || METHODS.includes(method)) return
  compilation.problems.push({
    code: 'ROUTE_METHOD_UNREACHABLE',
    severity: 'warning',
    message: `no HTTP request with the method ${method} gets through the parser, so this is never called`,
    ...(source.place ?? {}),
    pointer: source.pointer,
    hint: 'a method of the IANA registry that Node knows, or "*"',
  })
}

const matchOf = ({ route }: Line): Pick<RouteEntry, 'table' | 'host' | 'headers' | 'query' | 'trailingSlash'> => ({
  table: route.ws ? 'ws' : 'plain',
  host: route.host,
  headers: route.headers,
  query: route.query,
  trailingSlash: route.compat.trailingSlash,
})

/** Answers a preflight that no policy of the route has answered: the method itself must not run. */
const refusePreflight: Handler = ({ head }) => {
  const asked = head.headers.get('access-control-request-method')
  throw errors.methodNotAllowed(`no policy answers preflights here, so ${asked} from another origin is not allowed`, {
    reason: 'PREFLIGHT_REFUSED',
  })
}

/** Tells routes of one path apart: ` if x-team=blue`. */
const conditionsOf = ({ headers, query }: RouteConfig): string => {
  const all = [...Object.entries(headers ?? {}), ...Object.entries(query ?? {})]
  return all.length === 0 ? '' : ` if ${all.map(([name, value]) => `${name}=${value}`).join(', ')}`
}

type RouteShape = Pick<Route, 'method' | 'template' | 'operation' | 'settings'> & {
  readonly binding: HttpBinding | undefined
}

const makeRoute = (line: Line, shape: RouteShape, target: Handler): Pick<RouteEntry, 'route' | 'preflight'> => {
  const policies = line.policies.map(({ policy }) => policy)
  const id = line.route.name ?? `${shape.method} ${line.route.host ?? ''}${shape.template}${conditionsOf(line.route)}`
  const guards = line.policies.filter(({ module }) => module.stage === 'guard').map(({ module }) => module.name)
  const about = { target: line.target.to, guards }
  const route = { ...shape, id, about, handler: compose(policies, target), guard: guardOf(line.policies) }
  if (shape.settings.target !== 'rpc') return { route }
  return { route, preflight: { ...route, handler: compose(policies, refusePreflight) } }
}

/** Warnings and errors apart. */
export const errorsOf = (problems: readonly Problem[]): readonly Problem[] =>
  problems.filter(({ severity }) => severity === 'error')
