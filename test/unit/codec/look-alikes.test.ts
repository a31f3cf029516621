import { expect, test } from 'vitest'
import { makeMessage } from '../../../src/core/message.ts'
import { cleanSchema } from '../../support/proto-folder.ts'

test('a type that has the name of a well-known one and other fields is a message like any other', async () => {
  const schema = await cleanSchema({
    'own.proto': `syntax = "proto3"; package google.protobuf;
      message StringValue {}
      message BoolValue { repeated bool value = 1; }
      message Timestamp { string seconds = 1; }
      message FieldMask { string paths = 1; }
      message Holder { StringValue s = 1; BoolValue b = 2; Timestamp at = 3; FieldMask mask = 4; }`,
  })
  const type = schema.type('google.protobuf.Holder')!
  const json = schema.codec('json')
  const text = '{"s":{},"b":{"value":[true]},"at":{"seconds":"soon"},"mask":{"paths":"p"}}'
  const wire = makeMessage({ schema, type, codec: json, bytes: Buffer.from(text) }).as(schema.codec('proto'))
  const back = makeMessage({ schema, type, codec: schema.codec('proto'), bytes: wire }).as(json)
  expect(Buffer.from(back).toString()).toBe(text)
})
