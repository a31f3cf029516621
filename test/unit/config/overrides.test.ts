import { expect, test } from 'vitest'
import { applyOverrides, type Overrides, parsePort } from '../../../src/config/overrides.ts'

const apply = (value: Record<string, unknown>, flags: Overrides = {}, env: Record<string, string> = {}) =>
  applyOverrides(value, flags, env)

test.each([
  ['0', 0],
  ['8080', 8080],
  ['65535', 65535],
  ['65536', undefined],
  ['-1', undefined],
  ['80.5', undefined],
  ['', undefined],
  ['0x50', undefined],
  [' 80', undefined],
])('port %j is %s', (text, port) => expect(parsePort(text)).toBe(port))

test('nothing to override changes nothing', () => {
  const value = { listeners: [{ port: 1 }], upstreams: { a: {} } }
  expect(apply(value)).toEqual({ value, problems: [], pointers: [] })
  expect(apply(value, {}, { PORT: '', PROTOGATE_HOST: '', PROTOGATE_UPSTREAM: '' }).pointers).toEqual([])
})

test('the given value is left alone', () => {
  const value = { listeners: [{ port: 1 }], admin: { port: 2 }, upstreams: { a: { endpoints: ['x'] } } }
  const before = structuredClone(value)
  apply(value, { port: 9, adminPort: 9, host: 'h', upstream: ['b:1'] })
  expect(value).toEqual(before)
})

test('a listener appears where the file has none; admin that was off comes back with a port', () => {
  const { value, pointers } = apply({ admin: false }, { port: 9, adminPort: 8 })
  expect(value).toEqual({ listeners: [{ port: 9 }], admin: { port: 8 } })
  expect(pointers).toEqual(['/listeners/0/port', '/admin/port'])
})

test('wrong parts are left for the checks to tell', () => {
  expect(apply({ listeners: 'x', upstreams: [] }, { upstream: ['h:1'] }).value).toMatchObject({
    listeners: 'x',
    upstreams: { default: { endpoints: ['grpc://h:1'] } },
  })
  expect(apply({ listeners: ['x'] }, { port: 9 }).value).toMatchObject({ listeners: [{ port: 9 }] })
})

test('several upstreams with commas; an upstream of a name from the prototype', () => {
  const both = { upstreams: { a: {}, b: {} } }
  expect(apply(both, {}, { PROTOGATE_UPSTREAM: 'a=h:1, b=http://h:2' }).value.upstreams).toEqual({
    a: { endpoints: ['grpc://h:1'] },
    b: { endpoints: ['http://h:2'] },
  })
  const { value } = apply({}, { upstream: ['constructor=h:1'] })
  expect(Object.entries(value.upstreams as object)).toEqual([['constructor', { endpoints: ['grpc://h:1'] }]])
})

test('a query with "=" is no name', () => {
  expect(apply({}, { upstream: ['mock:?seed=7'] }).value.upstreams).toEqual({
    default: { endpoints: ['mock:?seed=7'] },
  })
})
