import * as grpc from '@grpc/grpc-js'
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
import { GrpcCall, type Line, type RawCall } from './call.ts'
import { TrackedCredentials } from './credentials.ts'
import { watchWire } from './wire.ts'

export interface ChannelInit {
  /** As grpc-js writes it: `dns:host:port`, `unix:/path`. */
  readonly target: string
  /** ms from the first call that needs a connection until one is there, HTTP/2 handshake included. */
  readonly connectTimeout: number
  readonly credentials: grpc.ChannelCredentials
  readonly options: grpc.ChannelOptions
  readonly clock: Clock
}

const { READY, SHUTDOWN } = grpc.connectivityState

/** One endpoint: a connection of grpc-js that is made with the first call, and made anew when an attempt hangs. */
export class GrpcChannel implements Channel, Line {
  readonly clock: Clock
  readonly #init: ChannelInit
  readonly #unwatch = watchWire()
  readonly #calls = new Set<GrpcCall>()
  /** Of them: started while there was no connection. */
  readonly #waiting = new Set<GrpcCall>()
  #attempt: { readonly channel: grpc.ChannelInterface; readonly credentials: TrackedCredentials } | undefined
  #timer: Resource | undefined
  #stopped = false

  constructor(init: ChannelInit) {
    this.#init = init
    this.clock = init.clock
  }

  readonly call = (exchange: Exchange): Promise<Reply> => {
    const { shape } = exchange.match.route.operation
    if (shape === 'bytes')
      throw errors.unimplemented(`the backend speaks gRPC and cannot take a plain HTTP request`, {
        reason: 'UPSTREAM_PROTOCOL',
      })
    return new GrpcCall(this, exchange).run()
  }

  begin(call: GrpcCall, path: string, deadline: number): RawCall | undefined {
    if (this.#stopped) {
      call.lost(this.#closed())
      return undefined
    }
    const raw = this.#connection().createCall(path, deadline, null, null, null)
    this.#calls.add(call)
    return raw
  }

  track(call: GrpcCall): void {
    const channel = this.#connection()
    if (channel.getConnectivityState(true) === READY) {
      call.connected()
    } else {
      this.#waiting.add(call)
      this.#timer ??= this.clock.after(this.#init.connectTimeout, () => this.#giveUp())
    }
  }

  done(call: GrpcCall): void {
    this.#calls.delete(call)
    if (this.#waiting.delete(call) && this.#waiting.size === 0) this.#stopTimer()
  }

  /** Calls in flight end with UNAVAILABLE; sockets are closed when it resolves. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#stopTimer()
    const status = this.#closed()
    for (const call of [...this.#calls]) call.lost(status)
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.channel.close()
    // The cancelled calls are reset on the wire before the sockets go.
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    attempt?.credentials.destroy()
    this.#unwatch()
  }

  #connection(): grpc.ChannelInterface {
    if (this.#attempt !== undefined) return this.#attempt.channel
    const credentials = new TrackedCredentials(this.#init.credentials)
    const channel = new grpc.Channel(this.#init.target, credentials, this.#init.options)
    this.#attempt = { channel, credentials }
    this.#follow(channel, credentials)
    return channel
  }

  #follow(channel: grpc.ChannelInterface, credentials: TrackedCredentials): void {
    const state = channel.getConnectivityState(false)
    if (state === SHUTDOWN) return
    if (state === READY) {
      credentials.ready()
      this.#stopTimer()
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const call of waiting) call.connected()
    }
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => this.#follow(channel, credentials))
  }

  #giveUp(): void {
    this.#timer = undefined
    const attempt = this.#attempt
    this.#attempt = undefined
    const late = `no connection within ${formatDuration(this.#init.connectTimeout)}`
    const status: Status = unreachable(late, late)
    for (const call of [...this.#waiting]) call.lost(status)
    attempt?.channel.close()
    attempt?.credentials.giveUp()
  }

  #closed(): Status {
    return makeStatus(Code.UNAVAILABLE, 'the connection to the backend was closed', { reason: 'DRAINING' })
  }

  #stopTimer(): void {
    void this.#timer?.stop()
    this.#timer = undefined
  }
}
