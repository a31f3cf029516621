import type * as grpc from '@grpc/grpc-js'
import {
  answerTooLarge,
  brokenOff,
  Code,
  makeStatus,
  notGrpc,
  OK,
  type Status,
  statusFromGrpc,
  tooLate,
  unreachable,
} from '../../../src/spi.ts'
import { fromGrpc } from './metadata.ts'
import { takeStatus } from './wire.ts'

/** What a message about a failed call names. Where the backend is, only the log tells. */
export interface About {
  readonly operation: string
  /** The deadline of the call is over. */
  readonly late: boolean
}

/** The end of a call as grpc-js tells it: the backend's own status, or one that grpc-js made. */
export const toStatus = (end: grpc.StatusObject, about: About): Status => {
  if (end.code !== Code.OK) return ownStatus(end, about)
  const sent = takeStatus(end.metadata)
  const trailers = fromGrpc(end.metadata)
  if (sent === undefined) return trailers.raw.length === 0 ? OK : makeStatus(Code.OK, '', { trailers })
  if (!sent.sent) return notGrpc(sent.code, sent.message, about.operation, trailers)
  const bytes = end.metadata.get('grpc-status-details-bin')[0]
  return statusFromGrpc(sent.code, sent.message, bytes, { trailers })
}

const TOO_BIG = /larger than max \((\d+) vs (\d+)\)/
const INFLATED = /decompresses to a size larger than (\d+)/
const WRAPPED =
  /^No connection established\. Last error: (?:Error: )?(.*?)(?: \(\d{4}-\d\d-\d\dT[^)]*\))?\. Resolution note: .*$/s

/** A status that no backend sent: no connection, connection lost, message too big, answer that is not gRPC. */
const ownStatus = (end: grpc.StatusObject, { operation, late }: About): Status => {
  const text = end.details ?? ''
  const code = end.code as Code | undefined
  switch (code) {
    case Code.DEADLINE_EXCEEDED:
      return tooLate(operation)
    case Code.CANCELLED:
      return late ? tooLate(operation) : makeStatus(Code.CANCELLED, `the backend cancelled ${operation}`)
    case Code.RESOURCE_EXHAUSTED: {
      const limit = TOO_BIG.exec(text)?.[2] ?? INFLATED.exec(text)?.[1]
      if (limit === undefined) return brokenOff(code, 'UPSTREAM_EXHAUSTED', text, operation)
      return answerTooLarge(Number(limit), operation)
    }
    case Code.UNAVAILABLE:
      return unreachable(WRAPPED.exec(text)?.[1] ?? text)
    case Code.PERMISSION_DENIED:
      return brokenOff(code, 'UPSTREAM_INVALID', text, operation)
    case undefined:
      return makeStatus(
        Code.INTERNAL,
        `the backend sent a message of ${operation} in an encoding that it did not announce`,
        {
          reason: 'UPSTREAM_INVALID',
        },
      )
    default:
      // A stream that could not be opened on a dying connection was never seen by the backend.
      if (text.startsWith('Failed to start HTTP/2 stream')) return unreachable(text)
      return brokenOff(Code.INTERNAL, 'UPSTREAM_INVALID', text, operation)
  }
}
