import { spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Figures, readFigures } from './figures.ts'
import type { Runner } from './runner.ts'

const TESTEE = fileURLToPath(new URL('testee.ts', import.meta.url))
/** Editions up to 2023: later ones are not offered by any of the testees. */
const SUITE = ['--verbose', '--enforce_recommended', '--maximum_edition', '2023']

/** The whole suite against one testee, with nothing expected to fail and recommended tests as strict as required ones. */
export const runSuite = async (runner: Runner, testee: string): Promise<Figures> => {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    const output = join(folder, 'output')
    await run(runner, testee, output)
    return readFigures(await readFile(output, 'utf8'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const run = async ({ program, args }: Runner, testee: string, output: string): Promise<void> => {
  // A file and no pipe: the testee inherits it, and Node makes a pipe non-blocking, whereupon the runner loses what it writes.
  const file = await open(output, 'w')
  try {
    const child = spawn(program, [...args, ...SUITE, process.execPath, TESTEE, testee], {
      // The last is inherited too and written by nobody: it closes when the testee has ended, for which the runner does not wait.
      stdio: ['ignore', 'ignore', file.fd, 'pipe'],
    })
    await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
      ;(child.stdio[3] as Readable).resume()
    })
  } finally {
    await file.close()
  }
}
