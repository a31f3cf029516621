import { describe, expect, test } from 'vitest'
import { HostMap } from '../../../src/router/hosts.ts'
import { compilePredicates } from '../../../src/router/predicates.ts'
import { type SplitPath, splitPath } from '../../../src/router/split.ts'
import { type Candidate, Trie } from '../../../src/router/trie.ts'
import { loopbackExchange } from '../../support/loopback.ts'
import { template } from '../../support/routes.ts'

const candidate = (text: string, method = 'GET', trailingSlash = false): Candidate => ({
  template: template(text, text.endsWith('/*') ? 'prefix' : 'lenient'),
  method,
  predicates: compilePredicates(),
  trailingSlash,
})
const trieOf = (candidates: readonly Candidate[]): Trie<Candidate> => {
  const trie = new Trie<Candidate>()
  for (const each of candidates) trie.add(each)
  trie.finish(
    () => 0,
    () => [],
  )
  return trie
}

/** The path with every look at a segment counted: a step of the search looks at one at most. */
const counted = (text: string): { path: SplitPath; looks: () => number } => {
  const split = splitPath(text)!
  let looks = 0
  const names = new Proxy(split.names as string[], {
    get(target, key, receiver) {
      if (typeof key === 'string' && key !== 'length') looks++
      return Reflect.get(target, key, receiver)
    },
  })
  return { path: { ...split, names }, looks: () => looks }
}

const search = (trie: Trie<Candidate>, text: string, method = 'GET'): { found: boolean; looks: number } => {
  const { path, looks } = counted(text)
  const { head } = loopbackExchange({ method, path: text, headers: [] })
  const wish = { head, method, any: true, upgrade: false }
  const found = trie.find(path, { ...wish, methods: undefined })
  trie.find(path, { ...wish, methods: new Set() })
  return { found: found !== undefined, looks: looks() }
}

describe('hostile templates and paths', () => {
  /** Every mix of `a` and `*` of a depth: 2^depth templates, the most that a path can branch into. */
  const mixes = (depth: number): string[] =>
    Array.from({ length: 2 ** depth }, (_, bits) =>
      Array.from({ length: depth }, (_, i) => ((bits >> i) & 1 ? '/a' : '/*')).join(''),
    )

  test('a search takes no more steps than the trie has nodes, for any path of 16 KiB', () => {
    const depth = 8
    const nodes = 2 ** (depth + 1)
    const trie = trieOf(mixes(depth).map((text) => candidate(`${text}/end`)))
    const long = '/a'.repeat(8192)
    expect(long).toHaveLength(16384)
    for (const path of [long, `${long.slice(0, -4)}/end`, '/a'.repeat(depth), `${'/a'.repeat(depth)}/x`]) {
      const { found, looks } = search(trie, path)
      expect(found).toBe(false)
      // Two searches: for the method, then for `Allow`; each looks once at the last segment besides.
      expect(looks).toBeLessThanOrEqual(2 * (2 * nodes + 2))
    }
    expect(search(trie, `${'/a'.repeat(depth)}/end`).found).toBe(true)
  })

  test('literals behind ** are found from the end, without trying every place of the **', () => {
    const trie = trieOf(Array.from({ length: 50 }, (_, i) => candidate(`${'/a'.repeat(i)}/**${'/a'.repeat(50)}/end`)))
    const { found, looks } = search(trie, '/a'.repeat(8192))
    expect(found).toBe(false)
    expect(looks).toBeLessThanOrEqual(2 * (50 * 53 + 52))
    expect(search(trie, `${'/a'.repeat(8000)}/end`)).toMatchObject({ found: true })
  })

  test('a segment of 16 KiB of colons is split no more often than there are verbs', () => {
    const verbs = Array.from({ length: 20 }, (_, i) => `v${':'.repeat(i + 1)}`)
    const trie = trieOf([...verbs.map((verb) => candidate(`/x/{id}:${verb}`)), candidate('/y')])
    const { found, looks } = search(trie, `/x/${':'.repeat(16384)}v`)
    expect(found).toBe(false)
    expect(looks).toBeLessThanOrEqual(2 * (2 + 20 * 3 + 3))
    expect(search(trie, `/x/${':'.repeat(16384)}v:`).found).toBe(true)
  })

  test('empty segments and a trailing slash cost no more', () => {
    const trie = trieOf(
      mixes(6).map((text) => candidate(text.endsWith('/*') ? `${text.slice(0, -1)}{x}` : text, 'GET', true)),
    )
    for (const path of ['/'.repeat(16384), `${'/a'.repeat(5000)}/`, `${'/a'.repeat(6)}//`])
      expect(search(trie, path).looks).toBeLessThanOrEqual(2 * (2 * 2 ** 7 + 4))
    expect(search(trie, `${'/a'.repeat(6)}/`).found).toBe(true)
  })
})

test('a Host header of 16 KiB of dots is looked at no longer than the longest pattern', () => {
  const hosts = new HostMap<string[]>(() => [])
  hosts.at('*.example').push('wild')
  hosts.at(undefined).push('any')
  expect(hosts.of(`${'a.'.repeat(8192)}example`)).toEqual([['wild'], ['any']])
  expect(hosts.of('.'.repeat(16384))).toEqual([['any']])
})

test('a `**` in the middle of a strict trie is refused by the trie itself', () => {
  const text = '/**/x'
  const parsed = template(text, 'lenient')
  const broken = { ...parsed, segments: [parsed.segments[0]!, { kind: 'star' as const }] }
  expect(() => new Trie<Candidate>().add({ ...candidate(text), template: broken })).toThrow('only literals may follow')
})
