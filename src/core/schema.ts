import type { HttpBinding } from './binding.ts'
import type { MessageType } from './descriptor.ts'
import type { Codec, Transcode } from './message.ts'

/** `bytes`: a plain HTTP body, piece by piece. */
export type Shape = 'unary' | 'client_stream' | 'server_stream' | 'bidi' | 'bytes'

/** What is called: an RPC method or an HTTP resource. */
export interface Operation {
  /** `helloworld.Greeter/SayHello`; for plain HTTP the id of the route. */
  readonly name: string
  readonly shape: Shape
  readonly input: MessageType
  readonly output: MessageType
  /** `idempotency_level` is NO_SIDE_EFFECTS or IDEMPOTENT. */
  readonly idempotent: boolean
}

/** `json` of a route, all off by default (SEMANTICS §6). */
export interface JsonOptions {
  readonly emitDefaults?: boolean
  readonly protoNames?: boolean
  readonly enumNumbers?: boolean
  readonly int64Numbers?: boolean
  readonly ignoreUnknown?: boolean
  /** Only this top-level field of the message is the text (`response_body`). */
  readonly field?: string
}

/** Where something stands in a user's file. Line and column count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One `google.api.http` rule as written, or the default binding `POST /package.Service/Method`. */
export interface HttpRule {
  /** Upper case, or `*`. */
  readonly method: string
  readonly template: string
  readonly body: string
  readonly responseBody: string
  readonly place: Place
  /** Not annotated: the default binding. */
  readonly implicit: boolean
  /** How path variables are decoded, where the source of the rule says so and the route does not (`compat.unescape`). */
  readonly unescape?: 'spec' | 'keep-reserved'
}

export interface Schema {
  readonly operations: ReadonlyMap<string, Operation>
  /** Services of the configured sources, in the order of their files: names of their methods, as declared. */
  readonly services: ReadonlyMap<string, readonly string[]>
  /** Rules of an operation, the default binding when it has none. */
  rules(operation: string): readonly HttpRule[]
  place(operation: string): Place | undefined
  type(name: string): MessageType | undefined
  /** Interned: the same name and options give the same object. `proto`, `json`, `opaque`, `text`. */
  codec(name: string, options?: JsonOptions): Codec
  /** Compiled pair, or decode + encode; remembered. */
  transcoder(type: MessageType, from: Codec, to: Codec, binding?: HttpBinding): Transcode
}
