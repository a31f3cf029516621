/** Error codes of the system (`getaddrinfo`, `connect`, `read`) in words. */
const WORDS = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection lost'],
  ['EPIPE', 'connection lost'],
  ['ETIMEDOUT', 'no connection in time'],
  ['ENOTFOUND', 'name not found'],
  ['EAI_AGAIN', 'name not found'],
  ['EHOSTUNREACH', 'host not reachable'],
  ['ENETUNREACH', 'network not reachable'],
  ['ENOENT', 'no such socket'],
])
const FOUND: readonly (readonly [RegExp, string])[] = [
  [/certificate|altname|\bTLS\b|\bSSL\b/i, 'TLS failed'],
  [/name resolution/i, 'name not found'],
  [/hang up|other side closed|dropped|disconnected/i, 'connection lost'],
]

/**
 * What a client may know of a connection that failed: a few words for `text`, the error as the system or a library tells it. That
 * itself names addresses, hosts and certificates, and is for the log.
 */
export const connectionFault = (text: string): string => {
  for (const [code] of text.matchAll(/\bE[A-Z_]{3,}\b/g)) {
    const words = WORDS.get(code)
    if (words !== undefined) return words
  }
  return FOUND.find(([pattern]) => pattern.test(text))?.[1] ?? 'connection failed'
}
