import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { type RawAnswer, RawClient } from '../support/raw-client.ts'
import { methodPaths, type ScriptedBackend, startScriptedBackend } from '../support/scripted-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'

interface Case extends Marked {
  readonly request: string
  readonly to: string | number
  readonly params?: readonly string[]
  readonly decoded?: readonly string[]
  readonly allow?: readonly string[]
  /** Status of an answer that is given before a route is looked for. */
  readonly http?: number
}
interface Bindings {
  readonly name: string
  readonly mode?: 'strict' | 'lenient'
  readonly trailingSlash?: boolean
  readonly bindings: Readonly<Record<string, string>>
  readonly cases: readonly Case[]
}

const ruleOf = (rule: string): { method: string; path: string; prefix: boolean } => {
  const words = rule.split(' ')
  const prefix = words[0] === 'prefix'
  if (prefix) words.shift()
  return { method: words[0]!, path: words[1]!, prefix }
}
const variablesOf = (path: string): string[] => [...path.matchAll(/\{([^}=]+)/g)].map(([, name]) => name!)

const OWN = new Set(['GET', 'PUT', 'POST', 'DELETE', 'PATCH'])
const annotation = (method: string, path: string): string =>
  OWN.has(method) ? `${method.toLowerCase()}: "${path}"` : `custom { kind: "${method}" path: "${path}" }`

/** Fields of the one message: every variable of the set, numbered from 1 on. */
const fieldsOf = ({ bindings }: Bindings): string[] => [
  ...new Set(Object.values(bindings).flatMap((rule) => variablesOf(ruleOf(rule).path))),
]

/** A service with one method for each binding that is no prefix. */
const protoOf = (set: Bindings): string => {
  const { bindings } = set
  const fields = fieldsOf(set).map((name, i) => `string ${name} = ${i + 1};`)
  const methods = Object.entries(bindings).flatMap(([id, rule]) => {
    const { method, path, prefix } = ruleOf(rule)
    if (prefix) return []
    return `rpc ${id}(V) returns (V) { option (google.api.http) = { ${annotation(method, path)} }; }`
  })
  return `syntax = "proto3"; package m; import "google/api/annotations.proto";
message V { ${fields.join(' ')} }
service S { ${methods.join('\n')} }`
}

/** A prefix is a proxy: what it asks its backend for begins with its id and its variables, and ends with the rest. */
const prefixesOf = ({ bindings }: Bindings) =>
  Object.entries(bindings).flatMap(([id, rule]) => {
    const { method, path, prefix } = ruleOf(rule)
    if (!prefix) return []
    const variables = variablesOf(path)
    return { path, method, to: 'web', rewrite: `/${[id, ...variables.map((name) => `{${name}}`), '*'].join('/')}` }
  })

/** Strings of a message by the name of their field. Not `Type.decode`: it would set a prototype for `__proto__`. */
const stringsOf = (bytes: Uint8Array, fields: readonly string[]): Map<string, string> => {
  const reader = protobuf.Reader.create(bytes)
  const strings = new Map<string, string>()
  while (reader.pos < reader.len) strings.set(fields[(reader.uint32() >>> 3) - 1]!, reader.string())
  return strings
}

const table = (set: Bindings, tally: Tally): void => {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-matching-'))
  const proto = protoOf(set)
  const asked: string[] = []
  let backend: ScriptedBackend
  let web: Server
  let running: RunningGateway

  beforeAll(async () => {
    const file = join(folder, 'm.proto')
    writeFileSync(file, proto)
    backend = await startScriptedBackend(methodPaths(proto))
    web = createServer((request, response) => {
      asked.push(request.url!)
      response.end('web')
    })
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    const compat = { template: set.mode ?? 'strict', trailingSlash: set.trailingSlash === true }
    const service =
      methodPaths(proto).length === 0 ? [] : [{ service: 'm.S', to: 'grpc', compat, unknownQuery: 'ignore' as const }]
    running = await startGateway({
      schemas: [file],
      upstreams: {
        grpc: { endpoints: [backend.address] },
        web: { endpoints: [`http://127.0.0.1:${(web.address() as AddressInfo).port}`] },
      },
      routes: [...service, ...prefixesOf(set)],
    })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
    web.closeAllConnections()
    web.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    backend.reset()
    asked.length = 0
  })

  const ask = async (request: string): Promise<RawAnswer> => {
    const client = await RawClient.open(Number(new URL(running.url).port))
    client.send(`${request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const answer = await client.answer(request.split(' ')[0])
    client.destroy()
    return answer
  }

  const check = async ({ request, to, params = [], decoded, allow, http }: Case): Promise<void> => {
    const answer = await ask(request)
    if (typeof to === 'number') {
      expect(answer.status).toBe(http ?? to)
      if (http === undefined) expect(answer.headers.get('allow')?.split(', ')).toEqual(allow)
      expect(backend.calls.length + asked.length).toBe(0)
      return
    }
    expect(answer.status, answer.body).toBe(200)
    expect(answer.complete).toBe(true)
    const { path, prefix } = ruleOf(set.bindings[to]!)
    const names = variablesOf(path)
    if (prefix) {
      const query = request.split('?')[1]
      const variables = params.slice(0, -1).map((value) => `/${value}`)
      expect(asked).toEqual([`/${to}${variables.join('')}${params.at(-1)}${query === undefined ? '' : `?${query}`}`])
      return
    }
    expect(backend.calls.map((call) => call.path)).toEqual([`/m.S/${to}`])
    const want = names.map((name, i) => [name, (decoded ?? params)[i]!] as const)
    const got = stringsOf(backend.calls[0]!.messages[0]!, fieldsOf(set))
    // An empty string is not written.
    expect(got).toEqual(new Map(want.filter(([, value]) => value !== '')))
    if (!request.startsWith('HEAD ')) expect(answer.body.startsWith('{')).toBe(true)
  }

  tally.each(set.cases, ({ request, to }) => `${request} → ${to}`, check)
}

/** SEMANTICS §2, §3 and §19 "Matching". */
export const matching = (tally: Tally): void => {
  for (const set of readVectors<{ sets: Bindings[] }>('matching.json').sets) describe(set.name, () => table(set, tally))
}
