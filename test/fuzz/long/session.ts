import {
  checkForeign,
  panelOf,
  randomBase,
  randomOptions,
  randomSchema,
  type Subjects,
} from '../../support/fuzz/cases.ts'
import { RandomChoices } from '../../support/fuzz/choices.ts'
import type { Direction, Panel } from '../../support/fuzz/foreign.ts'
import { Subject } from '../../support/fuzz/lanes.ts'
import { mutateJson, mutateWire, type Tokens, tokensOf } from '../../support/fuzz/mutate.ts'
import * as modules from '../../support/fuzz/project-codec.ts'
import { smallest } from './smallest.ts'

export const DIRECTIONS = ['JSON to wire', 'wire to JSON'] as const

/** Inputs of each direction for one schema, and for one message of it. */
const PER_SCHEMA = 1000
const PER_MESSAGE = 50
/** Every one of so many goes through the foreign implementations too, and through the CodecTable. */
const FOREIGN = 100
const WHOLE = 20
/** An input that takes longer is a finding. Most take microseconds; what a busy machine adds is far below. */
const TOO_LONG_MS = 2000

export interface Totals {
  inputs: number
  accepted: number
  /** Asked and done by the compiled lane, both forms together. */
  asked: number
  done: number
  foreign: number
  slowestMs: number
  slowestHex: string
  slowestBytes: number
}
export interface Finding {
  readonly direction: Direction
  readonly problem: string
  /** As small as it could be made. */
  readonly input: string
  readonly schema: string
}
export interface Progress {
  readonly totals: Readonly<Record<Direction, Totals>>
  readonly schemas: number
  readonly disagreements: ReadonlyMap<string, number>
}

const noTotals = (): Totals => ({
  inputs: 0,
  accepted: 0,
  asked: 0,
  done: 0,
  foreign: 0,
  slowestMs: 0,
  slowestHex: '',
  slowestBytes: 0,
})

/** A run of the fuzzer, schema by schema. The same seed makes the same inputs. */
export class Session {
  readonly totals: Record<Direction, Totals> = { 'JSON to wire': noTotals(), 'wire to JSON': noTotals() }
  readonly disagreements = new Map<string, number>()
  readonly findings: Finding[] = []
  schemas = 0
  readonly #choices: RandomChoices
  /** Told what is tried next, so that a crash or a hang has a name. */
  readonly #trying: (direction: Direction, input: Buffer) => void

  constructor(seed: number, trying: (direction: Direction, input: Buffer) => void) {
    this.#choices = new RandomChoices(seed)
    this.#trying = trying
  }

  /** The next schema, and up to so many inputs of each direction for it. */
  next(most: number): void {
    const choices = this.#choices
    const subjects = randomSchema(choices)
    const subject = new Subject(modules, subjects.type, subjects.find, randomOptions(subjects.type, choices))
    let panel: Panel | undefined
    this.schemas++
    const count = Math.min(most, PER_SCHEMA)
    let base = randomBase(subjects, choices)
    let tokens: Tokens = tokensOf(base.json)
    for (let i = 0; i < count && this.findings.length === 0; i++) {
      if (i % PER_MESSAGE === 0) {
        base = randomBase(subjects, choices)
        tokens = tokensOf(base.json)
      }
      // The first of each message is the message itself.
      const right = i % PER_MESSAGE === 0
      const json = right ? base.json : mutateJson(base.json, tokens, choices)
      const wire = right ? base.wire : mutateWire(base.wire, choices)
      this.#try(subject, subjects, 'JSON to wire', json, i % WHOLE === 0)
      this.#try(subject, subjects, 'wire to JSON', wire, i % WHOLE === 0)
      if (i % FOREIGN === FOREIGN - 1) {
        panel ??= panelOf(subjects)
        this.#foreign(panel, subjects, 'JSON to wire', json)
        this.#foreign(panel, subjects, 'wire to JSON', wire)
      }
    }
    for (const direction of DIRECTIONS) {
      const total = this.totals[direction]
      total.asked += subject.asked[direction]
      total.done += subject.done[direction]
      total.accepted += subject.accepted[direction]
    }
  }

  #try(subject: Subject, subjects: Subjects, direction: Direction, input: Buffer, whole: boolean): void {
    const total = this.totals[direction]
    this.#trying(direction, input)
    const start = performance.now()
    const problem = attempt(() => subject.problem(direction, input, whole))
    let took = performance.now() - start
    total.inputs++
    // Whoever was slow may have been held up by the rest of the machine: what counts is what it needs at best.
    for (let i = 0; i < 3 && took > total.slowestMs; i++) {
      const again = performance.now()
      attempt(() => subject.problem(direction, input, whole))
      took = Math.min(took, performance.now() - again)
    }
    if (took > total.slowestMs) {
      total.slowestMs = took
      total.slowestBytes = input.length
      total.slowestHex = input.subarray(0, 40).toString('hex')
    }
    if (problem !== undefined)
      this.#report(direction, subjects, input, problem, (other) =>
        attempt(() => subject.problem(direction, other, true)),
      )
    else if (took > TOO_LONG_MS)
      this.#report(direction, subjects, input, `it took ${took.toFixed(0)} ms`, () => undefined)
  }
  #foreign(panel: Panel, subjects: Subjects, direction: Direction, input: Buffer): void {
    this.#trying(direction, input)
    this.totals[direction].foreign++
    const check = (bytes: Buffer): string | undefined =>
      attempt(() => {
        for (const name of checkForeign(panel, '', { direction, bytes }))
          this.disagreements.set(name, (this.disagreements.get(name) ?? 0) + 1)
        return undefined
      })
    const problem = check(input)
    if (problem !== undefined) this.#report(direction, subjects, input, problem, check)
  }

  #report(
    direction: Direction,
    { schema }: Subjects,
    input: Buffer,
    problem: string,
    check: (input: Buffer) => string | undefined,
  ): void {
    Error.stackTraceLimit = 20
    const small = smallest(input, (bytes) => {
      this.#trying(direction, bytes)
      return check(bytes) !== undefined
    })
    this.findings.push({ direction, problem: check(small) ?? problem, input: small.toString('hex'), schema })
  }
}

/** Whatever is thrown is a problem too: a crash is the first thing that is looked for. */
const attempt = (run: () => string | undefined): string | undefined => {
  try {
    return run()
  } catch (thrown) {
    return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  }
}
