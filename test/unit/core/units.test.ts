import { describe, expect, test } from 'vitest'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/core/units.ts'

describe('parseDuration', () => {
  test.each([
    ['300ms', 300],
    ['5s', 5000],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['1.5s', 1500],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })
  test.each(['', '5', 's', '-1s', '1e3s', '5sec', '5 s s', '1m30s', '__proto__', `${'9'.repeat(30)}s`, ' 5s'])(
    '"%s" is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )
})

describe('parseSize', () => {
  test.each([
    ['64KiB', 65_536],
    ['4MiB', 4_194_304],
    ['1GiB', 1_073_741_824],
    ['512B', 512],
    ['1kB', 1000],
    ['1MB', 1_000_000],
    ['1.5KiB', 1536],
    ['0B', 0],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })
  test.each(['', '64', 'KiB', '64kib', '-1B', '1TB', 'constructor'])('"%s" is none', (text) => {
    expect(parseSize(text)).toBeUndefined()
  })
})

test('formats read back as what they were made from', () => {
  for (const ms of [1, 300, 1000, 1500, 60_000, 90_000, 3_600_000]) expect(parseDuration(formatDuration(ms))).toBe(ms)
  for (const bytes of [1, 1000, 1024, 65_536, 4_194_304]) expect(parseSize(formatSize(bytes))).toBe(bytes)
  expect([formatDuration(2000), formatDuration(120_000), formatSize(4_194_304)]).toEqual(['2s', '2m', '4MiB'])
})
