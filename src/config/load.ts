import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { ConfigError, nearest, type Problem } from '../core/config-error.ts'
import type { Registry } from '../core/module.ts'
import { DESCRIPTOR_SET, SERVICE_CONFIG } from '../schema/sources.ts'
import { fillDefaults, PROTOS } from './defaults.ts'
import { type Environment, type Substituted, substitute, type Written } from './env.ts'
import { check, type Fault } from './issues.ts'
import { applyOverrides, type Overrides } from './overrides.ts'
import { ownName, plain, sheltered } from './plain.ts'
import { loadPlugins } from './plugins.ts'
import { fromPointer, toPointer, valueAt } from './pointer.ts'
import { checkRules } from './rules.ts'
import { type Config, configSchema } from './schema.ts'
import { type JsonText, parseText, type Span } from './text.ts'
import type { WatchTargets } from './watch.ts'

export const CONFIG_NAME = 'routes.json'

export interface LoadOptions {
  /** Path of the file, from `cwd`. Without it: PROTOGATE_CONFIG, then routes.json in `cwd` if there is one. */
  readonly file?: string | undefined
  /** The configuration itself, in place of a file. */
  readonly value?: unknown
  /** Content of the file when it was read already (standard input). */
  readonly text?: string | undefined
  readonly cwd: string
  readonly env: Environment
  readonly registry: Registry
  readonly overrides?: Overrides | undefined
}

export interface LoadedConfig {
  readonly config: Config
  /** Absolute; undefined when there is none. */
  readonly file: string | undefined
  /** Absolute folder that relative paths start at: that of the file, else `cwd`. */
  readonly base: string
  /** The given modules and those of `plugins`. */
  readonly registry: Registry
  /** Where the value of a JSON pointer stands in the file; undefined when it comes from somewhere else. */
  place(pointer: string): Span | undefined
  /** `config` for printing: what came from a file or a secret variable is shown as it was written. */
  readonly redacted: unknown
  /** Nothing says where the backend is: answers are made up from the schema. */
  readonly mocked: boolean
  /** What a change of makes another configuration; files that the schemas import are not in it. */
  readonly watched: WatchTargets
}

/** Reads, fills in and checks the configuration. Throws ConfigError with every problem at once. */
export const loadConfig = async (options: LoadOptions): Promise<LoadedConfig> => {
  const { loaded, problems } = await loadDespite(options)
  if (problems.length > 0) throw new ConfigError(problems)
  return loaded
}

/**
 * The same, but unknown keys alone do not end it: they are told, left out, and what is left can be checked against the schemas as
 * well, so that a misspelt key does not hide a misspelt method. Throws ConfigError with whatever else is wrong.
 */
export const loadDespite = async (
  options: LoadOptions,
): Promise<{ readonly loaded: LoadedConfig; readonly problems: readonly Problem[] }> => {
  const source = readSource(options)
  const { text, file, base } = source
  const raw = text === undefined ? plain(options.value ?? {}) : text.value
  const problems: Problem[] = [...(text?.problems ?? [])]
  if (problems.some(({ code }) => code === 'CONFIG_SYNTAX')) throw new ConfigError(problems)

  const overridden = applyOverrides(isObject(raw) ? raw : {}, options.overrides ?? {}, options.env)
  const filled = fillDefaults(overridden.value, base)
  const files = file === undefined ? [] : [file]
  const substituted = substitute(isObject(raw) ? filled.value : raw, {
    env: options.env,
    base,
    readFile(path) {
      files.push(path)
      return readFileSync(path, 'utf8')
    },
  })
  const place = (pointer: string): Span | undefined =>
    overridden.pointers.some((own) => pointer === own || pointer.startsWith(`${own}/`))
      ? undefined
      : text?.span(fromPointer(pointer))
  const placed = (problem: Problem): Problem => ({ ...(place(problem.pointer ?? '') ?? {}), ...problem })
  problems.push(...overridden.problems, ...substituted.problems.map(placed))

  const plugins = await loadPlugins(valueAt(substituted.value, ['plugins']), base, options.registry)
  files.push(...plugins.files)
  problems.push(...plugins.problems.map(placed))

  // A failed substitution leaves a hole; what the schema says of the hole is no news.
  const holes = new Set([...substituted.problems, ...plugins.problems].map(({ pointer }) => pointer))
  const shown = (path: readonly PropertyKey[]): unknown =>
    substituted.written.get(toPointer(path))?.text ?? valueAt(substituted.value, path)
  const secrets = secretsOf(substituted)
  const { config, faults } = checkValue(substituted.value, substituted.written, plugins.registry, shown)
  for (const fault of faults) {
    const problem = toProblem(withoutSecrets(fault, secrets), text, place)
    if (!holes.has(problem.pointer)) problems.push(problem)
  }
  if (config === undefined || problems.some(({ code }) => code !== UNKNOWN_KEY))
    throw new ConfigError(inOrder(problems))
  const loaded: LoadedConfig = {
    config,
    file,
    base,
    registry: plugins.registry,
    place,
    redacted: redact(config, substituted.written),
    mocked: filled.mocked && !overridden.pointers.some((pointer) => pointer.startsWith('/upstreams/')),
    watched: watchedBy(config, base, file === undefined ? [...files, join(base, CONFIG_NAME)] : files, filled.beside),
  }
  return { loaded, problems: inOrder(problems) }
}
const UNKNOWN_KEY = 'CONFIG_UNKNOWN_KEY'

/** Schemas that are files are watched as such, folders with all that is below them. */
const watchedBy = (config: Config, base: string, files: readonly string[], beside: boolean): WatchTargets => {
  const schemas = config.schemas.map((schema) => resolve(base, schema))
  const isFile = (path: string): boolean =>
    path.endsWith('.proto') || DESCRIPTOR_SET.test(path) || SERVICE_CONFIG.test(path)
  return {
    files: [...files, ...schemas.filter(isFile)],
    folders: [...schemas.filter((path) => !isFile(path)), ...(beside ? [join(base, PROTOS)] : [])],
    beside: beside ? base : undefined,
  }
}

interface Source {
  readonly text: JsonText | undefined
  readonly file: string | undefined
  readonly base: string
}

const readSource = ({ file, value, text, cwd, env }: LoadOptions): Source => {
  if (value !== undefined) return { text: undefined, file: undefined, base: resolve(cwd) }
  const named = file ?? (env.PROTOGATE_CONFIG === '' ? undefined : env.PROTOGATE_CONFIG)
  if (text !== undefined) return { text: parseText(text, named ?? CONFIG_NAME), file: undefined, base: resolve(cwd) }
  const path = resolve(cwd, named ?? CONFIG_NAME)
  if (named === undefined && !existsSync(path)) return { text: undefined, file: undefined, base: resolve(cwd) }
  return { text: parseText(readConfig(path), shortPath(path)), file: path, base: dirname(path) }
}

const readConfig = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT')
      throw new ConfigError([
        { code: 'CONFIG_FILE_UNREADABLE', severity: 'error', message: `the configuration cannot be read: ${message}` },
      ])
    const folder = dirname(path)
    const beside = existsSync(folder) ? readdirSync(folder).filter((name) => /\.jsonc?$/.test(name)) : []
    const near = nearest(basename(path), beside)
    throw new ConfigError([
      {
        code: 'CONFIG_FILE_MISSING',
        severity: 'error',
        message: `there is no file "${shortPath(path)}"`,
        hint:
          near === undefined
            ? 'give its path with --config, or leave it out to serve the services of protos/'
            : `did you mean "${shortPath(join(folder, near))}"?`,
      },
    ])
  }
}

/** As a message shows a path: from the working directory when it is below it. */
export const shortPath = (path: string): string => {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}

type Shown = (path: readonly PropertyKey[]) => unknown

/** The checks of schema and rules. A text that was filled in may stand for a number or a truth value, if one is expected. */
const checkValue = (
  value: unknown,
  written: ReadonlyMap<string, Written>,
  registry: Registry,
  shown: Shown,
): { readonly config: Config | undefined; readonly faults: readonly Fault[] } => {
  const schema = configSchema(registry)
  const named: Shown = (path) => shown(path.map(ownName))
  const subject = sheltered(value)
  let result = check(schema, subject, named)
  if (written.size > 0 && result.faults.some(({ code }) => code === 'CONFIG_TYPE')) {
    const retyped = retype(subject, result.faults, written)
    if (retyped !== undefined) result = check(schema, retyped, named)
  }
  const faults = [...result.faults, ...checkRules(subject, registry)].map((fault) => ({
    ...fault,
    path: fault.path.map(ownName),
  }))
  const { data } = result.data === undefined ? check(schema, without(subject, result.faults), named) : result
  return { config: data === undefined ? undefined : plain(data), faults }
}

/** A copy without the keys that are unknown. */
const without = (value: unknown, faults: readonly Fault[]): unknown => {
  const copy = structuredClone(value)
  for (const { code, path } of faults) {
    const holder = valueAt(copy, path.slice(0, -1))
    if (code === UNKNOWN_KEY && typeof holder === 'object' && holder !== null)
      delete (holder as Record<PropertyKey, unknown>)[path.at(-1)!]
  }
  return copy
}

/** A copy in which wrong texts that were filled in are the number or truth value that they spell. */
const retype = (value: unknown, faults: readonly Fault[], written: ReadonlyMap<string, Written>): unknown => {
  const copy = structuredClone(value)
  let changed = false
  for (const { code, path } of faults) {
    const text = valueAt(copy, path)
    if (code !== 'CONFIG_TYPE' || typeof text !== 'string' || !written.has(toPointer(path))) continue
    if (!/^(?:true|false|-?\d{1,15}(?:\.\d{1,15})?)$/.test(text)) continue
    const holder = valueAt(copy, path.slice(0, -1)) as Record<PropertyKey, unknown>
    holder[path.at(-1)!] = JSON.parse(text) as unknown
    changed = true
  }
  return changed ? copy : undefined
}

/** What was filled in and must not be shown, with the text that stands for it. Shorter ones are no secrets, but words. */
const secretsOf = ({ value, written }: Substituted): ReadonlyMap<string, string> => {
  const secrets = new Map<string, string>()
  for (const [pointer, { text, secret }] of written) {
    const content = valueAt(value, fromPointer(pointer))
    if (secret && typeof content === 'string' && content.length >= 4) secrets.set(content, text)
  }
  return secrets
}
/** A rule may quote a value as it is, and not as it was written. */
const withoutSecrets = (fault: Fault, secrets: ReadonlyMap<string, string>): Fault => {
  let { message } = fault
  for (const [content, text] of secrets) message = message.replaceAll(content, () => text)
  return message === fault.message ? fault : { ...fault, message }
}

const toProblem = (fault: Fault, text: JsonText | undefined, place: (pointer: string) => Span | undefined): Problem => {
  const pointer = toPointer(fault.path)
  const span = fault.onKey === true && place(pointer) !== undefined ? text?.keySpan(fault.path) : place(pointer)
  const { code, message, hint, severity = 'error' } = fault
  return { code, severity, message, hint, pointer, ...span }
}

/** As they stand in the file; what has no place there comes first. */
const inOrder = (problems: readonly Problem[]): readonly Problem[] =>
  problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))

const redact = (config: Config, written: ReadonlyMap<string, Written>): unknown => {
  const copy = plain(config) as unknown
  for (const [pointer, { text, secret }] of written) {
    const path = fromPointer(pointer)
    const holder = valueAt(copy, path.slice(0, -1))
    if (secret && typeof holder === 'object' && holder !== null)
      (holder as Record<PropertyKey, unknown>)[path.at(-1)!] = text
  }
  return copy
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Why a folder without routes.json and without any .proto file cannot be served; undefined when it can. */
export const nothingToServe = (cwd: string, env: Environment): Problem | undefined => {
  if (existsSync(join(cwd, CONFIG_NAME)) || (env.PROTOGATE_CONFIG ?? '') !== '') return undefined
  const { schemas } = fillDefaults({}, cwd).value
  if (Array.isArray(schemas) && schemas.length > 0) return undefined
  return {
    code: 'NOTHING_TO_SERVE',
    severity: 'error',
    message: `there is neither ${CONFIG_NAME} nor a .proto file in "${cwd}"`,
    hint: 'put a .proto file into protos/, or give a configuration with --config',
  }
}
