import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP relay before a backend, for tests in which the network fails. */
export interface Relay {
  readonly port: number
  /** Connections that are open. */
  readonly connections: number
  /** Resets every connection on both sides, as a machine that dies. New ones are accepted. */
  cut(): void
  stop(): Promise<void>
}

export const startRelay = async (target: number): Promise<Relay> => {
  const pairs = new Set<readonly [Socket, Socket]>()
  const server = createServer((client) => {
    const backend = connect(target, '127.0.0.1')
    const pair = [client, backend] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [backend, client] as const]) {
      from.on('error', () => to.destroy())
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const pair of [...pairs]) for (const socket of pair) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size
    },
    cut,
    stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      cut()
      return closed
    },
  }
}
