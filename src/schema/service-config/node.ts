import type { Problem } from '../../core/config-error.ts'
import type { SourceText } from '../parse/index.ts'

/** Characters of a text. */
export interface Span {
  readonly offset: number
  readonly length: number
}
export interface ConfigMember {
  readonly name: string
  /** Where the name stands. */
  readonly at: Span
  readonly value: ConfigNode
}
/** A value of a file, of YAML or of JSON, with its place. */
export type ConfigNode =
  | { readonly kind: 'scalar'; readonly value: unknown; readonly at: Span }
  | { readonly kind: 'list'; readonly items: readonly ConfigNode[]; readonly at: Span }
  | { readonly kind: 'map'; readonly members: readonly ConfigMember[]; readonly at: Span }

export interface ConfigTree {
  /** undefined: the text could not be read, or it is empty. */
  readonly root: ConfigNode | undefined
  readonly problems: readonly Problem[]
}

/** Levels of lists and maps that are read. Parsers that call themselves would end the process on a text made for it. */
export const MAX_DEPTH = 100
/** Values that are read, those that aliases repeat counted each time. */
export const MAX_NODES = 1_000_000
/** Faults of syntax that are told: one makes others. */
const MAX_PROBLEMS = 10

/** Collects what is wrong in one file. */
export class Report {
  readonly source: SourceText
  readonly problems: Problem[] = []
  constructor(source: SourceText) {
    this.source = source
  }
  error(code: string, message: string, at: Span, hint?: string): void {
    this.problems.push(this.source.problem(code, message, at, hint === undefined ? {} : { hint }))
  }
  warning(code: string, message: string, at: Span, hint?: string): void {
    const more = { severity: 'warning' as const, ...(hint === undefined ? {} : { hint }) }
    this.problems.push(this.source.problem(code, message, at, more))
  }
  /** One fault makes others behind it: of a line the first one counts. */
  syntax(message: string, at: Span, hint?: string): void {
    const { line } = this.source.place(at.offset)
    if (this.problems.length < MAX_PROBLEMS && this.problems.at(-1)?.line !== line)
      this.error('SERVICE_CONFIG_SYNTAX', message, at, hint)
  }
  get failed(): boolean {
    return this.problems.some(({ severity }) => severity === 'error')
  }
}

/** A map whose names are unique; the first of two counts. */
export const mapOf = (members: readonly ConfigMember[], at: Span, report: Report): ConfigNode => {
  const seen = new Set<string>()
  const unique = members.filter(({ name, at: place }) => {
    if (!seen.has(name)) return seen.add(name)
    report.syntax(`"${name}" stands twice in one map`, place, 'keep one of them')
    return false
  })
  return { kind: 'map', members: unique, at }
}
