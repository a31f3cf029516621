/** Byte and character rules of one path segment (RFC 3986 §2–§3.3). */

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39
const isLetter = (c: number): boolean => (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)
/** ALPHA, DIGIT, `-`, `.`, `_`, `~`. */
const isUnreserved = (c: number): boolean =>
  isLetter(c) || isDigit(c) || c === 0x2d || c === 0x2e || c === 0x5f || c === 0x7e
const OTHER_PCHAR = new Set(Array.from("!$&'()*+,;=:@", (c) => c.charCodeAt(0)))

/** May stand in a segment as it is: `pchar` without the escapes. */
export const isPchar = (c: number): boolean => isUnreserved(c) || OTHER_PCHAR.has(c)
export const isHex = (c: number): boolean => isDigit(c) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66)
/** First character of a field name. */
export const isNameStart = (c: number): boolean => isLetter(c) || c === 0x5f
export const isNamePart = (c: number): boolean => isNameStart(c) || isDigit(c)

/**
 * The form in which two segments are compared (RFC 3986 §6.2.2): escapes of unreserved characters decoded, the digits of the
 * other escapes in upper case. Escapes must be well formed.
 */
export const normalise = (segment: string): string => {
  let at = segment.indexOf('%')
  if (at === -1) return segment
  let out = ''
  let from = 0
  for (; at !== -1; at = segment.indexOf('%', from)) {
    const digits = segment.slice(at + 1, at + 3)
    const code = Number.parseInt(digits, 16)
    out += segment.slice(from, at)
    out += isUnreserved(code) ? String.fromCharCode(code) : `%${digits.toUpperCase()}`
    from = at + 3
  }
  return out + segment.slice(from)
}

/** `.` or `..`, given a normalised segment (which has no encoded dots). */
export const isDotSegment = (segment: string): boolean => segment === '.' || segment === '..'
