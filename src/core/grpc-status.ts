import { connectionFault } from './connection-fault.ts'
import type { Metadata } from './metadata.ts'
import { Code, makeStatus, type Status } from './status.ts'
import { formatSize } from './units.ts'

/** Ends of calls to gRPC backends that no backend sent. What a client may read names no address; the log has it as `note`. */

/** UNAVAILABLE: the backend cannot be reached, or the connection to it was lost. */
export const unreachable = (text: string, words: string = connectionFault(text)): Status =>
  makeStatus(Code.UNAVAILABLE, `the backend is not available: ${words}`, {
    reason: 'UPSTREAM_UNAVAILABLE',
    note: text,
  })

/** The deadline passed while the backend was at work. */
export const tooLate = (operation: string): Status =>
  makeStatus(Code.DEADLINE_EXCEEDED, `the deadline of the call passed before the backend answered ${operation}`, {
    reason: 'DEADLINE_EXCEEDED',
  })

/** The answer is not one of gRPC; `code` is what its HTTP status means (gRPC "HTTP to gRPC Status Code Mapping"). */
export const notGrpc = (code: number, text: string, operation: string, trailers?: Metadata): Status =>
  makeStatus(code as Code, `the backend did not answer ${operation} as gRPC: ${text}`, {
    reason: code === Code.UNAVAILABLE ? 'UPSTREAM_UNAVAILABLE' : 'UPSTREAM_INVALID',
    trailers,
  })

/** The answer breaks the framing of gRPC. */
export const badFrames = (what: string, operation: string): Status =>
  makeStatus(Code.INTERNAL, `the backend broke the framing of ${operation}: ${what}`, { reason: 'UPSTREAM_INVALID' })

/** The call was broken off on the wire, for what `text` says. */
export const brokenOff = (code: Code, reason: string, text: string, operation: string): Status =>
  makeStatus(code, `the call of ${operation} to the backend was broken off`, { reason, note: text })

/** A message above `limit` bytes. 429 would ask the client to try again, so it is a 502. */
export const answerTooLarge = (limit: number, operation: string): Status =>
  makeStatus(
    Code.RESOURCE_EXHAUSTED,
    `the backend answered ${operation} with a message above the limit of ${formatSize(limit)}`,
    { reason: 'MESSAGE_TOO_LARGE', httpStatus: 502, note: 'raise limits.message of the upstream' },
  )

/** `what`: how many messages came where the method has exactly one. */
export const wrongCount = (what: string, operation: string): Status =>
  makeStatus(Code.UNIMPLEMENTED, `the backend answered ${operation} with ${what}, the method has exactly one`, {
    reason: 'UPSTREAM_INVALID',
  })
