import type { OracleName } from '../../oracles.ts'
import type { Difference, Direction } from '../foreign.ts'

/** A value that two implementations read differently from the same input; undefined: it is not there. */
export interface Leaf {
  readonly ours: unknown
  readonly theirs: unknown
}

/** Where a foreign implementation and the reference lane are known to differ, why, and by what authority ours is right. */
export interface Disagreement {
  readonly name: string
  readonly who: readonly OracleName[]
  /** Of both directions when it is not given. */
  readonly direction?: Direction
  readonly reason: string
  readonly authority: string
  /** Fields of the message `fz.M0` of the example, in proto3 unless it says otherwise, and an input that shows the difference. */
  readonly example: {
    readonly fields: string
    readonly syntax?: string
    readonly json?: string
    readonly wire?: string
  }
  /** Whether the whole difference is of this kind. */
  explains?(difference: Difference): boolean
  /** Whether one value that differs is. */
  explainsLeaf?(leaf: Leaf, difference: Difference): boolean
}

/** Text of the error; of what was taken, nothing. */
export const message = (outcome: string | Error): string => (outcome instanceof Error ? outcome.message : '')
/** They take what we refuse with such a message. */
export const refusedByUs =
  (pattern: RegExp) =>
  ({ ours, theirs }: Difference): boolean =>
    typeof theirs === 'string' && pattern.test(message(ours))
/** They refuse with such a message what we take. */
export const refusedByThem =
  (pattern: RegExp) =>
  ({ ours, theirs }: Difference): boolean =>
    typeof ours === 'string' && pattern.test(message(theirs))

// Authorities that are named more than once.
export const PROTOJSON = 'protobuf.dev/programming-guides/json'
export const RFC8259 = 'RFC 8259'
export const ENCODING = 'protobuf.dev/programming-guides/encoding'
