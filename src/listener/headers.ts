import { isFieldValue } from '../core/metadata.ts'
import type { Log } from '../core/module.ts'

/** Fields that say how this one connection works: only the listener writes them. */
const OWN = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

const isTokenChar = (c: number): boolean =>
  (c >= 0x61 && c <= 0x7a) ||
  (c >= 0x30 && c <= 0x39) ||
  (c >= 0x41 && c <= 0x5a) ||
  c === 0x21 ||
  (c >= 0x23 && c <= 0x27) ||
  c === 0x2a ||
  c === 0x2b ||
  c === 0x2d ||
  c === 0x2e ||
  c === 0x5e ||
  c === 0x5f ||
  c === 0x60 ||
  c === 0x7c ||
  c === 0x7e

/** RFC 9110 §5.6.2 `token`. */
const isToken = (name: string): boolean => {
  for (let i = 0; i < name.length; i++) if (!isTokenChar(name.charCodeAt(i))) return false
  return name.length > 0
}

/**
 * The fields of `headers` (flat, lower-case names) that may be written: a name or value with forbidden characters could end
 * the head early and start another answer, so such a field is dropped and named in the log. `skip` drops one more name.
 */
export const writable = (headers: readonly string[], log: Log, skip?: string): string[] => {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (name === skip || OWN.has(name)) continue
    if (isToken(name) && isFieldValue(value)) kept.push(name, value)
    else log.warn({ header: JSON.stringify(name) }, 'a header with forbidden characters was not sent')
  }
  return kept
}

/** What may not stand in a trailer (RFC 9110 §6.5.1): framing, routing, authentication, content format. */
const NOT_IN_TRAILERS = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'set-cookie',
  'te',
  'trailer',
  'www-authenticate',
])
/** The same for trailers, as the pairs that Node takes. */
export const writableTrailers = (trailers: readonly string[], log: Log): [string, string][] => {
  const kept = writable(trailers, log)
  const pairs: [string, string][] = []
  for (let i = 0; i < kept.length; i += 2) if (!NOT_IN_TRAILERS.has(kept[i]!)) pairs.push([kept[i]!, kept[i + 1]!])
  return pairs
}

/** Value of a `content-length` field among flat headers, when it is one. */
export const declaredLength = (headers: readonly string[]): number | undefined => {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'content-length') continue
    const value = Number(headers[i + 1])
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  }
  return undefined
}
