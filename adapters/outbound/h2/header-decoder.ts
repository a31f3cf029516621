import { ConnectionError, ErrorCode } from './frames.ts'
import { decodeHuffman } from './huffman.ts'
import { FIRST_DYNAMIC, type Field, fieldSize, STATIC } from './static-table.ts'

/** The size of the dynamic table that a peer may use: the default of the protocol, which we leave alone. */
const TABLE_SIZE = 4096
/** Header blocks that are remembered for their bytes. */
const MEMO = 64

/** The fields of one header block, in order. It may be the same object for equal blocks: nobody changes it. */
export class HeaderBlock {
  /** `[name, value, name, value …]`, one character for each byte. */
  readonly raw: readonly string[]
  /** The list is larger than allowed; `raw` has only its beginning. */
  readonly tooLarge: boolean
  /** What its readers made of it, kept because it may come again. */
  notes: unknown
  constructor(raw: readonly string[], tooLarge: boolean) {
    this.raw = raw
    this.tooLarge = tooLarge
  }
}

const broken = (what: string): ConnectionError => new ConnectionError(ErrorCode.COMPRESSION_ERROR, what)

/** HPACK decoder of one connection (RFC 7541). Throws ConnectionError COMPRESSION_ERROR; its state is then lost. */
export class HeaderDecoder {
  readonly #maxListSize: number
  /** The newest last; `#gone` of the first ones are evicted already. */
  #table: Field[] = []
  #gone = 0
  #size = 0
  #limit = TABLE_SIZE
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  #end = 0
  /** Short blocks of nothing but indices, by their bytes; empty again after every change of the table. */
  readonly #memo = new Map<number, HeaderBlock>()

  /** `maxListSize`: the largest header list that is given out, in the bytes of SETTINGS_MAX_HEADER_LIST_SIZE. */
  constructor(maxListSize: number) {
    this.#maxListSize = maxListSize
  }

  decode(bytes: Buffer, start: number, end: number): HeaderBlock {
    const key = memoKey(bytes, start, end)
    if (key !== 0) {
      const known = this.#memo.get(key)
      if (known !== undefined) return known
    }
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    const block = this.#read()
    if (key !== 0 && this.#memo.size < MEMO) this.#memo.set(key, block)
    return block
  }

  #read(): HeaderBlock {
    const raw: string[] = []
    let size = 0
    let mayResize = true
    while (this.#at < this.#end) {
      const first = this.#bytes[this.#at]!
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw broken('a table size update behind a field')
        this.#resize(this.#integer(5))
        continue
      }
      mayResize = false
      const indexed = (first & 0x80) !== 0
      const { name, value } = indexed ? this.#field(this.#integer(7)) : this.#literal(first)
      size += fieldSize(name, value)
      if (size <= this.#maxListSize) raw.push(name, value)
    }
    return new HeaderBlock(raw, size > this.#maxListSize)
  }

  #literal(first: number): Field {
    const insert = (first & 0x40) !== 0
    const index = this.#integer(insert ? 6 : 4)
    const name = index === 0 ? this.#string() : this.#field(index).name
    const field = { name, value: this.#string() }
    if (insert) this.#insert(field)
    return field
  }

  #field(index: number): Field {
    const field = index < FIRST_DYNAMIC ? STATIC[index] : this.#table[this.#table.length - 1 - (index - FIRST_DYNAMIC)]
    const evicted = index >= FIRST_DYNAMIC && index - FIRST_DYNAMIC >= this.#table.length - this.#gone
    if (index === 0 || field === undefined || evicted) throw broken(`a field with the index ${index}, which is none`)
    return field
  }

  /** Bounded by 2^28: nothing that we take is larger. */
  #integer(bits: number): number {
    const mask = (1 << bits) - 1
    let value = this.#bytes[this.#at++]! & mask
    if (value < mask) return value
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) throw broken('an integer that is cut off')
      const byte = this.#bytes[this.#at++]!
      value += (byte & 0x7f) << shift
      if ((byte & 0x80) === 0) return value
    }
    throw broken('an integer that is too large')
  }

  #string(): string {
    if (this.#at >= this.#end) throw broken('a string that is cut off')
    const huffman = (this.#bytes[this.#at]! & 0x80) !== 0
    const length = this.#integer(7)
    const start = this.#at
    const end = start + length
    if (end > this.#end) throw broken('a string that is cut off')
    this.#at = end
    if (!huffman) return latin1(this.#bytes, start, end)
    const text = decodeHuffman(this.#bytes, start, end)
    if (text === undefined) throw broken('a string that is not Huffman-coded')
    return text
  }

  #insert(field: Field): void {
    this.#memo.clear()
    this.#size += fieldSize(field.name, field.value)
    this.#table.push(field)
    this.#evict()
  }
  #resize(limit: number): void {
    if (limit > TABLE_SIZE) throw broken(`a table of ${limit} bytes, more than ${TABLE_SIZE}`)
    this.#memo.clear()
    this.#limit = limit
    this.#evict()
  }
  #evict(): void {
    while (this.#size > this.#limit) {
      const { name, value } = this.#table[this.#gone++]!
      this.#size -= fieldSize(name, value)
    }
    if (this.#gone <= 256) return
    this.#table = this.#table.slice(this.#gone)
    this.#gone = 0
  }
}

/** Up to four indices of one byte as a number; 0: the block is of another kind. */
const memoKey = (bytes: Buffer, start: number, end: number): number => {
  if (end - start > 4) return 0
  let key = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte < 0x81 || byte === 0xff) return 0
    key = key * 256 + byte
  }
  return key
}

const latin1 = (bytes: Buffer, start: number, end: number): string => bytes.toString('latin1', start, end)
