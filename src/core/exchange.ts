import { randomFillSync } from 'node:crypto'
import { exchangeEnded, exchangeStarted } from './channels.ts'
import type { Clock } from './clock.ts'
import { type Metadata, makeMetadata } from './metadata.ts'
import type { Resource } from './module.ts'
import type { RouteMatch } from './router.ts'
import { Code, makeStatus, type Status } from './status.ts'
import type { MessageStream } from './stream.ts'

export interface AttributeKey<T> {
  readonly name: string
  readonly of?: T
}
/** Typed scratch space on an exchange: principal, cache key, span. */
export const attributeKey = <T>(name: string): AttributeKey<T> => ({ name })

export interface Peer {
  /** Of the client, as far as it can be trusted. */
  readonly address: string
  readonly certificate: object | undefined
  /** Address of the trusted proxy through which the call came (`trustedProxies`); absent when the client is connected itself. */
  readonly via?: string
}

/**
 * Where the call came from, whoever read it. `path` is raw and has the query. Inbound adapters without an HTTP head of their
 * own (a multiplexed stream) give the synthetic `POST /package.Service/Method`.
 */
export interface RequestHead {
  readonly method: string
  readonly path: string
  readonly authority: string
  readonly scheme: 'http' | 'https'
  readonly httpVersion: string
  readonly headers: Metadata
}

/** One call. */
export interface Exchange {
  readonly id: string
  readonly head: RequestHead
  /** Name of the inbound adapter. */
  readonly protocol: string
  /** Pins the snapshot that it started with. */
  readonly match: RouteMatch
  readonly metadata: Metadata
  readonly request: MessageStream
  readonly peer: Peer
  /** Monotonic ms of the clock; Infinity when none. */
  readonly deadline: number
  /** Made on first access only. Aborted by `cancel`, not by an ordinary end. */
  readonly signal: AbortSignal
  get<T>(key: AttributeKey<T>): T | undefined
  set<T>(key: AttributeKey<T>, value: T): void
  /** Called once, when the call is over, however. At once when it is over already. */
  onEnd(listener: (status: Status) => void): void
  /** Runs the cancel path of both sides once. Client gone = CANCELLED, deadline = DEADLINE_EXCEEDED. */
  cancel(status: Status): void
  /** An attempt: same request, own cancel, metadata copied on write. The parent's end and cancel reach it. */
  fork(options?: { readonly deadline?: number }): LiveExchange
  /**
   * Another call on behalf of this one: a part of an aggregate, a mirror, a shared topic. The parent's cancel reaches it unless
   * `detached`, and its deadline is not later than the parent's; a detached one retains the snapshot itself and carries only the
   * metadata that it is given. Whoever derives ends it.
   */
  derive(options: DeriveOptions): LiveExchange
}
export interface DeriveOptions {
  readonly match: RouteMatch
  readonly request: MessageStream
  readonly metadata?: Metadata
  readonly deadline?: number
  readonly detached?: boolean
}
/** An exchange in the hands of who made it. */
export interface LiveExchange extends Exchange {
  /** The ordinary end: tells the `onEnd` listeners. The first of `end` and `cancel` wins. */
  end(status: Status): void
}

export interface ExchangeInit {
  readonly head: RequestHead
  readonly protocol: string
  readonly match: RouteMatch
  readonly metadata: Metadata
  readonly request: MessageStream
  readonly peer: Peer
  /** Monotonic ms; Infinity when none. */
  readonly deadline: number
  readonly clock: Clock
  /** A request id that came from outside and is trusted. */
  readonly id?: string | undefined
}

class Call implements LiveExchange {
  readonly id: string
  readonly head: RequestHead
  readonly protocol: string
  readonly match: RouteMatch
  readonly request: MessageStream
  readonly peer: Peer
  readonly deadline: number
  readonly #clock: Clock
  readonly #shared: boolean
  #metadata: Metadata
  #attributes: Map<AttributeKey<unknown>, unknown> | undefined
  #listeners: ((status: Status) => void)[] = []
  #end: Status | undefined
  #abort: AbortController | undefined
  #cancelled = false
  #timer: Resource | undefined
  /** Runs behind all listeners: they still need what it lets go. */
  #last: ((status: Status) => void) | undefined

  constructor(init: ExchangeInit, id: string, shared?: Map<AttributeKey<unknown>, unknown>, copyMetadata = false) {
    this.id = id
    this.head = init.head
    this.protocol = init.protocol
    this.match = init.match
    this.request = init.request
    this.peer = init.peer
    this.deadline = init.deadline
    this.#clock = init.clock
    this.#metadata = init.metadata
    this.#attributes = shared
    this.#shared = copyMetadata
  }

  /** A fork copies the metadata when it is first asked for, so that an edit of one attempt does not reach the next. */
  get metadata(): Metadata {
    if (this.#shared && this.#copied === undefined) this.#copied = makeMetadata([...this.#metadata.raw])
    return this.#copied ?? this.#metadata
  }
  #copied: Metadata | undefined

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#cancelled) this.#abort.abort()
    }
    return this.#abort.signal
  }

  get<T>(key: AttributeKey<T>): T | undefined {
    return this.#attributes?.get(key) as T | undefined
  }
  set<T>(key: AttributeKey<T>, value: T): void {
    this.#attributes ??= new Map()
    this.#attributes.set(key, value)
  }

  onEnd(listener: (status: Status) => void): void {
    if (this.#end !== undefined) listener(this.#end)
    else this.#listeners.push(listener)
  }

  /** `last` runs when every listener has run, and once. */
  whenOver(last: (status: Status) => void): void {
    this.#last = last
  }
  startDeadline(): void {
    if (this.deadline === Number.POSITIVE_INFINITY || this.#end !== undefined) return
    this.#timer = this.#clock.after(this.deadline - this.#clock.now(), () =>
      this.cancel(
        makeStatus(Code.DEADLINE_EXCEEDED, 'the deadline of the call is over', { reason: 'DEADLINE_EXCEEDED' }),
      ),
    )
  }

  cancel(status: Status): void {
    if (this.#end !== undefined) return
    this.#cancelled = true
    this.#finish(status)
  }
  end(status: Status): void {
    if (this.#end === undefined) this.#finish(status)
  }
  #finish(status: Status): void {
    this.#end = status
    void this.#timer?.stop()
    const listeners = this.#listeners
    this.#listeners = []
    // One listener that throws must not keep the others, and the snapshot, from hearing of the end.
    const failures: unknown[] = []
    for (const listener of listeners) {
      try {
        listener(status)
      } catch (thrown) {
        failures.push(thrown)
      }
    }
    if (this.#cancelled) this.#abort?.abort()
    this.#last?.(status)
    if (failures.length > 0) throw failures[0]
  }

  fork(options: { readonly deadline?: number } = {}): LiveExchange {
    this.#attributes ??= new Map()
    const deadline = Math.min(this.deadline, options.deadline ?? Number.POSITIVE_INFINITY)
    const child = new Call({ ...this.#init(), deadline }, this.id, this.#attributes, true)
    this.onEnd((status) => (this.#cancelled ? child.cancel(status) : child.end(status)))
    if (deadline < this.deadline) child.startDeadline()
    return child
  }

  derive(options: DeriveOptions): LiveExchange {
    const detached = options.detached === true
    const child = new Call(
      {
        ...this.#init(),
        match: options.match,
        request: options.request,
        metadata: options.metadata ?? makeMetadata(detached ? [] : [...this.metadata.raw]),
        deadline: Math.min(
          options.deadline ?? Number.POSITIVE_INFINITY,
          detached ? Number.POSITIVE_INFINITY : this.deadline,
        ),
      },
      `${this.id}.${nextSuffix()}`,
      detached ? undefined : new Map(this.#attributes),
    )
    if (detached) {
      options.match.snapshot.retain()
      child.whenOver(() => options.match.snapshot.release())
    } else {
      this.onEnd((status) => (this.#cancelled ? child.cancel(status) : child.end(status)))
    }
    if (detached || child.deadline < this.deadline) child.startDeadline()
    return child
  }

  #init(): ExchangeInit {
    return {
      head: this.head,
      protocol: this.protocol,
      match: this.match,
      metadata: this.#copied ?? this.#metadata,
      request: this.request,
      peer: this.peer,
      deadline: this.deadline,
      clock: this.#clock,
    }
  }
}

let suffix = 0
const nextSuffix = (): string => {
  suffix = (suffix + 1) % 0x10000000
  return suffix.toString(36)
}

/**
 * A new call. It retains its snapshot until it ends, starts its deadline and is published on `gateway.exchange`.
 * Whoever made it must `end` or `cancel` it.
 */
export const createExchange = (init: ExchangeInit): LiveExchange => {
  const call = new Call(init, init.id ?? requestId())
  const { snapshot } = init.match
  snapshot.retain()
  const started = init.clock.now()
  if (exchangeStarted.hasSubscribers) exchangeStarted.publish({ exchange: call, started })
  call.whenOver((status) => {
    if (exchangeEnded.hasSubscribers)
      exchangeEnded.publish({ exchange: call, status, started, ended: init.clock.now() })
    snapshot.release()
  })
  call.startDeadline()
  return call
}

/** Random bytes are fetched in blocks: one request id costs a copy and not a system call. */
const POOL = Buffer.alloc(16 * 256)
let used = POOL.length
/** The two hexadecimal digits of each byte, the first in the low half. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => {
  const [high, low] = Buffer.from(byte.toString(16).padStart(2, '0'))
  return high! | (low! << 8)
})
const ID = Buffer.from('00000000-0000-0000-0000-000000000000')
/** Where the digits of each byte stand in it. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

/** UUID version 7 (RFC 9562 §5.7): sorted by time of arrival. */
export const requestId = (): string => {
  if (used === POOL.length) {
    randomFillSync(POOL)
    used = 0
  }
  const start = used
  used += 16
  POOL.writeUIntBE(Date.now(), start, 6)
  POOL[start + 6] = (POOL[start + 6]! & 0x0f) | 0x70
  POOL[start + 8] = (POOL[start + 8]! & 0x3f) | 0x80
  for (let i = 0; i < 16; i++) {
    const digits = HEX[POOL[start + i]!]!
    const place = PLACES[i]!
    ID[place] = digits
    ID[place + 1] = digits >> 8
  }
  return ID.toString('latin1')
}
