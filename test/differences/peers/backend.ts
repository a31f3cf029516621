import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'

/** How the backend answers the next call. Without `messages` it echoes the request's bytes. */
export interface Answer {
  readonly messages?: readonly Uint8Array[]
  readonly code?: number
  /** `grpc-message` as it goes over the wire. */
  readonly message?: string
  /** google.rpc.Status in wire form, for `grpc-status-details-bin`. */
  readonly details?: Uint8Array
  /** Status in the only head, as most servers answer a failure without messages. */
  readonly trailersOnly?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly trailers?: Readonly<Record<string, string>>
}

export interface Received {
  /** `/package.Service/Method` */
  readonly path: string
  readonly contentType: string
  readonly messages: readonly Buffer[]
}

/** A gRPC server over bare HTTP/2 that keeps what came, byte for byte. */
export class Backend {
  readonly port: number
  calls: Received[] = []
  answer: Answer = {}
  /** `x-pair` of the calls that count: one that was given up may come late, in the time of the next request. */
  pair = ''
  readonly #server: http2.Http2Server
  readonly #sessions: Set<http2.ServerHttp2Session>

  private constructor(server: http2.Http2Server, sessions: Set<http2.ServerHttp2Session>) {
    this.#server = server
    this.#sessions = sessions
    this.port = (server.address() as AddressInfo).port
    server.on('stream', (stream, headers) => this.#serve(stream, headers))
  }

  static async start(): Promise<Backend> {
    const sessions = new Set<http2.ServerHttp2Session>()
    const server = http2.createServer()
    server.on('session', (session) => {
      sessions.add(session)
      // A peer that goes away is counted where it was called.
      session.on('error', () => {})
      session.on('close', () => sessions.delete(session))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Backend(server, sessions)
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #serve(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    const parts: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('end', () => {
      if (stream.aborted) return
      const call = {
        path: headers[':path'] ?? '',
        contentType: headers['content-type'] ?? '',
        messages: frames(Buffer.concat(parts)),
      }
      if (headers['x-pair'] === this.pair) this.calls.push(call)
      if (call.contentType.startsWith('application/grpc')) reply(stream, this.answer, call.messages)
      else {
        stream.respond({ ':status': 200, 'content-type': 'text/plain' })
        stream.end('not gRPC')
      }
    })
  }
}

const reply = (stream: http2.ServerHttp2Stream, answer: Answer, received: readonly Buffer[]): void => {
  const code = answer.code ?? 0
  const messages = answer.messages ?? (code === 0 ? received : [])
  const status: Record<string, string> = { 'grpc-status': String(code), ...answer.trailers }
  if (answer.message !== undefined) status['grpc-message'] = answer.message
  if (answer.details !== undefined)
    status['grpc-status-details-bin'] = Buffer.from(answer.details).toString('base64').replace(/=+$/, '')
  const head = { ':status': 200, 'content-type': 'application/grpc', ...answer.headers }
  if (answer.trailersOnly === true) {
    stream.respond({ ...head, ...status }, { endStream: true })
    return
  }
  stream.respond(head, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(status))
  for (const message of messages) stream.write(frame(message))
  stream.end()
}

const frame = (bytes: Uint8Array): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

const frames = (bytes: Buffer): Buffer[] => {
  const found: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1)
    found.push(bytes.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  return found
}
