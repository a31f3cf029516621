import type { Problem } from '../../core/config-error.ts'
import type { Token } from './lexer.ts'
import { Reader } from './reader.ts'
import { SourceText, SyntaxFailure } from './text.ts'

/** More errors than this in one file are not shown: they follow from the first ones. */
const MAX_PROBLEMS = 20

/** Reading a file statement by statement: an error ends the statement that it is in, and reading goes on behind it. */
export class StatementReader {
  protected readonly source: SourceText
  protected readonly reader: Reader
  protected readonly problems: Problem[] = []
  /** Nothing more is read: what follows could not be understood. */
  protected stop = false
  /** Messages around the current statement. */
  protected nesting = 0

  constructor(file: string, text: string) {
    this.source = new SourceText(file, text)
    this.reader = new Reader(text)
  }

  /** `{` statements `}`. An error in one statement does not end the block. */
  protected block(what: string, statement: () => void): void {
    const open = this.reader.expect('{', `behind ${what}`)
    while (!this.reader.is('}')) {
      if (this.reader.token.kind === 'end' || this.stop) this.#unclosed(what, open)
      this.guarded(statement)
    }
    this.reader.advance()
  }

  #unclosed(what: string, open: Token): never {
    return this.reader.fail(`${what} is not closed, "}" is missing`, open)
  }

  protected comment(): string {
    return this.reader.lexer.leadingComment(this.reader.token)
  }

  protected guarded(statement: () => void): void {
    const { depth } = this.reader
    const nesting = this.nesting
    try {
      statement()
    } catch (thrown) {
      this.note(thrown)
      this.nesting = nesting
      this.#recover(depth)
    }
  }

  protected note(thrown: unknown): void {
    if (!(thrown instanceof SyntaxFailure)) throw thrown
    if (this.stop) return
    const { message, offset, length, hint } = thrown
    this.problems.push(this.source.problem('PROTO_SYNTAX', message, { offset, length }, { hint }))
    this.stop ||= this.problems.length >= MAX_PROBLEMS || this.reader.token.kind === 'end'
  }

  /** To the end of the statement that failed: its `;`, the end of its block, or the `}` of the block around it. */
  #recover(depth: number): void {
    const reader = this.reader
    while (reader.token.kind !== 'end') {
      if (reader.depth <= depth && reader.is('}')) return
      const done = reader.depth <= depth && reader.is(';')
      const closes = reader.is('}') && reader.depth === depth + 1
      try {
        reader.advance()
      } catch (thrown) {
        this.note(thrown)
      }
      if (done || closes) return
    }
  }
}
