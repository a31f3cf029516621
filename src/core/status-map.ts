import { Code } from './status.ts'

/** gRPC code → HTTP status (google/rpc/code.proto). The only such table; WebSocket closes with 4000 + it. */
const HTTP: Readonly<Record<Code, number>> = {
  [Code.OK]: 200,
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
}

/** HTTP status of a status: its override, else the table; a code outside the table is 500. */
export const httpFromStatus = (status: { readonly code: number; readonly httpStatus: number | undefined }): number =>
  status.httpStatus ?? HTTP[status.code as Code] ?? 500

/** WebSocket close code of a status: 1000 for OK, else 4000 + the HTTP status of the code. */
export const closeCodeFromStatus = (status: { readonly code: number }): number =>
  status.code === Code.OK ? 1000 : 4000 + (HTTP[status.code as Code] ?? 500)

/** Code of a REST backend's answer, for calls over plain HTTP: a 400 is the caller's fault. */
export const codeFromHttp = (status: number): Code => {
  if (status >= 200 && status < 300) return Code.OK
  switch (status) {
    case 400:
    case 422:
      return Code.INVALID_ARGUMENT
    case 401:
      return Code.UNAUTHENTICATED
    case 403:
      return Code.PERMISSION_DENIED
    case 404:
    case 410:
      return Code.NOT_FOUND
    case 409:
      return Code.ABORTED
    case 412:
      return Code.FAILED_PRECONDITION
    case 413:
    case 429:
      return Code.RESOURCE_EXHAUSTED
    case 499:
      return Code.CANCELLED
    case 501:
    case 405:
      return Code.UNIMPLEMENTED
    case 502:
    case 503:
      return Code.UNAVAILABLE
    case 504:
      return Code.DEADLINE_EXCEEDED
    case 500:
      return Code.INTERNAL
    default:
      return status >= 400 && status < 500 ? Code.FAILED_PRECONDITION : Code.UNKNOWN
  }
}

/** Code of a gRPC backend's answer that carries no `grpc-status` (gRPC "HTTP to gRPC Status Code Mapping"). */
export const codeFromGrpcHttp = (status: number): Code => {
  switch (status) {
    case 400:
    case 431:
      return Code.INTERNAL
    case 401:
      return Code.UNAUTHENTICATED
    case 403:
      return Code.PERMISSION_DENIED
    case 404:
      return Code.UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504:
      return Code.UNAVAILABLE
    default:
      return Code.UNKNOWN
  }
}
