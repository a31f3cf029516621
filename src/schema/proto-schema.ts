import { type CodecOptions, CodecTable } from '../codec/codec.ts'
import type { HttpBinding } from '../core/binding.ts'
import type { EnumType, MessageType } from '../core/descriptor.ts'
import type { Codec, Transcode } from '../core/message.ts'
import type { HttpRule, JsonOptions, Operation, Place, Schema } from '../core/schema.ts'

/** One rpc of a service, whatever it was read from. */
export interface Method {
  readonly operation: Operation
  /** Never empty: the default binding when it is not annotated. */
  readonly rules: readonly HttpRule[]
  readonly place: Place | undefined
  readonly comment: string
}
export interface Service {
  /** Fully qualified. */
  readonly name: string
  readonly methods: readonly Method[]
  /** Declared in a source of the configuration, and not in a file that such a source merely imports. */
  readonly exposed: boolean
  readonly comment: string
}

export interface SchemaParts {
  readonly messages: ReadonlyMap<string, MessageType>
  readonly enums: ReadonlyMap<string, EnumType>
  readonly services: readonly Service[]
  /** Hex digest of everything that was read: equal digests, equal schema. */
  readonly hash: string
}

/**
 * The Schema of what was loaded. `operations` has every method that was met, imported files included; `services` only those of
 * the configured sources, because an import does not ask for routes.
 */
export class ProtoSchema implements Schema {
  readonly hash: string
  readonly operations: ReadonlyMap<string, Operation>
  readonly services: ReadonlyMap<string, readonly string[]>
  readonly #methods = new Map<string, Method>()
  readonly #services = new Map<string, Service>()
  readonly #parts: SchemaParts
  readonly #codecs: CodecTable

  constructor(parts: SchemaParts, options?: CodecOptions) {
    this.#parts = parts
    this.hash = parts.hash
    const operations = new Map<string, Operation>()
    const services = new Map<string, readonly string[]>()
    for (const service of parts.services) {
      this.#services.set(service.name, service)
      for (const method of service.methods) {
        operations.set(method.operation.name, method.operation)
        this.#methods.set(method.operation.name, method)
      }
      if (service.exposed)
        services.set(
          service.name,
          service.methods.map(({ operation }) => operation.name.slice(service.name.length + 1)),
        )
    }
    this.operations = operations
    this.services = services
    this.#codecs = new CodecTable((name) => parts.messages.get(name), options)
  }

  rules(operation: string): readonly HttpRule[] {
    return this.#methods.get(operation)?.rules ?? []
  }
  place(operation: string): Place | undefined {
    return this.#methods.get(operation)?.place
  }
  /** Leading comment of a method, `package.Service/Method`, or of a service, `package.Service`. */
  comment(name: string): string {
    return (this.#methods.get(name) ?? this.#services.get(name))?.comment ?? ''
  }
  type(name: string): MessageType | undefined {
    return this.#parts.messages.get(name)
  }
  /** Every message type by its full name, those of imported and built-in files included. */
  get types(): ReadonlyMap<string, MessageType> {
    return this.#parts.messages
  }
  get enums(): ReadonlyMap<string, EnumType> {
    return this.#parts.enums
  }
  codec(name: string, options?: JsonOptions): Codec {
    return this.#codecs.codec(name, options)
  }
  transcoder(type: MessageType, from: Codec, to: Codec, binding?: HttpBinding): Transcode {
    return this.#codecs.transcoder(type, from, to, binding)
  }
}
