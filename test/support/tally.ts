import { afterAll, describe, expect, test } from 'vitest'

/** What a case of a table in test/vectors may say of itself. */
export interface Marked {
  /** It waits for a part that does not exist yet: the exact transcoder, or a protocol of its own. */
  readonly mark?: string
  /** The expectation deviates from the rule by choice, and why. */
  readonly choice?: string
}

/** Most cases of one file whose expectation is a choice in place of the rule. */
const MOST_CHOICES = 3

/** Counts the cases of tables. One for each test file. */
export interface Tally {
  /** One test for each case that is not marked; those are only counted. */
  each<T extends Marked>(cases: readonly T[], title: (one: T) => string, run: (one: T) => Promise<void>): void
}

/** Prints the sums after the last test. Call once, at the top level of a test file. */
export const tallied = (name: string, define: (tally: Tally) => void): void => {
  const counts = { passed: 0, exact: 0, later: 0 }
  const choices: string[] = []
  const seen = new Map<string, number>()
  define({
    each(cases, title, run) {
      for (const one of cases) {
        if (one.mark === 'exact' || one.mark === 'later') {
          counts[one.mark]++
          continue
        }
        if (one.mark !== undefined) throw new Error(`unknown mark "${one.mark}"`)
        if (one.choice !== undefined) choices.push(`${title(one)}: ${one.choice}`)
        const again = seen.get(title(one)) ?? 0
        seen.set(title(one), again + 1)
        test(again === 0 ? title(one) : `${title(one)} (${again + 1})`, async () => {
          await run(one)
          counts.passed++
        })
      }
    },
  })
  describe('choices', () => {
    test(`at most ${MOST_CHOICES} cases deviate`, () => {
      expect(choices.length, choices.join('\n')).toBeLessThanOrEqual(MOST_CHOICES)
    })
  })
  afterAll(() => {
    const { passed, exact, later } = counts
    const listed = choices.map((choice) => `\n  choice: ${choice}`).join('')
    console.log(
      `${name}: ${passed} cases passed, ${exact} marked exact, ${later} marked later, ${choices.length} choices${listed}`,
    )
  })
}
