import {
  backendClose,
  type CloseFrame,
  Code,
  clientClose,
  closeCodeFromStatus,
  type Message,
  makeMessage,
  makeStatus,
  OK,
  offeredSubprotocols,
  reasonOf,
  type Status,
} from '../../../src/spi.ts'
import { Intake } from './frames-in.ts'
import { type Farewell, SocketCall } from './socket-call.ts'
import { closeReason, cutReason } from './status.ts'
import { beginExchange, type Visit } from './visit.ts'

/**
 * A WebSocket passed on frame by frame to one of the backend: shape `bidi`, the codecs `text` and `opaque` are the kinds of frame.
 * Nothing is added to what the two ends say: no status frame, and the close code of one end reaches the other.
 */
export class FramesCall extends SocketCall {
  readonly #intake: Intake
  /** The client has closed in order; the backend still has to answer. */
  #leaving = false

  private constructor(visit: Visit, intake: Intake) {
    super(visit, beginExchange(visit, intake))
    this.#intake = intake
    this.exchange.set(offeredSubprotocols, visit.protocols)
  }

  static start(visit: Visit): FramesCall {
    const intake: Intake = new Intake({
      resume: () => call.line?.resume(),
      refused: (error) => call.fail(error),
    })
    const call: FramesCall = new FramesCall(visit, intake)
    call.dispatch()
    return call
  }

  frame(data: Buffer, binary: boolean): void {
    this.touch()
    this.tally.messagesIn++
    this.tally.bytesIn += data.length
    if (!this.#intake.push(this.readMessage(data, binary))) this.line?.pause()
  }

  readMessage(bytes: Buffer, binary: boolean): Message {
    const { route, snapshot } = this.visit.match
    return makeMessage({
      schema: snapshot.schema,
      type: route.operation.input,
      codec: snapshot.schema.codec(binary ? 'opaque' : 'text'),
      bytes,
    })
  }

  message(message: Message): boolean {
    if (this.over || this.#leaving) return true
    this.touch()
    this.tally.messagesOut++
    this.tally.bytesOut += message.bytes.length
    return this.line!.send(message.bytes, message.codec.name !== 'text')
  }

  /** A client that says goodbye is heard out: what it sent before goes to the backend, then its close frame. */
  override closed(code: number, reason: string): void {
    if (this.over) return
    if (code === 1006) {
      super.closed(code, reason)
      return
    }
    this.#leaving = true
    this.exchange.set(clientClose, { code, reason })
    this.#intake.end(OK)
    this.low()
  }

  protected farewell(status: Status): Farewell {
    const close = this.#leaving ? this.exchange.get(clientClose) : this.exchange.get(backendClose)
    return { frame: undefined, ...(close === undefined ? transportClose(status) : asSent(close)) }
  }

  protected release(status: Status): void {
    this.#intake.abort(status.code === Code.OK ? makeStatus(Code.CANCELLED, 'the call is over') : status)
  }
}

const asSent = ({ code, reason }: CloseFrame): { code: number | undefined; reason: string } =>
  code === 1005 ? { code: undefined, reason: '' } : { code, reason: cutReason(reason) }

/** The close of a socket that neither end has closed. */
const transportClose = (status: Status): { code: number; reason: string } => ({
  code: transportCode(status),
  reason: closeReason(status),
})
const transportCode = (status: Status): number => {
  switch (reasonOf(status.details)) {
    case 'DRAINING':
      return 1012
    case 'MESSAGE_TOO_LARGE':
      return 1009
    case 'UPSTREAM_LOST':
      return 1014
    default:
      return closeCodeFromStatus(status)
  }
}
