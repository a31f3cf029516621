import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeProblem } from '../../../src/core/config-error.ts'
import { loadSchema } from '../../../src/schema/schema.ts'
import { readServiceConfig } from '../../../src/schema/service-config/index.ts'
import { protoFolder } from '../../support/proto-folder.ts'

const PROTO = `syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
service Books {
  rpc Get(Book) returns (Book) {
    option (google.api.http) = { get: "/annotated/{name}" additional_bindings { get: "/also/{name}" } };
  }
  rpc Save(Book) returns (Book) { option (google.api.http) = { post: "/annotated" body: "*" }; }
  rpc Plain(Book) returns (Book);
}
message Book { string name = 1; Book sequel = 2; }
`
const head = 'type: google.api.Service\nconfig_version: 3\nname: shop.example.com\napis:\n- name: shop.v1.Books\n'

const load = async (files: Readonly<Record<string, string>>, ...more: readonly string[]) => {
  const base = protoFolder({ 'shop.proto': PROTO, ...files })
  const { schema, problems, files: read } = await loadSchema(['shop.proto', ...more, ...Object.keys(files)], { base })
  const rules = (method: string) =>
    schema
      .rules(`shop.v1.Books/${method}`)
      .map(({ method: verb, template, body, responseBody, unescape: decoding }) => {
        const rest = [body, responseBody, decoding].filter((part) => part !== '' && part !== undefined)
        return [verb, template, ...rest].join(' ')
      })
  return {
    schema,
    rules,
    texts: problems.map(describeProblem),
    files: read.map((path) => path.replace(`${base}/`, '')),
  }
}

describe('rules of a service config', () => {
  test('take the place of everything that the .proto says of their method, and of no other', async () => {
    const { rules, texts, files } = await load({
      'api.yaml': `${head}http:
  rules:
  - selector: shop.v1.Books.Get
    get: /v2/{name=books/*}
    response_body: sequel
    additional_bindings:
    - post: /v2/books:get
      body: "*"
    - custom: { kind: search, path: /v2/books }
  - selector: shop.v1.Books.Plain
    patch: /v2/plain
    body: sequel
`,
    })
    expect(texts).toEqual([])
    expect(files).toEqual(['shop.proto', 'api.yaml'])
    expect(rules('Get')).toEqual(['GET /v2/{name=books/*} sequel', 'POST /v2/books:get *', 'SEARCH /v2/books'])
    expect(rules('Save')).toEqual(['POST /annotated *'])
    expect(rules('Plain')).toEqual(['PATCH /v2/plain sequel'])
  })
  test('JSON: the same, with the names of either form', async () => {
    const rule = {
      selector: 'shop.v1.Books.Get',
      put: '/v2/{name}',
      body: 'sequel',
      responseBody: 'sequel',
      additionalBindings: [{ delete: '/v2/{name}', response_body: 'sequel' }],
    }
    const text = JSON.stringify({ type: 'google.api.Service', configVersion: 3, http: { rules: [rule] } }, undefined, 1)
    const { rules, texts } = await load({ 'api.json': `\uFEFF${text.replace('{', '{ // a comment\n')}` })
    expect(texts).toEqual([])
    expect(rules('Get')).toEqual(['PUT /v2/{name} sequel sequel', 'DELETE /v2/{name} sequel'])
  })
  test('the last rule for a method counts, over all files in the order of `schemas`', async () => {
    const one = (path: string) => `  - selector: shop.v1.Books.Get\n    get: ${path}\n`
    const twice = await load({ 'a.yaml': `${head}http:\n  rules:\n${one('/first')}${one('/second')}` })
    expect([twice.texts, twice.rules('Get')]).toEqual([[], ['GET /second']])
    const files = {
      'b.yaml': `${head}http:\n  rules:\n${one('/b')}`,
      'a.yml': `${head}http:\n  rules:\n${one('/a')}`,
    }
    expect((await load(files)).rules('Get')).toEqual(['GET /a'])
  })
  test('rules for methods of a descriptor set, and of imported files', async () => {
    const imported = await load({
      'main.proto': 'syntax = "proto3"; import "google/longrunning/operations.proto"; message M {}',
      'api.yaml': `${head}http:\n  rules:\n  - selector: google.longrunning.Operations.GetOperation\n    get: /ops/{name}\n`,
    })
    expect(imported.texts).toEqual([])
    expect(imported.schema.rules('google.longrunning.Operations/GetOperation').map(({ template }) => template)).toEqual(
      ['/ops/{name}'],
    )
    expect(imported.schema.services.has('google.longrunning.Operations')).toBe(false)
  })
  test('the file belongs to the digest of the schema', async () => {
    const text = (path: string) => `${head}http:\n  rules:\n  - selector: shop.v1.Books.Get\n    get: ${path}\n`
    const base = protoFolder({ 'shop.proto': PROTO, 'api.yaml': text('/a') })
    const hash = async () => (await loadSchema(['shop.proto', 'api.yaml'], { base })).schema.hash
    const first = await hash()
    expect(await hash()).toBe(first)
    writeFileSync(join(base, 'api.yaml'), text('/b'))
    expect(await hash()).not.toBe(first)
  })
  test('a place in the file is the place of the rule', async () => {
    const { schema } = await load({
      'api.yaml': `${head}http:\n  rules:\n  - selector: shop.v1.Books.Get\n    get: /v2/{name}\n`,
    })
    expect(schema.rules('shop.v1.Books/Get')[0]!.place).toEqual({ file: 'api.yaml', line: 9, column: 10 })
  })
})

describe('fully_decode_reserved_expansion', () => {
  const decoded = async (line: string) => {
    const rule =
      '  - selector: shop.v1.Books.Get\n    get: /a/{name=**}\n    additional_bindings:\n    - get: /b/{name=**}\n'
    const { rules, texts } = await load({ 'api.yaml': `${head}http:\n${line}  rules:\n${rule}` })
    return [...texts, ...rules('Get')]
  }
  test('true: all but %2F; false: nothing that is reserved; for all bindings of the file', async () => {
    expect(await decoded('  fully_decode_reserved_expansion: true\n')).toEqual([
      'GET /a/{name=**} spec',
      'GET /b/{name=**} spec',
    ])
    expect(await decoded('  fullyDecodeReservedExpansion: false\n')).toEqual([
      'GET /a/{name=**} keep-reserved',
      'GET /b/{name=**} keep-reserved',
    ])
  })
  test('not said: as the route says', async () => {
    expect(await decoded('')).toEqual(['GET /a/{name=**}', 'GET /b/{name=**}'])
  })
})

describe('the text', () => {
  const read = (text: string, file = 'x.yaml') => {
    const { rules, problems } = readServiceConfig(text, file)
    return { selectors: rules.map(({ selector }) => selector), texts: problems.map(describeProblem) }
  }
  const rule = (selector: string) => `  - selector: ${selector}\n    get: /x\n`
  test('what a gateway has no use for is passed over', () => {
    const text = `%YAML 1.2\n---\n# a comment\n${head}title: x\ndocumentation:\n  rules:\n  - selector: a.b\n    description: |-\n      * of { unbalanced [ things\nauthentication: {}\npublishing: null\nhttp:\n  rules:\n${rule('a.b.C')}...\n`
    expect(read(text)).toEqual({ selectors: ['a.b.C'], texts: [] })
  })
  test('a byte order mark, and line ends of Windows', () => {
    expect(read(`\uFEFF${head}http:\n  rules:\n${rule('a.b.C')}`.replaceAll('\n', '\r\n'))).toEqual({
      selectors: ['a.b.C'],
      texts: [],
    })
  })
  test('anchors and aliases stand for their values', () => {
    const text = `${head}http:\n  rules:\n  - &one\n    selector: &name a.b.C\n    get: /x\n  - *one\n  - selector: *name\n    get: /y\n`
    expect(read(text)).toEqual({ selectors: ['a.b.C', 'a.b.C', 'a.b.C'], texts: [] })
  })
  test('aliases that would fill the memory are refused', () => {
    let text = `${head}l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n`
    for (let i = 1; i < 12; i++)
      text += `l${i}: &l${i} [${Array(10)
        .fill(`*l${i - 1}`)
        .join(', ')}]\n`
    expect(read(text).texts.join('\n')).toMatch(/SERVICE_CONFIG_SYNTAX: (more than 100 aliases|too many values)/)
  })
  test.each([
    ['brackets', '['],
    ['braces', '{'],
    ['both', '[{'],
    ['list marks', '- '],
    ['key marks', '? '],
  ])('deep nesting of %s ends nothing', (_, mark) => {
    const { texts } = read(`${mark.repeat(30_000)}\n`)
    expect(texts[0]).toContain('nested more than 100 levels deep')
    expect(read(mark.repeat(30_000), 'x.json').texts[0]).toContain('SERVICE_CONFIG_SYNTAX')
  })
  test('names of the prototype are names', () => {
    const text = `${head}__proto__: { x: 1 }\nhttp:\n  rules:\n  - selector: a.b.C\n    __proto__: /x\n    constructor: /y\n`
    const { texts, selectors } = read(text)
    expect(texts).toEqual(['x.yaml:6:1 warning SERVICE_CONFIG: google.api.Service has no member "__proto__"'])
    expect(selectors).toEqual(['a.b.C'])
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false)
  })
  test('what is not UTF-8 is told', async () => {
    const base = protoFolder({ 'shop.proto': PROTO, 'api.yaml': Buffer.from([0x61, 0xff]) })
    const { problems } = await loadSchema(['shop.proto', 'api.yaml'], { base })
    expect(problems.map(describeProblem)).toEqual(['api.yaml error SERVICE_CONFIG_SYNTAX: the file is not valid UTF-8'])
  })
})
