import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Folder of the .proto files that Protogate ships, so that imports of them resolve without copies in the user's folder. */
const ROOT = fileURLToPath(new URL('./include/', import.meta.url))

/** How the built-in include root is called in messages and in the places of its files. */
export const INCLUDE_NAME = '<protogate>'

/**
 * Always part of a schema: google.rpc.Status and the error details are decoded on every backend's answer, and the well-known
 * types are what an Any holds most.
 */
export const ALWAYS: readonly string[] = [
  'google/protobuf/any.proto',
  'google/protobuf/duration.proto',
  'google/protobuf/empty.proto',
  'google/protobuf/field_mask.proto',
  'google/protobuf/struct.proto',
  'google/protobuf/timestamp.proto',
  'google/protobuf/wrappers.proto',
  'google/rpc/error_details.proto',
  'google/rpc/status.proto',
]

const NAME = /^[a-z0-9_]+(?:\/[a-z0-9_]+)*\.proto$/
const read = new Map<string, string | undefined>()

/** Text of a built-in file by its import name (`google/api/annotations.proto`). Read on demand, once per process. */
export const includeText = (name: string): string | undefined => {
  if (!NAME.test(name)) return undefined
  if (!read.has(name)) read.set(name, readText(name))
  return read.get(name)
}

const readText = (name: string): string | undefined => {
  try {
    return readFileSync(ROOT + name, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

let names: ReadonlySet<string> | undefined
/** Import names of all built-in files. */
export const includeNames = (): ReadonlySet<string> => {
  names ??= new Set(
    globSync('**/*.proto', { cwd: ROOT })
      .map((name) => name.replaceAll('\\', '/'))
      .sort(),
  )
  return names
}

/** `google/api/http.proto`, or a copy of it in some folder: `third_party/google/api/http.proto`. */
export const isBuiltInName = (name: string): boolean => {
  const known = includeNames()
  for (let from = 0; from !== -1 && from < name.length; ) {
    if (known.has(name.slice(from))) return true
    const slash = name.indexOf('/', from)
    from = slash === -1 ? -1 : slash + 1
  }
  return false
}

let declared: ReadonlyMap<string, string> | undefined
/** Import name of the built-in file that declares this message or enum (top level, full name), for hints. */
export const builtInFileOf = (type: string): string | undefined => {
  declared ??= new Map(
    [...includeNames()].flatMap((name) => {
      const text = includeText(name) ?? ''
      const scope = /^package ([\w.]+);/m.exec(text)?.[1]
      return [...text.matchAll(/^(?:message|enum) (\w+)/gm)].map(([, own]) => [`${scope}.${own}`, name] as const)
    }),
  )
  return declared.get(type)
}
