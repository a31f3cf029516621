import { cleanComment, SyntaxFailure } from './text.ts'

export interface Token {
  readonly kind: 'name' | 'integer' | 'float' | 'string' | 'symbol' | 'end'
  /** As written; of a string with its quotes. */
  readonly text: string
  readonly offset: number
  readonly length: number
}

interface Comment {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly line: boolean
}

const NAME_START = /[A-Za-z_]/
const NAME = /[A-Za-z0-9_]+/y
const NUMBER = /(?:0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)/y
const INTEGER = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/
const SPACE = /[ \t\r\n\f\v]+/y
const SYMBOLS = '{}[]()<>=;:,.-/'

/**
 * Tokens of a .proto file, one at a time. Inside an option value in braces (`hash`), `#` begins a comment as in the protobuf
 * text format; elsewhere it is an error.
 */
export class Lexer {
  readonly #text: string
  #at: number
  /** Still on the line of the token read last: a comment here speaks of that one, not of the next. */
  #behind = false
  #comments: Comment[] = []
  hash = false

  constructor(text: string) {
    this.#text = text
    this.#at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  }

  next(): Token {
    this.#skip()
    const token = this.#token()
    this.#at = token.offset + token.length
    this.#behind = true
    return token
  }

  /** The comment right before the token read last: no blank line between, and not behind another token on its line. */
  leadingComment(token: Token): string {
    const text = this.#text
    let start = token.offset
    let first = this.#comments.length
    while (first > 0) {
      const comment = this.#comments[first - 1]!
      const gap = text.slice(comment.end, start)
      if (gap.split('\n').length > 2) break
      if (first < this.#comments.length && !(comment.line && this.#comments[first]!.line)) break
      start = comment.start
      first--
    }
    return cleanComment(
      this.#comments
        .slice(first)
        .map((comment) => comment.text)
        .join('\n'),
    )
  }

  #skip(): void {
    this.#comments = []
    for (;;) {
      SPACE.lastIndex = this.#at
      const space = SPACE.exec(this.#text)
      if (space !== null) {
        this.#at = SPACE.lastIndex
        if (space[0].includes('\n')) this.#behind = false
      }
      const start = this.#at
      if (this.#text.startsWith('//', start) || (this.hash && this.#text[start] === '#')) this.#lineComment(start)
      else if (this.#text.startsWith('/*', start)) this.#blockComment(start)
      else return
    }
  }

  #lineComment(start: number): void {
    const newline = this.#text.indexOf('\n', start)
    const end = newline === -1 ? this.#text.length : newline
    const marker = this.#text[start] === '#' ? 1 : 2
    this.#keep({ text: this.#text.slice(start + marker, end), start, end, line: true })
    this.#at = end
  }

  #blockComment(start: number): void {
    const close = this.#text.indexOf('*/', start + 2)
    if (close === -1) {
      this.#at = this.#text.length
      throw new SyntaxFailure('the comment is not closed, "*/" is missing', { offset: start, length: 2 })
    }
    const text = this.#text.slice(start + 2, close).replace(/\n[ \t]*\*?/g, '\n')
    this.#keep({ text, start, end: close + 2, line: false })
    this.#at = close + 2
    if (text.includes('\n')) this.#behind = false
  }

  #keep(comment: Comment): void {
    if (!this.#behind) this.#comments.push(comment)
  }

  #token(): Token {
    const offset = this.#at
    const first = this.#text[offset]
    if (first === undefined) return { kind: 'end', text: '', offset, length: 0 }
    if (NAME_START.test(first)) return this.#matched('name', NAME, offset)
    if (isDigit(first) || (first === '.' && isDigit(this.#text[offset + 1] ?? ''))) return this.#number(offset)
    if (first === '"' || first === "'") return this.#string(offset, first)
    if (SYMBOLS.includes(first)) return { kind: 'symbol', text: first, offset, length: 1 }
    const shown = String.fromCodePoint(this.#text.codePointAt(offset)!)
    this.#at = offset + shown.length
    throw new SyntaxFailure(`${JSON.stringify(shown)} cannot stand here`, { offset, length: shown.length })
  }

  #matched(kind: Token['kind'], pattern: RegExp, offset: number): Token {
    pattern.lastIndex = offset
    const text = pattern.exec(this.#text)![0]
    return { kind, text, offset, length: text.length }
  }

  #number(offset: number): Token {
    const token = this.#matched('integer', NUMBER, offset)
    const end = offset + token.length
    if (NAME_START.test(this.#text[end] ?? '') || isDigit(this.#text[end] ?? '')) {
      NAME.lastIndex = end
      const length = token.length + NAME.exec(this.#text)![0].length
      this.#at = offset + length
      throw new SyntaxFailure(`"${this.#text.slice(offset, offset + length)}" is not a number`, { offset, length })
    }
    if (INTEGER.test(token.text)) return token
    if (/^0[0-9]+$/.test(token.text)) {
      this.#at = end
      throw new SyntaxFailure(`"${token.text}" is not a number: a leading 0 means octal digits`, token)
    }
    return { ...token, kind: 'float' }
  }

  #string(offset: number, quote: string): Token {
    for (let at = offset + 1; ; at++) {
      const character = this.#text[at]
      if (character === quote) {
        const text = this.#text.slice(offset, at + 1)
        return { kind: 'string', text, offset, length: text.length }
      }
      if (character === undefined || character === '\n') {
        this.#at = at
        throw new SyntaxFailure(`the string is not closed on its line, ${quote} is missing`, { offset, length: 1 })
      }
      if (character === '\\') at++
    }
  }
}

const isDigit = (character: string): boolean => character >= '0' && character <= '9'

/** Value of an integer token: decimal, octal with a leading 0, or hexadecimal. */
export const integerValue = (text: string): bigint =>
  /^0[0-7]+$/.test(text) ? BigInt(`0o${text.slice(1)}`) : BigInt(text)

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
}
const ESCAPE = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]?))/g

/** The bytes that a string token stands for. */
export const stringBytes = (token: Token): Buffer => {
  const body = token.text.slice(1, -1)
  if (!body.includes('\\')) return Buffer.from(body)
  const parts: Buffer[] = []
  let from = 0
  for (const match of body.matchAll(ESCAPE)) {
    parts.push(Buffer.from(body.slice(from, match.index)), escaped(match, token))
    from = match.index + match[0].length
  }
  parts.push(Buffer.from(body.slice(from)))
  return Buffer.concat(parts)
}

const escaped = (match: RegExpExecArray, token: Token): Buffer => {
  const [whole, octal, hex, short, long, simple] = match
  if (octal !== undefined) return Buffer.from([Number.parseInt(octal, 8) & 0xff])
  if (hex !== undefined) return Buffer.from([Number.parseInt(hex, 16)])
  const point = short ?? long
  if (point !== undefined && Number.parseInt(point, 16) <= 0x10ffff)
    return Buffer.from(String.fromCodePoint(Number.parseInt(point, 16)))
  const byte = Object.hasOwn(SIMPLE_ESCAPES, simple ?? '') ? SIMPLE_ESCAPES[simple!] : undefined
  if (byte !== undefined) return Buffer.from([byte])
  const at = { offset: token.offset + 1 + match.index, length: Math.max(1, whole.length) }
  throw new SyntaxFailure(`"${whole}" is not an escape sequence of strings`, at)
}
