import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { loadPlugins } from '../../../src/config/plugins.ts'
import { ConfigError } from '../../../src/core/config-error.ts'
import { Registry } from '../../../src/core/module.ts'
import { sampleRegistry } from '../../support/modules.ts'

let base: string
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'protogate-plugins-'))
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

const SPI = new URL('../../../src/spi.ts', import.meta.url).href
const policy = (name: string, more = ''): string =>
  `import { z as z_${name} } from '${SPI}'\nexport const ${name} = { kind: 'policy', name: '${name}', stage: 'guard', config: z_${name}.strictObject({}), create: () => (next) => next }${more}\n`
const write = (file: string, text: string): string => {
  mkdirSync(join(base, file, '..'), { recursive: true })
  writeFileSync(join(base, file), text)
  return `./${file}`
}
const names = (registry: Registry): readonly string[] => registry.all('policy').map(({ name }) => name)
const codes = async (specifier: string): Promise<readonly string[]> =>
  (await loadPlugins([specifier], base, new Registry([]))).problems.map(({ code, pointer }) => `${code} ${pointer}`)

test('every exported module counts, alone or in a list', async () => {
  const one = write('one.ts', `${policy('a')}${policy('b')}export const other: number = 5\nexport default [a]\n`)
  const { registry, files, problems } = await loadPlugins([one], base, new Registry([]))
  expect(problems).toEqual([])
  expect(names(registry)).toEqual(['a', 'b'])
  expect(files).toEqual([join(base, 'one.ts')])
})

test('a package that is installed beside the file', async () => {
  write('node_modules/gate-extra/package.json', '{ "name": "gate-extra", "type": "module", "exports": "./index.js" }')
  write('node_modules/gate-extra/index.js', policy('extra'))
  const { registry, files, problems } = await loadPlugins(['gate-extra'], base, new Registry([]))
  expect(problems).toEqual([])
  expect(names(registry)).toEqual(['extra'])
  expect(files).toEqual([])
})

test('the given registry stays as it is', async () => {
  const given = sampleRegistry()
  const before = names(given)
  const { registry } = await loadPlugins([write('more.ts', policy('more'))], base, given)
  expect(names(given)).toEqual(before)
  expect(names(registry)).toEqual([...before, 'more'])
})

test('changed content is imported anew, the same content is not', async () => {
  const file = 'changing.ts'
  const counter = '\nglobalThis.protogateImports = (globalThis.protogateImports ?? 0) + 1'
  const imports = (): unknown => (globalThis as Record<string, unknown>).protogateImports
  const load = async (text: string) => names((await loadPlugins([write(file, text)], base, new Registry([]))).registry)
  expect(await load(policy('first', counter))).toEqual(['first'])
  expect(await load(policy('first', counter))).toEqual(['first'])
  expect(imports()).toBe(1)
  expect(await load(policy('second', counter))).toEqual(['second'])
  expect(imports()).toBe(2)
  expect(await load(policy('first', counter))).toEqual(['first'])
  expect(imports()).toBe(2)
})

test('what cannot be used is told with its place', async () => {
  expect(await codes('./none.ts')).toEqual(['PLUGIN_MISSING /plugins/0'])
  expect(await codes('no-such-package')).toEqual(['PLUGIN_MISSING /plugins/0'])
  expect(await codes(write('empty.ts', 'export const x = 1\n'))).toEqual(['PLUGIN_EMPTY /plugins/0'])
  expect(await codes(write('broken.ts', 'export const = \n'))).toEqual(['PLUGIN_FAILED /plugins/0'])
  expect(await codes(write('throws.ts', 'throw new Error("no licence")\n'))).toEqual(['PLUGIN_FAILED /plugins/0'])
  expect(await codes(write('clash.ts', `${policy('c')}export const d = { ...c }\n`))).toEqual([
    'PLUGIN_FAILED /plugins/0',
  ])
})

test('a configuration uses the modules of its plugins', async () => {
  write(
    'stamp.ts',
    `import { definePolicy, z } from '${SPI}'
    export const stamp = definePolicy({
      name: 'stamp', stage: 'observe', config: z.strictObject({ text: z.string().default('hi') }), create: () => (next) => next,
    })\n`,
  )
  const load = (options: object) =>
    loadConfig({
      cwd: base,
      env: {},
      registry: new Registry([]),
      value: { plugins: ['./stamp.ts'], routes: [], policies: [{ stamp: options }] },
    })
  const { config, registry } = await load({})
  expect(config.policies).toEqual([{ stamp: { text: 'hi' } }])
  expect(names(registry)).toEqual(['stamp'])
  await expect(load({ txt: 1 })).rejects.toThrow(ConfigError)
})

test('modules that cannot stand in a configuration', async () => {
  const bare =
    "export const x = { kind: 'policy', name: 'x', stage: 'guard', config: {}, create: () => (next) => next }"
  const { problems } = await loadPlugins([write('bare.ts', bare)], base, new Registry([]))
  expect(problems).toMatchObject([{ code: 'PLUGIN_FAILED' }])
  expect(problems[0]!.message).toContain('the policy "x" has no zod schema as its config')
  const greedy = `import { defineInbound, z } from '${SPI}'
    export const i = defineInbound({ name: 'routes', config: z.strictObject({}), create: () => ({ attach() {}, drain: async () => {} }) })`
  const clash = await loadPlugins([write('greedy.ts', greedy)], base, new Registry([]))
  expect(clash.problems).toMatchObject([{ code: 'PLUGIN_FAILED', pointer: '/plugins' }])
})
