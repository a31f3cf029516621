import type { Codec, Message } from './message.ts'
import { Code, errors, GatewayError, type Status, toGatewayError } from './status.ts'
import type { Flow, MessageSink, MessageStream } from './stream.ts'

/** The writing half of a call that an outbound adapter makes. */
export interface RequestWriter {
  /** One at a time: the next only after `sent`. */
  send(bytes: Buffer, sent: () => void): void
  halfClose(): void
}
export interface RequestPumpInit {
  readonly codec: Codec
  /** Of the method: it takes exactly one message. */
  readonly single: boolean
  readonly operation: string
  /** The whole request is here and every message fits; called before anything is sent. */
  complete(): void
  /** Called at most once: a message did not fit, or the request ended otherwise than well. Nothing more is read. */
  fail(error: GatewayError): void
}

/** Bytes and messages that are taken ahead of what the writer has passed on. */
const HIGH_BYTES = 64 * 1024
const HIGH_MESSAGES = 16

/**
 * Carries the request messages of a call to its writer: transcoded one by one, never more ahead than the marks above. It is
 * piped before there is a call, so that a first message that does not fit its type is known before the call is opened.
 */
export class RequestPump implements MessageSink {
  readonly #init: RequestPumpInit
  readonly #queue: Buffer[] = []
  #bytes = 0
  #count = 0
  #flow: Flow | undefined
  #writer: RequestWriter | undefined
  #full = false
  #sending = false
  #ended = false
  #stopped: Status | undefined
  #closed = false

  constructor(init: RequestPumpInit) {
    this.#init = init
  }

  read(stream: MessageStream): void {
    this.#flow = stream.pipe(this)
    if (this.#stopped !== undefined && !this.#ended) this.#flow.cancel(this.#stopped)
  }

  /** What is waiting goes out; from now on messages go straight through. */
  open(writer: RequestWriter): void {
    this.#writer = writer
    this.#advance()
  }

  /** The call is over: nothing more is read or sent. */
  stop(status: Status): void {
    if (this.#stopped !== undefined || this.#closed) return
    this.#stopped = status
    this.#queue.length = 0
    if (!this.#ended) this.#flow?.cancel(status)
  }

  message(message: Message): boolean {
    if (this.#stopped !== undefined) return false
    this.#count++
    if (this.#init.single && this.#count > 1) {
      this.#fail(errors.invalidArgument(`${this.#init.operation} takes one message, the request has more`))
      return false
    }
    let bytes: Buffer
    try {
      bytes = buffer(message.as(this.#init.codec))
    } catch (thrown) {
      this.#fail(toGatewayError(thrown))
      return false
    }
    this.#queue.push(bytes)
    this.#bytes += bytes.length
    this.#advance()
    this.#full = this.#bytes >= HIGH_BYTES || this.#queue.length >= HIGH_MESSAGES
    return !this.#full
  }

  end(status: Status): void {
    this.#ended = true
    if (this.#stopped !== undefined) return
    if (status.code !== Code.OK) {
      this.#fail(new GatewayError(status, 'client'))
    } else if (this.#init.single && this.#count === 0) {
      this.#fail(errors.invalidArgument(`${this.#init.operation} takes one message, the request has none`))
    } else {
      this.#init.complete()
      this.#advance()
    }
  }

  #fail(error: GatewayError): void {
    this.stop(error.status)
    this.#init.fail(error)
  }

  #advance(): void {
    if (this.#writer === undefined || this.#stopped !== undefined || this.#closed) return
    if (!this.#sending) {
      const bytes = this.#queue.shift()
      if (bytes !== undefined) {
        this.#sending = true
        this.#writer.send(bytes, () => this.#sent(bytes.length))
      }
    }
    if (!this.#ended || this.#queue.length > 0) return
    this.#closed = true
    this.#writer.halfClose()
  }

  #sent(length: number): void {
    this.#sending = false
    this.#bytes -= length
    this.#advance()
    if (!this.#full || this.#bytes > HIGH_BYTES / 2 || this.#queue.length > HIGH_MESSAGES / 2) return
    this.#full = false
    this.#flow?.resume()
  }
}

/** Writers want Node's own class; the bytes are not copied. */
const buffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
