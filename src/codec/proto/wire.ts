import { isUtf8 } from 'node:buffer'
import type { GatewayError } from '../../core/status.ts'
import { fault } from '../fault.ts'
import { BYTES, FIXED32, FIXED64, GROUP, GROUP_END, MAX_DEPTH, VARINT } from '../plan.ts'

/**
 * Reads the protobuf wire format. `end` is where the innermost message that is being read stops: nothing is read past it.
 * Every failure is `fault('WIRE_INVALID')`.
 */
export class WireReader {
  readonly buffer: Buffer
  pos = 0
  end: number
  /** For error messages: the type that the bytes should be. */
  readonly #what: string

  constructor(bytes: Uint8Array, what: string) {
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.end = bytes.length
    this.#what = what
  }

  fail(problem: string): GatewayError {
    return fault('WIRE_INVALID', `not a protobuf message of the type ${this.#what}: ${problem} at byte ${this.pos}`)
  }

  /** The low 32 bits of a varint, unsigned. A negative int32 comes as ten bytes. */
  varint(): number {
    const { buffer } = this
    let { pos } = this
    let byte = this.#byte(pos++)
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (shift > 63) throw this.fail('a varint of more than ten bytes')
      byte = pos < this.end ? buffer[pos]! : this.#byte(pos)
      pos++
      if (shift < 32) value |= (byte & 0x7f) << shift
      else if (shift === 63 && byte > 1) throw this.fail('a varint of more than 64 bits')
    }
    this.pos = pos
    return value >>> 0
  }

  /** All 64 bits of a varint as an unsigned bigint. */
  varint64(): bigint {
    let { pos } = this
    let low = 0
    let high = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte(pos++)
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else {
        if (byte > 1) throw this.fail(byte > 0x7f ? 'a varint of more than ten bytes' : 'a varint of more than 64 bits')
        high |= bits << 31
      }
      if (byte <= 0x7f) break
    }
    this.pos = pos
    high >>>= 0
    low >>>= 0
    return high < 0x20_0000 ? BigInt(high * 0x1_0000_0000 + low) : (BigInt(high) << 32n) | BigInt(low)
  }

  /** True when any bit of the varint is set. */
  bool(): boolean {
    if (this.pos < this.end && this.buffer[this.pos]! < 0x80) return this.buffer[this.pos++] !== 0
    return this.varint64() !== 0n
  }

  /** A tag: field number and wire type. */
  tag(): number {
    const start = this.pos
    const tag = this.varint()
    if (this.pos - start > 5 || (this.pos - start === 5 && this.buffer[this.pos - 1]! > 0x0f))
      throw this.fail('a tag of more than 32 bits')
    if (tag >>> 3 === 0) throw this.fail('the field number 0')
    return tag
  }

  /** A length, checked against what is left. */
  length(): number {
    const start = this.pos
    const length = this.varint()
    // More than four bytes may be more than 32 bits, of which `varint` has the low ones alone.
    if (this.pos - start > 4) {
      this.pos = start
      const whole = this.varint64()
      if (whole > 0xffff_ffffn) throw this.fail(`a length of ${whole}`)
    }
    if (length > this.end - this.pos) throw this.fail(`a length of ${length} with ${this.end - this.pos} bytes left`)
    return length
  }

  fixed32(): number {
    return this.buffer.readUInt32LE(this.#take(4))
  }
  fixed64(): bigint {
    return this.buffer.readBigUInt64LE(this.#take(8))
  }
  float(): number {
    return this.buffer.readFloatLE(this.#take(4))
  }
  double(): number {
    return this.buffer.readDoubleLE(this.#take(8))
  }

  /** Bytes after their length, as a view. */
  bytes(): Buffer {
    const length = this.length()
    const start = this.pos
    this.pos = start + length
    return this.buffer.subarray(start, this.pos)
  }

  /** A string after its length. `strict`: undefined when it is not valid UTF-8; otherwise wrong bytes become U+FFFD. */
  string(strict: boolean): string | undefined {
    const length = this.length()
    const start = this.pos
    const end = start + length
    this.pos = end
    const text = this.buffer.toString('utf8', start, end)
    // Wrong bytes always show as U+FFFD, so only a text that has one needs the second look.
    if (strict && text.includes('\ufffd') && !isUtf8(this.buffer.subarray(start, end))) return undefined
    return text
  }

  /** Passes over the value of a field that nobody knows. */
  skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint64()
        return
      case FIXED64:
        this.#take(8)
        return
      case BYTES: {
        const length = this.length()
        this.pos += length
        return
      }
      case FIXED32:
        this.#take(4)
        return
      case GROUP: {
        if (depth >= MAX_DEPTH) throw this.fail(`more than ${MAX_DEPTH} levels`)
        for (;;) {
          const inner = this.tag()
          if ((inner & 7) !== GROUP_END) this.skip(inner, depth + 1)
          else if (inner >>> 3 === tag >>> 3) return
          else throw this.fail('the end of a group that was not begun')
        }
      }
      case GROUP_END:
        throw this.fail('the end of a group that was not begun')
      default:
        throw this.fail(`the wire type ${tag & 7}`)
    }
  }

  #byte(at: number): number {
    if (at >= this.end) throw this.fail('a truncated varint')
    return this.buffer[at]!
  }
  #take(size: number): number {
    const start = this.pos
    if (size > this.end - start) throw this.fail(`a value of ${size} bytes with ${this.end - start} left`)
    this.pos = start + size
    return start
  }
}
