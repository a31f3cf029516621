/**
 * Headers or trailers: a view over a flat `[name, value, name, value …]` array, the form that Node and undici already use.
 * Names are lower case.
 */
export interface Metadata extends Iterable<readonly [name: string, value: string]> {
  readonly raw: readonly string[]
  get(name: string): string | undefined
  getAll(name: string): readonly string[]
  set(name: string, value: string): void
  append(name: string, value: string): void
  delete(name: string): void
}

class FlatMetadata implements Metadata {
  raw: string[]
  constructor(raw: string[]) {
    this.raw = raw
  }
  get(name: string): string | undefined {
    const { raw } = this
    for (let i = 0; i < raw.length; i += 2) if (raw[i] === name) return raw[i + 1]
    return undefined
  }
  getAll(name: string): readonly string[] {
    const found: string[] = []
    const { raw } = this
    for (let i = 0; i < raw.length; i += 2) if (raw[i] === name) found.push(raw[i + 1]!)
    return found
  }
  set(name: string, value: string): void {
    this.delete(name)
    this.raw.push(name, value)
  }
  append(name: string, value: string): void {
    this.raw.push(name, value)
  }
  delete(name: string): void {
    if (this.get(name) === undefined) return
    const kept: string[] = []
    for (let i = 0; i < this.raw.length; i += 2) if (this.raw[i] !== name) kept.push(this.raw[i]!, this.raw[i + 1]!)
    this.raw = kept
  }
  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    for (let i = 0; i < this.raw.length; i += 2) yield [this.raw[i]!, this.raw[i + 1]!]
  }
}

/** A Metadata over `raw`, which it owns from now on. Names must already be lower case. */
export const makeMetadata = (raw: string[] = []): Metadata => new FlatMetadata(raw)
/** A new, empty Metadata. */
export const emptyMetadata = (): Metadata => new FlatMetadata([])
/** Metadata of Node's `rawHeaders`: names become lower case, order and repeats stay. */
export const fromRawHeaders = (rawHeaders: readonly string[]): Metadata => {
  const raw = new Array<string>(rawHeaders.length)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    raw[i] = rawHeaders[i]!.toLowerCase()
    raw[i + 1] = rawHeaders[i + 1]!
  }
  return new FlatMetadata(raw)
}

/** Fields of one connection (RFC 9110 §7.6.1), `host` and `content-length`. `te` has a value that may go on. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
])

/**
 * What may cross to the other side: everything but the hop-by-hop fields, those that `connection` lists, `host` and
 * `content-length` (RFC 9110 §7.6.1). `te: trailers` stays.
 */
export const forwardable = (metadata: Metadata): Metadata => {
  const listed = listedFields(metadata)
  const raw: string[] = []
  for (const [name, value] of metadata) {
    if (name === 'te') {
      if (value.split(',').some((part) => part.trim().toLowerCase() === 'trailers')) raw.push('te', 'trailers')
      continue
    }
    if (!HOP_BY_HOP.has(name) && listed?.has(name) !== true) raw.push(name, value)
  }
  return new FlatMetadata(raw)
}

/** What `connection` lists; undefined when there is none. */
export const listedFields = (metadata: Metadata): ReadonlySet<string> | undefined => {
  if (metadata.get('connection') === undefined) return undefined
  const listed = new Set<string>()
  for (const value of metadata.getAll('connection'))
    for (const name of value.split(',')) listed.add(name.trim().toLowerCase())
  return listed
}

/** Legal as a gRPC metadata key (PROTOCOL-HTTP2 "Custom-Metadata"): lower case letters, digits, `_`, `-` and `.`. */
export const isLegalKey = (name: string): boolean => {
  if (name.length === 0) return false
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    const legal = (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x5f || c === 0x2d || c === 0x2e
    if (!legal) return false
  }
  return true
}
/** Legal as a gRPC ASCII value: printable ASCII, 0x20–0x7E. */
export const isLegalValue = (value: string): boolean => {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if (c < 0x20 || c > 0x7e) return false
  }
  return true
}

/** Legal as an HTTP field value (RFC 9110 §5.5), Latin-1: no control characters but the tab, so that it cannot begin a line of its own. */
export const isFieldValue = (value: string): boolean => {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if ((c < 0x20 && c !== 0x09) || c === 0x7f || c > 0xff) return false
  }
  return true
}

/** The byte strings of a `-bin` field: split on commas first, then base64 with or without padding, either alphabet. */
export const decodeBinary = (value: string): readonly Buffer[] =>
  value.split(',').map((part) => Buffer.from(part.trim(), 'base64'))
/** A `-bin` value as gRPC emits it: base64 without padding. */
export const encodeBinary = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64').replace(/=+$/, '')
