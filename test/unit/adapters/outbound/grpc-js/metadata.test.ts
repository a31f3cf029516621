import * as grpc from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { fromGrpc, toGrpc } from '../../../../../adapters/outbound/grpc-js/metadata.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'

const sent = (raw: string[]): Record<string, unknown> => toGrpc(makeMetadata(raw)).toJSON()

test('values keep their order, blanks around them go', () => {
  expect(sent(['a', '1', 'b', ' two ', 'a', '2'])).toEqual({ a: ['1', '2'], b: ['two'] })
})
test('binary values are bytes, one for each part', () => {
  expect(sent(['k-bin', 'AQI=,Aw', 'k-bin', '', 'url-bin', '-_8'])).toEqual({
    'k-bin': [Buffer.from([1, 2]), Buffer.from([3]), Buffer.alloc(0)],
    'url-bin': [Buffer.from([0xfb, 0xff])],
  })
})
test.each([
  ['a reserved name', 'grpc-trace-bin', 'AQI='],
  ['a pseudo header', ':path', '/'],
  ['an illegal name', 'x y', '1'],
  ['an upper-case name', 'X-A', '1'],
  ['an empty name', '', '1'],
  ['a control character', 'a', 'x\u0000'],
  ['a line break', 'a', 'x\r\ny: z'],
  ['a value outside ASCII', 'a', 'caf\u00e9'],
  ['bytes that are not base64', 'a-bin', 'a b'],
  ['a field of the connection', 'connection', 'close'],
  ['the content type', 'content-type', 'application/json'],
  ['the length', 'content-length', '1'],
  ['te', 'te', 'trailers'],
])('%s is left out', (_what, name, value) => {
  expect(sent([name, value, 'ok', '1'])).toEqual({ ok: ['1'] })
})
test('what node:http2 allows once is sent once', () => {
  expect(sent(['authorization', 'a', 'authorization', 'b', 'x-many', 'a', 'x-many', 'b'])).toEqual({
    authorization: ['a'],
    'x-many': ['a', 'b'],
  })
})
test('an answer loses the fields of its transport', () => {
  const head = new grpc.Metadata()
  head.add('content-type', 'application/grpc')
  head.add('grpc-accept-encoding', 'gzip')
  head.add('content-length', '0')
  head.add('a', '1')
  head.add('a', '2')
  head.add('b-bin', Buffer.from([1, 2]))
  const into = makeMetadata(['before', 'x'])
  expect(fromGrpc(head, into)).toBe(into)
  expect([...into]).toEqual([
    ['before', 'x'],
    ['a', '1'],
    ['a', '2'],
    ['b-bin', 'AQI'],
  ])
})
