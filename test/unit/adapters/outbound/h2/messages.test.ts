import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageReader, type Trouble } from '../../../../../adapters/outbound/h2/messages.ts'

const frame = (bytes: Uint8Array, flag = 0): Buffer => {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}
const reading = (limit = 1 << 20, encoding = 'identity', most = Number.POSITIVE_INFINITY) => {
  const messages: Buffer[] = []
  const troubles: Trouble[] = []
  const reader = new MessageReader(
    {
      take: (bytes) => messages.push(bytes) < most,
      trouble: (trouble) => void troubles.push(trouble),
    },
    limit,
    encoding,
  )
  return { reader, messages, troubles, push: (bytes: Buffer) => reader.push(bytes, 0, bytes.length) }
}

test('any messages in any pieces', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      (contents, sizes) => {
        const { push, messages, troubles, reader } = reading()
        const whole = Buffer.concat(contents.map((bytes) => frame(bytes)))
        let turn = 0
        for (let at = 0; at < whole.length; ) {
          const size = sizes[turn++ % sizes.length]!
          push(Buffer.from(whole.subarray(at, at + size)))
          at += size
        }
        expect(messages.map((bytes) => [...bytes])).toEqual(contents.map((bytes) => [...bytes]))
        expect([troubles, reader.cut]).toEqual([[], false])
      },
    ),
  )
})

test('a message outlives the buffer that it was read from', () => {
  const { push, messages } = reading()
  const bytes = frame(Buffer.from('hello'))
  push(bytes)
  bytes.fill(0)
  expect(messages[0]!.toString()).toBe('hello')
})

test('cut within a prefix or a message, and only there', () => {
  const whole = frame(Buffer.from('abc'))
  for (let size = 0; size <= whole.length; size++) {
    const { push, reader } = reading()
    push(whole.subarray(0, size))
    expect(reader.cut, String(size)).toBe(size > 0 && size < whole.length)
  }
})

test('an announced length costs nothing before the bytes come', () => {
  const { push, troubles } = reading(Number.POSITIVE_INFINITY)
  const before = process.memoryUsage().arrayBuffers
  push(Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  expect(troubles).toEqual([])
})

describe('what is refused', () => {
  test.each([
    ['flags', Buffer.from([2, 0, 0, 0, 0])],
    ['encoding', frame(Buffer.alloc(3), 1)],
    ['size', Buffer.from([0, 0, 0, 0, 11])],
  ])('%s', (kind, bytes) => {
    const { push, messages, troubles } = reading(10)
    push(Buffer.concat([frame(Buffer.from('ok')), bytes, frame(Buffer.from('no'))]))
    expect(messages.map(String)).toEqual(['ok'])
    expect(troubles.map((trouble) => trouble.kind)).toEqual([kind])
  })

  test('a taker that wants no more gets no more', () => {
    const { push, messages } = reading(100, 'identity', 2)
    push(Buffer.concat([1, 2, 3, 4].map((n) => frame(Buffer.from([n])))))
    push(frame(Buffer.from([5])))
    expect(messages.map((bytes) => bytes[0])).toEqual([1, 2])
  })
})

describe('compressed', () => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('%s', (encoding, pack) => {
    const { push, messages, troubles } = reading(1000, encoding)
    push(
      Buffer.concat([frame(pack(Buffer.from('one')), 1), frame(Buffer.from('two')), frame(pack(Buffer.alloc(0)), 1)]),
    )
    expect(messages.map(String)).toEqual(['one', 'two', ''])
    push(frame(pack(Buffer.alloc(1000)), 1))
    expect([messages.length, troubles]).toEqual([4, []])
    push(frame(pack(Buffer.alloc(1001)), 1))
    expect(troubles.map(({ kind }) => kind)).toEqual(['size'])
  })
  test('garbage', () => {
    const { push, troubles } = reading(1000, 'gzip')
    push(frame(Buffer.from('garbage'), 1))
    expect(troubles.map(({ kind }) => kind)).toEqual(['inflate'])
  })
})
