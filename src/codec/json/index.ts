import type { FieldType, MessageType } from '../../core/descriptor.ts'
import type { ByteWriter, Codec } from '../../core/message.ts'
import type { JsonOptions } from '../../core/schema.ts'
import { fault } from '../fault.ts'
import { type FieldPlan, makeValue, planOf, type Types, type Value } from '../plan.ts'
import { parseField, parseMessage, touchedPaths } from './parse.ts'
import { printField, printMessage } from './print.ts'
import type { ReaderOptions } from './reader.ts'

export { printAny } from './print.ts'
export { JsonReader, jsonText } from './reader.ts'
export { instantValue, textOf, wrap } from './values.ts'

/** ProtoJSON with its options. `field`: the text is the JSON of this one field of the message. */
export class JsonCodec implements Codec {
  readonly name = 'json'
  readonly options: JsonOptions
  readonly #types: Types
  readonly #reading: ReaderOptions
  readonly #lenient: ReaderOptions

  constructor(types: Types, options: JsonOptions = {}) {
    this.options = options
    this.#types = types
    this.#lenient = { types, ignoreUnknown: true }
    this.#reading = options.ignoreUnknown === true ? this.#lenient : { types, ignoreUnknown: false }
  }

  decode(type: MessageType, bytes: Uint8Array): Value {
    const { field } = this.options
    if (field === undefined) return this.parse(type, bytes, false)
    const value = makeValue()
    parseField(bytes, fieldOf(type, field), value, this.#reading)
    return value
  }
  encode(type: MessageType, value: unknown, out: ByteWriter): void {
    const { field } = this.options
    if (field === undefined) printMessage(planOf(type), value, out, this.options, this.#types)
    else printField(fieldOf(type, field), value, out, this.options, this.#types)
  }

  /** A whole message, whatever `field` says. `ignoreUnknown`: even if the options do not. */
  parse(type: MessageType, bytes: Uint8Array, ignoreUnknown: boolean): Value {
    return parseMessage(bytes, planOf(type), ignoreUnknown ? this.#lenient : this.#reading)
  }
  /** The JSON of one field, put into `into`. */
  parseInto(type: MessageType, field: FieldType, bytes: Uint8Array, into: Value, ignoreUnknown: boolean): void {
    parseField(bytes, fieldOf(type, field.name), into, ignoreUnknown ? this.#lenient : this.#reading)
  }
  /** Paths that the JSON object of a message touches, in proto names, sorted (SEMANTICS §14). */
  touched(type: MessageType, bytes: Uint8Array): string[] {
    return touchedPaths(bytes, planOf(type), this.#lenient)
  }
}

const fieldOf = (type: MessageType, name: string): FieldPlan => {
  const plan = planOf(type).find(name)
  if (plan === undefined) throw fault('FIELD_UNKNOWN', `${type.name} has no field ${JSON.stringify(name)}`)
  return plan
}
