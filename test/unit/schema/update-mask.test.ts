import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Schema } from '../../../src/core/schema.ts'
import { compileBinding } from '../../../src/schema/binding.ts'
import { loadSchema } from '../../../src/schema/schema.ts'

const PROTO = `syntax = "proto3";
package masks;
import "google/protobuf/field_mask.proto";
message Book { string title = 1; google.protobuf.FieldMask mask = 2; }
message One { Book book = 1; google.protobuf.FieldMask update_mask = 2; repeated google.protobuf.FieldMask more = 3;
  map<string, google.protobuf.FieldMask> by_name = 4; }
message Two { Book book = 1; google.protobuf.FieldMask update_mask = 2; google.protobuf.FieldMask read_mask = 3; }
message None { Book book = 1; }
service S { rpc One(.masks.One) returns (Book); rpc Two(.masks.Two) returns (Book); rpc None(.masks.None) returns (Book); }
`
const folder = mkdtempSync(join(tmpdir(), 'protogate-masks-'))
let schema: Schema
beforeAll(async () => {
  writeFileSync(join(folder, 'masks.proto'), PROTO)
  schema = (await loadSchema([folder], { base: folder })).schema
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const maskOf = (operation: string, method: string, body: string): string | undefined => {
  const { binding, problems } = compileBinding(
    schema,
    schema.operations.get(`masks.S/${operation}`)!,
    {
      method,
      variables: [],
      body,
      responseBody: '',
      unknownQuery: 'reject',
      ignoreUnknown: false,
      compat: {
        template: 'strict',
        unescape: 'spec',
        trailingSlash: false,
        queryForms: false,
        streamEnvelope: false,
        conflict: 'reject',
      },
    },
    undefined,
  )
  expect(problems).toEqual([])
  return binding!.updateMask?.name
}

describe('the field mask that a PATCH may have filled in (SEMANTICS §14.1)', () => {
  test('a PATCH whose body names a field, and one mask', () => {
    expect(maskOf('One', 'PATCH', 'book')).toBe('update_mask')
  })
  test.each([
    ['another method', 'One', 'PUT', 'book'],
    ['the whole message as body', 'One', 'PATCH', '*'],
    ['no body', 'One', 'PATCH', ''],
    ['two masks', 'Two', 'PATCH', 'book'],
    ['no mask beside the body', 'None', 'PATCH', 'book'],
    ['the mask itself as body', 'One', 'PATCH', 'update_mask'],
  ])('not for %s', (_, operation, method, body) => {
    expect(maskOf(operation, method, body)).toBeUndefined()
  })
})
