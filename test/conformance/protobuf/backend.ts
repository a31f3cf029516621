import * as grpc from '@grpc/grpc-js'

/** A gRPC backend whose unary methods keep the bytes that they get and answer with those that they are told to. */
export interface EchoBackend {
  /** `grpc://127.0.0.1:PORT` */
  readonly address: string
  /** What the calls since the last `expect` brought. */
  readonly got: readonly Buffer[]
  /** The next calls are answered with these bytes; without, with their own. */
  expect(reply: Uint8Array | undefined): void
  stop(): void
}

const identity = (bytes: Buffer): Buffer => bytes

/** `paths`: `/package.Service/Method` */
export const startEchoBackend = async (paths: readonly string[]): Promise<EchoBackend> => {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.enable_channelz': 0,
  })
  let got: Buffer[] = []
  let reply: Buffer | undefined
  const handle: grpc.handleUnaryCall<Buffer, Buffer> = (call, done) => {
    got.push(call.request)
    done(null, reply ?? call.request)
  }
  const codecs = {
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  }
  server.addService(
    Object.fromEntries(paths.map((path) => [path, { path, requestStream: false, responseStream: false, ...codecs }])),
    Object.fromEntries(paths.map((path) => [path, handle])),
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return {
    address: `grpc://127.0.0.1:${port}`,
    get got() {
      return got
    },
    expect(next) {
      got = []
      reply = next === undefined ? undefined : Buffer.from(next)
    },
    stop: () => server.forceShutdown(),
  }
}
