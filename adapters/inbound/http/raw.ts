import {
  Code,
  errors,
  forwardable,
  forwardedReply,
  GatewayError,
  type Message,
  type MessageSink,
  OK,
  pushOwn,
  type Reply,
  type Status,
  upstreamFault,
} from '../../../src/spi.ts'
import type { HttpCall } from './call.ts'
import { publicStatus, writeError } from './error.ts'
import { httpBodyOf } from './http-body.ts'

const NOTHING = new Uint8Array(0)

/** A reply of plain HTTP: status, headers, bytes and trailers as they come, hop-by-hop ones aside. */
export const writeBytes = (call: HttpCall, reply: Reply): void => {
  const { response, tally } = call
  const httpStatus = reply.httpStatus ?? 200
  if (httpStatus < 200 || httpStatus > 599) {
    reply.messages.cancel(errors.upstreamInvalid('').status)
    writeError(call, errors.upstreamInvalid(`the backend answered with the HTTP status ${httpStatus}`))
    return
  }
  const { messages } = reply
  const { unary, status } = messages
  if (status !== undefined && status.code !== Code.OK) {
    writeError(call, new GatewayError(status, 'upstream'))
    return
  }
  const headers = replyHeaders(call, reply)
  tally.httpStatus = httpStatus
  if (status !== undefined && (status.trailers.raw.length === 0 || !call.takesTrailers)) {
    const body = unary?.bytes ?? NOTHING
    tally.bytesOut = body.length
    response.reply(httpStatus, headers, body)
    call.finish(status)
    return
  }
  response.head(httpStatus, headers)
  call.pipe(messages, new BytesSink(call))
}

const replyHeaders = (call: HttpCall, reply: Reply): string[] => {
  const { raw } = forwardable(reply.metadata)
  const headers: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (name !== 'x-request-id' && name !== 'te') headers.push(name, raw[i + 1]!)
  }
  // The listener holds the answer to it; without one it is chunked.
  const length = reply.metadata.get('content-length')
  if (length !== undefined) headers.push('content-length', length)
  const announced = call.takesTrailers ? reply.metadata.get('trailer') : undefined
  if (announced !== undefined) headers.push('trailer', announced)
  pushOwn(headers, call.exchange)
  return headers
}

class BytesSink implements MessageSink {
  readonly #call: HttpCall
  #done = false
  constructor(call: HttpCall) {
    this.#call = call
  }
  message(message: Message): boolean {
    if (this.#done) return true
    const { response, tally } = this.#call
    const { bytes } = message
    this.#call.touch()
    tally.bytesOut += bytes.length
    return response.write(bytes)
  }
  end(status: Status): void {
    if (this.#done) return
    this.#done = true
    const { response, takesTrailers } = this.#call
    if (status.code !== Code.OK) response.abort()
    else response.end(takesTrailers ? forwardable(status.trailers).raw : undefined)
    this.#call.finish(status)
  }
}

/** A stream of `google.api.HttpBody`: the bytes one after the other, nothing between them (SEMANTICS §12.3). */
export const writeHttpBody = (call: HttpCall, reply: Reply): void =>
  call.pipe(reply.messages, new HttpBodySink(call, reply))

class HttpBodySink implements MessageSink {
  readonly #call: HttpCall
  readonly #reply: Reply
  #opened = false
  #done = false
  constructor(call: HttpCall, reply: Reply) {
    this.#call = call
    this.#reply = reply
  }

  message(message: Message): boolean {
    if (this.#done) return true
    const call = this.#call
    let data: Uint8Array
    let contentType: string | undefined
    try {
      ;[data, contentType] = httpBodyOf(message, call.match.route.binding)
    } catch (thrown) {
      this.#break(upstreamFault(thrown))
      return false
    }
    call.touch()
    call.tally.messagesOut++
    call.tally.bytesOut += data.length
    if (!this.#opened) this.#open(contentType)
    if (call.headOnly) {
      this.#finish(OK)
      return false
    }
    return call.response.write(data)
  }
  end(status: Status): void {
    if (this.#done) return
    if (status.code !== Code.OK) {
      this.#break(new GatewayError(status, 'upstream'))
      return
    }
    if (!this.#opened) this.#open(undefined)
    this.#finish(status)
  }

  #open(contentType: string | undefined): void {
    this.#opened = true
    const { response, exchange, match, tally } = this.#call
    const headers = contentType === undefined ? [] : ['content-type', contentType]
    pushOwn(headers, exchange)
    headers.push(...forwardedReply(this.#reply.metadata, match.route.settings))
    tally.httpStatus = 200
    response.head(200, headers)
  }
  #finish(status: Status): void {
    this.#done = true
    this.#call.response.end(
      this.#call.takesTrailers ? forwardedReply(status.trailers, this.#call.match.route.settings) : undefined,
    )
    this.#call.finish(status)
  }
  /** Before the first byte an error is an answer; later only the cut connection tells of it. */
  #break(error: GatewayError): void {
    this.#done = true
    if (!this.#opened) {
      writeError(this.#call, error)
      return
    }
    publicStatus(this.#call, error)
    this.#call.response.abort()
    this.#call.finish(error.status)
  }
}
