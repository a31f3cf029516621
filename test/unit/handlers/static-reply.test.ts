import { describe, expect, test } from 'vitest'
import type { Handler, Reply } from '../../../src/core/handler.ts'
import { Code } from '../../../src/core/status.ts'
import { collect } from '../../../src/core/stream.ts'
import { redirectHandler, respondHandler } from '../../../src/handlers/static-reply.ts'
import { loopbackExchange } from '../../support/loopback.ts'

const answer = async (handler: Handler) => {
  const reply = (await handler(loopbackExchange({ shape: 'bytes' }))) as Reply
  const { messages, status } = await collect(reply.messages)
  expect(status.code).toBe(Code.OK)
  expect(messages.map(({ codec }) => codec.name)).toEqual(messages.map(() => 'opaque'))
  const body = Buffer.concat(messages.map(({ bytes }) => bytes)).toString()
  return { status: reply.httpStatus, headers: [...reply.metadata], body }
}

describe('respond', () => {
  test('text is sent as it is', async () => {
    expect(await answer(respondHandler({ status: 200, headers: {}, body: 'grüß Gott' }))).toEqual({
      status: 200,
      headers: [['content-type', 'text/plain; charset=utf-8']],
      body: 'grüß Gott',
    })
  })
  test.each([
    [{ a: [1] }, '{"a":[1]}'],
    [null, 'null'],
    [0, '0'],
    [false, 'false'],
  ])('%j is sent as JSON', async (body, text) => {
    expect(await answer(respondHandler({ status: 503, headers: { 'Retry-After': '5' }, body }))).toEqual({
      status: 503,
      headers: [
        ['retry-after', '5'],
        ['content-type', 'application/json'],
      ],
      body: text,
    })
  })
  test('a content type of the user wins, whatever its case; no body has none', async () => {
    const html = { 'Content-Type': 'text/html' }
    expect((await answer(respondHandler({ status: 200, headers: html, body: '<p>' }))).headers).toEqual([
      ['content-type', 'text/html'],
    ])
    expect(await answer(respondHandler({ status: 204, headers: {} }))).toEqual({ status: 204, headers: [], body: '' })
  })
  test('one call cannot change the answer of the next', async () => {
    const handler = respondHandler({ status: 200, headers: { 'x-one': '1' }, body: 'x' })
    const first = (await handler(loopbackExchange())) as Reply
    first.metadata.set('x-two', '2')
    expect((await answer(handler)).headers).toEqual([
      ['x-one', '1'],
      ['content-type', 'text/plain; charset=utf-8'],
    ])
  })
})

test('redirect', async () => {
  expect(await answer(redirectHandler({ location: 'https://example.com/a?b', status: 301 }))).toEqual({
    status: 301,
    headers: [['location', 'https://example.com/a?b']],
    body: '',
  })
})
