import { expect, test } from 'vitest'
import { testClock } from '../../../src/core/clock.ts'
import { watchIdle } from '../../../src/core/idle.ts'

const watch = (ms: number) => {
  const clock = testClock()
  let idle = 0
  const watched = watchIdle(clock, ms, () => idle++)
  return { clock, watched, idle: () => idle }
}

test('silence of the given length runs it, once', () => {
  const { clock, idle } = watch(100)
  clock.advance(99)
  expect(idle()).toBe(0)
  clock.advance(1)
  expect(idle()).toBe(1)
  clock.advance(1000)
  expect([idle(), clock.pending()]).toEqual([1, 0])
})

test('a touch counts from when it came, and sets no timer of its own', () => {
  const { clock, watched, idle } = watch(100)
  for (let i = 0; i < 10; i++) {
    clock.advance(60)
    watched.touch()
    expect(clock.pending()).toBe(1)
  }
  clock.advance(99)
  expect(idle()).toBe(0)
  clock.advance(1)
  expect(idle()).toBe(1)
})

test('stop, twice, also behind touches', async () => {
  const { clock, watched, idle } = watch(100)
  clock.advance(60)
  watched.touch()
  clock.advance(60)
  await watched.stop()
  await watched.stop()
  watched.touch()
  clock.advance(1000)
  expect([idle(), clock.pending()]).toEqual([0, 0])
})

test('no limit, no timer', async () => {
  const { clock, watched, idle } = watch(Number.POSITIVE_INFINITY)
  watched.touch()
  expect(clock.pending()).toBe(0)
  clock.advance(1e12)
  expect(idle()).toBe(0)
  await watched.stop()
})
