import { Bytes, errors } from '../../../src/spi.ts'

const State = { BETWEEN: 0, NESTED: 1, STRING: 2, ESCAPE: 3, SCALAR: 4 } as const
type State = (typeof State)[keyof typeof State]
const { BETWEEN, NESTED, STRING, ESCAPE, SCALAR } = State

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const isSpace = (c: number): boolean => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09

/**
 * Cuts a JSON text that arrives in pieces into its values, without parsing them: it only knows where a value ends. Whether what
 * it cut is JSON is for the codec to say.
 *
 * `values`: values one after the other, each on a line of its own or not (NDJSON, JSON Lines). `auto`: the same, or one array
 * of them, as the first byte says. A value is a part of a piece where possible, and else a copy; so memory is bounded by
 * `maxBytes` and one piece.
 */
export class JsonSplitter {
  readonly #maxBytes: number
  readonly #emit: (value: Uint8Array) => void
  /** undefined: nothing but space was seen. */
  #array: boolean | undefined
  /** Inside the array: what may come next. */
  #expects: 'value or end' | 'value' | 'comma or end' | 'nothing' = 'value or end'
  #state: State = BETWEEN
  #depth = 0
  /** A string that is a value by itself, and not a part of one. */
  #bare = false
  #carry: Bytes | undefined

  /** `emit` is called inside `push` and `end`. */
  constructor(mode: 'values' | 'auto', maxBytes: number, emit: (value: Uint8Array) => void) {
    this.#maxBytes = maxBytes
    this.#emit = emit
    this.#array = mode === 'values' ? false : undefined
  }

  /** Throws GatewayError when the text cannot be cut (`JSON_STREAM_INVALID`) or a value is too long (`MESSAGE_TOO_LARGE`). */
  push(piece: Uint8Array): void {
    let start = this.#state === BETWEEN ? -1 : 0
    for (let i = 0; i < piece.length; i++) {
      const c = piece[i]!
      switch (this.#state) {
        case BETWEEN:
          if (!isSpace(c) && !this.#separator(c)) {
            start = i
            this.#begin(c)
          }
          break
        case NESTED:
          if (c === QUOTE) this.#state = STRING
          else if (c === OPEN_OBJECT || c === OPEN_ARRAY) this.#depth++
          else if ((c === CLOSE_OBJECT || c === CLOSE_ARRAY) && --this.#depth === 0) {
            this.#finish(piece, start, i + 1)
            start = -1
          }
          break
        case STRING:
          if (c === BACKSLASH) this.#state = ESCAPE
          else if (c === QUOTE && this.#bare) {
            this.#finish(piece, start, i + 1)
            start = -1
          } else if (c === QUOTE) this.#state = NESTED
          break
        case ESCAPE:
          this.#state = STRING
          break
        case SCALAR:
          if (isSpace(c) || (this.#array === true && (c === COMMA || c === CLOSE_ARRAY))) {
            this.#finish(piece, start, i)
            start = -1
            this.#separator(c)
          }
          break
      }
    }
    if (start !== -1) this.#keep(piece.subarray(start))
  }

  /** The text is over. Throws when it ends inside a value or an array. */
  end(): void {
    if (this.#state === SCALAR) this.#finish(NOTHING, 0, 0)
    if (this.#state !== BETWEEN) throw invalid('the body ends inside a message')
    if (this.#array === true && this.#expects !== 'nothing') throw invalid('the body ends before its array does')
  }

  /** Whether the byte stands between values and is dealt with. */
  #separator(c: number): boolean {
    if (isSpace(c)) return true
    if (this.#array === undefined) {
      this.#array = c === OPEN_ARRAY
      return this.#array
    }
    if (!this.#array) return false
    switch (this.#expects) {
      case 'nothing':
        throw invalid('something follows the end of the array of messages')
      case 'comma or end':
        if (c !== COMMA && c !== CLOSE_ARRAY) throw invalid('a comma is missing between two messages of the array')
        this.#expects = c === COMMA ? 'value' : 'nothing'
        return true
      case 'value':
        if (c === CLOSE_ARRAY) throw invalid('the array of messages ends with a comma')
        break
      case 'value or end':
        if (c !== CLOSE_ARRAY) break
        this.#expects = 'nothing'
        return true
    }
    if (c === COMMA) throw invalid('a message is missing between two commas of the array')
    return false
  }

  #begin(c: number): void {
    this.#bare = c === QUOTE
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      this.#state = NESTED
      this.#depth = 1
    } else {
      this.#state = this.#bare ? STRING : SCALAR
    }
  }

  #finish(piece: Uint8Array, start: number, end: number): void {
    this.#state = BETWEEN
    this.#expects = 'comma or end'
    const rest = piece.subarray(start, end)
    if (this.#carry === undefined) {
      this.#check(rest.length)
      this.#emit(rest)
      return
    }
    this.#keep(rest)
    const whole = this.#carry.take()
    this.#carry = undefined
    this.#emit(whole)
  }

  /** Copies a part of a value: many tiny pieces must not keep their buffers alive. */
  #keep(part: Uint8Array): void {
    this.#carry ??= new Bytes(Math.max(256, part.length * 2))
    const carry = this.#carry
    this.#check(carry.length + part.length)
    carry.ensure(part.length)
    carry.buffer.set(part, carry.length)
    carry.length += part.length
  }

  #check(length: number): void {
    if (length > this.#maxBytes)
      throw errors.messageTooLarge(`a message of the stream is longer than ${this.#maxBytes} bytes`)
  }
}

const NOTHING = new Uint8Array(0)
const invalid = (message: string): Error => errors.invalidArgument(message, { reason: 'JSON_STREAM_INVALID' })
