import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addresses, projects, put } from '../support/cli-project.ts'
import { type EchoBackend, startEchoBackend } from '../support/echo-backend.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'

/** Nobody may edit this one. */
const PROTO = `syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
service Books {
  rpc Get(Book) returns (Book) { option (google.api.http) = { get: "/annotated/{name}" }; }
  rpc Save(Book) returns (Book);
}
message Book { string name = 1; string title = 2; Book sequel = 3; repeated string tags = 4; }
`
const config = (text: string): string => `type: google.api.Service\nconfig_version: 3\nhttp:\n  rules:\n${text}`
const RULES = config(`  - selector: shop.v1.Books.Get
    get: /v1/{name=books/**}
  - selector: shop.v1.Books.Save
    patch: /v1/{name}
    body: sequel
    response_body: sequel
    additional_bindings:
    - custom:
        kind: REPORT
        path: /v1/{name}:report
      response_body: tags
    - put: /v1/{name}/tags
      body: tags
`)

const { folder: project, start } = projects()

describe('rules beside a .proto', () => {
  let base: string
  let backend: EchoBackend
  let running: RunningGateway
  beforeAll(async () => {
    base = mkdtempSync(join(tmpdir(), 'protogate-rules-'))
    put(base, 'third_party/shop.proto', PROTO)
    put(base, 'api.yaml', RULES)
    backend = await startEchoBackend(['/shop.v1.Books/Get', '/shop.v1.Books/Save'])
    running = await startGateway(
      { schemas: ['third_party', 'api.yaml'], upstreams: { shop: { endpoints: [backend.address] } } },
      { cwd: base },
    )
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
    rmSync(base, { recursive: true, force: true })
  })
  const ask = async (method: string, path: string, body?: string) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(`${running.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
    return [answer.status, await answer.json()] as const
  }

  test('every binding is served, and the annotation no more', async () => {
    expect(await ask('GET', '/v1/books/a%2Fb?title=t')).toEqual([200, { name: 'books/a%2Fb', title: 't' }])
    expect(await ask('PATCH', '/v1/x', '{"title":"t"}')).toEqual([200, { title: 't' }])
    expect(await ask('REPORT', '/v1/x:report?tags=a&tags=b')).toEqual([200, ['a', 'b']])
    expect(await ask('PUT', '/v1/x/tags', '["a"]')).toEqual([200, { name: 'x', tags: ['a'] }])
    expect((await ask('GET', '/annotated/x'))[0]).toBe(404)
    expect((await ask('POST', '/shop.v1.Books/Save', '{}'))[0]).toBe(404)
  })

  test('a reload takes up the file; a broken one is refused with its place', async () => {
    put(base, 'api.yaml', config('  - selector: shop.v1.Books.Get\n    get: /v2/{nam}\n'))
    const refused = running.gateway.reload()
    await expect(refused).rejects.toThrow(/api\.yaml:6:10 error BINDING_UNKNOWN_FIELD.*\(did you mean "name"\?\)/)
    expect((await ask('GET', '/v1/books/a'))[0]).toBe(200)
    put(base, 'api.yaml', config('  - selector: shop.v1.Books.Get\n    get: /v2/{name}\n'))
    await running.gateway.reload()
    expect(await ask('GET', '/v2/a')).toEqual([200, { name: 'a' }])
    expect((await ask('GET', '/v1/books/a'))[0]).toBe(404)
  })
})

describe('fully_decode_reserved_expansion', () => {
  test('is how variables are decoded, unless the route says it', async () => {
    const base = project({ 'api/shop.proto': PROTO })
    const rules = (decode: boolean): string =>
      RULES.replace('  rules:', `  fully_decode_reserved_expansion: ${decode}\n  rules:`)
    put(base, 'all-but-slashes.yaml', rules(true))
    put(base, 'nothing-reserved.yaml', rules(false))
    const backend = await startEchoBackend(['/shop.v1.Books/Get'])
    const nameOf = async (file: string, compat: object): Promise<string> => {
      const running = await startGateway(
        {
          schemas: ['api', file],
          upstreams: { shop: { endpoints: [backend.address] } },
          routes: [{ service: 'shop.v1.Books', compat }],
        },
        { cwd: base },
      )
      try {
        const answer = await fetch(`${running.url}/v1/books/a%2Fb%3Fc%20d`)
        return ((await answer.json()) as { name: string }).name
      } finally {
        await running.stop()
      }
    }
    try {
      expect(await nameOf('all-but-slashes.yaml', {})).toBe('books/a%2Fb?c d')
      expect(await nameOf('nothing-reserved.yaml', {})).toBe('books/a%2Fb%3Fc d')
      expect(await nameOf('nothing-reserved.yaml', { unescape: 'all' })).toBe('books/a/b?c d')
      expect(await nameOf('all-but-slashes.yaml', { unescape: 'keep-reserved' })).toBe('books/a%2Fb%3Fc d')
    } finally {
      await backend.stop()
    }
  })
})

describe('dev', () => {
  test('sees a change of the file', { timeout: 20_000 }, async () => {
    const cwd = project({
      'api/shop.proto': PROTO,
      'rules.yaml': RULES,
      'routes.json': '{ "schemas": ["api", "rules.yaml"] }',
    })
    const cli = start(['dev'], cwd)
    const { http } = await addresses(cli)
    const status = async (path: string): Promise<number> => (await fetch(`${http}${path}`)).status
    expect(await status('/v1/books/a')).toBe(200)
    put(cwd, 'rules.yaml', config('  - selector: shop.v1.Books.Get\n    get: /v3/{name}\n'))
    await cli.until('↻ rules.yaml: ')
    expect(await status('/v3/a')).toBe(200)
    expect(await status('/v1/books/a')).toBe(404)
  })
})
