import * as grpc from '@grpc/grpc-js'
import {
  decodeBinary,
  encodeBinary,
  forwardable,
  isLegalKey,
  isLegalValue,
  type Metadata,
  makeMetadata,
} from '../../../src/spi.ts'

/**
 * Fields of the transport: written by grpc-js itself, or without meaning behind it; and the one name that grpc-js would make the
 * prototype of its headers.
 */
const OWN = new Set([
  '__proto__',
  'te',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'user-agent',
  'expect',
  'http2-settings',
])

/** Fields that node:http2 refuses to send twice, which would cost the whole connection: the first value counts. */
const SINGLE = new Set([
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
 * Metadata of a call as grpc-js sends it. Hop-by-hop fields, reserved ones (`grpc-…`) and what is not legal in gRPC are left
 * out: a bad header of a client must not fail its call.
 */
export const toGrpc = (metadata: Metadata): grpc.Metadata => {
  const out = new grpc.Metadata()
  for (const [name, raw] of forwardable(metadata)) {
    if (OWN.has(name) || name.startsWith('grpc-') || !isLegalKey(name)) continue
    if (SINGLE.has(name) && out.get(name).length > 0) continue
    const value = raw.trim()
    if (!name.endsWith('-bin')) {
      if (isLegalValue(value)) out.add(name, value)
    } else if (value.split(',').every((part) => BASE64.test(part.trim()))) {
      for (const bytes of decodeBinary(value)) out.add(name, bytes)
    }
  }
  return out
}

/** Fields of an answer that are not metadata of the call. */
const ANSWER_OWN = new Set([
  'content-type',
  'content-length',
  'accept-encoding',
  'te',
  'trailer',
  'connection',
  'keep-alive',
  'transfer-encoding',
])

/** Adds the head or the trailers of an answer to `into`, transport fields and `grpc-…` left out. Binary values become base64. */
export const fromGrpc = (metadata: grpc.Metadata, into: Metadata = makeMetadata()): Metadata => {
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    if (ANSWER_OWN.has(name) || name.startsWith('grpc-')) continue
    for (const value of values) into.append(name, typeof value === 'string' ? value : encodeBinary(value))
  }
  return into
}
