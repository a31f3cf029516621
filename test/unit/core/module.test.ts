import { describe, expect, test } from 'vitest'
import { compose, type Handler, type Policy } from '../../../src/core/handler.ts'
import {
  type ConfigSchema,
  defineBalancer,
  defineDiscovery,
  defineInbound,
  defineOutbound,
  definePolicy,
  Registry,
} from '../../../src/core/module.ts'
import { fakeReply, loopbackExchange } from '../../support/loopback.ts'

const config: ConfigSchema<object> = { '~standard': {} }
const unused = (): never => {
  throw new Error('not called here')
}
const policy = (name: string) => definePolicy({ name, stage: 'guard', config, create: unused })
const outbound = (name: string, ...schemes: string[]) => defineOutbound({ name, schemes, config, connect: unused })

describe('define', () => {
  test('adds the kind and nothing else', () => {
    expect(policy('p')).toEqual({ kind: 'policy', name: 'p', stage: 'guard', config, create: unused })
    expect(outbound('o', 'a').kind).toBe('outbound')
    expect(defineInbound({ name: 'i', config, create: unused }).kind).toBe('inbound')
    expect(defineBalancer({ name: 'b', config, create: unused }).kind).toBe('balancer')
    expect(defineDiscovery({ name: 'd', config, watch: unused }).kind).toBe('discovery')
  })
})

describe('Registry', () => {
  const [p, other, o] = [policy('same'), policy('constructor'), outbound('same', 'grpc', 'grpcs')]
  const registry = new Registry([p, other, o])

  test('finds by kind and name', () => {
    expect([registry.get('policy', 'same'), registry.get('outbound', 'same')]).toEqual([p, o])
    expect(registry.get('policy', 'constructor')).toBe(other)
    for (const name of ['nope', '__proto__', 'toString', '']) expect(registry.get('policy', name)).toBeUndefined()
    expect(registry.get('balancer', 'same')).toBeUndefined()
  })
  test('all of a kind in the order of registration', () => {
    expect([registry.all('policy'), registry.all('outbound'), registry.all('inbound')]).toEqual([[p, other], [o], []])
  })
  test('a second of the same kind and name throws', () => {
    expect(() => new Registry([policy('a'), policy('a')])).toThrow('two modules of the kind policy are called "a"')
  })
  test('of two outbounds with one scheme the first has it, the second is found by name', () => {
    const [first, second] = [outbound('h2', 'grpc'), outbound('grpc-js', 'grpc', 'grpcs')]
    const two = new Registry([first, second])
    expect([two.outbound('grpc'), two.outbound('grpcs'), two.get('outbound', 'grpc-js')]).toEqual([
      first,
      second,
      second,
    ])
    expect([two.outbound('__proto__'), two.outbound('http')]).toEqual([undefined, undefined])
  })
})

describe('compose', () => {
  const noting =
    (name: string, order: string[]): Policy =>
    (next) =>
    (exchange) => {
      order.push(`${name} in`)
      const reply = next(exchange)
      order.push(`${name} out`)
      return reply
    }

  test('the first policy is outermost; nothing waits that need not', () => {
    const order: string[] = []
    const reply = fakeReply()
    const target: Handler = () => {
      order.push('target')
      return reply
    }
    const exchange = loopbackExchange()
    expect(compose([noting('a', order), noting('b', order)], target)(exchange)).toBe(reply)
    expect(order).toEqual(['a in', 'b in', 'target', 'b out', 'a out'])
    expect(compose([], target)).toBe(target)
  })
})
