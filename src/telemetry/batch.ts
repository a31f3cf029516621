import { write, writeSync } from 'node:fs'

/** Characters that are gathered before a write, and the longest that a line waits for company. */
const BATCH = 4096
const WAIT_MS = 250
/** A reader that has stopped reading costs at most this much memory; later lines are dropped and counted. */
const MOST_WAITING = 8 * 1024 * 1024
/** How often a pipe that is full is asked again, and how often at most when the process is already exiting. */
const RETRY_MS = 10
const LAST_TRIES = 20

/**
 * Lines to a file descriptor, in batches and without blocking; what is left is written when the process exits. Here and not by pino's own
 * destination, because that one never lets the process exit when its file is full or its reader has left.
 */
export class Batch {
  readonly #fd: number
  readonly #onDropped: (lines: number) => void
  #text = ''
  #flying: Buffer | undefined
  #timer: NodeJS.Timeout | undefined
  #dropped = 0
  /** The reader has left: nobody will ever see a line again. */
  #gone = false
  #stopped = false
  #whenEmpty: (() => void)[] = []

  constructor(fd: number, onDropped: (lines: number) => void) {
    this.#fd = fd
    this.#onDropped = onDropped
    open.add(this)
    if (open.size === 1) process.on('exit', writeRest)
  }

  write(line: string): void {
    if (this.#gone) return
    if (this.#text.length + line.length > MOST_WAITING) {
      this.#dropped++
      return
    }
    this.#text += line
    if (this.#stopped) this.writeRest()
    else if (this.#text.length >= BATCH) this.#flush()
    else if (this.#timer === undefined) this.#timer = setTimeout(() => this.#flush(), WAIT_MS).unref()
  }

  /** Resolves when everything is written, or cannot be. Later lines are written at once. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve)
      this.#flush()
    })
  }

  /** Blocks. Whatever fails here is lost: there is no time left to try again. */
  writeRest(): void {
    let rest = Buffer.from(this.#text)
    this.#text = ''
    for (let tries = 0; rest.length > 0 && tries < LAST_TRIES; ) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest))
      } catch (error) {
        if (!isFull(error)) return
        tries++
        Atomics.wait(NEVER, 0, 0, RETRY_MS)
      }
    }
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#flying !== undefined) return
    if (this.#text === '') {
      this.#empty()
      return
    }
    this.#fly(Buffer.from(this.#text))
    this.#text = ''
  }

  #fly(bytes: Buffer): void {
    this.#flying = bytes
    write(this.#fd, bytes, (error, written) => {
      if (error === null && written < bytes.length) this.#fly(bytes.subarray(written))
      else if (isFull(error)) setTimeout(() => this.#fly(bytes), RETRY_MS)
      else this.#landed(error)
    })
  }

  /** A failed batch (a full disk) is lost and the next is tried: the gateway goes on serving. */
  #landed(error: NodeJS.ErrnoException | null): void {
    this.#flying = undefined
    if (error?.code === 'EPIPE') {
      this.#gone = true
      this.#text = ''
    }
    if (this.#dropped > 0) {
      const lines = this.#dropped
      this.#dropped = 0
      this.#onDropped(lines)
    }
    if (this.#text.length >= BATCH || this.#whenEmpty.length > 0) this.#flush()
  }

  #empty(): void {
    if (this.#whenEmpty.length === 0) return
    this.#stopped = true
    open.delete(this)
    if (open.size === 0) process.off('exit', writeRest)
    const waiting = this.#whenEmpty
    this.#whenEmpty = []
    for (const resolve of waiting) resolve()
  }
}

const isFull = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return code === 'EAGAIN' || code === 'EBUSY'
}
const NEVER = new Int32Array(new SharedArrayBuffer(4))

const open = new Set<Batch>()
const writeRest = (): void => {
  for (const batch of open) batch.writeRest()
}
