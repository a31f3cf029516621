import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { describeProblem } from '../../src/core/config-error.ts'
import { type LoadedSchema, loadSchema } from '../../src/schema/schema.ts'

type Files = Readonly<Record<string, string | Uint8Array>>

/** A folder with these files, removed when the test is over. */
export const protoFolder = (files: Files): string => {
  const folder = makeFolder(files)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The same, for whoever removes it himself. */
export const makeFolder = (files: Files): string => {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-'))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

/** Loads these files as the folder `protos`. */
export const loadProtoFiles = async (files: Files): Promise<LoadedSchema> => {
  const named = Object.entries(files).map(([name, content]) => [`protos/${name}`, content] as const)
  const base = makeFolder(Object.fromEntries(named))
  try {
    return await loadSchema(['protos'], { base })
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

/** The schema of these files, which must load without any problem. */
export const cleanSchema = async (files: Readonly<Record<string, string>>): Promise<LoadedSchema['schema']> => {
  const { schema, problems } = await loadProtoFiles(files)
  if (problems.length > 0) throw new Error(problems.map(describeProblem).join('\n'))
  return schema
}
