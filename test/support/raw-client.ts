import { connect, type Socket } from 'node:net'

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  /** Lower-case names; repeated fields joined by a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly trailers: ReadonlyMap<string, string>
  readonly body: string
  /** Its framing ended properly: false when the connection was cut inside the body. */
  readonly complete: boolean
}

/**
 * An HTTP/1.1 client that sends exactly the bytes that it is told to, and reads answers one by one. For what a proper client
 * refuses to send.
 */
export class RawClient {
  readonly socket: Socket
  /** Resolves when the connection is closed, however. */
  readonly closed: Promise<void>
  /** Resolves when the other side sends no more. */
  readonly ended: Promise<void>
  #received = Buffer.alloc(0)
  #ended = false
  #wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    this.ended = new Promise((resolve) => {
      socket.once('end', resolve)
      socket.once('close', () => resolve())
    })
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake?.()
    })
    const over = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('end', over)
    socket.on('close', over)
    socket.on('error', over)
  }

  static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, allowHalfOpen: true })
    const client = new RawClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return client
  }

  /** Each character is one byte (latin1), so that any byte can be sent. */
  send(text: string | Uint8Array): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
    return this
  }

  /** What came and was not taken by `answer`. */
  get received(): string {
    return this.#received.toString('latin1')
  }
  /** Resolves once what came matches, or rejects when the connection ends first. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.#ended) throw new Error(`the connection ended; received so far: ${JSON.stringify(this.received)}`)
      await this.#more()
    }
    return this.received
  }

  /** The next answer. Rejects when the connection ends before its head. `method` HEAD has no body. */
  async answer(method = 'GET'): Promise<RawAnswer> {
    const head = await this.#upTo('\r\n\r\n')
    if (head === undefined) throw new Error(`no answer; received ${JSON.stringify(this.received)}`)
    const [line = '', ...lines] = head.split('\r\n')
    const status = Number(line.split(' ')[1])
    const headers = fields(lines)
    if (status < 200) return { status, headers, trailers: new Map(), body: '', complete: true }
    const none = method === 'HEAD' || status === 204 || status === 304
    const body = none ? { body: '', complete: true, trailers: new Map<string, string>() } : await this.#body(headers)
    return { status, headers, ...body }
  }

  async #body(headers: ReadonlyMap<string, string>): Promise<Pick<RawAnswer, 'body' | 'complete' | 'trailers'>> {
    const trailers = new Map<string, string>()
    const length = headers.get('content-length')
    if (length !== undefined) {
      const bytes = await this.#take(Number(length))
      return { body: bytes.toString('utf8'), complete: bytes.length === Number(length), trailers }
    }
    if (headers.get('transfer-encoding') !== 'chunked') {
      while (!this.#ended) await this.#more()
      const bytes = await this.#take(this.#received.length)
      return { body: bytes.toString('utf8'), complete: true, trailers }
    }
    const parts: Buffer[] = []
    const text = (): string => Buffer.concat(parts).toString('utf8')
    for (;;) {
      const line = await this.#upTo('\r\n')
      if (line === undefined) return { body: text(), complete: false, trailers }
      const size = Number.parseInt(line, 16)
      if (size === 0) break
      const chunk = await this.#take(size + 2)
      parts.push(chunk.subarray(0, size))
      if (chunk.length < size + 2) return { body: text(), complete: false, trailers }
    }
    const lines: string[] = []
    for (;;) {
      const line = await this.#upTo('\r\n')
      if (line === undefined) return { body: text(), complete: false, trailers }
      if (line === '') return { body: text(), complete: true, trailers: fields(lines) }
      lines.push(line)
    }
  }

  async #upTo(end: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#received.indexOf(end, 0, 'latin1')
      if (at !== -1) {
        const text = this.#received.toString('latin1', 0, at)
        this.#received = this.#received.subarray(at + end.length)
        return text
      }
      if (this.#ended) return undefined
      await this.#more()
    }
  }
  async #take(count: number): Promise<Buffer> {
    while (this.#received.length < count && !this.#ended) await this.#more()
    const bytes = this.#received.subarray(0, count)
    this.#received = this.#received.subarray(bytes.length)
    return bytes
  }
  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  destroy(): void {
    this.socket.destroy()
  }
  /** As a crashed client leaves: without FIN. */
  reset(): void {
    this.socket.resetAndDestroy()
  }
}

const fields = (lines: readonly string[]): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = found.get(name)
    found.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return found
}
