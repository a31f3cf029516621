import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface CliOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | undefined
  /** What is run, from the root of the repository. */
  readonly script?: 'src/main.ts' | 'bin/protogate.js'
}

/** A process of the command line whose output is kept. */
export interface CliProcess {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves when the output (both streams) has the text or matches; rejects when the process ends without it. */
  until(wanted: string | RegExp): Promise<RegExpMatchArray>
  /** Exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
}

export const startCli = (
  args: readonly string[],
  { cwd, env = {}, input, script = 'src/main.ts' }: CliOptions,
): CliProcess => startProcess(process.execPath, [join(ROOT, script), ...args], { cwd, env, input })

/** Any program, its output kept as well. It gets `PATH` and `HOME`, and else only `env`. */
export const startProcess = (
  program: string,
  args: readonly string[],
  { cwd = ROOT, env = {}, input, detached = false }: Partial<CliOptions> & { readonly detached?: boolean },
): CliProcess => {
  const inherited = { PATH: process.env.PATH, HOME: process.env.HOME }
  const child = spawn(program, args, { cwd, env: { ...inherited, ...env }, stdio: 'pipe', detached })
  let stdout = ''
  let stderr = ''
  const waiting = new Set<() => void>()
  const changed = (): void => {
    for (const check of waiting) check()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    changed()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    changed()
  })
  child.stdin.end(input ?? '')
  const ended = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const pattern = typeof wanted === 'string' ? new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : wanted
        const check = (): boolean => {
          const match = stdout.match(pattern) ?? stderr.match(pattern)
          if (match === null) return false
          waiting.delete(check)
          resolve(match)
          return true
        }
        if (check()) return
        waiting.add(check)
        void ended.then((code) => {
          if (!check()) reject(new Error(`ended with ${code} before ${pattern}:\n${stdout}\n${stderr}`))
        })
      }),
  }
}

/** Runs a command to its end. */
export const runCli = async (
  args: readonly string[],
  options: CliOptions,
): Promise<{ readonly code: number | string; readonly stdout: string; readonly stderr: string }> => {
  const cli = startCli(args, options)
  return { code: await cli.ended, stdout: cli.stdout(), stderr: cli.stderr() }
}
