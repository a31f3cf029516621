import {
  Code,
  codeFromHttp,
  connectionFault,
  GatewayError,
  type Metadata,
  makeMetadata,
  makeStatus,
  OK,
  type Status,
} from '../../../src/spi.ts'

/** Meaning of the close codes that have one for a call (RFC 6455 §7.4.1, IANA WebSocket Close Code Number Registry). */
const CODES = new Map<number, Code>([
  [1000, Code.OK],
  [1001, Code.OK],
  [1002, Code.INTERNAL],
  [1003, Code.INVALID_ARGUMENT],
  [1005, Code.OK],
  [1007, Code.INVALID_ARGUMENT],
  [1008, Code.PERMISSION_DENIED],
  [1009, Code.RESOURCE_EXHAUSTED],
  [1010, Code.FAILED_PRECONDITION],
  [1011, Code.INTERNAL],
  [1012, Code.UNAVAILABLE],
  [1013, Code.UNAVAILABLE],
  [1014, Code.UNAVAILABLE],
  [3000, Code.UNAUTHENTICATED],
  [3003, Code.PERMISSION_DENIED],
  [3008, Code.DEADLINE_EXCEEDED],
])

/**
 * Status of a call that the backend has closed. 4400 to 4599 are read as 4000 + an HTTP status, as the gateway itself writes them;
 * other codes of applications are an agreement of the two ends and no failure.
 */
export const statusOfClose = (closeCode: number, reason: string): Status => {
  if (closeCode === 1006)
    return makeStatus(Code.UNAVAILABLE, 'the connection to the backend was lost', { reason: 'UPSTREAM_LOST' })
  const code =
    CODES.get(closeCode) ?? (closeCode >= 4400 && closeCode < 4600 ? codeFromHttp(closeCode - 4000) : Code.OK)
  if (code === Code.OK) return OK
  const said = reason === '' ? '' : `: ${reason}`
  return makeStatus(code, `the backend closed the WebSocket with ${closeCode}${said}`, { reason: 'UPSTREAM_CLOSED' })
}

/** No connection, or not in time. */
export const unreachable = (why: string): GatewayError =>
  new GatewayError(
    makeStatus(Code.UNAVAILABLE, `the backend is not available: ${why}`, { reason: 'UPSTREAM_UNAVAILABLE' }),
    'upstream',
  )

/** The connection failed. The error itself names addresses: it is for the log. */
export const connectionFailed = (error: Error & { readonly code?: string }): GatewayError => {
  const note = `${error.code ?? 'error'}: ${error.message}`
  const message = `the backend is not available: ${connectionFault(note)}`
  const status = makeStatus(Code.UNAVAILABLE, message, { reason: 'UPSTREAM_UNAVAILABLE', note })
  return new GatewayError(status, 'upstream', { cause: error })
}

/** Headers of a refusal that the client needs to act on it. */
const TELLING = ['www-authenticate', 'retry-after']

/** The backend answered the handshake with something other than 101. A refusal keeps its HTTP status; anything else is a bad gateway. */
export const refused = (httpStatus: number, headers: Metadata): GatewayError => {
  const refusal = httpStatus >= 400
  const trailers = makeMetadata()
  for (const name of TELLING) for (const value of headers.getAll(name)) trailers.append(name, value)
  return new GatewayError(
    makeStatus(
      refusal ? codeFromHttp(httpStatus) : Code.UNAVAILABLE,
      `the backend refused the WebSocket with HTTP ${httpStatus}`,
      { reason: 'UPSTREAM_HANDSHAKE', httpStatus: refusal ? httpStatus : 502, trailers },
    ),
    'upstream',
  )
}

/** The backend's handshake broke the protocol. */
export const badHandshake = (why: string, cause?: unknown): GatewayError =>
  new GatewayError(
    makeStatus(Code.UNAVAILABLE, 'the backend answered the WebSocket handshake wrongly', {
      reason: 'UPSTREAM_HANDSHAKE',
      httpStatus: 502,
      note: why,
    }),
    'upstream',
    { cause },
  )

export const noSubprotocol = (offered: readonly string[]): GatewayError =>
  new GatewayError(
    makeStatus(Code.INVALID_ARGUMENT, `the backend speaks none of the offered subprotocols: ${offered.join(', ')}`, {
      reason: 'SUBPROTOCOL',
    }),
    'client',
  )

export const handshakeTimeout = (ms: number): GatewayError =>
  new GatewayError(
    makeStatus(Code.DEADLINE_EXCEEDED, `the backend did not answer the WebSocket handshake within ${ms} ms`, {
      reason: 'UPSTREAM_TIMEOUT',
    }),
    'upstream',
  )
