import { isUtf8 } from 'node:buffer'
import type { Compat } from './binding.ts'

const hex = (c: number): number => {
  if (c >= 0x30 && c <= 0x39) return c - 0x30
  const lower = c | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Reserved characters of RFC 6570; Envoy leaves them encoded in multi-segment captures. */
const RESERVED = new Set(Buffer.from("!#$&'()*+,/:;=?@[]"))

/** A `%` that two hexadecimal digits do not follow. */
export const hasMalformedEscape = (text: string): boolean => {
  for (let i = text.indexOf('%'); i !== -1; i = text.indexOf('%', i + 1))
    if (hex(text.charCodeAt(i + 1)) < 0 || hex(text.charCodeAt(i + 2)) < 0) return true
  return false
}

const decodeBytes = (text: string, keep: (byte: number) => boolean, plusIsSpace: boolean): Buffer | undefined => {
  const source = Buffer.from(text)
  const out = Buffer.allocUnsafe(source.length)
  let length = 0
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!
    if (c === 0x2b && plusIsSpace) {
      out[length++] = 0x20
    } else if (c !== 0x25) {
      out[length++] = c
    } else {
      const high = hex(source[i + 1] ?? 0)
      const low = hex(source[i + 2] ?? 0)
      if (high < 0 || low < 0) return undefined
      const byte = (high << 4) | low
      if (keep(byte)) {
        out[length++] = 0x25
        out[length++] = source[i + 1]!
        out[length++] = source[i + 2]!
      } else {
        out[length++] = byte
      }
      i += 2
    }
  }
  return out.subarray(0, length)
}

const nothing = (): boolean => false
const slash = (byte: number): boolean => byte === 0x2f
const reserved = (byte: number): boolean => RESERVED.has(byte)

/**
 * A raw path capture, decoded once (google/api/http.proto; SEMANTICS §3). `multi`: the template has a `/` or `**`, so `%2F` stays
 * as received (`spec`), all reserved characters do (`keep-reserved`), or none (`all`).
 * undefined: malformed escape or not UTF-8.
 */
export const decodeCapture = (raw: string, multi: boolean, mode: Compat['unescape']): string | undefined => {
  if (raw.indexOf('%') === -1) return raw
  const keep = !multi || mode === 'all' ? nothing : mode === 'spec' ? slash : reserved
  const bytes = decodeBytes(raw, keep, false)
  return bytes !== undefined && isUtf8(bytes) ? bytes.toString() : undefined
}

/** One name or value of a query, by the rules of `application/x-www-form-urlencoded`. undefined: malformed or not UTF-8. */
export const decodeForm = (raw: string): string | undefined => {
  if (raw.indexOf('%') === -1 && raw.indexOf('+') === -1) return raw
  const bytes = decodeBytes(raw, nothing, true)
  return bytes !== undefined && isUtf8(bytes) ? bytes.toString() : undefined
}

/**
 * A `grpc-message`, as Node gives it (bytes as Latin-1): percent-encoded UTF-8 (PROTOCOL-HTTP2 "Status-Message"). Escapes that are
 * malformed or do not give UTF-8 stay as they are; it never fails. UTF-8 that somebody sent unescaped is read as what it is.
 */
export const decodeGrpcMessage = (raw: string): string => {
  const bytes = Buffer.from(raw, 'latin1')
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const high = bytes[i] === 0x25 ? hex(bytes[i + 1] ?? 0) : -1
    const low = high < 0 ? -1 : hex(bytes[i + 2] ?? 0)
    if (low < 0) {
      out[length++] = bytes[i]!
    } else {
      out[length++] = (high << 4) | low
      i += 2
    }
  }
  const decoded = out.subarray(0, length)
  if (isUtf8(decoded)) return decoded.toString()
  return raw.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const part = Buffer.from(run.replaceAll('%', ''), 'hex')
    return isUtf8(part) ? part.toString() : run
  })
}
