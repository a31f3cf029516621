import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { nothingToServe } from '../config/load.ts'
import { parsePort } from '../config/overrides.ts'
import { REPORT_FORMATS, type ReportFormat, renderProblems, summary } from '../config/report.ts'
import { ConfigError, type Problem } from '../core/config-error.ts'
import type { GatewayOptions } from '../index.ts'
import { type Output, streamOutput } from './output.ts'
import { routeRow } from './route-rows.ts'
import { counted, routeTable } from './table.ts'
import { VERSION } from './version.ts'

/** Exit codes (docs/reference/cli.md). Ends by a signal that cut a drain short are 128 + its number. */
const EXIT = { ok: 0, problems: 1, usage: 2 } as const

interface Flags {
  readonly config?: string
  readonly port?: number
  readonly adminPort?: number
  readonly host?: string
  readonly upstream?: readonly string[]
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly format?: string
  readonly json?: boolean
}

/** Runs the command line `args` (without `node` and the script). Resolves with the exit code; never throws for a user's mistake. */
export const runCli = async (args: readonly string[]): Promise<number> => {
  if (args.includes('--no-color')) {
    process.env.NO_COLOR = '1'
    delete process.env.FORCE_COLOR
  }
  const out = streamOutput(process.stdout)
  const err = streamOutput(process.stderr)
  let code: number = EXIT.ok
  const program = build(out, err, async (work) => {
    code = await work()
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    throw error
  }
}

type Run = (work: () => Promise<number>) => Promise<void>

const build = (out: Output, err: Output, run: Run): Command => {
  const program = new Command('protogate')
    .description('An API gateway that turns .proto files into REST, streams and WebSockets.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureOutput({ writeOut: (text) => out.write(text), writeErr: (text) => err.write(text) })
    .showSuggestionAfterError(true)
    .showHelpAfterError('(see --help)')
    .option(
      '-c, --config <file>',
      'configuration; "-" reads it from standard input (default: routes.json, if there is one)',
    )
    .option('--upstream <address>', 'backend: host:port, a URL, or NAME=ADDRESS; may be repeated', append)
    .option('-q, --quiet', 'say only what is wrong')
    .option('--verbose', 'say more')
    .option('--no-color', 'no colours')
    .exitOverride()
  const command = (
    name: string,
    description: string,
    work: (dir: string | undefined, flags: Flags) => Promise<number>,
  ) =>
    program
      .command(name)
      .description(description)
      .configureHelp({ showGlobalOptions: true })
      .argument('[dir]', 'folder with routes.json, or protos/, or .proto files')
      .action((dir: string | undefined, _flags: object, self: Command) =>
        run(() => work(dir, self.optsWithGlobals<Flags>())),
      )

  serving(
    command('dev', 'serve, and reload when a file changes; logs for people', (dir, flags) =>
      serveCommand('dev', dir, flags, out, err),
    ),
  ).addOption(logFormat('text'))
  serving(
    command('run', 'serve in production; JSON logs; SIGHUP reloads', (dir, flags) =>
      serveCommand('run', dir, flags, out, err),
    ),
  ).addOption(logFormat('json'))
  command('check', 'check the configuration and the schemas, serve nothing', (dir, flags) =>
    checkCommand(dir, flags, out, err),
  ).addOption(new Option('--format <format>', 'how problems are written').choices([...REPORT_FORMATS]).default('text'))
  command('routes', 'print the routes', (dir, flags) => routesCommand(dir, flags, out, err)).option('--json', 'as JSON')
  return program
}

const serving = (command: Command): Command =>
  command
    .option('-p, --port <port>', 'port of the first listener; 0 takes a free one', port)
    .option('--admin-port <port>', 'port for health and metrics; 0 takes a free one', port)
    .option('--host <address>', 'address of the first listener')

const logFormat = (fallback: 'text' | 'json'): Option =>
  new Option('--format <format>', 'how logs are written').choices(['text', 'json']).default(fallback)

const append = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]
const port = (text: string): number => {
  const value = parsePort(text)
  if (value === undefined) throw new InvalidArgumentError('Expected a port from 0 to 65535.')
  return value
}

const gatewayOptions = (dir: string | undefined, flags: Flags): Omit<GatewayOptions, 'log'> => {
  const cwd = resolve(dir ?? '.')
  if (!existsSync(cwd) || !statSync(cwd).isDirectory())
    throw new ConfigError([
      {
        code: 'FOLDER_MISSING',
        severity: 'error',
        message: `there is no folder "${dir}"`,
        hint: 'a file is given with --config',
      },
    ])
  const { config, port, adminPort, host, upstream } = flags
  const text = config === '-' ? readFileSync(0, 'utf8') : undefined
  const file = config === undefined || config === '-' ? undefined : resolve(config)
  return { config: file, text, cwd, overrides: { port, adminPort, host, upstream } }
}

const serveCommand = async (
  mode: 'dev' | 'run',
  dir: string | undefined,
  flags: Flags,
  out: Output,
  err: Output,
): Promise<number> =>
  reporting(err, 'text', async () => {
    const gateway = gatewayOptions(dir, flags)
    if (mode === 'run') refuseNothing(gateway)
    const { serve } = await import('./serve.ts')
    const { quiet = false, verbose = false } = flags
    const level = quiet ? 'warn' : verbose ? 'debug' : undefined
    const format = flags.format === 'json' ? 'json' : 'text'
    return serve({ mode, gateway, format, level, quiet, out, err })
  })

const checkCommand = async (dir: string | undefined, flags: Flags, out: Output, err: Output): Promise<number> => {
  const format = flags.format as ReportFormat
  return reporting(out, format, async () => {
    const gateway = gatewayOptions(dir, flags)
    refuseNothing(gateway)
    const { inspectConfig } = await import('../index.ts')
    return inspectConfig(gateway, quietLog, ({ snapshot, warnings }) => {
      out.write(renderProblems(warnings, { format, color: out.color, version: VERSION }))
      if (format === 'text' && flags.quiet !== true) {
        const { router, schema } = snapshot
        const counts = `${counted(router.routes.length, 'route')}, ${counted(schema.services.size, 'service')}`
        err.write(`${err.paint('green', '✔')} ${[counts, summary(warnings)].filter(Boolean).join(', ')}\n`)
      }
      return EXIT.ok
    })
  })
}

const routesCommand = async (dir: string | undefined, flags: Flags, out: Output, err: Output): Promise<number> =>
  reporting(err, 'text', async () => {
    const gateway = gatewayOptions(dir, flags)
    refuseNothing(gateway)
    const { inspectConfig } = await import('../index.ts')
    return inspectConfig(gateway, quietLog, ({ snapshot }) => {
      const rows = snapshot.router.routes.map(routeRow)
      out.write(flags.json === true ? `${JSON.stringify(rows, undefined, 2)}\n` : routeTable(rows, out))
      return EXIT.ok
    })
  })

const quietLog = { warn(): void {}, info(): void {} }

const refuseNothing = ({ config, text, cwd }: Omit<GatewayOptions, 'log'>): void => {
  const problem = typeof config === 'string' || text !== undefined ? undefined : nothingToServe(cwd!, process.env)
  if (problem !== undefined) throw new ConfigError([problem])
}

/** Problems of the configuration are written to `to`, and are exit code 1. */
const reporting = async (to: Output, format: ReportFormat, work: () => Promise<number>): Promise<number> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems: readonly Problem[] = error.problems
    to.write(renderProblems(problems, { format, color: to.color, version: VERSION }))
    if (format === 'text') to.write(`${to.paint('red', '✖')} ${summary(problems)}\n`)
    return EXIT.problems
  }
}
