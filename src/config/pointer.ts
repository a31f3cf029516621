/** A JSON pointer (RFC 6901) of a path of keys and indexes; '' is the whole document. */
export const toPointer = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

/** The keys of a JSON pointer. Indexes stay text. */
export const fromPointer = (pointer: string): readonly string[] =>
  pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))

/** What stands at a path of a JSON value; undefined when nothing does. Own members only. */
export const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown => {
  let here = value
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined
    here = (here as Record<PropertyKey, unknown>)[step]
  }
  return here
}
