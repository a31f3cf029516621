import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConnectionError, putFrame } from '../../../../../adapters/outbound/h2/frames.ts'
import { FrameSplitter } from '../../../../../adapters/outbound/h2/splitter.ts'

const frame = (type: number, flags: number, id: number, payload: Uint8Array): Buffer => {
  const bytes = Buffer.alloc(9 + payload.length)
  putFrame(bytes, 0, payload.length, type, flags, id)
  bytes.set(payload, 9)
  return bytes
}

test('any frames in any pieces', () => {
  const one = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(0x7fff_ffff), fc.uint8Array({ maxLength: 80 }))
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
      (frames, sizes) => {
        const got: unknown[] = []
        const splitter = new FrameSplitter((type, flags, id, bytes, start, end) =>
          got.push([type, flags, id, [...bytes.subarray(start, end)]]),
        )
        const whole = Buffer.concat(frames.map((each) => frame(...each)))
        const room = Buffer.alloc(64)
        let turn = 0
        for (let at = 0; at < whole.length; ) {
          const size = Math.min(sizes[turn++ % sizes.length]!, whole.length - at)
          // As a socket does: the same buffer for each read.
          whole.copy(room, 0, at, at + size)
          splitter.push(room, size)
          at += size
        }
        expect(got).toEqual(frames.map(([type, flags, id, payload]) => [type, flags, id, [...payload]]))
      },
    ),
  )
})

test('the reserved bit of the id is passed over', () => {
  const ids: number[] = []
  new FrameSplitter((_type, _flags, id) => ids.push(id)).push(frame(0, 0, 0xffff_ffff, Buffer.alloc(0)), 9)
  expect(ids).toEqual([0x7fff_ffff])
})

test.each([1, 9])('a frame above 16 KiB is refused, read in pieces of %i bytes', (piece) => {
  const splitter = new FrameSplitter(() => {})
  const head = Buffer.alloc(9)
  putFrame(head, 0, 16_385, 0, 0, 1)
  expect(() => {
    for (let at = 0; at < head.length; at += piece) splitter.push(Buffer.from(head.subarray(at, at + piece)), piece)
  }).toThrow(ConnectionError)
  putFrame(head, 0, 16_384, 0, 0, 1)
  new FrameSplitter(() => {}).push(head, 9)
})
