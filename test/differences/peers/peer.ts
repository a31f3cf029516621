import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend } from './backend.ts'
import { type HttpAnswer, HttpClient, type HttpRequest } from './client.ts'

/** A gateway under comparison, with a backend of its own, so that what came can not be mistaken for another's. */
export interface Peer {
  readonly name: 'Protogate' | 'Envoy' | 'grpc-gateway'
  readonly backend: Backend
  /** The answer, and whether the gateway died of the request. It runs again afterwards. */
  send(request: HttpRequest): Promise<HttpAnswer & { readonly crashed: boolean }>
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A gateway as a process on `port`; started anew when it dies. */
export const processPeer = async (
  name: Peer['name'],
  backend: Backend,
  port: number,
  command: readonly string[],
  logFile: string,
): Promise<Peer> => {
  let child = await launch(name, port, command, logFile)
  let client = new HttpClient(port)
  return {
    name,
    backend,
    async send(request) {
      const answer = await client.send(request)
      // A connection that was cut may be the last sign of a process that is about to be gone.
      if (answer.outcome !== 'whole') await sleep(300)
      if (child.exitCode === null && child.signalCode === null) return { ...answer, crashed: false }
      client.close()
      child = await launch(name, port, command, logFile)
      client = new HttpClient(port)
      return { ...answer, crashed: true }
    },
    async stop() {
      client.close()
      await end(child)
      await backend.stop()
    },
  }
}

/** A gateway in this process. */
export const localPeer = (backend: Backend, port: number, stop: () => Promise<void>): Peer => {
  const client = new HttpClient(port)
  return {
    name: 'Protogate',
    backend,
    async send(request) {
      return { ...(await client.send(request)), crashed: false }
    },
    async stop() {
      client.close()
      await stop()
      await backend.stop()
    },
  }
}

const launch = async (
  name: string,
  port: number,
  command: readonly string[],
  logFile: string,
): Promise<ChildProcess> => {
  const log = openSync(logFile, 'a')
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', log, log],
    env: { ...process.env, GOMAXPROCS: '1' },
  })
  closeSync(log)
  running.add(child)
  child.once('exit', () => running.delete(child))
  await once(child, 'spawn')
  for (const over = Date.now() + 30_000; Date.now() < over; await sleep(25)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(
        `${name} ended before it listened. Its last words:\n${readFileSync(logFile, 'utf8').slice(-3000)}`,
      )
    if (await accepts(port)) return child
  }
  await end(child)
  throw new Error(`${name} did not listen within 30 s. Its last words:\n${readFileSync(logFile, 'utf8').slice(-3000)}`)
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(killer)
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
