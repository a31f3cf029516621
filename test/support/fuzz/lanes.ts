import { isDeepStrictEqual } from 'node:util'
import type { Mode } from '../../../src/codec/compile/scratch.ts'
import type { TypePlan } from '../../../src/codec/plan.ts'
import type { MessageType } from '../../../src/core/descriptor.ts'
import { Bytes, type ByteWriter, type Codec, type Transcode } from '../../../src/core/message.ts'
import type { JsonOptions } from '../../../src/core/schema.ts'
import type { Direction } from './foreign.ts'
import type { FindType } from './values.ts'

/** The modules of one codec: those of the project, or those of a copy of it in which something was changed. */
export interface CodecModules {
  readonly planOf: (type: MessageType) => TypePlan
  readonly makePrint: (plan: TypePlan, options: JsonOptions, types: FindType, mode: Mode) => Compiled
  readonly makeParse: (plan: TypePlan, types: FindType, mode: Mode) => Compiled
  readonly CodecTable: new (
    types: FindType,
    options: { readonly compiled: false | Mode },
  ) => {
    codec(name: string, options?: JsonOptions): Codec
    transcoder(type: MessageType, from: Codec, to: Codec): Transcode
  }
}
/** A compiled function: whether it did the message. If not, `out.length` is as it was. */
type Compiled = (bytes: Uint8Array, out: ByteWriter) => boolean

/** The codec below `root`, which holds `src/codec`. */
export const loadCodec = async (root: string): Promise<CodecModules> => {
  const load = (path: string): Promise<any> => import(`${root}/src/codec/${path}`)
  const [{ planOf }, { makePrint }, { makeParse }, { CodecTable }] = await Promise.all([
    load('plan.ts'),
    load('compile/print/index.ts'),
    load('compile/parse/index.ts'),
    load('codec.ts'),
  ])
  return { planOf, makePrint, makeParse, CodecTable }
}

export const MODES: readonly Mode[] = ['generate', 'closures']

/** What the reference lane says of an input. */
type Verdict = { readonly bytes: Buffer } | { readonly refused: unknown }

interface Lane {
  readonly mode: Mode
  readonly compiled: Compiled
  /** The same through a CodecTable, which lets the reference lane do what is handed over. */
  readonly whole: Transcode
}

/** One type and one set of options, in the reference lane and in both forms of the compiled one. */
export class Subject {
  readonly type: MessageType
  /** How many inputs of each direction the compiled lane was asked for, and how many it did itself. */
  readonly asked = { 'JSON to wire': 0, 'wire to JSON': 0 }
  readonly done = { 'JSON to wire': 0, 'wire to JSON': 0 }
  /** Inputs that the reference lane took. */
  readonly accepted = { 'JSON to wire': 0, 'wire to JSON': 0 }
  readonly #reference: Readonly<Record<Direction, Transcode>>
  readonly #lanes: Readonly<Record<Direction, readonly Lane[]>>
  readonly #proto: Codec
  readonly #out = new Bytes(64)
  readonly #referenceOut = new Bytes(64)
  readonly #guarded = new Guarded()

  constructor(modules: CodecModules, type: MessageType, find: FindType, options: JsonOptions = {}) {
    this.type = type
    const { planOf, makePrint, makeParse, CodecTable } = modules
    const plan = planOf(type)
    const plain = new CodecTable(find, { compiled: false })
    const [proto, json, printed] = [plain.codec('proto'), plain.codec('json'), plain.codec('json', options)]
    this.#proto = proto
    this.#reference = {
      'JSON to wire': plain.transcoder(type, json, proto),
      'wire to JSON': plain.transcoder(type, proto, printed),
    }
    const tables = MODES.map((mode) => ({ mode, table: new CodecTable(find, { compiled: mode }) }))
    this.#lanes = {
      'JSON to wire': tables.map(({ mode, table }) => ({
        mode,
        compiled: makeParse(plan, find, mode),
        whole: table.transcoder(type, table.codec('json'), table.codec('proto')),
      })),
      'wire to JSON': tables.map(({ mode, table }) => ({
        mode,
        compiled: makePrint(plan, options, find, mode),
        whole: table.transcoder(type, table.codec('proto'), table.codec('json', options)),
      })),
    }
  }

  /** What is wrong with the compiled lane on this input; undefined: nothing. `whole`: the way through the CodecTable is looked at too. */
  problem(direction: Direction, input: Buffer, whole: boolean): string | undefined {
    const bytes = this.#guarded.place(input)
    const verdict = this.#verdict(direction, bytes)
    if ('bytes' in verdict) this.accepted[direction]++
    for (const lane of this.#lanes[direction]) {
      const found =
        this.#compiled(direction, lane, bytes, verdict) ??
        (whole ? this.#whole(direction, lane, bytes, verdict) : undefined)
      if (found !== undefined) return `${direction}, ${lane.mode}: ${found}`
      if (!this.#guarded.intact(input)) return `${direction}, ${lane.mode}: the input was written to`
    }
    return undefined
  }
  #verdict(direction: Direction, bytes: Buffer): Verdict {
    const out = this.#referenceOut
    out.length = 0
    try {
      this.#reference[direction](bytes, out, undefined)
      return { bytes: out.take() }
    } catch (refused) {
      if ((refused as { status?: unknown }).status === undefined) throw refused
      return { refused }
    }
  }

  #compiled(direction: Direction, lane: Lane, bytes: Buffer, verdict: Verdict): string | undefined {
    const out = this.#out
    out.ensure(PREFIX.length)
    PREFIX.copy(out.buffer)
    out.length = PREFIX.length
    this.asked[direction]++
    const done = lane.compiled(bytes, out)
    if (!out.buffer.subarray(0, PREFIX.length).equals(PREFIX)) return 'what stood in the output before is gone'
    if (!done) return out.length === PREFIX.length ? undefined : 'it handed over, and left something in the output'
    this.done[direction]++
    return this.#compare(direction, out.buffer.subarray(PREFIX.length, out.length), verdict)
  }

  #whole(direction: Direction, lane: Lane, bytes: Buffer, verdict: Verdict): string | undefined {
    const out = new Bytes(16)
    try {
      lane.whole(bytes, out, undefined)
    } catch (thrown) {
      if (!('refused' in verdict)) return `it refused what the reference lane takes: ${thrown}`
      return sameError(thrown, verdict.refused) ? undefined : `another error: ${thrown} instead of ${verdict.refused}`
    }
    return this.#compare(direction, out.take(), verdict)
  }

  #compare(direction: Direction, made: Buffer, verdict: Verdict): string | undefined {
    if ('refused' in verdict) return `it took what the reference lane refuses (${verdict.refused})`
    if (made.equals(verdict.bytes)) return undefined
    if (direction === 'wire to JSON') return `it printed ${made} instead of ${verdict.bytes}`
    if (this.#means(made) === undefined) return `it wrote ${made.toString('hex')}, which is no message of the type`
    const same = isDeepStrictEqual(this.#means(made), this.#means(verdict.bytes))
    if (same && this.#printed(made) === this.#printed(verdict.bytes)) return undefined
    return `it wrote ${made.toString('hex')} instead of ${verdict.bytes.toString('hex')}`
  }
  #means(wire: Buffer): unknown {
    try {
      return this.#proto.decode(this.type, Buffer.from(wire))
    } catch {
      return undefined
    }
  }
  /** The order of map entries, which no comparison of Maps sees, shows here. */
  #printed(wire: Buffer): string {
    const out = new Bytes()
    this.#reference['wire to JSON'](Buffer.from(wire), out, undefined)
    return out.take().toString()
  }
}
const PREFIX = Buffer.from('before ')

/** Code, reason, message and details: everything that a client sees of an error. */
export const sameError = (a: unknown, b: unknown): boolean => {
  const [one, other] = [a, b] as { readonly message?: string; readonly status?: object; readonly origin?: string }[]
  return (
    one?.message === other?.message && one?.origin === other?.origin && isDeepStrictEqual(one?.status, other?.status)
  )
}

/** A place for inputs with bytes before and behind that would go on with them, so that reading on does not go unnoticed. */
class Guarded {
  #arena = Buffer.alloc(1 << 16)
  #copy = Buffer.alloc(0)

  place(input: Buffer): Buffer {
    const behind = BEHIND[input.length % BEHIND.length]!
    const size = START + input.length + behind.length
    if (size > this.#arena.length) this.#arena = Buffer.alloc(size * 2)
    behind.copy(this.#arena, START - behind.length)
    input.copy(this.#arena, START)
    behind.copy(this.#arena, START + input.length)
    this.#copy = this.#arena.subarray(START, START + input.length)
    return this.#copy
  }
  intact(input: Buffer): boolean {
    return this.#copy.equals(input)
  }
}
const START = 37
const BEHIND = ['0000', '"}]"', '}}}}', ',1]}', '\\"\\"', '\u0001\u0001\u0001\u0001', '    '].map((text) =>
  Buffer.from(text),
)
