import {
  Code,
  codeFromGrpcHttp,
  decodeBinary,
  decodeGrpcMessage,
  emptyMetadata,
  encodeBinary,
  isAnswerField,
  isLegalKey,
  isLegalValue,
  type Metadata,
  makeMetadata,
  makeStatus,
  notGrpc,
  OK,
  type Status,
  statusFromGrpc,
} from '../../../src/spi.ts'
import type { HeaderBlock } from './header-decoder.ts'

/** What stands in a head or in trailers of an answer. */
interface Notes {
  readonly status: string | undefined
  readonly contentType: string | undefined
  readonly encoding: string
  readonly grpcStatus: string | undefined
  readonly grpcMessage: string | undefined
  readonly details: string | undefined
  /** Metadata of the call: names and values in turn. */
  readonly fields: readonly string[]
}

const notesOf = (block: HeaderBlock): Notes => {
  block.notes ??= read(block.raw)
  return block.notes as Notes
}

const read = (raw: readonly string[]): Notes => {
  const known = new Map<string, string>()
  const fields: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    if (KNOWN.has(name)) {
      const before = known.get(name)
      if (before === undefined) known.set(name, value)
      // Of two statuses neither is believed: together they are no number.
      else if (name === 'grpc-status' && before !== value) known.set(name, `${before}, ${value}`)
    } else if (isLegalKey(name) && isAnswerField(name)) addField(fields, name, value)
  }
  return {
    status: known.get(':status'),
    contentType: known.get('content-type'),
    encoding: known.get('grpc-encoding') ?? 'identity',
    grpcStatus: known.get('grpc-status'),
    grpcMessage: known.get('grpc-message'),
    details: known.get('grpc-status-details-bin'),
    fields,
  }
}
const KNOWN: ReadonlySet<string> = new Set([
  ':status',
  'content-type',
  'grpc-encoding',
  'grpc-status',
  'grpc-message',
  'grpc-status-details-bin',
])

/** What is no legal value is left out: it could not be passed on. Binary values are base64 without padding, one for each. */
const addField = (fields: string[], name: string, value: string): void => {
  if (!isLegalValue(value)) return
  if (!name.endsWith('-bin')) fields.push(name, value)
  else for (const bytes of decodeBinary(value)) fields.push(name, encodeBinary(bytes))
}

export const metadataOf = (block: HeaderBlock): Metadata => {
  const { fields } = notesOf(block)
  return fields.length === 0 ? emptyMetadata() : makeMetadata([...fields])
}

export const encodingOf = (block: HeaderBlock): string => notesOf(block).encoding

/** Why a head is not one of gRPC; undefined when it is. */
export const foreignHead = (block: HeaderBlock): { readonly code: Code; readonly text: string } | undefined => {
  const { status, contentType } = notesOf(block)
  const http = httpStatus(status)
  if (http !== 200) return { code: codeFromGrpcHttp(http), text: `HTTP status ${http} in place of a gRPC answer` }
  if (contentType?.startsWith('application/grpc')) return undefined
  const text =
    contentType === undefined
      ? 'an answer without content-type'
      : `content-type ${contentType} in place of application/grpc`
  return { code: codeFromGrpcHttp(200), text }
}

const httpStatus = (status: string | undefined): number =>
  status !== undefined && /^\d{3}$/.test(status) ? Number(status) : 0

const NUMBER = /^\d{1,9}$/
const NO_STATUS = 'the answer ended without grpc-status'

/** The status of a call from its last header block; `alone`: there was no other ("trailers-only"). */
export const endStatus = (block: HeaderBlock, alone: boolean, operation: string): Status => {
  const { status, grpcStatus, grpcMessage, details, fields } = notesOf(block)
  if (grpcStatus === '0' && fields.length === 0) return OK
  const trailers = metadataOf(block)
  if (grpcStatus === undefined) {
    const foreign = alone ? foreignHead(block) : undefined
    const code = alone ? codeFromGrpcHttp(httpStatus(status)) : codeFromGrpcHttp(200)
    return notGrpc(code, foreign?.text ?? NO_STATUS, operation, trailers)
  }
  if (!NUMBER.test(grpcStatus))
    return notGrpc(
      codeFromGrpcHttp(200),
      `grpc-status ${JSON.stringify(grpcStatus)} is not a number`,
      operation,
      trailers,
    )
  if (Number(grpcStatus) === 0) return makeStatus(Code.OK, '', { trailers })
  const message = grpcMessage === undefined ? '' : decodeGrpcMessage(grpcMessage)
  return statusFromGrpc(Number(grpcStatus), message, details, { trailers })
}

/** The answer ended without trailers. */
export const missingStatus = (operation: string): Status => notGrpc(codeFromGrpcHttp(200), NO_STATUS, operation)
