import { expect, test } from 'vitest'
import { FrameWriter } from '../../../../../adapters/outbound/h2/frame-writer.ts'
import { DATA, END_STREAM, FRAME_HEADER } from '../../../../../adapters/outbound/h2/frames.ts'
import { Output } from '../../../../../adapters/outbound/h2/output.ts'
import { Sender } from '../../../../../adapters/outbound/h2/sender.ts'
import { Stream, type StreamEvents } from '../../../../../adapters/outbound/h2/stream.ts'

const NOBODY: StreamEvents = { onHead() {}, onData() {}, onEnd() {}, onReset() {}, onRefused() {}, onLost() {} }

/** A sender, and two streams that have said all they have to say; that the first one's bytes are gone closes the second. */
const two = (window: number) => {
  const written: Buffer[] = []
  const write = (bytes: Buffer): boolean => written.push(Buffer.from(bytes)) > 0
  const socket = { on() {}, writable: true, writableLength: 0, write }
  const out = new Output(socket as unknown as ConstructorParameters<typeof Output>[0], () => {})
  const sender = new Sender(out, new FrameWriter(out))
  sender.initialWindow = window
  const streams = [1, 3].map((id) => new Stream(id, NOBODY, window, 0))
  const [first, second] = streams as [Stream, Stream]
  const close = (): void => {
    second.closed = true
    sender.forget(second)
  }
  first.queue.push({ bytes: Buffer.alloc(5), at: 0, sent: close })
  second.queue.push({ bytes: Buffer.alloc(5), at: 0, sent: undefined })
  const say = (): void => {
    for (const stream of streams) {
      stream.ending = true
      sender.pump(stream)
    }
  }
  const sent = (): unknown[] => {
    out.flush()
    const frames: unknown[] = []
    const bytes = Buffer.concat(written.splice(0))
    for (let at = 0; at < bytes.length; ) {
      const size = bytes.readUIntBE(at, 3)
      frames.push([bytes[at + 3], bytes[at + 4], bytes.readUInt32BE(at + 5), size])
      at += FRAME_HEADER + size
    }
    return frames
  }
  return { sender, streams, say, sent }
}
const ONLY_FIRST = [[DATA, END_STREAM, 1, 5]]

test('a stream that is closed while others are sent says nothing more: the windows of streams open', () => {
  const { sender, streams, say, sent } = two(0)
  say()
  sender.changeInitial(100, streams)
  for (const stream of streams) sender.pump(stream)
  expect(sent()).toEqual(ONLY_FIRST)
})

test('a stream that is closed while others are sent says nothing more: the window of the connection opens', () => {
  const { sender, say, sent } = two(100)
  const filler = new Stream(5, NOBODY, 100_000, 0)
  filler.queue.push({ bytes: Buffer.alloc(65_535), at: 0, sent: undefined })
  sender.pump(filler)
  sent()
  say()
  expect(sent()).toEqual([])
  sender.widen(1000)
  expect(sent()).toEqual(ONLY_FIRST)
})

test('no frame is larger than 64 KiB, whatever the peer takes', () => {
  const { sender, sent } = two(0)
  sender.maxFrame = 0xff_ffff
  const stream = new Stream(5, NOBODY, 1_000_000, 0)
  sender.widen(1_000_000)
  sender.first(stream, Buffer.alloc(200_000), true)
  expect(sent()).toEqual([65_536, 65_536, 65_536, 3392].map((size, i) => [DATA, i === 3 ? END_STREAM : 0, 5, size]))
})
