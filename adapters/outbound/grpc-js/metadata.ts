import * as grpc from '@grpc/grpc-js'
import { encodeBinary, grpcRequestFields, isAnswerField, type Metadata, makeMetadata } from '../../../src/spi.ts'

/**
 * Metadata of a call as grpc-js sends it. `__proto__` is the one name that grpc-js would make the prototype of its headers.
 */
export const toGrpc = (metadata: Metadata): grpc.Metadata => {
  const out = new grpc.Metadata()
  const fields = grpcRequestFields(metadata)
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    const value = fields[i + 1]!
    if (name === '__proto__') continue
    out.add(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value)
  }
  return out
}

/** Adds the head or the trailers of an answer to `into`, transport fields and `grpc-…` left out. Binary values become base64. */
export const fromGrpc = (metadata: grpc.Metadata, into: Metadata = makeMetadata()): Metadata => {
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    if (!isAnswerField(name)) continue
    for (const value of values) into.append(name, typeof value === 'string' ? value : encodeBinary(value))
  }
  return into
}
