import { describe, expect, test } from 'vitest'
import { Frames } from '../../../../../adapters/outbound/grpc-js/frames.ts'
import { readVectors } from '../../../../support/vectors.ts'

interface Case {
  readonly name: string
  readonly protocol: string
  readonly hex: string
  readonly frames: readonly string[]
  readonly reason?: string
}
const { cases } = readVectors<{ cases: Case[] }>('frames.json')

describe('test/vectors/frames.json, whole and byte by byte', () => {
  test.each(cases.filter(({ protocol }) => protocol === 'grpc'))('$name', ({ hex, frames: payloads, reason }) => {
    const bytes = Buffer.from(hex, 'hex')
    // Limits and compression are for grpc-js to hold: a message that is too long is not here whole.
    const cut = reason === 'FRAME_TRUNCATED' || reason === 'MESSAGE_TOO_LARGE'
    const unknown = reason === 'FRAME_INVALID' && bytes[0]! > 1
    for (const size of [1, 2, 3, bytes.length]) {
      const frames = new Frames()
      for (let at = 0; at < bytes.length; at += size) frames.push(bytes.subarray(at, at + size))
      expect(frames.cut).toBe(cut)
      expect(frames.good).toBe(unknown ? payloads.length : Number.POSITIVE_INFINITY)
    }
  })
})

test('what comes before unknown flags is good, and the first ones count', () => {
  const frames = new Frames()
  frames.push(Buffer.from('00000000016101000000000200000000ff00000000', 'hex'))
  expect(frames.good).toBe(2)
  expect(frames.cut).toBe(false)
})
test('between two messages nothing is cut', () => {
  const frames = new Frames()
  expect(frames.cut).toBe(false)
  frames.push(Buffer.from('0000000001', 'hex'))
  expect(frames.cut).toBe(true)
  frames.push(Buffer.from('61', 'hex'))
  expect(frames.cut).toBe(false)
})
