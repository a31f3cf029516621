import { isDotSegment, isHex, isNamePart, isNameStart, isPchar, normalise } from './segment.ts'

/** One place of a template: a literal (normalised, see `normalise`), `*` = exactly one segment, `**` = the rest. */
export type TemplateSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'star' }
  | { readonly kind: 'rest' }

/** `{field.path=…}`: what it captures are the template's segments `from` (inclusive) to `to` (exclusive). */
export interface TemplateVariable {
  /** Dot-joined proto field names, as written. */
  readonly path: string
  readonly from: number
  readonly to: number
  /** Its sub-template has a `/` or `**`: `%2F` stays encoded in what it captures (SEMANTICS §3). */
  readonly multi: boolean
}

export interface PathTemplate {
  /** As written. */
  readonly text: string
  readonly segments: readonly TemplateSegment[]
  readonly variables: readonly TemplateVariable[]
  /** Index of the `**` among the segments; -1 when there is none. */
  readonly rest: number
  /** Normalised, without its colon. */
  readonly verb: string | undefined
  /** Matches everything below too, raw (`parsePrefix`). */
  readonly prefix: boolean
}

/** `offset` counts UTF-16 units from the start of the template, so that it can be added to a column. */
export interface TemplateError {
  readonly offset: number
  /** One sentence without a full stop. */
  readonly message: string
}

export const isTemplateError = (parsed: PathTemplate | TemplateError): parsed is TemplateError => 'offset' in parsed

/**
 * Parses a path template of google/api/http.proto:
 *
 *     Template = "/" [ Segments [ ":" Verb ] ]        Segment  = "*" | "**" | LITERAL | Variable
 *     Segments = Segment { "/" Segment }              Variable = "{" FieldPath [ "=" Segments ] "}"
 *
 * A LITERAL is made of RFC 3986 `pchar`, but a `*` stands only alone and the first colon of the last segment begins the verb.
 * `/` alone is the root. `**` must be last before the verb; `lenient` lets literals follow it. At most one `**`.
 */
export const parseTemplate = (text: string, mode: 'strict' | 'lenient'): PathTemplate | TemplateError =>
  run(() => new Parser(text, mode).template())

/**
 * Parses a path that ends in `/*` and means "this and everything below it": `/shop/*`, `/*`. What stands before `/*` follows
 * the grammar of `parseTemplate` without verb and `**`.
 */
export const parsePrefix = (text: string): PathTemplate | TemplateError => run(() => new Parser(text, 'strict').below())

class Failure extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

const run = (parse: () => PathTemplate): PathTemplate | TemplateError => {
  try {
    return parse()
  } catch (thrown) {
    if (thrown instanceof Failure) return { offset: thrown.offset, message: thrown.message }
    throw thrown
  }
}

const SLASH = 0x2f
const COLON = 0x3a
const STAR = 0x2a
const OPEN = 0x7b
const CLOSE = 0x7d
const EQUALS = 0x3d
const PERCENT = 0x25
const DOT = 0x2e

class Parser {
  readonly #text: string
  readonly #lenient: boolean
  #end: number
  #at = 0
  readonly #segments: TemplateSegment[] = []
  readonly #variables: TemplateVariable[] = []
  /** Offset of the `**`. */
  #rest: number | undefined

  constructor(text: string, mode: 'strict' | 'lenient') {
    this.#text = text
    this.#lenient = mode === 'lenient'
    this.#end = text.length
  }

  template(): PathTemplate {
    this.#start()
    let verb: string | undefined
    if (this.#at < this.#end) {
      this.#list(false)
      verb = this.#verb()
    }
    return this.#result(verb, false)
  }

  below(): PathTemplate {
    this.#start()
    if (!this.#text.endsWith('/*')) this.#fail(this.#end, 'a prefix must end in "/*"')
    this.#end -= 2
    if (this.#end > 0) {
      this.#list(false)
      if (this.#at < this.#end) this.#fail(this.#at, 'a prefix cannot have a verb')
      if (this.#rest !== undefined) this.#fail(this.#rest, '"**" cannot stand in a prefix, which has everything below')
    }
    return this.#result(undefined, true)
  }

  #start(): void {
    if (this.#text === '') this.#fail(0, 'the path is empty')
    if (this.#text.charCodeAt(0) !== SLASH) this.#fail(0, 'a path begins with "/"')
    this.#at = 1
  }

  #result(verb: string | undefined, prefix: boolean): PathTemplate {
    const rest = this.#segments.findIndex((segment) => segment.kind === 'rest')
    return { text: this.#text, segments: this.#segments, variables: this.#variables, rest, verb, prefix }
  }

  /** Segments up to the verb or the end; inside a variable up to its brace. */
  #list(inVariable: boolean): void {
    for (;;) {
      this.#segment(inVariable)
      if (this.#code() !== SLASH) return
      this.#at++
    }
  }

  #segment(inVariable: boolean): void {
    const from = this.#at
    const code = this.#code()
    if (code === OPEN) {
      if (inVariable) this.#fail(from, 'variables cannot stand inside variables')
      this.#variable()
      return
    }
    if (code === STAR) {
      this.#stars()
      return
    }
    const last = !inVariable && this.#text.indexOf('/', from) === -1
    const text = this.#literal(last)
    if (text === '') this.#fail(from, this.#emptyMessage(inVariable))
    if (isDotSegment(normalise(text))) this.#fail(from, `a segment "${text}" is never matched, such paths are refused`)
    this.#push({ kind: 'literal', text: normalise(text) }, from)
  }

  #stars(): void {
    const from = this.#at
    while (this.#code() === STAR) this.#at++
    const count = this.#at - from
    const next = this.#code()
    const alone = Number.isNaN(next) || next === SLASH || next === COLON || next === CLOSE
    if (count > 2 || !alone)
      this.#fail(from, '"*" and "**" stand for whole segments; a star that is meant literally is written %2A')
    this.#push(count === 1 ? { kind: 'star' } : { kind: 'rest' }, from)
  }

  #push(segment: TemplateSegment, from: number): void {
    if (this.#rest !== undefined) {
      if (segment.kind === 'rest') this.#fail(from, 'only one "**" may stand in a path')
      if (!this.#lenient)
        this.#fail(
          this.#rest,
          segment.kind === 'literal'
            ? '"**" must be the last segment (compat.template "lenient" lets literals follow it)'
            : '"**" must be the last segment',
        )
      if (segment.kind !== 'literal') this.#fail(from, 'only literals may follow "**"')
    }
    if (segment.kind === 'rest') this.#rest = from
    this.#segments.push(segment)
  }

  #variable(): void {
    const open = this.#at++
    const path = this.#fieldPath()
    if (this.#variables.some((variable) => variable.path === path))
      this.#fail(open + 1, `the field "${path}" is bound twice`)
    const from = this.#segments.length
    const rest = this.#rest
    if (this.#code() === EQUALS) {
      this.#at++
      this.#list(true)
    } else {
      this.#push({ kind: 'star' }, open)
    }
    if (this.#code() !== CLOSE) this.#failInVariable(open)
    this.#at++
    const to = this.#segments.length
    const multi = to - from > 1 || this.#rest !== rest
    this.#variables.push({ path, from, to, multi })
    const next = this.#code()
    if (!Number.isNaN(next) && next !== SLASH && next !== COLON)
      this.#fail(this.#at, 'a variable is a whole segment: "/", ":" or the end must follow "}"')
  }

  #failInVariable(open: number): never {
    const code = this.#code()
    if (Number.isNaN(code)) this.#fail(open, 'the variable is not closed, "}" is missing')
    if (code === COLON) this.#fail(this.#at, 'a verb stands behind the last "}", not inside a variable')
    return this.#fail(this.#at, `${this.#shown()} cannot stand in a variable`)
  }

  #fieldPath(): string {
    const from = this.#at
    for (;;) {
      const start = this.#at
      if (isNameStart(this.#code())) while (isNamePart(this.#code())) this.#at++
      if (this.#at === start) {
        if (Number.isNaN(this.#code())) this.#fail(start, 'the variable is not closed, "}" is missing')
        this.#fail(start, `a field name begins with a letter or "_", not with ${this.#shown()}`)
      }
      if (this.#code() !== DOT) return this.#text.slice(from, this.#at)
      this.#at++
    }
  }

  /** A run of pchar and escapes, stopping before a colon when the verb may begin there. */
  #literal(stopAtColon: boolean): string {
    const from = this.#at
    for (;;) {
      const code = this.#code()
      if (Number.isNaN(code) || code === SLASH || code === CLOSE) break
      if (code === COLON && stopAtColon) break
      if (code === STAR)
        this.#fail(this.#at, '"*" and "**" stand for whole segments; a star that is meant literally is written %2A')
      if (code === OPEN) this.#fail(this.#at, 'a variable is a whole segment: "/" must stand before "{"')
      if (code === PERCENT) this.#escape()
      else if (isPchar(code)) this.#at++
      else this.#fail(this.#at, `${this.#shown()} cannot stand in a path${hint(this.#text, this.#at)}`)
    }
    return this.#text.slice(from, this.#at)
  }

  #escape(): void {
    if (!isHex(this.#text.charCodeAt(this.#at + 1)) || !isHex(this.#text.charCodeAt(this.#at + 2)))
      this.#fail(this.#at, 'two hexadecimal digits must follow "%"')
    this.#at += 3
  }

  #verb(): string | undefined {
    if (this.#at === this.#end) return undefined
    if (this.#code() !== COLON) this.#fail(this.#at, `${this.#shown()} cannot stand here`)
    const from = ++this.#at
    const verb = this.#literal(false)
    if (verb === '') this.#fail(from, 'a verb must follow ":"')
    if (this.#at < this.#end)
      this.#fail(this.#at, this.#code() === SLASH ? 'a verb ends the path, no "/" may follow' : 'a "}" without its "{"')
    return normalise(verb)
  }

  #emptyMessage(inVariable: boolean): string {
    if (this.#code() === CLOSE) return inVariable ? 'a segment must follow "=" and "/"' : 'a "}" without its "{"'
    if (this.#at === this.#text.length) return 'a path does not end in "/" (compat.trailingSlash lets requests do so)'
    return 'a segment is empty'
  }

  /** NaN at the end. */
  #code(): number {
    return this.#at < this.#end ? this.#text.charCodeAt(this.#at) : Number.NaN
  }
  #shown(): string {
    return JSON.stringify(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0xfffd))
  }
  #fail(offset: number, message: string): never {
    throw new Failure(offset, message)
  }
}

const hint = (text: string, at: number): string => {
  const character = String.fromCodePoint(text.codePointAt(at)!)
  if (character === '?') return '; a query is matched by "query"'
  const lone = character.length === 1 && character >= '\ud800' && character <= '\udfff'
  return lone ? '' : `; write it as ${encodeURIComponent(character)}`
}
