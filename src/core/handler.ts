import type { Exchange } from './exchange.ts'
import type { Metadata } from './metadata.ts'
import type { MessageStream } from './stream.ts'

/** The answer. Fails before the first reply byte → throw GatewayError. Fails later → `messages` ends with the status. */
export interface Reply {
  readonly metadata: Metadata
  readonly messages: MessageStream
  /** Only when the backend speaks HTTP. */
  readonly httpStatus: number | undefined
  /** Of resumable streams. */
  readonly position:
    | { readonly epoch: string; readonly offset: number; readonly recovered: boolean | undefined }
    | undefined
}

/** Exchange → Reply. May return, reject or throw; `settle` takes all three. */
export type Handler = (exchange: Exchange) => Reply | Promise<Reply>
/**
 * A function around a handler. A policy that only checks or edits is an ordinary function ending in `return next(exchange)`.
 * `next` may be called again only with `exchange.fork()`, and only when `exchange.request.replayable`.
 */
export type Policy = (next: Handler) => Handler

/** The first policy is outermost. Composed once, when the snapshot is compiled. */
export const compose = (policies: readonly Policy[], target: Handler): Handler =>
  policies.reduceRight<Handler>((next, policy) => policy(next), target)
