import { type DestinationStream, type Logger as Pino, pino, stdTimeFunctions } from 'pino'
import { nearest } from '../core/config-error.ts'
import type { Log, Resource } from '../core/module.ts'
import { Batch } from './batch.ts'
import { prettyLine } from './pretty.ts'
import { createRedactor } from './redact.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** The gateway's own log. `stop` writes out what is still in memory; the log stays usable after it. */
export interface Logger extends Log, Resource {
  debug(fields: object, message: string): void
  error(fields: object, message: string): void
  /** Takes up what a configuration says. A level of `LogOptions` or of LOG_LEVEL stays; names add to those of `LogOptions`. */
  adjust(config: { readonly level?: LogLevel | undefined; readonly redact: readonly string[] }): void
}

export interface LogOptions {
  /** Least severe level that is written. Default: LOG_LEVEL of the environment, then `info`. An unknown one is warned about. */
  readonly level?: string | undefined
  /** `json`: one object a line, batched. `pretty`: for a terminal, at once. */
  readonly format: 'json' | 'pretty'
  /** Names to redact beside those of SECRET_NAMES. */
  readonly redact?: readonly string[] | undefined
  /** Where whole lines go. Default: standard output. */
  readonly write?: ((line: string) => void) | undefined
}

/**
 * Log lines by pino: `level` as a word, `time` in ISO 8601, `msg`, then the fields, redacted. Lines in memory are written when the
 * process exits by itself or by `process.exit`.
 */
export const createLog = (options: LogOptions): Logger => {
  const asked = options.level ?? process.env.LOG_LEVEL ?? 'info'
  const level = LOG_LEVELS.find((known) => known === asked.toLowerCase())
  let redact = createRedactor(options.redact ?? [])
  const { stream, stop } = open(options, (dropped) =>
    logger.warn({ dropped }, 'the reader of the log is too slow: lines were dropped'),
  )
  const logger: Pino = pino(
    {
      level: level ?? 'info',
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => redact(fields) },
      serializers: { err: (error: unknown) => error },
    },
    stream,
  )
  if (level === undefined) {
    const hint = nearest(asked, LOG_LEVELS)
    logger.warn(
      { asked, known: LOG_LEVELS, ...(hint === undefined ? {} : { hint: `did you mean "${hint}"?` }) },
      'unknown log level, info is used',
    )
  }
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    adjust(config) {
      if (options.level === undefined && process.env.LOG_LEVEL === undefined) logger.level = config.level ?? 'info'
      redact = createRedactor([...(options.redact ?? []), ...config.redact])
    },
    stop,
  }
}

interface Open {
  readonly stream: DestinationStream
  readonly stop: () => Promise<void>
}

const open = ({ format, write }: LogOptions, onDropped: (lines: number) => void): Open => {
  const stop = (): Promise<void> => Promise.resolve()
  if (format === 'pretty') {
    const out = write ?? ((text: string) => void process.stdout.write(text))
    return { stream: { write: (line) => out(prettyLine(line)) }, stop }
  }
  if (write !== undefined) return { stream: { write }, stop }
  const batch = new Batch(1, onDropped)
  return { stream: batch, stop: () => batch.stop() }
}
