import type { ByteWriter } from '../../../src/spi.ts'
import { FIRST_DYNAMIC, fieldSize, STATIC, staticName } from './static-table.ts'

/** The dynamic table that we use at most, however much a peer allows. */
const TABLE_SIZE = 4096
/** Paths whose blocks are kept: as many as a large schema has methods. */
const MAX_PATHS = 4096

/** What changes from call to call must not fill the peer's table, and secrets must not lie in it (RFC 7541 §7.1.3). */
const SECRET: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
])

interface Block {
  readonly bytes: Buffer
  /** Inserts that the table had seen when it was made: another one moves all indices. */
  readonly inserts: number
}

/**
 * HPACK encoder of one connection. The fields that every call has are put into the dynamic table with their first use, the path of
 * each method too, as long as there is room: nothing is ever evicted, so a call's fixed fields shrink to one byte or two each.
 */
export class HeaderEncoder {
  readonly #common: readonly (readonly [name: string, value: string])[]
  readonly #places = new Map<string, number>()
  readonly #blocks = new Map<string, Block>()
  #inserts = 0
  #size = 0
  #limit = TABLE_SIZE
  /** Sizes that the peer has yet to be told, the smallest first (§4.2). */
  #updates: number[] = []

  /** `common`: fields of every call besides the path, pseudo-fields first. */
  constructor(common: readonly (readonly [name: string, value: string])[]) {
    this.#common = common
  }

  /** SETTINGS_HEADER_TABLE_SIZE of the peer. */
  resize(allowed: number): void {
    const limit = Math.min(allowed, TABLE_SIZE)
    if (limit === this.#limit) return
    if (limit < this.#size) {
      // Told to hold nothing for a moment, the peer drops all entries, as is done here.
      this.#places.clear()
      this.#inserts = 0
      this.#size = 0
      this.#updates = [0]
    }
    this.#limit = limit
    this.#updates = [...this.#updates.filter((size) => size < limit), limit]
    this.#blocks.clear()
  }

  /** The fixed fields of a call to `path`. */
  writeFixed(path: string, out: ByteWriter): void {
    if (this.#updates.length > 0) this.#writeUpdates(out)
    const known = this.#blocks.get(path)
    if (known !== undefined && known.inserts === this.#inserts) {
      const { bytes } = known
      out.ensure(bytes.length)
      out.buffer.set(bytes, out.length)
      out.length += bytes.length
      return
    }
    const before = this.#inserts
    const start = out.length
    // With the names that begin with a colon, which stand before all others (RFC 9113 §8.3).
    this.#writeStable(':path', path, out)
    for (const [name, value] of this.#common) this.#writeStable(name, value, out)
    // A block that filled the table is not to be sent again.
    if (this.#inserts !== before) return
    if (this.#blocks.size >= MAX_PATHS) this.#blocks.clear()
    this.#blocks.set(path, { bytes: Buffer.from(out.buffer.subarray(start, out.length)), inserts: before })
  }

  /** A field that is this call's own. */
  writeOwn(name: string, value: string, out: ByteWriter): void {
    literal(SECRET.has(name) ? 0x10 : 0x00, 4, name, value, out)
  }

  #writeUpdates(out: ByteWriter): void {
    for (const size of this.#updates) {
      out.ensure(6)
      integer(0x20, 5, size, out)
    }
    this.#updates = []
  }

  #writeStable(name: string, value: string, out: ByteWriter): void {
    const fixed = STATIC.findIndex((field) => field.name === name && field.value === value)
    const key = `${name}\n${value}`
    const place = this.#places.get(key)
    out.ensure(6)
    if (fixed > 0) integer(0x80, 7, fixed, out)
    else if (place !== undefined) integer(0x80, 7, FIRST_DYNAMIC + this.#inserts - 1 - place, out)
    else {
      const size = fieldSize(name, value)
      const fits = this.#size + size <= this.#limit
      literal(fits ? 0x40 : 0x00, fits ? 6 : 4, name, value, out)
      if (!fits) return
      this.#size += size
      this.#places.set(key, this.#inserts++)
    }
  }
}

const literal = (pattern: number, bits: number, name: string, value: string, out: ByteWriter): void => {
  const index = staticName(name)
  out.ensure(name.length + value.length + 18)
  integer(pattern, bits, index, out)
  if (index === 0) string(name, out)
  string(value, out)
}

/** Not Huffman-coded: bytes on a local network cost less than the time to pack them. */
const string = (text: string, out: ByteWriter): void => {
  const { length } = text
  integer(0x00, 7, length, out)
  const { buffer, length: at } = out
  if (length > 64) buffer.write(text, at, 'latin1')
  else for (let i = 0; i < length; i++) buffer[at + i] = text.charCodeAt(i)
  out.length = at + length
}

const integer = (pattern: number, bits: number, value: number, out: ByteWriter): void => {
  const { buffer } = out
  const mask = (1 << bits) - 1
  if (value < mask) {
    buffer[out.length++] = pattern | value
    return
  }
  buffer[out.length++] = pattern | mask
  let rest = value - mask
  while (rest > 0x7f) {
    buffer[out.length++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[out.length++] = rest
}
