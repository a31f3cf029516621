import {
  Code,
  closeCodeFromStatus,
  errors,
  type HttpBinding,
  type Message,
  type MessageStream,
  makeMessage,
  makeStatus,
  OK,
  type Overlay,
  reasonOf,
  type Status,
  toGatewayError,
  unary,
  upstreamFault,
} from '../../../src/spi.ts'
import { FirstFrame, Intake } from './frames-in.ts'
import { type Farewell, SocketCall } from './socket-call.ts'
import { closeReason, statusFrame } from './status.ts'
import { beginExchange, type Visit } from './visit.ts'

const NOTHING = new Uint8Array(0)
const NO_PARAMS: readonly string[] = []

/** Where the request of a call comes from (docs/guide/streaming.md says when). */
type Input =
  /** `bidi`, `client_stream`: every frame is a message; dispatched before the 101. */
  | { readonly kind: 'stream'; readonly intake: Intake }
  /** `unary`, `server_stream` with a body: the guards run, then the 101, and the first frame dispatches. */
  | { readonly kind: 'frame'; readonly first: FirstFrame }
  /** `unary`, `server_stream` without a body: path and query are the request; dispatched before the 101. */
  | { readonly kind: 'path'; readonly request: MessageStream }

const requestOf = (input: Input): MessageStream =>
  input.kind === 'stream' ? input.intake : input.kind === 'frame' ? input.first : input.request

const queryOf = (path: string): string => {
  const start = path.indexOf('?')
  return start === -1 ? '' : path.slice(start + 1)
}

/** Path and query of the upgrade. */
const pathMessage = ({ match, head }: Visit): Message => {
  const { route, params, snapshot } = match
  const { operation, binding, settings } = route
  return makeMessage({
    schema: snapshot.schema,
    type: operation.input,
    codec: settings.requestCodec,
    bytes: NOTHING,
    overlay: binding === undefined ? undefined : { binding, params, query: queryOf(head.path), contentType: undefined },
  })
}

/** What path and query bind on top of the first frame; undefined when there is nothing to bind. */
const firstOverlay = ({ match, head }: Visit): Overlay | undefined => {
  const { binding } = match.route
  if (binding === undefined) return undefined
  const query = queryOf(head.path)
  if (match.params.length === 0 && query === '') return laterOverlay(binding)
  return { binding, params: match.params, query, contentType: undefined, whole: true }
}
/** Later frames are bound to nothing but what the route fixes. */
const laterOverlay = (binding: HttpBinding | undefined): Overlay | undefined =>
  binding === undefined || binding.set.length === 0
    ? undefined
    : { binding, params: NO_PARAMS, query: '', contentType: undefined, whole: true }

/** A call of a method: one socket, one call (SEMANTICS §15). Text frames are ProtoJSON, binary frames protobuf. */
export class RpcCall extends SocketCall {
  readonly #input: Input
  /** Replies are text until the client has sent a binary frame. */
  #binary = false
  #halfClosed = false
  #overlay: Overlay | undefined

  private constructor(visit: Visit, input: Input) {
    super(visit, beginExchange(visit, requestOf(input)))
    this.#input = input
    this.#overlay = firstOverlay(visit)
  }

  static start(visit: Visit): RpcCall {
    const { operation, binding } = visit.match.route
    if (operation.shape === 'bidi' || operation.shape === 'client_stream') {
      const intake: Intake = new Intake({
        resume: () => call.line?.resume(),
        refused: (error) => call.fail(error),
      })
      const call: RpcCall = new RpcCall(visit, { kind: 'stream', intake })
      call.dispatch()
      return call
    }
    if (binding?.body === '') {
      const call = new RpcCall(visit, { kind: 'path', request: unary(pathMessage(visit)) })
      call.dispatch()
      return call
    }
    const call = new RpcCall(visit, { kind: 'frame', first: new FirstFrame() })
    call.#guard()
    return call
  }

  /** A guard may wait; the client gets its 101 when none of them refuses. */
  #guard(): void {
    const passed = (): void => {
      if (!this.over) this.accept(undefined)
    }
    try {
      const result = this.visit.match.route.guard(this.exchange)
      if (result === undefined) passed()
      else result.then(passed, (thrown: unknown) => this.fail(toGatewayError(thrown)))
    } catch (thrown) {
      this.fail(toGatewayError(thrown))
    }
  }

  frame(data: Buffer, binary: boolean): void {
    this.touch()
    if (!binary && data.length === 0) {
      this.#halfClose()
      return
    }
    this.tally.messagesIn++
    this.tally.bytesIn += data.length
    if (this.#halfClosed) {
      this.fail(
        errors.invalidArgument('a message came after the half-close: an empty text frame ends the client’s side', {
          reason: 'MESSAGE_AFTER_HALF_CLOSE',
        }),
      )
      return
    }
    if (binary) this.#binary = true
    this.#take(data, binary)
  }

  #take(data: Buffer, binary: boolean): void {
    const input = this.#input
    if (input.kind === 'stream') {
      if (!input.intake.push(this.readMessage(data, binary))) this.line?.pause()
      return
    }
    if (input.kind === 'path' || input.first.here) {
      const { name } = this.visit.match.route.operation
      this.fail(
        errors.invalidArgument(
          input.kind === 'path'
            ? `the request of ${name} is in the path and the query of the socket; it takes no message`
            : `${name} takes one message, and this is the second`,
          { reason: 'MESSAGE_UNEXPECTED' },
        ),
      )
      return
    }
    input.first.set(this.readMessage(data, binary))
    this.dispatch()
  }

  #halfClose(): void {
    if (this.#halfClosed) return
    this.#halfClosed = true
    const input = this.#input
    if (input.kind === 'stream') {
      input.intake.end(OK)
    } else if (input.kind === 'frame' && !input.first.here) {
      const { name } = this.visit.match.route.operation
      this.fail(
        errors.invalidArgument(
          `${name} takes one message, and the client’s side was ended without one; send {} for an empty one`,
          {
            reason: 'MESSAGE_MISSING',
          },
        ),
      )
    }
  }

  readMessage(bytes: Buffer, binary: boolean): Message {
    const { route, snapshot } = this.visit.match
    const overlay = this.#overlay
    this.#overlay = laterOverlay(route.binding)
    return makeMessage({
      schema: snapshot.schema,
      type: route.operation.input,
      codec: binary ? snapshot.schema.codec('proto') : route.settings.requestCodec,
      bytes,
      overlay,
    })
  }

  message(message: Message): boolean {
    if (this.over) return true
    this.touch()
    const { settings } = this.visit.match.route
    let bytes: Uint8Array
    try {
      bytes = message.as(this.#binary ? this.visit.match.snapshot.schema.codec('proto') : settings.replyCodec)
    } catch (thrown) {
      this.fail(upstreamFault(thrown))
      return true
    }
    this.tally.messagesOut++
    this.tally.bytesOut += bytes.length
    return this.line!.send(bytes, this.#binary)
  }

  protected farewell(status: Status): Farewell {
    const { route, snapshot } = this.visit.match
    const draining = reasonOf(status.details) === 'DRAINING'
    return {
      frame: statusFrame(status, snapshot.schema, route.settings),
      // 1012 tells the client to connect again, which is true of nothing else.
      code: draining ? 1012 : closeCodeFromStatus(status),
      reason: closeReason(status),
    }
  }

  protected release(status: Status): void {
    if (this.#input.kind === 'stream')
      this.#input.intake.abort(status.code === Code.OK ? makeStatus(Code.CANCELLED, 'the call is over') : status)
  }
}
