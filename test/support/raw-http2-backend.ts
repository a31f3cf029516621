import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'

/** An answer that no gRPC library would give. */
export interface RawAnswer {
  /** Response headers; `:status` 200 and `content-type: application/grpc` unless given. undefined: no response head at all. */
  readonly headers?: http2.OutgoingHttpHeaders | undefined
  /** Bytes of the body, as they are. */
  readonly body?: Uint8Array
  /** Bytes of each write of the body; whole unless given. */
  readonly piece?: number
  /** Trailers; undefined: the stream ends without. */
  readonly trailers?: http2.OutgoingHttpHeaders
  /** Headers alone, with END_STREAM ("trailers-only"). */
  readonly only?: boolean
  /** Ends with RST_STREAM of this code, in place of an ordinary end. */
  readonly reset?: number
  /** Destroys the whole connection after the body. */
  readonly drop?: boolean
  /** Keeps the stream open after what was sent. */
  readonly hang?: boolean
}

export interface RawBackend {
  /** `grpc://127.0.0.1:PORT`. */
  readonly address: string
  readonly port: number
  /** Request headers of every call. */
  readonly requests: http2.IncomingHttpHeaders[]
  /** RST codes that the client sent, in order. */
  readonly resets: number[]
  readonly sessions: number
  stop(): Promise<void>
}

/** One gRPC message in its frame. `flag` 1 claims compression. */
export const frame = (bytes: Uint8Array, flag = 0): Buffer => {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** A bare HTTP/2 server on a free port; `answer` decides by the request's path. */
export const startRawHttp2 = async (
  answer: (headers: http2.IncomingHttpHeaders) => RawAnswer,
  options: http2.ServerOptions = {},
): Promise<RawBackend> => {
  const sessions = new Set<http2.ServerHttp2Session>()
  const requests: http2.IncomingHttpHeaders[] = []
  const resets: number[] = []
  const server = http2.createServer(options)
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    requests.push(headers)
    stream.on('error', () => {})
    stream.on('aborted', () => resets.push(stream.rstCode))
    stream.resume()
    give(stream, answer(headers))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `grpc://127.0.0.1:${port}`,
    port,
    requests,
    resets,
    get sessions() {
      return sessions.size
    },
    async stop() {
      for (const session of sessions) session.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const give = (stream: http2.ServerHttp2Stream, raw: RawAnswer): void => {
  if (raw.reset !== undefined && !('headers' in raw) && raw.body === undefined) {
    stream.close(raw.reset)
    return
  }
  const headers = { ':status': 200, 'content-type': 'application/grpc', ...raw.headers }
  if (raw.only === true) {
    stream.respond(headers, { endStream: true })
    return
  }
  const { trailers } = raw
  stream.respond(headers, { waitForTrailers: trailers !== undefined || raw.reset !== undefined })
  if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  const body = raw.body ?? new Uint8Array(0)
  if (raw.drop === true) {
    stream.write(body, () => stream.session?.socket.destroy())
    return
  }
  if (raw.reset !== undefined) {
    const code = raw.reset
    stream.write(body, () => stream.close(code))
    return
  }
  if (raw.piece !== undefined)
    for (let at = 0; at < body.length; at += raw.piece) stream.write(body.subarray(at, at + raw.piece))
  else stream.write(body)
  if (raw.hang !== true) stream.end()
}
