import { expect } from 'vitest'
import { makeParse, type Parse } from '../../../../src/codec/compile/parse/index.ts'
import type { Mode } from '../../../../src/codec/compile/scratch.ts'
import { JsonCodec } from '../../../../src/codec/json/index.ts'
import { planOf } from '../../../../src/codec/plan.ts'
import { ProtoCodec } from '../../../../src/codec/proto/index.ts'
import type { MessageType } from '../../../../src/core/descriptor.ts'
import { Bytes } from '../../../../src/core/message.ts'
import { GatewayError } from '../../../../src/core/status.ts'

export const MODES: readonly Mode[] = ['generate', 'closures']

export type Find = (name: string) => MessageType | undefined

/** What both forms of the compiled parser and the reference make of texts of one type. */
export class Lanes {
  readonly type: MessageType
  readonly #json: JsonCodec
  readonly #proto: ProtoCodec
  readonly #parsers: readonly Parse[]

  constructor(type: MessageType, find: Find = () => undefined) {
    this.type = type
    this.#json = new JsonCodec(find)
    this.#proto = new ProtoCodec(find)
    this.#parsers = MODES.map((mode) => makeParse(planOf(type), find, mode))
  }

  /** The wire bytes of the reference; undefined: refused. */
  reference(text: Uint8Array): Buffer | undefined {
    const out = new Bytes(8)
    try {
      this.#proto.encode(this.type, this.#json.decode(this.type, text), out)
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown
      return undefined
    }
    return out.take()
  }

  /**
   * `taken`: both forms read it, and it decodes to what the reference's bytes decode to. `over`: both handed over what the reference
   * reads. `refused`: nobody takes it. Anything else fails.
   */
  check(input: string | Uint8Array): 'taken' | 'over' | 'refused' {
    const text = Buffer.from(input as string)
    const wanted = this.reference(text)
    const shown = text.length > 400 ? `${text.length} bytes` : text.toString()
    const results = this.#parsers.map((parse) => {
      const out = new Bytes(8)
      out.length = 3
      out.buffer.set([1, 2, 3])
      if (!parse(text, out)) {
        expect(out.length, `length after ${shown}`).toBe(3)
        return wanted === undefined ? 'refused' : 'over'
      }
      expect(wanted, `accepted ${shown}`).toBeDefined()
      const made = out.take()
      expect([...made.subarray(0, 3)]).toEqual([1, 2, 3])
      const wire = made.subarray(3)
      // Mostly the bytes are the same, and comparing values is slow.
      if (!wire.equals(wanted!))
        expect(this.#proto.decode(this.type, wire), shown).toStrictEqual(this.#proto.decode(this.type, wanted!))
      expect(wire.length, `size of ${shown}`).toBe(wanted!.length)
      return 'taken'
    })
    expect(results[0], `the two forms for ${shown}`).toBe(results[1])
    return results[0]!
  }
}
