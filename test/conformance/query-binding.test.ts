import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { type Answer, send } from '../support/http-client.ts'
import { methodPathsOf, type ScriptedBackend, startScriptedBackend } from '../support/scripted-backend.ts'
import { type Marked, tallied } from '../support/tally.ts'
import { readVectors, VECTORS } from '../support/vectors.ts'

interface Case extends Marked {
  readonly method: string
  readonly path: string
  readonly body: string | null
  readonly content_type: string | null
  /** `4xx`: one of those; `any`: left open, but no fault of the gateway. */
  readonly status: number | '4xx' | 'any'
  readonly rpc: string | null
  readonly want: Record<string, unknown> | null
  /** In place of the message: what `response_body` sends. */
  readonly response: unknown
  /** A method that must be among the allowed. */
  readonly allow?: string
  /** The answer is deep: that of the body itself is wanted. */
  readonly deep?: boolean
}

const PROTO = join(VECTORS, 'proto/qv.proto')
/** Key and length of the string field 1000. */
const methodPath = (path: string): Buffer => Buffer.concat([Buffer.from([0xc2, 0x3e, path.length]), Buffer.from(path)])

let backend: ScriptedBackend
let running: RunningGateway

beforeAll(async () => {
  backend = await startScriptedBackend(methodPathsOf(PROTO), async (call) => {
    call.send(Buffer.concat([await call.first, methodPath(call.path)]))
    call.end()
  })
  running = await startGateway({ schemas: [PROTO], upstreams: { qv: { endpoints: [backend.address] } } })
})
afterAll(async () => {
  await running.stop()
  await backend.stop()
})
beforeEach(() => backend.reset())

const ask = ({ method, path, body, content_type }: Case): Promise<Answer> => {
  const headers: Record<string, string> = {}
  if (content_type !== null) headers['content-type'] = content_type
  else if (body !== null) headers['content-type'] = 'application/json'
  if (body !== null) headers['content-length'] = String(Buffer.byteLength(body))
  return send(running.url, { method, path, headers, body: body ?? undefined })
}

const check = async (one: Case): Promise<void> => {
  const answer = await ask(one)
  expect(answer.complete).toBe(true)
  if (one.status === 'any') {
    expect(answer.status).toBeLessThan(500)
    return
  }
  if (one.status === '4xx') expect(Math.floor(answer.status / 100)).toBe(4)
  else expect(answer.status, answer.text).toBe(one.status)
  if (one.allow !== undefined) expect(answer.headers.allow?.split(', ')).toContain(one.allow)
  if (answer.status !== 200) {
    expect(answer.json()).toMatchObject({ code: expect.any(Number), message: expect.stringMatching(/./) })
    expect(backend.calls.length).toBe(0)
    return
  }
  expect(answer.headers['content-type']).toBe('application/json')
  expect(backend.calls.length).toBe(1)
  if (one.rpc !== null) expect(backend.calls[0]!.path).toBe(one.rpc)
  if (one.method === 'HEAD') {
    expect(answer.body.length).toBe(0)
    return
  }
  if (one.response !== null) {
    expect(answer.json()).toEqual(one.response)
    return
  }
  const { methodPath: path, ...got } = answer.json() as Record<string, unknown>
  expect(path).toBe(backend.calls[0]!.path)
  expect(got).toEqual(one.deep === true ? { s: 'A', ...JSON.parse(one.body!) } : one.want)
}

tallied('query-binding.json', (tally) => {
  describe('test/vectors/query-binding.json through HTTP and gRPC', () => {
    const { cases } = readVectors<{ cases: Case[] }>('query-binding.json')
    const short = ({ path, body }: Case): string => `${path} ${(body ?? '').slice(0, 60)}`
    tally.each(cases, (one) => `${one.method} ${short(one)} → ${one.status}`, check)
    test('the table is whole', () => {
      expect(cases.length).toBe(123)
    })
  })
})
