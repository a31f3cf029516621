import { nearest } from '../core/config-error.ts'
import { badRequest } from '../core/error-details.ts'
import { errors, type GatewayError, toGatewayError } from '../core/status.ts'

/**
 * Errors of the codecs. Bytes that do not fit their type are INVALID_ARGUMENT, whoever sent them: a codec does not know whether it
 * reads a request or a reply. Who reads a reply passes what was thrown through `upstreamFault`.
 */
export const fault = (reason: string, message: string, field?: string): GatewayError =>
  errors.invalidArgument(message, {
    reason,
    details: field === undefined ? undefined : [badRequest([{ field, description: message }])],
  })

/** A value handed in by our own side (a policy's `Message.with`) that its type cannot hold. */
export const valueFault = (where: string, expected: string): GatewayError =>
  errors.internal(`${where}: expected ${expected}`, { reason: 'VALUE_INVALID' })

/** The same error, seen from the other side: a backend's message that cannot be decoded or printed is the backend's fault. */
export const upstreamFault = (thrown: unknown): GatewayError => {
  const error = toGatewayError(thrown)
  return error.origin === 'client'
    ? errors.upstreamInvalid(`the backend's reply: ${error.message}`, { cause: error })
    : error
}

/** The known name that a foreign one was probably meant to be. A very long one is not looked at. */
export const hintFor = (name: string, known: Iterable<string>): string | undefined =>
  name.length > 100 ? undefined : nearest(name, known)

/** A piece of foreign text for an error message: quoted, without control characters, cut. */
export const quote = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
