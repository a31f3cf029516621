import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HeaderDecoder } from '../../../../../adapters/outbound/h2/header-decoder.ts'
import { HeaderEncoder } from '../../../../../adapters/outbound/h2/header-encoder.ts'
import { Bytes } from '../../../../../src/core/message.ts'

const COMMON = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'books.example:50051'],
  ['te', 'trailers'],
  ['content-type', 'application/grpc'],
] as const
const fixed = (path: string): string[] => [':path', path, ...COMMON.flat()]

/** An encoder, and a decoder that follows it. */
const pair = () => {
  const encoder = new HeaderEncoder(COMMON)
  const decoder = new HeaderDecoder(1 << 20)
  return {
    encoder,
    send(path: string, own: readonly string[] = []) {
      const out = new Bytes(16)
      encoder.writeFixed(path, out)
      for (let i = 0; i < own.length; i += 2) encoder.writeOwn(own[i]!, own[i + 1]!, out)
      return { size: out.length, bytes: out.take(), fields: decoder.decode(out.buffer, 0, out.length).raw }
    },
  }
}

test('fixed fields shrink to an index each with the second call', () => {
  const { send } = pair()
  expect(send('/a.B/C').fields).toEqual(fixed('/a.B/C'))
  const { size, fields } = send('/a.B/C')
  expect(fields).toEqual(fixed('/a.B/C'))
  expect(size).toBe(6)
})

test('another path moves the indices, and both stay right', () => {
  const { send } = pair()
  for (const path of ['/a/1', '/a/2', '/a/1', '/a/3', '/a/2', '/a/1', '/a/1'])
    expect(send(path).fields).toEqual(fixed(path))
})

test('a full table: paths that have no place are literals, and nothing is evicted', () => {
  const { send } = pair()
  const paths = Array.from({ length: 200 }, (_, i) => `/some.package.v1.Service/Method${i}`)
  for (const path of [...paths, ...paths]) expect(send(path).fields).toEqual(fixed(path))
  expect(send(paths[0]!).size).toBeLessThan(12)
})

test('secrets are never indexed, not even by others on the way', () => {
  const { send } = pair()
  const { bytes, fields } = send('/a/b', ['authorization', 'Bearer x', 'x-plain', '1'])
  expect(fields.slice(-4)).toEqual(['authorization', 'Bearer x', 'x-plain', '1'])
  // Literal never indexed, name 23: 0x1f 0x08.
  expect(bytes.includes(Buffer.from('1f08', 'hex'))).toBe(true)
})

test.each([[[0]], [[100]], [[0, 4096]], [[4096]], [[65_536]], [[50, 4096, 10]]])(
  'the peer changes the size of its table to %j',
  (sizes) => {
    const { encoder, send } = pair()
    send('/a/b')
    send('/a/c')
    for (const size of sizes) encoder.resize(size)
    for (const path of ['/a/b', '/a/c', '/a/b', '/a/d']) expect(send(path).fields).toEqual(fixed(path))
  },
)

test('any fields come back as they were', () => {
  const value = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
    maxLength: 300,
  })
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.array(fc.tuple(name, value), { maxLength: 4 })), { maxLength: 6 }),
      (calls) => {
        const { send } = pair()
        for (const [path, own] of calls)
          expect(send(`/p/${path}`, own.flat()).fields).toEqual([...fixed(`/p/${path}`), ...own.flat()])
      },
    ),
    { numRuns: 300 },
  )
})
