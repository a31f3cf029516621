import { createServer, type Socket } from 'node:net'

/** What the head's `job` field asks for is put into the first message by the tests: see `Job` of the outbound contract. */
export interface JsonlBackend {
  readonly address: string
  readonly open: number
  readonly total: number
  readonly sent: number
  readonly read: number
  readonly heads: readonly { readonly call: string; readonly metadata: readonly (readonly [string, string])[] }[]
  readOn(): void
  stop(): Promise<void>
}

interface Ask {
  readonly do: string
  readonly count?: number
  readonly size?: number
  readonly fail?: number
  readonly code?: number
}
interface Line {
  /** A job as JSON, in the first message. */
  readonly text?: string
  readonly padding?: string
}

/**
 * A backend of examples/outbound/jsonl.ts for messages of test.v1 (backend.proto): the `text` of the first order is a job as
 * JSON, its `padding` is what an echo sends back.
 */
export const startJsonlBackend = async (): Promise<JsonlBackend> => {
  const sockets = new Set<Socket>()
  const waiting: (() => void)[] = []
  const heads: JsonlBackend['heads'][number][] = []
  const count = { open: 0, total: 0, sent: 0, read: 0 }

  const server = createServer((socket) => {
    sockets.add(socket)
    count.open++
    count.total++
    socket.on('error', () => {})
    socket.once('close', () => {
      sockets.delete(socket)
      count.open--
    })
    let rest = ''
    let lines = 0
    let job: Ask | undefined
    let echoed = ''
    const send = (bytes: number): boolean => {
      const line = `${JSON.stringify({ padding: Buffer.alloc(bytes, 0x61).toString('base64') })}\n`
      return socket.write(line, () => {
        count.sent += line.length
      })
    }
    const end = (code: number): void => {
      socket.end(`# ${code} as asked\n`)
    }
    const endless = (size: number): void => {
      while (!socket.destroyed) if (!send(size)) break
      socket.once('drain', () => setImmediate(endless, size))
    }
    const begin = (ask: Ask): void => {
      if (ask.do === 'fail') end(ask.code!)
      if (ask.do === 'endless') endless(ask.size!)
      if (ask.do === 'answers') {
        for (let i = 0; i < ask.count!; i++) send(ask.size ?? 0)
        end(ask.fail ?? 0)
      }
      if (ask.do === 'stop-reading') {
        socket.pause()
        waiting.push(() => socket.resume())
      }
    }
    const take = (line: string): void => {
      lines++
      if (lines === 1) {
        heads.push(JSON.parse(line))
        return
      }
      if (line === '') {
        halfClosed()
        return
      }
      const { text, padding = '' } = JSON.parse(line) as Line
      count.read += Buffer.from(padding, 'base64').length
      if (job === undefined) {
        job = JSON.parse(text!) as Ask
        begin(job)
      }
      if (job.do !== 'echo') return
      if (heads.at(-1)!.call.endsWith('/Collect')) echoed = padding
      else socket.write(`${JSON.stringify({ padding })}\n`)
    }
    socket.on('data', (bytes) => {
      const parts = (rest + bytes.toString('latin1')).split('\n')
      rest = parts.pop()!
      for (const line of parts) take(line)
    })
    const halfClosed = (): void => {
      if (job?.do === 'stop-reading') send(0)
      if (heads.at(-1)?.call.endsWith('/Collect') === true && job?.do === 'echo')
        socket.write(`${JSON.stringify({ padding: echoed })}\n`)
      if (job?.do === 'echo' || job?.do === 'stop-reading') end(0)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as { port: number }
  return {
    address: `jsonl://127.0.0.1:${address.port}`,
    get open() {
      return count.open
    },
    get total() {
      return count.total
    },
    get sent() {
      return count.sent
    },
    get read() {
      return count.read
    },
    heads,
    readOn() {
      for (const go of waiting.splice(0)) go()
    },
    stop() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
