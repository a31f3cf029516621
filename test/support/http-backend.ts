import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

/** One request as the backend saw it. */
export interface HttpBackendCall {
  readonly method: string
  readonly url: string
  /** Flat, names as they came. */
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  /** Which connection, from 0. */
  readonly connection: number
  readBytes: number
  sentBytes: number
  trailers: readonly string[]
  over: boolean
}
export interface HttpBackend {
  /** `http://127.0.0.1:PORT` (or https). */
  readonly address: string
  readonly port: number
  readonly calls: readonly HttpBackendCall[]
  /** Requests that are neither answered nor given up. */
  readonly open: number
  readonly connections: number
  /** Ends the wait of `/stop-reading`. */
  readOn(): void
  until(condition: () => boolean, what: string): Promise<void>
  stop(): Promise<void>
}
export type Custom = (request: IncomingMessage, response: ServerResponse, call: HttpBackendCall) => void

/**
 * An HTTP/1.1 server that does what the path says: `/echo` the body comes back · `/answers?count=3&size=10&break=1` pieces, then the
 * end or a broken connection · `/endless?size=1000` · `/hang` · `/stop-reading` takes one piece of the body and waits for
 * `readOn`. Everything else goes to `custom`.
 */
export const startHttpBackend = async (
  custom: Custom = (_request, response) => response.writeHead(404).end(),
  tls?: ServerOptions,
): Promise<HttpBackend> => {
  const calls: HttpBackendCall[] = []
  const sockets = new Map<Socket, number>()
  const stopped = new Set<() => void>()
  let connections = 0

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const call: HttpBackendCall = {
      method: request.method!,
      url: request.url!,
      rawHeaders: request.rawHeaders,
      headers: request.headers,
      connection: sockets.get(request.socket)!,
      readBytes: 0,
      sentBytes: 0,
      trailers: [],
      over: false,
    }
    calls.push(call)
    request.on('error', () => {})
    request.on('data', (chunk: Buffer) => {
      call.readBytes += chunk.length
    })
    request.on('end', () => {
      call.trailers = request.rawTrailers
    })
    response.on('error', () => {})
    response.on('close', () => {
      call.over = true
    })
    const url = new URL(request.url!, 'http://backend')
    const number = (name: string): number => Number(url.searchParams.get(name) ?? 0)
    switch (url.pathname) {
      case '/echo':
        request.pipe(response)
        break
      case '/answers':
        request.on('end', () => {
          response.flushHeaders()
          for (let i = 0; i < number('count'); i++) response.write(Buffer.alloc(number('size'), 0x61))
          if (number('break') === 1) setTimeout(() => request.socket.destroy(), 20)
          else response.end()
        })
        break
      case '/endless':
        endless(response, call, Buffer.alloc(number('size'), 0x61))
        break
      case '/hang':
        break
      case '/stop-reading':
        request.once('data', () => {
          request.pause()
          stopped.add(() => request.resume())
        })
        request.on('end', () => response.end())
        break
      default:
        custom(request, response, call)
    }
  }

  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  server.requestTimeout = 0
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    sockets.set(socket, connections++)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    calls,
    get open() {
      return calls.filter((call) => !call.over).length
    },
    get connections() {
      return sockets.size
    },
    readOn() {
      for (const go of stopped) go()
      stopped.clear()
    },
    async until(condition, what) {
      for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
      if (!condition()) throw new Error(`the backend never saw: ${what}`)
    },
    async stop() {
      for (const socket of sockets.keys()) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const endless = (response: ServerResponse, call: HttpBackendCall, chunk: Buffer): void => {
  const write = (): void => {
    for (let i = 0; i < 64 && !call.over; i++) {
      const more = response.write(chunk, () => {
        call.sentBytes += chunk.length
      })
      if (!more) {
        response.once('drain', write)
        return
      }
    }
    if (!call.over) setImmediate(write)
  }
  write()
}
