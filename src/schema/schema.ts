import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { CodecOptions } from '../codec/codec.ts'
import type { Problem } from '../core/config-error.ts'
import type { Schema } from '../core/schema.ts'
import { compileProtos } from './compile-protos.ts'
import { ALWAYS } from './include.ts'
import { link, type ProtoFile } from './link/index.ts'
import { loadDescriptorSet } from './load-descriptors.ts'
import { loadBuiltIns, loadProtos } from './load-protos.ts'
import { mergeParts, type SchemaPart } from './merge.ts'
import { ProtoSchema } from './proto-schema.ts'
import { applyRules, loadServiceConfig, type SelectedRule } from './service-config/index.ts'
import { compileServices } from './services.ts'
import { findSources } from './sources.ts'

export interface LoadOptions {
  /** Absolute, or from the working directory: where relative sources start. */
  readonly base: string
  /** Problems show paths as seen from here; `base` unless given. */
  readonly from?: string
  readonly codec?: CodecOptions
}

export interface LoadedSchema {
  /** What could be loaded. With an error among the problems it is not whole: files with errors are left out. */
  readonly schema: ProtoSchema
  /** Everything that is wrong, in the order of the sources. */
  readonly problems: readonly Problem[]
  /** Absolute paths of the user's files that were read, imports included. */
  readonly files: readonly string[]
}

/**
 * Loads `schemas`: folders (every .proto in them), .proto files, descriptor sets, and service configs with rules for the methods of
 * all of them. Never rejects because of what stands in them; that is what `problems` tells.
 */
export const loadSchema = async (sources: readonly string[], options: LoadOptions): Promise<LoadedSchema> => {
  const base = resolve(options.base)
  const { from = base } = options
  const found = await findSources(sources, base, from)
  const protos = await loadProtos(found, from)
  const hash = createHash('sha256')
  const files: string[] = []
  for (const [path, text] of protos.texts) {
    files.push(path)
    hash.update(`${path}\0${text.length}\0`).update(text)
  }
  const parts: SchemaPart[] = [compileProtos(link(protos.files))]
  const problems = [...found.problems, ...protos.problems, ...problemsOf(protos.files)]
  for (const set of found.descriptors) {
    const loaded = await loadDescriptorSet(set)
    files.push(set.path)
    problems.push(...loaded.problems)
    hash.update(`${set.path}\0`).update(loaded.digest)
    if (loaded.part !== undefined) parts.push(loaded.part)
  }
  const merged = mergeParts([...parts, alwaysPart()])
  const rules: SelectedRule[] = []
  for (const config of found.configs) {
    const loaded = await loadServiceConfig(config)
    files.push(config.path)
    problems.push(...loaded.problems)
    hash.update(`${config.path}\0`).update(loaded.digest)
    rules.push(...loaded.rules)
  }
  const ruled = applyRules(merged.services, rules)
  const services = compileServices(ruled.services, (name) => merged.messages.get(name))
  problems.push(...merged.problems, ...ruled.problems, ...services.problems)
  const schema = new ProtoSchema({ ...merged, services: services.services, hash: hash.digest('hex') }, options.codec)
  return { schema, problems, files }
}

let always: SchemaPart | undefined
/** A part of its own: a user's file that happens to declare google.rpc.Status too does not clash with it, and counts first. */
const alwaysPart = (): SchemaPart => {
  always ??= compileProtos(link(loadBuiltIns(ALWAYS)))
  return always
}

/** A schema without services: the built-in types alone. */
export const emptySchema = (): Schema => new ProtoSchema({ ...alwaysPart(), services: [], hash: '' })

const problemsOf = (files: readonly ProtoFile[]): readonly Problem[] =>
  files.flatMap(({ problems }) => problems.toSorted((a, b) => position(a) - position(b)))
const position = ({ line = 0, column = 0 }: Problem): number => line * 100_000 + column
