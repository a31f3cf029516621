import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { renderProblems, summary } from '../../src/config/report.ts'
import { ConfigError, createGateway, type Problem } from '../../src/index.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { makeFolder } from '../support/proto-folder.ts'

const PROTO = `syntax = "proto3";
package shop.v1;
service Books {
  rpc Get(Book) returns (Book);
  rpc Save(Book) returns (Book);
}
message Book { string name = 1; string title = 2; repeated string tags = 3; Book sequel = 4; }
`
const head = 'type: google.api.Service\nconfig_version: 3\n'
const rules = (text: string): string => `${head}http:\n  rules:\n${text}`

/** One kind of mistake each, by the name of its file. The whole report of each stands in `service-config/`. */
const CASES: Readonly<Record<string, string>> = {
  'empty.yaml': '',
  'no-type.yaml': 'http:\n  rules:\n  - selector: shop.v1.Books.Get\n    get: /v1/{name}\n',
  'other-type.yaml': 'type: google.api.Servic\nhttp: {}\n',
  'a-list.yaml': '- selector: shop.v1.Books.Get\n',
  'not-yaml.yaml': `${head}http:\n  rules: [\n`,
  'tabs.yaml': `${head}http:\n\trules: []\n`,
  'star.yaml': rules('  - selector: shop.v1.Books.Save\n    post: /v1/books\n    body: *\n'),
  'braces.yaml': rules('  - { selector: shop.v1.Books.Get, get: /v1/{name} }\n'),
  'key-twice.yaml': rules('  - selector: shop.v1.Books.Get\n    get: /v1/{name}\n    get: /v2/{name}\n'),
  'two-documents.yaml': `${head}---\n${head}`,
  'tag.yaml': rules('  - selector: !!name shop.v1.Books.Get\n    get: /v1/{name}\n'),
  'too-deep.yaml': `${head}x: ${'['.repeat(5000)}\n`,
  'too-deep-blocks.yaml': `${head}x:\n${'- '.repeat(5000)}\n`,
  'alias-unknown.yaml': rules('  - selector: shop.v1.Books.Get\n    get: *path\n'),
  'alias-circle.yaml': `${head}http: &http\n  rules:\n  - *http\n`,
  'unknown-members.yaml': `${head}htpp: {}\nnonsense: 1\nhttp:\n  ruls: []\n  rules:\n  - selecter: shop.v1.Books.Get\n    get: /v1/{name}\n  - selector: shop.v1.Books.Get\n    gett: /v1/{name}\n    responsebody: title\n`,
  'wrong-kinds.yaml': `${head}http:\n  fully_decode_reserved_expansion: yes\n  rules:\n  - shop.v1.Books.Get\n  - selector: 5\n    get: /v1/{name}\n  - selector: shop.v1.Books.Save\n    post: 7\n    body: [x]\n    custom: LINK\n    additional_bindings: { get: /v1/x }\n  - selector: shop.v1.Books.Get\n    additional_bindings:\n    - /v1/x\n`,
  'rules-no-list.yaml': `${head}http:\n  rules: { selector: shop.v1.Books.Get }\n`,
  'http-no-map.yaml': `${head}http: 5\n`,
  'no-rules.yaml': head,
  'selectors.yaml': rules(
    ['shop.v1.Books.Gett', 'shop.v1.Books/Get', '.shop.v1.Books.Get', 'shop.v1.*', 'other.v1.Things.Do', "'*'"]
      .map((selector) => `  - selector: ${selector}\n    get: /v1/{name}\n`)
      .join(''),
  ),
  'rule.yaml': rules(
    '  - selector: shop.v1.Books.Get\n    get: /v1/{name}\n    post: /v1/{name}\n    additional_bindings:\n    - get: /v2/{name}\n      additional_bindings:\n      - get: /v3/{name}\n  - selector: shop.v1.Books.Save\n    body: "*"\n',
  ),
  'template.yaml': rules(
    '  - selector: shop.v1.Books.Get\n    get: v1/{name}\n    additional_bindings:\n    - get: /v1/{name\n  - selector: shop.v1.Books.Save\n    post: "/v1/{nam}"\n    body: titel\n    response_body: sequel.name\n    additionalBindings:\n    - put: /v1/{tags}\n    - patch: /v1/{sequel}\n',
  ),
  'not-json.json': '{\n  "type": "google.api.Service"\n  "http": {},\n',
  'rule.json': `{
  "type": "google.api.Service",
  "configVersion": 3,
  "http": {
    "rules": [
      { "selector": "shop.v1.Books.Get", "get": "/v1/{nme}", "responseBody": "titl" },
      { "selector": "shop.v1.Books.Sav", "post": "/v1/books", "body": "*" }
    ]
  }
}
`,
  // What a reader of YAML would take for a key with a strange name.
  'yaml-in-json.json': 'type: google.api.Service\n',
  'too-deep.json': `{ "type": ${'['.repeat(5000)}`,
}

const problemsOf = async (folder: string, name: string): Promise<readonly Problem[]> => {
  const gateway = createGateway({
    cwd: folder,
    env: {},
    log: createLog({ format: 'json', level: 'silent', write() {} }),
    config: { schemas: ['shop.proto', name], listeners: [{ port: 0 }], admin: false },
  })
  try {
    await gateway.start()
    return gateway.warnings
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems
  } finally {
    await gateway.stop()
  }
}

test.each(Object.entries(CASES))('%s', async (name, text) => {
  const folder = makeFolder({ 'shop.proto': PROTO, [name]: text })
  try {
    const problems = (await problemsOf(folder, name)).map(({ file, ...rest }) => ({
      ...rest,
      file: file?.replace(`${folder}/`, ''),
    }))
    const source = (file: string): string | undefined => (file === join(name) ? text : undefined)
    const report = `${renderProblems(problems, { source })}${summary(problems)}\n`
    await expect(report).toMatchFileSnapshot(`service-config/${name}.txt`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
