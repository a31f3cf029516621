import {
  type Channel,
  type Clock,
  Code,
  type Exchange,
  errors,
  formatDuration,
  makeStatus,
  type Reply,
  type Resource,
  type Status,
  unreachable,
} from '../../../src/spi.ts'
import { H2Call, type Line } from './call.ts'
import { Connection } from './connection.ts'
import { type Dial, dial } from './dial.ts'

export interface ChannelInit {
  readonly dial: Dial
  readonly authority: string
  /** ms from the first call that needs a connection until one is there, TLS and settings included. */
  readonly connectTimeout: number
  /** Infinity: no limit. */
  readonly maxMessageBytes: number
  readonly clock: Clock
}

/** Connections to one endpoint: more than one only when a backend allows fewer streams than there are calls. */
const MAX_CONNECTIONS = 8
/** Between attempts all calls fail: a backend that is back must not wait long for the next one. ms */
const FIRST_DELAY = 100
const LONGEST_DELAY = 2000
/** Servers allow a ping every five minutes unless they were told otherwise; more of them cost the connection. ms */
const PING_EVERY = 330_000
const PING_TIMEOUT = 20_000
const AGENT = 'protogate'

/** A connection that is being made. */
interface Attempt {
  readonly connection: Connection
  timer: Resource | undefined
  /** It took too long. */
  late: boolean
}

/** One endpoint: connections that are made when a call needs one, kept, and replaced when they go away. */
export class H2Channel implements Channel, Line {
  readonly clock: Clock
  readonly maxMessageBytes: number
  readonly #init: ChannelInit
  readonly #calls = new Set<H2Call>()
  /** In the order of their coming. */
  readonly #waiting = new Set<H2Call>()
  /** Those that take calls, and the one that is being made. */
  readonly #usable = new Set<Connection>()
  readonly #all = new Map<Connection, () => void>()
  #attempt: Attempt | undefined
  #delay = 0
  #notBefore = Number.NEGATIVE_INFINITY
  #lastFailure: Status | undefined
  #stopped: Promise<void> | undefined

  constructor(init: ChannelInit) {
    this.#init = init
    this.clock = init.clock
    this.maxMessageBytes = init.maxMessageBytes
  }

  readonly call = (exchange: Exchange): Promise<Reply> => {
    if (exchange.match.route.operation.shape === 'bytes')
      throw errors.unimplemented(`the backend speaks gRPC and cannot take a plain HTTP request`, {
        reason: 'UPSTREAM_PROTOCOL',
      })
    return new H2Call(this, exchange).run()
  }

  place(call: H2Call): void {
    if (this.#stopped !== undefined) {
      call.lost(closedStatus())
      return
    }
    this.#calls.add(call)
    if (!call.prepare()) return
    const connection = this.#waiting.size === 0 ? this.#free() : undefined
    if (connection !== undefined) {
      call.open(connection)
      return
    }
    call.keep()
    this.#waiting.add(call)
    this.#grow()
  }

  done(call: H2Call): void {
    this.#calls.delete(call)
    this.#waiting.delete(call)
  }

  /** Calls in flight end with UNAVAILABLE; sockets are closed when it resolves. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }
  async #stop(): Promise<void> {
    const status = closedStatus()
    // `stop` has to be known as called before the first call hears of it.
    await null
    for (const call of [...this.#calls]) call.lost(status)
    const gone = [...this.#all].map(
      ([connection, resolve]) =>
        new Promise<void>((done) => {
          this.#all.set(connection, () => {
            resolve()
            done()
          })
          connection.close('the gateway closed the connection')
        }),
    )
    await Promise.all(gone)
  }

  #free(): Connection | undefined {
    for (const connection of this.#usable) if (connection.room > 0) return connection
    return undefined
  }

  #fill(): void {
    while (this.#waiting.size > 0) {
      const connection = this.#free()
      if (connection === undefined) {
        this.#grow()
        return
      }
      const [call] = this.#waiting
      this.#waiting.delete(call!)
      call!.open(connection)
    }
  }

  /** Calls wait and no connection has room: one more, unless one is being made or there are enough. */
  #grow(): void {
    if (this.#attempt !== undefined || this.#usable.size >= MAX_CONNECTIONS || this.#stopped !== undefined) return
    if (this.clock.now() >= this.#notBefore) this.#connect()
    else if (this.#usable.size === 0) this.#failWaiting(this.#lastFailure!)
  }

  #connect(): void {
    const { authority, connectTimeout } = this.#init
    const socket = dial(this.#init.dial, (bytes, length) => connection.read(bytes, length))
    const connection: Connection = new Connection({
      socket: socket.socket,
      clock: this.clock,
      scheme: socket.secure ? 'https' : 'http',
      authority,
      agent: AGENT,
      pingEvery: PING_EVERY,
      pingTimeout: PING_TIMEOUT,
      ready: () => this.#ready(),
      roomy: () => this.#fill(),
      draining: () => this.#leaves(connection, 'the backend takes no calls'),
      closed: (note) => this.#closed(connection, note),
    })
    socket.onConnect((problem) => {
      if (problem === undefined) connection.start()
      else connection.destroy(problem)
    })
    this.#usable.add(connection)
    this.#all.set(connection, () => {})
    const attempt: Attempt = { connection, timer: undefined, late: false }
    attempt.timer = this.clock.after(connectTimeout, () => {
      attempt.late = true
      connection.destroy(`no connection within ${formatDuration(connectTimeout)}`)
    })
    this.#attempt = attempt
  }

  #ready(): void {
    void this.#attempt?.timer?.stop()
    this.#attempt = undefined
    this.#fill()
  }

  #closed(connection: Connection, note: string): void {
    this.#all.get(connection)?.()
    this.#all.delete(connection)
    const attempt = this.#attempt
    if (attempt?.connection !== connection) {
      this.#leaves(connection, note)
      return
    }
    this.#usable.delete(connection)
    void attempt.timer?.stop()
    this.#attempt = undefined
    const place = `${note} (${this.#init.authority})`
    this.#lastFailure = attempt.late ? unreachable(place, note) : unreachable(place)
    // An attempt that took its whole time was delay enough.
    if (!attempt.late) this.#backOff()
    // Those that wait for room on another connection go on waiting.
    if (this.#usable.size === 0) this.#failWaiting(this.#lastFailure)
  }

  /** A connection takes no more calls: those that wait for room on it need another. */
  #leaves(connection: Connection, note: string): void {
    if (!this.#usable.delete(connection)) return
    if (connection.used) this.#delay = 0
    else if (this.#waiting.size > 0) {
      // It took none of them, nor may the next one.
      this.#lastFailure = unreachable(`${note} (${this.#init.authority})`)
      this.#backOff()
    }
    this.#fill()
  }
  #backOff(): void {
    this.#delay = Math.min(LONGEST_DELAY, Math.max(FIRST_DELAY, this.#delay * 2))
    this.#notBefore = this.clock.now() + this.#delay
  }

  #failWaiting(status: Status): void {
    for (const call of [...this.#waiting]) call.lost(status)
  }
}

const closedStatus = (): Status =>
  makeStatus(Code.UNAVAILABLE, 'the connection to the backend was closed', { reason: 'DRAINING' })
