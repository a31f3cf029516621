import { describe, expect, test } from 'vitest'
import { httpBodyOf } from '../../../../../adapters/inbound/http/http-body.ts'
import type { Message } from '../../../../../src/core/message.ts'

const reply = (value: object): Message => ({ value: () => value }) as unknown as Message
const data = Buffer.from('x')

describe('the Content-Type of a google.api.HttpBody', () => {
  test.each(['text/plain', 'text/html; charset=utf-8', 'not a type'])('%j goes out as it is', (contentType) => {
    expect(httpBodyOf(reply({ data, contentType }), undefined)).toEqual([data, contentType])
  })
  test.each(['', undefined, 'text/plain\r\nx-evil: 1', 'täxt/plain', '€', 'a\u007f'])(
    '%j is none: octet-stream',
    (contentType) => {
      expect(httpBodyOf(reply({ data, contentType }), undefined)).toEqual([data, 'application/octet-stream'])
    },
  )
  test('nothing of no type has no Content-Type', () => {
    expect(httpBodyOf(reply({}), undefined)).toEqual([new Uint8Array(0), undefined])
  })
})
