import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/listener.ts'
import { echo, type Script, type ScriptedBackend, startScriptedBackend } from '../support/scripted-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'
import { frameBytes, type Upgraded, WsClient } from '../support/ws-client.ts'
import { CONFORMANCE_PATHS, CONFORMANCE_PROTO, valueBytes } from './proto.ts'

interface Step {
  readonly text?: string
  /** A binary frame: nothing, or `00` and JSON text, which stands for the wire form of that value. */
  readonly hex?: string
  readonly raw?: {
    readonly opcode: number
    readonly hex: string
    readonly mask?: boolean
    readonly fin?: boolean
    readonly rsv?: number
  }
  readonly times?: number
  readonly close?: readonly [code?: number, reason?: string]
  readonly reset?: boolean
  readonly drain?: boolean
  /** The time between two pings passes. */
  readonly tick?: number
  readonly pause?: boolean
}
interface Row extends Marked {
  readonly name: string
  readonly later?: string
  readonly shape?: string
  readonly handler: 'echo' | 'silent' | 'count' | 'flood' | number
  readonly limit?: number
  readonly origins?: readonly string[]
  readonly headers?: readonly string[]
  readonly omit?: readonly string[]
  readonly protocols?: readonly string[]
  readonly pongs?: boolean
  readonly before?: 'drain'
  readonly send?: readonly Step[]
  readonly expect: {
    readonly http?: number
    readonly reason?: string
    /** Must not stand in the answer, nor in a log. */
    readonly without?: string
    readonly header?: readonly [name: string, value: string]
    readonly messages?: readonly unknown[]
    readonly binary?: readonly string[]
    readonly status?: number | null
    readonly statusReason?: string
    readonly close?: number | null
    readonly closeReason?: string
    /** The code with which the call is logged. */
    readonly call?: number
    readonly bounded?: boolean
  }
}

/** Names of the codes, as logs have them. */
const NAMES = ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS']
NAMES.push('PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE')
NAMES.push('UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED')

const wireOfHex = (hex: string): Buffer =>
  hex === '' ? Buffer.alloc(0) : valueBytes(JSON.parse(Buffer.from(hex, 'hex').toString().slice(1)))

const FLOOD = valueBytes('x'.repeat(64 * 1024))
const scriptOf = ({ handler }: Row, sent: { bytes: number }): Script => {
  switch (handler) {
    case 'echo':
      return echo
    case 'silent':
      return () => {}
    case 'count':
      return async (call) => {
        call.send(valueBytes({ count: (await call.all).length }))
        call.end()
      }
    case 'flood':
      return async (call) => {
        await call.first
        while (!call.cancelled) {
          sent.bytes += FLOOD.length
          if (!call.send(FLOOD)) await call.drained()
        }
      }
    default:
      return async (call) => {
        await call.first
        call.end(handler, 'as told')
      }
  }
}

const reasonOf = (details: readonly object[]): string | undefined =>
  (details as { '@type': string; reason?: string }[]).find((each) => each['@type'].endsWith('google.rpc.ErrorInfo'))
    ?.reason

/** SEMANTICS §15 and §19 "WebSocket": one call per socket, over a whole gateway and a real backend. */
export const websocket = (tally: Tally): void => {
  let backend: ScriptedBackend
  let running: RunningGateway | undefined
  let client: WsClient | undefined

  beforeAll(async () => {
    backend = await startScriptedBackend(CONFORMANCE_PATHS)
  })
  afterAll(() => backend.stop())
  afterEach(async () => {
    client?.socket.destroy()
    await running?.stop()
    running = undefined
    client = undefined
  })

  const start = (row: Row): Promise<RunningGateway> =>
    startGateway({
      schemas: [CONFORMANCE_PROTO],
      upstreams: { conf: { endpoints: [backend.address] } },
      ...(row.limit === undefined ? {} : { limits: { message: `${row.limit}B` } }),
      subscriptions: {
        heartbeat: row.send?.some(({ tick }) => tick !== undefined) === true ? HEARTBEAT : '25s',
        limits: { drainTime: '0ms' },
        ...(row.origins === undefined ? {} : { origins: [...row.origins] }),
      },
    })

  const checkRefusal = async ({ expect: wanted }: Row, answer: Upgraded): Promise<void> => {
    expect(answer.status, answer.body).toBe(wanted.http)
    expect(answer.headers.get('connection')).toBe('close')
    expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(answer.body)))
    const body = JSON.parse(answer.body) as { details: object[] }
    expect(reasonOf(body.details)).toBe(wanted.reason)
    if (wanted.header !== undefined) expect(answer.headers.get(wanted.header[0])).toBe(wanted.header[1])
    expect(backend.calls.length).toBe(0)
    const { lines } = running!
    await eventually(() => lines.some(({ reason }) => reason === wanted.reason))
    if (wanted.without !== undefined)
      expect(answer.body + [...answer.headers].join() + JSON.stringify(lines)).not.toContain(wanted.without)
  }

  const checkBounded = async (sent: { readonly bytes: number }): Promise<void> => {
    let before = -1
    let still = 0
    await eventually(() => {
      still = sent.bytes === before ? still + 1 : 0
      before = sent.bytes
      return before > 0 && still > 50
    })
    expect(sent.bytes).toBeLessThan(32 * 1024 * 1024)
    // Nothing was lost, only held: it goes on as soon as somebody reads.
    client!.socket.resume()
    await eventually(() => sent.bytes > before + 16 * 1024 * 1024)
  }

  const check = async (row: Row): Promise<void> => {
    const sent = { bytes: 0 }
    backend.reset()
    backend.script = scriptOf(row, sent)
    running = await start(row)
    client = await WsClient.connect(Number(new URL(running.url).port))
    client.pongs = row.pongs ?? true
    if (row.before === 'drain') {
      // A connection on which nothing has come yet would be closed.
      client.raw(Buffer.from('\r\n'))
      await new Promise((resolve) => setTimeout(resolve, 50))
      void running.gateway.drain()
    }
    client.ask({ ...row, path: `/${row.shape ?? 'bidi'}` })
    const answer = await client.answer()
    const { expect: wanted } = row
    if (wanted.http !== undefined) {
      await checkRefusal(row, answer)
      return
    }
    expect(answer.status, answer.body).toBe(101)
    expect(answer.headers.has('sec-websocket-extensions')).toBe(false)
    for (const step of row.send ?? []) await perform(client, running, step)
    if (wanted.bounded === true) {
      await checkBounded(sent)
      return
    }
    const close = await client.closed
    if (wanted.close !== undefined) expect(close?.code ?? null).toBe(wanted.close)
    if (wanted.closeReason !== undefined) expect(close?.reason).toBe(wanted.closeReason)
    const { messages, status } = client.result
    if (wanted.status !== undefined) expect(status?.code ?? null).toBe(wanted.status)
    if (wanted.statusReason !== undefined) expect(reasonOf(status!.details)).toBe(wanted.statusReason)
    if (wanted.messages !== undefined) expect(messages).toEqual(wanted.messages)
    const binary = client.frames.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload.toString('hex'))
    expect(binary).toEqual((wanted.binary ?? []).map((hex) => wireOfHex(hex).toString('hex')))
    const { lines } = running
    await eventually(() => lines.some(({ msg }) => msg === 'call'))
    const line = lines.find(({ msg }) => msg === 'call')!
    if (wanted.call !== undefined) expect(line.code).toBe(NAMES[wanted.call])
    // What the backend did not end itself it was told of.
    if (row.handler === 'silent') await eventually(() => backend.calls.every(({ cancelled }) => cancelled))
  }

  const { rows } = readVectors<{ rows: Row[] }>('websocket.json')
  const marked = rows.map((row) => (row.later === undefined ? row : { ...row, mark: 'later' }))
  tally.each(marked, ({ name }) => name, check)
}

const HEARTBEAT = '500ms'

const perform = async (client: WsClient, running: RunningGateway, step: Step): Promise<void> => {
  const { text, hex, raw, times = 1, close, reset, drain, tick, pause } = step
  if (text !== undefined) client.text(text)
  if (hex !== undefined) client.binary(wireOfHex(hex))
  if (raw !== undefined) {
    const { opcode, hex: payload, ...bits } = raw
    for (let i = 0; i < times; i++) client.raw(frameBytes(opcode, Buffer.from(payload, 'hex'), bits))
  }
  if (close !== undefined) client.close(...close)
  if (reset === true) client.reset()
  if (drain === true) void running.gateway.drain()
  if (tick !== undefined) {
    const pings = (): number => client.frames.filter(({ opcode }) => opcode === 9).length
    const before = pings()
    let gone = false
    void client.gone.then(() => {
      gone = true
    })
    await eventually(() => gone || pings() > before)
  }
  if (pause === true) client.socket.pause()
}
