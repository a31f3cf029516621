import type { IncomingMessage } from 'node:http'
import type { ListenerLimits } from './limits.ts'
import { type Refusal, refusals } from './refusal.ts'

const { malformed } = refusals

/** How the request says that its body ends (RFC 9112 §6). */
export interface Framing {
  /** Declared bytes; undefined with `chunked`. 0 when there is no body. */
  readonly length: number | undefined
}

/**
 * What Node's parser lets pass and a gateway may not: everything that two readers could frame or route differently (RFC 9112
 * §3.2, §6.1, §11.2). Returns the framing of an acceptable head.
 */
export const checkHead = (request: IncomingMessage, limits: ListenerLimits): Framing | Refusal => {
  const { rawHeaders, httpVersion } = request
  if (rawHeaders.length > limits.maxHeaderLines * 2) return refusals.headTooLarge
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return refusals.unsupportedVersion

  let host: string | undefined
  let length: string | undefined
  let coding: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    // Only the lengths of the three names that matter: most fields cost three comparisons of numbers.
    if (name.length !== 4 && name.length !== 14 && name.length !== 17) continue
    const value = rawHeaders[i + 1]!
    switch (name.toLowerCase()) {
      case 'host':
        if (host !== undefined) return malformed('HOST_REPEATED', 'the request has more than one Host')
        host = value
        break
      case 'content-length':
        if (length !== undefined) return malformed('LENGTH_REPEATED', 'the request has more than one Content-Length')
        length = value
        break
      case 'transfer-encoding':
        coding = coding === undefined ? value : `${coding}, ${value}`
        break
    }
  }
  if (coding !== undefined) {
    if (length !== undefined)
      return malformed('FRAMING_AMBIGUOUS', 'the request has both Content-Length and Transfer-Encoding')
    if (httpVersion === '1.0') return malformed('FRAMING_AMBIGUOUS', 'HTTP/1.0 has no Transfer-Encoding')
    if (coding.toLowerCase() !== 'chunked') return refusals.unsupportedTransferCoding
  }
  if (length !== undefined && !isDigits(length))
    return malformed('LENGTH_INVALID', 'the Content-Length is not a number of bytes')
  return checkHost(host, httpVersion) ?? checkTarget(request) ?? { length: framed(coding, length) }
}

const framed = (coding: string | undefined, length: string | undefined): number | undefined => {
  if (coding !== undefined) return undefined
  return length === undefined ? 0 : Number(length)
}

const isDigits = (text: string): boolean => {
  if (text.length === 0 || text.length > 15) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x30 || c > 0x39) return false
  }
  return true
}

/** HTTP/1.0 knew no Host; health checks of old load balancers send none. */
const checkHost = (host: string | undefined, httpVersion: string): Refusal | undefined => {
  if (host === undefined)
    return httpVersion === '1.0' ? undefined : malformed('HOST_MISSING', 'the request has no Host header')
  return isAuthority(host)
    ? undefined
    : malformed('HOST_INVALID', 'the Host header is not a host with an optional port')
}

const OTHER_HOST_BYTES = new Set(Buffer.from("-._~%!$&'()*+;=:[]"))
/** uri-host [ ":" port ] without the comma, which would let two joined Host values pass as one. */
const isAuthority = (host: string): boolean => {
  for (let i = 0; i < host.length; i++) {
    const c = host.charCodeAt(i)
    const letter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a
    const digit = c >= 0x30 && c <= 0x39
    if (!letter && !digit && !OTHER_HOST_BYTES.has(c)) return false
  }
  return host.length > 0
}

/** Origin form only, and `*` for OPTIONS (RFC 9112 §3.2). A fragment is never sent; who reads it as path is fooled. */
const checkTarget = (request: IncomingMessage): Refusal | undefined => {
  const target = request.url ?? ''
  if (target === '*' && request.method === 'OPTIONS') return undefined
  if (!target.startsWith('/'))
    return malformed('TARGET_FORM', 'the request target must be a path: this is not a forward proxy')
  for (let i = 0; i < target.length; i++) {
    const c = target.charCodeAt(i)
    if (c <= 0x20 || c >= 0x7f || c === 0x23)
      return malformed('TARGET_INVALID', 'the request target has characters that must be percent-encoded')
  }
  return undefined
}
