import type { Problem } from '../../core/config-error.ts'
import type { Place } from '../../core/schema.ts'

/** The text of one .proto file, and where its characters stand. */
export class SourceText {
  /** As shown to the user. */
  readonly file: string
  readonly text: string
  #lines: number[] | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
  }

  /** Line and column, from 1, of a UTF-16 offset. */
  place(offset: number): Place {
    this.#lines ??= lineStarts(this.text)
    const line = lastAtMost(this.#lines, offset)
    return { file: this.file, line: line + 1, column: offset - this.#lines[line]! + 1 }
  }

  /** A problem at `offset`; `length` characters are marked. */
  problem(code: string, message: string, at: { offset: number; length: number }, more: Partial<Problem> = {}): Problem {
    return { code, severity: 'error', message, ...this.place(at.offset), length: at.length, ...more }
  }
}

const lineStarts = (text: string): number[] => {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** Index of the last element that is not above `value`. */
const lastAtMost = (sorted: readonly number[], value: number): number => {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (sorted[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}

/** Thrown inside the parser and turned into a problem by it. */
export class SyntaxFailure extends Error {
  readonly offset: number
  readonly length: number
  readonly hint: string | undefined
  constructor(message: string, at: { readonly offset: number; readonly length: number }, hint?: string) {
    super(message)
    this.offset = at.offset
    this.length = at.length
    this.hint = hint
  }
}

/** Comment text as it is shown: without markers (the second star of a doc comment too) and the one blank behind them, trimmed. */
export const cleanComment = (text: string): string =>
  text
    .replace(/^\*+/, '')
    .split('\n')
    .map((line) => line.replace(/^ /, '').trimEnd())
    .join('\n')
    .trim()
