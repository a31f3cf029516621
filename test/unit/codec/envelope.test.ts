import { describe, expect, test } from 'vitest'
import { FrameReader, writeFrame } from '../../../src/codec/envelope.ts'
import { Bytes } from '../../../src/core/message.ts'
import { refusal } from '../../support/codec.ts'
import { readVectors } from '../../support/vectors.ts'

interface Case {
  readonly name: string
  readonly protocol: string
  readonly hex: string
  readonly frames: readonly string[]
  readonly flags?: readonly number[]
  readonly compression?: boolean
  readonly maxBytes?: number
  readonly reason?: string
  readonly code?: number
  readonly mark?: 'exact' | 'later'
}

const { cases } = readVectors<{ cases: Case[] }>('frames.json')
const grpc = cases.filter(({ protocol }) => protocol === 'grpc')

const read = (chunks: readonly Uint8Array[], one: Partial<Case>) => {
  const frames: string[] = []
  const flags: number[] = []
  const reader = new FrameReader({
    maxBytes: one.maxBytes ?? 1024,
    compression: one.compression ?? false,
    origin: 'client',
    onFrame(payload, flag) {
      frames.push(Buffer.from(payload).toString('hex'))
      flags.push(flag)
    },
  })
  const run = (): void => {
    for (const chunk of chunks) reader.push(chunk)
    reader.end()
  }
  const refused = one.reason === undefined ? run() : refusal(run)
  return { frames, flags, refused }
}

describe('test/vectors/frames.json', () => {
  test.each(grpc)('$name', (one) => {
    const bytes = Buffer.from(one.hex, 'hex')
    const single = [...bytes].map((byte) => Uint8Array.of(byte))
    for (const chunks of [[bytes], single, [bytes.subarray(0, 3), new Uint8Array(0), bytes.subarray(3)]]) {
      const { frames, flags, refused } = read(chunks, one)
      expect(frames).toEqual(one.frames)
      if (one.flags !== undefined) expect(flags).toEqual(one.flags)
      if (one.reason !== undefined) expect(refused).toMatchObject({ code: one.code, reason: one.reason })
    }
  })
  test('all that succeed, in one chunk and in pieces of every size', () => {
    const good = grpc.filter(({ reason }) => reason === undefined)
    const bytes = Buffer.from(good.map(({ hex }) => hex).join(''), 'hex')
    const want = good.flatMap(({ frames }) => frames)
    for (let size = 1; size <= bytes.length; size++) {
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      expect(read(chunks, { compression: true }).frames).toEqual(want)
    }
  })
  test('what waits for other protocols is marked', () => {
    expect(cases.filter(({ mark }) => mark === 'exact')).toEqual([])
    expect(cases.filter(({ mark }) => mark === 'later').map(({ protocol }) => protocol)).toEqual(
      cases.filter(({ protocol }) => protocol !== 'grpc').map(({ protocol }) => protocol),
    )
  })
})

test('a length above the limit is refused before any of the payload is there', () => {
  const { refused } = read([Buffer.from('0000000009', 'hex')], { maxBytes: 8, reason: 'MESSAGE_TOO_LARGE' })
  expect(refused).toMatchObject({ code: 8, origin: 'client', message: 'a message of 9 bytes; at most 8 are allowed' })
})

test('what is in one chunk is handed out without a copy; what is not, keeps what came before', () => {
  const chunk = Buffer.from('0000000002aabb0000000003cc', 'hex')
  const payloads: Uint8Array[] = []
  const reader = new FrameReader({
    maxBytes: 10,
    compression: false,
    origin: 'upstream',
    onFrame: (p) => payloads.push(p),
  })
  reader.push(chunk)
  expect(payloads[0]?.buffer).toBe(chunk.buffer)
  reader.push(Buffer.from('dd', 'hex'))
  reader.push(Buffer.from('ee', 'hex'))
  expect(payloads.map((p) => Buffer.from(p).toString('hex'))).toEqual(['aabb', 'ccddee'])
})

test('writeFrame appends, and grows its writer', () => {
  const out = new Bytes(1)
  writeFrame(out, Uint8Array.of(1, 2, 3))
  writeFrame(out, new Uint8Array(0), 1)
  expect(out.take().toString('hex')).toBe('0000000003010203' + '0100000000')
})
