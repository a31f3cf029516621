import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../../../../../adapters/outbound/h2/frames.ts'
import { HeaderDecoder } from '../../../../../adapters/outbound/h2/header-decoder.ts'
import { decodeHuffman } from '../../../../../adapters/outbound/h2/huffman.ts'

const LARGE = 64 * 1024
const decode = (decoder: HeaderDecoder, hex: string): readonly string[] => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return decoder.decode(bytes, 0, bytes.length).raw
}
const refused = (hex: string): void => {
  expect(() => decode(new HeaderDecoder(LARGE), hex)).toThrow(ConnectionError)
}

/** RFC 7541 appendix C: series of blocks on one connection. */
const SERIES: readonly (readonly [
  name: string,
  blocks: readonly (readonly [hex: string, fields: readonly string[]])[],
])[] = [
  [
    'C.2, single fields',
    [
      ['400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key', 'custom-header']],
      ['040c2f73616d706c652f70617468', [':path', '/sample/path']],
      ['100870617373776f726406736563726574', ['password', 'secret']],
      ['82', [':method', 'GET']],
    ],
  ],
  [
    'C.3, requests as they are',
    [
      [
        '828684410f7777772e6578616d706c652e636f6d',
        [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
      ],
      [
        '828684be58086e6f2d6361636865',
        [
          ':method',
          'GET',
          ':scheme',
          'http',
          ':path',
          '/',
          ':authority',
          'www.example.com',
          'cache-control',
          'no-cache',
        ],
      ],
    ],
  ],
  [
    'C.4, requests in Huffman code',
    [
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
      ],
      [
        '828684be5886a8eb10649cbf',
        [
          ':method',
          'GET',
          ':scheme',
          'http',
          ':path',
          '/',
          ':authority',
          'www.example.com',
          'cache-control',
          'no-cache',
        ],
      ],
      [
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
        [
          ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
          ...['custom-key', 'custom-value'],
        ],
      ],
    ],
  ],
  [
    'C.6, answers in Huffman code, a table of 256 bytes with evictions',
    [
      [
        '3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
        [
          ...[':status', '302', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
          ...['location', 'https://www.example.com'],
        ],
      ],
      [
        '4883640effc1c0bf',
        [
          ...[':status', '307', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
          ...['location', 'https://www.example.com'],
        ],
      ],
      [
        `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
        [
          ...[':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
          ...['location', 'https://www.example.com', 'content-encoding', 'gzip'],
          ...['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
        ],
      ],
    ],
  ],
]

test.each(SERIES)('RFC 7541 %s', (_name, blocks) => {
  const decoder = new HeaderDecoder(LARGE)
  for (const [hex, fields] of blocks) expect(decode(decoder, hex)).toEqual(fields)
})

test('equal blocks of indices are one object, until the table changes', () => {
  const decoder = new HeaderDecoder(LARGE)
  decode(decoder, '4003612d620131')
  const block = Buffer.from('88be', 'hex')
  const first = decoder.decode(block, 0, 2)
  expect(first.raw).toEqual([':status', '200', 'a-b', '1'])
  expect(decoder.decode(block, 0, 2)).toBe(first)
  decode(decoder, '4003632d640132')
  expect(decoder.decode(block, 0, 2).raw).toEqual([':status', '200', 'c-d', '2'])
})

describe('what is refused', () => {
  test.each([
    ['index 0', '80'],
    ['an index beyond the table', 'be'],
    ['a name beyond the table', '7f00'],
    ['an integer cut off', 'ff'],
    ['an integer without end', 'ffffffffffffffffff7f'],
    ['a string cut off', '400a6375'],
    ['no value', '4001'],
    ['the end of a string within one', '40 84 ff ff ff fc 00'],
    ['padding of zeros', '40 81 64 00'],
    ['padding of a whole byte', '40 84 1f ff ff ff 00'],
    ['a table above the limit', '3fe2ff03'],
    ['a table size behind a field', '8220'],
  ])('%s', (_name, hex) => refused(hex))
})

test('evicted fields are gone', () => {
  const decoder = new HeaderDecoder(LARGE)
  decode(decoder, '4003612d620131')
  expect(decode(decoder, 'be')).toEqual(['a-b', '1'])
  expect(decode(decoder, '20')).toEqual([])
  expect(() => decode(decoder, 'be')).toThrow(ConnectionError)
})

test('thousands of inserts: the table stays at its size, and the newest are there', () => {
  const decoder = new HeaderDecoder(LARGE)
  for (let i = 0; i < 5000; i++) {
    const value = String(i).padStart(5, '0')
    decode(decoder, `4003612d6205${Buffer.from(value).toString('hex')}`)
    expect(decode(decoder, 'be')).toEqual(['a-b', value])
  }
  // 4096 / (3 + 5 + 32) = 102 entries.
  expect(decode(decoder, 'ff24')).toEqual(['a-b', '04898'])
  expect(() => decode(decoder, 'ff25')).toThrow(ConnectionError)
})

test('a list above the limit is cut and says so; the table goes on', () => {
  const decoder = new HeaderDecoder(100)
  const bytes = Buffer.from(`${'4003612d620131'.repeat(3)}4003632d640132`, 'hex')
  const block = decoder.decode(bytes, 0, bytes.length)
  expect([block.tooLarge, block.raw.length]).toEqual([true, 4])
  expect(decode(decoder, 'be')).toEqual(['c-d', '2'])
})

test('any bytes: a list or a refusal, nothing else', () => {
  const decoder = () => new HeaderDecoder(LARGE)
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
      const one = decoder()
      try {
        for (const block of blocks) {
          const bytes = Buffer.from(block)
          expect(one.decode(bytes, 0, bytes.length).raw.length % 2).toBe(0)
        }
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ConnectionError)
      }
    }),
    { numRuns: 3000 },
  )
})

test('the code is whole: any bits are symbols, the end of a string aside', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      const text = decodeHuffman(bytes, 0, bytes.length)
      expect(text === undefined || text.length <= (bytes.length * 8) / 5).toBe(true)
    }),
    { numRuns: 3000 },
  )
  expect(decodeHuffman(Buffer.from('f1e3c2e5f23a6ba0ab90f4ff', 'hex'), 0, 12)).toBe('www.example.com')
  expect(decodeHuffman(Buffer.alloc(0), 0, 0)).toBe('')
})
