import { describe, expect, test } from 'vitest'
import {
  decodeBinary,
  emptyMetadata,
  encodeBinary,
  forwardable,
  fromRawHeaders,
  isLegalKey,
  isLegalValue,
  makeMetadata,
} from '../../../src/core/metadata.ts'

describe('Metadata', () => {
  test('get: the first; getAll: every one in order; strangers: nothing', () => {
    const metadata = makeMetadata(['a', '1', 'b', '2', 'a', '3'])
    expect([metadata.get('a'), metadata.getAll('a'), metadata.getAll('b')]).toEqual(['1', ['1', '3'], ['2']])
    for (const name of ['c', '1', '__proto__', 'constructor', 'length'])
      expect([metadata.get(name), metadata.getAll(name)]).toEqual([undefined, []])
  })
  test('set replaces all, append adds, delete removes all', () => {
    const metadata = makeMetadata(['a', '1', 'b', '2', 'a', '3'])
    metadata.append('b', '4')
    metadata.set('a', '5')
    metadata.set('__proto__', '6')
    expect([...metadata]).toEqual([
      ['b', '2'],
      ['b', '4'],
      ['a', '5'],
      ['__proto__', '6'],
    ])
    metadata.delete('b')
    metadata.delete('nope')
    expect(metadata.raw).toEqual(['a', '5', '__proto__', '6'])
  })
  test('a value that looks like a name is no name', () => {
    const metadata = makeMetadata(['a', 'b', 'b', 'c'])
    metadata.delete('b')
    expect(metadata.raw).toEqual(['a', 'b'])
  })
  test('raw headers: names lower case, order and repeats as they are, the input untouched', () => {
    const raw = ['Host', 'X', 'Set-Cookie', 'A=1', 'set-cookie', 'B']
    expect(fromRawHeaders(raw).raw).toEqual(['host', 'X', 'set-cookie', 'A=1', 'set-cookie', 'B'])
    expect(raw[0]).toBe('Host')
  })
  test('two empty ones are two', () => {
    const one = emptyMetadata()
    one.set('a', '1')
    expect(emptyMetadata().raw).toEqual([])
  })
})

describe('forwardable (RFC 9110 §7.6.1)', () => {
  test('hop-by-hop fields, host and content-length stay behind', () => {
    const names = [
      'connection',
      'keep-alive',
      'proxy-authenticate',
      'proxy-authorization',
      'proxy-connection',
      'trailer',
      'transfer-encoding',
      'upgrade',
      'host',
      'content-length',
    ]
    const metadata = makeMetadata(names.flatMap((name) => [name, 'x']))
    metadata.append('accept', '*/*')
    metadata.append('cookie', 'a')
    metadata.append('cookie', 'b')
    expect(forwardable(metadata).raw).toEqual(['accept', '*/*', 'cookie', 'a', 'cookie', 'b'])
    expect(metadata.get('connection')).toBe('x')
  })
  test('so do the fields that connection lists, in every line and any case', () => {
    const metadata = makeMetadata(['connection', 'close, X-One', 'x-one', '1', 'x-two', '2', 'x-three', '3'])
    metadata.append('connection', ' x-TWO ,,')
    expect(forwardable(metadata).raw).toEqual(['x-three', '3'])
  })
  test.each([
    ['trailers', ['te', 'trailers']],
    ['gzip, Trailers', ['te', 'trailers']],
    ['gzip;q=0.5', []],
    ['', []],
  ])('te: %s', (value, raw) => {
    expect(forwardable(makeMetadata(['te', value, 'connection', 'te'])).raw).toEqual(raw)
  })
})

describe('gRPC keys and values', () => {
  test.each(['a', 'x-1', 'a_b.c-bin', '0'])('key %s', (name) => expect(isLegalKey(name)).toBe(true))
  test.each(['', 'A', 'a b', 'a:b', ':path', 'é', 'a\n', 'a/b'])('no key %j', (name) =>
    expect(isLegalKey(name)).toBe(false),
  )
  test.each(['', ' ', '~', 'a "b"'])('value %j', (value) => expect(isLegalValue(value)).toBe(true))
  test.each(['\u001f', '\u007f', 'é', 'a\r\nb', '\u0000'])('no value %j', (value) =>
    expect(isLegalValue(value)).toBe(false),
  )
})

describe('binary values', () => {
  test.each([
    ['AAEC', [[0, 1, 2]]],
    ['AA==', [[0]]],
    ['AA', [[0]]],
    ['AA, AQ==,Ag', [[0], [1], [2]]],
    ['-_8=', [[0xfb, 0xff]]],
    ['+/8', [[0xfb, 0xff]]],
    ['', [[]]],
  ])('%s', (value, bytes) => {
    expect(decodeBinary(value).map((each) => [...each])).toEqual(bytes)
  })
  test('are emitted without padding, from a view too', () => {
    expect(encodeBinary(new Uint8Array([9, 0, 9]).subarray(1, 2))).toBe('AA')
    expect(encodeBinary(new Uint8Array([0xfb, 0xff]))).toBe('+/8')
    expect(encodeBinary(new Uint8Array())).toBe('')
    for (let length = 0; length < 10; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => 255 - i)
      expect(decodeBinary(encodeBinary(bytes)).map((each) => [...each])).toEqual([[...bytes]])
    }
  })
})
