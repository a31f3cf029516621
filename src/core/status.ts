import { errorInfo } from './error-details.ts'
import { emptyMetadata, type Metadata } from './metadata.ts'

/** The gRPC status codes. A plain object and not an `enum`: Node strips types, it does not compile them. */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const
export type Code = (typeof Code)[keyof typeof Code]

const NAMES = Object.keys(Code)
/** `5` → `NOT_FOUND`; a number outside the table → `CODE_99`. */
export const codeName = (code: number): string => NAMES[code] ?? `CODE_${code}`

/** One `google.protobuf.Any` of a `google.rpc.Status`: its type URL and its encoded message. */
export interface ErrorDetail {
  readonly typeUrl: string
  readonly value: Uint8Array
}

/** The end of a stream. Every stream ends with exactly one Status; there is no separate error event. */
export interface Status {
  readonly code: Code
  readonly message: string
  readonly details: readonly ErrorDetail[]
  readonly trailers: Metadata
  /** Overrides the table of `status-map.ts` (405, 413, 415 …). */
  readonly httpStatus: number | undefined
  /** For the log alone: what a client must not learn, such as the system's text about a connection, which names addresses. */
  readonly note?: string | undefined
}

export interface StatusOptions {
  readonly details?: readonly ErrorDetail[] | undefined
  readonly trailers?: Metadata | undefined
  readonly httpStatus?: number | undefined
  readonly note?: string | undefined
  /** A stable word in capitals, sent as `google.rpc.ErrorInfo` of the domain `protogate`. */
  readonly reason?: string | undefined
}

/** Builds a Status; `reason` becomes its first detail. */
export const makeStatus = (code: Code, message: string, options: StatusOptions = {}): Status => {
  const given = options.details ?? []
  return {
    code,
    message,
    details: options.reason === undefined ? given : [errorInfo(options.reason), ...given],
    trailers: options.trailers ?? emptyMetadata(),
    httpStatus: options.httpStatus,
    note: options.note,
  }
}

/** OK without trailers. Shared: nobody may write to its trailers. */
export const OK: Status = makeStatus(Code.OK, '')

/** Who is to blame. Decides the log level, what a retry may do and what a breaker counts. */
export type Origin = 'client' | 'gateway' | 'upstream'

/** The one error of the gateway: a Status that was thrown. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly status: Status
  readonly origin: Origin
  constructor(status: Status, origin: Origin, options?: ErrorOptions) {
    super(status.message, options)
    this.status = status
    this.origin = origin
  }
}

/** The Status of whatever was thrown; anything but a GatewayError is INTERNAL, with the thrown value as `cause`. */
export const toGatewayError = (thrown: unknown): GatewayError =>
  thrown instanceof GatewayError
    ? thrown
    : new GatewayError(makeStatus(Code.INTERNAL, 'internal error', { reason: 'INTERNAL' }), 'gateway', {
        cause: thrown,
      })

type Make = (message: string, options?: StatusOptions & { readonly cause?: unknown }) => GatewayError
const maker =
  (code: Code, origin: Origin, reason: string, httpStatus?: number): Make =>
  (message, options = {}) =>
    new GatewayError(
      makeStatus(code, message, { httpStatus, ...options, reason: options.reason ?? reason }),
      origin,
      options.cause === undefined ? undefined : { cause: options.cause },
    )

/** Constructors of the refusals that the gateway itself makes, each with its default reason (docs/reference/errors.md). */
export const errors = {
  invalidArgument: maker(Code.INVALID_ARGUMENT, 'client', 'INVALID_ARGUMENT'),
  unauthenticated: maker(Code.UNAUTHENTICATED, 'client', 'UNAUTHENTICATED'),
  permissionDenied: maker(Code.PERMISSION_DENIED, 'client', 'PERMISSION_DENIED'),
  notFound: maker(Code.NOT_FOUND, 'client', 'ROUTE_NOT_FOUND'),
  methodNotAllowed: maker(Code.UNIMPLEMENTED, 'client', 'METHOD_NOT_ALLOWED', 405),
  notAcceptable: maker(Code.INVALID_ARGUMENT, 'client', 'NOT_ACCEPTABLE', 406),
  unsupportedMediaType: maker(Code.INVALID_ARGUMENT, 'client', 'MEDIA_TYPE_UNSUPPORTED', 415),
  bodyTooLarge: maker(Code.RESOURCE_EXHAUSTED, 'client', 'BODY_TOO_LARGE', 413),
  messageTooLarge: maker(Code.RESOURCE_EXHAUSTED, 'client', 'MESSAGE_TOO_LARGE', 413),
  resourceExhausted: maker(Code.RESOURCE_EXHAUSTED, 'client', 'RESOURCE_EXHAUSTED'),
  cancelled: maker(Code.CANCELLED, 'client', 'CLIENT_GONE'),
  deadlineExceeded: maker(Code.DEADLINE_EXCEEDED, 'gateway', 'DEADLINE_EXCEEDED'),
  draining: maker(Code.UNAVAILABLE, 'gateway', 'DRAINING'),
  unavailable: maker(Code.UNAVAILABLE, 'upstream', 'UPSTREAM_UNAVAILABLE'),
  unimplemented: maker(Code.UNIMPLEMENTED, 'upstream', 'UNIMPLEMENTED'),
  upstreamInvalid: maker(Code.INTERNAL, 'upstream', 'UPSTREAM_INVALID'),
  internal: maker(Code.INTERNAL, 'gateway', 'INTERNAL'),
} as const
