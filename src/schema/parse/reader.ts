import { integerValue, Lexer, type Token } from './lexer.ts'
import type { Ident, NumberNode, Span } from './syntax.ts'
import { SyntaxFailure } from './text.ts'

/** Longest name, and longest name with dots. Full names are put together of them for every field, so they must not be huge. */
const MAX_NAME = 255
const MAX_DOTTED_NAME = 1000
/** Digits of the longest integer that is looked at; no number of protobuf has more than 20. */
const MAX_DIGITS = 100
/** Characters of a token that a message quotes. */
const MAX_SHOWN = 80

/** The current token and what a grammar asks of it. */
export class Reader {
  readonly lexer: Lexer
  token: Token
  readonly #text: string
  #ahead: Token | undefined
  /** End of the token before the current one. */
  end = 0
  /** Braces that are open before the current token. */
  depth = 0

  constructor(text: string) {
    this.#text = text
    this.lexer = new Lexer(text)
    this.token = { kind: 'symbol', text: '', offset: 0, length: 0 }
  }

  advance(): Token {
    const token = this.token
    if (this.is('{')) this.depth++
    else if (this.is('}')) this.depth--
    this.end = token.offset + token.length
    this.token = { kind: 'symbol', text: '', offset: this.end, length: 0 }
    this.token = this.#ahead ?? this.lexer.next()
    this.#ahead = undefined
    return token
  }
  /** The token behind the current one. */
  peek(): Token {
    this.#ahead ??= this.lexer.next()
    return this.#ahead
  }

  is(text: string): boolean {
    return this.token.text === text && this.token.kind !== 'string'
  }
  take(text: string): boolean {
    if (!this.is(text)) return false
    this.advance()
    return true
  }
  expect(text: string, where: string): Token {
    if (this.is(text)) return this.advance()
    const nextLine = this.#text.slice(this.end, this.token.offset).includes('\n')
    if (nextLine) return this.fail(`"${text}" is missing ${where}`, { offset: this.end, length: 1 })
    return this.fail(`"${text}" is missing ${where}, ${this.found()}`)
  }

  name(what: string): Ident {
    if (this.token.kind !== 'name') this.fail(`${what} is missing, ${this.found()}`)
    if (this.token.length > MAX_NAME) this.fail(`${what} has more than ${MAX_NAME} characters`)
    return this.#ident(this.advance())
  }
  /** `a.b.C`, or `.a.b.C`: names joined by dots. */
  typeName(what: string): Ident {
    const { offset } = this.token
    let text = this.take('.') ? '.' : ''
    do {
      text += (text === '' || text === '.' ? '' : '.') + this.name(what).text
      if (text.length > MAX_DOTTED_NAME) this.fail(`${what} has more than ${MAX_DOTTED_NAME} characters`)
    } while (this.take('.'))
    return { text, offset, length: this.end - offset }
  }
  integer(what: string): NumberNode {
    const { offset } = this.token
    const negative = this.take('-')
    if (this.token.kind !== 'integer') this.fail(`${what} is missing, ${this.found()}`)
    if (this.token.length > MAX_DIGITS) this.fail(`${what} has more than ${MAX_DIGITS} digits`)
    const value = integerValue(this.advance().text)
    return { value: negative ? -value : value, offset, length: this.end - offset }
  }

  /** From `start` to the end of the token before the current one. */
  since(start: Span): Span {
    return { offset: start.offset, length: Math.max(1, this.end - start.offset) }
  }
  found(): string {
    const { kind, text } = this.token
    if (kind === 'end') return 'the file ends here'
    const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
    return `found ${kind === 'string' ? shown : JSON.stringify(shown)}`
  }
  fail(message: string, at: Span = this.token, hint?: string): never {
    throw new SyntaxFailure(message, { offset: at.offset, length: Math.max(1, at.length) }, hint)
  }
  #ident(token: Token): Ident {
    return { text: token.text, offset: token.offset, length: token.length }
  }
}
