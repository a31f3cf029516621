import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadSchema } from '../../../src/schema/schema.ts'
import { cleanSchema } from '../../support/proto-folder.ts'

const VECTORS = fileURLToPath(new URL('../../vectors/schema/', import.meta.url))
const { schema } = await loadSchema(['modern.proto'], { base: VECTORS })
const SERVICE = 'vectors.modern.v1.Shapes'

describe('operations', () => {
  test('shape, types and idempotency of each method', () => {
    const rows = schema.services.get(SERVICE)!.map((method) => {
      const { name, shape, input, output, idempotent } = schema.operations.get(`${SERVICE}/${method}`)!
      return [name.slice(SERVICE.length + 1), shape, input.name, output.name, idempotent]
    })
    const thing = 'vectors.modern.v1.Thing'
    expect(rows).toEqual([
      ['Get', 'unary', 'vectors.modern.v1.GetRequest', thing, true],
      ['Update', 'unary', 'vectors.modern.v1.UpdateRequest', thing, true],
      ['Listed', 'unary', thing, thing, false],
      ['Upload', 'client_stream', 'google.api.HttpBody', thing, false],
      ['Watch', 'server_stream', 'vectors.modern.v1.GetRequest', thing, false],
      ['Talk', 'bidi', thing, thing, false],
    ])
    expect(schema.operations.get(`${SERVICE}/Get`)!.output).toBe(schema.type(thing))
  })
  test('places and comments', () => {
    expect(schema.place(`${SERVICE}/Get`)).toEqual({ file: 'modern.proto', line: 21, column: 7 })
    expect(schema.comment(`${SERVICE}/Get`)).toBe('Gets a thing.')
    expect(schema.comment(SERVICE)).toBe('The service of all shapes.\n\nSecond paragraph, with  two spaces.')
    expect(schema.comment('nothing')).toBe('')
    expect(schema.place('nothing')).toBeUndefined()
    expect(schema.rules('nothing')).toEqual([])
  })
})

describe('http rules', () => {
  const rows = (method: string) =>
    schema.rules(`${SERVICE}/${method}`).map((rule) => {
      const { method: verb, template, body, responseBody, place, implicit } = rule
      return [verb, template, body, responseBody, `${place.line}:${place.column}`, implicit]
    })
  test('a rule, additional bindings, custom, strings in pieces; each with the place of its path', () => {
    expect(rows('Get')).toEqual([
      ['GET', '/v1/{name=things/*}', '', '', '23:12', false],
      ['GET', '/v1/things:first', '', '', '25:14', false],
      ['REPORT', '/v1/things', '*', '', '28:40', false],
    ])
  })
  test('set member by member', () => {
    expect(rows('Update')).toEqual([['PATCH', '/v1/{thing.name=things/*}', 'thing', 'label', '35:38', false]])
  })
  test('as a list, in angle brackets, with semicolons', () => {
    expect(rows('Listed').map((row) => row.slice(0, 3))).toEqual([
      ['POST', '/v1/list', '*'],
      ['PUT', '/v1/list', '*'],
      ['DELETE', '/v1/list/{name}', ''],
    ])
  })
  test('none: POST of the path that gRPC uses, the body is the message', () => {
    expect(rows('Talk')).toEqual([['POST', `/${SERVICE}/Talk`, '*', '', '49:7', true]])
  })
  test('lowerCamel members, a method in lower case, any method, a rule on a stream', async () => {
    const other = await cleanSchema({
      'a.proto': `syntax = "proto3"; import "google/api/annotations.proto"; message M { string a = 1; }
service S { rpc R(M) returns (stream M) { option (google.api.http) = { custom: { kind: "search" path: "/s" } responseBody: "a"
  additionalBindings { custom { path: "/all" kind: "*" } } selector: "ignored" }; }
rpc Q(M) returns (M) { option (.google.api.http).custom.kind = "X"; option (.google.api.http).custom.path = "/x"; } }`,
    })
    expect(other.rules('S/R').map(({ method, template, responseBody }) => [method, template, responseBody])).toEqual([
      ['SEARCH', '/s', 'a'],
      ['*', '/all', ''],
    ])
    expect(other.rules('S/Q').map(({ method, template }) => [method, template])).toEqual([['X', '/x']])
  })
})
