import type { Compat } from '../../src/core/binding.ts'
import type { Handler, Reply } from '../../src/core/handler.ts'
import { type Message, makeMessage } from '../../src/core/message.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import type { Route, RouteSettings } from '../../src/core/router.ts'
import type { Operation, Schema } from '../../src/core/schema.ts'
import { errors } from '../../src/core/status.ts'
import type { RouteEntry } from '../../src/router/entry.ts'
import { buildRouter } from '../../src/router/router.ts'
import { compileBinding } from '../../src/schema/binding.ts'
import { loadSchema } from '../../src/schema/schema.ts'
import type { TestIngress } from './ingress.ts'
import { type FakeSnapshot, fakeReply, fakeSettings, fakeSnapshot, fakeType } from './loopback.ts'
import { template } from './routes.ts'

const loaded = await loadSchema(['http-cases.proto'], { base: import.meta.dirname })
if (loaded.problems.length > 0) throw new Error(loaded.problems.map(({ message }) => message).join('\n'))
/** The schema of http-cases.proto. */
export const SCHEMA: Schema = loaded.schema

const STRICT: Compat = {
  template: 'strict',
  unescape: 'spec',
  trailingSlash: false,
  queryForms: false,
  streamEnvelope: false,
  conflict: 'reject',
}
export interface CaseOptions {
  readonly settings?: Partial<RouteSettings>
  readonly compat?: Partial<Compat>
}

/**
 * An ingress with the real schema, router and bindings of http-cases.proto. `handlers` are by method (`Notes/Get`); a path with a
 * final star (`/proxy/*`) makes a route of plain HTTP. What has no handler is not routed.
 */
export const caseIngress = (handlers: Readonly<Record<string, Handler>>, options: CaseOptions = {}): TestIngress => {
  const snapshot: FakeSnapshot = fakeSnapshot({ schema: SCHEMA })
  const entries = Object.entries(handlers).flatMap(([name, handler]) =>
    name.startsWith('/') ? [proxyEntry(name, handler, options)] : rpcEntries(name, handler, options),
  )
  const { router, problems } = buildRouter(entries, {
    snapshot: () => snapshot,
    fallback: (miss) => ({
      ...proxyRoute('miss', () => {
        if (miss.httpStatus === 404) throw errors.notFound('no route')
        if (miss.httpStatus === 400) throw errors.invalidArgument('the path is malformed')
        throw errors.methodNotAllowed('not by this method')
      }),
    }),
  })
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'))
  Object.assign(snapshot, { router })
  return { snapshot, dispatch: (exchange) => exchange.match.route.handler(exchange) }
}

const rpcEntries = (name: string, handler: Handler, { settings, compat }: CaseOptions): RouteEntry[] => {
  const operation = operationOf(name)
  return SCHEMA.rules(operation.name).map((rule) => {
    const parsed = template(rule.template)
    const { binding, problems } = compileBinding(
      SCHEMA,
      operation,
      {
        method: rule.method,
        variables: parsed.variables.map(({ path, multi }) => ({ path, multi })),
        body: rule.body,
        responseBody: rule.responseBody,
        unknownQuery: 'reject',
        ignoreUnknown: false,
        compat: { ...STRICT, ...compat },
      },
      undefined,
    )
    if (binding === undefined) throw new Error(problems.map(({ message }) => message).join('\n'))
    const field = rule.responseBody === '' ? {} : { field: rule.responseBody }
    const route: Route = {
      id: `${rule.method} ${rule.template}`,
      template: rule.template,
      method: rule.method,
      operation,
      binding,
      settings: fakeSettings(SCHEMA, {
        forwardRequest: new Set(['authorization', 'x-request-id']),
        forwardResponse: new Set(['etag', 'x-rows']),
        ...settings,
        replyCodec: SCHEMA.codec('json', field),
        replyJson: field,
      }),
      handler,
      guard: () => {},
    }
    const service = operation.name.split('/')[0]
    return {
      table: 'plain',
      method: rule.method,
      template: parsed,
      operation: operation.name,
      source: { origin: 'annotation', service },
      route,
    }
  })
}

const operationOf = (name: string): Operation => {
  const operation = SCHEMA.operations.get(`test.http.${name}`)
  if (operation === undefined) throw new Error(`no method ${name} in http-cases.proto`)
  return operation
}

const proxyRoute = (id: string, handler: Handler, settings: Partial<RouteSettings> = {}): Route => ({
  id,
  template: id,
  method: '*',
  operation: { name: id, shape: 'bytes', input: fakeType(''), output: fakeType(''), idempotent: false },
  binding: undefined,
  settings: fakeSettings(SCHEMA, { target: 'http', ...settings }),
  handler,
  guard: () => {},
})
const proxyEntry = (path: string, handler: Handler, { settings }: CaseOptions): RouteEntry => ({
  table: 'plain',
  method: '*',
  template: template(path, 'prefix'),
  source: { origin: 'routes' },
  route: proxyRoute(path, handler, settings),
})

/** A message of `test.http.<type>` (or of a full name) in the form in which backends send it. */
export const proto = (value: unknown, type = 'Note'): Message => {
  const found = SCHEMA.type(type.includes('.') ? type : `test.http.${type}`)
  if (found === undefined) throw new Error(`no type ${type}`)
  const json = makeMessage({
    schema: SCHEMA,
    type: found,
    codec: SCHEMA.codec('json'),
    bytes: Buffer.from(JSON.stringify(value)),
  })
  return makeMessage({
    schema: SCHEMA,
    type: found,
    codec: SCHEMA.codec('proto'),
    bytes: json.as(SCHEMA.codec('proto')),
  })
}
/** Bytes that are no message of any type. */
export const garbage = (type = 'Note'): Message =>
  makeMessage({
    schema: SCHEMA,
    type: SCHEMA.type(`test.http.${type}`)!,
    codec: SCHEMA.codec('proto'),
    bytes: Buffer.from([0xff]),
  })
export const httpBody = (data: string | Uint8Array, contentType = ''): Message =>
  proto({ contentType, data: Buffer.from(data).toString('base64') }, 'google.api.HttpBody')
/** A piece of plain HTTP. */
export const opaque = (text: string | Uint8Array): Message =>
  makeMessage({ schema: SCHEMA, type: fakeType(''), codec: SCHEMA.codec('opaque'), bytes: Buffer.from(text) })

/** What the backend is sent: protobuf, read back as JSON. */
export const sentTo = (message: Message): unknown => {
  const bytes = message.as(SCHEMA.codec('proto'))
  const again = makeMessage({ schema: SCHEMA, type: message.type, codec: SCHEMA.codec('proto'), bytes })
  return JSON.parse(Buffer.from(again.as(SCHEMA.codec('json'))).toString())
}

export const httpReply = (
  messages: Parameters<typeof fakeReply>[0],
  httpStatus = 200,
  headers: readonly string[] = [],
): Reply => fakeReply(messages, { httpStatus, metadata: makeMetadata([...headers]) })
