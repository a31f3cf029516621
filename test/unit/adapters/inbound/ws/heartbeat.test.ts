import { expect, test } from 'vitest'
import { Heartbeat } from '../../../../../adapters/inbound/ws/heartbeat.ts'
import { testClock } from '../../../../../src/core/clock.ts'

const beating = (interval = 10) => {
  const clock = testClock()
  const seen = { pings: 0, dead: 0, reading: true }
  const heartbeat = new Heartbeat(clock, interval, {
    ping: () => void seen.pings++,
    isReading: () => seen.reading,
    dead: () => void seen.dead++,
  })
  return { clock, seen, heartbeat }
}

test('a ping for each interval; after two that nobody answers the peer is dead, once', () => {
  const { clock, seen } = beating()
  clock.advance(9)
  expect(seen.pings).toBe(0)
  clock.advance(1)
  expect(seen.pings).toBe(1)
  clock.advance(19)
  expect(seen).toMatchObject({ pings: 2, dead: 0 })
  clock.advance(1)
  expect(seen).toMatchObject({ pings: 2, dead: 1 })
  clock.advance(100)
  expect(seen).toMatchObject({ pings: 2, dead: 1 })
  expect(clock.pending()).toBe(0)
})

test('a sign of life begins the count anew', () => {
  const { clock, seen, heartbeat } = beating()
  for (let i = 0; i < 20; i++) {
    clock.advance(10)
    if (i % 2 === 1) heartbeat.alive()
  }
  expect(seen).toMatchObject({ pings: 20, dead: 0 })
})

test('while nothing is read nobody is dead, and pings go out twice as often', () => {
  const { clock, seen } = beating()
  seen.reading = false
  clock.advance(100)
  expect(seen).toMatchObject({ pings: 20, dead: 0 })
  seen.reading = true
  clock.advance(30)
  expect(seen.dead).toBe(1)
})

test('stopped, or with no interval, it does nothing', () => {
  const { clock, seen, heartbeat } = beating()
  heartbeat.stop()
  clock.advance(100)
  const never = beating(Number.POSITIVE_INFINITY)
  never.clock.advance(1e9)
  expect([seen.pings, never.seen.pings]).toEqual([0, 0])
})
