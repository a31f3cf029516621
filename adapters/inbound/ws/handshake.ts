import { errors, type Metadata, makeMetadata, type RequestHead } from '../../../src/spi.ts'

/** What an upgrade asks for, beside its path (RFC 6455 §4.2.1). */
export interface Handshake {
  /** Subprotocols in the client's order. */
  readonly protocols: readonly string[]
  /** Credential that came as a subprotocol, where a browser can set no header. Never echoed, never logged. */
  readonly bearer: string | undefined
}

const BEARER = 'protogate.bearer.'
const KEY = /^[+/0-9A-Za-z]{22}==$/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Throws INVALID_ARGUMENT (HTTP 400, 426 for a version that is not spoken) when the head is no proper opening handshake. */
export const readHandshake = (headers: Metadata): Handshake => {
  const versions = headers.getAll('sec-websocket-version')
  if (versions.length !== 1 || versions[0] !== '13')
    throw errors.invalidArgument('the WebSocket version must be 13 (RFC 6455); send "Sec-WebSocket-Version: 13"', {
      reason: 'WEBSOCKET_VERSION',
      httpStatus: 426,
      trailers: makeMetadata(['sec-websocket-version', '13', 'upgrade', 'websocket']),
    })
  const keys = headers.getAll('sec-websocket-key')
  if (keys.length !== 1 || !KEY.test(keys[0]!))
    throw errors.invalidArgument('Sec-WebSocket-Key must be there once, with 16 random bytes in base64', {
      reason: 'WEBSOCKET_KEY',
    })
  return readProtocols(headers)
}

const readProtocols = (headers: Metadata): Handshake => {
  const offered = headers.getAll('sec-websocket-protocol')
  if (offered.length === 0) return NONE
  const names = offered.join(',').split(',')
  const protocols = new Set<string>()
  let bearer: string | undefined
  for (const raw of names) {
    const name = raw.trim()
    // The value may hold a credential: the message must not repeat it.
    if (!TOKEN.test(name))
      throw errors.invalidArgument('Sec-WebSocket-Protocol is not a list of names', { reason: 'SUBPROTOCOL' })
    if (name.startsWith(BEARER)) {
      if (bearer !== undefined || name.length === BEARER.length)
        throw errors.invalidArgument(`"${BEARER}<token>" must be offered once, with a token`, { reason: 'SUBPROTOCOL' })
      bearer = name.slice(BEARER.length)
    } else if (protocols.has(name)) {
      throw errors.invalidArgument(`the subprotocol "${name}" is offered twice`, { reason: 'SUBPROTOCOL' })
    } else {
      protocols.add(name)
    }
  }
  return { protocols: [...protocols], bearer }
}
const NONE: Handshake = { protocols: [], bearer: undefined }

/** On the path of an RPC no subprotocol is known, and a browser fails a socket whose offer is not taken up: so 400, and why. */
export const refuseSubprotocols = ({ protocols, bearer }: Handshake): void => {
  const multiplexed = protocols.find((name) => name.startsWith('protogate.v1'))
  if (multiplexed !== undefined)
    throw errors.invalidArgument(
      `"${multiplexed}" is the multiplexed protocol: it is spoken on the path of "subscriptions" ("/ws" unless configured), not on the path of a method; offer no subprotocol here`,
      { reason: 'SUBPROTOCOL' },
    )
  if (protocols.length > 0)
    throw errors.invalidArgument(
      `none of the offered subprotocols is known on the path of a method: ${protocols.join(', ')}; offer none here`,
      { reason: 'SUBPROTOCOL' },
    )
  if (bearer !== undefined)
    throw errors.invalidArgument(
      `"${BEARER}…" carries a credential and is no protocol, so there is none to agree on; send an authorization header`,
      { reason: 'SUBPROTOCOL' },
    )
}

/**
 * The head without the credential, for logs and for backends; and the same with it as an `authorization` header, unless the client
 * sent one.
 */
export const withoutBearer = (
  head: RequestHead,
  { protocols, bearer }: Handshake,
): { readonly head: RequestHead; readonly credited: RequestHead } => {
  if (bearer === undefined) return { head, credited: head }
  const { headers } = withoutProtocols(head)
  if (protocols.length > 0) headers.append('sec-websocket-protocol', protocols.join(', '))
  const clean = { ...head, headers }
  if (headers.get('authorization') !== undefined) return { head: clean, credited: clean }
  return {
    head: clean,
    credited: { ...head, headers: makeMetadata([...headers.raw, 'authorization', `Bearer ${bearer}`]) },
  }
}

/** Hides a credential in a head that is refused before its handshake was understood. */
export const withoutProtocols = (head: RequestHead): RequestHead => {
  const headers = makeMetadata([...head.headers.raw])
  headers.delete('sec-websocket-protocol')
  return { ...head, headers }
}

/**
 * Throws PERMISSION_DENIED (403) for a page that may not open a WebSocket here (RFC 6455 §10.2): a browser sends the cookies of
 * this host along, whoever wrote the page. Who is no browser sends no Origin and is let through. `allowed` undefined: pages of the
 * same host.
 */
export const checkOrigin = (head: RequestHead, allowed: readonly string[] | undefined): void => {
  const origins = head.headers.getAll('origin')
  if (origins.length === 0) return
  const origin = origins[0]!.toLowerCase()
  const fine =
    origins.length === 1 &&
    (allowed === undefined ? isSameHost(origin, head.authority) : allowed.some((pattern) => matches(origin, pattern)))
  if (!fine)
    throw errors.permissionDenied(
      allowed === undefined
        ? 'pages of this origin may not open a WebSocket here; add it to "subscriptions.origins"'
        : 'pages of this origin may not open a WebSocket here; it is not among "subscriptions.origins"',
      { reason: 'ORIGIN_FORBIDDEN' },
    )
}

/** Schemes are not compared: TLS may end in front of the gateway. */
const isSameHost = (origin: string, authority: string): boolean => {
  const url = URL.parse(origin)
  if (url === null || url.host === '') return false
  const port = url.protocol === 'https:' || url.protocol === 'wss:' ? ':443' : ':80'
  const host = authority.toLowerCase()
  return url.host === host || `${url.host}${port}` === host
}

const matches = (origin: string, pattern: string): boolean => {
  if (pattern === '*' || pattern === origin) return true
  const star = pattern.indexOf('://*.')
  if (star === -1) return false
  const scheme = pattern.slice(0, star + 3)
  const suffix = pattern.slice(star + 4)
  return origin.startsWith(scheme) && origin.endsWith(suffix) && origin.length > scheme.length + suffix.length
}
