import {
  decodeBinary,
  encodeBinary,
  HOP_BY_HOP,
  isLegalKey,
  isLegalValue,
  listedFields,
  type Metadata,
} from './metadata.ts'

/** Fields of a request that an outbound for gRPC writes itself, or that mean nothing behind it. */
const REQUEST_OWN: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'te',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'user-agent',
  'expect',
  'http2-settings',
])

/** Fields that a message may have once (RFC 9110): some stacks give up the whole connection for a second one. The first counts. */
const SINGLE: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-language',
  'content-location',
  'content-md5',
  'content-range',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'x-content-type-options',
])
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/**
 * Metadata of a call as it may go to a gRPC backend: names and values in turn, values trimmed. Hop-by-hop fields, reserved ones (`grpc-…`) and
 * what is not legal in gRPC are left out: a bad header of a client must not fail its call. Values of `-bin` fields are base64
 * without padding; of several that stood in one, each has a field.
 */
export const grpcRequestFields = (metadata: Metadata): string[] => {
  const out: string[] = []
  const { raw } = metadata
  const listed = listedFields(metadata)
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (REQUEST_OWN.has(name) || name.startsWith('grpc-') || !isLegalKey(name) || listed?.has(name) === true) continue
    if (SINGLE.has(name) && hasName(out, name)) continue
    const value = raw[i + 1]!.trim()
    if (!name.endsWith('-bin')) {
      if (isLegalValue(value)) out.push(name, value)
    } else if (isBinary(value)) for (const bytes of decodeBinary(value)) out.push(name, encodeBinary(bytes))
  }
  return out
}
const hasName = (fields: readonly string[], name: string): boolean => {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return true
  return false
}
const isBinary = (value: string): boolean => value.split(',').every((part) => BASE64.test(part.trim()))

/** Fields of an answer that are not metadata of the call. */
const ANSWER_OWN: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'accept-encoding',
  'te',
  'trailer',
  'connection',
  'keep-alive',
  'transfer-encoding',
])
/** Whether a field of a head or of trailers is metadata of the call: not the transport's, not one of `grpc-…`. */
export const isAnswerField = (name: string): boolean => !ANSWER_OWN.has(name) && !name.startsWith('grpc-')
