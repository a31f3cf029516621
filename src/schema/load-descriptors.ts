import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { Problem } from '../core/config-error.ts'
import { checkDescriptors } from './descriptors/check.ts'
import { fromRegistry } from './descriptors/from-registry.ts'
import type { SchemaPart } from './merge.ts'

/** A compiled schema of a large company has some ten MiB. */
const MAX_BYTES = 64 * 1024 * 1024

export interface LoadedDescriptors {
  /** undefined when there are problems of severity error. */
  readonly part: SchemaPart | undefined
  readonly problems: readonly Problem[]
  /** Hex digest of the bytes. */
  readonly digest: string
}

/**
 * Reads a descriptor set: a serialized `google.protobuf.FileDescriptorSet`, as `protoc --descriptor_set_out --include_imports` and
 * `buf build` write it. Its options are exact, custom ones included.
 */
export const loadDescriptorSet = async (set: {
  readonly path: string
  readonly shown: string
}): Promise<LoadedDescriptors> => {
  const problems: Problem[] = []
  const fail = (code: string, message: string, hint?: string): LoadedDescriptors => {
    problems.push({ code, severity: 'error', message, file: set.shown, hint })
    return { part: undefined, problems, digest: '' }
  }
  let bytes: Buffer
  try {
    const { size } = await stat(set.path)
    if (size > MAX_BYTES) return fail('SCHEMA_TOO_LARGE', `the file has ${size} bytes, at most ${MAX_BYTES} are read`)
    bytes = await readFile(set.path)
  } catch (error) {
    return fail('SCHEMA_UNREADABLE', `the file cannot be read: ${reasonOf(error)}`)
  }
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { ...readDescriptorSet(bytes, set.shown), digest }
}

/** The same from bytes. `shown` is the name of the file in problems. Never throws. */
export const readDescriptorSet = (bytes: Uint8Array, shown: string): Omit<LoadedDescriptors, 'digest'> => {
  const problems: Problem[] = []
  const fail = (message: string, hint?: string): Omit<LoadedDescriptors, 'digest'> => {
    problems.push({ code: 'DESCRIPTOR_INVALID', severity: 'error', message, file: shown, hint })
    return { part: undefined, problems }
  }
  let set: FileDescriptorSet
  try {
    set = fromBinary(FileDescriptorSetSchema, bytes)
  } catch (error) {
    return fail(`the file is cut short or is no descriptor set: ${reasonOf(error)}`, HOW_TO)
  }
  const foreign = foreignReason(bytes, set)
  if (foreign !== undefined) return fail(foreign, HOW_TO)
  const files = sorted(set.file)
  for (const file of files.values())
    for (const name of file.dependency)
      if (!files.has(name))
        fail(
          `the set lacks "${name}", which "${file.name}" imports`,
          'protoc: add --include_imports; buf build does it by itself',
        )
  problems.push(...checkDescriptors([...files.values()], shown))
  if (problems.some(({ severity }) => severity === 'error')) return { part: undefined, problems }
  try {
    return { part: fromRegistry(createFileRegistry({ ...set, file: [...files.values()] }), shown), problems }
  } catch (error) {
    return fail(`the descriptors do not fit together: ${reasonOf(error)}`)
  }
}

const HOW_TO =
  'make one with: protoc --include_imports --include_source_info --descriptor_set_out=api.binpb, or buf build -o api.binpb'

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Other protobuf messages, and short texts, can be read as a set without an error; their fields are unknown ones. */
const foreignReason = (bytes: Uint8Array, set: FileDescriptorSet): string | undefined => {
  if (bytes.length === 0) return 'the file is empty'
  if (set.file.length === 0) return 'the file is no descriptor set: it holds no files'
  if (set.$unknown !== undefined && set.$unknown.length > 0)
    return 'the file is no descriptor set: it has fields that a set does not have'
  const nameless = set.file.findIndex(({ name }) => name === '')
  return nameless === -1 ? undefined : `the file is no descriptor set: its file #${nameless + 1} has no name`
}

/** Imports before those who import them. A file that is in the set twice counts once. */
const sorted = (files: readonly FileDescriptorProto[]): ReadonlyMap<string, FileDescriptorProto> => {
  const byName = new Map(files.map((file) => [file.name, file]))
  const done = new Map<string, FileDescriptorProto>()
  const open = new Set<string>()
  for (const start of byName.values()) {
    // A chain of imports may be as long as the set, so nothing here calls itself.
    const way = [start]
    for (let file = way.at(-1); file !== undefined; file = way.at(-1)) {
      const next = open.has(file.name)
        ? undefined
        : file.dependency.map((name) => byName.get(name)).filter((one) => one !== undefined)
      open.add(file.name)
      if (next === undefined) {
        done.set(file.name, file)
        way.pop()
      } else way.push(...next.toReversed().filter(({ name }) => !open.has(name)))
    }
  }
  return done
}
