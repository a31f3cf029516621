import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { frame, type RawAnswer, type RawBackend, startRawHttp2 } from '../support/raw-http2-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'
import { WsClient } from '../support/ws-client.ts'
import { CONFORMANCE_PROTO } from './proto.ts'

interface Case extends Marked {
  readonly name: string
  readonly protocol: string
  readonly hex: string
  readonly frames: readonly string[]
  readonly compression?: boolean
  readonly maxBytes?: number
  /** How it fails after its frames. */
  readonly code?: number
}

/**
 * SEMANTICS §10 and §19 "Frames": what a backend sends, as it comes out on the other side. A binary WebSocket shows it, since there
 * a payload is passed on as it is.
 */
export const frames = (tally: Tally): void => {
  const { cases } = readVectors<{ cases: Case[] }>('frames.json')
  const gateways = new Map<number | undefined, RunningGateway>()
  let backend: RawBackend
  let client: WsClient | undefined
  let next: RawAnswer

  beforeAll(async () => {
    backend = await startRawHttp2(() => next)
    for (const maxBytes of new Set(cases.map((one) => one.maxBytes)))
      gateways.set(
        maxBytes,
        await startGateway({
          schemas: [CONFORMANCE_PROTO],
          upstreams: {
            raw: {
              endpoints: [backend.address],
              ...(maxBytes === undefined ? {} : { limits: { message: `${maxBytes}B` } }),
            },
          },
        }),
      )
  })
  afterAll(async () => {
    for (const gateway of gateways.values()) await gateway.stop()
    await backend.stop()
  })
  afterEach(() => client?.socket.destroy())

  /** Payloads and final code of a stream whose answer is this. */
  const ask = async (
    answer: RawAnswer,
    maxBytes?: number,
  ): Promise<{ payloads: string[]; code: number | undefined }> => {
    next = { trailers: { 'grpc-status': '0' }, ...answer }
    const port = Number(new URL(gateways.get(maxBytes)!.url).port)
    const opened = await WsClient.open(port, { path: '/items' })
    client = opened.client
    expect(opened.answer.status).toBe(101)
    // Who asks in binary is answered in binary.
    client.binary(Buffer.alloc(0))
    await client.closed
    const payloads = client.frames.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload.toString('hex'))
    return { payloads, code: client.result.status?.code }
  }

  const answerOf = ({ hex, compression, frames: wanted }: Case): RawAnswer => {
    if (compression !== true) return { body: Buffer.from(hex, 'hex') }
    const parts = wanted.map((payload) => frame(gzipSync(Buffer.from(payload, 'hex')), 1))
    return { headers: { 'grpc-encoding': 'gzip' }, body: Buffer.concat(parts) }
  }

  tally.each(
    cases,
    ({ name }) => name,
    async (one) => {
      const wanted = { payloads: one.frames, code: one.code ?? 0 }
      const answer = answerOf(one)
      expect(await ask(answer, one.maxBytes)).toEqual(wanted)
      expect(await ask({ ...answer, piece: 1 }, one.maxBytes)).toEqual(wanted)
    },
  )
  test('one behind the other in one piece', async () => {
    const good = cases.filter((one) => one.protocol === 'grpc' && one.code === undefined && one.compression !== true)
    const body = Buffer.concat(good.map(({ hex }) => Buffer.from(hex, 'hex')))
    const wanted = { payloads: good.flatMap((one) => one.frames), code: 0 }
    expect(await ask({ body })).toEqual(wanted)
    expect(await ask({ body, piece: 3 })).toEqual(wanted)
  })
}
