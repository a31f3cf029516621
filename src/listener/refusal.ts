import { STATUS_CODES } from 'node:http'
import { Code } from '../core/status.ts'

/** Why the listener itself turns a request away, before any adapter sees it. */
export interface Refusal {
  readonly httpStatus: number
  readonly code: Code
  /** Stable word for `google.rpc.ErrorInfo`, domain `protogate`. */
  readonly reason: string
  readonly message: string
}

const malformed = (reason: string, message: string): Refusal => ({
  httpStatus: 400,
  code: Code.INVALID_ARGUMENT,
  reason,
  message,
})

export const refusals = {
  malformed,
  unsupportedTransferCoding: {
    httpStatus: 501,
    code: Code.UNIMPLEMENTED,
    reason: 'TRANSFER_CODING_UNSUPPORTED',
    message: 'only the transfer coding "chunked" is understood; send the body with it or with a Content-Length',
  },
  unsupportedVersion: {
    httpStatus: 505,
    code: Code.UNIMPLEMENTED,
    reason: 'HTTP_VERSION_UNSUPPORTED',
    message: 'this listener speaks HTTP/1.1 and HTTP/1.0',
  },
  unknownExpectation: {
    httpStatus: 417,
    code: Code.INVALID_ARGUMENT,
    reason: 'EXPECTATION_UNKNOWN',
    message: 'the only expectation that can be met is 100-continue',
  },
  connectMethod: {
    httpStatus: 405,
    code: Code.UNIMPLEMENTED,
    reason: 'METHOD_NOT_ALLOWED',
    message: 'this is not a forward proxy: CONNECT is not served',
  },
  headTooLarge: {
    httpStatus: 431,
    code: Code.RESOURCE_EXHAUSTED,
    reason: 'HEAD_TOO_LARGE',
    message: 'the head of the request is larger than this listener reads; send fewer or shorter header fields',
  },
  headTimeout: {
    httpStatus: 408,
    code: Code.DEADLINE_EXCEEDED,
    reason: 'HEAD_TIMEOUT',
    message: 'the head of the request did not arrive in time',
  },
  chunkExtensions: {
    httpStatus: 413,
    code: Code.RESOURCE_EXHAUSTED,
    reason: 'CHUNK_EXTENSIONS_TOO_LARGE',
    message: 'the chunk extensions of the body are larger than this listener reads',
  },
  notFound: {
    httpStatus: 404,
    code: Code.NOT_FOUND,
    reason: 'ROUTE_NOT_FOUND',
    message: 'nothing on this listener answers such a request',
  },
  fault: {
    httpStatus: 500,
    code: Code.INTERNAL,
    reason: 'INTERNAL',
    message: 'internal error',
  },
} as const satisfies Record<string, Refusal | ((reason: string, message: string) => Refusal)>

/** The refusal as `google.rpc.Status` JSON. */
export const refusalBody = ({ code, message, reason }: Refusal): Buffer =>
  Buffer.from(
    JSON.stringify({
      code,
      message,
      details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'protogate' }],
    }),
  )

/** A whole HTTP/1.1 answer that closes the connection, for sockets on which no response object exists. */
export const rawRefusal = (refusal: Refusal): Buffer => {
  const body = refusalBody(refusal)
  const { httpStatus } = refusal
  const head =
    `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus] ?? 'Error'}\r\n` +
    `date: ${new Date().toUTCString()}\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** What Node's parser or its head timer complained about. */
export const refusalOf = (error: NodeJS.ErrnoException): Refusal => {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return refusals.headTooLarge
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return refusals.chunkExtensions
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusals.headTimeout
    case 'HPE_PAUSED_H2_UPGRADE':
      return refusals.unsupportedVersion
    default:
      return malformed('REQUEST_MALFORMED', `the request is not valid HTTP/1.1: ${explain(error)}`)
  }
}

/** The parser's words without its prefix: they name a kind of fault and repeat nothing of the input. */
const explain = (error: Error): string => error.message.replace(/^Parse Error:? ?/, '') || 'it cannot be parsed'
