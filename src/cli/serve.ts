import { constants } from 'node:os'
import { shortPath } from '../config/load.ts'
import { renderProblems, summary } from '../config/report.ts'
import type { ConfigWatch, WatchTargets } from '../config/watch.ts'
import { ConfigError, describeProblem } from '../core/config-error.ts'
import type { ReloadResult } from '../gateway.ts'
import type { GatewayOptions, Protogate, Sources } from '../index.ts'
import { createLog, type Logger } from '../telemetry/log.ts'
import { banner } from './banner.ts'
import type { Output } from './output.ts'
import { reloadLines } from './reload-lines.ts'

export interface ServeOptions {
  readonly mode: 'dev' | 'run'
  readonly gateway: Omit<GatewayOptions, 'log'>
  /** How logs are written: for a terminal, or JSON lines. */
  readonly format: 'text' | 'json'
  readonly level: string | undefined
  /** No table, no hints. */
  readonly quiet: boolean
  readonly out: Output
  readonly err: Output
}

/** Serves until a signal ends it. Resolves with the exit code. */
export const serve = async (options: ServeOptions): Promise<number> => {
  const { createGateway } = await import('../index.ts')
  const log = createLog({ format: options.format === 'json' ? 'json' : 'pretty', level: options.level })
  const gateway = createGateway({ ...options.gateway, log })
  const since = Date.now()
  const began = performance.now()
  const signals = catchSignals(options.mode === 'run')
  try {
    await gateway.start()
  } catch (error) {
    await gateway.stop()
    await log.stop()
    signals.stop()
    return refusedStart(error, options)
  }
  announce(gateway, performance.now() - began, options, log)
  const reload = tellingReloads(gateway, options, log)
  const watch = options.mode === 'dev' ? await watchSources(gateway, reload, since, log) : undefined
  signals.onHangup(() => void reload([]))
  const code = await untilSignal(gateway, signals, options, log)
  await watch?.stop()
  await gateway.stop()
  await log.stop()
  signals.stop()
  return code
}

const refusedStart = (error: unknown, { err, format }: ServeOptions): number => {
  if (!(error instanceof ConfigError)) throw error
  const json = format === 'json'
  err.write(renderProblems(error.problems, { color: err.color && !json, format: json ? 'json' : 'text' }))
  if (!json) err.write(`${err.paint('red', '✖')} not started: ${summary(error.problems)}\n`)
  return 1
}

const announce = (gateway: Protogate, ms: number, options: ServeOptions, log: Logger): void => {
  const { quiet, out, format } = options
  const { loaded } = gateway.sources!
  const { http, admin } = gateway.addresses()
  if (format === 'json') {
    log.info(
      { http, admin, revision: gateway.snapshot.revision, routes: gateway.snapshot.router.routes.length },
      'serving',
    )
    if (loaded.mocked) log.warn({}, 'no upstream set: answers are made up from the schema')
    for (const problem of gateway.warnings) log.warn({ problem }, describeProblem(problem))
    return
  }
  if (!quiet) out.write(banner(gateway, ms, out))
  if (gateway.warnings.length > 0) out.write(renderProblems(gateway.warnings, { color: out.color }))
}

/** Reloads when a file of the configuration changes. chokidar and rxjs are loaded here, for `dev` alone. */
const watchSources = async (gateway: Protogate, reload: Reload, since: number, log: Logger): Promise<ConfigWatch> => {
  const { watchConfig } = await import('../config/watch.ts')
  const watch = watchConfig(targetsOf(gateway.sources!), {
    since,
    onError: (error) => log.warn({ err: error }, 'files cannot be watched: changes are not seen until a restart'),
  })
  watch.changes.subscribe((paths) => {
    const read = Date.now()
    void reload(paths).then(() => watch.update(targetsOf(gateway.sources!), read))
  })
  return watch
}

const targetsOf = ({ loaded, schemaFiles }: Sources): WatchTargets => ({
  ...loaded.watched,
  files: [...new Set([...loaded.watched.files, ...schemaFiles])],
})

/** Reloads because of these files, or for no file at all. Never rejects. */
type Reload = (paths: readonly string[]) => Promise<void>

interface Cause {
  readonly paths: readonly string[]
  readonly began: number
}

/** Tells of every reload from now on, also of those that the admin listener asks for. */
const tellingReloads = (gateway: Protogate, options: ServeOptions, log: Logger): Reload => {
  let cause: Cause | undefined
  gateway.onReload((result) => tellReload(result, cause, options, log))
  return async (paths) => {
    cause = { paths, began: performance.now() }
    // A refusal was told above; anything else means that the gateway is about to stop.
    await gateway.reload().catch(() => {})
    cause = undefined
  }
}

const tellReload = (result: ReloadResult, cause: Cause | undefined, options: ServeOptions, log: Logger): void => {
  if (result.error !== undefined) {
    tellRefusal(result, options, log)
    return
  }
  const { snapshot, warnings, old } = result
  const paths = cause?.paths ?? []
  const ms = cause === undefined ? undefined : performance.now() - cause.began
  if (options.format === 'json') {
    log.info({ revision: snapshot.revision, routes: snapshot.router.routes.length, files: paths }, 'reloaded')
    for (const problem of warnings) log.warn({ problem }, describeProblem(problem))
    return
  }
  const { out } = options
  const what = paths.length === 0 ? 'reload' : paths.map(shortPath).join(', ')
  out.write(reloadLines({ what, before: old.router.routes, snapshot, ms }, out))
  out.write(renderProblems(warnings, { color: out.color }))
}

const tellRefusal = ({ snapshot, error }: ReloadResult, { mode, format, err }: ServeOptions, log: Logger): void => {
  const { revision } = snapshot
  if (!(error instanceof ConfigError)) {
    log.error({ err: error, revision }, `reload failed, still serving revision ${revision}`)
    return
  }
  if (format === 'json') {
    log.error({ revision, problems: error.problems }, `reload refused, still serving revision ${revision}`)
    return
  }
  err.write(`${err.paint('red', '✖')} reload refused, still serving revision ${revision}\n`)
  err.write(renderProblems(error.problems, { color: err.color }))
  if (mode === 'dev') err.write(`${err.paint('gray', '  waiting for the next change')}\n`)
}

type Ending = 'SIGINT' | 'SIGTERM'

interface Signals {
  /** The next signal that asks for an end. */
  next(): Promise<Ending>
  onHangup(listener: () => void): void
  stop(): void
}

/** From the start on, so that a signal during it is not lost. Without `hangups`, SIGHUP ends the process, as a closed terminal should. */
const catchSignals = (hangups: boolean): Signals => {
  const waiting: Ending[] = []
  let wake: ((signal: Ending) => void) | undefined
  let hangup = (): void => {}
  const end = (signal: NodeJS.Signals): void => {
    if (wake === undefined) waiting.push(signal as Ending)
    else wake(signal as Ending)
    wake = undefined
  }
  const hup = (): void => hangup()
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  if (hangups) process.on('SIGHUP', hup)
  return {
    next() {
      const known = waiting.shift()
      return known !== undefined ? Promise.resolve(known) : new Promise((resolve) => (wake = resolve))
    },
    onHangup(listener) {
      hangup = listener
    },
    stop() {
      process.off('SIGINT', end)
      process.off('SIGTERM', end)
      process.off('SIGHUP', hup)
    },
  }
}

/** Waits for a signal, then for the drain: its end, its time limit, or a second signal. 0, or 128 + the signal when it was cut short. */
const untilSignal = async (
  gateway: Protogate,
  signals: Signals,
  options: ServeOptions,
  log: Logger,
): Promise<number> => {
  const first = await signals.next()
  if (options.format === 'json') log.info({ signal: first }, 'draining')
  else
    options.out.write(`${options.out.paint('gray', `${first}: waiting for calls in flight; once more to end now`)}\n`)
  const cut = signals.next()
  const outcome = await Promise.race([gateway.drain(), cut])
  if (outcome === true) return 0
  const signal = outcome === false ? first : outcome
  if (options.format === 'json') log.warn({ signal }, 'the drain was cut short')
  else options.err.write(`${options.err.paint('red', '✖')} ended before all calls were over\n`)
  return 128 + constants.signals[signal]
}
