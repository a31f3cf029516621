/** Random choices that a seed and a name repeat (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number, name: string) {
    let hash = seed >>> 0
    for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0
    this.#state = hash
  }

  /** From 0 up to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from')
    return list[this.below(list.length)]!
  }

  /** Letters and digits. */
  word(longest = 8): string {
    const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
    return Array.from({ length: 1 + this.below(longest) }, () => letters[this.below(letters.length)]).join('')
  }

  integer(bits: number, signed: boolean): bigint {
    const size = 1 + this.below(bits)
    let value = 0n
    for (let bit = 0; bit < size; bit++) value = (value << 1n) | BigInt(this.below(2))
    return signed ? value - (1n << BigInt(size - 1)) : value
  }
}
