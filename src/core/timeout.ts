import type { Metadata } from './metadata.ts'
import { errors } from './status.ts'

/** The request headers by which a client limits its call, and what they look like. */
const FORMS = {
  'grpc-timeout': '1 to 8 digits and one of H M S m u n, such as "250m"',
  'connect-timeout-ms': '1 to 10 digits, milliseconds',
  'x-server-timeout': 'seconds, such as "1.5"',
} as const
type TimeoutHeader = keyof typeof FORMS

/** How many of a gRPC unit are one millisecond (of the long ones: how many ms are one of it), the finest first. */
const UNITS: readonly { readonly unit: string; readonly perMs?: number; readonly ms?: number }[] = [
  { unit: 'n', perMs: 1e6 },
  { unit: 'u', perMs: 1e3 },
  { unit: 'm', ms: 1 },
  { unit: 'S', ms: 1000 },
  { unit: 'M', ms: 60_000 },
  { unit: 'H', ms: 3_600_000 },
]
const MOST_GRPC = 99_999_999
const MOST_CONNECT = 9_999_999_999

/** `grpc-timeout` (gRPC PROTOCOL-HTTP2): milliseconds, with a fraction for `u` and `n`; undefined when it is invalid. */
export const parseGrpcTimeout = (text: string): number | undefined => {
  const digits = text.slice(0, -1)
  if (!isDigits(digits, 8)) return undefined
  const found = UNITS.find(({ unit }) => unit === text.at(-1))
  return found === undefined ? undefined : (Number(digits) / (found.perMs ?? 1)) * (found.ms ?? 1)
}

/** `connect-timeout-ms` (Connect protocol): milliseconds; undefined when it is invalid. */
export const parseConnectTimeout = (text: string): number | undefined => (isDigits(text, 10) ? Number(text) : undefined)

/** `x-server-timeout`: decimal seconds (no sign, no exponent) as milliseconds; undefined when it is invalid. */
export const parseServerTimeout = (text: string): number | undefined => {
  const dot = text.indexOf('.')
  const digits = dot === -1 ? text : text.slice(0, dot) + text.slice(dot + 1)
  return isDigits(digits, 20) ? Number(text) * 1000 : undefined
}

/**
 * The value of `grpc-timeout` for what is left: the finest unit that fits into 8 digits, rounded up, so that the backend never gives
 * up before we do. Nothing left is `0n`; more than 99,999,999 hours is that. Do not send the header for Infinity.
 */
export const encodeGrpcTimeout = (ms: number): string => {
  const left = Math.max(0, ms)
  for (const { unit, perMs = 1, ms: length = 1 } of UNITS) {
    const count = roundUp((left * perMs) / length)
    if (count <= MOST_GRPC) return `${count}${unit}`
  }
  return `${MOST_GRPC}H`
}

/** The value of `connect-timeout-ms`: rounded up, at most 10 digits. Do not send the header for Infinity. */
export const encodeConnectTimeout = (ms: number): string => String(Math.min(MOST_CONNECT, roundUp(Math.max(0, ms))))

/** The value of `x-server-timeout`: seconds, rounded up to the millisecond. Do not send the header for Infinity. */
export const encodeServerTimeout = (ms: number): string =>
  String(Math.min(MOST_CONNECT, roundUp(Math.max(0, ms))) / 1000)

/**
 * How long the client gives its call, in ms: the shortest of `grpc-timeout`, `connect-timeout-ms` and `x-server-timeout`;
 * undefined when there is none. Throws INVALID_ARGUMENT with the reason `TIMEOUT_INVALID` for an invalid value (SEMANTICS §9).
 */
export const clientTimeout = (headers: Metadata): number | undefined => {
  let shortest: number | undefined
  const { raw } = headers
  for (let i = 0; i < raw.length; i += 2) {
    const parse = PARSERS.get(raw[i]!)
    if (parse === undefined) continue
    const ms = parse(raw[i + 1]!)
    if (ms === undefined) throw invalid(raw[i] as TimeoutHeader, raw[i + 1]!)
    if (shortest === undefined || ms < shortest) shortest = ms
  }
  return shortest
}

/**
 * Monotonic ms at which a call is over: the shorter of the client's limit and the route's (ms; undefined or Infinity = none),
 * from `received`, when the request's headers came. Infinity when there is no limit.
 */
export const deadlineOf = (received: number, client: number | undefined, route: number): number =>
  received + Math.min(client ?? Number.POSITIVE_INFINITY, route)

const PARSERS: ReadonlyMap<string, (text: string) => number | undefined> = new Map([
  ['grpc-timeout', parseGrpcTimeout],
  ['connect-timeout-ms', parseConnectTimeout],
  ['x-server-timeout', parseServerTimeout],
] satisfies readonly [TimeoutHeader, (text: string) => number | undefined][])

const invalid = (name: TimeoutHeader, value: string) =>
  errors.invalidArgument(`${name}: ${JSON.stringify(value.slice(0, 40))} is not a timeout; give ${FORMS[name]}`, {
    reason: 'TIMEOUT_INVALID',
  })

const isDigits = (text: string, most: number): boolean => {
  if (text.length === 0 || text.length > most) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x30 || c > 0x39) return false
  }
  return true
}

/** Up to the next whole number, but not for the last bits that a multiplication may add: 1.1 ms are 1,100,000 ns. */
const roundUp = (count: number): number => Math.ceil(count - Math.min(1e-6, count / 2))
