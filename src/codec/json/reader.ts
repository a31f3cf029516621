import { isUtf8 } from 'node:buffer'
import type { GatewayError } from '../../core/status.ts'
import { fault, quote } from '../fault.ts'
import { numberEnd } from '../lexical.ts'
import { MAX_DEPTH, type Types } from '../plan.ts'

export interface ReaderOptions {
  readonly types: Types
  /** Unknown members and unknown enum names are passed over. */
  readonly ignoreUnknown: boolean
}

/**
 * The tokens of one JSON text (RFC 8259, nothing lenient), read from left to right, and the JSON pointer of where it stands.
 * Numbers and strings come as source text, so that nothing is rounded before its type is known.
 */
export class JsonReader {
  readonly text: string
  readonly options: ReaderOptions
  pos = 0
  #depth = 0
  readonly #path: (string | number)[] = []
  /** Where the objects that were looked through in advance start, with their `@type`. */
  #types: Map<number, string> | undefined
  #scanned = -1

  constructor(text: string, options: ReaderOptions) {
    this.text = text
    this.options = options
  }

  /** What was expected and was not there: a syntax error at the place where the reader stands. */
  syntax(expected: string): GatewayError {
    const { text, pos } = this
    const found = pos >= text.length ? 'the end of the text' : quote(String.fromCodePoint(text.codePointAt(pos)!))
    return this.error('JSON_INVALID', `expected ${expected}, found ${found}`, pos)
  }
  /** An error of the value or member that starts at `at`, with line, column and JSON pointer. */
  error(reason: string, problem: string, at: number): GatewayError {
    const pointer = this.pointer()
    return fault(reason, `JSON ${this.#place(at)}${pointer === '' ? '' : ` (${pointer})`}: ${problem}`, pointer)
  }
  #place(at: number): string {
    let line = 1
    let start = 0
    for (let i = this.text.indexOf('\n'); i !== -1 && i < at; i = this.text.indexOf('\n', start)) {
      line++
      start = i + 1
    }
    return `${line}:${at - start + 1}`
  }

  /** JSON pointer (RFC 6901) of the member that is being read. Very long names are cut: it goes into messages and logs. */
  pointer(): string {
    let out = ''
    for (const part of this.#path) {
      const name = typeof part === 'string' && part.length > 100 ? `${part.slice(0, 97)}...` : `${part}`
      out += `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    }
    return out
  }
  enter(part: string | number): void {
    this.#path.push(part)
  }
  leave(): void {
    this.#path.pop()
  }

  /** The next character that is not white space; NaN at the end. */
  peek(): number {
    const { text } = this
    let { pos } = this
    let c = text.charCodeAt(pos)
    while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos)
    this.pos = pos
    return c
  }

  /** Nothing but white space may be left. */
  finish(): void {
    this.peek()
    if (this.pos < this.text.length) throw this.syntax('the end of the text')
  }

  /** Takes the `{` or `[` that the reader stands on. True when nothing is in it; it is then over. */
  open(bracket: number): boolean {
    if (++this.#depth > MAX_DEPTH)
      throw this.error('JSON_TOO_DEEP', `brackets nested deeper than ${MAX_DEPTH} levels`, this.pos)
    this.pos++
    if (this.peek() !== bracket + 2) return false
    this.pos++
    this.#depth--
    return true
  }
  /** After a member or an element: true when the bracket closes, false when another one follows. */
  close(bracket: number): boolean {
    const c = this.peek()
    if (c === 0x2c) {
      this.pos++
      return false
    }
    if (c !== bracket + 2) throw this.syntax(bracket === 0x7b ? '"," or "}"' : '"," or "]"')
    this.pos++
    this.#depth--
    return true
  }

  /** A member name and its colon. */
  key(): string {
    if (this.peek() !== 0x22) throw this.syntax('a member name in double quotes')
    const name = this.string()
    if (this.peek() !== 0x3a) throw this.syntax('":"')
    this.pos++
    return name
  }

  /** A string; the reader stands on its first quote. Its source may have no lone surrogate, escaped or not. */
  string(): string {
    const { text } = this
    const start = this.pos + 1
    let at = start
    for (;;) {
      const c = text.charCodeAt(at)
      if (c === 0x22) {
        this.pos = at + 1
        return text.slice(start, at)
      }
      if (c === 0x5c) return this.#escaped(start, at)
      if (!(c >= 0x20)) throw this.#unended(at)
      at++
    }
  }
  #unended(at: number): GatewayError {
    this.pos = at
    return at >= this.text.length ? this.syntax('a closing quote') : this.syntax('an escape for the control character')
  }

  #escaped(start: number, firstEscape: number): string {
    const { text } = this
    let out = ''
    let from = start
    let at = firstEscape
    for (;;) {
      const c = text.charCodeAt(at)
      if (c === 0x22) {
        this.pos = at + 1
        return out + text.slice(from, at)
      }
      if (!(c >= 0x20)) throw this.#unended(at)
      if (c !== 0x5c) {
        at++
        continue
      }
      out += text.slice(from, at)
      const kind = text.charCodeAt(at + 1)
      if (kind === 0x75) {
        let unit = this.#hex(at)
        if (unit >= 0xd800 && unit <= 0xdfff) {
          const low = unit < 0xdc00 && text.startsWith('\\u', at + 6) ? this.#hex(at + 6) : 0
          if (low < 0xdc00 || low > 0xdfff) throw this.error('JSON_INVALID', 'a lone surrogate in a string', at)
          out += String.fromCharCode(unit)
          unit = low
          at += 6
        }
        out += String.fromCharCode(unit)
        at += 6
      } else {
        const plain = ESCAPES.get(kind)
        if (plain === undefined) {
          this.pos = at
          throw this.error('JSON_INVALID', 'an escape that JSON does not have', at)
        }
        out += plain
        at += 2
      }
      from = at
    }
  }
  /** The code unit of `\uXXXX` at `at`. */
  #hex(at: number): number {
    let unit = 0
    for (let i = at + 2; i < at + 6; i++) {
      const c = this.text.charCodeAt(i)
      const lower = c | 0x20
      const value = c >= 0x30 && c <= 0x39 ? c - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
      if (value < 0) throw this.error('JSON_INVALID', 'an escape "\\u" without four hexadecimal digits', at)
      unit = unit * 16 + value
    }
    return unit
  }

  /** The source of a number; the reader stands on its first character. */
  number(): string {
    const end = numberEnd(this.text, this.pos)
    if (end === -1) throw this.syntax('a value')
    const start = this.pos
    const next = this.text.charCodeAt(end)
    if ((next >= 0x30 && next <= 0x39) || next === 0x2e) {
      this.pos = end
      throw this.error('JSON_INVALID', 'a number that JSON does not have', start)
    }
    this.pos = end
    return this.text.slice(start, end)
  }

  /** Takes `null`, `true` or `false` if it stands here. */
  takes(word: string): boolean {
    if (!this.text.startsWith(word, this.pos)) return false
    this.pos += word.length
    return true
  }

  /** Passes over one value, of which only the grammar and the uniqueness of its names are checked. */
  skip(): void {
    const c = this.peek()
    if (c === 0x22) this.string()
    else if (c === 0x7b) this.#skipObject()
    else if (c === 0x5b) {
      if (this.open(0x5b)) return
      do this.skip()
      while (!this.close(0x5b))
    } else if (!(this.takes('null') || this.takes('true') || this.takes('false'))) this.number()
  }
  #skipObject(): void {
    const start = this.pos
    if (this.open(0x7b)) return
    const names = new Set<string>()
    do {
      this.peek()
      const at = this.pos
      const name = this.key()
      if (names.has(name)) throw this.duplicate(name, at)
      names.add(name)
      if (name === '@type' && this.peek() === 0x22) {
        const url = this.string()
        this.#types?.set(start, url)
      } else this.skip()
    } while (!this.close(0x7b))
  }

  /** The second member of a name, of the object that is being read. */
  duplicate(name: string, at: number): GatewayError {
    this.enter(name)
    return this.error('FIELD_DUPLICATE', `the member ${quote(name)} is given twice`, at)
  }

  /**
   * `@type` of the object at whose bracket the reader stands, wherever among its members it is; undefined when it has none.
   * What lies inside is looked through only once, however deep such objects stand in each other.
   */
  typeUrl(): string | undefined {
    const start = this.pos
    if (start >= this.#scanned) {
      this.#types ??= new Map()
      this.skip()
      this.#scanned = this.pos
      this.pos = start
    }
    return this.#types?.get(start)
  }
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x22, '"'],
  [0x5c, '\\'],
  [0x2f, '/'],
  [0x62, '\b'],
  [0x66, '\f'],
  [0x6e, '\n'],
  [0x72, '\r'],
  [0x74, '\t'],
])

/** The text of JSON bytes: UTF-8 without a byte order mark (RFC 8259 §8.1). */
export const jsonText = (bytes: Uint8Array): string => {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw fault('JSON_INVALID', 'JSON 1:1: a byte order mark, which JSON does not have')
  if (!isUtf8(bytes)) throw fault('JSON_INVALID', 'the JSON text is not UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
