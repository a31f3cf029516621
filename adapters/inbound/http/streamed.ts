import {
  type BodySink,
  type Flow,
  type GatewayError,
  type HttpRequest,
  type MessageSink,
  makeMessage,
  OK,
  Source,
  toGatewayError,
} from '../../../src/spi.ts'
import { type BodyOwner, lostError, type MessageMaker, NOTHING, type RequestBody, tooLarge } from './body.ts'
import { type Coding, Inflater } from './inflate.ts'
import { JsonSplitter } from './split.ts'

/** A Source that tells when somebody begins to read it: nothing is asked of the client before the policies let the call pass. */
class PulledSource extends Source {
  #start: (() => void) | undefined
  whenPiped(start: () => void): void {
    this.#start = start
  }
  override pipe(sink: MessageSink): Flow {
    const flow = super.pipe(sink)
    const start = this.#start
    this.#start = undefined
    if (!this.over) start?.()
    return flow
  }
}

/** How a streamed body becomes messages. */
export type Cut =
  /** Values of JSON text, each at most `max` bytes. */
  | { readonly kind: 'json'; readonly mode: 'values' | 'auto'; readonly max: number }
  /** Pieces of at most `max` bytes; `first` makes one, perhaps empty, message even of an empty body. */
  | { readonly kind: 'pieces'; readonly max: number; readonly first: boolean }

/** A body that becomes messages while it arrives. The client is paused while nobody takes them. */
export class StreamedBody implements RequestBody, BodySink {
  readonly stream: PulledSource
  readonly #request: HttpRequest
  readonly #maker: MessageMaker
  readonly #cut: Cut
  readonly #limit: number
  readonly #splitter: JsonSplitter | undefined
  readonly #inflater: Inflater | undefined
  #later: MessageMaker | undefined
  #owner: BodyOwner | undefined
  #flowing = true
  #done = false
  #sent = 0

  /** `limit`: bytes of the whole body, as they are sent. */
  constructor(request: HttpRequest, maker: MessageMaker, cut: Cut, limit: number, coding: Coding | undefined) {
    this.#request = request
    this.#maker = maker
    this.#cut = cut
    this.#limit = limit
    this.#splitter = cut.kind === 'json' ? new JsonSplitter(cut.mode, cut.max, (value) => this.#emit(value)) : undefined
    this.#inflater =
      coding === undefined
        ? undefined
        : new Inflater(
            coding,
            {
              chunk: (bytes) => this.#take(bytes),
              end: () => this.#finish(),
              fail: (error) => this.#fail(error),
            },
            () => request.resume(),
          )
    this.stream = new PulledSource({
      resume: () => this.#resume(),
      cancel: () => this.#stop(),
    })
    this.stream.whenPiped(() => request.read(this))
  }

  begin(owner: BodyOwner): boolean {
    this.#owner = owner
    return true
  }

  chunk(bytes: Uint8Array): boolean {
    if (this.#done) return false
    const owner = this.#owner!
    owner.tally.bytesIn += bytes.length
    owner.touch()
    if (owner.tally.bytesIn > this.#limit) {
      this.#fail(tooLarge(this.#limit))
      return false
    }
    return this.#inflater === undefined ? this.#take(bytes) : this.#inflater.write(bytes)
  }
  end(): void {
    if (this.#inflater === undefined) this.#finish()
    else this.#inflater.end()
  }
  lost(why: 'gone' | 'idle' | 'malformed'): void {
    this.#fail(lostError(why))
  }

  #take(bytes: Uint8Array): boolean {
    if (this.#done) return false
    this.#flowing = true
    try {
      if (this.#splitter !== undefined) this.#splitter.push(bytes)
      else this.#pieces(bytes, this.#cut.max)
    } catch (thrown) {
      this.#fail(toGatewayError(thrown))
    }
    return this.#flowing && !this.#done
  }
  #pieces(bytes: Uint8Array, max: number): void {
    if (bytes.length <= max) this.#emit(bytes)
    else for (let at = 0; at < bytes.length; at += max) this.#emit(bytes.subarray(at, at + max))
  }

  #emit(bytes: Uint8Array): void {
    if (this.#done) return
    this.#sent++
    if (this.#splitter !== undefined) this.#owner!.tally.messagesIn++
    if (!this.stream.push(makeMessage({ ...this.#next(), bytes }))) this.#flowing = false
  }
  /** Path, query and content type belong to the first message alone. */
  #next(): MessageMaker {
    if (this.#sent === 1) return this.#maker
    const { overlay } = this.#maker
    this.#later ??=
      overlay === undefined
        ? this.#maker
        : { ...this.#maker, overlay: { ...overlay, params: [], query: '', contentType: undefined } }
    return this.#later
  }

  #finish(): void {
    if (this.#done) return
    try {
      this.#splitter?.end()
      if (this.#cut.kind === 'pieces' && this.#cut.first && this.#sent === 0) this.#emit(NOTHING)
    } catch (thrown) {
      this.#fail(toGatewayError(thrown))
      return
    }
    this.#done = true
    this.stream.end(OK)
  }
  #fail(error: GatewayError): void {
    if (this.#done) return
    this.#stop()
    this.#owner!.broken(error)
    this.stream.end(error.status)
  }
  #stop(): void {
    this.#done = true
    this.#inflater?.stop()
  }
  #resume(): void {
    if (this.#done) return
    this.#flowing = true
    if (this.#inflater === undefined) this.#request.resume()
    else this.#inflater.resume()
  }
}
