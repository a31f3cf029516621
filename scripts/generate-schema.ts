/**
 * `node scripts/generate-schema.ts`: writes routes.schema.json and docs/reference/routes.md from the schemas in the code, built-in
 * modules included. With `--check` nothing is written: exits with 1 when one of them is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { adapters } from '../adapters/index.ts'
import { builtins } from '../src/builtins.ts'
import { publishedSchema } from '../src/config/json-schema.ts'
import { Registry } from '../src/core/module.ts'
import { routesReference } from './routes-reference.ts'

const schema = publishedSchema(new Registry([...adapters, ...builtins]))
const made: readonly (readonly [path: string, text: string])[] = [
  ['routes.schema.json', `${JSON.stringify(schema, undefined, 2)}\n`],
  ['docs/reference/routes.md', routesReference(schema)],
]

const read = (path: string): string => {
  try {
    return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
  } catch {
    return ''
  }
}
const stale = made.filter(([path, text]) => read(path) !== text)
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.error(`${path} is stale: run node scripts/generate-schema.ts`)
  process.exit(stale.length === 0 ? 0 : 1)
}
for (const [path, text] of stale) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  console.log(`written: ${path}`)
}
