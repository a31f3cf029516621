/**
 * Where a proxied request goes at the backend: `stripPrefix` and `rewrite` of a route, on the raw path. The query is carried
 * over as it came.
 */
export type TargetPath = (path: string, params: readonly string[]) => string

const withoutQuery = (path: string): string => {
  const end = path.indexOf('?')
  return end === -1 ? path : path.slice(0, end)
}
const queryOf = (path: string): string => {
  const end = path.indexOf('?')
  return end === -1 ? '' : path.slice(end)
}
const rooted = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

/** `/shop` taken from `/shop/a?b` leaves `/a?b`; from `/shop` it leaves `/`. A path without the prefix stays as it is. */
export const stripPrefix =
  (prefix: string): TargetPath =>
  (path) => {
    const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
    const own = withoutQuery(path)
    if (own !== bare && !own.startsWith(`${bare}/`)) return path
    return rooted(own.slice(bare.length)) + queryOf(path)
  }

/**
 * `rewrite`: a path in which `{name}` stands for the raw capture of that variable, and a final `/*` for the rest of the path
 * behind the route's prefix.
 */
export const rewrite = (template: string, variables: readonly string[]): TargetPath => {
  const prefix = template.endsWith('/*')
  const parts = (prefix ? template.slice(0, -2) : template).split(/\{([^}]*)\}/)
  const indexes = parts.map((part, i) => (i % 2 === 1 ? variables.indexOf(part) : -1))
  return (path, params) => {
    const filled = parts.map((part, i) => (i % 2 === 1 ? (params[indexes[i]!] ?? '') : part)).join('')
    const rest = prefix ? (params.at(-1) ?? '') : ''
    return rooted(filled + rest) + queryOf(path)
  }
}

/** Variables that a `rewrite` names and the route's path does not have. */
export const unknownVariables = (template: string, variables: readonly string[]): readonly string[] =>
  [...template.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]!).filter((name) => !variables.includes(name))
