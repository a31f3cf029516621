import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Job } from '../contract/outbound.ts'

/** A frame of a client: a job in JSON, a line end, a payload. */
export const jobFrame = (job: Job, size: number): Buffer =>
  Buffer.concat([Buffer.from(`${JSON.stringify(job)}\n`), Buffer.alloc(size, 0x78)])
const readFrame = (frame: Buffer): { job: Job; payload: Buffer } => {
  const end = frame.indexOf('\n')
  return { job: JSON.parse(frame.subarray(0, end).toString()), payload: frame.subarray(end + 1) }
}

/** Close code of a failure, as the gateway's table of outbound `ws` reads it back. */
const CLOSE: Readonly<Record<number, number>> = { 5: 4404, 13: 1011 }

export interface WsBackend {
  readonly address: string
  /** Sockets that are open now, and that there ever were. */
  readonly open: number
  readonly total: number
  /** Payload bytes of answers that left, and of requests that were read. */
  readonly sent: number
  readonly read: number
  readonly heads: readonly IncomingMessage[]
  /** Close frames that clients sent: code and reason. */
  readonly closes: readonly { readonly code: number; readonly reason: string }[]
  readOn(): void
  stop(): Promise<void>
}

/** A WebSocket server that does what the first frame of a socket says. */
export const startWsBackend = async (): Promise<WsBackend> => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await new Promise<void>((resolve) => server.once('listening', resolve))
  let total = 0
  let sent = 0
  let read = 0
  const heads: IncomingMessage[] = []
  const closes: { code: number; reason: string }[] = []
  const paused = new Set<WebSocket>()
  const send = (ws: WebSocket, bytes: Buffer, then?: () => void): void =>
    ws.send(bytes, (error) => {
      if (error !== undefined && error !== null) return
      sent += bytes.length
      then?.()
    })
  const perform = (ws: WebSocket, job: Job, payload: Buffer): void => {
    switch (job.do) {
      case 'echo':
        send(ws, payload)
        ws.close(1000)
        return
      case 'answers':
        for (let i = 0; i < job.count; i++) send(ws, Buffer.alloc(job.size ?? 0))
        ws.close(job.fail === undefined ? 1000 : CLOSE[job.fail], 'as told')
        return
      case 'endless': {
        const pump = (): void => {
          if (ws.readyState === ws.OPEN) send(ws, Buffer.alloc(job.size), () => setImmediate(pump))
        }
        pump()
        return
      }
      case 'hang':
        return
      case 'fail':
        ws.close(CLOSE[job.code], 'as told')
        return
      case 'stop-reading':
        paused.add(ws)
        ws.pause()
    }
  }
  server.on('connection', (ws, request) => {
    total++
    heads.push(request)
    let told = false
    ws.on('error', () => {})
    ws.on('message', (data) => {
      const { job, payload } = readFrame(data as Buffer)
      read += payload.length
      if (told) return
      told = true
      perform(ws, job, payload)
    })
    ws.on('close', (code, reason) => closes.push({ code, reason: reason.toString() }))
  })
  return {
    address: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get open() {
      return server.clients.size
    },
    get total() {
      return total
    },
    get sent() {
      return sent
    },
    get read() {
      return read
    },
    heads,
    closes,
    readOn() {
      for (const ws of paused) ws.resume()
      paused.clear()
    },
    async stop() {
      for (const ws of server.clients) ws.terminate()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Resolves when the condition holds; rejects with `what` after ten seconds. */
export const until = async (condition: () => boolean, what: string): Promise<void> => {
  for (let i = 0; i < 2000; i++) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`never happened: ${what}`)
}
