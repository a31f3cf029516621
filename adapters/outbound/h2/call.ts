import {
  answerTooLarge,
  badFrames,
  brokenOff,
  type Clock,
  Code,
  type Codec,
  type Exchange,
  emptyMetadata,
  encodeGrpcTimeout,
  formatSize,
  GatewayError,
  grpcRequestFields,
  type Message,
  type Metadata,
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
  toGatewayError,
  tooLate,
  unary,
  unreachable,
  wrongCount,
} from '../../../src/spi.ts'
import type { Connection } from './connection.ts'
import { ErrorCode, errorName } from './frames.ts'
import { encodingOf, endStatus, foreignHead, metadataOf, missingStatus } from './head.ts'
import type { HeaderBlock } from './header-decoder.ts'
import { MessageReader, type MessageTaker, type Trouble } from './messages.ts'
import { frameOf, withPrefix } from './request-frame.ts'
import type { Stream, StreamEvents } from './stream.ts'

/** A server stream whose backend is silent counts as open this long after it was called, ms (SEMANTICS §13.2). */
const QUIET = 1_000
/** How often a call that the backend has not seen is sent again: two connections that go away at once are bad luck, more are a pattern. */
const MAX_TRIES = 3

/** What a call needs of the endpoint that it goes to. */
export interface Line {
  readonly clock: Clock
  readonly maxMessageBytes: number
  /** Opens the call on a connection, now or when there is room. */
  place(call: H2Call): void
  /** The call is over. */
  done(call: H2Call): void
}

/** One call to a gRPC backend, from the request message to the status. */
export class H2Call implements SourceControl, RequestWriter, StreamEvents, MessageTaker {
  readonly #line: Line
  readonly #exchange: Exchange
  readonly #operation: Operation
  readonly #schema: Schema
  readonly #codec: Codec
  /** Of a request that is not one message which is already here. */
  #pump: RequestPump | undefined
  #connection: Connection | undefined
  #stream: Stream | undefined
  #tries = 0
  #reader: MessageReader | undefined
  #metadata: Metadata | undefined
  #source: Source | undefined
  /** The one message of a unary or client-streaming answer: given away when the status is OK. */
  #answer: Message | undefined
  /** The request is known to fit, and may be sent. */
  #complete = false
  /** The one message of a request, framed: until it is sent, and of a request that was pumped until the call is over. */
  #frame: Buffer | undefined
  #pumped = false
  #quiet: Resource | undefined
  /** How the backend has ended the call, while messages that came before wait for the reader. */
  #last: Status | undefined
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
  }

  /** Resolves when rule 3 of the adapter contract says so: unary with its status, streams at the head or once they are open. */
  run(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#exchange.onEnd((status) => this.#exchangeEnded(status))
      if (!this.#over) this.#begin()
    })
  }

  #begin(): void {
    const { request } = this.#exchange
    const single = this.#single
    if (single && request.unary !== undefined && request.status?.code === Code.OK) {
      this.#line.place(this)
      return
    }
    this.#pump = new RequestPump({
      codec: this.#codec,
      single,
      operation: this.#operation.name,
      complete: () => this.#requestComplete(),
      fail: (error) => this.#abandon(error, false),
    })
    this.#pump.read(request)
    if (!single) this.#requestComplete()
  }
  get #single(): boolean {
    const { shape } = this.#operation
    return shape === 'unary' || shape === 'server_stream'
  }
  #requestComplete(): void {
    if (this.#over || this.#complete) return
    this.#complete = true
    this.#line.place(this)
  }

  /** Writes the one message of a request that is here; false: it does not fit its type, and the call is over. */
  prepare(): boolean {
    if (this.#pump !== undefined) return true
    try {
      this.#frame = frameOf(this.#exchange.request.unary!, this.#codec)
      return true
    } catch (thrown) {
      this.#abandon(toGatewayError(thrown), false)
      return false
    }
  }
  /** The call waits: its frame, which lies where the next call writes, is kept. */
  keep(): void {
    if (this.#pump === undefined) this.#frame = Buffer.from(this.#frame!)
  }

  send(bytes: Buffer, sent: () => void): void {
    const frame = withPrefix(bytes)
    if (this.#single) {
      this.#frame = frame
      this.#pumped = true
    }
    this.#connection!.send(this.#stream!, frame, sent)
  }
  halfClose(): void {
    this.#connection!.halfClose(this.#stream!)
  }

  /** Sends the call on a connection that has room. */
  open(connection: Connection): void {
    if (this.#over) return
    const { deadline, metadata } = this.#exchange
    const fields = grpcRequestFields(metadata)
    if (deadline !== Number.POSITIVE_INFINITY) {
      const left = deadline - this.#line.clock.now()
      if (left <= 0) {
        this.#finish(tooLate(this.#operation.name))
        return
      }
      fields.push('grpc-timeout', encodeGrpcTimeout(left))
    }
    const head = { path: `/${this.#operation.name}`, fields }
    const most = connection.tooLarge(head)
    if (most !== undefined) {
      this.#abandon(headTooLarge(most, this.#operation.name), false)
      return
    }
    const frame = this.#frame
    if (!this.#pumped) this.#frame = undefined
    this.#tries++
    this.#connection = connection
    this.#stream = connection.open(head, this, frame, frame !== undefined)
    if (frame === undefined) this.#pump!.open(this)
    if (!this.#over) this.#opened()
  }
  #opened(): void {
    const { shape } = this.#operation
    if (shape === 'client_stream' || shape === 'bidi') this.#answerWith()
    else if (shape === 'server_stream' && this.#source === undefined)
      this.#quiet ??= this.#line.clock.after(QUIET, () => this.#answerWith())
  }

  /** There is no connection, or it was lost. */
  lost(status: Status): void {
    this.#reset()
    this.#finish(status)
  }

  onHead(block: HeaderBlock, end: boolean): void {
    if (this.#over) return
    const { name, shape } = this.#operation
    if (block.tooLarge) {
      this.lost(brokenOff(Code.INTERNAL, 'UPSTREAM_INVALID', 'headers that are too large', name))
      return
    }
    const alone = this.#reader === undefined
    if (end) {
      this.#ended(endStatus(block, alone, name))
      return
    }
    const foreign = foreignHead(block)
    if (foreign !== undefined) {
      this.lost(notGrpc(foreign.code, foreign.text, name))
      return
    }
    this.#reader = new MessageReader(this, this.#line.maxMessageBytes, encodingOf(block))
    this.#takeMetadata(metadataOf(block))
    if (shape === 'server_stream') this.#answerWith()
  }

  #takeMetadata(metadata: Metadata): void {
    if (this.#metadata === undefined) this.#metadata = metadata
    else for (const [name, value] of metadata) this.#metadata.append(name, value)
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (!this.#over) this.#reader!.push(bytes, start, end)
  }

  take(bytes: Buffer): boolean {
    const { shape, output, name } = this.#operation
    const message = makeMessage({ schema: this.#schema, type: output, codec: this.#codec, bytes })
    if (shape === 'unary' || shape === 'client_stream') {
      if (this.#answer !== undefined) this.lost(wrongCount('more than one message', name))
      this.#answer = message
      return !this.#over
    }
    const more = this.#answerWith().push(message)
    if (this.#over) return false
    if (!more) this.#connection!.pause(this.#stream!)
    return more
  }

  trouble({ kind, text }: Trouble): void {
    const { name } = this.#operation
    if (kind === 'size') this.lost(answerTooLarge(this.#line.maxMessageBytes, name))
    else this.lost(badFrames(text, name))
  }

  onEnd(): void {
    if (!this.#over) this.#ended(missingStatus(this.#operation.name))
  }
  #ended(status: Status): void {
    if (this.#reader?.holds === true) {
      this.#last = status
      this.#pump?.stop(status)
      this.#line.done(this)
      return
    }
    const cut = status.code === Code.OK && this.#reader?.cut === true
    this.#finish(cut ? badFrames('an answer that ends within a message', this.#operation.name) : status)
  }

  onReset(code: number): void {
    if (this.#over) return
    const { name } = this.#operation
    const note = `RST_STREAM ${errorName(code)}`
    switch (code) {
      case ErrorCode.CANCEL:
        this.#ended(
          this.#line.clock.now() >= this.#exchange.deadline
            ? tooLate(name)
            : makeStatus(Code.CANCELLED, `the backend cancelled ${name}`),
        )
        break
      case ErrorCode.REFUSED_STREAM:
        this.#ended(unreachable(note))
        break
      case ErrorCode.ENHANCE_YOUR_CALM:
        this.#ended(brokenOff(Code.RESOURCE_EXHAUSTED, 'UPSTREAM_EXHAUSTED', note, name))
        break
      case ErrorCode.INADEQUATE_SECURITY:
        this.#ended(brokenOff(Code.PERMISSION_DENIED, 'UPSTREAM_INVALID', note, name))
        break
      default:
        this.#ended(brokenOff(Code.INTERNAL, 'UPSTREAM_INVALID', note, name))
    }
  }

  /** A call whose every byte is still here goes out once more; its backend has not seen it (SEMANTICS §17.1). */
  onRefused(note: string): void {
    if (this.#over) return
    const again = (this.#pump === undefined || this.#pumped) && this.#tries < MAX_TRIES
    this.#connection = undefined
    this.#stream = undefined
    if (again) this.#line.place(this)
    else this.#finish(unreachable(note))
  }
  onLost(note: string): void {
    if (!this.#over) this.#ended(unreachable(note))
  }

  resume(): void {
    if (this.#over || this.#reader === undefined) return
    this.#reader.resume()
    if (this.#over || this.#reader.waiting) return
    if (this.#last === undefined) this.#connection!.resume(this.#stream!)
    else this.#ended(this.#last)
  }
  cancel(status: Status): void {
    if (this.#over) return
    this.#reset()
    this.#finish(status)
  }

  #reset(): void {
    if (this.#stream !== undefined) this.#connection!.reset(this.#stream, ErrorCode.CANCEL)
  }

  /** The reply goes to the caller, once; its messages are the source that is returned. */
  #answerWith(): Source {
    if (this.#source !== undefined) return this.#source
    void this.#quiet?.stop()
    const source = new Source(this)
    this.#source = source
    // A stream that is open before its head has come gets the fields of the head later, in the same object.
    this.#metadata ??= emptyMetadata()
    this.#resolve!({ metadata: this.#metadata, messages: source, httpStatus: undefined, position: undefined })
    return source
  }

  /** The call has ended with `status`: nothing comes from the backend any more. */
  #finish(given: Status): void {
    if (this.#over) return
    this.#leave()
    const { shape, name } = this.#operation
    const alone = shape === 'unary' || shape === 'client_stream'
    const missing = alone && given.code === Code.OK && this.#answer === undefined
    const status = missing ? wrongCount('no message', name) : given
    this.#pump?.stop(status)
    if (status.code !== Code.OK && this.#source === undefined) {
      this.#reject!(new GatewayError(status, 'upstream'))
    } else if (shape === 'unary') {
      const messages = unary(this.#answer!, status)
      const metadata = this.#metadata ?? emptyMetadata()
      this.#resolve!({ metadata, messages, httpStatus: undefined, position: undefined })
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
    this.#reset()
    this.#pump?.stop(error.status)
    if (this.#source === undefined) this.#reject!(error)
    else if (drop) this.#source.cancel(error.status)
    else this.#source.end(error.status)
  }

  #exchangeEnded(status: Status): void {
    if (this.#over) return
    const end = status.code === Code.OK ? makeStatus(Code.CANCELLED, 'the call is over') : status
    this.#abandon(new GatewayError(end, end.code === Code.CANCELLED ? 'client' : 'gateway'), true)
  }
}

const headTooLarge = (most: number, operation: string): GatewayError =>
  new GatewayError(
    makeStatus(
      Code.RESOURCE_EXHAUSTED,
      `the headers for ${operation} are longer than the ${formatSize(most)} that its backend takes`,
      {
        reason: 'HEAD_TOO_LARGE',
        httpStatus: 431,
      },
    ),
    'client',
  )
