import { hasMalformedEscape } from '../core/percent.ts'
import { isDotSegment, normalise } from './segment.ts'

/** A raw path, cut at its slashes before any decoding. `/` has no segments. */
export interface SplitPath {
  /** Raw, without the query. */
  readonly path: string
  readonly raw: readonly string[]
  /** The same, normalised; the very same array when there is no escape. */
  readonly names: readonly string[]
}

/** undefined: no path at all, a malformed escape, or a dot segment (`.`, `..`, also with encoded dots). */
export const splitPath = (target: string): SplitPath | undefined => {
  const query = target.indexOf('?')
  const path = query === -1 ? target : target.slice(0, query)
  if (path.charCodeAt(0) !== 0x2f) return undefined
  const raw = path.length === 1 ? NONE : path.slice(1).split('/')
  if (path.indexOf('%') === -1) {
    if (path.indexOf('/.') !== -1 && raw.some(isDotSegment)) return undefined
    return { path, raw, names: raw }
  }
  if (hasMalformedEscape(path)) return undefined
  const names = raw.map(normalise)
  return names.some(isDotSegment) ? undefined : { path, raw, names }
}
const NONE: readonly string[] = []

/** What follows the first `count` segments of a raw path: '' or a text that begins with a slash. */
export const below = (path: string, count: number): string => {
  if (count === 0) return path
  let at = 0
  for (let i = 0; i < count; i++) at = path.indexOf('/', at + 1)
  return at === -1 ? '' : path.slice(at)
}
