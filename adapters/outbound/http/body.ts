import { Readable } from 'node:stream'
import {
  Code,
  type Codec,
  type Flow,
  GatewayError,
  type Message,
  type MessageSink,
  type MessageStream,
  makeStatus,
  type Status,
  toGatewayError,
} from '../../../src/spi.ts'

/** What undici sends: nothing, all at once, or piece by piece. */
export type RequestBody = Buffer | BodyStream | null

/** The body of a request. Throws when it has ended badly already. */
export const requestBody = (stream: MessageStream, codec: Codec): RequestBody => {
  const { unary, status } = stream
  if (status !== undefined && status.code !== Code.OK) throw new GatewayError(status, 'client')
  if (unary !== undefined && status !== undefined) {
    const bytes = unary.as(codec)
    return bytes.length === 0 ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  return status === undefined ? new BodyStream(stream, codec) : null
}

/** The pieces of a request's body as undici reads them: a reader that waits makes the client wait. */
export class BodyStream extends Readable implements MessageSink {
  readonly #stream: MessageStream
  readonly #codec: Codec
  #flow: Flow | undefined
  #ended = false

  constructor(stream: MessageStream, codec: Codec) {
    super()
    this.#stream = stream
    this.#codec = codec
    // undici listens only while it has the request; nobody may be hit by an error before or after.
    this.on('error', () => {})
  }

  message(message: Message): boolean {
    if (this.destroyed) return false
    try {
      const bytes = message.as(this.#codec)
      return this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    } catch (thrown) {
      this.destroy(toGatewayError(thrown))
      return false
    }
  }
  end(status: Status): void {
    this.#ended = true
    if (this.destroyed) return
    if (status.code === Code.OK) this.push(null)
    else this.destroy(new GatewayError(status, 'client'))
  }

  override _read(): void {
    if (this.#flow === undefined) this.#flow = this.#stream.pipe(this)
    else this.#flow.resume()
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#ended) {
      const status =
        error instanceof GatewayError ? error.status : makeStatus(Code.CANCELLED, 'the backend reads no more')
      this.#ended = true
      ;(this.#flow ?? this.#stream).cancel(status)
    }
    done(error)
  }
}
