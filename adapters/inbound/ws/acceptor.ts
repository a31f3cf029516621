import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { RouteSettings } from '../../../src/spi.ts'

export interface Acceptance {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** What the client has sent behind its head. */
  readonly first: Buffer
  readonly settings: RouteSettings
  /** ms that a client may take to answer a close. */
  readonly closeTime: number
  /** The subprotocol that was agreed on. */
  readonly protocol: string | undefined
  /** Header lines beside those of the handshake. */
  readonly headers: readonly string[]
}

interface Door {
  readonly server: WebSocketServer
  protocol: string | undefined
  headers: readonly string[]
}

const MAX_FRAGMENTS = 128
const MIN_CHUNKS = 1024

/** Answers 101. One server of `ws` for each set of route settings, because the limits belong to the server. */
export class Acceptor {
  readonly #doors = new WeakMap<RouteSettings, Door>()

  /** undefined: the client was gone; its socket is destroyed. The handshake must have been checked. */
  accept({ request, socket, first, settings, closeTime, protocol, headers }: Acceptance): WebSocket | undefined {
    let door = this.#doors.get(settings)
    if (door === undefined) {
      door = open(settings, closeTime)
      this.#doors.set(settings, door)
    }
    door.protocol = protocol
    door.headers = headers
    let accepted: WebSocket | undefined
    door.server.handleUpgrade(request, socket, first, (ws) => {
      accepted = ws
    })
    return accepted
  }
}

const open = ({ maxMessageBytes }: RouteSettings, closeTime: number): Door => {
  const most = Number.isFinite(maxMessageBytes) ? Math.min(maxMessageBytes, 2 ** 31 - 1) : 0
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: most,
    maxFragments: MAX_FRAGMENTS,
    // A frame within the limit may come in pieces as small as a packet; more of them are an attack on memory.
    maxBufferedChunks: most === 0 ? 2 ** 18 : Math.max(MIN_CHUNKS, Math.ceil(most / 1024)),
    closeTimeout: closeTime,
    handleProtocols: () => door.protocol ?? false,
  }
  const server = new WebSocketServer(options)
  server.on('headers', (lines) => lines.push(...door.headers))
  const door: Door = { server, protocol: undefined, headers: [] }
  return door
}
