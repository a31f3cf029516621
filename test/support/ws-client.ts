import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export interface Frame {
  readonly opcode: number
  readonly fin: boolean
  readonly payload: Buffer
}
export interface Upgraded {
  readonly status: number
  /** Lower-case names; the last of repeated fields. */
  readonly headers: ReadonlyMap<string, string>
  /** Of an answer other than 101: everything up to the end of the connection. */
  readonly body: string
}
export interface WsClientOptions {
  readonly path?: string
  /** Header lines beside those of the handshake. `replace` names a handshake header to leave out. */
  readonly headers?: readonly string[]
  readonly omit?: readonly string[]
  readonly protocols?: readonly string[]
  readonly host?: string
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** One frame, as it goes over the wire. Clients mask; `mask: false` breaks that rule. */
export const frameBytes = (
  opcode: number,
  payload: Uint8Array | string,
  { fin = true, mask = true, rsv = 0 }: { fin?: boolean; mask?: boolean; rsv?: number } = {},
): Buffer => {
  const bytes = Buffer.from(payload as Uint8Array)
  const size = bytes.length
  const extended = size < 126 ? 0 : size < 65536 ? 2 : 8
  const head = Buffer.alloc(2 + extended + (mask ? 4 : 0))
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (mask ? 0x80 : 0) | (extended === 0 ? size : extended === 2 ? 126 : 127)
  if (extended === 2) head.writeUInt16BE(size, 2)
  if (extended === 8) head.writeBigUInt64BE(BigInt(size), 2)
  if (!mask) return Buffer.concat([head, bytes])
  const key = [0x12, 0x34, 0x56, 0x78]
  head.set(key, 2 + extended)
  const masked = Buffer.from(bytes)
  for (let i = 0; i < masked.length; i++) masked[i]! ^= key[i & 3]!
  return Buffer.concat([head, masked])
}

/**
 * A WebSocket client on a bare socket: it sends exactly what it is told to, right or wrong, and writes down every frame. It answers
 * pings and closes where `pongs` and `closes` say so.
 */
export class WsClient {
  readonly socket: Socket
  readonly frames: Frame[] = []
  pongs = true
  closes = true
  /** The server's close frame: code (1005 without) and reason; undefined when the connection ended without one. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string } | undefined>
  /** The connection is gone. */
  readonly gone: Promise<void>
  #bytes = Buffer.alloc(0)
  #open = false
  #over = false
  #close: { code: number; reason: string } | undefined
  #waiting: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    this.gone = new Promise((resolve) => socket.once('close', () => resolve()))
    this.closed = this.gone.then(() => this.#close)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes])
      if (this.#open) this.#parse()
      this.#wake()
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      this.#over = true
      this.#wake()
    })
  }

  static async connect(port: number): Promise<WsClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const client = new WsClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return client
  }

  /** Connects and asks for the upgrade. */
  static async open(port: number, options: WsClientOptions = {}): Promise<{ client: WsClient; answer: Upgraded }> {
    const client = await WsClient.connect(port)
    client.ask(options)
    return { client, answer: await client.answer() }
  }

  ask({ path = '/', headers = [], omit = [], protocols = [], host = 'gateway.test' }: WsClientOptions = {}): void {
    const lines = [
      `Host: ${host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${KEY}`,
      ...(protocols.length === 0 ? [] : [`Sec-WebSocket-Protocol: ${protocols.join(', ')}`]),
    ].filter((line) => !omit.some((name) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`)))
    this.socket.write(`GET ${path} HTTP/1.1\r\n${[...lines, ...headers].join('\r\n')}\r\n\r\n`, 'latin1')
  }

  /** The answer to the upgrade. From a 101 on frames are read. */
  async answer(): Promise<Upgraded> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end === -1) {
        if (this.#over) throw new Error('the connection ended without an answer')
        await this.#more()
        continue
      }
      const [line = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n')
      const headers = new Map(
        lines.map((text) => {
          const colon = text.indexOf(':')
          return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()]
        }),
      )
      const status = Number(line.split(' ')[1])
      this.#bytes = this.#bytes.subarray(end + 4)
      if (status !== 101) {
        while (!this.#over) await this.#more()
        return { status, headers, body: this.#bytes.toString() }
      }
      const expected = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      if (headers.get('sec-websocket-accept') !== expected) throw new Error('wrong Sec-WebSocket-Accept')
      this.#open = true
      this.#parse()
      return { status, headers, body: '' }
    }
  }

  text(text: string): void {
    this.raw(frameBytes(1, text))
  }
  binary(bytes: Uint8Array): void {
    this.raw(frameBytes(2, bytes))
  }
  close(code?: number, reason = ''): void {
    const payload =
      code === undefined ? '' : Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
    this.raw(frameBytes(8, payload))
  }
  raw(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Data frames that came so far, as text. */
  get texts(): string[] {
    return this.frames.filter(({ opcode }) => opcode === 1).map(({ payload }) => payload.toString())
  }
  /** Messages, without the last status frame; and that. */
  get result(): {
    messages: unknown[]
    status: { code: number; message: string; details: object[]; trailers: object } | undefined
  } {
    const parsed = this.texts.map((text) => JSON.parse(text) as { '@status'?: never })
    const status = parsed.at(-1)?.['@status']
    return { messages: status === undefined ? parsed : parsed.slice(0, -1), status }
  }
  /** Resolves when so many data frames are here; rejects when the connection ends first. */
  async until(count: number): Promise<void> {
    while (this.frames.filter(({ opcode }) => opcode < 8).length < count) {
      if (this.#over) throw new Error(`the connection ended after ${this.frames.length} frames`)
      await this.#more()
    }
  }

  /** As a process that dies. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  #parse(): void {
    for (;;) {
      const bytes = this.#bytes
      if (bytes.length < 2) return
      const short = bytes[1]! & 0x7f
      const extended = short === 126 ? 2 : short === 127 ? 8 : 0
      if (bytes.length < 2 + extended) return
      const size = extended === 0 ? short : extended === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
      if (bytes.length < 2 + extended + size) return
      if ((bytes[1]! & 0x80) !== 0) throw new Error('a server must not mask')
      const payload = bytes.subarray(2 + extended, 2 + extended + size)
      this.#bytes = bytes.subarray(2 + extended + size)
      this.#take({ opcode: bytes[0]! & 0x0f, fin: (bytes[0]! & 0x80) !== 0, payload })
    }
  }

  #take(frame: Frame): void {
    this.frames.push(frame)
    if (frame.opcode === 9 && this.pongs) this.raw(frameBytes(10, frame.payload))
    if (frame.opcode !== 8) return
    this.#close =
      frame.payload.length < 2
        ? { code: 1005, reason: '' }
        : { code: frame.payload.readUInt16BE(0), reason: frame.payload.subarray(2).toString() }
    if (!this.closes) return
    this.raw(frameBytes(8, frame.payload))
    this.socket.end()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
