import { describe, expect, test } from 'vitest'
import { socketOptions, subscriptions } from '../../../../../adapters/inbound/ws/options.ts'

const MiB = 1024 * 1024

describe('subscriptions in routes.json', () => {
  test('every limit has a default', () => {
    expect(socketOptions(subscriptions.parse({}))).toEqual({
      origins: undefined,
      heartbeat: 25_000,
      maxSockets: 10_000,
      maxPerAddress: Number.POSITIVE_INFINITY,
      highWater: MiB,
      lowWater: MiB / 4,
      closeTime: 30_000,
      drainTime: 5_000,
    })
  })

  test('values as written', () => {
    const config = subscriptions.parse({
      origins: ['https://App.example', '*', 'null', 'https://*.example.com'],
      heartbeat: 'none',
      limits: { sockets: 5, socketsPerAddress: 2, sendBuffer: '64KiB', closeTime: '1s', drainTime: '0s' },
    })
    expect(socketOptions(config)).toEqual({
      origins: ['https://app.example', '*', 'null', 'https://*.example.com'],
      heartbeat: Number.POSITIVE_INFINITY,
      maxSockets: 5,
      maxPerAddress: 2,
      highWater: 65536,
      lowWater: 16384,
      closeTime: 1000,
      drainTime: 0,
    })
    expect(socketOptions(config)).toBe(socketOptions(config))
  })

  test.each([
    [{ origins: ['app.example'] }],
    [{ origins: ['https://app.example/path'] }],
    [{ origins: ['https://a.*.example'] }],
    [{ heartbeat: '25' }],
    [{ limits: { sockets: 0 } }],
    [{ limits: { buffer: '1MiB' } }],
    [{ path: '/ws' }],
  ])('%j is refused', (input) => {
    expect(subscriptions.safeParse(input).success).toBe(false)
  })
})
