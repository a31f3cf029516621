import type { ByteWriter } from '../core/message.ts'

/**
 * The writing end of an encoder. Positions live here while it works; the ByteWriter learns of them once, by `done`, so that a
 * failure half-way leaves its `length` unchanged. Every method makes its own room.
 */
export class Sink {
  buffer: Buffer
  pos: number
  readonly #out: ByteWriter

  constructor(out: ByteWriter) {
    this.#out = out
    this.buffer = out.buffer
    this.pos = out.length
  }

  done(): void {
    this.#out.length = this.pos
  }

  room(more: number): void {
    if (this.pos + more > this.buffer.length) this.#grow(more)
  }
  /** `ensure` carries over only what `length` covers; what was written past it is copied here. */
  #grow(more: number): void {
    const out = this.#out
    const { buffer, pos } = this
    const written = pos - out.length
    out.ensure(written + Math.max(more, written))
    if (out.buffer === buffer) return
    buffer.copy(out.buffer, out.length, out.length, pos)
    this.buffer = out.buffer
  }

  byte(value: number): void {
    this.room(1)
    this.buffer[this.pos++] = value
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.room(bytes.length)
    this.buffer.set(bytes, this.pos)
    this.pos += bytes.length
  }

  /** Text of which the caller knows that it is ASCII. */
  ascii(text: string): void {
    const { length } = text
    this.room(length)
    const { buffer, pos } = this
    for (let i = 0; i < length; i++) buffer[pos + i] = text.charCodeAt(i)
    this.pos = pos + length
  }

  utf8(text: string): void {
    this.room(text.length > 512 ? Buffer.byteLength(text) : text.length * 3)
    this.pos += this.buffer.write(text, this.pos)
  }

  /** An unsigned varint of up to 32 bits. */
  varint(value: number): void {
    this.room(5)
    this.pos = putVarint(this.buffer, this.pos, value)
  }

  /** The 64 bits of a bigint in the range of int64 or uint64. */
  varint64(value: bigint): void {
    this.room(10)
    const { buffer } = this
    let { pos } = this
    let low: number
    let high: number
    const small = Number(value)
    if (small >= 0 && small <= Number.MAX_SAFE_INTEGER) {
      low = small >>> 0
      high = Math.floor(small / 0x1_0000_0000)
    } else {
      const bits = BigInt.asUintN(64, value)
      low = Number(bits & 0xffff_ffffn)
      high = Number(bits >> 32n)
    }
    while (high !== 0 || low > 0x7f) {
      buffer[pos++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    buffer[pos++] = low
    this.pos = pos
  }

  fixed32(value: number): void {
    this.room(4)
    this.pos = this.buffer.writeUInt32LE(value >>> 0, this.pos)
  }
  fixed64(value: bigint): void {
    this.room(8)
    this.pos = this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.pos)
  }
  float(value: number): void {
    this.room(4)
    this.pos = this.buffer.writeFloatLE(value, this.pos)
  }
  double(value: number): void {
    this.room(8)
    this.pos = this.buffer.writeDoubleLE(value, this.pos)
  }

  /** Length and UTF-8 of a string. */
  prefixedString(text: string): void {
    const { length } = text
    if (length > 42) {
      const size = Buffer.byteLength(text)
      this.varint(size)
      this.room(size)
      this.pos += this.buffer.write(text, this.pos)
      return
    }
    // 42 UTF-16 units are at most 126 bytes: the length takes one byte.
    this.room(127)
    const { buffer } = this
    const start = this.pos + 1
    let i = 0
    for (; i < length; i++) {
      const c = text.charCodeAt(i)
      if (c > 0x7f) break
      buffer[start + i] = c
    }
    const size = i === length ? length : buffer.write(text, start)
    buffer[this.pos] = size
    this.pos = start + size
  }
  /** Length and bytes. */
  prefixedBytes(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  /** Starts something with a length before it; hand the result to `end`. One byte is kept for the length. */
  begin(): number {
    this.room(1)
    return this.pos++
  }
  /** Writes the length of what came since `begin`, and moves it when the length takes more than one byte. */
  end(at: number): void {
    const size = this.pos - at - 1
    if (size < 0x80) {
      this.buffer[at] = size
      return
    }
    const extra = varintSize(size) - 1
    this.room(extra)
    this.buffer.copyWithin(at + 1 + extra, at + 1, this.pos)
    putVarint(this.buffer, at, size)
    this.pos += extra
  }

  /** A JSON string, quotes included. */
  jsonString(text: string): void {
    const { length } = text
    if (length <= 64) {
      this.room(length + 2)
      const { buffer, pos } = this
      buffer[pos] = 0x22
      let i = 0
      for (; i < length; i++) {
        const c = text.charCodeAt(i)
        if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) break
        buffer[pos + 1 + i] = c
      }
      if (i === length) {
        buffer[pos + 1 + i] = 0x22
        this.pos = pos + length + 2
        return
      }
    }
    this.utf8(JSON.stringify(text))
  }
}

/** Writes an unsigned varint of up to 32 bits, for which there is room; returns where it ends. */
export const putVarint = (buffer: Buffer, at: number, value: number): number => {
  let pos = at
  let rest = value >>> 0
  while (rest > 0x7f) {
    buffer[pos++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[pos++] = rest
  return pos
}
const varintSize = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
