import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, test } from 'vitest'

/** Programs that some tests need, with the names that they have on PATH and the Debian package they come in. */
const PROGRAMS = {
  chromium: { names: ['chromium', 'chromium-browser', 'google-chrome'], package: 'chromium' },
  etcd: { names: ['etcd'], package: 'etcd-server' },
} as const
export type Program = keyof typeof PROGRAMS

/**
 * A `describe` whose tests need a program. Where it is not installed there stands one test in their place, named after what is
 * missing: skipped on a user's machine, a failure under `CI=true`.
 */
export const describeWith = (program: Program, name: string, define: (path: string) => void): void => {
  const { package: debian } = PROGRAMS[program]
  const missing = `needs ${program}, which is not installed (apt-get install ${debian})`
  describeIf(findProgram(program), name, missing, define)
}

/** The same for anything else that a machine may lack: `found` is undefined there, and `missing` says how it is had. */
export const describeIf = <T>(
  found: T | undefined,
  name: string,
  missing: string,
  define: (found: T) => void,
): void => {
  if (found !== undefined) {
    describe(name, () => define(found))
    return
  }
  const title = `${name}: ${missing}`
  if (process.env.CI !== 'true') test.skip(title, () => {})
  else
    test(title, () => {
      throw new Error(title)
    })
}

/** Path of the program, undefined when it is not on PATH. */
export const findProgram = (program: Program, path = process.env.PATH ?? ''): string | undefined => {
  const { names } = PROGRAMS[program]
  const places = path.split(delimiter).filter((folder) => folder !== '')
  return names.flatMap((name) => places.map((folder) => join(folder, name))).find(isExecutable)
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
