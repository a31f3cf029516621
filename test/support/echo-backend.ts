import * as grpc from '@grpc/grpc-js'

export interface EchoBackend {
  readonly address: string
  /** Calls since the start. */
  readonly calls: number
  /** Request messages as they came, of all calls. */
  readonly received: readonly Buffer[]
  /** Request metadata of the newest call. */
  readonly metadata: grpc.Metadata
  stop(): Promise<void>
}

/**
 * A gRPC server that answers each call of `paths` (`/package.Service/Method`) with the bytes that it got: one answer to a unary call,
 * one to each message of those of `streams`.
 */
export const startEchoBackend = async (
  paths: readonly string[],
  streams: readonly string[] = [],
): Promise<EchoBackend> => {
  const server = new grpc.Server({ 'grpc.enable_channelz': 0 })
  const identity = (bytes: Buffer): Buffer => bytes
  const received: Buffer[] = []
  let calls = 0
  let metadata = new grpc.Metadata()
  const begin = (call: { readonly metadata: grpc.Metadata }): void => {
    calls++
    metadata = call.metadata
  }
  const method = (path: string, stream: boolean) => ({
    path,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  })
  for (const path of paths)
    server.addService(
      { call: method(path, false) },
      {
        call(call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
          begin(call)
          received.push(call.request)
          done(null, call.request)
        },
      },
    )
  for (const path of streams)
    server.addService(
      { call: method(path, true) },
      {
        call(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
          begin(call)
          call.on('data', (bytes: Buffer) => {
            received.push(bytes)
            call.write(bytes)
          })
          call.on('end', () => call.end())
        },
      },
    )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return {
    address: `grpc://127.0.0.1:${port}`,
    received,
    get calls() {
      return calls
    },
    get metadata() {
      return metadata
    },
    stop() {
      server.forceShutdown()
      return Promise.resolve()
    },
  }
}
