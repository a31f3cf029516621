import { describe, expect, test } from 'vitest'
import {
  checkOrigin,
  readHandshake,
  refuseSubprotocols,
  withoutBearer,
  withoutProtocols,
} from '../../../../../adapters/inbound/ws/handshake.ts'
import { reasonOf } from '../../../../../src/core/error-details.ts'
import type { RequestHead } from '../../../../../src/core/exchange.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import { type GatewayError, toGatewayError } from '../../../../../src/core/status.ts'
import { httpFromStatus } from '../../../../../src/core/status-map.ts'

const headOf = (headers: readonly string[], authority = 'app.example'): RequestHead => ({
  method: 'GET',
  path: '/',
  authority,
  scheme: 'http',
  httpVersion: '1.1',
  headers: makeMetadata([...headers]),
})
const failure = (run: () => unknown): GatewayError => {
  try {
    run()
  } catch (thrown) {
    return toGatewayError(thrown)
  }
  throw new Error('did not throw')
}
const HEAD = ['sec-websocket-version', '13', 'sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==']
const handshake = (...protocols: string[]) =>
  readHandshake(makeMetadata([...HEAD, ...protocols.flatMap((value) => ['sec-websocket-protocol', value])]))

describe('the opening handshake', () => {
  test('subprotocols in their order, over several fields, with spaces', () => {
    expect(handshake('a,b', ' c ')).toEqual({ protocols: ['a', 'b', 'c'], bearer: undefined })
    expect(handshake()).toEqual({ protocols: [], bearer: undefined })
  })

  test('a credential is taken out', () => {
    expect(handshake('a, protogate.bearer.e30.e30.x_-~, b')).toEqual({ protocols: ['a', 'b'], bearer: 'e30.e30.x_-~' })
  })

  test.each([
    ['a,,b'],
    ['a b'],
    [''],
    ['"a"'],
    ['a, a'],
    ['protogate.bearer.'],
    ['protogate.bearer.x, protogate.bearer.y'],
    ['protogate.bearer.s3cret, s3cret/'],
  ])('%s is refused, and not repeated', (value) => {
    const error = failure(() => handshake(value))
    expect(reasonOf(error.status.details)).toBe('SUBPROTOCOL')
    expect(httpFromStatus(error.status)).toBe(400)
    expect(error.message).not.toContain('s3cret')
  })

  test.each([
    [['sec-websocket-version', '8', 'sec-websocket-key', HEAD[3]!], 'WEBSOCKET_VERSION', 426],
    [['sec-websocket-key', HEAD[3]!], 'WEBSOCKET_VERSION', 426],
    [[...HEAD, 'sec-websocket-version', '13'], 'WEBSOCKET_VERSION', 426],
    [['sec-websocket-version', '13'], 'WEBSOCKET_KEY', 400],
    [['sec-websocket-version', '13', 'sec-websocket-key', 'c2hvcnQ='], 'WEBSOCKET_KEY', 400],
    [[...HEAD, 'sec-websocket-key', HEAD[3]!], 'WEBSOCKET_KEY', 400],
  ])('%j: %s', (headers, reason, httpStatus) => {
    const error = failure(() => readHandshake(makeMetadata([...headers])))
    expect([reasonOf(error.status.details), httpFromStatus(error.status)]).toEqual([reason, httpStatus])
  })

  test('on the path of a method no subprotocol is known', () => {
    expect(refuseSubprotocols(handshake())).toBeUndefined()
    expect(failure(() => refuseSubprotocols(handshake('protogate.v1+json'))).message).toContain('"subscriptions"')
    expect(failure(() => refuseSubprotocols(handshake('chat', 'soap'))).message).toContain('chat, soap')
    const alone = failure(() => refuseSubprotocols(handshake('protogate.bearer.s3cret')))
    expect(alone.message).not.toContain('s3cret')
  })
})

describe('a credential in the subprotocols', () => {
  const value = 'chat, protogate.bearer.s3cret'
  const given = headOf(['x-a', '1', 'sec-websocket-protocol', value])

  test('becomes an authorization header and is gone from the head', () => {
    const { head, credited } = withoutBearer(given, handshake(value))
    expect(head.headers.raw).toEqual(['x-a', '1', 'sec-websocket-protocol', 'chat'])
    expect(credited.headers.get('authorization')).toBe('Bearer s3cret')
    expect(given.headers.get('sec-websocket-protocol')).toBe(value)
  })

  test('does not replace the header that the client sent', () => {
    const head = headOf(['authorization', 'Basic x', 'sec-websocket-protocol', 'protogate.bearer.s3cret'])
    const { credited } = withoutBearer(head, handshake('protogate.bearer.s3cret'))
    expect(credited.headers.raw).toEqual(['authorization', 'Basic x'])
  })

  test('without one nothing is copied', () => {
    const head = headOf(['sec-websocket-protocol', 'chat'])
    expect(withoutBearer(head, handshake('chat')).head).toBe(head)
  })

  test('of a head that was not understood all names go', () => {
    expect(withoutProtocols(given).headers.raw).toEqual(['x-a', '1'])
  })
})

describe('origins', () => {
  const allows = (origin: string, allowed: readonly string[] | undefined, authority?: string): boolean => {
    try {
      checkOrigin(headOf(['origin', origin], authority), allowed)
      return true
    } catch (thrown) {
      expect(reasonOf(toGatewayError(thrown).status.details)).toBe('ORIGIN_FORBIDDEN')
      return false
    }
  }

  test.each([
    ['https://app.example', 'app.example', true],
    ['http://app.example', 'app.example', true],
    ['https://APP.example', 'App.Example', true],
    ['https://app.example', 'app.example:443', true],
    ['http://app.example', 'app.example:80', true],
    ['http://app.example:8080', 'app.example:8080', true],
    ['http://[::1]:8080', '[::1]:8080', true],
    ['https://app.example', 'app.example:80', false],
    ['https://app.example', 'app.example:8443', false],
    ['https://app.example:8443', 'app.example', false],
    ['https://app.example.evil.example', 'app.example', false],
    ['https://evil.example/app.example', 'app.example', false],
    ['https://app.example@evil.example', 'app.example', false],
    ['null', 'app.example', false],
    ['', 'app.example', false],
    ['file://', 'app.example', false],
  ])('%s on %s, by default: %s', (origin, authority, fine) => {
    expect(allows(origin, undefined, authority)).toBe(fine)
  })

  test.each([
    ['https://app.example', ['https://app.example'], true],
    ['http://app.example', ['https://app.example'], false],
    ['https://app.example:8443', ['https://app.example'], false],
    ['https://a.app.example', ['https://*.app.example'], true],
    ['https://a.b.app.example', ['https://*.app.example'], true],
    ['https://app.example', ['https://*.app.example'], false],
    ['https://.app.example', ['https://*.app.example'], false],
    ['https://evilapp.example', ['https://*.app.example'], false],
    ['http://a.app.example', ['https://*.app.example'], false],
    ['https://anything', ['*'], true],
    ['null', ['*'], true],
    ['null', ['null'], true],
    ['null', ['https://app.example'], false],
    ['https://app.example', [], false],
  ])('%s with %j: %s', (origin, allowed, fine) => {
    expect(allows(origin, allowed)).toBe(fine)
  })

  test('no Origin is no browser; two of them are none that can be trusted', () => {
    expect(checkOrigin(headOf([]), [])).toBeUndefined()
    const twice = headOf(['origin', 'https://app.example', 'origin', 'https://app.example'])
    expect(reasonOf(failure(() => checkOrigin(twice, ['*'])).status.details)).toBe('ORIGIN_FORBIDDEN')
  })
})
