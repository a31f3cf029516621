import {
  Code,
  forwardedReply,
  GatewayError,
  type Mark,
  type Message,
  type MessageSink,
  OK,
  pushOwn,
  type Reply,
  type Resource,
  type Status,
  statusToJson,
  upstreamFault,
} from '../../../src/spi.ts'
import type { HttpCall } from './call.ts'
import { publicStatus, writeError } from './error.ts'
import { type Framing, framingOf } from './framing.ts'
import { grpcMessage } from './metadata.ts'

/** A quiet stream opens this long after its call did, ms (SEMANTICS §13.2). */
const HOLD = 1_000
/** Between two comments of a stream of events, ms. */
const HEARTBEAT = 15_000

/** Writes a stream of JSON messages in the format that was negotiated. */
export const writeStream = (call: HttpCall, reply: Reply): void => {
  const sink = new StreamSink(call, reply)
  call.pipe(reply.messages, sink)
  sink.hold()
}

/**
 * The head is held until the first message, the end, or a second after the call began; until then a failure is an ordinary error
 * answer, afterwards it is told in the body.
 */
class StreamSink implements MessageSink {
  readonly #call: HttpCall
  readonly #reply: Reply
  readonly #framing: Framing
  #opened = false
  #done = false
  #count = 0
  #timer: Resource | undefined

  constructor(call: HttpCall, reply: Reply) {
    this.#call = call
    this.#reply = reply
    this.#framing = framingOf(call.plan.stream!.format, call.match.route.binding?.compat.streamEnvelope === true)
  }

  /** Starts the clock for a stream that has said nothing yet. */
  hold(): void {
    if (this.#done || this.#opened) return
    const { clock, dispatched } = this.#call
    this.#timer = clock.after(dispatched + HOLD - clock.now(), () => {
      if (this.#done || this.#opened) return
      this.#open()
      this.#write(this.#framing.opening)
      if (this.#call.headOnly) this.#finish(OK)
    })
  }

  message(message: Message, mark?: Mark): boolean {
    if (this.#done) return true
    const call = this.#call
    let json: Uint8Array
    try {
      json = message.as(call.plan.replyCodec)
    } catch (thrown) {
      this.#fail(upstreamFault(thrown))
      return false
    }
    call.touch()
    if (!this.#opened) this.#open()
    if (call.headOnly) {
      this.#finish(OK)
      return false
    }
    call.tally.messagesOut++
    return this.#write(this.#framing.message(json, this.#count++, this.#idOf(mark)))
  }

  end(status: Status): void {
    if (this.#done) return
    if (status.code !== Code.OK) {
      this.#fail(new GatewayError(status, 'upstream'))
      return
    }
    if (!this.#opened) this.#open()
    this.#write(this.#framing.end(this.#count, this.#reply.position !== undefined, () => this.#json(status)))
    this.#finish(status)
  }

  #open(): void {
    this.#opened = true
    const { exchange, match, plan, response, tally } = this.#call
    const { contentType, format } = plan.stream!
    const headers = ['content-type', contentType, 'vary', 'accept']
    // Proxies like nginx would otherwise hold the messages back until a buffer is full.
    if (format !== 'array') headers.push('cache-control', 'no-cache', 'x-accel-buffering', 'no')
    pushOwn(headers, exchange)
    headers.push(...forwardedReply(this.#reply.metadata, match.route.settings))
    if (this.#call.takesTrailers) headers.push('trailer', 'grpc-status, grpc-message')
    tally.httpStatus = 200
    response.head(200, headers)
    void this.#timer?.stop()
    if (this.#framing.heartbeat !== undefined) this.#beat()
  }

  #beat(): void {
    this.#timer = this.#call.clock.after(HEARTBEAT, () => {
      if (this.#done) return
      this.#write(this.#framing.heartbeat)
      this.#beat()
    })
  }

  #write(bytes: Uint8Array | undefined): boolean {
    if (bytes === undefined || bytes.length === 0) return true
    this.#call.tally.bytesOut += bytes.length
    return this.#call.response.write(bytes)
  }

  #idOf(mark: Mark | undefined): string | undefined {
    const { position } = this.#reply
    return position === undefined || mark?.offset === undefined ? undefined : `${position.epoch}:${mark.offset}`
  }

  /** The status as the last record tells it; with the trailers, which have no other place in a body. */
  #json(status: Status): Buffer {
    const { match } = this.#call
    const kept = forwardedReply(status.trailers, match.route.settings)
    if (kept.length === 0) return statusToJson(status, match.snapshot.schema)
    const trailers = new Map<string, string | string[]>()
    for (let i = 0; i < kept.length; i += 2) {
      const before = trailers.get(kept[i]!)
      trailers.set(kept[i]!, before === undefined ? kept[i + 1]! : [before, kept[i + 1]!].flat())
    }
    return statusToJson(status, match.snapshot.schema, { trailers: Object.fromEntries(trailers) })
  }

  #fail(error: GatewayError): void {
    if (!this.#opened) {
      this.#done = true
      void this.#timer?.stop()
      writeError(this.#call, error)
      return
    }
    const status = publicStatus(this.#call, error)
    const record = this.#framing.failure(() => this.#json(status))
    if (record === undefined) {
      this.#done = true
      void this.#timer?.stop()
      this.#call.response.abort()
      this.#call.finish(error.status)
      return
    }
    this.#write(record)
    this.#finish(status, error.status)
  }

  /** `shown` goes out as trailers, `status` ends the call. */
  #finish(shown: Status, status: Status = shown): void {
    this.#done = true
    void this.#timer?.stop()
    const call = this.#call
    const trailers = call.takesTrailers
      ? [
          ...forwardedReply(shown.trailers, call.match.route.settings),
          'grpc-status',
          String(shown.code),
          'grpc-message',
          grpcMessage(shown.message),
        ]
      : undefined
    call.response.end(trailers)
    call.finish(status)
  }
}
