import { expect, test } from 'vitest'
import { frameOf, withPrefix } from '../../../../../adapters/outbound/h2/request-frame.ts'
import { order } from '../../../../support/backend-calls.ts'

const frameFor = (padding: Buffer): { frame: Buffer; bytes: Uint8Array } => {
  const message = order({ padding })
  return { frame: frameOf(message, message.codec), bytes: message.bytes }
}

test('a message behind its length, of any size', () => {
  for (const size of [0, 100, 70_000, 20_000_000]) {
    const { frame, bytes } = frameFor(Buffer.alloc(size, 7))
    expect([frame[0], frame.readUInt32BE(1)]).toEqual([0, bytes.length])
    expect(frame.subarray(5).equals(bytes)).toBe(true)
    expect(withPrefix(Buffer.from(bytes)).equals(frame)).toBe(true)
  }
})

test('the room of a large message is not kept for the next ones', () => {
  const { frame } = frameFor(Buffer.alloc(1_000_000))
  expect(frameFor(Buffer.alloc(10)).frame.buffer.byteLength).toBeLessThanOrEqual(64 * 1024)
  expect(frame.length).toBeGreaterThan(1_000_000)
})
