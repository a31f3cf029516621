import {
  type Flow,
  type GatewayError,
  type Message,
  type MessageSink,
  type MessageStream,
  Source,
  type Status,
  toGatewayError,
  unary,
} from '../../../src/spi.ts'

export interface IntakeEvents {
  /** The reader takes frames again, after `push` returned false. */
  resume(): void
  /** A reader could not take a message: most of all, it did not fit its type. */
  refused(error: GatewayError): void
}

/** The request stream of a socket. What its reader throws ends the call and not the process. */
export class Intake implements MessageStream {
  readonly unary = undefined
  readonly replayable = false
  readonly #source: Source
  readonly #events: IntakeEvents
  #broken = false

  constructor(events: IntakeEvents) {
    this.#events = events
    this.#source = new Source({ resume: () => events.resume(), cancel() {} })
  }

  get status(): Status | undefined {
    return this.#source.status
  }

  /** false: stop reading the socket until `resume`. */
  push(message: Message): boolean {
    return this.#source.push(message)
  }
  end(status: Status): void {
    this.#source.end(status)
  }
  /** Ends without what is still waiting. */
  abort(status: Status): void {
    this.#broken = true
    this.#source.end(status)
    this.#source.resume()
  }

  pipe(sink: MessageSink): Flow {
    return this.#source.pipe({
      message: (message, mark) => {
        if (this.#broken) return true
        try {
          return sink.message(message, mark)
        } catch (thrown) {
          this.#events.refused(toGatewayError(thrown))
          return true
        }
      },
      end: (status, skipped) => sink.end(status, skipped),
    })
  }
  resume(): void {
    this.#source.resume()
  }
  cancel(status: Status): void {
    this.#source.cancel(status)
  }
  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return this.#source[Symbol.asyncIterator]()
  }
}

/** A request of one message that is not here yet when its exchange begins: nobody reads it before `set`. */
export class FirstFrame implements MessageStream {
  #stream: MessageStream | undefined

  set(message: Message): void {
    this.#stream = unary(message)
  }
  get here(): boolean {
    return this.#stream !== undefined
  }
  get unary(): Message | undefined {
    return this.#stream?.unary
  }
  get status(): Status | undefined {
    return this.#stream?.status
  }
  get replayable(): boolean {
    return this.#stream !== undefined
  }
  pipe(sink: MessageSink): Flow {
    return this.#read().pipe(sink)
  }
  resume(): void {
    this.#stream?.resume()
  }
  cancel(status: Status): void {
    this.#stream?.cancel(status)
  }
  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return this.#read()[Symbol.asyncIterator]()
  }
  #read(): MessageStream {
    if (this.#stream === undefined) throw new Error('a guard may not read the request: its message is not here yet')
    return this.#stream
  }
}
