import type { MessageType } from '../../core/descriptor.ts'
import type { ByteWriter, Codec } from '../../core/message.ts'
import { planOf, type Types, type Value } from '../plan.ts'
import { decodeProto } from './decode.ts'
import { encodeProto } from './encode.ts'

export { decodeProto } from './decode.ts'
export { encodeProto } from './encode.ts'
export { WireReader } from './wire.ts'

/** The protobuf wire format. */
export class ProtoCodec implements Codec {
  readonly name = 'proto'
  readonly #types: Types
  constructor(types: Types) {
    this.#types = types
  }
  decode(type: MessageType, bytes: Uint8Array): Value {
    return decodeProto(planOf(type), bytes, this.#types)
  }
  encode(type: MessageType, value: unknown, out: ByteWriter): void {
    encodeProto(planOf(type), value, out, this.#types)
  }
}
