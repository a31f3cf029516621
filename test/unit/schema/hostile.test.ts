import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeMessage } from '../../../src/core/message.ts'
import type { Schema } from '../../../src/core/schema.ts'
import { cleanSchema } from '../../support/proto-folder.ts'

const HOSTILE = readFileSync(fileURLToPath(new URL('../../vectors/schema/hostile.proto', import.meta.url)), 'utf8')
const schema: Schema = await cleanSchema({ 'hostile.proto': HOSTILE })

test('names that objects react to are fields like any other', () => {
  expect(schema.type('vectors.hostile.Names')!.fields.map(({ name, number }) => [number, name])).toEqual([
    [1, '__proto__'],
    [2, 'constructor'],
    [3, 'toString'],
    [4, 'hasOwnProperty'],
    [5, 'valueOf'],
    [6, 'prototype'],
    [7, '__defineGetter__'],
    [8, 'isPrototypeOf'],
    [9, 'then'],
    [10, 'toJSON'],
    [11, 'oneofs'],
    [12, 'nested'],
    [13, 'fields'],
    [14, 'options'],
  ])
  expect(schema.type('vectors.hostile.Names')!.field('__proto__')?.number).toBe(1)
  expect(schema.type('vectors.hostile.Names')!.field('nothing')).toBeUndefined()
  expect(schema.type('vectors.hostile.Optional')!.field('__proto__')).toMatchObject({
    presence: true,
    oneof: undefined,
  })
  expect(schema.type('toString')).toBeUndefined()
  expect(schema.type('__proto__')).toBeUndefined()
})

test('through JSON, the wire and JSON again nothing is lost and no prototype is touched', () => {
  const type = schema.type('vectors.hostile.Names')!
  const json = schema.codec('json', { protoNames: true })
  const text =
    '{"__proto__":"p","constructor":"c","toString":"t","hasOwnProperty":7,"valueOf":true,"prototype":{"__proto__":"inner"},' +
    '"__defineGetter__":"g","then":"","toJSON":{"__proto__":"a","constructor":"b"}}'
  const message = makeMessage({ schema, type, codec: json, bytes: Buffer.from(text) })
  const wire = message.as(schema.codec('proto'))
  const back = makeMessage({ schema, type, codec: schema.codec('proto'), bytes: wire }).as(json)
  expect(Buffer.from(back).toString()).toBe(text)
  expect(({} as { a?: unknown }).a).toBeUndefined()
  expect(Object.keys(Object.prototype)).toEqual([])
})

test('enum values, messages, services and methods', () => {
  const values = schema.type('vectors.hostile.Holder')!.field('values')!.enum!
  expect([...values.numbers]).toEqual([
    ['__proto__', 0],
    ['constructor', 1],
    ['toString', 2],
  ])
  expect(schema.type('vectors.hostile.toString')?.field('inner')?.message?.name).toBe(
    'vectors.hostile.toString.hasOwnProperty',
  )
  expect([...schema.services]).toEqual([
    ['vectors.hostile.valueOf', ['constructor', 'toLocaleString', 'hasOwnProperty']],
  ])
  expect(schema.operations.get('vectors.hostile.valueOf/hasOwnProperty')?.shape).toBe('client_stream')
  expect(schema.rules('vectors.hostile.valueOf/constructor')[0]?.template).toBe('/hostile/{__proto__}/{constructor}')
})

test('a package called toString, and a service without a package called hasOwnProperty', async () => {
  const other = await cleanSchema({
    'a.proto':
      'syntax = "proto3"; package toString.valueOf; message M { M m = 1; } service S { rpc R(M) returns (M); }',
    'b.proto':
      'syntax = "proto3"; message isPrototypeOf { string a = 1; } service hasOwnProperty { rpc R(isPrototypeOf) returns (isPrototypeOf); }',
  })
  expect([...other.operations.keys()].toSorted()).toEqual(['hasOwnProperty/R', 'toString.valueOf.S/R'])
})
