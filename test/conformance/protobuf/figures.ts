/** The three kinds of tests: with JSON on at least one side, with protobuf on both, and all others, which are about text format. */
export const PARTS = ['json', 'wire', 'text'] as const
export type Part = (typeof PARTS)[number]
export const LEVELS = ['Required', 'Recommended'] as const
export type Level = (typeof LEVELS)[number]

export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Of those that passed: the input was rightly refused. */
  readonly refused: number
}
/** What the runner said about one testee. */
export interface Figures {
  readonly counts: Readonly<Record<Part, Readonly<Record<Level, Count>>>>
  /** Of the messages that a lane of ours made, those that its compiled part has left to the reference. */
  readonly handedOver: { readonly count: number; readonly of: number } | undefined
  /** Name and reason of each test that failed. */
  readonly failures: readonly string[]
}

/** Begins what a testee says on standard error when it could not start or ended badly. */
export const TESTEE_FAILED = 'TESTEE FAILED: '

/** What a lane says at its end. */
export const handOvers = (count: number, of: number): string => `HANDED OVER: ${count} of ${of}`
const HANDED_OVER = /^HANDED OVER: (\d+) of (\d+)$/gm

const TEST = /^conformance test: name=(\S+), request=/
/** The response comes last; a quotation mark inside of its text is escaped. */
const REFUSED = /, response=\S* *parse_error: "(?:[^"\\]|\\.)*"\s*$/
const SKIPPED = /^SKIPPED, test=(\S+) request=/
const FAILED = /^ERROR, test=(\S+): (.*)$/
const SUMMARY =
  /^CONFORMANCE SUITE (?:PASSED|FAILED): (\d+) successes, (\d+) skipped, (\d+) expected failures, (\d+) unexpected failures\.$/

/**
 * Reads what the runner writes with `--verbose`. Throws when its own totals are missing or say anything else
 * than its lines, and when the testee itself has failed.
 */
export const readFigures = (output: string): Figures => {
  const fatal = output.indexOf(TESTEE_FAILED)
  if (fatal !== -1) throw new Error(output.slice(fatal, fatal + 4000))
  const tests = new Map<string, { refused: boolean }>()
  const skipped = new Set<string>()
  const failures = new Map<string, string>()
  const totals = { passed: 0, failed: 0, skipped: 0 }
  let summaries = 0
  for (const line of output.split('\n')) {
    const test = TEST.exec(line)?.[1]
    if (test !== undefined) tests.set(test, { refused: REFUSED.test(line) })
    const skip = SKIPPED.exec(line)?.[1]
    if (skip !== undefined) skipped.add(skip)
    const failed = FAILED.exec(line)
    if (failed !== null) failures.set(failed[1]!, failed[2]!)
    const summary = SUMMARY.exec(line)
    if (summary === null) continue
    summaries++
    const [passed, skips, expected, unexpected] = summary.slice(1).map(Number)
    totals.passed += passed!
    totals.skipped += skips!
    totals.failed += expected! + unexpected!
  }
  if (summaries === 0) throw new Error(`the runner gave no totals:\n${output.slice(-2000)}`)
  const counts = { json: emptyLevels(), wire: emptyLevels(), text: emptyLevels() }
  for (const [name, { refused }] of tests) {
    const count = counts[partOf(name)][levelOf(name)]
    if (skipped.has(name)) count.skipped++
    else if (failures.has(name)) count.failed++
    else {
      count.passed++
      if (refused) count.refused++
    }
  }
  const seen = sum(PARTS.flatMap((part) => LEVELS.map((level) => counts[part][level])))
  for (const key of ['passed', 'failed', 'skipped'] as const)
    if (seen[key] !== totals[key])
      throw new Error(`the runner counts ${totals[key]} as ${key}, its lines make ${seen[key]}`)
  const handed = [...output.matchAll(HANDED_OVER)].map(([, count, of]) => ({ count: Number(count), of: Number(of) }))
  // The runner starts the testee once for each of its suites.
  const handedOver =
    handed.length === 0
      ? undefined
      : { count: handed.reduce((n, { count }) => n + count, 0), of: handed.reduce((n, { of }) => n + of, 0) }
  return { counts, handedOver, failures: [...failures].map(([name, reason]) => `${name}: ${reason.slice(0, 400)}`) }
}

type Mutable = { -readonly [K in keyof Count]: Count[K] }
const emptyCount = (): Mutable => ({ passed: 0, failed: 0, skipped: 0, refused: 0 })
const emptyLevels = (): Record<Level, Mutable> => ({ Required: emptyCount(), Recommended: emptyCount() })

export const sum = (counts: readonly Count[]): Count => {
  const total = emptyCount()
  for (const count of counts) for (const key of Object.keys(total) as (keyof Count)[]) total[key] += count[key]
  return total
}

/** `Required.Proto3.JsonInput.Name.ProtobufOutput` */
const partOf = (name: string): Part => {
  if (/\.TextFormat(?:Input|Output)\b/.test(name)) return 'text'
  if (/\.Json(?:Input|Output)\b/.test(name)) return 'json'
  return 'wire'
}
const levelOf = (name: string): Level => {
  const level = LEVELS.find((each) => name.startsWith(`${each}.`))
  if (level === undefined) throw new Error(`the test ${name} is neither required nor recommended`)
  return level
}
