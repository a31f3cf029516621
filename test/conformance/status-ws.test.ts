import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { frame, type RawAnswer, type RawBackend, startRawHttp2 } from '../support/raw-http2-backend.ts'
import { type Marked, tallied } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'
import { type Upgraded, WsClient } from '../support/ws-client.ts'
import { CONFORMANCE_PROTO, item } from './proto.ts'

interface Case extends Marked {
  readonly code: number
  readonly http: number
}

const { codes } = readVectors<{ codes: Case[] }>('status.json')
const closeOf = ({ code, http }: Case): number => (code === 0 ? 1000 : 4000 + http)
const LONGEST_REASON = 123

let backend: RawBackend
let running: RunningGateway
let next: RawAnswer
let client: WsClient

beforeAll(async () => {
  backend = await startRawHttp2(() => next)
  running = await startGateway({
    schemas: [CONFORMANCE_PROTO],
    upstreams: { raw: { endpoints: [backend.address] } },
  })
})
afterAll(async () => {
  await running.stop()
  await backend.stop()
})
afterEach(() => client.socket.destroy())

const open = async (path: string): Promise<Upgraded> => {
  const opened = await WsClient.open(Number(new URL(running.url).port), { path })
  client = opened.client
  return opened.answer
}
const endOf = (code: number): Record<string, string> => ({
  'grpc-status': String(code),
  ...(code === 0 ? {} : { 'grpc-message': 'told' }),
})
/** The last frame is the status, in text, and nothing but the close follows it. */
const expectStatus = async (one: Case, messages: number): Promise<void> => {
  const closed = await client.closed
  expect(closed?.code).toBe(closeOf(one))
  expect(Buffer.byteLength(closed!.reason)).toBeLessThanOrEqual(LONGEST_REASON)
  expect(closed!.reason === '').toBe(one.code === 0)
  const data = client.frames.filter(({ opcode }) => opcode < 8)
  expect(data.length).toBe(messages + 1)
  expect(data.at(-1)!.opcode).toBe(1)
  expect(client.result.status).toEqual({
    code: one.code,
    message: one.code === 0 ? '' : 'told',
    details: [],
    trailers: {},
  })
}
const MESSAGE = frame(item.encode({ text: 'a' }))
const title = ({ code, http }: Case): string => `code ${code} → ${http}`

tallied('status of WebSockets', (tally) => {
  describe.each(['/item', '/items', '/collect', '/chat'])('POST %s: the socket is open when the call ends', (path) => {
    const single = path === '/item' || path === '/collect'
    // One that fails has no message; of the others one comes before the end.
    const messages = ({ code }: Case): number => (single && code !== 0 ? 0 : 1)
    tally.each(codes, title, async (one) => {
      next = { body: MESSAGE, trailers: endOf(one.code) }
      expect((await open(path)).status).toBe(101)
      client.text('{"text":"x"}')
      client.text('')
      await expectStatus(one, messages(one))
      if (messages(one) === 1) expect(client.result.messages).toEqual([{ text: 'a' }])
    })
  })
  describe('binary: the status is text all the same', () => {
    tally.each(codes, title, async (one) => {
      next = { body: MESSAGE, trailers: endOf(one.code) }
      await open('/items')
      client.binary(item.encode({ text: 'x' }))
      await expectStatus(one, 1)
      expect(client.frames[0]).toMatchObject({ opcode: 2, payload: item.encode({ text: 'a' }) })
    })
  })
  describe('GET /item/x: the request is in the path, so a failure comes before the upgrade', () => {
    tally.each(codes, title, async (one) => {
      next = { body: MESSAGE, trailers: endOf(one.code) }
      const answer = await open('/item/x')
      if (one.code === 0) {
        expect(answer.status).toBe(101)
        await expectStatus(one, 1)
        return
      }
      expect(answer.status).toBe(one.http)
      expect(JSON.parse(answer.body)).toEqual({ code: one.code, message: 'told', details: [] })
    })
  })

  test('details are decoded', async () => {
    const value = readVectors<{ details: { detailsBin: string }[] }>('status.json').details[0]!.detailsBin
    next = { body: MESSAGE, trailers: { ...endOf(5), 'grpc-status-details-bin': value } }
    await open('/items')
    client.text('{}')
    expect((await client.closed)?.code).toBe(4404)
    expect(client.result.status!.details).toEqual([
      { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'GONE', domain: 'books' },
    ])
  })
  test('a close reason is cut, a message is not', async () => {
    const message = 'm'.repeat(1_000)
    next = { only: true, headers: { 'grpc-status': '5', 'grpc-message': message } }
    await open('/items')
    client.text('{}')
    const closed = await client.closed
    expect(closed?.code).toBe(4404)
    expect(Buffer.byteLength(closed!.reason)).toBeLessThanOrEqual(LONGEST_REASON)
    expect(client.result.status!.message).toBe(message)
  })
})
