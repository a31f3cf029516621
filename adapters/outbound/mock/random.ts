/** A stream of numbers that depends on nothing but its seed: equal calls get equal answers, in every process. */
export class Random {
  #state: number
  /** Of any texts and bytes; their order and borders count. */
  constructor(...seeds: readonly (string | Uint8Array)[]) {
    let hash = 0x811c9dc5
    for (const seed of seeds) {
      for (const byte of typeof seed === 'string' ? Buffer.from(seed) : seed) hash = Math.imul(hash ^ byte, 0x01000193)
      hash = Math.imul(hash ^ 0x1ff, 0x01000193)
    }
    this.#state = hash >>> 0
  }

  /** A whole number, `from` ≤ n ≤ `to`. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from + 1))
  }
  pick<T>(list: readonly T[]): T {
    return list[this.whole(0, list.length - 1)]!
  }
  /** So many hexadecimal digits. */
  hex(digits: number): string {
    let text = ''
    for (let i = 0; i < digits; i++) text += this.whole(0, 15).toString(16)
    return text
  }

  /** A counter, its bits mixed until each depends on all. */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 0x1_0000_0000
  }
}
