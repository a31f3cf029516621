import net, { type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import type { LoadedTls } from '../../../src/spi.ts'

/** Where an endpoint is. */
export type Dial =
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly tls: LoadedTls | undefined }

export interface Dialled {
  readonly socket: Socket
  readonly secure: boolean
  /** Runs once, when bytes may be sent; with a problem when the peer speaks no HTTP/2. Not when the socket fails, which closes it. */
  onConnect(run: (problem: string | undefined) => void): void
}

const READ_BUFFER = 64 * 1024

/** Begins to connect. What is read lies at the start of one buffer, which is used again when `read` returns. */
export const dial = (to: Dial, read: (bytes: Buffer, length: number) => void): Dialled => {
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER),
    callback(length: number, buffer: Uint8Array): boolean {
      read(buffer as Buffer, length)
      return true
    },
  }
  if ('path' in to) return plain(net.connect({ path: to.path, onread }))
  const { host, port } = to
  if (to.tls === undefined) return plain(net.connect({ host, port, noDelay: true, onread }))
  const { ca, cert, key, serverName } = to.tls
  const name = serverName ?? host
  // Node's types leave out `onread`, which its documentation has.
  const options: tls.ConnectionOptions & { readonly onread: typeof onread } = {
    host,
    port,
    ALPNProtocols: ['h2'],
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    ...(serverName === undefined
      ? {}
      : { checkServerIdentity: (_host, peer) => tls.checkServerIdentity(serverName, peer) }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
    onread,
  }
  const socket = tls.connect(options)
  socket.setNoDelay(true)
  return secure(socket)
}

const plain = (socket: Socket): Dialled => ({
  socket,
  secure: false,
  onConnect(run) {
    socket.once('connect', () => run(undefined))
  },
})
const secure = (socket: TLSSocket): Dialled => ({
  socket,
  secure: true,
  onConnect(run) {
    socket.once('secureConnect', () =>
      run(socket.alpnProtocol === 'h2' ? undefined : 'TLS: the backend does not speak HTTP/2 (ALPN)'),
    )
  },
})
