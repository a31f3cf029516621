import { describe, expect, test } from 'vitest'
import { RawClient } from '../support/raw-client.ts'
import { things } from '../support/things.ts'

const server = things()

/** What a HEAD and a GET of one path say, the date and the id of the call aside. */
const both = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
  const [head, get] = await Promise.all([
    server.ask('HEAD', path, undefined, headers),
    server.ask('GET', path, undefined, headers),
  ])
  const told = ({ status, headers: { date: _, 'x-request-id': __, ...others } }: typeof head) => ({ status, ...others })
  expect(head.body.length).toBe(0)
  expect(get.body.length).toBeGreaterThan(0)
  return { head: told(head), get: told(get), length: String(get.body.length) }
}

describe('HEAD', () => {
  test.each([
    ['a message', '/v1/things/n?count=5', {}],
    ['one field of it', '/v1/things/n/tags?tags=a', {}],
    ['other options', '/v1/things/n', { accept: 'application/json;emitDefaults=true' }],
    ['no route', '/v1/nothing', {}],
    ['a refused query', '/v1/things/n?zz=1', {}],
    ['an error as a problem', '/v1/things/n?zz=1', { accept: 'application/problem+json' }],
    ['nothing acceptable', '/v1/things/n:watch', { accept: 'image/png' }],
  ])('%s: the head of the GET, with the length of what is not sent', async (_, path, headers) => {
    const { head, get, length } = await both(path, headers)
    expect(head).toEqual(get)
    expect(head['content-length']).toBe(length)
  })
  test.each(['application/x-ndjson', 'application/json', 'text/event-stream'])(
    'a stream as %s: its head, no length, and the call is let go',
    async (accept) => {
      const { head, get } = await both('/v1/things/n:watch', { accept })
      // Only a body has a transfer coding (RFC 9112 §6.1).
      const { 'transfer-encoding': _, ...told } = get
      expect(head).toEqual(told)
      expect(head['content-length']).toBeUndefined()
    },
  )
  test('raw bytes', async () => {
    const head = await server.ask('HEAD', '/v1/raw')
    expect([head.status, head.body.length]).toEqual([200, 0])
  })
  test('is no method of what GET does not serve', async () => {
    const head = await server.ask('HEAD', '/v1/things')
    expect([head.status, head.headers.allow, head.body.length]).toEqual([405, 'POST, REPORT', 0])
    expect(Number(head.headers['content-length'])).toBeGreaterThan(0)
  })
  test('the connection serves on behind it', async () => {
    const client = await RawClient.open(Number(new URL(server.running.url).port))
    const request = (method: string, path: string): string => `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    client.send(request('HEAD', '/v1/things/n') + request('HEAD', '/v1/nothing') + request('GET', '/v1/things/n'))
    expect((await client.answer('HEAD')).status).toBe(200)
    expect((await client.answer('HEAD')).status).toBe(404)
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"name":"n"}' })
    client.destroy()
  })
})
