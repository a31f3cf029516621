import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The gateway that is measured has a core for itself; backend and load share the other. On one core nobody is pinned. */
const CORES = availableParallelism() > 1 ? { gateway: '0', load: '1' } : undefined
export type Side = 'gateway' | 'load'

/** A command on its side of the machine. */
export const pinned = (side: Side, command: readonly string[]): readonly [string, ...string[]] => {
  const [program, ...args] = CORES === undefined ? command : ['taskset', '-c', CORES[side], ...command]
  if (program === undefined) throw new Error('an empty command')
  return [program, ...args]
}

export interface Server {
  readonly name: string
  readonly pid: number
  readonly port: number
  /** The end of what it has printed. */
  lastWords(): string
  stop(): Promise<void>
}

export interface ServerInit {
  readonly name: string
  readonly side: Side
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Answers connections when the server is ready. */
  readonly port: number
  /** Its output goes to `logs/name.log`. */
  readonly logs: string
}

const running = new Set<ChildProcess>()
/** Nothing outlives this process, whatever ends it. */
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

/** Starts a server and waits until it listens. Rejects with its last words when it ends before, or is not ready in 30 s. */
export const startServer = async ({ name, side, command, env, port, logs }: ServerInit): Promise<Server> => {
  const logFile = join(logs, `${name}.log`)
  const log = openSync(logFile, 'a')
  const [program, ...args] = pinned(side, command)
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', log, log] })
  running.add(child)
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  const exited = once(child, 'exit').then(
    () => running.delete(child),
    () => running.delete(child),
  )
  const lastWords = (): string => readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n')
  const server = { name, pid: child.pid ?? 0, port, lastWords, stop: () => stop(child, exited) }
  for (let waited = 0; waited < 30_000; waited += 100) {
    if (failure !== undefined || child.exitCode !== null) break
    if (await answers(port)) return server
    await sleep(100)
  }
  await server.stop()
  throw new Error(`${name} did not come up: ${failure?.message ?? lastWords()}`)
}

const stop = async (child: ChildProcess, exited: Promise<unknown>): Promise<void> => {
  if (!running.has(child)) return
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(late)
}

const answers = (port: number): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy()
    resolve(true)
  })
  socket.on('error', () => resolve(false))
  return promise
}

/** Ports that were free a moment ago, all different. */
export const freePorts = async (count: number): Promise<readonly number[]> => {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** /proc counts in hundredths of a second, on every Linux that Node runs on. */
const TICK = 10_000

export interface CpuTime {
  readonly user: number
  readonly system: number
}

/** Microseconds of CPU time that a process and its descendants have used. */
export const cpuTimeOf = (pid: number): CpuTime => {
  let [user, system] = [0, 0]
  for (const member of familyOf(pid)) {
    const text = readGone(`/proc/${member}/stat`)
    if (text === '') continue
    // Behind the name, which may contain anything, the third field of proc(5) comes first.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    user += fields[11]! + fields[13]!
    system += fields[12]! + fields[14]!
  }
  return { user: user * TICK, system: system * TICK }
}

/** Microseconds of CPU time of the whole machine. */
export const machineTime = (): number => {
  const [, user, nice, system] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/ +/).map(Number)
  return (user! + nice! + system!) * TICK
}

const familyOf = (pid: number): readonly number[] => {
  let threads: readonly string[] = []
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const children = threads.flatMap((thread) => readGone(`/proc/${pid}/task/${thread}/children`).split(' '))
  return [pid, ...children.filter((child) => child !== '').flatMap((child) => familyOf(Number(child)))]
}

/** '' for a process that has ended. */
const readGone = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return ''
    throw error
  }
}
