import { isUtf8 } from 'node:buffer'
import type { MessageType } from '../../../src/core/descriptor.ts'
import type { Oracle, OracleName } from '../oracles.ts'
import type { Disagreement, Leaf } from './disagreements/entry.ts'
import { DISAGREEMENTS } from './disagreements/index.ts'
import type { FindType } from './values.ts'
import { type WireFact, wireFacts } from './wire-facts.ts'

/** One input on which a foreign implementation and the reference lane do not say the same. */
export interface Difference {
  readonly direction: Direction
  readonly who: OracleName
  readonly type: MessageType
  readonly input: Buffer
  /** JSON text of what was understood, or why it was refused. */
  readonly ours: string | Error
  readonly theirs: string | Error
  /** Where both accept: the values that differ. */
  readonly leaves: readonly Leaf[]
  /** Of wire bytes. */
  readonly facts: ReadonlySet<WireFact>
}
export type Direction = 'JSON to wire' | 'wire to JSON'

/** The reference lane and those that it is compared with, for one type. */
export interface Panel {
  readonly type: MessageType
  readonly find: FindType
  readonly reference: Oracle
  readonly others: readonly Oracle[]
}

/** What the others make of the input otherwise than the reference lane. Empty when all agree. */
export const differences = (panel: Panel, direction: Direction, input: Buffer): Difference[] => {
  // Bytes that are no text never reach the others, whose input is a string. An empty one is a message for us and a mistake for them.
  if (direction === 'JSON to wire' && (input.length === 0 || !isUtf8(input))) return []
  const ours = attempt(() => understood(panel, panel.reference, direction, input))
  const out: Difference[] = []
  for (const other of panel.others) {
    const theirs = attempt(() => understood(panel, other, direction, input))
    const refused = ours instanceof Error && theirs instanceof Error
    if (refused || ours === theirs) continue
    const both = typeof ours === 'string' && typeof theirs === 'string'
    const leaves = both ? leavesOf(JSON.parse(ours), JSON.parse(theirs)) : []
    if (both && leaves.length === 0) continue
    const facts = direction === 'wire to JSON' ? wireFacts(panel.type, input, panel.find) : NONE
    out.push({ direction, who: other.name, type: panel.type, input, ours, theirs, leaves, facts })
  }
  return out
}
const NONE: ReadonlySet<WireFact> = new Set()

/** The names under which a difference is known; undefined when part of it is not. */
export const explained = (difference: Difference): readonly Disagreement[] | undefined => {
  const known = DISAGREEMENTS.filter(
    ({ who, direction }) =>
      who.includes(difference.who) && (direction === undefined || direction === difference.direction),
  )
  const whole = known.filter((one) => one.explains?.(difference) === true)
  if (whole.length > 0) return whole
  if (difference.leaves.length === 0) return undefined
  const used = new Set<Disagreement>()
  for (const leaf of difference.leaves) {
    const one = known.find(({ explainsLeaf }) => explainsLeaf?.(leaf, difference) === true)
    if (one === undefined) return undefined
    used.add(one)
  }
  return [...used]
}

const understood = (panel: Panel, oracle: Oracle, direction: Direction, input: Buffer): string =>
  direction === 'wire to JSON' ? oracle.print(input) : panel.reference.print(oracle.parse(input))

const attempt = (run: () => string): string | Error => {
  try {
    return run()
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}

/** Members have no order. */
const leavesOf = (ours: unknown, theirs: unknown): Leaf[] => {
  if (Object.is(ours, theirs)) return []
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length)
    return ours.flatMap((one, i) => leavesOf(one, theirs[i]))
  if (isObject(ours) && isObject(theirs)) {
    const names = new Set([...Object.keys(ours), ...Object.keys(theirs)])
    return [...names].flatMap((name) => leavesOf(ours[name], theirs[name]))
  }
  return [{ ours, theirs }]
}
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
