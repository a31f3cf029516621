import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Etcd, startEtcd } from '../support/etcd.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { describeWith } from '../support/required.ts'
import { type Asked, GROUPS } from './etcd-exchanges.ts'

/** An answer as both sides are compared: HTTP status and parsed JSON; of a stream one value for each line; otherwise the text. */
interface Answer {
  readonly status: number
  readonly body: unknown
}
type Json = Record<string, unknown>

/**
 * What may differ, and nothing else. `translate` turns etcd's answer into the one that Protogate must give; undefined: it does not
 * apply. Where Protogate has words of its own they are its part of the comparison (`ours`).
 */
interface Difference {
  readonly name: string
  readonly source: string
  translate(theirs: Answer, ours: Answer, asked: Asked): Answer | undefined
}

const isError = (body: unknown): body is Json => typeof body === 'object' && body !== null && 'code' in body
const own = (ours: Answer): { message: unknown; details: unknown } => {
  const { message, details } = ours.body as Json
  return { message, details }
}
const isOfGateway = (ours: Answer): boolean => JSON.stringify(ours.body).includes('"domain":"protogate"')

/** Requests that one side takes and the other refuses. Neither changes the store. */
const READ_OTHERWISE = new Map([
  ['a member that is no field', 400],
  ['two members of a oneof', 400],
  ['base64 for URLs', 200],
])

const DIFFERENCES: readonly Difference[] = [
  {
    name: 'an error is google.rpc.Status, also of a stream and of a miss',
    source:
      'etcd 3.4 has grpc-gateway 1.9 (runtime/errors.go): "error" repeats "message", no details; { "error": { "grpc_code" … } } for a stream; plain text for 404 and 405',
    translate({ status, body }, ours) {
      if (typeof body === 'string' && (status === 404 || status === 405))
        return { status, body: { code: status === 404 ? 5 : 12, ...own(ours) } }
      if (isError(body) && 'error' in body)
        return { status, body: { code: body.code, message: body.message, details: body.details ?? [] } }
      const error = (body as { readonly error?: Json }).error
      if (error === undefined) return undefined
      return { status, body: { code: error.grpc_code, message: error.message, details: [] } }
    },
  },
  {
    name: 'FAILED_PRECONDITION is 400',
    source: 'google/rpc/code.proto: "HTTP Mapping: 400 Bad Request"; grpc-gateway 1.9 answers 412',
    translate: ({ status, body }) =>
      isError(body) && body.code === 9 && status === 412 ? { status: 400, body } : undefined,
  },
  {
    name: 'input is read by the rules of ProtoJSON',
    source:
      'ProtoJSON: unknown members and two members of a oneof are errors, base64 may be that for URLs; the jsonpb of grpc-gateway 1.9 has it the other way round',
    translate(theirs, ours, { name }) {
      const status = READ_OTHERWISE.get(name)
      if (status === undefined) return undefined
      expect(theirs.status).toBe(status === 200 ? 400 : 200)
      return status === 200 ? { status, body: ours.body } : { status, body: { code: 3, ...own(ours) } }
    },
  },
  {
    name: 'what does not fit its type is told in other words',
    source: 'no authority has texts: Go’s encoding/json there; here line, column and a BadRequest that names the field',
    translate({ status, body }, ours) {
      if (!isError(body) || body.code !== 3 || !isOfGateway(ours)) return undefined
      return { status, body: { code: body.code, ...own(ours) } }
    },
  },
  {
    name: 'names of enum values',
    source:
      'the .proto of the npm package etcd3 spells them Delete, Readwrite, Nospace; etcd itself DELETE, READWRITE, NOSPACE',
    translate({ status, body }) {
      const text = JSON.stringify(body)
      const renamed = text.replace(
        /"(type|permType|alarm)":"([A-Z])([A-Z]+)"/g,
        (_all, member: string, first: string, rest: string) => `"${member}":"${first}${rest.toLowerCase()}"`,
      )
      return renamed === text ? undefined : { status, body: JSON.parse(renamed) as unknown }
    },
  },
]

describeWith('etcd', 'etcd’s own REST gateway and Protogate over its gRPC', (path) => {
  let theirs: Etcd
  let behind: Etcd
  let gateway: RunningGateway
  const tokens = new Map<string, Map<string, string>>()
  const seen = new Map<string, number>()
  let exchanges = 0

  beforeAll(async () => {
    ;[theirs, behind] = await Promise.all([startEtcd(path), startEtcd(path)])
    const settings = { json: { protoNames: true }, compat: { streamEnvelope: true } }
    const etcd3 = dirname(createRequire(import.meta.url).resolve('etcd3/package.json'))
    gateway = await startGateway({
      schemas: [join(etcd3, 'proto')],
      upstreams: { etcd: { endpoints: [`grpc://${behind.address}`] } },
      routes: [
        { service: '*', to: 'etcd', ...settings },
        // Two methods of one service have this rule; etcd's gateway takes the first.
        {
          path: '/v3/maintenance/hash',
          method: 'POST',
          rpc: 'etcdserverpb.Maintenance/Hash',
          to: 'etcd',
          ...settings,
        },
      ],
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await Promise.all([theirs?.stop(), behind?.stop()])
  })

  const send = async (base: string, asked: Asked): Promise<Answer> => {
    const token = asked.as === undefined ? undefined : (tokens.get(base)?.get(asked.as) ?? 'no-token')
    const abort = new AbortController()
    const response = await fetch(base + asked.path, {
      method: asked.method ?? 'POST',
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: token }) },
      ...(asked.method === undefined
        ? { body: typeof asked.body === 'string' ? asked.body : JSON.stringify(asked.body) }
        : {}),
      signal: abort.signal,
    })
    const text = asked.lines === undefined ? await response.text() : await firstLines(response, asked.lines)
    abort.abort()
    return { status: response.status, body: parse(text, asked.volatile ?? []) }
  }
  const authenticate = async (base: string, name: string, password: string): Promise<void> => {
    const body = JSON.stringify({ name, password })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${base}/v3/auth/authenticate`, { method: 'POST', headers, body })
    const { token } = (await response.json()) as { readonly token: string }
    expect(token).toMatch(/^\w+\.\d+$/)
    const known = tokens.get(base) ?? new Map<string, string>()
    tokens.set(base, known.set(name, token))
  }

  describe.each([...GROUPS])('%s', (_group, asked) => {
    test.each(asked)('$path: $name', async (one) => {
      const bases = [`http://${theirs.address}`, gateway.url] as const
      if (one.as !== undefined && one.as !== 'nobody' && !tokens.get(bases[0])?.has(one.as))
        for (const base of bases) await authenticate(base, one.as, one.as === 'root' ? 'secret' : 'lovelace')
      const native = await send(bases[0], one)
      const ours = await send(bases[1], one)
      let expected = native
      for (const difference of DIFFERENCES) {
        const translated = difference.translate(expected, ours, one)
        if (translated === undefined) continue
        expected = translated
        seen.set(difference.name, (seen.get(difference.name) ?? 0) + 1)
      }
      exchanges++
      expect(ours).toEqual(expected)
    })
  })

  test('at least 60 exchanges, at most 5 classes of difference, and each of them is there', () => {
    console.log(`${exchanges} exchanges with etcd`)
    for (const { name, source } of DIFFERENCES) console.log(`${seen.get(name) ?? 0} times: ${name} (${source})`)
    expect(exchanges).toBeGreaterThanOrEqual(60)
    expect(DIFFERENCES.length).toBeLessThanOrEqual(5)
    expect([...seen.keys()].sort()).toEqual(DIFFERENCES.map(({ name }) => name).sort())
  })

  test('a watch over a WebSocket: events of keys that others put, cancel, and etcd drops it', async () => {
    const before = await watchers(behind)
    const socket = new WebSocket(`${gateway.ws}/v3/watch`)
    const frames: Json[] = []
    socket.onmessage = (event) => frames.push(JSON.parse(String(event.data)) as Json)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = reject
    })
    const key = Buffer.from('watched/').toString('base64')
    const rangeEnd = Buffer.from('watched0').toString('base64')
    socket.send(JSON.stringify({ create_request: { key, range_end: rangeEnd } }))
    await expect.poll(() => frames).toMatchObject([{ created: true }])
    expect(await watchers(behind)).toBe(before + 1)

    for (const [name, value] of [
      ['watched/1', 'one'],
      ['elsewhere', 'unseen'],
      ['watched/2', 'two ✓'],
    ] as const)
      await put(behind, name, value)
    await expect
      .poll(() => events(frames))
      .toEqual([
        ['watched/1', 'one'],
        ['watched/2', 'two ✓'],
      ])

    socket.send(JSON.stringify({ cancel_request: { watch_id: frames[0]?.watch_id ?? '0' } }))
    await expect.poll(() => frames.at(-1)).toMatchObject({ canceled: true })
    await expect.poll(() => watchers(behind)).toBe(before)
    await put(behind, 'watched/3', 'after')
    const closed = new Promise<number>((resolve) => {
      socket.onclose = (event) => resolve(event.code)
    })
    socket.close(1000)
    expect(await closed).toBe(1000)
    expect(events(frames)).toHaveLength(2)
  })

  test('a socket that is closed with open watches leaves none at etcd', async () => {
    const before = await watchers(behind)
    const socket = new WebSocket(`${gateway.ws}/v3/watch`)
    const created = new Promise((resolve) => {
      socket.onmessage = resolve
    })
    socket.onopen = () => socket.send(JSON.stringify({ create_request: { key: 'YQ==' } }))
    await created
    expect(await watchers(behind)).toBe(before + 1)
    socket.close()
    await expect.poll(() => watchers(behind)).toBe(before)
  })
})

const firstLines = async (response: Response, count: number): Promise<string> => {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (text.split('\n').length <= count) {
    const { value, done } = await reader.read()
    if (done) break
    text += value
  }
  return text.split('\n').slice(0, count).join('\n')
}

/** JSON, JSON lines of a stream, or text. Volatile members only have to be there. */
const parse = (text: string, volatile: readonly string[]): unknown => {
  const reviver = (name: string, value: unknown): unknown => (volatile.includes(name) ? typeof value : value)
  try {
    const lines = text.trimEnd().split('\n')
    const values = lines.map((line) => JSON.parse(line, reviver) as Json)
    return values.length > 1 || 'result' in values[0]! ? values : values[0]
  } catch {
    return text
  }
}

const watchers = async ({ address }: Etcd): Promise<number> => {
  const text = await (await fetch(`http://${address}/metrics`)).text()
  return Number(/^etcd_debugging_mvcc_watcher_total (\d+)$/m.exec(text)![1])
}
const put = async ({ address }: Etcd, key: string, value: string): Promise<void> => {
  const body = JSON.stringify({
    key: Buffer.from(key).toString('base64'),
    value: Buffer.from(value).toString('base64'),
  })
  expect((await fetch(`http://${address}/v3/kv/put`, { method: 'POST', body })).status).toBe(200)
}
const events = (frames: readonly Json[]): string[][] =>
  frames.flatMap((frame) =>
    ((frame.events ?? []) as { readonly kv: { readonly key: string; readonly value: string } }[]).map(({ kv }) =>
      [kv.key, kv.value].map((text) => Buffer.from(text, 'base64').toString()),
    ),
  )
