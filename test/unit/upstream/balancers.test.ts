import { expect, test } from 'vitest'
import type { Endpoint } from '../../../src/core/snapshot.ts'
import { createRoundRobin, roundRobin } from '../../../src/upstream/balancers.ts'
import { loopbackExchange } from '../../support/loopback.ts'

const endpoint = (address: string, weight = 1): Endpoint => ({
  address,
  weight,
  zone: undefined,
  inFlight: 0,
  channel: { call: () => Promise.reject(new Error('not called')), stop: () => Promise.resolve() },
})
const exchange = loopbackExchange()
const picks = (endpoints: readonly Endpoint[], count: number, balancer = createRoundRobin()): string =>
  Array.from({ length: count }, () => balancer.pick(endpoints, exchange)?.address ?? '-').join('')

test('equal weights take turns, the first one first', () => {
  expect(picks([endpoint('a'), endpoint('b'), endpoint('c')], 7)).toBe('abcabca')
})
test('weights are kept, and spread evenly', () => {
  expect(picks([endpoint('a', 5), endpoint('b'), endpoint('c')], 14)).toBe('aabacaaaabacaa')
})
test('weight 0 gets nothing; nothing but that is nobody', () => {
  expect(picks([endpoint('a', 0), endpoint('b')], 3)).toBe('bbb')
  expect(picks([endpoint('a', 0)], 2)).toBe('--')
  expect(picks([], 1)).toBe('-')
})
test('an endpoint that joins or leaves does not disturb the turns of the others', () => {
  const balancer = createRoundRobin()
  const [a, b, c] = [endpoint('a'), endpoint('b'), endpoint('c')]
  expect(picks([a!, b!], 3, balancer)).toBe('aba')
  const all = picks([a!, b!, c!], 30, balancer)
  for (const name of 'abc') expect(all.split(name)).toHaveLength(11)
  expect(picks([b!, c!], 2, balancer).split('').sort().join('')).toBe('bc')
})
test('two upstreams with the same module have their own turns', () => {
  const endpoints = [endpoint('a'), endpoint('b')]
  const context = undefined as never
  expect(picks(endpoints, 1, roundRobin.create({}, context))).toBe('a')
  expect(picks(endpoints, 1, roundRobin.create({}, context))).toBe('a')
})
