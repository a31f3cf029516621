import { describe, expect, test } from 'vitest'
import { type Things, things } from '../support/things.ts'

const strict = things()
const path = things({ compat: { conflict: 'path' } })
const body = things({ compat: { conflict: 'body' } })

/** What the backend is sent under each policy, or the status of the refusal. */
const all = async (method: string, target: string, text?: string) => {
  const results: unknown[] = []
  for (const { ask, backend } of [strict, path, body]) {
    const before = backend.calls
    const answer = await ask(method, target, text)
    results.push(answer.status === 200 ? answer.json() : answer.status)
    expect(backend.calls - before).toBe(answer.status === 200 ? 1 : 0)
  }
  return results
}

describe('compat.conflict', () => {
  test('path and body say different things', async () => {
    expect(await all('PUT', '/v1/whole/alice', '{"name":"bob","small":1}')).toEqual([
      400,
      { name: 'alice', small: 1 },
      { name: 'bob', small: 1 },
    ])
  })
  test('or the same', async () => {
    expect(await all('PUT', '/v1/whole/alice', '{"name":"alice"}')).toEqual(Array(3).fill({ name: 'alice' }))
  })
  test('the query never takes the place of the path', async () => {
    expect(await all('GET', '/v1/things/alice?name=bob&small=1')).toEqual([
      400,
      { name: 'alice', small: 1 },
      { name: 'alice', small: 1 },
    ])
    expect(await all('GET', '/v1/things/alice?name=alice')).toEqual([400, { name: 'alice' }, { name: 'alice' }])
  })
  test('nor that of the body', async () => {
    expect(await all('PUT', '/v1/whole/alice?small=2', '{"small":1}')).toEqual([
      400,
      { name: 'alice', small: 1 },
      { name: 'alice', small: 1 },
    ])
    expect(await all('PUT', '/v1/things/alice/inner?inner.u=2&small=3', '{}')).toEqual([
      400,
      { name: 'alice', small: 3, inner: {} },
      { name: 'alice', small: 3, inner: {} },
    ])
  })
  test.each<[string, Things]>([
    ['strict', strict],
    ['path', path],
    ['body', body],
  ])('a query that is wrong by itself is refused: %s', async (_, { ask }) => {
    for (const query of ['small=1&small=2', 'small=x', 'zz=1'])
      expect((await ask('GET', `/v1/things/alice?${query}`)).status).toBe(400)
  })
})
