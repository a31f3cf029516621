import type { Answer } from './peers/backend.ts'

/** One request to all three, and what the backend answers it. */
export interface Pair {
  readonly feature: string
  /** What is unusual about the request, in one word; classes of disagreement are named by it. */
  readonly tag: string
  /** The rule that the request is for, where a gateway may refuse to load it. */
  readonly rpc?: string | undefined
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: Buffer | undefined
  /** Default: an echo of the request's bytes. */
  readonly answer?: Answer | undefined
}

/** What one gateway did with a pair. */
export interface Outcome {
  readonly peer: string
  readonly end: 'whole' | 'cut' | 'timeout' | 'crash' | 'no-rule'
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  /** Media type of the answer, without parameters. */
  readonly type: string
  readonly body: Buffer
  /** The RPC that was called; undefined: the backend saw nothing. */
  readonly called: string | undefined
  /** The request messages that came to the backend, readable and comparable. */
  readonly received: string
  /** The answer's body, comparable: JSON without regard to spaces and order of members. */
  readonly answered: string
}

/**
 * Where two outcomes part ways. The first that holds is the one: `crash`, `no-rule` (the rule can not be loaded), `ours-refuses`,
 * `theirs-refuses` (the other one called the backend), `refusal` (both refuse, with other statuses), `method` (another RPC), `message`
 * (another request message), `end` (one is cut), `status`, `body`, `type` (another Content-Type).
 */
export type Shape =
  | 'crash'
  | 'no-rule'
  | 'ours-refuses'
  | 'theirs-refuses'
  | 'refusal'
  | 'method'
  | 'message'
  | 'end'
  | 'status'
  | 'body'
  | 'type'

export interface Disagreement {
  readonly pair: Pair
  readonly shape: Shape
  readonly ours: Outcome
  readonly theirs: Outcome
}
