/** The text of a google.protobuf.FieldMask: lowerCamelCase paths joined by commas (google/protobuf/field_mask.proto). */

const upper = (c: number): boolean => c >= 0x41 && c <= 0x5a
const lower = (c: number): boolean => c >= 0x61 && c <= 0x7a

/** `fooBar.baz` → `foo_bar.baz`. undefined: an empty part, or a path that would not come back the same. */
const toSnake = (path: string): string | undefined => {
  let out = ''
  let empty = true
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i)
    if (c === 0x5f || (c === 0x2e && empty)) return undefined
    empty = c === 0x2e
    out += upper(c) ? `_${String.fromCharCode(c | 0x20)}` : path[i]
  }
  return empty ? undefined : out
}

/** `foo_bar.baz` → `fooBar.baz`. undefined: a path that has no lowerCamelCase form, such as `foo__bar`, `foo_3` or `fooBar`. */
const toCamel = (path: string): string | undefined => {
  let out = ''
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i)
    if (upper(c) || c === 0x2c) return undefined
    if (c !== 0x5f) {
      out += path[i]
      continue
    }
    const next = path.charCodeAt(++i)
    if (!lower(next)) return undefined
    out += String.fromCharCode(next & ~0x20)
  }
  return out
}

/** Paths in proto names. The empty text has none. undefined: a path that does not round-trip. */
export const maskFromText = (text: string): string[] | undefined => {
  if (text === '') return []
  const paths: string[] = []
  for (const part of text.split(',')) {
    const path = toSnake(part)
    if (path === undefined) return undefined
    paths.push(path)
  }
  return paths
}

export const maskToText = (paths: readonly unknown[]): string | undefined => {
  const parts: string[] = []
  for (const path of paths) {
    const camel = typeof path === 'string' ? toCamel(path) : undefined
    if (camel === undefined) return undefined
    parts.push(camel)
  }
  return parts.join(',')
}
