import { responseHeaders } from './attributes.ts'
import { type Exchange, type Peer, type RequestHead, requestId } from './exchange.ts'
import { forwardable, isLegalKey, isLegalValue, type Metadata, makeMetadata } from './metadata.ts'
import type { RouteSettings } from './router.ts'
import { errors } from './status.ts'

/** A request as its reader gives it: what it says, and who said it. */
export interface Arrived {
  readonly head: RequestHead
  readonly peer: Peer
}

/** Names of a call's metadata that protocols write themselves. */
const RESERVED = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const isReserved = (name: string): boolean =>
  RESERVED.has(name) || name.startsWith('grpc-') || name.startsWith('sec-websocket-')

/**
 * Metadata of a call to an RPC: the headers that the route's allow-list names (all with `undefined`) and `also`, the id of the call,
 * and who forwarded it where that is asked for. Throws `METADATA_INVALID` for a value that gRPC cannot carry: dropping it in silence
 * could drop a credential.
 */
export const rpcMetadata = (
  arrived: Arrived,
  settings: Pick<RouteSettings, 'forwardRequest'>,
  id: string,
  also?: string | undefined,
): Metadata => {
  const { raw } = arrived.head.headers
  const allow = settings.forwardRequest
  const listed = connectionOptions(arrived.head)
  const out: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (allow !== undefined && !allow.has(name) && name !== also) continue
    if (isReserved(name) || name === 'x-request-id' || isForwarding(name)) continue
    if (listed?.has(name) === true || !isLegalKey(name)) continue
    const value = raw[i + 1]!
    if (!isLegalValue(value))
      throw errors.invalidArgument(
        `the header ${name} has characters outside printable ASCII, which gRPC metadata cannot carry`,
        { reason: 'METADATA_INVALID' },
      )
    out.push(name, value)
  }
  if (allow === undefined || allow.has('x-request-id')) out.push('x-request-id', id)
  if (allow === undefined || FORWARDING.some((name) => allow.has(name)))
    for (const [name, value] of forwarding(arrived)) if (allow === undefined || allow.has(name)) out.push(name, value)
  return makeMetadata(out)
}

/**
 * Headers of a proxied request: all but hop-by-hop ones (the length of the body stays), the id of the call, and who
 * forwarded it.
 */
export const proxyMetadata = (arrived: Arrived, id: string): Metadata => {
  const { raw } = forwardable(arrived.head.headers)
  const out: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (name !== 'x-request-id' && name !== 'expect' && !isForwarding(name)) out.push(name, raw[i + 1]!)
  }
  out.push('x-request-id', id)
  for (const [name, value] of forwarding(arrived)) out.push(name, value)
  // Of this hop alone, but a body that passes unchanged is as long on the next one; a policy that changes it deletes this.
  const length = arrived.head.headers.get('content-length')
  if (length !== undefined) out.push('content-length', length)
  return makeMetadata(out)
}

const FORWARDING = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'] as const
/** Whoever is not trusted may not say for whom it forwards, in whatever spelling. */
const isForwarding = (name: string): boolean => name === 'forwarded' || name.startsWith('x-forwarded-')

/** What a proxy says of the client. A trusted one before us is believed and continued. */
const forwarding = ({ head, peer }: Arrived): [name: string, value: string][] => {
  const { headers } = head
  const trusted = peer.via !== undefined
  const chain = trusted ? headers.getAll('x-forwarded-for') : []
  const fields: [string, string][] = [
    ['x-forwarded-for', [...chain, peer.via ?? peer.address].join(', ')],
    ['x-forwarded-host', (trusted ? headers.get('x-forwarded-host') : undefined) ?? head.authority],
    ['x-forwarded-proto', (trusted ? headers.get('x-forwarded-proto') : undefined) ?? head.scheme],
  ]
  if (trusted)
    for (const [name, value] of headers)
      if (isForwarding(name) && !fields.some(([known]) => known === name)) fields.push([name, value])
  return fields
}

/** Names that `connection` declares to hold for this connection alone; undefined in the usual case. */
const connectionOptions = (head: RequestHead): ReadonlySet<string> | undefined => {
  const value = head.headers.getAll('connection').join(',')
  if (value === '' || /^(keep-alive|close|upgrade)$/i.test(value)) return undefined
  return new Set(value.split(',').map((name) => name.trim().toLowerCase()))
}

const LONGEST_ID = 128
/** The id that a trusted proxy gave the call, else a new one. */
export const callId = ({ head, peer }: Arrived): string => {
  const given = peer.via === undefined ? undefined : head.headers.get('x-request-id')
  const usable = given !== undefined && given.length > 0 && given.length <= LONGEST_ID && /^[!-~]+$/.test(given)
  return usable ? given : requestId()
}

/** What of a reply's metadata or trailers a client sees: names of the route's allow-list, all with `undefined`. */
export const forwardedReply = (metadata: Metadata, settings: Pick<RouteSettings, 'forwardResponse'>): string[] => {
  const { raw } = metadata
  const allow = settings.forwardResponse
  const out: string[] = []
  if (raw.length === 0 || allow?.size === 0) return out
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (allow !== undefined && !allow.has(name)) continue
    if (!isReserved(name) && name !== 'x-request-id') out.push(name, raw[i + 1]!)
  }
  return out
}

/** Pushes what the gateway itself says on every answer: the id of the call and what its policies added. */
export const pushOwn = (headers: string[], exchange: Exchange): void => {
  headers.push('x-request-id', exchange.id)
  const added = exchange.get(responseHeaders)
  if (added !== undefined) headers.push(...added.raw)
}
