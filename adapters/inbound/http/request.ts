import {
  type Codec,
  clientTimeout,
  deadlineOf,
  errors,
  type HttpBinding,
  type HttpRequest,
  type Metadata,
  makeMetadata,
  type Operation,
  type Overlay,
  proxyMetadata,
  type RouteMatch,
  rpcMetadata,
} from '../../../src/spi.ts'
import { chooseStream, STREAM_TYPES, type StreamChoice } from './accept.ts'
import { type MessageMaker, type RequestBody, readyBody, tooLarge, unexpectedBody } from './body.ts'
import { CollectedBody } from './collected.ts'
import { contentCoding } from './inflate.ts'
import { replyCodec } from './json-options.ts'
import { jsonForm } from './media-type.ts'
import { type Cut, StreamedBody } from './streamed.ts'

/** Pieces of a streamed `google.api.HttpBody`: far below the 4 MiB that gRPC servers take (SEMANTICS §12.2). */
const PIECE = 256 * 1024
const HTTP_BODY = 'google.api.HttpBody'

/** A request as it will be dispatched. */
export interface Plan {
  readonly metadata: Metadata
  readonly body: RequestBody
  /** Monotonic ms; Infinity when none. */
  readonly deadline: number
  /** How a stream of JSON messages is written; undefined for everything else. */
  readonly stream: StreamChoice | undefined
  /** Of a reply that is JSON: the route's, or what the client asks for. */
  readonly replyCodec: Codec
  /** This EventSource has seen the end of its stream. */
  readonly finished: boolean
}

/** What stands on the request before any of its body is read. Throws GatewayError when it cannot be served. */
export const planRequest = (request: HttpRequest, match: RouteMatch, id: string, received: number): Plan => {
  const { binding, operation, settings } = match.route
  const { headers } = request.head
  const proxied = match.miss !== undefined || operation.shape === 'bytes'
  if (proxied) {
    const metadata = proxyMetadata(request, id)
    // A body that is collected is delivered inflated.
    if (settings.needsBody) metadata.delete('content-encoding')
    return {
      metadata,
      body: match.miss === undefined ? bytesBody(request, match) : readyBody(),
      deadline: deadlineOf(received, undefined, settings.timeout),
      stream: undefined,
      replyCodec: settings.replyCodec,
      finished: false,
    }
  }
  const lines = headers.getAll('accept')
  const accept = lines.length < 2 ? lines[0] : lines.join(',')
  const stream = streamChoice(accept, match)
  const resumes = stream?.format === 'sse'
  return {
    metadata: rpcMetadata(request, settings, id, resumes ? 'last-event-id' : undefined),
    body: rpcBody(request, match),
    deadline: deadlineOf(received, clientTimeout(headers), settings.timeout),
    stream,
    replyCodec: repliesHttpBody(operation, binding)
      ? settings.replyCodec
      : replyCodec(accept, stream?.contentType ?? 'application/json', settings, match.snapshot.schema),
    finished: resumes && headers.get('last-event-id') === END_ID,
  }
}

/** Without resume, the one id that a stream of events has: that of its end. */
export const END_ID = 'end'

/** What a refused request is logged and answered with. */
export const refusedPlan = (match: RouteMatch, received: number): Plan => ({
  metadata: makeMetadata(),
  body: readyBody(),
  deadline: deadlineOf(received, undefined, match.route.settings.timeout),
  stream: undefined,
  replyCodec: match.route.settings.replyCodec,
  finished: false,
})

/** The operation's answer is a stream that is sent message by message. */
export const isStreamed = ({ shape }: Operation): boolean => shape === 'server_stream' || shape === 'bidi'

/** Whether replies (or the part of them that is sent) are raw bytes with a content type. */
export const repliesHttpBody = (operation: Operation, binding: HttpBinding | undefined): boolean =>
  binding === undefined || binding.responseBody === ''
    ? operation.output.name === HTTP_BODY
    : binding.responseField?.message?.name === HTTP_BODY

const takesHttpBody = (operation: Operation, binding: HttpBinding | undefined): boolean =>
  binding === undefined || binding.body === '*'
    ? operation.input.name === HTTP_BODY
    : binding.bodyField?.message?.name === HTTP_BODY

const streamChoice = (accept: string | undefined, { route }: RouteMatch): StreamChoice | undefined => {
  if (!isStreamed(route.operation) || repliesHttpBody(route.operation, route.binding)) return undefined
  const choice = chooseStream(accept, route.settings.stream)
  if (choice === undefined) throw errors.notAcceptable(`this method streams as ${STREAM_TYPES.join(', ')}`)
  return choice
}

const hasBody = (request: HttpRequest): boolean => request.body === undefined || request.body.length > 0
/** Undefined: chunked. */
const declaredLength = (request: HttpRequest): number | undefined => {
  const value = request.head.headers.get('content-length')
  return value === undefined ? undefined : Number(value)
}
const queryOf = (path: string): string => {
  const at = path.indexOf('?')
  return at === -1 ? '' : path.slice(at + 1)
}

const rpcBody = (request: HttpRequest, match: RouteMatch): RequestBody => {
  const { operation, binding, settings } = match.route
  const { schema } = match.snapshot
  const { headers, method, path } = request.head
  const raw = takesHttpBody(operation, binding)
  const streaming = operation.shape === 'client_stream' || operation.shape === 'bidi'
  const overlay: Overlay | undefined =
    binding === undefined
      ? undefined
      : {
          binding,
          params: match.params,
          query: queryOf(path),
          contentType: raw ? headers.get('content-type') : undefined,
        }
  const maker: MessageMaker = {
    schema,
    type: operation.input,
    codec: raw ? schema.codec('opaque') : settings.requestCodec,
    overlay,
  }
  const length = declaredLength(request)
  if (binding?.body === '') {
    if (!hasBody(request)) return readyBody(maker)
    if (length !== undefined) throw unexpectedBody()
    // An empty chunked body is none.
    return new CollectedBody(request, maker, { body: 0, message: 0 }, undefined)
  }
  if (!hasBody(request)) return streaming && !raw ? readyBody() : readyBody(maker)
  const coding = contentCoding(headers)
  const patch = method === 'PATCH'
  const form = raw
    ? 'one'
    : jsonForm(headers, { streaming, patch, mergePatch: patch && binding?.updateMask !== undefined && !streaming })
  const { maxBodyBytes, maxMessageBytes } = settings
  if (length !== undefined && length > maxBodyBytes) throw tooLarge(maxBodyBytes)
  if (!streaming) return new CollectedBody(request, maker, { body: maxBodyBytes, message: maxMessageBytes }, coding)
  const cut: Cut = raw
    ? { kind: 'pieces', max: Math.min(PIECE, maxMessageBytes), first: true }
    : { kind: 'json', mode: form === 'lines' ? 'values' : 'auto', max: maxMessageBytes }
  return new StreamedBody(request, maker, cut, maxBodyBytes, coding)
}

/** The body of a proxied request: as it comes, or whole and inflated where a policy looks into it. */
const bytesBody = (request: HttpRequest, match: RouteMatch): RequestBody => {
  const { operation, settings } = match.route
  const { schema } = match.snapshot
  if (!hasBody(request)) return readyBody()
  const maker: MessageMaker = { schema, type: operation.input, codec: schema.codec('opaque'), overlay: undefined }
  const { maxBodyBytes, maxMessageBytes } = settings
  const length = declaredLength(request)
  if (length !== undefined && length > maxBodyBytes) throw tooLarge(maxBodyBytes)
  if (!settings.needsBody) return new StreamedBody(request, maker, AS_IT_COMES, maxBodyBytes, undefined)
  const coding = contentCoding(request.head.headers)
  return new CollectedBody(request, maker, { body: maxBodyBytes, message: maxMessageBytes }, coding)
}
const AS_IT_COMES: Cut = { kind: 'pieces', max: Number.POSITIVE_INFINITY, first: false }
