import { describe, expect, test } from 'vitest'
import { loadBench } from '../../../bench/codec/contenders.ts'
import { jsonOf, KINDS, SIZES, typeName } from '../../../bench/codec/data.ts'
import { markdown, type Row, shortcomings } from '../../../bench/codec/report.ts'

const row = (compiled: number[], samples: Record<string, number[]>): Row => ({
  kind: 'maps',
  size: '2 KB',
  direction: 'JSON → wire',
  samples: new Map(Object.entries({ compiled, ...samples })) as Row['samples'],
  refused: new Map(),
})

describe('the data', () => {
  test('every kind comes in about the size that its name says', () => {
    const wanted = { '200 B': 200, '2 KB': 2000, '20 KB': 20_000 }
    for (const kind of KINDS)
      for (const [size, bytes] of Object.entries(wanted)) {
        const { length } = jsonOf(kind, size as keyof typeof wanted)
        expect(length / bytes, `${kind} ${size}`).toBeGreaterThan(0.6)
        expect(length / bytes, `${kind} ${size}`).toBeLessThan(1.5)
      }
    expect(SIZES).toHaveLength(4)
  })

  test('contenders agree about it, except for those that know no well-known types', async () => {
    const bench = await loadBench()
    for (const kind of KINDS) {
      const json = jsonOf(kind, '2 KB')
      const reference = bench.contender('reference', typeName(kind))
      const wire = Buffer.from(reference.toWire(json))
      for (const name of ['compiled', 'closures', 'protojson', 'protobuf-es'] as const) {
        const contender = bench.contender(name, typeName(kind))
        expect(reference.toJson(Buffer.from(contender.toWire(json))), `${name} ${kind}`).toEqual(reference.toJson(wire))
        expect(reference.toWire(Buffer.from(contender.toJson(wire))), `${name} ${kind}`).toEqual(wire)
      }
    }
    const usual = bench.contender('protobufjs', typeName('well-known'))
    expect(() => usual.toWire(jsonOf('well-known', '200 B'))).toThrow('object expected')
  })
})

describe('shortcomings', () => {
  test('none where every row is fast enough', () => {
    expect(shortcomings([row([1, 1], { protobufjs: [3, 4] })], 'compiled', 3)).toEqual([])
  })

  test('a mean that is too low, and each row that is slower', () => {
    const rows = [row([1], { protobufjs: [4] }), row([2], { protobufjs: [1] })]
    expect(shortcomings(rows, 'compiled', 3)).toEqual([
      'geometric mean 1.41, less than 3',
      'maps, 2 KB, JSON → wire: 0.50 times protobufjs',
    ])
  })

  test('the extension stands in for protobufjs in a row, not in the mean', () => {
    const rows = [row([1], { protobufjs: [2] }), row([1], { protojson: [100] })]
    expect(shortcomings(rows, 'compiled', 3)).toEqual(['geometric mean 2.00, less than 3'])
  })

  test('a row that was not measured', () => {
    expect(shortcomings([row([1], {})], 'compiled', 3)).toEqual(['compiled was not measured beside protobufjs'])
    expect(shortcomings([row([1], { protobufjs: [9] }), row([1], {})], 'compiled', 3)).toEqual([
      'maps, 2 KB, JSON → wire: not measured',
    ])
  })
})

test('the report has medians, their spread and ratios of the same round', () => {
  const rows = [row([1, 2, 4], { protobufjs: [10, 10, 10] })]
  const text = markdown({ rows, names: ['compiled', 'protobufjs'], how: 'by hand' })
  expect(text).toContain('| maps | 2 KB | 2.00 [1.00–4.00] | 10.0 [10.0–10.0] | 5.00× |  |')
})
