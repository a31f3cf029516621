import { type Exchange, emptyMetadata, forwardable, type Metadata, makeMetadata } from '../../../src/spi.ts'

const VERSION = /^\d\.\d$/
const DIGITS = /^\d{1,15}$/

/**
 * Headers of a proxied request: the call's metadata without hop-by-hop fields. `Host` is the backend's own and written by
 * undici; the one that the client asked for is in `x-forwarded-host`. Who forwards is added where the inbound has not said it.
 * `content-length` stays for a body in pieces, so that a backend sees how much will come.
 */
export const requestHeaders = (exchange: Exchange, inPieces: boolean): string[] => {
  const { head, metadata, peer } = exchange
  const headers = forwardable(metadata)
  headers.delete('expect')
  if (headers.get('x-forwarded-for') === undefined) {
    headers.append('x-forwarded-for', peer.via ?? peer.address)
    headers.append('x-forwarded-host', head.authority)
    headers.append('x-forwarded-proto', head.scheme)
  }
  join(headers, 'forwarded', forwardedElement(exchange))
  join(headers, 'via', `${VERSION.test(head.httpVersion) ? head.httpVersion : '1.1'} protogate`)
  const length = metadata.get('content-length')
  if (inPieces && length !== undefined && DIGITS.test(length)) headers.append('content-length', length)
  return headers.raw as string[]
}

/** RFC 7239: who is before us, and what was asked for. Addresses of IPv6 stand in brackets and quotes. */
const forwardedElement = ({ head, peer }: Exchange): string => {
  const from = peer.via ?? peer.address
  const node = from.includes(':') ? `"[${from}]"` : from === '' ? 'unknown' : from
  return `for=${node};host=${quoted(head.authority)};proto=${head.scheme}`
}
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const quoted = (value: string): string => (TOKEN.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`)

/** Adds to the end of a list field. */
const join = (headers: Metadata, name: string, element: string): void => {
  const before = headers.getAll(name)
  headers.set(name, [...before, element].join(', '))
}

/** Flat `[name, value, …]` of undici, names in lower case, values byte for byte (Latin-1). */
export const responseMetadata = (raw: unknown): Metadata => {
  const all = flat(raw)
  if (all === undefined) return emptyMetadata()
  const metadata = forwardable(all)
  metadata.delete('te')
  // How long the body is and which trailers will come is said again, by who writes the answer.
  const length = all.get('transfer-encoding') === undefined ? all.get('content-length') : undefined
  if (length !== undefined && DIGITS.test(length)) metadata.append('content-length', length)
  const trailer = all.get('trailer')
  if (trailer !== undefined) metadata.append('trailer', trailer)
  return metadata
}

export const trailerMetadata = (raw: unknown): Metadata => {
  const all = flat(raw)
  return all === undefined ? emptyMetadata() : forwardable(all)
}

const flat = (raw: unknown): Metadata | undefined => {
  if (!Array.isArray(raw) || raw.length === 0) return undefined
  const out = new Array<string>(raw.length)
  for (let i = 0; i < raw.length; i++) {
    const text = Buffer.isBuffer(raw[i]) ? raw[i].latin1Slice() : String(raw[i])
    out[i] = i % 2 === 0 ? text.toLowerCase() : text
  }
  return makeMetadata(out)
}
