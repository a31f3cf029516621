import { expect, test } from 'vitest'
import { SharedResources } from '../../../src/core/shared.ts'

const counted = () => {
  const made: string[] = []
  const stopped: string[] = []
  const make = (name: string) => () => {
    made.push(name)
    return {
      name,
      async stop() {
        stopped.push(name)
      },
    }
  }
  return { made, stopped, make }
}

test('made once for a key, stopped when the last holder lets go', async () => {
  const { made, stopped, make } = counted()
  const shared = new SharedResources()
  const a = shared.acquire('k', make('one'))
  const b = shared.acquire('k', make('two'))
  const other = shared.acquire('__proto__', make('other'))
  expect([a.value === b.value, made, shared.size]).toEqual([true, ['one', 'other'], 2])
  await a.release()
  await a.release()
  expect(stopped).toEqual([])
  await b.release()
  expect([stopped, shared.size]).toEqual([['one'], 1])
  await other.release()
  expect([stopped, shared.size]).toEqual([['one', 'other'], 0])
})

test('who asks while the old one stops gets a new one, which stays', async () => {
  const { made, stopped, make } = counted()
  const shared = new SharedResources()
  const old = shared.acquire('k', make('old'))
  const stopping = old.release()
  const next = shared.acquire('k', make('new'))
  await stopping
  expect([made, stopped, shared.size, next.value.name]).toEqual([['old', 'new'], ['old'], 1, 'new'])
})

test('what cannot be made holds nothing', () => {
  const shared = new SharedResources()
  expect(() =>
    shared.acquire('k', () => {
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(shared.size).toBe(0)
})
