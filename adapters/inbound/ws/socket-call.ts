import {
  Code,
  type Flow,
  forwardedReply,
  GatewayError,
  type IdleWatch,
  type LiveExchange,
  type Message,
  type MessageSink,
  makeStatus,
  pushOwn,
  type Reply,
  type Status,
  settle,
  type Tally,
  tallyOf,
  watchIdle,
} from '../../../src/spi.ts'
import { headerLines } from './http.ts'
import { Line, type LineEvents } from './line.ts'
import { type Call, CLIENT_GONE, DRAINING, refuse, shown, silence, type Visit } from './visit.ts'

/** How a socket is closed: a last frame, if there is one, and the close frame. */
export interface Farewell {
  readonly frame: Uint8Array | undefined
  /** undefined: a close frame without a code. */
  readonly code: number | undefined
  readonly reason: string
}

/** The answer of the client's side to a broken protocol; the close code says the rest. */
const brokenStatus = (closeCode: number, error: Error): Status => {
  if (closeCode === 1009)
    return makeStatus(Code.RESOURCE_EXHAUSTED, 'a frame is larger than this route takes', {
      reason: 'MESSAGE_TOO_LARGE',
    })
  if (closeCode === 1008)
    return makeStatus(Code.RESOURCE_EXHAUSTED, 'a message comes in too many pieces', {
      reason: 'MESSAGE_TOO_FRAGMENTED',
    })
  if (closeCode === 1006) return CLIENT_GONE
  return makeStatus(Code.INVALID_ARGUMENT, `the client broke the WebSocket protocol: ${error.message}`, {
    reason: closeCode === 1007 ? 'UTF8_INVALID' : 'WEBSOCKET_PROTOCOL',
  })
}

/**
 * A call on a socket of its own, from the upgrade to the last frame. It is in one of three states: `arriving` (no 101 yet, a
 * refusal is plain HTTP), `open`, `over`.
 */
export abstract class SocketCall implements Call, MessageSink, LineEvents {
  protected readonly visit: Visit
  protected readonly exchange: LiveExchange
  protected readonly tally: Tally
  protected line: Line | undefined
  #state: 'arriving' | 'open' | 'over' = 'arriving'
  #flow: Flow | undefined
  #idle: IdleWatch | undefined

  constructor(visit: Visit, exchange: LiveExchange) {
    this.visit = visit
    this.exchange = exchange
    this.tally = tallyOf(exchange)
    exchange.onEnd((status) => this.#ended(status))
  }

  protected get over(): boolean {
    return this.#state === 'over'
  }

  /** Answers 101 once the reply is there, or refuses; after the 101 an error is the end of the call. */
  protected dispatch(): void {
    settle(
      this.exchange,
      this.visit.ingress,
      (reply) => this.#answer(reply),
      (error) => this.fail(error),
    )
  }

  #answer(reply: Reply): void {
    if (this.#state === 'arriving') this.accept(reply)
    if (this.over) {
      reply.messages.cancel(CLIENT_GONE)
      return
    }
    this.#flow = reply.messages.pipe(this)
    // It may have ended inside `pipe`, before there was a flow to cancel.
    if (this.over) this.#flow.cancel(CLIENT_GONE)
  }

  /** Sends the 101. Afterwards the call is open, or over when the client was gone. */
  protected accept(reply: Pick<Reply, 'metadata'> | undefined): void {
    const { visit, exchange } = this
    const { request, socket, options, clock, match, watch, acceptor } = visit
    const { settings } = match.route
    const headers = reply === undefined ? [] : forwardedReply(reply.metadata, settings)
    pushOwn(headers, exchange)
    const chosen = reply?.metadata.get('sec-websocket-protocol')
    const ws = acceptor.accept({
      request,
      socket,
      first: watch.take(),
      settings,
      closeTime: options.closeTime,
      protocol: chosen !== undefined && visit.protocols.includes(chosen) ? chosen : undefined,
      headers: headerLines(headers),
    })
    if (ws === undefined) {
      this.gone()
      return
    }
    this.#state = 'open'
    this.#idle = watchIdle(clock, settings.idleTimeout, () => this.#silent(settings.idleTimeout))
    this.line = new Line({ ws, socket, clock, options }, this)
  }

  #silent(ms: number): void {
    this.finish(silence('message', ms))
  }

  /** A message or frame passed, in whichever direction. */
  protected touch(): void {
    this.#idle?.touch()
  }

  abstract frame(data: Buffer, binary: boolean): void
  abstract message(message: Message): boolean
  /** What the client is told at the end. */
  protected abstract farewell(status: Status): Farewell
  /** The call is over: whoever still reads the request learns it. */
  protected abstract release(status: Status): void

  low(): void {
    this.#flow?.resume()
  }

  /** The reply's end. */
  end(status: Status): void {
    this.finish(status, true)
  }

  /** An error: plain HTTP while there is no 101, else the end of the call. */
  fail(error: GatewayError): void {
    if (this.#state !== 'arriving') {
      if (this.#state === 'open') this.finish(shown(error, this.exchange, this.visit.log))
      return
    }
    this.#state = 'over'
    this.tally.httpStatus = refuse(this.visit, this.exchange, error)
    this.release(error.status)
    this.exchange.end(error.status)
  }

  /** Ends an open call. `natural`: the backend has ended it, so there is nothing to cancel. */
  protected finish(status: Status, natural = false): void {
    if (this.#state !== 'open') return
    this.#state = 'over'
    const { frame, code, reason } = this.farewell(status)
    if (frame !== undefined) this.line!.send(frame, false)
    this.line!.close(code, reason)
    this.tally.httpStatus = code ?? 1005
    this.#conclude(status, natural)
  }

  #conclude(status: Status, natural: boolean): void {
    void this.#idle?.stop()
    this.release(status)
    if (natural) {
      this.exchange.end(status)
      return
    }
    this.exchange.cancel(status)
    this.#flow?.cancel(status)
  }

  /** The exchange ended by itself: its deadline, or a policy that cancelled it. */
  #ended(status: Status): void {
    if (this.#state === 'arriving') this.fail(new GatewayError(status, 'gateway'))
    else this.finish(status)
  }

  broken(closeCode: number, error: Error): void {
    if (this.#state !== 'open') return
    this.#state = 'over'
    this.tally.httpStatus = closeCode
    this.#conclude(brokenStatus(closeCode, error), false)
  }

  closed(code: number, _reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'over'
    this.tally.httpStatus = code
    this.#conclude(CLIENT_GONE, false)
  }

  gone(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#conclude(CLIENT_GONE, false)
  }

  drain(): void {
    if (this.#state === 'arriving') this.fail(new GatewayError(DRAINING, 'gateway'))
    else this.finish(DRAINING)
  }
}
