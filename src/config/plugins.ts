import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Problem } from '../core/config-error.ts'
import { type Module, Registry } from '../core/module.ts'
import { configOf } from './modules-schema.ts'
import { configSchema } from './schema.ts'

export interface Plugins {
  /** The given modules and those of the plugins. */
  readonly registry: Registry
  /** Absolute paths of the plugins that are files. */
  readonly files: readonly string[]
  readonly problems: readonly Problem[]
}

/**
 * Imports the modules that `plugins` names: paths from `base` (`./my-policy.ts`), or packages that are installed there. Every
 * exported module counts, alone or in a list. A file whose content has changed is imported anew; what it imports itself is not.
 */
export const loadPlugins = async (specifiers: unknown, base: string, registry: Registry): Promise<Plugins> => {
  const wanted = Array.isArray(specifiers) ? specifiers : []
  if (wanted.length === 0) return { registry, files: [], problems: [] }
  shareSpi()
  const files: string[] = []
  const problems: Problem[] = []
  const all = new Registry(KINDS.flatMap((kind): readonly Module[] => registry.all(kind)))
  for (const [index, specifier] of wanted.entries()) {
    if (typeof specifier !== 'string' || specifier === '') continue
    const fail = (code: string, message: string, hint: string): void => {
      problems.push({ code, severity: 'error', message, hint, pointer: `/plugins/${index}` })
    }
    const path = isPath(specifier) ? resolve(base, specifier) : undefined
    if (path !== undefined) files.push(path)
    try {
      const url = path === undefined ? packageUrl(specifier, base) : fileUrl(path)
      if (url === undefined) {
        const what = path === undefined ? `no package "${specifier}" is installed` : `there is no file "${path}"`
        fail('PLUGIN_MISSING', what, 'a path starts with "./" or "/"; a package is installed beside this file')
        continue
      }
      const modules = modulesOf((await import(url)) as object)
      if (modules.length === 0)
        fail('PLUGIN_EMPTY', `"${specifier}" exports no module`, 'export what definePolicy, defineOutbound … return')
      for (const module of modules) {
        configOf(module)
        all.add(module)
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      fail('PLUGIN_FAILED', `the plugin "${specifier}" cannot be used: ${why}`, 'see the guide on writing plugins')
    }
  }
  if (problems.length === 0) problems.push(...misfits(all))
  return { registry: all, files, problems }
}

/** Modules that are right by themselves may still want the same key of routes.json. */
const misfits = (registry: Registry): readonly Problem[] => {
  try {
    configSchema(registry)
    return []
  } catch (error) {
    return [{ code: 'PLUGIN_FAILED', severity: 'error', message: (error as Error).message, pointer: '/plugins' }]
  }
}

const KINDS = ['policy', 'inbound', 'outbound', 'balancer', 'discovery'] as const

const isPath = (specifier: string): boolean => /^\.{1,2}\//.test(specifier) || isAbsolute(specifier)

const packageUrl = (name: string, base: string): string | undefined => {
  try {
    return pathToFileURL(createRequire(join(base, 'routes.json')).resolve(name)).href
  } catch {
    return undefined
  }
}

/** Content of each file as it was first imported, and the URL of each later content. */
const imported = new Map<string, Map<string, string>>()
const fileUrl = (path: string): string | undefined => {
  if (!existsSync(path)) return undefined
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex')
  const known = imported.get(path) ?? new Map<string, string>()
  imported.set(path, known)
  const url = known.get(hash) ?? `${pathToFileURL(path).href}${known.size === 0 ? '' : `?v=${known.size}`}`
  known.set(hash, url)
  return url
}

const modulesOf = (exports: object): readonly Module[] => {
  const found = Object.values(exports).flat().filter(isModule)
  return [...new Set(found)]
}
const isModule = (value: unknown): value is Module =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  (KINDS as readonly unknown[]).includes(value.kind) &&
  'name' in value &&
  typeof value.name === 'string' &&
  'config' in value

let shared = false
/** Whatever folder a plugin lies in, `protogate/spi` is that of this process, so that both sides mean the same errors and schemas. */
const shareSpi = (): void => {
  if (shared) return
  shared = true
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const spi = new URL(`../spi.${extension}`, import.meta.url).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'protogate/spi' ? { url: spi, shortCircuit: true } : next(specifier, context),
  })
}
