import type { Socket } from 'node:net'
import type { ByteWriter } from '../../../src/spi.ts'

const SIZE = 64 * 1024
/** Above this the streams stop handing over message bytes until the socket has taken some. */
const HIGH = 256 * 1024
/** Above this, when the kernel takes nothing, no more calls are put in: the peer does not read. */
const STUCK = 1024 * 1024

/**
 * Everything that a connection sends in one turn of the event loop: written here, and given to the socket at its end in one write,
 * whoever has written. While the kernel takes no more, nothing is given, and `full` tells the streams to wait.
 */
export class Output implements ByteWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(SIZE)
  length = 0
  readonly #socket: Socket
  readonly #roomy: () => void
  readonly #flush = (): void => this.flush()
  /** Grows with each write: what was put in since it last did has not left. */
  turn = 0
  #scheduled = false
  #blocked = false

  /** `roomy` runs when the socket takes bytes again after it was full. */
  constructor(socket: Socket, roomy: () => void) {
    this.#socket = socket
    this.#roomy = roomy
    socket.on('drain', () => this.#drained())
  }

  get full(): boolean {
    return this.length >= HIGH
  }
  get stuck(): boolean {
    return this.#blocked && this.length >= STUCK
  }

  ensure(more: number): void {
    const needed = this.length + more
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
  }

  /** What was written goes out when this turn of the loop has read all its sockets. */
  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  flush(): void {
    this.#scheduled = false
    if (this.length === 0 || this.#blocked || !this.#socket.writable) return
    const wasFull = this.full
    const bytes = this.buffer.subarray(0, this.length)
    this.length = 0
    this.turn++
    const free = this.#socket.write(bytes)
    // The socket holds on to what the kernel did not take at once.
    if (this.#socket.writableLength > 0 || this.buffer.length > HIGH) this.buffer = Buffer.allocUnsafeSlow(SIZE)
    if (!free) this.#blocked = true
    else if (wasFull) this.#roomy()
  }

  #drained(): void {
    this.#blocked = false
    this.flush()
    if (!this.#blocked) this.#roomy()
  }
}
