/**
 * `npm run check:deps`: the import rules, by dependency-cruiser. It reports success when it could read nothing at all (a
 * TypeScript without its compiler API), so the number of modules that it saw is asserted as well.
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cruise } from 'dependency-cruiser'
import extractConfig from 'dependency-cruiser/config-utl/extract-depcruise-config'
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const { forbidden, options } = await extractConfig('./.dependency-cruiser.cjs')
const result = await cruise(
  ['src', 'adapters'],
  { ...options, ruleSet: { forbidden: forbidden ?? [] }, validate: true },
  undefined,
  { tsConfig: extractTsConfig('./tsconfig.json') },
)
if (typeof result.output === 'string') throw new Error('dependency-cruiser answered with text')

const { modules, summary } = result.output
for (const { rule, from, to } of summary.violations) console.error(`${rule.severity} ${rule.name}: ${from} → ${to}`)
const files = ['src', 'adapters'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')),
).length
const cruised = modules.filter(({ source }) => /^(src|adapters)\/.*\.ts$/.test(source)).length
const dependencies = modules.reduce((sum, module) => sum + module.dependencies.length, 0)
console.log(`check:deps: ${cruised} of ${files} modules, ${dependencies} imports, ${summary.error} violations`)
if (cruised < files || dependencies < cruised) {
  console.error('check:deps: not every module was cruised; is the installed TypeScript one with a compiler API?')
  process.exit(1)
}
process.exit(summary.error === 0 ? 0 : 1)
