import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { CodecTable } from '../../src/codec/codec.ts'
import type { HttpBinding } from '../../src/core/binding.ts'
import type { FieldType, MessageType } from '../../src/core/descriptor.ts'
import { reasonOf } from '../../src/core/error-details.ts'
import { Bytes, type Codec, type Overlay } from '../../src/core/message.ts'
import { GatewayError } from '../../src/core/status.ts'
import { fromProtobufjs } from '../../src/schema/from-protobufjs.ts'
import { includeText } from '../../src/schema/include.ts'
import { VECTORS } from './vectors.ts'

export interface Types {
  readonly root: protobuf.Root
  readonly table: CodecTable
  type(name: string): MessageType
  find(name: string): MessageType | undefined
}

/** The types of .proto texts; imports come from the built-in files. */
export const typesOf = (...texts: readonly string[]): Types => {
  const root = new protobuf.Root()
  const seen = new Set<string>()
  const parse = (text: string): void => {
    const { imports } = protobuf.parse(text, root, { keepCase: true })
    for (const name of imports ?? []) {
      if (seen.has(name)) continue
      seen.add(name)
      const found = includeText(name)
      if (found === undefined) throw new Error(`${name} is not built in`)
      parse(found)
    }
  }
  for (const text of texts) parse(text)
  parse('syntax = "proto3"; import "google/rpc/error_details.proto"; import "google/rpc/status.proto";')
  root.resolveAll()
  const { messages } = fromProtobufjs(root)
  return {
    root,
    table: new CodecTable((name) => messages.get(name)),
    find: (name) => messages.get(name),
    type(name) {
      const type = messages.get(name)
      if (type === undefined) throw new Error(`no type ${name}`)
      return type
    },
  }
}
export const VECTOR_PROTOS: readonly string[] = ['qv.proto', 'vectors.proto'].map((name) =>
  readFileSync(join(VECTORS, 'proto', name), 'utf8'),
)
export const vectorTypes = (): Types => typesOf(...VECTOR_PROTOS)

export interface BindingInit {
  /** `id`, `inner.name`; with `=**` behind it a multi-segment variable. */
  readonly variables?: readonly string[]
  readonly body?: string
  readonly responseBody?: string
  readonly streamed?: boolean
  readonly updateMask?: string
  readonly set?: Readonly<Record<string, unknown>>
  readonly unknownQuery?: HttpBinding['unknownQuery']
  readonly ignoreUnknown?: boolean
  readonly compat?: Partial<HttpBinding['compat']>
}

const pathOf = (type: MessageType, dotted: string): FieldType[] => {
  let at: MessageType | undefined = type
  return dotted.split('.').map((name) => {
    const field: FieldType | undefined = at?.field(name)
    if (field === undefined) throw new Error(`no field ${dotted}`)
    at = field.message
    return field
  })
}

export const bindingOf = (type: MessageType, init: BindingInit): HttpBinding => ({
  body: init.body ?? '',
  responseBody: init.responseBody ?? '',
  bodyField: init.body === undefined || init.body === '' || init.body === '*' ? undefined : type.field(init.body),
  responseField: undefined,
  streamed: init.streamed ?? false,
  variables: (init.variables ?? []).map((text) => {
    const [path = '', rest] = text.split('=')
    return { path: pathOf(type, path), multi: rest !== undefined }
  }),
  updateMask: init.updateMask === undefined ? undefined : type.field(init.updateMask),
  unknownQuery: init.unknownQuery ?? 'reject',
  ignoreUnknown: init.ignoreUnknown ?? false,
  compat: {
    template: 'strict',
    unescape: 'spec',
    trailingSlash: false,
    queryForms: false,
    streamEnvelope: false,
    conflict: 'reject',
    ...init.compat,
  },
  set: Object.entries(init.set ?? {}).map(([path, json]) => ({ path: pathOf(type, path), json })),
})

export const overlayOf = (binding: HttpBinding, rest: Partial<Overlay> = {}): Overlay => ({
  binding,
  params: [],
  query: '',
  contentType: undefined,
  ...rest,
})

/** Bytes in, bytes out. */
export const transcode = (
  types: Types,
  type: MessageType,
  from: Codec,
  to: Codec,
  bytes: Uint8Array | string,
  overlay?: Overlay,
): Buffer => {
  const out = new Bytes(8)
  types.table.transcoder(type, from, to, overlay?.binding)(Buffer.from(bytes), out, overlay)
  return out.take()
}

/** A value (see `Message.value`) as wire bytes. */
export const encodeValue = (types: Types, type: MessageType, value: unknown): Buffer => {
  const out = new Bytes(8)
  types.table.codec('proto').encode(type, value, out)
  return out.take()
}

/** JSON text → wire → JSON text. */
export const roundTrip = (types: Types, type: MessageType, text: string, overlay?: Overlay): string => {
  const { table } = types
  const wire = transcode(types, type, table.codec('json'), table.codec('proto'), text, overlay)
  return transcode(types, type, table.codec('proto'), table.codec('json'), wire).toString()
}

export interface Refusal {
  readonly code: number
  readonly reason: string | undefined
  readonly message: string
  readonly origin: string
}
/** The refusal that `run` throws. Anything but a GatewayError is passed on. */
export const refusal = (run: () => unknown): Refusal => {
  try {
    run()
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown
    const { status, origin } = thrown
    return { code: status.code, reason: reasonOf(status.details), message: status.message, origin }
  }
  throw new Error('nothing was refused')
}

/** Route table of the rules of a .proto, for vectors that name a method and a path: single-segment and `**` variables. */
export interface Route {
  readonly method: string
  readonly segments: readonly string[]
  readonly type: MessageType
  readonly binding: HttpBinding
}
export const routesOf = (types: Types, service: string, options: Partial<BindingInit> = {}): Route[] => {
  const routes: Route[] = []
  for (const method of types.root.lookupService(service).methodsArray) {
    const type = types.type(method.resolvedRequestType!.fullName.slice(1))
    const option = method.parsedOptions?.find((each: object) => '(google.api.http)' in each)
    const rule = option?.['(google.api.http)'] as Record<string, unknown> | undefined
    for (const one of rule === undefined ? [] : [rule, ...[rule.additional_bindings ?? []].flat()])
      routes.push(routeOf(type, one as Record<string, unknown>, options))
  }
  return routes
}
const routeOf = (type: MessageType, rule: Record<string, unknown>, options: Partial<BindingInit>): Route => {
  const custom = rule.custom as { kind: string; path: string } | undefined
  const verb = ['get', 'put', 'post', 'delete', 'patch'].find((name) => typeof rule[name] === 'string')
  const template = custom?.path ?? (rule[verb!] as string)
  const segments = template.slice(1).split('/')
  const variables = segments.filter((part) => part.startsWith('{')).map((part) => part.slice(1, -1))
  const masks = type.fields.filter((field) => field.message?.name === 'google.protobuf.FieldMask')
  const body = String(rule.body ?? '')
  const patch = verb === 'patch' && body !== '' && body !== '*' && masks.length === 1
  return {
    method: custom?.kind ?? verb!.toUpperCase(),
    segments,
    type,
    binding: bindingOf(type, { variables, body, ...(patch ? { updateMask: masks[0]!.name } : {}), ...options }),
  }
}

/** The route of a raw path and its raw captures; undefined: none, which is the router's business. */
export const matchRoute = (routes: readonly Route[], method: string, path: string): [Route, string[]] | undefined => {
  const parts = path.slice(1).split('/')
  for (const route of routes) {
    if (route.method !== method) continue
    const captures: string[] = []
    const fits = route.segments.every((segment, i) => {
      if (segment.endsWith('=**}')) return captures.push(parts.splice(i).join('/')) > 0
      if (segment.startsWith('{')) return (parts[i] ?? '') !== '' && captures.push(parts[i]!) > 0
      return parts[i] === segment
    })
    if (fits && (route.segments.length === parts.length || route.segments.at(-1)?.endsWith('=**}')))
      return [route, captures]
  }
  return undefined
}
