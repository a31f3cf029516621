import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import type { Connection } from './connection.ts'

export interface DrainInit {
  readonly server: Server
  /** Live: connections leave it when they close. */
  readonly connections: ReadonlyMap<Duplex, Connection>
  readonly clock: Clock
  /** ms; Infinity waits for ever. */
  readonly limit: number
  readonly headersTimeout: number
}

/**
 * Accepts no more connections, closes those on which nothing happens, and waits for the others: answers in flight, uploads,
 * upgraded sockets, which their adapter closes. What is left after `limit` is destroyed. Resolves with whether all left by
 * themselves.
 */
export const drainConnections = ({ server, connections, clock, limit, headersTimeout }: DrainInit): Promise<boolean> =>
  new Promise((resolve) => {
    let complete = true
    // A closed server no longer watches for slow heads, and a half-sent head must not hold up the drain.
    const heads = clock.after(headersTimeout, () => {
      for (const connection of connections.values())
        if (connection.inFlight === 0 && !connection.upgraded) connection.socket.destroy()
    })
    const cut = (): void => {
      complete = connections.size === 0
      for (const { socket } of connections.values()) socket.destroy()
    }
    const timer = limit === Number.POSITIVE_INFINITY ? undefined : clock.after(limit, cut)
    // Calls back when the last connection has closed; with an error when the server was not open, which is the same here.
    server.close(() => {
      void heads.stop()
      void timer?.stop()
      resolve(complete)
    })
    // Node closes those that wait for another request, but not those that never sent one.
    for (const connection of connections.values()) if (connection.idle) connection.socket.destroy()
  })
