import fc from 'fast-check'

/** Where a generator takes its decisions from. 0 is always the simplest decision, so that a shorter record is a simpler thing. */
export abstract class Choices {
  /** The next 32 bits, unsigned. */
  protected abstract next(): number
  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return count < 2 ? 0 : this.next() % count
  }
  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === times - 1
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list]
    for (let i = out.length - 1; i > 0; i--) {
      const other = i - this.below(i + 1)
      const moved = out[i]!
      out[i] = out[other]!
      out[other] = moved
    }
    return out
  }
  bits64(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next())
  }
}

/** Endless and repeatable: sfc32 from one seed. */
export class RandomChoices extends Choices {
  #a: number
  #b = 0x9e3779b9
  #c = 0x243f6a88
  #counter = 1

  constructor(seed: number) {
    super()
    this.#a = seed | 0
    for (let i = 0; i < 12; i++) this.next()
  }
  next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }
}

/** Decisions that are written down, and can be taken again; behind their end everything is 0. */
class RecordedChoices extends Choices {
  readonly taken: number[] = []
  readonly #source: RandomChoices | readonly number[]

  constructor(source: RandomChoices | readonly number[]) {
    super()
    this.#source = source
  }
  next(): number {
    const next = this.#source instanceof RandomChoices ? this.#source.next() : (this.#source[this.taken.length] ?? 0)
    this.taken.push(next)
    return next
  }
}

/**
 * What a generator makes of random decisions, as an arbitrary of fast-check. It shrinks by taking decisions away or making them
 * smaller, whatever the generator does with them.
 */
export const made = <T>(make: (choices: Choices) => T): fc.Arbitrary<T> => new MadeArbitrary(make)

/** How long something smaller is looked for. */
const SHRINK_MS = 5000
interface Context {
  readonly taken: readonly number[]
  /** When shrinking ends; undefined: it has not begun. */
  readonly until: number | undefined
}

class MadeArbitrary<T> extends fc.Arbitrary<T> {
  readonly #make: (choices: Choices) => T
  constructor(make: (choices: Choices) => T) {
    super()
    this.#make = make
  }
  generate(mrng: fc.Random): fc.Value<T> {
    return this.#run(new RandomChoices(mrng.nextInt()), undefined)
  }
  canShrinkWithoutContext(_value: unknown): _value is T {
    return false
  }
  shrink(_value: T, context: unknown): fc.Stream<fc.Value<T>> {
    const { taken, until = performance.now() + SHRINK_MS } = context as Context
    return fc.stream(
      (function* (self: MadeArbitrary<T>) {
        for (const shorter of simpler(taken)) {
          if (performance.now() > until) return
          yield self.#run(shorter, until)
        }
      })(this),
    )
  }
  #run(source: RandomChoices | readonly number[], until: number | undefined): fc.Value<T> {
    const choices = new RecordedChoices(source)
    return new fc.Value(this.#make(choices), { taken: choices.taken, until } satisfies Context)
  }
}

/** Records with fewer or smaller decisions, the boldest first. */
function* simpler(taken: readonly number[]): Generator<readonly number[]> {
  for (let size = taken.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at + size <= taken.length; at += size) yield [...taken.slice(0, at), ...taken.slice(at + size)]
  for (let at = 0; at < taken.length; at++) {
    const value = taken[at]!
    for (const smaller of new Set([0, 1, value >>> 16, value >>> 1, value - 1]))
      if (smaller >= 0 && smaller < value) yield taken.with(at, smaller)
  }
}
