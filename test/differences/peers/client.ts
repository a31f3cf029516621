import { connect, type Socket } from 'node:net'

export interface HttpRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: Buffer | undefined
}

export interface HttpAnswer {
  /** `cut`: the connection ended inside the answer, or before it. */
  readonly outcome: 'whole' | 'cut' | 'timeout'
  /** 0 when there was no head. */
  readonly status: number
  /** Names in lower case, repeated ones joined by ", ". */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

const TIMEOUT = 5_000

/** One kept connection to a server of HTTP/1.1, one request after the other, bytes as given. */
export class HttpClient {
  readonly #port: number
  #socket: Socket | undefined
  #received = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  constructor(port: number) {
    this.#port = port
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    const socket = await this.#connection()
    const lines = [`${request.method} ${request.target} HTTP/1.1`, 'Host: gateway.test']
    for (const [name, value] of request.headers) lines.push(`${name}: ${value}`)
    if (request.body !== undefined) lines.push(`Content-Length: ${request.body.length}`)
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    socket.write(request.body === undefined ? head : Buffer.concat([head, request.body]))
    const answer = await this.#answer(request.method)
    const keep = answer.outcome === 'whole' && answer.headers.get('connection')?.toLowerCase() !== 'close'
    if (!keep || this.#received.length > 0) this.close()
    return answer
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  async #connection(): Promise<Socket> {
    if (this.#socket !== undefined && !this.#ended) return this.#socket
    this.close()
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    this.#received = Buffer.alloc(0)
    this.#ended = false
    const over = (): void => {
      if (this.#socket !== socket) return
      this.#ended = true
      this.#wake()
    }
    // A reset tells no more than an end: the answer is cut either way.
    socket.on('error', over).on('end', over).on('close', over)
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    this.#socket = socket
    return socket
  }

  async #answer(method: string): Promise<HttpAnswer> {
    const over = Date.now() + TIMEOUT
    for (;;) {
      const answer = parse(this.#received, method, this.#ended)
      if (answer !== undefined) {
        this.#received = this.#received.subarray(answer.taken)
        return answer
      }
      if (Date.now() >= over) return { outcome: 'timeout', status: 0, headers: new Map(), body: this.#received }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, over - Date.now()))
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

/** undefined: more bytes are needed. */
const parse = (bytes: Buffer, method: string, ended: boolean): (HttpAnswer & { taken: number }) | undefined => {
  const cut = (status: number, headers: ReadonlyMap<string, string>, body: Buffer) =>
    ended ? ({ outcome: 'cut', status, headers, body, taken: bytes.length } as const) : undefined
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return cut(0, new Map(), bytes)
  const [line = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = Number(line.split(' ')[1])
  if (status >= 100 && status < 200) {
    const rest = parse(bytes.subarray(end + 4), method, ended)
    return rest === undefined ? undefined : { ...rest, taken: rest.taken + end + 4 }
  }
  const headers = fields(lines)
  const from = end + 4
  const whole = (body: Buffer, taken: number) => ({ outcome: 'whole', status, headers, body, taken }) as const
  if (method === 'HEAD' || status === 204 || status === 304) return whole(Buffer.alloc(0), from)
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') {
    const found = chunks(bytes, from)
    return found.end === undefined ? cut(status, headers, found.body) : whole(found.body, found.end)
  }
  const length = headers.get('content-length')
  if (length === undefined) return ended ? whole(bytes.subarray(from), bytes.length) : undefined
  const to = from + Number(length)
  return bytes.length < to ? cut(status, headers, bytes.subarray(from)) : whole(bytes.subarray(from, to), to)
}

const chunks = (bytes: Buffer, from: number): { body: Buffer; end: number | undefined } => {
  const parts: Buffer[] = []
  for (let at = from; ; ) {
    const line = bytes.indexOf('\r\n', at)
    if (line === -1) return { body: Buffer.concat(parts), end: undefined }
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', line)
      return { body: Buffer.concat(parts), end: end === -1 ? undefined : end + 4 }
    }
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
    if (at > bytes.length) return { body: Buffer.concat(parts), end: undefined }
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
