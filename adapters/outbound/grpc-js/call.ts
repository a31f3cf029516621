import type * as grpc from '@grpc/grpc-js'
import {
  badFrames,
  type Clock,
  Code,
  type Codec,
  type Exchange,
  emptyMetadata,
  GatewayError,
  type Message,
  makeMessage,
  makeStatus,
  notGrpc,
  type Operation,
  type Reply,
  RequestPump,
  type RequestWriter,
  type Resource,
  type Schema,
  Source,
  type SourceControl,
  type Status,
  tooLate,
  unary,
  wrongCount,
} from '../../../src/spi.ts'
import type { Frames } from './frames.ts'
import { fromGrpc, toGrpc } from './metadata.ts'
import { type About, toStatus } from './status.ts'
import { takeFrames, takeStatus } from './wire.ts'

/** A call of grpc-js below its client objects: bytes in, bytes out, one read for each message. */
export type RawCall = ReturnType<grpc.ChannelInterface['createCall']>

/** What a call needs of the connection that it runs on. */
export interface Line {
  readonly clock: Clock
  /** `deadline` in epoch ms, or Infinity. undefined: the channel was stopped, and the call has been told that it is lost. */
  begin(call: GrpcCall, path: string, deadline: number): RawCall | undefined
  /** After the call was started: `connected` is called when there is a connection, at once when there is one. */
  track(call: GrpcCall): void
  done(call: GrpcCall): void
}

/** A server stream whose backend is silent counts as open this long after it was called, ms (SEMANTICS §13.2). */
const QUIET = 1_000
/** The longest `grpc-timeout` that can be written, ms; beyond it grpc-js throws where nobody can catch it. */
const LONGEST = 99_999_999 * 3_600_000

/** One call to a gRPC backend, from the request message to the status. */
export class GrpcCall implements SourceControl, RequestWriter {
  readonly #line: Line
  readonly #exchange: Exchange
  readonly #operation: Operation
  readonly #schema: Schema
  readonly #codec: Codec
  readonly #requests: RequestPump
  readonly #metadata = emptyMetadata()
  #raw: RawCall | undefined
  #source: Source | undefined
  /** The one message of a unary or client-streaming answer: given away when the status is OK. */
  #answer: Message | undefined
  #frames: Frames | undefined
  #received = 0
  #paused = false
  #quiet: Resource | undefined
  #over = false
  #resolve: ((reply: Reply) => void) | undefined
  #reject: ((error: GatewayError) => void) | undefined

  constructor(line: Line, exchange: Exchange) {
    const { route, snapshot } = exchange.match
    this.#line = line
    this.#exchange = exchange
    this.#operation = route.operation
    this.#schema = snapshot.schema
    this.#codec = snapshot.schema.codec('proto')
    this.#requests = new RequestPump({
      codec: this.#codec,
      single: this.#operation.shape === 'unary' || this.#operation.shape === 'server_stream',
      operation: this.#operation.name,
      complete: () => this.#open(),
      fail: (error) => this.#abandon(error, false),
    })
  }

  /** Resolves when rule 3 of the adapter contract says so: unary with its status, streams at the head or once they are open. */
  run(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#exchange.onEnd((status) => this.#exchangeEnded(status))
      if (this.#over) return
      this.#requests.read(this.#exchange.request)
      const { shape } = this.#operation
      if (shape === 'client_stream' || shape === 'bidi') this.#open()
    })
  }

  #open(): void {
    if (this.#over || this.#raw !== undefined) return
    const { deadline, metadata } = this.#exchange
    const { clock } = this.#line
    const left = deadline - clock.now()
    if (left <= 0) {
      this.#finish(tooLate(this.#operation.name))
      return
    }
    this.#raw = this.#line.begin(this, `/${this.#operation.name}`, deadlineIn(left))
    if (this.#raw === undefined) return
    this.#raw.start(toGrpc(metadata), this)
    this.#requests.open(this)
    if (this.#over) return
    this.#raw.startRead()
    this.#line.track(this)
  }

  /** There is a connection: a stream counts as open, although the backend may say nothing before it has read something. */
  connected(): void {
    const { shape } = this.#operation
    if (shape === 'client_stream' || shape === 'bidi') this.#answerWith()
    else if (shape === 'server_stream' && !this.#over && this.#source === undefined)
      this.#quiet = this.#line.clock.after(QUIET, () => this.#answerWith())
  }
  /** The connection could not be made in time, or was stopped. */
  lost(status: Status): void {
    this.#cancelRaw(status.code, status.message)
    this.#finish(status)
  }

  onReceiveMetadata(head: grpc.Metadata): void {
    if (this.#over) return
    const foreign = takeStatus(head)
    if (foreign !== undefined) {
      this.lost(notGrpc(foreign.code, foreign.message, this.#operation.name))
      return
    }
    this.#frames = takeFrames(head)
    fromGrpc(head, this.#metadata)
    if (this.#operation.shape === 'server_stream') this.#answerWith()
  }

  onReceiveMessage(bytes: Buffer): void {
    if (this.#over) return
    if (this.#frames !== undefined && this.#received++ >= this.#frames.good) {
      this.lost(badFrames('a message with flags that gRPC does not know', this.#operation.name))
      return
    }
    const message = makeMessage({ schema: this.#schema, type: this.#operation.output, codec: this.#codec, bytes })
    const { shape } = this.#operation
    if (shape === 'unary' || shape === 'client_stream') {
      if (this.#answer !== undefined) {
        this.lost(wrongCount('more than one message', this.#operation.name))
        return
      }
      this.#answer = message
      this.#raw!.startRead()
    } else if (this.#answerWith().push(message)) {
      this.#raw!.startRead()
    } else {
      this.#paused = true
    }
  }

  onReceiveStatus(end: grpc.StatusObject): void {
    if (this.#over) return
    const status = toStatus(end, this.#about())
    const cut = status.code === Code.OK && this.#frames?.cut === true
    this.#finish(cut ? badFrames('an answer that ends within a message', this.#operation.name) : status)
  }

  resume(): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.#raw!.startRead()
  }
  cancel(status: Status): void {
    if (this.#over) return
    this.#cancelRaw(Code.CANCELLED, 'cancelled')
    this.#finish(status)
  }

  send(bytes: Buffer, sent: () => void): void {
    this.#raw!.sendMessageWithContext({ callback: sent }, bytes)
  }
  halfClose(): void {
    this.#raw!.halfClose()
  }

  /** The reply goes to the caller, once; its messages are the source that is returned. */
  #answerWith(): Source {
    if (this.#source !== undefined) return this.#source
    void this.#quiet?.stop()
    const source = new Source(this)
    this.#source = source
    this.#resolve!({ metadata: this.#metadata, messages: source, httpStatus: undefined, position: undefined })
    return source
  }

  /** The call has ended with `status`: nothing comes from the backend any more. */
  #finish(given: Status): void {
    if (this.#over) return
    this.#leave()
    const { shape } = this.#operation
    const alone = shape === 'unary' || shape === 'client_stream'
    const missing = alone && given.code === Code.OK && this.#answer === undefined
    const status = missing ? wrongCount('no message', this.#operation.name) : given
    this.#requests.stop(status)
    if (status.code !== Code.OK && this.#source === undefined) {
      this.#reject!(new GatewayError(status, 'upstream'))
    } else if (shape === 'unary') {
      const messages = unary(this.#answer!, status)
      this.#resolve!({ metadata: this.#metadata, messages, httpStatus: undefined, position: undefined })
    } else {
      const source = this.#answerWith()
      if (shape === 'client_stream' && status.code === Code.OK) source.push(this.#answer!)
      source.end(status)
    }
  }

  #leave(): void {
    this.#over = true
    void this.#quiet?.stop()
    this.#line.done(this)
  }

  /** The caller's side has ended first. `drop`: nobody reads the rest of the answer. */
  #abandon(error: GatewayError, drop: boolean): void {
    if (this.#over) return
    this.#leave()
    this.#cancelRaw(Code.CANCELLED, 'cancelled')
    this.#requests.stop(error.status)
    if (this.#source === undefined) this.#reject!(error)
    else if (drop) this.#source.cancel(error.status)
    else this.#source.end(error.status)
  }

  /**
   * grpc-js makes the part that opens the HTTP/2 stream some microtasks after `start`, and does not look whether the call was cancelled
   * in between: the stream would be opened and never reset. The second time finds that part.
   */
  #cancelRaw(code: Code, text: string): void {
    const raw = this.#raw
    if (raw === undefined) return
    raw.cancelWithStatus(code, text)
    setImmediate(() => raw.cancelWithStatus(code, text))
  }

  #exchangeEnded(status: Status): void {
    if (this.#over) return
    const end = status.code === Code.OK ? makeStatus(Code.CANCELLED, 'the call is over') : status
    this.#abandon(new GatewayError(end, end.code === Code.CANCELLED ? 'client' : 'gateway'), true)
  }

  #about(): About {
    return { operation: this.#operation.name, late: this.#line.clock.now() >= this.#exchange.deadline }
  }
}

/** Epoch ms, or Infinity. */
const deadlineIn = (left: number): number =>
  left === Number.POSITIVE_INFINITY ? left : Date.now() + Math.min(left, LONGEST)
