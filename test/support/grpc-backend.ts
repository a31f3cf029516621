import type { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import * as grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** Absolute path of the .proto that the backend serves (package `test.v1`, service `Backend`). */
export const BACKEND_PROTO = new URL('./backend.proto', import.meta.url).pathname

const root = protobuf.parse(readFileSync(BACKEND_PROTO, 'utf8'), { keepCase: true }).root
const OrderType = root.lookupType('test.v1.Order')
const AnswerType = root.lookupType('test.v1.Answer')

export interface Fail {
  readonly code: number
  readonly message?: string
  readonly details?: Uint8Array
  readonly trailers?: Record<string, string>
}
/** Fields of `test.v1.Order`, by their proto names; see backend.proto. */
export interface Order {
  readonly text?: string
  readonly count?: number
  readonly endless?: boolean
  readonly size?: number
  readonly wait_ms?: number
  readonly hang?: boolean
  readonly fail?: Fail
  readonly number?: string | number
  readonly stop_reading?: boolean
  readonly padding?: Uint8Array
  readonly tags?: readonly string[]
}
export interface Answer {
  readonly text: string
  readonly index: number
  readonly padding: Uint8Array
  readonly number: string
  readonly metadata: Record<string, string>
  readonly tags: readonly string[]
}

/** Wire bytes of an order. */
export const encodeOrder = (order: Order): Buffer => Buffer.from(OrderType.encode(OrderType.fromObject(order)).finish())
export const decodeOrder = (bytes: Uint8Array): Required<Order> =>
  OrderType.toObject(OrderType.decode(bytes), { longs: String, defaults: true }) as Required<Order>
/** An answer from its wire bytes; 64-bit numbers as strings. */
export const decodeAnswer = (bytes: Uint8Array): Answer =>
  AnswerType.toObject(AnswerType.decode(bytes), { longs: String, defaults: true }) as Answer
const encodeAnswer = (answer: object): Buffer => Buffer.from(AnswerType.encode(AnswerType.fromObject(answer)).finish())

/** One call as the backend saw it. */
export interface BackendCall {
  /** `test.v1.Backend/Say` */
  readonly method: string
  readonly metadata: grpc.Metadata
  /** Epoch ms, or Infinity. */
  readonly deadline: number
  readonly peer: string
  readonly orders: Required<Order>[]
  /** Answers handed to grpc-js. It takes some without having sent them: compare with what was asked for. */
  sent: number
  /** The client cancelled, or the connection was lost. */
  cancelled: boolean
  over: boolean
}

export interface GrpcBackend {
  /** `grpc://127.0.0.1:PORT` (or grpcs). */
  readonly address: string
  readonly port: number
  /** Calls that are neither answered nor cancelled. */
  readonly open: number
  /** Every call since the start. */
  readonly calls: readonly BackendCall[]
  /** Resolves when `condition` holds; looks after every event of a call and every 20 ms. Rejects after 10 s with `what`. */
  until(condition: () => boolean, what: string): Promise<void>
  /** Ends the effect of `stop_reading` for all calls. */
  readOn(): void
  /** Closes every connection at once. */
  stop(): Promise<void>
}

export interface GrpcBackendOptions {
  readonly host?: string
  readonly port?: number
  /** `unix:/path`, in place of host and port. */
  readonly unix?: string
  readonly credentials?: grpc.ServerCredentials
  readonly channel?: grpc.ServerOptions
}

const identity = (bytes: Buffer): Buffer => bytes
/** As generated code does: what cannot be read throws, and grpc-js answers INTERNAL. */
const readable = (bytes: Buffer): Buffer => {
  OrderType.decode(bytes)
  return bytes
}
type Call = grpc.ServerWritableStream<Buffer, Buffer> | grpc.ServerDuplexStream<Buffer, Buffer>
type AnyCall = Call | grpc.ServerUnaryCall<Buffer, Buffer> | grpc.ServerReadableStream<Buffer, Buffer>

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.v1.Backend/${name}`,
  requestStream,
  responseStream,
  requestSerialize: identity,
  requestDeserialize: readable,
  responseSerialize: identity,
  responseDeserialize: identity,
})
const SERVICE = {
  Say: method('Say', false, false),
  Plain: method('Plain', false, false),
  Watch: method('Watch', false, true),
  Collect: method('Collect', true, false),
  Chat: method('Chat', true, true),
}

/**
 * A real gRPC server that does what each order says. Request metadata `echo-*` comes back as response metadata, `trail-*` as
 * trailers. Port 0 unless given.
 */
export const startGrpcBackend = async (options: GrpcBackendOptions = {}): Promise<GrpcBackend> => {
  const { host = '127.0.0.1', port = 0, credentials = grpc.ServerCredentials.createInsecure() } = options
  const server = new grpc.Server({
    'grpc.max_receive_message_length': -1,
    'grpc.enable_channelz': 0,
    ...options.channel,
  })
  // nghttp2 closes a connection on which many streams were reset in a short time. The tests reset them by the thousand, and what
  // they ask is whether the gateway lets go of them; grpc-js has no option for this limit.
  Object.assign((server as unknown as { commonServerOptions: object }).commonServerOptions, {
    streamResetBurst: 1_000_000,
    streamResetRate: 1_000_000,
  })
  const calls: BackendCall[] = []
  const waiting = new Set<() => void>()
  const stopped = new Set<() => void>()
  const changed = (): void => {
    for (const look of [...waiting]) look()
  }

  const begin = (name: string, call: AnyCall): BackendCall => {
    const deadline = call.getDeadline()
    const record: BackendCall = {
      method: `test.v1.Backend/${name}`,
      metadata: call.metadata,
      deadline: deadline instanceof Date ? deadline.getTime() : deadline,
      peer: call.getPeer(),
      orders: [],
      sent: 0,
      cancelled: false,
      over: false,
    }
    calls.push(record)
    const events: EventEmitter = call
    events.on('cancelled', () => {
      record.cancelled = true
      record.over = true
      changed()
    })
    const head = pick(call.metadata, 'echo-')
    if (Object.keys(head.getMap()).length > 0) call.sendMetadata(head)
    changed()
    return record
  }
  const over = (record: BackendCall): void => {
    record.over = true
    changed()
  }

  const single =
    (name: string): grpc.handleUnaryCall<Buffer, Buffer> =>
    (call, done) => {
      const record = begin(name, call)
      const order = decodeOrder(call.request)
      record.orders.push(order)
      changed()
      void answerOnce(call, record, order, done)
    }
  const answerOnce = async (
    call: AnyCall,
    record: BackendCall,
    order: Required<Order>,
    done: grpc.sendUnaryData<Buffer>,
    index = 0,
    text = order.text,
  ): Promise<void> => {
    if (order.hang) return
    if (order.wait_ms > 0) await sleep(order.wait_ms)
    if (record.over) return
    over(record)
    if (order.fail) done({ ...failure(order.fail), ...trailersOf(call, order.fail) })
    else done(null, answer(call, { ...order, text }, index), trailersOf(call, undefined).metadata)
  }

  const answers = async (call: Call, record: BackendCall, order: Required<Order>, count: number): Promise<void> => {
    for (let index = 0; (order.endless || index < count) && !record.over; index++) {
      if (order.wait_ms > 0) await sleep(order.wait_ms)
      if (record.over) return
      const more = call.write(answer(call, order, index))
      record.sent++
      changed()
      if (!more) await drained(call)
      else if (order.endless && index % 64 === 63) await sleep(0)
    }
  }
  const finish = (call: Call, record: BackendCall, fail: Fail | undefined): void => {
    if (record.over) return
    over(record)
    const { metadata } = trailersOf(call, fail)
    if (fail) call.emit('error', { ...failure(fail), metadata })
    else call.end(metadata)
  }

  server.addService(SERVICE, {
    Say: single('Say'),
    Plain: single('Plain'),
    Watch(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      const record = begin('Watch', call)
      const order = decodeOrder(call.request)
      record.orders.push(order)
      changed()
      if (order.hang) return
      void answers(call, record, order, order.count).then(() => finish(call, record, order.fail))
    },
    Collect(call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      const record = begin('Collect', call)
      call.on('data', (bytes: Buffer) => {
        const order = decodeOrder(bytes)
        record.orders.push(order)
        if (order.stop_reading) {
          call.pause()
          stopped.add(() => call.resume())
        }
        if (order.fail) void answerOnce(call, record, order, done)
        changed()
      })
      call.on('end', () => {
        const { orders } = record
        const last = orders.at(-1) ?? decodeOrder(Buffer.alloc(0))
        const text = orders.map((order) => order.text).join(',')
        if (!record.over) void answerOnce(call, record, last, done, orders.length, text)
      })
    },
    Chat(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      const record = begin('Chat', call)
      let work = Promise.resolve()
      let hang = false
      call.on('data', (bytes: Buffer) => {
        const order = decodeOrder(bytes)
        record.orders.push(order)
        if (order.stop_reading) {
          call.pause()
          stopped.add(() => call.resume())
        }
        hang ||= order.hang
        if (!order.hang)
          work = work
            .then(() => answers(call, record, order, order.count === 0 ? 1 : order.count))
            .then(() => {
              if (order.fail) finish(call, record, order.fail)
            })
        changed()
      })
      call.on('end', () => {
        void work.then(() => {
          if (!hang) finish(call, record, undefined)
        })
      })
    },
  })

  const target = options.unix ?? `${host.includes(':') ? `[${host}]` : host}:${port}`
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(target, credentials, (error, actual) => (error === null ? resolve(actual) : reject(error))),
  )
  const scheme = credentials._isSecure() ? 'grpcs' : 'grpc'

  return {
    address: options.unix ?? `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    get open() {
      return calls.filter((call) => !call.over).length
    },
    calls,
    until(condition, what) {
      if (condition()) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const again = setInterval(() => look(), 20)
        const timer = setTimeout(() => {
          clearInterval(again)
          waiting.delete(look)
          reject(new Error(`the backend never saw: ${what}`))
        }, 10_000)
        const look = (): void => {
          if (!condition()) return
          waiting.delete(look)
          clearInterval(again)
          clearTimeout(timer)
          resolve()
        }
        waiting.add(look)
      })
    },
    readOn() {
      for (const go of stopped) go()
      stopped.clear()
    },
    stop() {
      server.forceShutdown()
      return Promise.resolve()
    },
  }
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    if (ms === 0) setImmediate(resolve)
    else setTimeout(resolve, ms).unref()
  })
const drained = (call: Call): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      call.off('drain', done)
      call.off('cancelled', done)
      resolve()
    }
    call.on('drain', done)
    call.on('cancelled', done)
  })

const pick = (metadata: grpc.Metadata, prefix: string): grpc.Metadata => {
  const found = new grpc.Metadata()
  for (const name of Object.keys(metadata.getMap()))
    if (name.startsWith(prefix)) for (const value of metadata.get(name)) found.add(name, value)
  return found
}

const answer = (call: AnyCall, order: Required<Order>, index: number): Buffer => {
  const metadata: Record<string, string> = {}
  for (const name of Object.keys(call.metadata.getMap()))
    metadata[name] = call.metadata
      .get(name)
      .map((value) => (typeof value === 'string' ? value : value.toString('base64')))
      .join(',')
  const { text, number, tags } = order
  return encodeAnswer({ text, index, number, tags, metadata, padding: Buffer.alloc(order.size, 0x61) })
}

const failure = (fail: Fail): { code: number; details: string } => ({ code: fail.code, details: fail.message ?? '' })
const trailersOf = (call: AnyCall, fail: Fail | undefined): { metadata: grpc.Metadata } => {
  const metadata = pick(call.metadata, 'trail-')
  for (const [name, value] of Object.entries(fail?.trailers ?? {})) metadata.add(name, value)
  if (fail?.details !== undefined && fail.details.length > 0)
    metadata.set('grpc-status-details-bin', Buffer.from(fail.details))
  return { metadata }
}
