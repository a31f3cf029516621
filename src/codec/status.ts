import { STATUS_CODES } from 'node:http'
import { reasonOf } from '../core/error-details.ts'
import { Bytes } from '../core/message.ts'
import { decodeBinary } from '../core/metadata.ts'
import type { Schema } from '../core/schema.ts'
import {
  type Code,
  codeName,
  type ErrorDetail,
  GatewayError,
  makeStatus,
  type Status,
  type StatusOptions,
} from '../core/status.ts'
import { httpFromStatus } from '../core/status-map.ts'
import { printAny } from './json/index.ts'
import { makeValue, planOf, type Types, typeOfUrl } from './plan.ts'
import { decodeProto, WireReader } from './proto/index.ts'

/** A `google.rpc.Status` as it travels; the bytes of its details are not looked into. */
export interface RichStatus {
  readonly code: number
  readonly message: string
  readonly details: readonly ErrorDetail[]
}

/** A `google.rpc.Status` from its wire bytes; undefined when they are none. */
export const parseStatus = (bytes: Uint8Array): RichStatus | undefined =>
  sound(() => {
    const details: ErrorDetail[] = []
    let code = 0
    let message = ''
    eachField(bytes, 'google.rpc.Status', (tag, reader) => {
      if (tag === 0x08) code = reader.varint() | 0
      else if (tag === 0x12) message = reader.string(false)!
      else if (tag === 0x1a) details.push(parseDetail(reader.bytes()))
      else return false
      return true
    })
    return { code, message, details }
  })

const parseDetail = (bytes: Uint8Array): ErrorDetail => {
  let typeUrl = ''
  let value: Uint8Array = new Uint8Array(0)
  eachField(bytes, 'google.protobuf.Any', (tag, reader) => {
    if (tag === 0x0a) typeUrl = reader.string(false)!
    else if (tag === 0x12) value = reader.bytes()
    else return false
    return true
  })
  return { typeUrl, value }
}

/** Calls `take` for each field; it reads the value or returns false, and then the value is passed over. */
const eachField = (bytes: Uint8Array, what: string, take: (tag: number, reader: WireReader) => boolean): void => {
  const reader = new WireReader(bytes, what)
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    if (!take(tag, reader)) reader.skip(tag, 0)
  }
}

/** What `make` returns; undefined when the bytes that it read were broken. Any other failure is a fault of ours and thrown. */
const sound = <T>(make: () => T): T | undefined => {
  try {
    return make()
  } catch (thrown) {
    if (thrown instanceof GatewayError) return undefined
    throw thrown
  }
}

/**
 * The Status of a gRPC call from its trailers: `grpc-status`, the decoded `grpc-message`, and `grpc-status-details-bin` as text
 * (base64, padded or not) or as bytes. The details are those of the embedded google.rpc.Status, its message stands in for a missing
 * one; where the codes disagree `grpc-status` wins; an embedded status that is broken is ignored (SEMANTICS §7.3).
 */
export const statusFromGrpc = (
  code: number,
  message: string,
  detailsBin: string | Uint8Array | undefined,
  options: Pick<StatusOptions, 'trailers'> = {},
): Status => {
  const bytes = typeof detailsBin === 'string' ? decodeBinary(detailsBin)[0] : detailsBin
  const rich = bytes === undefined || bytes.length === 0 ? undefined : parseStatus(bytes)
  return makeStatus(code as Code, message === '' ? (rich?.message ?? '') : message, {
    details: rich?.details,
    trailers: options.trailers,
  })
}

type TypeSource = Pick<Schema, 'type'>

/**
 * A Status as the JSON of google.rpc.Status: `{"code":5,"message":"…","details":[…]}`, all three always. Details are ProtoJSON; one
 * of a type that the schema lacks, or whose bytes are broken, is its `@type` and its bytes in base64, so that nothing about a detail can break
 * the error (SEMANTICS §7.4). `more` are members to add behind them.
 */
export const statusToJson = (
  status: Pick<Status, 'code' | 'message' | 'details'>,
  schema: TypeSource,
  more: Readonly<Record<string, unknown>> = {},
): Buffer => {
  const types: Types = (name) => schema.type(name)
  const out = new Bytes()
  const put = (text: string): void => {
    const bytes = Buffer.from(text)
    out.ensure(bytes.length)
    out.buffer.set(bytes, out.length)
    out.length += bytes.length
  }
  put(`{"code":${status.code},"message":${JSON.stringify(status.message)},"details":[`)
  status.details.forEach((detail, i) => {
    if (i > 0) put(',')
    putDetail(detail, out, types)
  })
  put(']')
  for (const [name, value] of Object.entries(more)) put(`,${JSON.stringify(name)}:${JSON.stringify(value)}`)
  put('}')
  return out.take()
}

const putDetail = (detail: ErrorDetail, out: Bytes, types: Types): void => {
  const any = makeValue()
  any['@type'] = detail.typeUrl
  const type = types(typeOfUrl(detail.typeUrl))
  const decoded = sound(() => {
    if (type === undefined) return undefined
    any.value = decodeProto(planOf(type), detail.value, types)
    printAny(any, out, types)
    return true
  })
  if (decoded !== undefined) return
  any.value = detail.value
  printAny(any, out, types)
}

/**
 * A Status as `application/problem+json` (RFC 9457): `title` is the phrase of the HTTP status, `detail` the message; added are `code`
 * (the name of the gRPC code), `reason` of its ErrorInfo, and `errors`, one for each violation of its BadRequest, with a JSON pointer
 * (as a URI fragment) into the body or the name of the parameter. `instance` names the occurrence, such as `urn:uuid:…`.
 */
export const statusToProblem = (status: Status, instance?: string): Buffer => {
  const http = httpFromStatus(status)
  const reason = reasonOf(status.details)
  const problems = status.details.flatMap((detail) => violations(detail))
  return Buffer.from(
    JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[http] ?? (http === 499 ? 'Client Closed Request' : 'Error'),
      status: http,
      detail: status.message,
      instance,
      code: codeName(status.code),
      reason,
      errors: problems.length === 0 ? undefined : problems,
    }),
  )
}

interface Violation {
  readonly detail: string
  readonly pointer?: string
  readonly parameter?: string
}

const violations = (detail: ErrorDetail): readonly Violation[] => {
  if (typeOfUrl(detail.typeUrl) !== 'google.rpc.BadRequest') return []
  const found: Violation[] = []
  sound(() =>
    eachField(detail.value, 'google.rpc.BadRequest', (tag, reader) => {
      if (tag !== 0x0a) return false
      found.push(violation(reader.bytes()))
      return true
    }),
  )
  return found
}
const violation = (bytes: Uint8Array): Violation => {
  let field = ''
  let detail = ''
  eachField(bytes, 'google.rpc.BadRequest.FieldViolation', (tag, reader) => {
    if (tag === 0x0a) field = reader.string(false)!
    else if (tag === 0x12) detail = reader.string(false)!
    else return false
    return true
  })
  return field === '' || field.startsWith('/')
    ? { detail, pointer: `#${encodeURI(field)}` }
    : { detail, parameter: field }
}
