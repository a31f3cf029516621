import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { adapters } from '../../adapters/index.ts'
import { builtins } from '../../src/builtins.ts'
import { configOf } from '../../src/config/modules-schema.ts'
import { type Module, z } from '../../src/spi.ts'
import { sourceFiles } from '../support/error-codes.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(ROOT + path, 'utf8')

/** Where modules of a kind live, and the list that has a line for each. */
interface Home {
  readonly folder: string
  readonly kind: Module['kind']
  readonly list: 'adapters/index.ts' | 'src/builtins.ts'
  /** Files of the folder that are parts of the gateway and hold no module. */
  readonly shared?: boolean
}
const HOMES: readonly Home[] = [
  { folder: 'adapters/inbound', kind: 'inbound', list: 'adapters/index.ts' },
  { folder: 'adapters/outbound', kind: 'outbound', list: 'adapters/index.ts' },
  { folder: 'src/policies', kind: 'policy', list: 'src/builtins.ts' },
  { folder: 'src/discovery', kind: 'discovery', list: 'src/builtins.ts' },
  { folder: 'src/upstream', kind: 'balancer', list: 'src/builtins.ts', shared: true },
]
const LISTS: Readonly<Record<Home['list'], readonly Module[]>> = {
  'adapters/index.ts': adapters,
  'src/builtins.ts': builtins,
}

/** One file or folder of a home: its entry, and the modules that it exports. */
interface Extension extends Home {
  /** `adapters/inbound/http`, a folder, or `src/policies/cors.ts`. */
  readonly path: string
  readonly entry: string
  readonly modules: readonly Module[]
}

const isModule = (value: unknown): value is Module =>
  typeof value === 'object' && value !== null && 'kind' in value && 'name' in value && 'config' in value

const extensionsOf = async (home: Home): Promise<readonly Extension[]> => {
  if (!existsSync(ROOT + home.folder)) return []
  const found: Extension[] = []
  for (const item of readdirSync(ROOT + home.folder, { withFileTypes: true })) {
    const path = `${home.folder}/${item.name}`
    const entry = item.isDirectory() ? `${path}/index.ts` : path
    if (!item.isDirectory() && !item.name.endsWith('.ts')) continue
    const modules = Object.values((await import(ROOT + entry)) as object).filter(isModule)
    if (modules.length > 0 || home.shared !== true) found.push({ ...home, path, entry, modules })
  }
  return found
}
const extensions = (await Promise.all(HOMES.map(extensionsOf))).flat()
const registered = [...adapters, ...builtins]

test('every file and folder of a home holds modules of its kind', () => {
  expect(extensions.length).toBeGreaterThan(0)
  for (const { path, kind, modules } of extensions) {
    expect(modules.length, path).toBeGreaterThan(0)
    for (const module of modules) expect(module.kind, path).toBe(kind)
  }
})

test('what stands alone in a file or folder is called like it', () => {
  for (const { path, shared, modules } of extensions)
    if (shared !== true) expect(modules.map(({ name }) => name)).toEqual([path.replace(/^.*\/|\.ts$/g, '')])
})

test('every module is registered, and every registered module has a home', () => {
  for (const { path, list, modules } of extensions)
    for (const module of modules) expect(LISTS[list].includes(module), `${path} in ${list}`).toBe(true)
  const homed = new Set(extensions.flatMap(({ modules }) => modules))
  expect(registered.filter((module) => !homed.has(module)).map(({ kind, name }) => `${kind} ${name}`)).toEqual([])
})

describe('one file and one line', () => {
  const imports = sourceFiles(['src', 'adapters']).map((file) => ({
    file,
    to: ts
      .preProcessFile(read(file))
      .importedFiles.flatMap(({ fileName }) =>
        fileName.startsWith('.') ? [relative(ROOT, resolve(ROOT, dirname(file), fileName))] : [],
      ),
  }))
  const importersOf = ({ path, entry }: Extension) =>
    imports.flatMap(({ file, to }) =>
      file === path || file.startsWith(`${path}/`)
        ? []
        : to.filter((target) => target === entry || target.startsWith(`${path}/`)).map((target) => ({ file, target })),
    )

  test('nobody but the list imports a module, and the list imports its entry once', () => {
    for (const extension of extensions)
      expect(importersOf(extension), extension.path).toEqual([{ file: extension.list, target: extension.entry }])
  })

  test('a list holds its imports and nothing else', () => {
    for (const [list, modules] of Object.entries(LISTS)) {
      const own = extensions.filter((extension) => extension.list === list)
      expect(modules.length, list).toBe(own.flatMap((extension) => extension.modules).length)
      expect(new Set(modules).size, list).toBe(modules.length)
    }
  })
})

interface JsonSchema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly additionalProperties?: boolean | JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}
/** Pointers of what says nothing about itself. */
const undescribed = (node: JsonSchema, at: string): readonly string[] => [
  ...Object.entries(node.properties ?? {}).flatMap(([key, value]) => [
    ...(value.description === undefined ? [`${at}/${key}`] : []),
    ...undescribed(value, `${at}/${key}`),
  ]),
  ...(node.anyOf ?? []).flatMap((one) => undescribed(one, at)),
  ...(node.items === undefined ? [] : undescribed(node.items, `${at}/*`)),
  ...(typeof node.additionalProperties === 'object' ? undescribed(node.additionalProperties, `${at}/*`) : []),
]

describe.each(registered.map((module) => ({ id: `${module.kind} ${module.name}`, module })))('$id', ({ module }) => {
  test('its configuration says what it is for, key by key', () => {
    const schema = z.toJSONSchema(configOf(module), { io: 'input', unrepresentable: 'any', reused: 'inline' })
    expect(schema.description ?? '').not.toBe('')
    expect(undescribed(schema as JsonSchema, '')).toEqual([])
  })

  test('it has a page in docs/reference, and the index names it', () => {
    const path = `docs/reference/${module.name}.md`
    expect(existsSync(ROOT + path), path).toBe(true)
    expect(read(path).startsWith(`# ${module.name}\n`)).toBe(true)
    expect(read('docs/reference/README.md')).toContain(`(${module.name}.md)`)
  })
})
