import type { HttpBinding } from '../../core/binding.ts'
import type { MessageType } from '../../core/descriptor.ts'
import type { RouteSettings, RouteTarget } from '../../core/router.ts'
import type { JsonOptions, Operation, Schema } from '../../core/schema.ts'
import { parseDuration, parseSize } from '../../core/units.ts'
import type { Config, RouteConfig } from '../schema.ts'

/** Request headers that become metadata of an RPC, and reply metadata that become headers, unless `forward` adds more. */
const FORWARD_REQUEST = ['authorization', 'traceparent', 'tracestate', 'baggage', 'x-request-id', 'accept-language']
const FORWARD_RESPONSE = [
  'cache-control',
  'content-language',
  'etag',
  'expires',
  'last-modified',
  'link',
  'location',
  'retry-after',
  'vary',
]
const HTTP_BODY = 'google.api.HttpBody'

/** `"none"` is Infinity; the schema has let nothing else through that is not a duration. */
export const milliseconds = (text: string): number =>
  text === 'none' ? Number.POSITIVE_INFINITY : (parseDuration(text) ?? Number.NaN)
/** `"none"` is Infinity. */
export const bytes = (text: string): number =>
  text === 'none' ? Number.POSITIVE_INFINITY : (parseSize(text) ?? Number.NaN)

type Shaping = Pick<RouteConfig, 'json' | 'limits' | 'timeout' | 'stream' | 'forward'>

/** What the inbound adapters read of a route that calls an RPC. */
export const rpcSettings = (
  schema: Schema,
  operation: Operation,
  binding: HttpBinding,
  route: Shaping,
  limits: Config['limits'],
): RouteSettings => {
  const json: JsonOptions = route.json
  const replyJson: JsonOptions = binding.responseBody === '' ? json : { ...json, field: binding.responseBody }
  const single = operation.shape === 'unary' || operation.shape === 'server_stream'
  const timeout = route.timeout ?? (operation.shape === 'unary' ? limits.timeout : 'none')
  return {
    requestCodec: takesHttpBody(operation, binding) ? schema.codec('opaque') : schema.codec('json', json),
    replyCodec: schema.codec('json', replyJson),
    replyJson,
    timeout: milliseconds(timeout),
    idleTimeout: milliseconds(route.limits.idle ?? limits.streamIdle),
    maxBodyBytes: single ? bytes(route.limits.body ?? limits.body) : bytes(route.limits.body ?? 'none'),
    maxMessageBytes: bytes(route.limits.message ?? limits.message),
    stream: route.stream,
    forwardRequest: new Set([...FORWARD_REQUEST, ...route.forward.request.map(lower)]),
    forwardResponse: new Set([...FORWARD_RESPONSE, ...route.forward.response.map(lower)]),
    needsBody: false,
    target: 'rpc',
  }
}

/** What the inbound adapters read of a route that passes HTTP or frames on, or answers by itself. */
export const bytesSettings = (
  schema: Schema,
  target: Exclude<RouteTarget, 'rpc'>,
  route: Shaping,
  limits: Config['limits'],
  needsBody: boolean,
): RouteSettings => ({
  requestCodec: schema.codec('opaque'),
  replyCodec: schema.codec('opaque'),
  replyJson: undefined,
  timeout: milliseconds(route.timeout ?? 'none'),
  idleTimeout: milliseconds(route.limits.idle ?? (target === 'http' ? limits.bodyIdle : limits.streamIdle)),
  maxBodyBytes: bytes(route.limits.body ?? (needsBody ? limits.body : 'none')),
  maxMessageBytes: bytes(route.limits.message ?? limits.message),
  stream: route.stream,
  forwardRequest: undefined,
  forwardResponse: undefined,
  needsBody,
  target,
})

/** The body of the request is the `data` of a google.api.HttpBody: the message itself, or the field that `body` names. */
const takesHttpBody = (operation: Operation, binding: HttpBinding): boolean => {
  if (binding.body === '*') return operation.input.name === HTTP_BODY
  return binding.bodyField?.message?.name === HTTP_BODY
}

const lower = (name: string): string => name.toLowerCase()

/** Type of what has no schema: bodies of plain HTTP and WebSocket frames. */
export const opaqueType: MessageType = {
  name: '',
  fields: [],
  field: () => undefined,
  byNumber: () => undefined,
  comment: '',
}
