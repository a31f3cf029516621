import { formatDuration } from '../../../src/spi.ts'
import type { ConnectionInit } from './connection-init.ts'
import { type CallHead, FrameWriter } from './frame-writer.ts'
import {
  ConnectionError,
  DEFAULT_WINDOW,
  ENABLE_PUSH,
  ErrorCode,
  errorName,
  INITIAL_WINDOW_SIZE,
  LARGEST_WINDOW,
  MAX_HEADER_LIST_SIZE,
  protocolError,
} from './frames.ts'
import type { HeaderBlock } from './header-decoder.ts'
import { HeaderEncoder } from './header-encoder.ts'
import { IdleGuard } from './idle-guard.ts'
import { Keepalive } from './keepalive.ts'
import { Output } from './output.ts'
import { PeerLimits } from './peer-limits.ts'
import { type FrameEvents, MAX_LIST, Receiver } from './receiver.ts'
import { flowError, Sender } from './sender.ts'
import { fieldSize } from './static-table.ts'
import { Stream, type StreamEvents } from './stream.ts'

/** What a peer may send of one stream before its reader has taken any. */
export const STREAM_WINDOW = 256 * 1024
/** Of all streams together: as good as none, since every stream has a window of its own. */
const CONNECTION_WINDOW = 1 << 30
/** Streams of one connection before another one is made: far from the end of the ids. */
const MAX_STREAMS = 2 ** 30

/** One HTTP/2 connection to a backend: its frames, windows and streams (RFC 9113), client side. */
export class Connection implements FrameEvents {
  readonly #init: ConnectionInit
  readonly #out: Output
  readonly #write: FrameWriter
  readonly #sender: Sender
  readonly #receiver: Receiver
  readonly #encoder: HeaderEncoder
  readonly #guard: IdleGuard
  /** Bytes of the fields that all calls have. */
  readonly #commonSize: number
  readonly #streams = new Map<number, Stream>()
  #nextId = 1
  #ready = false
  #draining = false
  #closing = false
  #closed = false
  #why = 'the backend closed the connection'
  readonly #limits = new PeerLimits()
  readonly #keepalive: Keepalive
  #receiveWindow = CONNECTION_WINDOW
  #unreturned = 0

  constructor(init: ConnectionInit) {
    this.#init = init
    this.#out = new Output(init.socket, () => {
      this.#sender.pumpAll()
      init.roomy()
    })
    this.#write = new FrameWriter(this.#out)
    this.#sender = new Sender(this.#out, this.#write)
    this.#receiver = new Receiver(this)
    this.#guard = new IdleGuard(init.clock, this.#out, this.#sender)
    const common = [
      [':method', 'POST'],
      [':scheme', init.scheme],
      [':authority', init.authority],
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
      ['user-agent', init.agent],
      ['grpc-accept-encoding', 'identity,deflate,gzip'],
    ] as const
    this.#encoder = new HeaderEncoder(common)
    this.#commonSize = common.reduce((size, [name, value]) => size + fieldSize(name, value), 0)
    const { clock, pingEvery: every, pingTimeout: timeout } = init
    this.#keepalive = new Keepalive({
      clock,
      every,
      timeout,
      busy: () => this.#streams.size > 0,
      ping: () => this.#write.ping(false, PING_BYTES, 0),
      dead: () => this.destroy(`the backend did not answer a ping within ${formatDuration(timeout)}`),
    })
    init.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#why = error.code === undefined ? error.message : `${error.code}: ${error.message}`
    })
    init.socket.on('close', () => this.#end())
    init.socket.on('end', () => init.socket.destroy())
  }

  /** After the handshake of TCP or TLS: says what a client says first. */
  start(): void {
    this.#write.start([
      [ENABLE_PUSH, 0],
      [INITIAL_WINDOW_SIZE, STREAM_WINDOW],
      [MAX_HEADER_LIST_SIZE, MAX_LIST],
    ])
    this.#write.windowUpdate(0, CONNECTION_WINDOW - DEFAULT_WINDOW)
    this.#out.flush()
  }

  /** What the socket has read, at the start of its read buffer. */
  read(bytes: Buffer, length: number): void {
    try {
      this.#receiver.push(bytes, length)
    } catch (thrown) {
      if (!(thrown instanceof ConnectionError)) throw thrown
      this.#fail(thrown)
    }
  }

  /** Calls that may be opened now. */
  get room(): number {
    const open = this.#ready && !this.#draining && !this.#closing && !this.#init.socket.destroyed
    return open && !this.#out.stuck ? this.#limits.streams - this.streams : 0
  }

  /** Calls that are open on it. */
  get streams(): number {
    return this.#streams.size
  }
  /** It has carried a call. */
  get used(): boolean {
    return this.#nextId > 1
  }

  /**
   * The most that the peer takes of a head, when this one is larger: a server may give up the whole connection for it (RFC 9113
   * §10.5.1).
   */
  tooLarge({ path, fields }: CallHead): number | undefined {
    const { list } = this.#limits
    if (list === Number.POSITIVE_INFINITY) return undefined
    let size = this.#commonSize + fieldSize(':path', path)
    for (let i = 0; i < fields.length; i += 2) size += fieldSize(fields[i]!, fields[i + 1]!)
    return size > list ? list : undefined
  }

  /**
   * Opens a stream with the head of a call; only while there is `room`. `frame`: its first message with the prefix of gRPC, copied
   * before this returns unless it waits for a window; then it must not change. `end`: nothing follows it.
   */
  open(head: CallHead, events: StreamEvents, frame: Buffer | undefined, end: boolean): Stream {
    const stream = new Stream(this.#nextId, events, this.#sender.initialWindow, STREAM_WINDOW)
    this.#nextId += 2
    stream.turn = this.#out.turn
    this.#streams.set(stream.id, stream)
    this.#guard.useful()
    this.#write.headers(stream.id, head, this.#encoder, this.#sender.maxFrame)
    if (frame !== undefined) this.#sender.first(stream, frame, end)
    if (this.#nextId > MAX_STREAMS) this.#drain()
    return stream
  }

  /** Sends a message behind what is queued already; `sent` runs when all of it has been handed to the socket's buffer. */
  send(stream: Stream, frame: Buffer, sent: () => void): void {
    if (stream.closed || stream.localClosed) return
    stream.queue.push({ bytes: frame, at: 0, sent })
    this.#sender.pump(stream)
  }
  /** Nothing more is sent behind what is queued. */
  halfClose(stream: Stream): void {
    if (stream.closed || stream.localClosed) return
    stream.ending = true
    this.#sender.pump(stream)
  }
  /** The call is over for us. The backend is told, unless it has ended the stream itself. */
  reset(stream: Stream, code: number): void {
    if (stream.closed) return
    this.#write.reset(stream.id, code)
    this.#forget(stream)
  }
  /** The reader waits: the backend may send no more than its window has left. */
  pause(stream: Stream): void {
    stream.paused = true
  }
  resume(stream: Stream): void {
    if (!stream.paused) return
    stream.paused = false
    this.#return(stream)
  }

  /** Says goodbye and closes; `closed` follows. Streams are lost unless they were reset before. */
  close(why: string): void {
    if (this.#closed || this.#closing) return
    this.#closing = true
    this.#why = why
    this.#write.goaway(ErrorCode.NO_ERROR)
    this.#out.flush()
    const { socket } = this.#init
    if (socket.connecting || !this.#ready) socket.destroy()
    else {
      socket.end()
      // What the kernel takes is on its way by then; a peer that does not read must not keep the socket.
      setImmediate(() => setImmediate(() => socket.destroy()))
    }
  }
  /** Closes without a word. */
  destroy(why: string): void {
    if (this.#closed) return
    this.#why = why
    this.#init.socket.destroy()
  }

  onDataFrame(id: number, size: number, bytes: Buffer, start: number, end: number, over: boolean): void {
    this.#receiveWindow -= size
    if (this.#receiveWindow < 0) throw flowError('more bytes than the window of the connection allows')
    this.#unreturned += size
    if (this.#unreturned > CONNECTION_WINDOW / 2) {
      this.#write.windowUpdate(0, this.#unreturned)
      this.#receiveWindow += this.#unreturned
      this.#unreturned = 0
    }
    const stream = this.#known(id, 'DATA')
    if (stream === undefined) return
    stream.receiveWindow -= size
    if (stream.receiveWindow < 0 || !stream.headSeen) {
      this.#breakStream(stream, stream.headSeen ? ErrorCode.FLOW_CONTROL_ERROR : ErrorCode.PROTOCOL_ERROR)
      return
    }
    stream.unreturned += size
    if (start < end) {
      this.#guard.useful()
      stream.events.onData(bytes, start, end)
      if (stream.closed) return
    }
    if (over) {
      this.#remoteEnd(stream)
      stream.events.onEnd()
    } else if (!stream.paused) this.#return(stream)
  }

  #return(stream: Stream): void {
    const { unreturned } = stream
    if (stream.closed || unreturned < STREAM_WINDOW / 2) return
    stream.unreturned = 0
    stream.receiveWindow += unreturned
    this.#write.windowUpdate(stream.id, unreturned)
  }

  onHeaderBlock(id: number, block: HeaderBlock, over: boolean): void {
    const stream = this.#known(id, 'HEADERS')
    if (stream === undefined) return
    if (!stream.headSeen && isInformational(block)) {
      this.onIdle()
      if (over) this.#breakStream(stream, ErrorCode.PROTOCOL_ERROR)
      return
    }
    if (stream.headSeen && !over) {
      this.#breakStream(stream, ErrorCode.PROTOCOL_ERROR)
      return
    }
    this.#guard.useful()
    stream.headSeen = true
    if (over) this.#remoteEnd(stream)
    stream.events.onHead(block, over)
  }

  /** The peer sends no more. What we have not sent by now, nobody waits for. */
  #remoteEnd(stream: Stream): void {
    if (!stream.localClosed) this.#write.reset(stream.id, ErrorCode.CANCEL)
    this.#forget(stream)
  }

  onSettings(settings: readonly number[]): void {
    this.#limits.take(settings, this.#encoder, this.#sender, this.#streams.values())
    this.#write.settingsTaken()
    // Behind the acknowledgement: some peers allow from there on what they have said.
    for (const stream of [...this.#streams.values()]) this.#sender.pump(stream)
    if (this.#ready) {
      this.#init.roomy()
      return
    }
    this.#ready = true
    this.#keepalive.start()
    this.#init.ready()
  }

  onWindowUpdate(id: number, more: number): void {
    if (id === 0) {
      this.#sender.widen(more)
      return
    }
    const stream = this.#known(id, 'WINDOW_UPDATE')
    if (stream === undefined) return
    stream.sendWindow += more
    if (more === 0) this.#breakStream(stream, ErrorCode.PROTOCOL_ERROR)
    else if (stream.sendWindow > LARGEST_WINDOW) this.#breakStream(stream, ErrorCode.FLOW_CONTROL_ERROR)
    else this.#sender.pump(stream)
  }

  onResetFrame(id: number, code: number): void {
    const stream = this.#known(id, 'RST_STREAM')
    if (stream === undefined) return
    this.#forget(stream)
    if (code === ErrorCode.REFUSED_STREAM && !stream.headSeen) stream.events.onRefused('the backend refused the stream')
    else stream.events.onReset(code)
  }

  onPing(bytes: Buffer, start: number): void {
    this.#write.ping(true, bytes, start)
  }
  onPong(): void {
    this.#keepalive.answered()
  }

  onGoaway(last: number, code: number, words: string): void {
    const note = `the backend goes away: ${errorName(code)}${words === '' ? '' : ` (${JSON.stringify(words)})`}`
    this.#why = note
    this.#drain()
    for (const stream of [...this.#streams.values()])
      if (stream.id > last) {
        this.#forget(stream)
        if (stream.headSeen) stream.events.onLost(note)
        else stream.events.onRefused(note)
      }
    this.#closeIfDone()
  }

  /** A peer may send some frames that carry nothing; a flood of them is an attack. */
  onIdle(): void {
    this.#guard.idle()
  }

  /** The stream of a frame; undefined when it is over. A frame of a stream that never was is an error (§5.1). */
  #known(id: number, what: string): Stream | undefined {
    const stream = this.#streams.get(id)
    if (stream === undefined && (id === 0 || (id & 1) === 0 || id >= this.#nextId))
      throw protocolError(`${what} of stream ${id}, which was never opened`)
    return stream
  }

  #breakStream(stream: Stream, code: number): void {
    this.#write.reset(stream.id, code)
    this.#forget(stream)
    stream.events.onReset(ErrorCode.PROTOCOL_ERROR)
  }

  #forget(stream: Stream): void {
    stream.closed = true
    this.#sender.forget(stream)
    this.#streams.delete(stream.id)
    if (this.#draining) this.#closeIfDone()
    else this.#init.roomy()
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    this.#init.draining()
  }
  #closeIfDone(): void {
    if (this.#draining && this.#streams.size === 0) setImmediate(() => this.close(this.#why))
  }

  #fail(error: ConnectionError): void {
    if (this.#closed) return
    this.#why = `the backend broke HTTP/2: ${error.message}`
    this.#write.goaway(error.code)
    this.#out.flush()
    this.#init.socket.destroy()
    this.#end()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#receiver.stop()
    this.#keepalive.stop()
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    for (const stream of streams) {
      stream.closed = true
      this.#sender.forget(stream)
    }
    this.#init.closed(this.#why)
    for (const stream of streams) {
      // Its head is still in our output: nobody has seen it.
      if (stream.turn === this.#out.turn) stream.events.onRefused(this.#why)
      else stream.events.onLost(this.#why)
    }
  }
}

const PING_BYTES = Buffer.alloc(8)

const isInformational = (block: HeaderBlock): boolean => {
  const { raw } = block
  return raw[0] === ':status' && raw[1]!.length === 3 && raw[1]!.startsWith('1')
}
