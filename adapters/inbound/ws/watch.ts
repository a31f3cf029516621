import type { Duplex } from 'node:stream'

/** More than this before the handshake is answered: it is left in the kernel. */
const MOST = 64 * 1024

/**
 * Reads a socket whose upgrade is not answered yet. Without a reader the kernel would not say that the client is gone, and its
 * call would go on until a deadline; what it sends too early is kept for who takes the socket over.
 */
export class Watch {
  readonly #socket: Duplex
  readonly #chunks: Buffer[] = []
  #length = 0
  #taken = false
  readonly #data: (chunk: Buffer) => void
  readonly #gone: () => void

  /** `gone` is called once, when the client closes or resets before `take`. */
  constructor(socket: Duplex, first: Buffer, gone: () => void) {
    this.#socket = socket
    let told = false
    this.#gone = () => {
      if (told) return
      told = true
      socket.destroy()
      gone()
    }
    this.#data = (chunk) => {
      this.#chunks.push(chunk)
      this.#length += chunk.length
      if (this.#length > MOST) socket.pause()
    }
    // Stays for the whole life of the socket: an error without a listener takes the process down.
    socket.on('error', () => {})
    socket.on('data', this.#data)
    socket.once('end', this.#gone)
    socket.once('close', this.#gone)
    if (first.length > 0) this.#data(first)
    if (socket.destroyed) process.nextTick(this.#gone)
  }

  /** Stops watching; the socket is paused, and what came so far is returned. */
  take(): Buffer {
    if (this.#taken) throw new Error('the socket of an upgrade was taken twice')
    this.#taken = true
    const socket = this.#socket
    socket.pause()
    socket.removeListener('data', this.#data)
    socket.removeListener('end', this.#gone)
    socket.removeListener('close', this.#gone)
    const [only] = this.#chunks
    return this.#chunks.length === 1 ? only! : Buffer.concat(this.#chunks)
  }
}
