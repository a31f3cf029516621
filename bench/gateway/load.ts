import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Loop } from './loop.ts'
import { cpuTimeOf, pinned, type Server } from './processes.ts'
import type { Workload } from './workloads.ts'

interface Counted {
  readonly requests: number
  /** Answers other than 200, and broken connections. */
  readonly bad: number
  /** Everything that came in, heads included. */
  readonly bytes: number
}

/** What one contender cost in one round: microseconds of CPU time for a request, of a stream for a message. */
export interface Sample {
  readonly us: number
  readonly user: number
  readonly system: number
  readonly perSecond: number
  /** Part of the time that the gateway was at work. */
  readonly busy: number
}

const WRK = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'wrk'))
  .find(existsSync)

export const loadGenerator = (): string => (WRK === undefined ? 'own loop (wrk is not installed)' : 'wrk')

/** The whole answer to one request, and its length with its head. Throws unless it is the expected one. */
export const checkAnswer = async (port: number, workload: Workload): Promise<number> => {
  const { body, path, accept } = workload
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const method = body === undefined ? 'GET' : 'POST'
  const headers = { ...(accept && { accept }), ...(body && { 'content-type': 'application/json' }) }
  const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false, timeout: 10_000 }, resolve)
  asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')))
  asked.on('error', reject)
  asked.end(body)
  const answer = await promise
  const { socket } = answer
  const pieces = await answer.toArray()
  const text = Buffer.concat(pieces).toString()
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}: ${text.slice(0, 200)}`)
  workload.check(text)
  return socket.bytesRead
}

/** Load without measuring. */
export const warmUp = async (server: Server, workload: Workload, seconds: number, folder: string): Promise<void> => {
  await load(server.port, workload, seconds, folder)
}

/** Warms a contender up, loads it for `seconds` and tells what that cost. Throws when more than one request in a thousand fails. */
export const measure = async (
  server: Server,
  workload: Workload,
  { seconds, warmSeconds, folder }: { readonly seconds: number; readonly warmSeconds: number; readonly folder: string },
): Promise<Sample> => {
  const answerBytes = await checkAnswer(server.port, workload)
  await warmUp(server, workload, warmSeconds, folder)
  const [before, started] = [cpuTimeOf(server.pid), performance.now()]
  const counted = await load(server.port, workload, seconds, folder)
  const [after, elapsed] = [cpuTimeOf(server.pid), (performance.now() - started) * 1000]
  if (counted.bad * 1000 > counted.requests) throw new Error(`${counted.bad} of ${counted.requests} requests failed`)
  const { messages } = workload
  // Requests of a stream that the end cut off have cost, too.
  const units = messages === undefined ? counted.requests : (counted.bytes / answerBytes) * messages
  const [user, system] = [after.user - before.user, after.system - before.system]
  return {
    us: (user + system) / units,
    user: user / units,
    system: system / units,
    perSecond: (units / elapsed) * 1e6,
    busy: (user + system) / elapsed,
  }
}

const load = async (port: number, workload: Workload, seconds: number, folder: string): Promise<Counted> => {
  const command =
    WRK === undefined ? loopCommand(port, workload, seconds) : wrkCommand(WRK, port, workload, seconds, folder)
  const [program, ...args] = pinned('load', command)
  const { stdout } = await promisify(execFile)(program, args, { timeout: seconds * 1000 + 30_000 })
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

const loopCommand = (port: number, { path, body, accept, connections }: Workload, seconds: number): string[] => {
  const head = [`${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`, `host: 127.0.0.1:${port}`]
  if (accept !== undefined) head.push(`accept: ${accept}`)
  if (body !== undefined) head.push('content-type: application/json', `content-length: ${Buffer.byteLength(body)}`)
  const loop: Loop = { port, request: `${head.join('\r\n')}\r\n\r\n${body ?? ''}`, connections, seconds }
  return [process.execPath, fileURLToPath(new URL('./loop.ts', import.meta.url)), JSON.stringify(loop)]
}

const wrkCommand = (wrk: string, port: number, workload: Workload, seconds: number, folder: string): string[] => {
  const { name, path, connections } = workload
  const script = join(folder, `${name}.lua`)
  writeFileSync(script, lua(workload, folder))
  const url = `http://127.0.0.1:${port}${path}`
  return [wrk, '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url]
}

const lua = ({ name, body, accept }: Workload, folder: string): string => {
  const lines: string[] = []
  if (accept !== undefined) lines.push(`wrk.headers["accept"] = "${accept}"`)
  if (body !== undefined) {
    const file = join(folder, `${name}.body`)
    writeFileSync(file, body)
    lines.push('wrk.method = "POST"', 'wrk.headers["content-type"] = "application/json"')
    lines.push(`wrk.body = io.open("${file}"):read("*a")`)
  }
  lines.push(
    'function done(summary)',
    '  local e = summary.errors',
    '  local bad = e.status + e.connect + e.read + e.write + e.timeout',
    `  print(string.format('{"requests":%d,"bad":%d,"bytes":%d}', summary.requests, bad, summary.bytes))`,
    'end',
  )
  return lines.join('\n')
}
