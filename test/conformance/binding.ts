import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { type Answer, send } from '../support/http-client.ts'
import { methodPathsOf, type ScriptedBackend, startScriptedBackend } from '../support/scripted-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors, VECTORS } from '../support/vectors.ts'

interface BindingCase extends Marked {
  readonly method: string
  readonly path: string
  readonly body: string | null
  readonly status: number
  readonly rpc: string | null
  readonly want: Record<string, unknown> | null
  readonly reason?: string
}
interface JsonCase extends Marked {
  readonly body: string | null
  readonly bodyHex?: string
  readonly tail?: string
  readonly repeat?: number
  readonly ignoreUnknown?: boolean
  readonly status: number
  readonly want: Record<string, unknown> | null
  /** The answer's field of this name is compared as a list of entries. */
  readonly map?: string
  /** Exact text of the answer. */
  readonly raw?: string
  readonly reason?: string | null
  /** JSON pointer of the member that is to blame. */
  readonly pointer?: string
  readonly hint?: string
  readonly says?: string
}
const MODES = ['spec', 'keep-reserved', 'all'] as const
interface Capture extends Marked, Readonly<Record<(typeof MODES)[number], string | null>> {
  readonly raw: string
  readonly multi: boolean
}

interface ErrorBody {
  readonly code: number
  readonly message: string
  readonly details: readonly {
    readonly '@type': string
    readonly reason?: string
    readonly fieldViolations?: readonly { readonly field?: string }[]
  }[]
}
const detail = (body: ErrorBody, type: string) =>
  body.details.find((each) => each['@type'] === `type.googleapis.com/google.rpc.${type}`)

const bytesOf = ({ body, bodyHex, tail, repeat }: JsonCase): Buffer => {
  if (bodyHex !== undefined) return Buffer.from(bodyHex, 'hex')
  if (tail !== undefined) return Buffer.from(body + tail.repeat(repeat!))
  return Buffer.from(repeat === undefined ? body! : body!.repeat(repeat))
}

/** SEMANTICS §3 to §6, §14 and §19 "Binding" and "ProtoJSON": a gateway in front of a backend that answers what it gets. */
export const binding = (tally: Tally): void => {
  const proto = join(VECTORS, 'proto/vectors.proto')
  let backend: ScriptedBackend
  let running: RunningGateway

  beforeAll(async () => {
    backend = await startScriptedBackend(methodPathsOf(proto))
    const unescaped = MODES.flatMap((mode) => {
      const line = { rpc: 'vec.Vectors/Get', method: 'GET', to: 'vec', compat: { unescape: mode } }
      return [
        { ...line, path: `/${mode}/one/{id}` },
        { ...line, path: `/${mode}/many/{id=**}` },
      ]
    })
    running = await startGateway({
      schemas: [proto],
      upstreams: { vec: { endpoints: [backend.address] } },
      routes: [
        { service: 'vec.Vectors', to: 'vec' },
        { path: '/ignoring', rpc: 'vec.Vectors/Echo', to: 'vec', json: { ignoreUnknown: true } },
        ...unescaped,
      ],
    })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
  })
  beforeEach(() => backend.reset())

  const ask = (method: string, path: string, body: Uint8Array | undefined): Promise<Answer> => {
    const headers: Record<string, string> =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) }
    return send(running.url, { method, path, headers, body })
  }
  /** A refusal: its body, after what holds for every one. */
  const refused = (answer: Answer): ErrorBody => {
    const body = answer.json() as ErrorBody
    expect(body.code).toBe(3)
    expect(detail(body, 'ErrorInfo')).toMatchObject({
      domain: 'protogate',
      reason: expect.stringMatching(/^[A-Z0-9_]+$/),
    })
    expect(backend.calls.length).toBe(0)
    return body
  }

  const checkBinding = async ({ method, path, body, status, rpc, want, reason }: BindingCase): Promise<void> => {
    const answer = await ask(method, path, body === null ? undefined : Buffer.from(body))
    expect(answer.status, answer.text).toBe(status)
    if (status !== 200) {
      const error = refused(answer)
      if (reason !== undefined) expect(detail(error, 'ErrorInfo')!.reason).toBe(reason)
      return
    }
    expect(backend.calls.map((call) => call.path)).toEqual([rpc])
    expect(answer.json()).toEqual(want)
  }

  const checkJson = async (one: JsonCase): Promise<void> => {
    const path = one.ignoreUnknown === true ? '/ignoring' : '/echo'
    const answer = await ask('POST', path, bytesOf(one))
    expect(answer.status, answer.text.slice(0, 300)).toBe(one.status)
    if (one.status !== 200) {
      const error = refused(answer)
      if (typeof one.reason === 'string') expect(detail(error, 'ErrorInfo')!.reason).toBe(one.reason)
      if (one.pointer !== undefined)
        expect(detail(error, 'BadRequest')!.fieldViolations![0]!.field ?? '').toBe(one.pointer)
      if (one.hint !== undefined) expect(error.message).toContain(`did you mean "${one.hint}"`)
      if (one.says !== undefined) expect(error.message).toContain(one.says)
      return
    }
    if (one.raw !== undefined) expect(answer.text).toBe(one.raw)
    const got = answer.json() as Record<string, object>
    if (one.map === undefined) expect(got).toEqual(one.want)
    else expect(Object.entries(got[one.map]!)).toEqual(one.want![one.map])
  }

  const checkCapture = async (one: Capture): Promise<void> => {
    for (const mode of MODES) {
      backend.reset()
      const answer = await ask('GET', `/${mode}/${one.multi ? 'many' : 'one'}/${one.raw}`, undefined)
      if (one[mode] === null) {
        expect(answer.status, mode).toBe(400)
        refused(answer)
      } else {
        expect(answer.status, mode).toBe(200)
        expect((answer.json() as { id?: string }).id ?? '', mode).toBe(one[mode])
      }
    }
  }
  const checkForm = async ({ raw, value }: { readonly raw: string; readonly value: string | null }): Promise<void> => {
    const answer = await ask('GET', `/v1/a?p=${raw}`, undefined)
    expect(answer.status).toBe(value === null ? 400 : 200)
    if (value === null) refused(answer)
    else expect(answer.json()).toEqual({ id: 'a', p: value })
  }

  describe('binding (SEMANTICS §4, §5, §14)', () => {
    const { cases } = readVectors<{ cases: BindingCase[] }>('binding.json')
    const title = ({ method, path, body, status }: BindingCase) => `${method} ${path} ${body ?? ''} → ${status}`
    tally.each(cases, title, checkBinding)
  })
  describe('percent-decoding (SEMANTICS §3)', () => {
    const { captures, form } = readVectors<{
      captures: Capture[]
      form: ({ raw: string; value: string | null } & Marked)[]
    }>('percent.json')
    tally.each(captures, ({ raw, multi }) => `${multi ? '{id=**}' : '{id}'} of ${raw}`, checkCapture)
    tally.each(form, ({ raw }) => `?p=${raw}`, checkForm)
  })
  describe('ProtoJSON (SEMANTICS §6)', () => {
    const { cases } = readVectors<{ cases: JsonCase[] }>('protojson.json')
    tally.each(cases, ({ body, bodyHex, status }) => `${(body ?? bodyHex)!.slice(0, 70)} → ${status}`, checkJson)
  })
}
