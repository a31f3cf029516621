import {
  Code,
  errors,
  forwardedReply,
  GatewayError,
  httpFromStatus,
  type Message,
  type MessageSink,
  OK,
  pushOwn,
  type Reply,
  type Status,
  upstreamFault,
} from '../../../src/spi.ts'
import type { HttpCall } from './call.ts'
import { writeError } from './error.ts'
import { httpBodyOf } from './http-body.ts'
import { TRAILER_PREFIX } from './metadata.ts'
import { writeBytes, writeHttpBody } from './raw.ts'
import { isStreamed, repliesHttpBody } from './request.ts'
import { writeStream } from './stream.ts'

/** Writes a reply as its operation asks for, and ends the call with its last byte. Does not throw after its first. */
export const writeReply = (call: HttpCall, reply: Reply): void => {
  const { operation, binding } = call.match.route
  if (operation.shape === 'bytes' || reply.httpStatus !== undefined) writeBytes(call, reply)
  else if (!isStreamed(operation)) writeUnary(call, reply)
  else if (repliesHttpBody(operation, binding)) writeHttpBody(call, reply)
  else writeStream(call, reply)
}

/** 204 tells an EventSource that reconnects after the end of its stream to stop (WHATWG HTML §9.2.3). */
export const writeFinished = (call: HttpCall): void => {
  const headers: string[] = []
  pushOwn(headers, call.exchange)
  call.tally.httpStatus = 204
  call.response.reply(204, headers, NOTHING)
  call.finish(OK)
}

const NOTHING = new Uint8Array(0)

const writeUnary = (call: HttpCall, reply: Reply): void => {
  const { messages } = reply
  if (messages.status !== undefined) answer(call, reply, messages.unary, messages.status)
  else call.pipe(messages, new UnarySink(call, reply))
}

/** Holds the head until the status is known, so that a late failure still sets the HTTP status (SEMANTICS §7.8). */
class UnarySink implements MessageSink {
  readonly #call: HttpCall
  readonly #reply: Reply
  #message: Message | undefined
  #count = 0

  constructor(call: HttpCall, reply: Reply) {
    this.#call = call
    this.#reply = reply
  }
  message(message: Message): boolean {
    this.#count++
    this.#message = message
    this.#call.touch()
    return true
  }
  end(status: Status): void {
    if (status.code === Code.OK && this.#count > 1)
      writeError(this.#call, errors.upstreamInvalid('the backend sent more than one message where one is expected'))
    else answer(this.#call, this.#reply, this.#message, status)
  }
}

const answer = (call: HttpCall, reply: Reply, message: Message | undefined, status: Status): void => {
  if (status.code !== Code.OK) {
    writeError(call, new GatewayError(status, 'upstream'))
    return
  }
  if (message === undefined) {
    writeError(call, errors.upstreamInvalid('the backend ended the call with OK and sent no message'))
    return
  }
  const { response, tally, match, exchange } = call
  const { settings, operation, binding } = match.route
  const headers: string[] = []
  let body: Uint8Array
  try {
    if (repliesHttpBody(operation, binding)) {
      let contentType: string | undefined
      ;[body, contentType] = httpBodyOf(message, binding)
      if (contentType !== undefined) headers.push('content-type', contentType)
    } else {
      body = message.as(call.plan.replyCodec)
      headers.push('content-type', 'application/json', 'vary', 'accept')
    }
  } catch (thrown) {
    writeError(call, upstreamFault(thrown))
    return
  }
  pushOwn(headers, exchange)
  headers.push(...forwardedReply(reply.metadata, settings))
  const trailers = forwardedReply(status.trailers, settings)
  const httpStatus = httpFromStatus(status)
  tally.httpStatus = httpStatus
  tally.messagesOut = 1
  tally.bytesOut = body.length
  if (trailers.length > 0 && call.takesTrailers && !call.headOnly) {
    headers.push('trailer', [...new Set(trailers.filter((_, i) => i % 2 === 0))].join(', '))
    response.head(httpStatus, headers)
    response.write(body)
    response.end(trailers)
  } else {
    for (let i = 0; i < trailers.length; i += 2) headers.push(TRAILER_PREFIX + trailers[i]!, trailers[i + 1]!)
    response.reply(httpStatus, headers, body)
  }
  call.finish(status)
}
