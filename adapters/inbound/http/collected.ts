import {
  type BodySink,
  Code,
  ended,
  type Flow,
  GatewayError,
  type HttpRequest,
  type Message,
  type MessageSink,
  type MessageStream,
  makeMessage,
  makeStatus,
  type Status,
  unary,
} from '../../../src/spi.ts'
import { type BodyOwner, lostError, type MessageMaker, type RequestBody, tooLarge, unexpectedBody } from './body.ts'
import { type Coding, inflateWhole } from './inflate.ts'

export interface CollectLimits {
  /** Bytes as they are sent. 0: there must be none. */
  readonly body: number
  /** Bytes when they are inflated. */
  readonly message: number
}

/** A body that is collected before the call is dispatched: the stream is one message from then on. */
export class CollectedBody implements RequestBody, BodySink, MessageStream {
  readonly replayable = true
  readonly #request: HttpRequest
  readonly #maker: MessageMaker
  readonly #limits: CollectLimits
  readonly #coding: Coding | undefined
  #owner: BodyOwner | undefined
  #parts: Uint8Array[] = []
  #length = 0
  #done = false
  #inner: MessageStream = ended(makeStatus(Code.CANCELLED, 'the body has not arrived'))

  constructor(request: HttpRequest, maker: MessageMaker, limits: CollectLimits, coding: Coding | undefined) {
    this.#request = request
    this.#maker = maker
    this.#limits = limits
    this.#coding = coding
  }

  get stream(): MessageStream {
    return this
  }
  begin(owner: BodyOwner): boolean {
    this.#owner = owner
    this.#request.read(this)
    return false
  }

  chunk(bytes: Uint8Array): boolean {
    if (this.#done) return false
    this.#length += bytes.length
    this.#owner!.tally.bytesIn = this.#length
    if (this.#length > this.#limits.body) {
      this.#fail(this.#limits.body === 0 ? unexpectedBody() : tooLarge(this.#limits.body))
      return false
    }
    this.#parts.push(bytes)
    return true
  }
  end(): void {
    if (this.#done) return
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#length)
    this.#parts = []
    if (this.#coding === undefined || bytes.length === 0) {
      this.#arrived(bytes)
      return
    }
    inflateWhole(this.#coding, bytes, this.#limits.message, (result) => {
      if (this.#done) return
      if (result instanceof GatewayError) this.#fail(result)
      else this.#arrived(result)
    })
  }
  lost(why: 'gone' | 'idle' | 'malformed'): void {
    this.#fail(lostError(why))
  }

  #arrived(bytes: Uint8Array): void {
    this.#done = true
    this.#inner = unary(makeMessage({ ...this.#maker, bytes }))
    this.#owner!.tally.messagesIn = 1
    this.#owner!.ready()
  }
  #fail(error: GatewayError): void {
    if (this.#done) return
    this.#done = true
    this.#parts = []
    this.#inner = ended(error.status)
    this.#owner!.broken(error)
  }

  get unary(): Message | undefined {
    return this.#inner.unary
  }
  get status(): Status | undefined {
    return this.#inner.status
  }
  pipe(sink: MessageSink): Flow {
    return this.#inner.pipe(sink)
  }
  resume(): void {
    this.#inner.resume()
  }
  cancel(status: Status): void {
    this.#inner.cancel(status)
  }
  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return this.#inner[Symbol.asyncIterator]()
  }
}
