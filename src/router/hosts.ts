/** Host of an authority: lower case, without port and the dot of a rooted name. */
export const hostOf = (authority: string): string => {
  let end = authority.length
  const colon = authority.lastIndexOf(':')
  if (colon > authority.lastIndexOf(']')) end = colon
  if (authority.charCodeAt(end - 1) === 0x2e) end--
  return authority.slice(0, end).toLowerCase()
}

/** Values by host: exact names, `*.x` with the longest first, and what has no host. */
export class HostMap<T> {
  readonly #exact = new Map<string, T>()
  /** By the part behind the star, with its dot: `.x`. */
  readonly #wild = new Map<string, T>()
  readonly #any: T
  readonly #onlyAny: readonly T[]
  readonly #make: () => T
  #longest = 0

  constructor(make: () => T) {
    this.#make = make
    this.#any = make()
    this.#onlyAny = [this.#any]
  }

  /** The value of a host pattern, made on first use. */
  at(pattern: string | undefined): T {
    if (pattern === undefined) return this.#any
    const host = hostOf(pattern)
    const wild = host.startsWith('*.')
    const key = wild ? host.slice(1) : host
    const map = wild ? this.#wild : this.#exact
    let value = map.get(key)
    if (value === undefined) {
      value = this.#make()
      map.set(key, value)
      if (wild) this.#longest = Math.max(this.#longest, key.length)
    }
    return value
  }

  /** Every value that takes requests of this authority, the most specific first; that without a host is last. */
  of(authority: string): readonly T[] {
    if (this.#exact.size === 0 && this.#wild.size === 0) return this.#onlyAny
    const found: T[] = []
    const host = hostOf(authority)
    const exact = this.#exact.get(host)
    if (exact !== undefined) found.push(exact)
    // No pattern is longer than #longest, so a Host header full of dots costs no more than that.
    let dot = host.indexOf('.', Math.max(1, host.length - this.#longest))
    for (; dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const wild = this.#wild.get(host.slice(dot))
      if (wild !== undefined) found.push(wild)
    }
    found.push(this.#any)
    return found
  }

  all(): readonly T[] {
    return [...this.#exact.values(), ...this.#wild.values(), this.#any]
  }
}
