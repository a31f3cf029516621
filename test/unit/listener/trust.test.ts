import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/config-error.ts'
import { makeMetadata } from '../../../src/core/metadata.ts'
import { peerBehind, trustOf } from '../../../src/listener/trust.ts'

const direct = (address: string) => ({ address, certificate: undefined })
const forwardedFor = (...values: string[]) => makeMetadata(values.flatMap((value) => ['x-forwarded-for', value]))

describe('trustOf', () => {
  test('addresses and blocks of both families', () => {
    const trust = trustOf(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1'])
    expect(['10.255.0.1', '192.0.2.7', 'fd12::1', '::1'].map(trust)).toEqual([true, true, true, true])
    expect(['11.0.0.1', '192.0.2.8', 'fe80::1', '::2', 'unix', ''].map(trust)).toEqual(Array(6).fill(false))
  })
  test('nobody by default', () => {
    expect(trustOf([])('127.0.0.1')).toBe(false)
  })
  test.each(['proxy.example', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/x', ''])(
    'refuses %j',
    (entry) => {
      expect(() => trustOf(['10.0.0.1', entry])).toThrow(ConfigError)
      try {
        trustOf(['10.0.0.1', entry])
      } catch (error) {
        expect((error as ConfigError).problems[0]).toMatchObject({
          code: 'TRUSTED_PROXY_INVALID',
          pointer: '/trustedProxies/1',
        })
      }
    },
  )
})

describe('peerBehind', () => {
  const trust = trustOf(['10.0.0.0/8'])
  test('a client that is not trusted is what it is, whatever it says', () => {
    const peer = direct('203.0.113.9')
    expect(peerBehind(peer, forwardedFor('198.51.100.1'), trust)).toBe(peer)
  })
  test('behind one proxy', () => {
    expect(peerBehind(direct('10.0.0.1'), forwardedFor('198.51.100.1'), trust)).toEqual({
      address: '198.51.100.1',
      certificate: undefined,
      via: '10.0.0.1',
    })
  })
  test('the last untrusted one counts: what stands before it could be invented', () => {
    const headers = forwardedFor('1.2.3.4, 198.51.100.1', '10.0.0.2')
    expect(peerBehind(direct('10.0.0.1'), headers, trust).address).toBe('198.51.100.1')
  })
  test('a chain of trusted ones ends at the first', () => {
    expect(peerBehind(direct('10.0.0.1'), forwardedFor('10.0.0.3, 10.0.0.2'), trust).address).toBe('10.0.0.3')
  })
  test('no header, or no address in it: the proxy itself', () => {
    expect(peerBehind(direct('10.0.0.1'), forwardedFor(), trust)).toMatchObject({
      address: '10.0.0.1',
      via: '10.0.0.1',
    })
    expect(peerBehind(direct('10.0.0.1'), forwardedFor('unknown'), trust).address).toBe('10.0.0.1')
  })
})
