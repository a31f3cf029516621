import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Direction, inputFile } from './child.ts'
import type { Bench, Contender } from './contenders.ts'
import { jsonOf, type Kind, type Size, typeName } from './data.ts'

/** The inputs of all cases, in a folder for the measuring processes. */
export class Inputs {
  readonly folder: string
  readonly #bench: Bench
  readonly #wires = new Map<string, Buffer>()

  constructor(bench: Bench, kinds: readonly Kind[], sizes: readonly Size[]) {
    this.#bench = bench
    this.folder = mkdtempSync(join(tmpdir(), 'protogate-codec-'))
    for (const kind of kinds)
      for (const size of sizes) {
        const json = jsonOf(kind, size)
        const wire = Buffer.from(this.#reference(kind).toWire(json))
        this.#wires.set(inputFile(kind, size, 'wire'), wire)
        writeFileSync(join(this.folder, inputFile(kind, size, 'json')), json)
        writeFileSync(join(this.folder, inputFile(kind, size, 'wire')), wire)
      }
  }

  /**
   * What is wrong with a result; undefined when it is the reference lane's message. JSON is compared by the wire that the reference
   * lane makes of it, wire by the JSON: order of fields and white space do not count.
   */
  fault(kind: Kind, size: Size, direction: Direction, made: Uint8Array): string | undefined {
    const wire = this.#wires.get(inputFile(kind, size, 'wire'))!
    const reference = this.#reference(kind)
    try {
      const [ours, theirs] =
        direction === 'JSON → wire'
          ? [reference.toJson(wire), reference.toJson(Buffer.from(made))]
          : [wire, reference.toWire(Buffer.from(made))]
      return Buffer.from(ours).equals(theirs) ? undefined : 'another message'
    } catch (error) {
      return `not readable: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  #reference(kind: Kind): Contender {
    return this.#bench.contender('reference', typeName(kind))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
