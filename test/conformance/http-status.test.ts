import { join } from 'node:path'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { includeText } from '../../src/schema/include.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { type Answer, send } from '../support/http-client.ts'
import { frame, type RawAnswer, type RawBackend, startRawHttp2 } from '../support/raw-http2-backend.ts'
import { methodPathsOf, type ScriptedBackend, startScriptedBackend } from '../support/scripted-backend.ts'
import { type Marked, type Tally, tallied } from '../support/tally.ts'
import { readVectors, VECTORS } from '../support/vectors.ts'

interface Detail {
  readonly typeUrl: string
  /** Base64 of its bytes. */
  readonly value: string
}
interface Vectors {
  readonly codes: readonly ({ readonly code: number; readonly http: number } & Marked)[]
  readonly messages: readonly ({ readonly raw: string; readonly text: string } & Marked)[]
  readonly details: readonly ({
    readonly about: string
    readonly grpcStatus: number
    readonly grpcMessage: string | null
    readonly detailsBin: string
    readonly code: number
    readonly message: string
    readonly details: readonly Detail[]
  } & Marked)[]
  /** An answer without grpc-status. */
  readonly bareHttp: readonly ({ readonly http: number; readonly code: number } & Marked)[]
  readonly resets: readonly ({ readonly rst: string; readonly number: number; readonly code: number } & Marked)[]
}
interface ErrorBody {
  readonly code: number
  readonly message: string
  readonly details: readonly Record<string, unknown>[]
}

const PROTO = join(VECTORS, 'proto/qv.proto')
const vectors = readVectors<Vectors>('status.json')
const httpOf = new Map(vectors.codes.map(({ code, http }) => [code, http]))
const ERROR_DETAILS = protobuf.parse(includeText('google/rpc/error_details.proto')!, { keepCase: true }).root

/** What a detail is in ProtoJSON: of an unknown type its bytes. */
const jsonOf = ({ typeUrl, value }: Detail): unknown => {
  const name = typeUrl.slice(typeUrl.indexOf('/') + 1)
  const type = name.startsWith('google.rpc.') ? ERROR_DETAILS.lookupType(name) : undefined
  if (type === undefined) return { '@type': typeUrl, value }
  return { '@type': typeUrl, ...type.toObject(type.decode(Buffer.from(value, 'base64'))) }
}

/** A refusal as HTTP shows it. */
const errorOf = (answer: Answer, code: number): ErrorBody => {
  expect(answer.status, answer.text).toBe(httpOf.get(code))
  expect(answer.headers['content-type']).toBe('application/json')
  // What a backend says never is a challenge of the gateway.
  expect(answer.headers['www-authenticate']).toBeUndefined()
  const body = answer.json() as ErrorBody
  expect(body.code).toBe(code)
  return body
}

const ofBackends = (tally: Tally): void => {
  let backend: ScriptedBackend
  let running: RunningGateway
  beforeAll(async () => {
    backend = await startScriptedBackend(methodPathsOf(PROTO), async (call) => {
      await call.all
      call.end(Number(call.path.slice('/qv.QS/Fail'.length)), `failed on ${call.path}`)
    })
    running = await startGateway({ schemas: [PROTO], upstreams: { qv: { endpoints: [backend.address] } } })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
  })
  interface Case extends Marked {
    readonly path: string
    readonly grpc_status: number
    readonly http_status: number
  }
  const { cases } = readVectors<{ cases: Case[] }>('http-status.json')
  tally.each(
    cases,
    ({ path, http_status }) => `${path} → ${http_status}`,
    async ({ path, grpc_status, http_status }) => {
      const answer = await send(running.url, { path })
      expect(answer.status).toBe(http_status)
      expect(answer.json()).toEqual({
        code: grpc_status,
        message: `failed on /qv.QS/Fail${grpc_status}`,
        details: [],
      })
    },
  )
}

const ofWire = (tally: Tally): void => {
  let backend: RawBackend
  let running: RunningGateway
  let next: RawAnswer
  beforeAll(async () => {
    backend = await startRawHttp2(() => next)
    running = await startGateway({ schemas: [PROTO], upstreams: { qv: { endpoints: [backend.address] } } })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
  })
  beforeEach(() => {
    backend.requests.length = 0
  })
  const ask = (answer: RawAnswer): Promise<Answer> => {
    next = answer
    return send(running.url, { path: '/q' })
  }
  const MESSAGE = frame(Buffer.from([0x10, 7]))

  describe('codes', () => {
    tally.each(
      vectors.codes,
      ({ code, http }) => `grpc-status ${code} → ${http}`,
      async ({ code, http }) => {
        const end = { 'grpc-status': String(code), 'grpc-message': 'told' }
        // A failure behind the message still decides the HTTP status.
        const late = await ask({ body: MESSAGE, trailers: end })
        expect(late.status).toBe(http)
        if (code === 0) {
          expect(late.json()).toEqual({ i32: 7 })
          return
        }
        const alone = await ask({ only: true, headers: end })
        for (const answer of [late, alone])
          expect(errorOf(answer, code)).toEqual({ code, message: 'told', details: [] })
      },
    )
    test('OK without a message is no answer', async () => {
      const answer = await ask({ only: true, headers: { 'grpc-status': '0' } })
      expect(Math.floor(answer.status / 100)).toBe(5)
    })
  })
  describe('grpc-message', () => {
    tally.each(
      vectors.messages,
      ({ raw }) => raw,
      async ({ raw, text }) => {
        const answer = await ask({ trailers: { 'grpc-status': '5', 'grpc-message': raw } })
        expect(errorOf(answer, 5).message).toBe(text)
      },
    )
  })
  describe('grpc-status-details-bin', () => {
    tally.each(
      vectors.details,
      ({ about }) => about,
      async ({ grpcStatus, grpcMessage, detailsBin, code, message, details }) => {
        for (const padding of ['', '='.repeat((4 - (detailsBin.length % 4)) % 4)]) {
          const trailers: Record<string, string> = {
            'grpc-status': String(grpcStatus),
            'grpc-status-details-bin': detailsBin + padding,
          }
          if (grpcMessage !== null) trailers['grpc-message'] = grpcMessage
          expect(errorOf(await ask({ trailers }), code)).toEqual({ code, message, details: details.map(jsonOf) })
        }
      },
    )
  })
  describe('an answer of plain HTTP', () => {
    tally.each(
      vectors.bareHttp,
      ({ http, code }) => `${http} → code ${code}`,
      async ({ http, code }) => {
        const headers = { ':status': http, 'content-type': 'text/html', 'www-authenticate': 'Basic realm="backend"' }
        errorOf(await ask({ headers, body: Buffer.from('<h1>sorry</h1>') }), code)
        errorOf(await ask({ headers, only: true }), code)
      },
    )
    test('200 of gRPC that ends without a status → code 2', async () => {
      errorOf(await ask({ body: MESSAGE }), 2)
    })
  })
  describe('a stream that is reset', () => {
    tally.each(
      vectors.resets,
      ({ rst, code }) => `${rst} → code ${code}`,
      async ({ number, code }) => {
        errorOf(await ask({ reset: number }), code)
      },
    )
  })
}

tallied('http-status.json and status.json', (tally) => {
  describe('test/vectors/http-status.json', () => ofBackends(tally))
  describe('test/vectors/status.json', () => ofWire(tally))
})
