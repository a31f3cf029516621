import { describe, expect, test } from 'vitest'
import { grpcMessage, takesTrailers } from '../../../../../adapters/inbound/http/metadata.ts'
import type { Peer } from '../../../../../src/core/exchange.ts'
import { callId, forwardedReply, proxyMetadata, rpcMetadata } from '../../../../../src/core/forwarding.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import type { RouteSettings } from '../../../../../src/core/router.ts'
import { fakeHttp } from '../../../../support/http-io.ts'
import { fakeSchema, fakeSettings } from '../../../../support/loopback.ts'

const settings = (request: readonly string[] | undefined, response?: readonly string[]): RouteSettings =>
  fakeSettings(fakeSchema(), {
    forwardRequest: request && new Set(request),
    forwardResponse: response && new Set(response),
  })
const behind: Peer = { address: '198.51.100.1', certificate: undefined, via: '10.0.0.1' }
const requestOf = (headers: readonly string[], peer?: Peer, httpVersion = '1.1') =>
  fakeHttp({ headers, httpVersion, ...(peer === undefined ? {} : { peer }) }).request

describe('metadata of an RPC', () => {
  const allow = ['authorization', 'x-request-id', 'x-tenant', 'x-data-bin']

  test('the allow-list, in order and with repeats, and the id of the call', () => {
    const request = requestOf([
      'authorization',
      'Bearer a',
      'cookie',
      'c',
      'x-tenant',
      '1',
      'x-tenant',
      '2',
      'x-data-bin',
      'AAE',
      'x-request-id',
      'mine',
    ])
    expect(rpcMetadata(request, settings(allow), 'ID').raw).toEqual([
      'authorization',
      'Bearer a',
      'x-tenant',
      '1',
      'x-tenant',
      '2',
      'x-data-bin',
      'AAE',
      'x-request-id',
      'ID',
    ])
  })
  test('what protocols write themselves never passes, whatever the list says', () => {
    const names = [
      'content-type',
      'content-length',
      'te',
      'host',
      'connection',
      'grpc-timeout',
      'grpc-status',
      'expect',
      'transfer-encoding',
    ]
    const request = requestOf(names.flatMap((name) => [name, 'v']))
    expect(rpcMetadata(request, settings(names), 'ID').raw).toEqual([])
  })
  test('what Connection lists is for this connection alone', () => {
    for (const connection of [
      ['connection', 'close, X-Tenant'],
      ['connection', 'close', 'connection', 'X-Tenant'],
    ]) {
      const request = requestOf([...connection, 'x-tenant', '1', 'authorization', 'a'])
      expect(rpcMetadata(request, settings(['x-tenant', 'authorization']), 'ID').raw).toEqual(['authorization', 'a'])
    }
  })
  test('a value that gRPC cannot carry is an error that names the header', () => {
    const request = requestOf(['authorization', 'Bearer \u00e9'])
    expect(() => rpcMetadata(request, settings(allow), 'ID')).toThrow(/authorization/)
    expect(rpcMetadata(requestOf(['x-other', '\u00e9']), settings(allow), 'ID').raw).toEqual(['x-request-id', 'ID'])
  })
  test('one more name for a stream of events', () => {
    const request = requestOf(['last-event-id', '7'])
    expect(rpcMetadata(request, settings([]), 'ID', 'last-event-id').raw).toEqual(['last-event-id', '7'])
    expect(rpcMetadata(request, settings([]), 'ID').raw).toEqual([])
  })
  test('who forwarded it, only where it is asked for', () => {
    const request = requestOf(['x-forwarded-for', '1.2.3.4'])
    expect(rpcMetadata(request, settings(['x-forwarded-for']), 'ID').raw).toEqual(['x-forwarded-for', '192.0.2.1'])
  })
})

describe('headers of a proxied request', () => {
  test('everything but what belongs to this connection, with the id and the client', () => {
    const request = requestOf([
      'accept',
      'a',
      'connection',
      'x-hop',
      'x-hop',
      '1',
      'te',
      'trailers, gzip',
      'expect',
      '100-continue',
      'host',
      'h',
      'content-length',
      '3',
      'x-request-id',
      'mine',
      'x-a',
      '1',
      'x-a',
      '2',
    ])
    expect(proxyMetadata(request, 'ID').raw).toEqual([
      'accept',
      'a',
      'te',
      'trailers',
      'x-a',
      '1',
      'x-a',
      '2',
      'x-request-id',
      'ID',
      'x-forwarded-for',
      '192.0.2.1',
      'x-forwarded-host',
      'gateway.test',
      'x-forwarded-proto',
      'http',
      'content-length',
      '3',
    ])
  })
  test('a client that is not trusted cannot say for whom it forwards', () => {
    const lies = [
      'x-forwarded-for',
      '1.1.1.1',
      'forwarded',
      'for=1.1.1.1',
      'x-forwarded-host',
      'evil',
      'x-forwarded-proto',
      'https',
      'x-forwarded-port',
      '1',
      'x-forwarded-prefix',
      '/x',
    ]
    expect(proxyMetadata(requestOf(lies), 'ID').raw).toEqual(proxyMetadata(requestOf([]), 'ID').raw)
  })
  test('a trusted proxy is believed and continued', () => {
    const told = [
      'x-forwarded-for',
      '198.51.100.1',
      'x-forwarded-host',
      'www.example',
      'x-forwarded-proto',
      'https',
      'forwarded',
      'for=198.51.100.1',
    ]
    expect(proxyMetadata(requestOf(told, behind), 'ID').raw).toEqual([
      'x-request-id',
      'ID',
      'x-forwarded-for',
      '198.51.100.1, 10.0.0.1',
      'x-forwarded-host',
      'www.example',
      'x-forwarded-proto',
      'https',
      'forwarded',
      'for=198.51.100.1',
    ])
  })
})

describe('the id of a call', () => {
  const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  test('is new, unless a trusted proxy gives one that fits a header', () => {
    expect(callId(requestOf(['x-request-id', 'mine']))).toMatch(UUID7)
    expect(callId(requestOf(['x-request-id', 'theirs'], behind))).toBe('theirs')
    for (const id of ['', 'a b', 'x'.repeat(129), '\u00e9'])
      expect(callId(requestOf(['x-request-id', id], behind))).toMatch(UUID7)
  })
})

test.each([
  [['te', 'trailers'], '1.1', true],
  [['te', 'gzip;q=0.5, Trailers'], '1.1', true],
  [['te', 'gzip', 'te', 'trailers;q=1'], '1.1', true],
  [['te', 'gzip'], '1.1', false],
  [['te', 'no-trailers'], '1.1', false],
  [[], '1.1', false],
  [['te', 'trailers'], '1.0', false],
] as const)('takesTrailers(%j, %s) is %s', (headers, version, takes) => {
  expect(takesTrailers(requestOf(headers, undefined, version).head)).toBe(takes)
})

test('what of a reply a client sees', () => {
  const metadata = makeMetadata([
    'etag',
    'a',
    'x-b',
    '1',
    'x-b',
    '2',
    'content-type',
    'application/grpc',
    'grpc-status',
    '0',
    'x-request-id',
    'theirs',
  ])
  expect(forwardedReply(metadata, settings(undefined, ['x-b', 'content-type', 'grpc-status', 'x-request-id']))).toEqual(
    ['x-b', '1', 'x-b', '2'],
  )
  expect(forwardedReply(metadata, settings(undefined, undefined))).toEqual(['etag', 'a', 'x-b', '1', 'x-b', '2'])
  expect(forwardedReply(metadata, settings(undefined, []))).toEqual([])
})

test('grpcMessage is percent-encoded UTF-8', () => {
  expect(grpcMessage('a \u20ac 100%\r\n')).toBe('a %E2%82%AC 100%25%0D%0A')
})
