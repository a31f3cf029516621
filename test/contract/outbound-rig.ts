import type { LiveExchange } from '../../src/core/exchange.ts'
import type { Message } from '../../src/core/message.ts'
import type { Shape } from '../../src/core/schema.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import type { MessageStream } from '../../src/core/stream.ts'

/** What the backend shall do with a call. */
export type Job =
  /** One answer with the request's payload (for a stream: one for each message). */
  | { readonly do: 'echo' }
  /** So many answers, then a good end, or a failure of that code. */
  | { readonly do: 'answers'; readonly count: number; readonly size?: number; readonly fail?: number }
  /** Answers until it is stopped. */
  | { readonly do: 'endless'; readonly size: number }
  /** Neither head nor end. */
  | { readonly do: 'hang' }
  /** No answer, a failure of that code. */
  | { readonly do: 'fail'; readonly code: number }
  /** Takes the first message, then reads no more until `readOn`. */
  | { readonly do: 'stop-reading' }

export interface CallOptions {
  readonly request?: MessageStream
  /** ms from now */
  readonly timeout?: number
  readonly metadata?: readonly string[]
}

/** A real backend with a channel to it. */
export interface OutboundRig {
  readonly channel: Channel
  /** A call that makes the backend do `job`. Its request is one suitable message unless `request` is given. */
  exchange(shape: Shape, job: Job, options?: CallOptions): LiveExchange
  /** A request message with a payload of `size` bytes; the first of a call carries the job. */
  message(job: Job, size?: number): Message
  /** Length of the payload of an answer. */
  size(answer: Message): number
  /** Calls that the backend has open. */
  open(): number
  /** Calls that the backend has ever seen. */
  total(): number
  /** Bytes of answers that the backend could get rid of. */
  sentBytes(): number
  /** Bytes of request payloads that the backend has read. */
  readBytes(): number
  readOn(): void
  /** Value of a metadata field as the backend got it with the last call. */
  received(name: string): string | undefined
  /** Resolves when the condition holds; rejects with `what` when it never does. */
  until(condition: () => boolean, what: string): Promise<void>
  stop(): Promise<void>
}

export interface OutboundHarness {
  readonly shapes: readonly Shape[]
  /** Whether messages are counted one by one: a limit on their size holds, and all arrive before a failure. */
  readonly framed: boolean
  /** Most bytes that may lie between a backend and a reader that waits: windows, socket buffers. */
  readonly inFlight: number
  start(options: { readonly maxMessageBytes?: number }): Promise<OutboundRig>
  /** A channel to a place where nobody listens, and the address, which no message may name. */
  unreachable(): { readonly channel: Channel; readonly address: string; exchange(shape: Shape): LiveExchange }
}
