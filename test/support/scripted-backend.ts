import { readFileSync } from 'node:fs'
import * as grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** One call as a script sees it. Every kind of method looks the same: messages in, messages out, a status. */
export interface ScriptedCall {
  /** `/package.Service/Method` */
  readonly path: string
  readonly metadata: grpc.Metadata
  /** Epoch ms, or Infinity. */
  readonly deadline: number
  /** Request messages so far. */
  readonly messages: readonly Buffer[]
  /** The client cancelled, or its connection was lost. */
  readonly cancelled: boolean
  /** Resolves with the first request message; with an empty one when the request ends without. */
  readonly first: Promise<Buffer>
  /** Resolves with all request messages when the client has ended its side. */
  readonly all: Promise<readonly Buffer[]>
  /** Called with each request message, also with those that are here already. */
  onMessage(listener: (bytes: Buffer) => void): void
  /** Takes no more request messages until `readOn`. */
  pause(): void
  readOn(): void
  /** Sends the head, with this metadata. */
  head(metadata?: grpc.Metadata): void
  /** false: wait for `drained`. */
  send(bytes: Uint8Array): boolean
  /** Resolves when `send` takes more, or the call is cancelled. */
  drained(): Promise<void>
  /** OK unless a code is given. */
  end(code?: number, message?: string, trailers?: grpc.Metadata): void
}
export type Script = (call: ScriptedCall) => void | Promise<void>

export interface ScriptedBackend {
  /** `grpc://127.0.0.1:PORT` */
  readonly address: string
  /** Calls since the last `reset`. */
  readonly calls: readonly ScriptedCall[]
  /** What the next calls do. */
  script: Script
  reset(): void
  /**
   * A call that a client has given up may come late, in the middle of another test. Who must know its own sends this header, which
   * every route forwards.
   */
  tag(): { readonly authorization: string; readonly mine: () => readonly ScriptedCall[] }
  stop(): Promise<void>
}

/** Paths of all methods of a .proto text. */
export const methodPaths = (text: string): string[] => {
  const { root, package: name } = protobuf.parse(text, { keepCase: true })
  const services = (root.lookup(name ?? '') as protobuf.Namespace).nestedArray.filter(
    (each) => each instanceof protobuf.Service,
  )
  return services.flatMap((service) => service.methodsArray.map((method) => `/${name}.${service.name}/${method.name}`))
}
export const methodPathsOf = (file: string): string[] => methodPaths(readFileSync(file, 'utf8'))

/** Answers each message with itself. */
export const echo: Script = async (call) => {
  call.onMessage((bytes) => call.send(bytes))
  await call.all
  call.end()
}

/** A gRPC server on a free port of loopback that does what `script` says. A script that throws ends its call with INTERNAL. */
export const startScriptedBackend = async (paths: readonly string[], script = echo): Promise<ScriptedBackend> => {
  const server = new grpc.Server({ 'grpc.enable_channelz': 0, 'grpc.max_receive_message_length': -1 })
  const calls: ScriptedCall[] = []
  let tags = 0
  const definition: Record<string, grpc.MethodDefinition<Buffer, Buffer>> = {}
  const handlers: Record<string, grpc.handleBidiStreamingCall<Buffer, Buffer>> = {}
  for (const [index, path] of paths.entries()) {
    definition[`m${index}`] = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    }
    handlers[`m${index}`] = (stream) => {
      const call = scripted(path, stream)
      calls.push(call)
      void (async () => backend.script(call))().catch((failure: unknown) => call.end(13, String(failure)))
    }
  }
  // An empty one is refused.
  if (paths.length > 0) server.addService(definition, handlers)
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  const backend: ScriptedBackend = {
    address: `grpc://127.0.0.1:${port}`,
    calls,
    script,
    reset() {
      calls.length = 0
    },
    tag() {
      const authorization = `tag ${++tags}`
      return {
        authorization,
        mine: () => calls.filter(({ metadata }) => metadata.get('authorization')[0] === authorization),
      }
    },
    stop() {
      server.forceShutdown()
      return Promise.resolve()
    },
  }
  return backend
}

const identity = (bytes: Buffer): Buffer => bytes

const scripted = (path: string, stream: grpc.ServerDuplexStream<Buffer, Buffer>): ScriptedCall => {
  const messages: Buffer[] = []
  const first = Promise.withResolvers<Buffer>()
  const all = Promise.withResolvers<readonly Buffer[]>()
  const deadline = stream.getDeadline()
  let cancelled = false
  let over = false
  let listener: ((bytes: Buffer) => void) | undefined
  stream.on('data', (bytes: Buffer) => {
    messages.push(bytes)
    first.resolve(bytes)
    listener?.(bytes)
  })
  stream.on('end', () => {
    first.resolve(Buffer.alloc(0))
    all.resolve(messages)
  })
  stream.on('cancelled', () => {
    cancelled = true
    over = true
  })
  return {
    path,
    metadata: stream.metadata,
    deadline: deadline instanceof Date ? deadline.getTime() : deadline,
    messages,
    get cancelled() {
      // A call that was cancelled before it came here tells it no more.
      return cancelled || stream.cancelled
    },
    first: first.promise,
    all: all.promise,
    onMessage(given) {
      listener = given
      messages.forEach(given)
    },
    pause: () => void stream.pause(),
    readOn: () => void stream.resume(),
    head: (metadata = new grpc.Metadata()) => stream.sendMetadata(metadata),
    send: (bytes) => over || stream.write(Buffer.from(bytes)),
    drained: () =>
      new Promise((resolve) => {
        const done = (): void => {
          stream.off('drain', done)
          stream.off('cancelled', done)
          resolve()
        }
        stream.on('drain', done)
        stream.on('cancelled', done)
      }),
    end(code = 0, message = '', trailers = new grpc.Metadata()) {
      if (over) return
      over = true
      if (code === 0) stream.end(trailers)
      else stream.emit('error', { code, details: message, metadata: trailers })
    },
  }
}
