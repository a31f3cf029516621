import type { Message } from './message.ts'
import { Code, GatewayError, makeStatus, OK, type Status, toGatewayError } from './status.ts'

/** This reader's position beside a message that many readers may share. */
export interface Mark {
  readonly offset: number | undefined
  readonly skipped: number
}
export interface Notice {
  readonly kind: 'gap'
  readonly reason: string
  readonly from?: number
  readonly to?: number
  readonly epoch?: string
}
export interface MessageSink {
  /** false: stop until `resume()`. */
  message(message: Message, mark?: Mark): boolean
  /** In order with the messages; absent = ignored. */
  notice?(notice: Notice): void
  /** Exactly once, last. */
  end(status: Status, skipped?: number): void
}
/** Of one pipe, not of the stream. */
export interface Flow {
  resume(): void
  cancel(status: Status): void
}
/** Messages of one direction. `for await` throws GatewayError on a status other than OK. */
export interface MessageStream extends Flow, AsyncIterable<Message> {
  /** Set when the whole stream is one message already here. */
  readonly unary: Message | undefined
  /** Set once the end is known; with `unary`: answer in one write; alone: ended empty. */
  readonly status: Status | undefined
  /** May be piped again (retry, hedge). */
  readonly replayable: boolean
  /** A single-use stream returns itself. */
  pipe(sink: MessageSink): Flow
}

/** A stream whose every message is here: replayable, each pipe has its own position. */
class ListStream implements MessageStream {
  readonly replayable = true
  readonly #messages: readonly Message[]
  readonly #end: Status
  #own: Flow | undefined
  constructor(messages: readonly Message[], end: Status) {
    this.#messages = messages
    this.#end = end
  }
  get unary(): Message | undefined {
    return this.#messages.length === 1 ? this.#messages[0] : undefined
  }
  get status(): Status | undefined {
    return this.#messages.length <= 1 ? this.#end : undefined
  }
  pipe(sink: MessageSink): Flow {
    let next = 0
    let running = false
    let ended = false
    let resumes = 0
    const run = (): void => {
      if (running || ended) return
      running = true
      while (!ended && next < this.#messages.length) {
        const before = resumes
        // As in `Source`: "wait" and, before it returns, "go on" counts as "go on".
        if (!sink.message(this.#messages[next++]!) && resumes === before) break
      }
      running = false
      if (!ended && next >= this.#messages.length) finish(this.#end)
    }
    const finish = (status: Status): void => {
      if (ended) return
      ended = true
      sink.end(status)
    }
    const flow: Flow = {
      resume() {
        resumes++
        run()
      },
      cancel: finish,
    }
    this.#own = flow
    run()
    return flow
  }
  resume(): void {
    this.#own?.resume()
  }
  cancel(status: Status): void {
    this.#own?.cancel(status)
  }
  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return iterate(this)
  }
}

/** One message, then OK (or `status`). */
export const unary = (message: Message, status: Status = OK): MessageStream => new ListStream([message], status)
/** No message, only an end. */
export const ended = (status: Status = OK): MessageStream => new ListStream([], status)
/** The given messages, then `status`; may be piped any number of times. */
export const fromList = (messages: readonly Message[], status: Status = OK): MessageStream =>
  new ListStream(messages, status)

/** What a source is told by its reader. */
export interface SourceControl {
  /** The reader wants more, after `push` returned false. */
  resume(): void
  /** The reader wants no more. The source must let go of what it holds; `end` has been delivered already. */
  cancel(status: Status): void
}

/**
 * The producer's end of a single-use stream. A message that is pushed before anybody reads, or while the reader has said
 * "wait", is kept; `push` then returns false and the producer must stop until `resume`. So what is kept is bounded by what the
 * producer had already read when it was told (rule 4).
 */
export class Source implements MessageStream {
  readonly replayable = false
  readonly unary = undefined
  #control: SourceControl
  #sink: MessageSink | undefined
  #queue: { message: Message | undefined; mark: Mark | undefined; notice: Notice | undefined }[] = []
  #end: Status | undefined
  #skipped: number | undefined
  #waiting = true
  #draining = false
  #over = false
  #asked = false
  #resumes = 0

  constructor(control: SourceControl) {
    this.#control = control
  }

  get status(): Status | undefined {
    return this.#queue.length === 0 ? this.#end : undefined
  }
  /** The end was delivered to the reader, or the reader cancelled. */
  get over(): boolean {
    return this.#over
  }

  /** false: the reader is busy; wait for `control.resume`. */
  push(message: Message, mark?: Mark): boolean {
    if (this.#over || this.#end !== undefined) return true
    if (this.#waiting || this.#queue.length > 0) {
      this.#queue.push({ message, mark, notice: undefined })
      this.#asked = true
      return false
    }
    if (this.#offer(message, mark)) return true
    if (!this.#over) {
      this.#waiting = true
      this.#asked = true
    }
    return false
  }

  /** Hands over one message. A reader may say "wait" and, before it returns, "go on": that counts as "go on". */
  #offer(message: Message, mark: Mark | undefined): boolean {
    const before = this.#resumes
    return this.#sink!.message(message, mark) || this.#resumes !== before
  }

  notice(notice: Notice): void {
    if (this.#over || this.#end !== undefined) return
    if (this.#waiting || this.#queue.length > 0) this.#queue.push({ message: undefined, mark: undefined, notice })
    else this.#sink!.notice?.(notice)
  }

  end(status: Status, skipped?: number): void {
    if (this.#over || this.#end !== undefined) return
    this.#end = status
    this.#skipped = skipped
    if (this.#queue.length === 0 && this.#sink !== undefined) this.#finish(status, skipped)
  }

  pipe(sink: MessageSink): Flow {
    if (this.#sink !== undefined) throw new Error('a single-use stream was piped twice')
    this.#sink = sink
    if (!this.#over) {
      this.resume()
    } else {
      sink.end(this.#end ?? makeStatus(Code.CANCELLED, 'cancelled'), this.#skipped)
    }
    return this
  }

  resume(): void {
    this.#resumes++
    if (this.#sink === undefined || this.#over || this.#draining) return
    this.#waiting = false
    this.#draining = true
    while (this.#queue.length > 0 && !this.#waiting && !this.#over) {
      const { message, mark, notice } = this.#queue.shift()!
      if (notice !== undefined) this.#sink.notice?.(notice)
      else if (!this.#offer(message!, mark)) this.#waiting = true
    }
    this.#draining = false
    if (this.#over) return
    if (this.#queue.length === 0 && this.#end !== undefined) this.#finish(this.#end, this.#skipped)
    else if (!this.#waiting && this.#asked) {
      this.#asked = false
      this.#control.resume()
    }
  }

  cancel(status: Status): void {
    if (this.#over) return
    // Messages are lost: not even a producer that has ended well makes that an OK.
    if (this.#queue.length > 0 || this.#end === undefined) this.#end = status
    this.#queue = []
    this.#finish(this.#end, undefined)
    this.#control.cancel(status)
  }

  #finish(status: Status, skipped: number | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#sink?.end(status, skipped)
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return iterate(this)
  }
}

/** A stream fed by an async iterable; an error thrown by it becomes the end status. For slow paths and tests. */
export const fromIterable = (iterable: AsyncIterable<Message>, status: Status = OK): MessageStream => {
  let go: (() => void) | undefined
  let stopped = false
  let started = false
  const start = (): void => {
    if (started) return
    started = true
    void run()
  }
  const source = new Source({
    resume() {
      go?.()
      start()
    },
    cancel() {
      stopped = true
      go?.()
    },
  })
  const run = async (): Promise<void> => {
    try {
      for await (const message of iterable) {
        if (stopped) return
        if (!source.push(message) && !stopped)
          await new Promise<void>((resolve) => {
            go = resolve
          })
        go = undefined
        if (stopped) return
      }
      source.end(status)
    } catch (thrown) {
      source.end(
        thrown instanceof GatewayError
          ? thrown.status
          : makeStatus(Code.INTERNAL, 'internal error', { reason: 'INTERNAL' }),
      )
    }
  }
  start()
  return source
}

/** A stream with each message replaced by `change(message)`. Flow and cancel go straight through. */
export const mapMessages = (stream: MessageStream, change: (message: Message) => Message): MessageStream => {
  if (stream.unary !== undefined && stream.status !== undefined) return unary(change(stream.unary), stream.status)
  return {
    unary: undefined,
    get status() {
      return stream.unary === undefined ? stream.status : undefined
    },
    replayable: stream.replayable,
    resume: () => stream.resume(),
    cancel: (status) => stream.cancel(status),
    pipe(sink) {
      let failure: GatewayError | undefined
      const flow = stream.pipe({
        message(message, mark) {
          if (failure !== undefined) return true
          try {
            return sink.message(change(message), mark)
          } catch (thrown) {
            failure = toGatewayError(thrown)
            queueMicrotask(() => flow.cancel(failure!.status))
            return false
          }
        },
        notice: (notice) => sink.notice?.(notice),
        end: (status, skipped) => sink.end(failure?.status ?? status, skipped),
      })
      return flow
    },
    [Symbol.asyncIterator]() {
      return iterate(this)
    },
  }
}

/** Every message and the end. Only where a limit on the number of messages holds. */
export const collect = (stream: MessageStream): Promise<{ messages: Message[]; status: Status }> =>
  new Promise((resolve) => {
    const messages: Message[] = []
    stream.pipe({
      message(message) {
        messages.push(message)
        return true
      },
      end: (status) => resolve({ messages, status }),
    })
  })

/** Async iteration over a pipe: one message at a time, each `next` resumes. Leaving the loop early cancels. */
const iterate = (stream: MessageStream): AsyncIterator<Message> => {
  const ready: Message[] = []
  let status: Status | undefined
  let wake: (() => void) | undefined
  let flow: Flow | undefined
  const sink: MessageSink = {
    message(message) {
      ready.push(message)
      wake?.()
      return false
    },
    end(final) {
      status = final
      wake?.()
    },
  }
  return {
    async next() {
      if (flow === undefined) flow = stream.pipe(sink)
      else if (ready.length === 0 && status === undefined) flow.resume()
      while (ready.length === 0 && status === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
      }
      const message = ready.shift()
      if (message !== undefined) return { done: false, value: message }
      if (status!.code !== Code.OK) throw new GatewayError(status!, 'upstream')
      return { done: true, value: undefined }
    },
    async return() {
      if (status === undefined) flow?.cancel(makeStatus(Code.CANCELLED, 'the reader left'))
      return { done: true, value: undefined }
    },
  }
}
