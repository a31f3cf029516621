import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { adapters } from '../../adapters/index.ts'
import { routesReference } from '../../scripts/routes-reference.ts'
import { builtins } from '../../src/builtins.ts'
import { type JsonSchema, publishedSchema } from '../../src/config/json-schema.ts'
import { configSchema } from '../../src/config/schema.ts'
import { Registry } from '../../src/core/module.ts'

const registry = new Registry([...adapters, ...builtins])
const schema = publishedSchema(registry)
const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('routes.schema.json is fresh (node scripts/generate-schema.ts)', () => {
  expect(read('routes.schema.json')).toBe(`${JSON.stringify(schema, undefined, 2)}\n`)
})

test('docs/reference/routes.md is fresh', () => {
  expect(read('docs/reference/routes.md')).toBe(routesReference(schema))
})

test('every key says what it means', () => {
  expect(undescribed(schema, '')).toEqual([])
})

test('every reference leads somewhere, and every definition is used', () => {
  const used = [...JSON.stringify(schema).matchAll(/"#\/\$defs\/([^"]+)"/g)].map(([, name]) => name!)
  expect([...new Set(used)].sort()).toEqual(Object.keys(schema.$defs!).sort())
})

test('every default is one that the checks let through', () => {
  expect(() => configSchema(registry).parse({})).not.toThrow()
  for (const [key, { default: value }] of Object.entries(schema.properties!))
    if (value !== undefined) expect(configSchema(registry).safeParse({ [key]: value }).success).toBe(true)
})

test('a pattern lets a substitution through, and what the checks let through', () => {
  const drain = new RegExp(schema.properties!.drain!.pattern!, 'u')
  for (const text of ['30s', '1.5m', '300ms', '${DRAIN}', '${DRAIN:-30s}']) expect(text).toMatch(drain)
  for (const text of ['30', '30 seconds', 'none', '$DRAIN', '']) expect(text).not.toMatch(drain)
})

/** Pointers of keys without a description. A reference may leave it to what it refers to. */
const undescribed = (node: JsonSchema, at: string): readonly string[] => [
  ...Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const own = value.description === undefined && value.$ref === undefined ? [`${at}/${key}`] : []
    return [...own, ...undescribed(value, `${at}/${key}`)]
  }),
  ...[...(node.anyOf ?? []), ...(node.items === undefined ? [] : [node.items])].flatMap((one) => undescribed(one, at)),
  ...(typeof node.additionalProperties === 'object' ? undescribed(node.additionalProperties, `${at}/*`) : []),
  ...Object.entries(node.$defs ?? {}).flatMap(([name, one]) => undescribed(one, `$defs/${name}`)),
]
