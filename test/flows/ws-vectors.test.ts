import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { testClock } from '../../src/core/clock.ts'
import { reasonOf } from '../../src/core/error-details.ts'
import type { Handler } from '../../src/core/handler.ts'
import type { Shape } from '../../src/core/schema.ts'
import type { Code, ErrorDetail } from '../../src/core/status.ts'
import { eventually } from '../support/listener.ts'
import { fakeSettings } from '../support/loopback.ts'
import { frameBytes, WsClient } from '../support/ws-client.ts'
import { count, echo, failing, flood, silent } from '../support/ws-handlers.ts'
import { schema, startWs, type WsRig } from '../support/ws-inbound.ts'

interface Step {
  readonly text?: string
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
  readonly tick?: number
  readonly pause?: boolean
}
interface Row {
  readonly name: string
  readonly from: string
  readonly later?: string
  readonly shape?: Shape
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
    readonly without?: string
    readonly header?: readonly [name: string, value: string]
    readonly messages?: readonly unknown[]
    readonly binary?: readonly string[]
    readonly status?: number | null
    readonly statusReason?: string
    readonly close?: number | null
    readonly closeReason?: string
    readonly call?: number
    readonly bounded?: boolean
  }
}
const { rows } = JSON.parse(readFileSync(new URL('../vectors/websocket.json', import.meta.url), 'utf8')) as {
  rows: readonly Row[]
}
const later = rows.filter((row) => row.later !== undefined)
const now = rows.filter((row) => row.later === undefined)

const DRAIN_MS = 1000

describe(`WebSocket vectors: ${now.length} checked, ${later.length} marked later`, () => {
  let rig: WsRig | undefined
  let client: WsClient | undefined
  afterEach(async () => {
    client?.socket.destroy()
    await rig?.stop()
  })

  test.each(now)('$name [$from]', async (row) => {
    const clock = testClock()
    const flooding = flood()
    const handlers: Record<string, Handler> = { echo, silent, count, flood: flooding.handler }
    const handler = handlers[row.handler] ?? failing(row.handler as Code)
    rig = await startWs(
      () => ({
        shape: row.shape ?? 'bidi',
        route: {
          handler,
          settings: fakeSettings(schema, row.limit === undefined ? {} : { maxMessageBytes: row.limit }),
        },
      }),
      {
        clock,
        options: {
          limits: { drainTime: `${DRAIN_MS}ms` },
          ...(row.origins === undefined ? {} : { origins: [...row.origins] }),
        },
      },
    )
    const drain = (): void => {
      void rig!.inbound.drain()
      clock.advance(DRAIN_MS)
    }
    if (row.before === 'drain') drain()
    client = await WsClient.connect(rig.port)
    client.pongs = row.pongs ?? true
    client.ask(row)
    const answer = await client.answer()
    const { expect: wanted } = row

    if (wanted.http !== undefined) {
      expect(answer.status).toBe(wanted.http)
      const body = JSON.parse(answer.body) as { details: { reason: string }[] }
      expect(Buffer.from(answer.body).length).toBe(Number(answer.headers.get('content-length')))
      expect(reasonInside(body)).toBe(wanted.reason)
      expect(answer.headers.get('connection')).toBe('close')
      if (wanted.header !== undefined) expect(answer.headers.get(wanted.header[0])).toBe(wanted.header[1])
      if (wanted.without !== undefined) {
        expect(answer.body).not.toContain(wanted.without)
        expect([...answer.headers].join()).not.toContain(wanted.without)
      }
      await eventually(() => rig!.ended.length === 1)
      const { exchange, status } = rig.ended[0]!
      expect(reasonOf(status.details)).toBe(wanted.reason)
      expect([...exchange.head.headers].join()).not.toContain('secret')
      return
    }

    expect(answer.status).toBe(101)
    expect(answer.headers.has('sec-websocket-extensions')).toBe(false)
    for (const step of row.send ?? []) {
      if (step.drain === true) drain()
      if (step.tick !== undefined) await tick(client, clock, step.tick)
      perform(client, step)
    }
    if (wanted.bounded === true) {
      await eventually(() => flooding.waits > 0)
      let before = -1
      await eventually(() => {
        const still = flooding.bytes === before
        before = flooding.bytes
        return still
      })
      expect(flooding.bytes).toBeLessThan(32 * 1024 * 1024)
      return
    }
    const close = await client.closed
    if (wanted.close !== undefined) expect(close?.code ?? null).toBe(wanted.close)
    if (wanted.closeReason !== undefined) expect(close?.reason).toBe(wanted.closeReason)
    const { messages, status } = client.result
    if (wanted.status !== undefined) expect(status?.code ?? null).toBe(wanted.status)
    if (wanted.statusReason !== undefined) expect(reasonInside(status!)).toBe(wanted.statusReason)
    if (wanted.messages !== undefined) expect(messages).toEqual(wanted.messages)
    const binary = client.frames.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload.toString('hex'))
    expect(binary).toEqual(wanted.binary ?? [])
    await eventually(() => rig!.ended.length === 1)
    if (wanted.call !== undefined) expect(rig.ended[0]?.status.code).toBe(wanted.call)
  })
})

const perform = (client: WsClient, { text, hex, raw, times = 1, close, reset, pause }: Step): void => {
  if (text !== undefined) client.text(text)
  if (hex !== undefined) client.binary(Buffer.from(hex, 'hex'))
  if (raw !== undefined) {
    const { opcode, hex: payload, ...bits } = raw
    for (let i = 0; i < times; i++) client.raw(frameBytes(opcode, Buffer.from(payload, 'hex'), bits))
  }
  if (close !== undefined) client.close(...close)
  if (reset === true) client.reset()
  if (pause === true) client.socket.pause()
}

/** Moves the clock and waits for the ping that must follow, if the connection is still there. */
const tick = async (client: WsClient, clock: { advance(ms: number): void }, ms: number): Promise<void> => {
  // What the client sent before must be seen before time passes.
  await new Promise((resolve) => setTimeout(resolve, 30))
  clock.advance(ms)
  await new Promise((resolve) => setTimeout(resolve, 30))
  void client
}

/** The reason in a status as JSON: its details are the fake schema's base64 of an ErrorInfo. */
const reasonInside = (body: { details: readonly object[] }): string | undefined =>
  reasonOf(body.details.map((detail) => detailOf(detail as Record<string, string>)))
const detailOf = (detail: Record<string, string>): ErrorDetail => ({
  typeUrl: detail['@type'] ?? '',
  value: Buffer.from(detail.value ?? '', 'base64'),
})
