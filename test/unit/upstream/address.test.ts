import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/config-error.ts'
import { parseAddress, schemeOf } from '../../../src/upstream/address.ts'

const PORTS = { grpc: 80, grpcs: 443, http: 80, https: 443, unix: 0 }

test.each([
  ['grpc://127.0.0.1:50051', 'grpc', '127.0.0.1', 50051, '127.0.0.1:50051', ''],
  ['grpcs://api.example', 'grpcs', 'api.example', 443, 'api.example', ''],
  ['GRPC://API.example:1', 'grpc', 'api.example', 1, 'api.example:1', ''],
  ['grpc://[::1]:50051', 'grpc', '::1', 50051, '[::1]:50051', ''],
  ['grpc://[::1]', 'grpc', '::1', 80, '[::1]', ''],
  ['http://shop:3000/base/', 'http', 'shop', 3000, 'shop:3000', '/base'],
  ['http://shop:80/a%20b/c', 'http', 'shop', 80, 'shop:80', '/a%20b/c'],
  ['https://shop/', 'https', 'shop', 443, 'shop', ''],
  ['unix:/run/a.sock', 'unix', '', 0, 'localhost', '/run/a.sock'],
  ['unix:///run/a.sock', 'unix', '', 0, 'localhost', '/run/a.sock'],
  ['unix:relative.sock', 'unix', '', 0, 'localhost', 'relative.sock'],
])('%s', (address, scheme, host, port, authority, path) => {
  expect(parseAddress(address, PORTS)).toEqual({ scheme, host, port, authority, path })
})

describe('what is refused, with the reason', () => {
  test.each([
    ['127.0.0.1:50051', /scheme/],
    ['', /scheme/],
    ['ftp://x', /scheme is not one of grpc, grpcs/],
    ['constructor://x', /scheme/],
    ['grpc:', /not a URL/],
    ['grpc://', /not a URL/],
    ['grpc:///x', /not a URL/],
    ['grpc:host:1', /not a URL/],
    ['grpc://host:99999', /not a URL/],
    ['grpc://host:1?x=1', /query/],
    ['grpc://host:1#x', /fragment/],
    ['grpc://me:secret@host:1', /user or password/],
    ['unix:', /names no socket/],
  ])('"%s"', (address, why) => {
    try {
      parseAddress(address, PORTS)
      expect.unreachable()
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(ConfigError)
      expect((thrown as ConfigError).problems).toHaveLength(1)
      expect((thrown as ConfigError).problems[0]).toMatchObject({ code: 'ENDPOINT_INVALID', severity: 'error' })
      expect((thrown as ConfigError).problems[0]!.message).toMatch(why)
    }
  })
})

test('the scheme alone', () => {
  expect([schemeOf('grpc://x'), schemeOf('mock:'), schemeOf('UNIX:/x'), schemeOf('host'), schemeOf('1a:x')]).toEqual([
    'grpc',
    'mock',
    'unix',
    undefined,
    undefined,
  ])
})
