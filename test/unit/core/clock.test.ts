import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock, testClock } from '../../../src/core/clock.ts'

describe('the system clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'queueMicrotask'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('runs once, not before its time and at the next tick after it', () => {
    const clock = systemClock()
    let runs = 0
    clock.after(23, () => runs++)
    vi.advanceTimersByTime(22)
    expect(runs).toBe(0)
    vi.advanceTimersByTime(8)
    expect(runs).toBe(1)
    vi.advanceTimersByTime(1000)
    expect(runs).toBe(1)
  })

  test('never early, from any point between two ticks', () => {
    const clock = systemClock()
    for (const offset of [0, 1, 2.5, 4, 4.9]) {
      vi.advanceTimersByTime(offset)
      const start = clock.now()
      let at: number | undefined
      clock.after(10, () => {
        at = clock.now()
      })
      vi.advanceTimersByTime(30)
      expect(at).toBeGreaterThanOrEqual(start + 10)
      expect(at).toBeLessThanOrEqual(start + 16)
    }
  })

  test('in the order of their times, those of one tick as they came', () => {
    const clock = systemClock()
    const order: string[] = []
    clock.after(50, () => order.push('50'))
    clock.after(10, () => order.push('10 first'))
    clock.after(30, () => order.push('30'))
    clock.after(10, () => order.push('10 second'))
    clock.after(-5, () => order.push('at once'))
    vi.advanceTimersByTime(100)
    expect(order).toEqual(['at once', '10 first', '10 second', '30', '50'])
  })

  test('late: all that is due runs, in order', () => {
    const clock = systemClock()
    const order: number[] = []
    for (const ms of [40, 20, 30, 10]) clock.after(ms, () => order.push(ms))
    // The process was busy: time goes on, and the one timer of the wheel fires when all of them are due.
    const start = performance.now()
    const now = vi.spyOn(performance, 'now').mockImplementation(() => start + 200)
    vi.advanceTimersByTime(10)
    now.mockRestore()
    expect(order).toEqual([10, 20, 30, 40])
  })

  test('stop takes it back: before, twice, after, and inside another of the same tick', async () => {
    const clock = systemClock()
    const ran: string[] = []
    const stopped = clock.after(20, () => ran.push('stopped'))
    await stopped.stop()
    await stopped.stop()
    const other = clock.after(10, () => ran.push('done'))
    clock.after(40, () => {
      void victim.stop()
      ran.push('killer')
    })
    const victim = clock.after(40, () => ran.push('victim'))
    vi.advanceTimersByTime(100)
    await other.stop()
    expect(ran).toEqual(['done', 'killer'])
  })

  test('one timer of Node’s serves them all, and none is left behind', () => {
    const clock = systemClock()
    const timers = Array.from({ length: 500 }, (_, i) => clock.after(1000 + i, () => {}))
    expect(vi.getTimerCount()).toBe(1)
    for (const timer of timers) void timer.stop()
    vi.advanceTimersByTime(2000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a timer may start and stop others', () => {
    const clock = systemClock()
    const ran: string[] = []
    clock.after(10, () => {
      ran.push('first')
      clock.after(0, () => ran.push('at once'))
      clock.after(20, () => ran.push('later'))
    })
    vi.advanceTimersByTime(20)
    expect(ran).toEqual(['first', 'at once'])
    vi.advanceTimersByTime(20)
    expect(ran).toEqual(['first', 'at once', 'later'])
  })

  test('more than 2^31 ms: neither at once nor never', () => {
    const clock = systemClock()
    const wait = 2 ** 31 + 12_345
    let runs = 0
    clock.after(wait, () => runs++)
    clock.after(Number.POSITIVE_INFINITY, () => {
      throw new Error('never')
    })
    vi.advanceTimersByTime(10_000)
    expect(runs).toBe(0)
    vi.advanceTimersByTime(wait - 10_001)
    expect(runs).toBe(0)
    vi.advanceTimersByTime(6)
    expect(runs).toBe(1)
  })

  test('one that throws is uncaught, and the others of its tick run', () => {
    const clock = systemClock()
    const ran: string[] = []
    const thrown: unknown[] = []
    // The error leaves by the microtask queue, which is fake here, so that it can be seen.
    const queue = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => {
      try {
        run()
      } catch (error) {
        thrown.push(error)
      }
    })
    const error = new Error('a mistake')
    clock.after(10, () => {
      throw error
    })
    clock.after(10, () => ran.push('same tick'))
    clock.after(50, () => ran.push('later'))
    vi.advanceTimersByTime(100)
    queue.mockRestore()
    expect([ran, thrown]).toEqual([['same tick', 'later'], [error]])
  })

  test('very many of one tick', () => {
    const clock = systemClock()
    let runs = 0
    for (let i = 0; i < 200_000; i++) clock.after(10_000, () => runs++)
    vi.advanceTimersByTime(10_010)
    expect(runs).toBe(200_000)
  })
})

describe('the real thing', () => {
  test('waits', async () => {
    const clock = systemClock()
    const start = clock.now()
    await new Promise<void>((resolve) => clock.after(12, resolve))
    expect(clock.now() - start).toBeGreaterThanOrEqual(12)
  })
  test('does not keep the process alive', async () => {
    const script = `
      import { systemClock } from ${JSON.stringify(new URL('../../../src/core/clock.ts', import.meta.url).href)}
      systemClock().after(3_600_000, () => {})
      console.log('over')`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout).toBe('over\n')
  })
})

describe('the test clock', () => {
  test('stands still until it is told, then runs what falls due in order, at its time', () => {
    const clock = testClock(100)
    const ran: [string, number][] = []
    const note = (name: string) => () => void ran.push([name, clock.now()])
    clock.after(30, note('b'))
    clock.after(10, () => {
      note('a')()
      clock.after(5, note('nested'))
      clock.after(500, note('far'))
    })
    void clock.after(20, note('stopped')).stop()
    clock.after(-1, note('now'))
    expect([ran, clock.pending()]).toEqual([[], 3])
    clock.advance(0)
    expect(ran).toEqual([['now', 100]])
    clock.advance(40)
    expect(ran).toEqual([
      ['now', 100],
      ['a', 110],
      ['nested', 115],
      ['b', 130],
    ])
    expect([clock.now(), clock.pending()]).toEqual([140, 1])
  })
})
