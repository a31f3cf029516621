import {
  Code,
  forwardedReply,
  GatewayError,
  httpFromStatus,
  pushOwn,
  reasonOf,
  type Status,
  statusToJson,
  statusToProblem,
} from '../../../src/spi.ts'
import { wantsProblem } from './accept.ts'
import type { HttpCall } from './call.ts'
import { TRAILER_PREFIX } from './metadata.ts'

/** Answers with `google.rpc.Status` as JSON, or with an RFC 9457 problem where the client asks for it, and ends the call. */
export const writeError = (call: HttpCall, thrown: GatewayError): void => {
  const { exchange, match, request, response, tally } = call
  const error = asCondition(call, thrown)
  const { status } = error
  const httpStatus = httpFromStatus(status)
  tally.httpStatus = httpStatus
  if (!response.closed) {
    const shown = publicStatus(call, error)
    const problem = wantsProblem(request.head.headers.get('accept'))
    const body = problem ? statusToProblem(shown, instanceOf(exchange.id)) : statusToJson(shown, match.snapshot.schema)
    const headers = ['content-type', problem ? 'application/problem+json' : 'application/json', 'vary', 'accept']
    pushOwn(headers, exchange)
    pushErrorHeaders(headers, call, error)
    response.reply(httpStatus, headers, body)
    tally.bytesOut += body.length
  }
  call.finish(status)
}

/** FAILED_PRECONDITION of a backend that was told of the condition: the one of the request did not hold (SEMANTICS §7.9). */
const asCondition = ({ plan }: HttpCall, error: GatewayError): GatewayError => {
  const { status, origin } = error
  if (status.code !== Code.FAILED_PRECONDITION || origin !== 'upstream' || status.httpStatus !== undefined) return error
  const { metadata } = plan
  if (metadata.get('if-match') === undefined && metadata.get('if-none-match') === undefined) return error
  return new GatewayError({ ...status, httpStatus: 412 }, origin, { cause: error.cause })
}

/** A fault of our own is logged in full; the client gets the id under which it stands in the log. */
export const publicStatus = (call: HttpCall, error: GatewayError): Status => {
  const { status, origin } = error
  if (origin !== 'gateway' || status.code !== Code.INTERNAL) return status
  const { exchange, log, match } = call
  log.warn(
    { err: error.cause ?? error, exchange: exchange.id, route: match.route.id },
    'a call failed by a fault of the gateway',
  )
  return { ...status, message: `internal error; it is logged under the id ${exchange.id}` }
}

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/
const instanceOf = (id: string): string => (UUID.test(id) ? `urn:uuid:${id}` : id)

const pushErrorHeaders = (headers: string[], call: HttpCall, { status, origin }: GatewayError): void => {
  const { miss, route } = call.match
  const given = status.trailers.raw
  if (origin === 'upstream') {
    // What a backend says may inform, but never challenge or throttle in the name of the gateway.
    const kept = forwardedReply(status.trailers, route.settings)
    for (let i = 0; i < kept.length; i += 2) headers.push(TRAILER_PREFIX + kept[i]!, kept[i + 1]!)
  } else {
    headers.push(...given)
  }
  if (
    miss !== undefined &&
    miss.allow.length > 0 &&
    reasonOf(status.details) === 'METHOD_NOT_ALLOWED' &&
    !given.includes('allow')
  )
    headers.push('allow', miss.allow.join(', '))
  const seconds = retryAfter(status)
  if (seconds !== undefined && (origin === 'upstream' || !given.includes('retry-after')))
    headers.push('retry-after', String(seconds))
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'
/** Whole seconds of the `RetryInfo` of a 429 or 503, rounded up. */
const retryAfter = (status: Status): number | undefined => {
  const httpStatus = httpFromStatus(status)
  if (httpStatus !== 429 && httpStatus !== 503) return undefined
  const info = status.details.find(({ typeUrl }) => typeUrl === RETRY_INFO)
  if (info === undefined) return undefined
  const delay = lengthDelimited(info.value)
  if (delay === undefined) return undefined
  const seconds = varintField(delay, 1)
  const nanos = varintField(delay, 2)
  if (seconds === undefined || nanos === undefined) return undefined
  return seconds + (nanos > 0 ? 1 : 0)
}

/** Field 1 of a message that has only this field: RetryInfo's Duration is shorter than 128 bytes. */
const lengthDelimited = (bytes: Uint8Array): Uint8Array | undefined =>
  bytes[0] === 0x0a && bytes[1] === bytes.length - 2 ? bytes.subarray(2) : undefined

/** A varint of a Duration, 0 when it is not there; undefined when the bytes are no such message or the number is negative. */
const varintField = (bytes: Uint8Array, wanted: number): number | undefined => {
  let at = 0
  while (at < bytes.length) {
    const number = bytes[at]! >> 3
    if ((bytes[at]! & 7) !== 0) return undefined
    at++
    let value = 0
    let factor = 1
    for (; ; at++) {
      const byte = bytes[at]
      if (byte === undefined || factor > 2 ** 49) return undefined
      value += (byte & 0x7f) * factor
      factor *= 0x80
      if (byte < 0x80) break
    }
    at++
    if (number === wanted) return value
  }
  return 0
}
