import { connect, type Socket } from 'node:net'
import {
  type Channel,
  type Clock,
  Code,
  connectionFault,
  defineOutbound,
  type Exchange,
  emptyMetadata,
  errors,
  type Flow,
  GatewayError,
  type Message,
  makeMessage,
  makeStatus,
  parseSize,
  type Reply,
  type Resource,
  Source,
  type SourceControl,
  type Status,
  toGatewayError,
  unary,
  upstreamFault,
  z,
} from 'protogate/spi'

/**
 * `jsonl://host:port`: a backend that speaks lines of JSON over TCP, one connection for each call. The first line is the head,
 * `{"call":"package.Service/Method","metadata":[["name","value"]]}`; then every message is a line of ProtoJSON, and an empty line
 * says that no more will come. The backend answers with lines of messages and ends with `# CODE text`. A connection that
 * is closed before that is a call that was cancelled.
 */
export const jsonl = defineOutbound({
  name: 'jsonl',
  schemes: ['jsonl'],
  config: z.object({
    limits: z.object({ message: z.string().default('4MiB') }).prefault({}),
  }),
  connect(address, { limits }, { clock }): Channel {
    const { hostname, port } = new URL(address)
    const calls = new Set<JsonlCall>()
    const line = {
      host: hostname,
      port: Number(port),
      limit: parseSize(limits.message) ?? 0,
      calls,
      clock,
      stopped: false,
    }
    return {
      call: (exchange) => new JsonlCall(line, exchange).run(),
      stop() {
        line.stopped = true
        for (const call of calls) call.fail(closed())
        return Promise.resolve()
      },
    }
  },
})

interface Line {
  readonly host: string
  readonly port: number
  /** Bytes of a line. */
  readonly limit: number
  readonly calls: Set<JsonlCall>
  readonly clock: Clock
  stopped: boolean
}

const closed = (): GatewayError => errors.unavailable('the channel is closed')
const NEWLINE = 0x0a
const HASH = 0x23

class JsonlCall implements SourceControl {
  readonly #line: Line
  readonly #exchange: Exchange
  readonly #reply = Promise.withResolvers<Reply>()
  /** Messages that the backend has sent; what a unary reply is made of too. */
  readonly #answers = new Source(this)
  readonly #alone: boolean
  #socket: Socket | undefined
  #request: Flow | undefined
  #rest = Buffer.alloc(0)
  #last: Message | undefined
  #paused = false
  #quiet: Resource | undefined
  #over = false

  constructor(line: Line, exchange: Exchange) {
    const { shape } = exchange.match.route.operation
    this.#line = line
    this.#exchange = exchange
    this.#alone = shape === 'unary' || shape === 'client_stream'
  }

  run(): Promise<Reply> {
    if (this.#line.stopped) throw closed()
    this.#line.calls.add(this)
    this.#exchange.onEnd((status) => this.#ended(status))
    if (this.#over) return this.#reply.promise
    const { shape } = this.#exchange.match.route.operation
    // A request of one message is read before anything is sent: what is wrong with it must not reach the backend.
    if (shape === 'client_stream' || shape === 'bidi') this.#open()
    this.#readRequest()
    return this.#reply.promise
  }

  #readRequest(): void {
    const codec = this.#exchange.match.snapshot.schema.codec('json')
    this.#request = this.#exchange.request.pipe({
      message: (message) => {
        if (this.#over) return false
        try {
          const json = message.as(codec)
          return this.#open().write(Buffer.concat([json, Buffer.from([NEWLINE])]))
        } catch (thrown) {
          this.fail(toGatewayError(thrown))
          return false
        }
      },
      end: (status) => {
        if (this.#over) return
        if (status.code === Code.OK) this.#open().write('\n')
        else this.fail(new GatewayError(status, 'client'))
      },
    })
  }

  #open(): Socket {
    if (this.#socket !== undefined) return this.#socket
    const { host, port } = this.#line
    const { match, metadata } = this.#exchange
    const socket = connect({ host, port })
    this.#socket = socket
    socket.write(`${JSON.stringify({ call: match.route.operation.name, metadata: [...metadata] })}\n`)
    socket.on('connect', () => {
      const { shape } = match.route.operation
      if (shape === 'bidi' || shape === 'client_stream') this.#answer()
      // A backend may have nothing to say for long; until then a failure can still be thrown.
      else if (shape === 'server_stream') this.#quiet = this.#line.clock.after(1_000, () => this.#answer())
    })
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('drain', () => this.#request?.resume())
    socket.on('end', () => this.fail(errors.unavailable('the backend hung up before the end of the call')))
    // What the system says names the address: it goes to the log, and the client is told a few words.
    socket.on('error', (cause) => {
      const words = connectionFault(cause.message)
      this.fail(errors.unavailable(`the backend is not available: ${words}`, { cause, note: cause.message }))
    })
    return socket
  }

  #read(bytes: Buffer): void {
    const { limit } = this.#line
    let from = 0
    for (let end = bytes.indexOf(NEWLINE); end !== -1 && !this.#over; end = bytes.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([this.#rest, bytes.subarray(from, end)])
      this.#rest = Buffer.alloc(0)
      from = end + 1
      if (line.length > limit) this.#tooLarge(limit)
      else if (line[0] === HASH) this.#finish(statusOf(line.toString()))
      else this.#message(line)
    }
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(from)])
    if (this.#rest.length > limit && !this.#over) this.#tooLarge(limit)
  }

  #tooLarge(limit: number): void {
    const text = `the backend sent a message of more than ${limit} bytes`
    this.fail(new GatewayError(makeStatus(Code.RESOURCE_EXHAUSTED, text, { reason: 'MESSAGE_TOO_LARGE' }), 'upstream'))
  }

  #message(bytes: Uint8Array): void {
    const { route, snapshot } = this.#exchange.match
    const { schema } = snapshot
    const message = makeMessage({ schema, type: route.operation.output, codec: schema.codec('json'), bytes })
    try {
      message.as(schema.codec('proto'))
    } catch (thrown) {
      this.fail(upstreamFault(thrown))
      return
    }
    if (this.#alone) {
      this.#last = message
      return
    }
    this.#answer()
    if (this.#answers.push(message) || this.#over) return
    this.#paused = true
    this.#socket?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket?.resume()
  }
  cancel(status: Status): void {
    this.fail(new GatewayError(status, 'client'))
  }

  /** The reply goes out once; later calls change nothing. */
  #answer(): void {
    this.#reply.resolve({
      metadata: emptyMetadata(),
      messages: this.#answers,
      httpStatus: undefined,
      position: undefined,
    })
  }

  #finish(status: Status): void {
    const missing = this.#alone && this.#last === undefined
    if (status.code !== Code.OK || missing) {
      const error = missing ? errors.upstreamInvalid('the backend ended the call without an answer') : undefined
      this.fail(status.code === Code.OK ? error! : new GatewayError(status, 'upstream'))
      return
    }
    this.#close()
    if (this.#exchange.match.route.operation.shape === 'unary')
      this.#reply.resolve({
        metadata: emptyMetadata(),
        messages: unary(this.#last!, status),
        httpStatus: undefined,
        position: undefined,
      })
    else this.#answer()
    if (this.#last !== undefined) this.#answers.push(this.#last)
    this.#answers.end(status)
  }

  /** The call is over and went wrong: thrown where no reply is out yet, else the end of its messages. */
  fail(error: GatewayError): void {
    if (this.#over) return
    this.#close()
    this.#request?.cancel(error.status)
    this.#reply.reject(error)
    this.#answers.end(error.status)
  }

  #ended(status: Status): void {
    if (this.#over) return
    const end = status.code === Code.OK ? makeStatus(Code.CANCELLED, 'the call is over') : status
    this.#close()
    this.#request?.cancel(end)
    this.#reply.reject(new GatewayError(end, 'client'))
    this.#answers.cancel(end)
  }

  #close(): void {
    this.#over = true
    this.#line.calls.delete(this)
    void this.#quiet?.stop()
    this.#socket?.destroy()
  }
}

/** `# 5 no such book` → NOT_FOUND. */
const statusOf = (line: string): Status => {
  const [, code, text] = /^# ?(\d+) ?(.*)$/.exec(line) ?? []
  return code === undefined
    ? makeStatus(Code.INTERNAL, `a status line is wrong: ${line.slice(0, 100)}`)
    : makeStatus(Number(code) as Code, text ?? '')
}
