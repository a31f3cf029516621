import { Code, connectionFault, errors, formatDuration, GatewayError, makeStatus } from '../../../src/spi.ts'

export interface Failure {
  /** ms */
  readonly connectTimeout: number
  /** ms that were waited for the head, or for the next piece of the body. */
  readonly idle: number
  /** The head of the answer is here. */
  readonly answered: boolean
}

interface NodeError extends Error {
  readonly code?: unknown
  readonly errors?: readonly Error[]
}

/** What went wrong with a request to a backend, from what undici throws. */
export const toError = (thrown: NodeError, failure: Failure): GatewayError => {
  if (thrown instanceof GatewayError) return thrown
  const code = typeof thrown.code === 'string' ? thrown.code : ''
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return unavailable(`no connection within ${formatDuration(failure.connectTimeout)}`, thrown)
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return tooSlow(thrown, failure)
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return closed()
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return invalid('the head of its answer is too large', thrown)
  if (thrown.name === 'HTTPParserError' || thrown.message === 'bad response' || thrown.message === 'bad upgrade')
    return invalid('its answer is not HTTP/1.1', thrown)
  // Behind the head the same error means that the body was cut.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' && !failure.answered)
    return invalid('the length of its answer is not clear', thrown)
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED')
    return errors.invalidArgument(`the request cannot be passed on: ${thrown.message}`, { cause: thrown })
  if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH')
    return errors.invalidArgument('the body of the request is not as long as its content-length', {
      reason: 'BODY_LENGTH',
      cause: thrown,
    })
  return unavailable(connectionFault(`${code} ${reasons(thrown)}`), thrown)
}

/** The channel was stopped under the call, or before it. */
export const closed = (): GatewayError =>
  errors.unavailable('the connection to the backend was closed', { reason: 'DRAINING' })

/** The error itself names addresses: it is for the log. */
const unavailable = (why: string, cause: Error): GatewayError =>
  errors.unavailable(`the backend is not available: ${why}`, { cause, note: reasons(cause) })

const invalid = (why: string, cause: Error): GatewayError =>
  errors.upstreamInvalid(`the backend broke HTTP: ${why}`, { httpStatus: 502, cause, note: cause.message })

const tooSlow = (cause: Error, { idle, answered }: Failure): GatewayError => {
  const what = answered ? 'sent nothing of its answer' : 'did not answer'
  const status = makeStatus(Code.DEADLINE_EXCEEDED, `the backend ${what} for ${formatDuration(idle)}`, {
    reason: 'UPSTREAM_TIMEOUT',
  })
  return new GatewayError(status, 'upstream', { cause })
}

/** Attempts at several addresses of one name fail together, with a message in each part only. */
const reasons = (thrown: NodeError): string => {
  const parts = thrown.errors?.map(({ message }) => message) ?? []
  if (parts.length > 0) return [...new Set(parts)].join('; ')
  return thrown.message === '' ? String(thrown.code ?? 'connection failed') : thrown.message
}
