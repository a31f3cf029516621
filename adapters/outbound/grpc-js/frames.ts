const HEADER = 5
const COMPRESSED = 1

/**
 * Follows the frames of an answer without keeping anything of them, for what grpc-js does not look at: flags that gRPC does not
 * know, which it takes for none, and an answer that ends within a message, which it takes for whole.
 */
export class Frames {
  #header = 0
  #length = 0
  /** Payload bytes that are still to come. */
  #left = 0
  #count = 0
  #unknown = Number.POSITIVE_INFINITY

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const take = Math.min(this.#left, chunk.length - at)
        this.#left -= take
        at += take
        continue
      }
      const byte = chunk[at++]!
      if (this.#header === 0) {
        if (byte > COMPRESSED && this.#unknown > this.#count) this.#unknown = this.#count
        this.#length = 0
      } else {
        this.#length = this.#length * 256 + byte
      }
      if (++this.#header < HEADER) continue
      this.#header = 0
      this.#left = this.#length
      this.#count++
    }
  }

  /** The bytes so far end within a message. */
  get cut(): boolean {
    return this.#header > 0 || this.#left > 0
  }
  /** How many messages come before the first one with unknown flags; Infinity when there is none so far. */
  get good(): number {
    return this.#unknown
  }
}
