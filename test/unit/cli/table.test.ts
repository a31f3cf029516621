import { expect, test } from 'vitest'
import { url } from '../../../src/cli/banner.ts'
import { output } from '../../../src/cli/output.ts'
import { type RouteRow, streamForms } from '../../../src/cli/route-rows.ts'
import { exampleCall, routeTable, samplePath } from '../../../src/cli/table.ts'

const plain = output(() => {}, false)
const row = (parts: Partial<RouteRow>): RouteRow => ({
  id: 'x',
  method: 'GET',
  path: '/v1/books/{id}',
  rpc: 'acme.v1.Books/Get',
  kind: 'unary',
  auth: [],
  target: 'books',
  ...parts,
})

test('columns as wide as what is in them', () => {
  const rows = [
    row({}),
    row({
      method: 'GET/WS',
      path: '/v1/books:watch',
      rpc: 'acme.v1.Books/Watch',
      kind: 'server stream',
      target: 'mock',
    }),
    row({ method: '*', path: '/shop/*', rpc: null, kind: 'http', auth: ['jwt', 'api-key'], target: 'shop 95, next 5' }),
  ]
  expect(routeTable(rows, plain)).toBe(
    [
      '  METHOD  PATH             →  CALLS                KIND           AUTH         UPSTREAM',
      '  GET     /v1/books/{id}      acme.v1.Books/Get    unary          –            books',
      '  GET/WS  /v1/books:watch     acme.v1.Books/Watch  server stream  –            mock  (ws · sse · ndjson)',
      '  *       /shop/*             –                    http           jwt api-key  shop 95, next 5',
      '',
    ].join('\n'),
  )
})

test('a long table is cut, and says so', () => {
  const lines = routeTable(
    Array.from({ length: 7 }, () => row({})),
    plain,
    2,
  ).split('\n')
  expect(lines).toHaveLength(5)
  expect(lines[3]).toBe('  … and 5 more: protogate routes')
})

test('colours only where there may be some', () => {
  expect(
    routeTable(
      [row({})],
      output(() => {}, true),
    ),
  ).toContain('\u001b[')
  expect(routeTable([row({})], plain)).not.toContain('\u001b[')
})

test.each([
  ['server stream', 'GET/WS', 'ws · sse · ndjson'],
  ['bidi stream', 'POST/WS', 'ws · sse · ndjson'],
  ['client stream', 'POST/WS', 'ws · ndjson'],
  ['server stream', 'WS', ''],
  ['unary', 'GET', ''],
  ['http', '*', ''],
])('forms of a %s by %s: %s', (kind, method, forms) => expect(streamForms(row({ kind, method }))).toBe(forms))

test.each([
  ['/v1/books/{id}', '/v1/books/1'],
  ['/v1/{name=shelves/*/books/*}:read', '/v1/shelves/1/books/1:read'],
  ['/v1/{path=**}', '/v1/1'],
  ['/v1/*/x/{a.b}', '/v1/1/x/1'],
  ['/', '/'],
])('a path for %s is %s', (template, path) => expect(samplePath(template)).toBe(path))

test('the call to try: a GET first, else a POST with a body, else none', () => {
  const post = row({ method: 'POST', path: '/v1/books' })
  const stream = row({ method: 'GET/WS', kind: 'server stream' })
  const proxy = row({ rpc: null, kind: 'http' })
  expect(exampleCall([stream, proxy, post, row({})], 'http://h:1')).toBe('curl http://h:1/v1/books/1')
  expect(exampleCall([stream, proxy, post], 'http://h:1')).toBe(
    "curl http://h:1/v1/books -H 'content-type: application/json' -d '{}'",
  )
  expect(exampleCall([stream, proxy], 'http://h:1')).toBeUndefined()
  expect(exampleCall([row({ path: "/a'b(c)" })], 'http://h:1')).toBe(`curl 'http://h:1/a'\\''b(c)'`)
})

test.each([
  [{ host: '127.0.0.1', port: 80 }, 'http://127.0.0.1:80'],
  [{ host: '0.0.0.0', port: 80 }, 'http://127.0.0.1:80'],
  [{ host: '::', port: 80 }, 'http://[::1]:80'],
  [{ host: 'fd00::1', port: 80 }, 'http://[fd00::1]:80'],
  [{ host: 'gate.example', port: 80 }, 'http://gate.example:80'],
])('%o is shown as %s', (address, text) => expect(url(address)).toBe(text))
