import type { Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'

type Connector = ReturnType<grpc.ChannelCredentials['_createSecureConnector']>
type ConnectorArguments = Parameters<grpc.ChannelCredentials['_createSecureConnector']>

/**
 * Credentials that remember the sockets that were opened with them. grpc-js waits without limit for the HTTP/2 handshake of a
 * peer that took the connection and says nothing, and has no way to give such a connection up; this is the way.
 */
export class TrackedCredentials extends grpc.ChannelCredentials {
  readonly #inner: grpc.ChannelCredentials
  readonly #sockets = new Set<Socket>()
  readonly #pending = new Set<Socket>()

  constructor(inner: grpc.ChannelCredentials) {
    super()
    this.#inner = inner
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure()
  }
  override _equals(other: grpc.ChannelCredentials): boolean {
    return other === this
  }
  override _createSecureConnector(...parts: ConnectorArguments): Connector {
    const connector = this.#inner._createSecureConnector(...parts)
    return {
      connect: (socket) => {
        this.#sockets.add(socket)
        this.#pending.add(socket)
        socket.once('close', () => {
          this.#sockets.delete(socket)
          this.#pending.delete(socket)
        })
        return connector.connect(socket)
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }

  /** A handshake has succeeded: the sockets of now are in use. */
  ready(): void {
    this.#pending.clear()
  }
  /** Destroys the sockets whose handshake has not succeeded. */
  giveUp(): void {
    for (const socket of this.#pending) socket.destroy()
  }
  /** Destroys every socket. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
