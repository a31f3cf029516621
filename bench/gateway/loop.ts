/**
 * A closed loop of keep-alive requests, for machines without wrk: `loop.ts JSON`. Prints what `Counted` of load.ts says. A request
 * costs more here than in wrk, so a fast gateway waits for it more often.
 */
import { connect, type Socket } from 'node:net'

export interface Loop {
  readonly port: number
  /** The bytes of the request, as text. */
  readonly request: string
  readonly connections: number
  readonly seconds: number
}

const END_OF_HEAD = '\r\n\r\n'

/** Reads answers from one socket, whatever pieces they come in. */
export class Answers {
  #rest: Buffer = Buffer.alloc(0)
  /** Bytes of the body or chunk that are still to come. */
  #missing = 0
  #chunked = false
  #ok = true

  /** Tells `done` of each answer that is complete. */
  take(piece: Buffer, done: (ok: boolean) => void): void {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    for (;;) {
      const skipped = Math.min(this.#missing, bytes.length)
      this.#missing -= skipped
      bytes = bytes.subarray(skipped)
      if (this.#missing > 0 || bytes.length === 0) break
      const used = this.#chunked ? this.#chunkLine(bytes, done) : this.#head(bytes, done)
      if (used === 0) break
      bytes = bytes.subarray(used)
    }
    this.#rest = bytes
  }

  /** Length of the head; 0 when it is not whole. */
  #head(bytes: Buffer, done: (ok: boolean) => void): number {
    const end = bytes.indexOf(END_OF_HEAD)
    if (end === -1) return 0
    const head = bytes.toString('latin1', 0, end).toLowerCase()
    this.#ok = head.startsWith('http/1.1 200 ')
    this.#chunked = head.includes('\r\ntransfer-encoding: chunked')
    if (!this.#chunked) {
      this.#missing = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0)
      done(this.#ok)
    }
    return end + END_OF_HEAD.length
  }

  /** Length of the line that says how long a chunk is; 0 when it is not whole. */
  #chunkLine(bytes: Buffer, done: (ok: boolean) => void): number {
    const end = bytes.indexOf('\r\n')
    if (end === -1) return 0
    const size = Number.parseInt(bytes.toString('latin1', 0, end), 16)
    this.#missing = size + 2
    if (size === 0) {
      this.#chunked = false
      done(this.#ok)
    }
    return end + 2
  }
}

const run = async ({ port, request, connections, seconds }: Loop): Promise<void> => {
  let [requests, bad, bytes] = [0, 0, 0]
  let over = false
  const open = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const answers = new Answers()
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setNoDelay(true)
    socket.on('data', (piece) => {
      bytes += piece.length
      answers.take(piece, (ok) => {
        requests++
        if (!ok) bad++
        if (!over) socket.write(request)
      })
      if (over) socket.destroy()
    })
    socket.on('error', () => bad++)
    socket.on('close', () => resolve())
    return promise
  }
  const sockets = Array.from({ length: connections }, open)
  setTimeout(() => {
    over = true
  }, seconds * 1000)
  // Whoever gets no answer at all is not waited for.
  const late = setTimeout(() => process.exit(1), seconds * 1000 + 10_000)
  await Promise.all(sockets)
  clearTimeout(late)
  console.log(JSON.stringify({ requests, bad, bytes }))
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '{}'))
