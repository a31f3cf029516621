import { type AddressInfo, createServer, type Socket } from 'node:net'
import * as h2 from '../../adapters/outbound/h2/frames.ts'
import { FrameSplitter } from '../../adapters/outbound/h2/splitter.ts'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}
export const frameBytes = (type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer => {
  const bytes = Buffer.alloc(h2.FRAME_HEADER + payload.length)
  h2.putFrame(bytes, 0, payload.length, type, flags, id)
  bytes.set(payload, h2.FRAME_HEADER)
  return bytes
}
export const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) h2.put32(bytes, i * 4, value)
  return bytes
}
export const settings = (...pairs: readonly (readonly [number, number])[]): Buffer =>
  frameBytes(
    h2.SETTINGS,
    0,
    0,
    Buffer.concat(pairs.map(([name, value]) => Buffer.concat([Buffer.from([name >>> 8, name]), u32(value)]))),
  )
/** Literal fields that nobody remembers. */
export const block = (fields: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(
    Object.entries(fields).map(([name, value]) => {
      if (name.length > 126 || value.length > 126) throw new Error('too long for one byte of length')
      return Buffer.concat([
        Buffer.from([0, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ])
    }),
  )
export const HEAD: Buffer = block({ ':status': '200', 'content-type': 'application/grpc' })
export const TRAILERS: Buffer = block({ 'grpc-status': '0' })
/** A whole answer of one message. */
export const answer = (id: number, message: Uint8Array = Buffer.alloc(0)): Buffer => {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([
    frameBytes(h2.HEADERS, h2.END_HEADERS, id, HEAD),
    frameBytes(h2.DATA, 0, id, Buffer.concat([prefix, message])),
    frameBytes(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, id, TRAILERS),
  ])
}

export interface PeerConnection {
  readonly socket: Socket
  /** From 0 on, in the order of their coming. */
  readonly number: number
  readonly frames: Frame[]
  write(...bytes: readonly Uint8Array[]): void
}

/** A server of HTTP/2 whose every byte the test writes itself. `greeting` in place of empty settings. */
export const startFramesPeer = async (
  onFrame: (frame: Frame, connection: PeerConnection) => void,
  greeting: (number: number) => Uint8Array = () => settings(),
) => {
  const connections: PeerConnection[] = []
  const server = createServer((socket) => {
    const connection: PeerConnection = {
      socket,
      number: connections.length,
      frames: [],
      write: (...bytes) => void socket.write(Buffer.concat(bytes)),
    }
    connections.push(connection)
    socket.on('error', () => {})
    const splitter = new FrameSplitter((type, flags, id, bytes, start, end) => {
      const frame = { type, flags, id, payload: Buffer.from(bytes.subarray(start, end)) }
      connection.frames.push(frame)
      onFrame(frame, connection)
    })
    let preface = h2.PREFACE.length
    socket.on('data', (chunk: Buffer) => {
      const rest = chunk.subarray(Math.min(preface, chunk.length))
      preface -= chunk.length - rest.length
      if (rest.length > 0) splitter.push(rest, rest.length)
    })
    connection.write(greeting(connection.number))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `grpc://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    /** Error codes of the goodbyes that it was told. */
    goodbyes: () =>
      connections.flatMap(({ frames }) =>
        frames.filter(({ type }) => type === h2.GOAWAY).map(({ payload }) => h2.get32(payload, 4)),
      ),
    resets: () =>
      connections.flatMap(({ frames }) =>
        frames.filter(({ type }) => type === h2.RST_STREAM).map(({ payload }) => h2.get32(payload, 0)),
      ),
    async stop() {
      for (const { socket } of connections) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
