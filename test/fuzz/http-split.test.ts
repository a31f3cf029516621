import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonSplitter } from '../../adapters/inbound/http/split.ts'
import { GatewayError } from '../../src/core/status.ts'

const LARGE = 1 << 20
const split = (pieces: readonly Uint8Array[], mode: 'values' | 'auto' = 'auto', max = LARGE): string[] => {
  const found: string[] = []
  const splitter = new JsonSplitter(mode, max, (value) => found.push(Buffer.from(value).toString()))
  for (const piece of pieces) splitter.push(piece)
  splitter.end()
  return found
}
const splitText = (text: string, mode?: 'values' | 'auto', max?: number): string[] =>
  split([Buffer.from(text)], mode, max)
const reasonOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return error instanceof GatewayError ? `${error.status.code} ${error.message}` : String(error)
  }
  return 'nothing was thrown'
}

describe('values', () => {
  test.each([
    ['', []],
    [' \n\t\r ', []],
    ['{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']],
    ['{"a":1}{"b":2}', ['{"a":1}', '{"b":2}']],
    ['{"a":"}\\"{\\\\"}\n', ['{"a":"}\\"{\\\\"}']],
    ['1 2\n"x""y"\ntrue\nnull', ['1', '2', '"x"', '"y"', 'true', 'null']],
    ['{\n "a": [1,\n {"b":[]}]\n}', ['{\n "a": [1,\n {"b":[]}]\n}']],
  ])('%j', (text, expected) => {
    expect(splitText(text)).toEqual(expected)
    expect(splitText(text, 'values')).toEqual(expected)
  })
  test('an array is a value where values are asked for', () => {
    expect(splitText('[1,2]\n[3]', 'values')).toEqual(['[1,2]', '[3]'])
  })
  test('what is no JSON is cut all the same', () => {
    expect(splitText('{]\nnope')).toEqual(['{]', 'nope'])
  })
})

describe('an array', () => {
  test.each([
    ['[]', []],
    [' [ ] \n', []],
    ['[{"a":1},{"b":[2,"]"]}]', ['{"a":1}', '{"b":[2,"]"]}']],
    ['[1 , "a,b",true\n]', ['1', '"a,b"', 'true']],
    ['[[1],[2]]', ['[1]', '[2]']],
  ])('%j', (text, expected) => {
    expect(splitText(text)).toEqual(expected)
  })
  test.each([
    '[1,]',
    '[,1]',
    '[1,,2]',
    '[1 2]',
    '[{}{}]',
    '[1] 2',
    '[1],',
    '[1',
    '[{}',
    '[1,',
    '[',
    '["a',
    '{"a":1',
    '"a',
    '{"a":"\\',
  ])('refuses %j', (text) => {
    expect(reasonOf(() => splitText(text))).toMatch(/^3 /)
  })
})

describe('the limit', () => {
  test('holds for each value, not for the text', () => {
    expect(splitText('{"a":1}\n{"a":2}\n', 'auto', 7)).toHaveLength(2)
    expect(reasonOf(() => splitText('{"a":10}\n', 'auto', 7))).toMatch(/^8 .*7 bytes/)
  })
  test('holds before a value has ended, in one piece and in many', () => {
    const splitter = new JsonSplitter('auto', 100, () => {})
    splitter.push(Buffer.from('{"a":"'))
    expect(() => {
      for (let i = 0; i < 20; i++) splitter.push(Buffer.from('xxxxxxxxxx'))
    }).toThrow(GatewayError)
    expect(() => new JsonSplitter('auto', 100, () => {}).push(Buffer.from(`{"a":"${'x'.repeat(200)}`))).toThrow(
      GatewayError,
    )
  })
})

/** JSON texts with everything that could mislead a cutter: quotes, brackets, escapes, spaces. */
const text = fc
  .json({ maxDepth: 4 })
  .chain((compact) => fc.constantFrom(compact, JSON.stringify(JSON.parse(compact), null, 1)))
const tricky = fc
  .array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', ' ', '\n', 'é', 'a'))
  .map((parts) => JSON.stringify({ a: parts.join('') }))
const values = fc.array(fc.oneof(text, tricky), { maxLength: 6 })
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
const pieces = (whole: string, at: readonly number[]): Buffer[] => {
  const bytes = Buffer.from(whole)
  const marks = [0, ...at.map((part) => Math.floor(part * bytes.length)), bytes.length].toSorted((a, b) => a - b)
  return marks.slice(1).map((mark, i) => bytes.subarray(marks[i], mark))
}

describe('wherever the text is cut into pieces', () => {
  test('at every single byte', () => {
    for (const whole of ['[{"a":"\\"é,]}"}, 12 ,"x\\\\",[[]],null]', '{"a":"\\"}"}\n12\n"x\\\\"{}[]\ntrue']) {
      const expected = splitText(whole)
      const bytes = Buffer.from(whole)
      for (let at = 0; at <= bytes.length; at++)
        expect(split([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected)
      expect(split(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(expected)
    }
  })
  test('lines give their values', () => {
    fc.assert(
      fc.property(values, cuts, fc.constantFrom('\n', '\r\n', ' \n\n'), (given, at, separator) => {
        expect(split(pieces(given.join(separator), at), 'values')).toEqual(given)
      }),
    )
  })
  test('an array gives its elements', () => {
    fc.assert(
      fc.property(values, cuts, fc.constantFrom(',', ' , ', ',\n'), (given, at, separator) => {
        expect(split(pieces(`[${given.join(separator)}]`, at))).toEqual(given)
      }),
    )
  })
  test('any bytes: the same values or the same error, whole or in pieces', () => {
    const noise = fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ' ', '1', 'a'), maxLength: 30 })
    fc.assert(
      fc.property(noise, cuts, (given, at) => {
        const run = (parts: readonly Uint8Array[]): unknown => {
          try {
            return split(parts)
          } catch (error) {
            return (error as Error).message
          }
        }
        expect(run(pieces(given, at))).toEqual(run([Buffer.from(given)]))
      }),
      { numRuns: 1000 },
    )
  })
})
