/** One thing wrong in a user's file. `code` is stable (docs/reference/errors.md). */
export interface Problem {
  readonly code: string
  readonly severity: 'error' | 'warning'
  /** What is wrong, in one sentence without a full stop. */
  readonly message: string
  readonly file?: string | undefined
  /** From 1. */
  readonly line?: number | undefined
  readonly column?: number | undefined
  /** Length of what is wrong, in characters of the line. */
  readonly length?: number | undefined
  /** JSON pointer into routes.json. */
  readonly pointer?: string | undefined
  /** What to do next: `did you mean "acme.v1.Books/Get"?` */
  readonly hint?: string | undefined
}

/** Every problem of a configuration at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'))
    this.problems = problems
  }
}

/** `routes.json:14:18 error ROUTE_UNKNOWN_RPC /routes/2/rpc: no method "…" (did you mean "…"?)` */
export const describeProblem = (problem: Problem): string => {
  const { file, line, column, pointer, hint } = problem
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}:${column ?? 1}`} `
  const at = pointer === undefined || pointer === '' ? '' : ` ${pointer}`
  return `${place}${problem.severity} ${problem.code}${at}: ${problem.message}${hint === undefined ? '' : ` (${hint})`}`
}

/** The nearest of `known` to a misspelt `name`, if one is near enough to be meant. */
export const nearest = (name: string, known: Iterable<string>): string | undefined => {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Edits between two names, two swapped neighbours being one; given up (returned as `limit`) once it cannot be below `limit`. */
const editDistance = (a: string, b: string, limit: number): number => {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let older: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let smallest = i
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let value = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) value = Math.min(value, older[j - 2]! + 1)
      row.push(value)
      if (value < smallest) smallest = value
    }
    if (smallest >= limit) return limit
    older = previous
    previous = row
  }
  return previous[b.length]!
}
