import type { HttpBinding } from '../core/binding.ts'
import type { MessageType } from '../core/descriptor.ts'
import type { Codec, Transcode } from '../core/message.ts'
import type { JsonOptions } from '../core/schema.ts'
import { compileTranscode } from './compile/index.ts'
import { canGenerate, type Mode } from './compile/scratch.ts'
import { JsonCodec } from './json/index.ts'
import { OpaqueCodec, TextCodec } from './opaque.ts'
import { Binder } from './overlay.ts'
import type { Types } from './plan.ts'
import { ProtoCodec } from './proto/index.ts'

export interface CodecOptions {
  /**
   * Whether JSON ⇄ protobuf goes through the compiled lane, which is the default, or through decode and encode alone. A mode asks
   * for one of its two forms; without, the machine decides: program text unless Node was told to forbid it.
   */
  readonly compiled?: boolean | Mode
}

interface Pair {
  readonly type: MessageType
  readonly from: Codec
  readonly to: Codec
  readonly run: Transcode
}

/**
 * The codecs and transcoders of one schema. A codec is made once for each name and set of options, a transcoder once for each type,
 * pair of codecs and binding. `types` finds the messages inside `google.protobuf.Any`.
 */
export class CodecTable {
  readonly #types: Types
  readonly #mode: Mode | undefined
  readonly #proto: Codec
  readonly #json: Codec
  readonly #opaque: Codec = new OpaqueCodec()
  readonly #text: Codec = new TextCodec()
  readonly #withOptions = new Map<string, Codec>()
  /** By binding, or by type when there is none: few pairs each. */
  readonly #pairs = new WeakMap<object, Pair[]>()

  constructor(types: (name: string) => MessageType | undefined, { compiled = true }: CodecOptions = {}) {
    this.#types = types
    this.#mode =
      typeof compiled === 'string' ? compiled : compiled ? (canGenerate() ? 'generate' : 'closures') : undefined
    this.#proto = new ProtoCodec(types)
    this.#json = new JsonCodec(types)
  }

  /** `proto`, `json`, `opaque` or `text`. Throws on any other name. Options are those of `json`; the others have none. */
  codec(name: string, options?: JsonOptions): Codec {
    switch (name) {
      case 'proto':
        return this.#proto
      case 'json':
        return options === undefined ? this.#json : this.#jsonWith(options)
      case 'opaque':
        return this.#opaque
      case 'text':
        return this.#text
      default:
        throw new Error(`there is no codec ${JSON.stringify(name)}`)
    }
  }

  #jsonWith(options: JsonOptions): Codec {
    const { emitDefaults, protoNames, enumNumbers, int64Numbers, ignoreUnknown, field } = options
    const flags = [emitDefaults, protoNames, enumNumbers, int64Numbers, ignoreUnknown].map((on) =>
      on === true ? 1 : 0,
    )
    if (field === undefined && !flags.includes(1)) return this.#json
    const key = `${flags.join('')}${field === undefined ? '' : ` ${field}`}`
    let codec = this.#withOptions.get(key)
    if (codec === undefined) {
      codec = new JsonCodec(this.#types, { ...options })
      this.#withOptions.set(key, codec)
    }
    return codec
  }

  /** From one wire form to another; with a binding, an overlay that is given to it is woven in. */
  transcoder(type: MessageType, from: Codec, to: Codec, binding?: HttpBinding): Transcode {
    const owner = binding ?? type
    let pairs = this.#pairs.get(owner)
    if (pairs === undefined) {
      pairs = []
      this.#pairs.set(owner, pairs)
    }
    for (const pair of pairs) if (pair.to === to && pair.from === from && pair.type === type) return pair.run
    const run = this.#make(type, from, to, binding)
    pairs.push({ type, from, to, run })
    return run
  }

  #make(type: MessageType, from: Codec, to: Codec, binding: HttpBinding | undefined): Transcode {
    const reference = this.#reference(type, from, to, binding)
    const mode = this.#mode
    if (mode === undefined) return reference
    return compileTranscode({ type, from, to, binding, types: this.#types, reference, mode }) ?? reference
  }

  #reference(type: MessageType, from: Codec, to: Codec, binding: HttpBinding | undefined): Transcode {
    if (binding === undefined) {
      if (from === to || (isRaw(from) && isRaw(to))) return copy
      return (bytes, out) => to.encode(type, from.decode(type, bytes), out)
    }
    const binder = new Binder(type, binding, this.#types)
    return (bytes, out, overlay) =>
      to.encode(type, overlay === undefined ? from.decode(type, bytes) : binder.build(from, bytes, overlay), out)
  }
}

const isRaw = (codec: Codec): boolean => codec.name === 'opaque' || codec.name === 'text'

const copy: Transcode = (bytes, out) => {
  out.ensure(bytes.length)
  out.buffer.set(bytes, out.length)
  out.length += bytes.length
}
