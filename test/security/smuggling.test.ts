import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { requestRefused } from '../../src/core/channels.ts'
import type { HttpRequest } from '../../src/core/http.ts'
import { type TestListener, testListener } from '../support/listener.ts'
import { RawClient } from '../support/raw-client.ts'

/**
 * Requests that two readers could frame or route differently. None may reach an adapter, and behind none may a second request
 * be read: that is what an attacker smuggles.
 */
let served: TestListener
const reached: HttpRequest[] = []
const clients: RawClient[] = []
beforeAll(async () => {
  served = await testListener((listener) => {
    listener.onRequest(
      () => true,
      (request, response) => {
        reached.push(request)
        response.reply(200, [], Buffer.from('reached'))
      },
    )
    listener.onUpgrade(
      ({ headers }) => headers.get('upgrade') === 'websocket',
      (_request, socket) => socket.end('HTTP/1.1 101 Reached\r\n\r\n'),
    )
  })
})
afterEach(() => {
  reached.length = 0
  for (const client of clients.splice(0)) client.destroy()
})
afterAll(() => served.listener.stop())

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (fields: string, body: string): string => `POST / HTTP/1.1\r\nHost: x\r\n${fields}\r\n${body}`
const get = (line: string, fields = 'Host: x\r\n'): string => `${line}\r\n${fields}\r\n`
const chunked = 'Transfer-Encoding: chunked\r\n'

const ask = async (text: string): Promise<{ status: number; reason: string; client: RawClient }> => {
  const client = await RawClient.open(served.port)
  clients.push(client)
  const answer = await client.send(text).answer()
  const body = answer.body === '' ? undefined : JSON.parse(answer.body)
  return { status: answer.status, reason: body?.details[0].reason, client }
}

test.each<[name: string, request: string, status: number, reason: string]>([
  [
    'Content-Length and Transfer-Encoding',
    post(`Content-Length: 4\r\n${chunked}`, '0\r\n\r\n'),
    400,
    'REQUEST_MALFORMED',
  ],
  [
    'Transfer-Encoding and Content-Length',
    post(`${chunked}Content-Length: 4\r\n`, '0\r\n\r\n'),
    400,
    'REQUEST_MALFORMED',
  ],
  ['two lengths that differ', post('Content-Length: 0\r\nContent-Length: 30\r\n', ''), 400, 'REQUEST_MALFORMED'],
  ['two lengths that agree', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), 400, 'REQUEST_MALFORMED'],
  ['a list of lengths', post('Content-Length: 3, 3\r\n', 'abc'), 400, 'REQUEST_MALFORMED'],
  ['a signed length', post('Content-Length: +3\r\n', 'abc'), 400, 'REQUEST_MALFORMED'],
  ['a hexadecimal length', post('Content-Length: 0x3\r\n', 'abc'), 400, 'REQUEST_MALFORMED'],
  ['a length beyond what can be counted', post('Content-Length: 9999999999999999\r\n', ''), 400, 'LENGTH_INVALID'],
  [
    'a second coding before chunked',
    post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    501,
    'TRANSFER_CODING_UNSUPPORTED',
  ],
  ['an unknown coding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 501, 'TRANSFER_CODING_UNSUPPORTED'],
  ['identity as coding', post('Transfer-Encoding: identity\r\n', ''), 501, 'TRANSFER_CODING_UNSUPPORTED'],
  ['chunked twice', post(`${chunked}${chunked}`, '0\r\n\r\n'), 400, 'REQUEST_MALFORMED'],
  ['a coding behind a tab', post('Transfer-Encoding:\tchunked, identity\r\n', '0\r\n\r\n'), 400, 'REQUEST_MALFORMED'],
  ['chunked in HTTP/1.0', `POST / HTTP/1.0\r\n${chunked}\r\n0\r\n\r\n`, 400, 'FRAMING_AMBIGUOUS'],
  ['a space before the colon', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), 400, 'REQUEST_MALFORMED'],
  ['a folded field', post('X-A: b\r\n Transfer-Encoding: chunked\r\n', ''), 400, 'REQUEST_MALFORMED'],
  ['a bare LF', 'GET / HTTP/1.1\nHost: x\n\n', 400, 'REQUEST_MALFORMED'],
  [
    'a bare CR in a value',
    get('GET / HTTP/1.1', 'Host: x\r\nX-A: b\rTransfer-Encoding: chunked\r\n'),
    400,
    'REQUEST_MALFORMED',
  ],
  ['NUL in a value', get('GET / HTTP/1.1', 'Host: x\r\nX-A: b\0c\r\n'), 400, 'REQUEST_MALFORMED'],
  ['DEL in a value', get('GET / HTTP/1.1', 'Host: x\r\nX-A: b\x7fc\r\n'), 400, 'REQUEST_MALFORMED'],
  ['a high byte in a name', get('GET / HTTP/1.1', 'Host: x\r\nX-\xe9: b\r\n'), 400, 'REQUEST_MALFORMED'],
  ['two Hosts', get('GET / HTTP/1.1', 'Host: x\r\nHost: y\r\n'), 400, 'HOST_REPEATED'],
  ['two Hosts in one', get('GET / HTTP/1.1', 'Host: x, y\r\n'), 400, 'HOST_INVALID'],
  ['no Host', get('GET / HTTP/1.1', ''), 400, 'HOST_MISSING'],
  ['an empty Host', get('GET / HTTP/1.1', 'Host:\r\n'), 400, 'HOST_INVALID'],
  ['a Host with a path', get('GET / HTTP/1.1', 'Host: x/y\r\n'), 400, 'HOST_INVALID'],
  ['a Host with a user', get('GET / HTTP/1.1', 'Host: a@x\r\n'), 400, 'HOST_INVALID'],
  ['an absolute target', get('GET http://y/ HTTP/1.1'), 400, 'TARGET_FORM'],
  ['a target without slash', get('GET x HTTP/1.1'), 400, 'REQUEST_MALFORMED'],
  ['* for another method than OPTIONS', get('GET * HTTP/1.1'), 400, 'TARGET_FORM'],
  ['a fragment in the target', get('GET /a#b HTTP/1.1'), 400, 'TARGET_INVALID'],
  ['a high byte in the target', get('GET /\xe9 HTTP/1.1'), 400, 'REQUEST_MALFORMED'],
  ['a space in the target', get('GET /a b HTTP/1.1'), 400, 'REQUEST_MALFORMED'],
  ['HTTP/0.9', 'GET /\r\n\r\n', 505, 'HTTP_VERSION_UNSUPPORTED'],
  ['HTTP/1.2', get('GET / HTTP/1.2'), 400, 'REQUEST_MALFORMED'],
  ['HTTP/2.0 in a line of text', get('GET / HTTP/2.0'), 505, 'HTTP_VERSION_UNSUPPORTED'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'HTTP_VERSION_UNSUPPORTED'],
  ['an unknown method', get('EVIL / HTTP/1.1'), 400, 'REQUEST_MALFORMED'],
])('%s', async (_name, request, status, reason) => {
  const refused: unknown[] = []
  const listen = (message: unknown): void => void refused.push(message)
  requestRefused.subscribe(listen)
  const got = await ask(request + SMUGGLED)
  requestRefused.unsubscribe(listen)
  expect(refused).toEqual([{ httpStatus: status, reason, address: '127.0.0.1', listener: expect.anything() }])
  expect({ status: got.status, reason: got.reason }).toEqual({ status, reason })
  await got.client.ended
  expect(got.client.received).toBe('')
  expect(reached).toEqual([])
})

describe('upgrades are checked alike', () => {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  test.each([
    ['two Hosts', get('GET / HTTP/1.1', `Host: x\r\nHost: y\r\n${upgrade}`), 'HOST_REPEATED'],
    ['an absolute target', get('GET ws://y/ HTTP/1.1', `Host: x\r\n${upgrade}`), 'TARGET_FORM'],
  ])('%s', async (_name, request, reason) => {
    const got = await ask(request)
    expect(got).toMatchObject({ status: 400, reason })
  })

  test('an upgrade that is refused for its body does not hide a request in it', async () => {
    const client = await RawClient.open(served.port)
    clients.push(client)
    client.send(`POST / HTTP/1.1\r\nHost: x\r\n${upgrade}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`)
    expect((await client.answer()).body).toBe('reached')
    client.send('GET /next HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.answer()
    expect(reached.map(({ head }) => head.path)).toEqual(['/', '/next'])
  })
})

describe('what is legal passes', () => {
  test.each([
    ['HTTP/1.0 without Host', 'GET /a HTTP/1.0\r\n\r\n'],
    ['a port in Host', get('GET /a HTTP/1.1', 'Host: x:8080\r\n')],
    ['an IPv6 Host', get('GET /a HTTP/1.1', 'Host: [::1]:80\r\n')],
    ['upper case chunked', 'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n'],
    ['raw brackets in a query', get('GET /a?m[k]=v HTTP/1.1')],
    ['Latin-1 in a value', get('GET /a HTTP/1.1', 'Host: x\r\nX-A: \xe9\r\n')],
  ])('%s', async (_name, request) => {
    const client = await RawClient.open(served.port)
    clients.push(client)
    expect((await client.send(request).answer()).status).toBe(200)
    expect(reached).toHaveLength(1)
  })
})

describe('answers cannot be split', () => {
  test('a header of a backend with CR LF is dropped, the others are sent', async () => {
    const { listener, port, log } = await testListener((given) =>
      given.onRequest(
        () => true,
        (_request, response) => {
          const headers = [
            'x-a',
            'b\r\nx-evil: 1',
            'x-bad name',
            'c',
            'x-c\r\nx-evil',
            '1',
            'x-good',
            'yes',
            'x-wide',
            '\u20ac',
          ]
          headers.push(
            'transfer-encoding',
            'chunked',
            'connection',
            'upgrade',
            'x-nul',
            'a\0b',
            'x-del',
            '\x7f',
            '',
            'empty',
          )
          response.reply(200, headers, Buffer.from('x'))
        },
      ),
    )
    const client = await RawClient.open(port)
    const answer = await client.send(get('GET / HTTP/1.1')).answer()
    expect([...answer.headers.keys()].toSorted()).toEqual([
      'connection',
      'content-length',
      'date',
      'keep-alive',
      'x-good',
    ])
    expect(answer.body).toBe('x')
    expect(log.lines).toHaveLength(7)
    client.destroy()
    await listener.stop()
  })

  test('a trailer with CR LF, or one that would change the framing, is dropped', async () => {
    const { listener, port } = await testListener((given) =>
      given.onRequest(
        () => true,
        (_request, response) => {
          response.head(200, [])
          response.write(Buffer.from('x'))
          response.end(['x-t', 'a\r\nx-evil: 1', 'content-length', '5', 'set-cookie', 'a=b', 'x-good', 'yes'])
        },
      ),
    )
    const client = await RawClient.open(port)
    const answer = await client.send(get('GET / HTTP/1.1')).answer()
    expect([...answer.trailers]).toEqual([['x-good', 'yes']])
    client.destroy()
    await listener.stop()
  })
})
