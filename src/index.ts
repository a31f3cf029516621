import { adapters } from '../adapters/index.ts'
import { builtins } from './builtins.ts'
import { type LoadedConfig, type LoadOptions, loadDespite } from './config/load.ts'
import type { ConfigInput } from './config/schema.ts'
import { compileSnapshot } from './config/snapshot/index.ts'
import { bytes, milliseconds } from './config/snapshot/settings.ts'
import { systemClock } from './core/clock.ts'
import { ConfigError, type Problem } from './core/config-error.ts'
import { type Log, type Module, Registry } from './core/module.ts'
import { SharedResources } from './core/shared.ts'
import { type Compiled, CoreGateway } from './gateway.ts'
import { attachAdmin } from './handlers/admin.ts'
import { redirectHandler, respondHandler } from './handlers/static-reply.ts'
import { createHttpListener } from './listener/listener.ts'
import { loadSchema } from './schema/schema.ts'
import { createAccessLog } from './telemetry/access-log.ts'
import { watchEndpoints } from './telemetry/endpoint-states.ts'
import { createLog, type Logger } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'

export type { ConfigInput } from './config/schema.ts'
export { ConfigError, describeProblem, type Problem } from './core/config-error.ts'

/** Every option may be absent: then `routes.json` of the working directory is served, else the services of `protos/`. */
export interface GatewayOptions {
  /** Path of routes.json, or its content as an object. */
  readonly config?: string | ConfigInput | undefined
  /** Content of routes.json when it was read already. */
  readonly text?: string | undefined
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** What flags say; wins over the environment and the file. */
  readonly overrides?: LoadOptions['overrides']
  /** Modules of your own, beside the built-in ones and those of `plugins`. */
  readonly modules?: readonly Module[] | undefined
  readonly log?: Logger | undefined
}

/** What one compilation read, for whoever watches the files. Absolute paths. */
export interface Sources {
  readonly loaded: LoadedConfig
  /** Files of the schemas, imported ones included. */
  readonly schemaFiles: readonly string[]
}

/** A gateway: `start` it, `reload` it, `drain` it, `stop` it. Nothing is read and nothing listens before `start`. */
export class Protogate extends CoreGateway {
  readonly #sources: () => Sources | undefined
  readonly #telemetry: readonly { stop(): Promise<void> }[]
  constructor(
    parts: ConstructorParameters<typeof CoreGateway>[0],
    sources: () => Sources | undefined,
    telemetry: (gateway: CoreGateway) => readonly { stop(): Promise<void> }[],
  ) {
    super(parts)
    this.#sources = sources
    this.#telemetry = telemetry(this)
  }
  /** Of the newest compilation, also a refused one. */
  get sources(): Sources | undefined {
    return this.#sources()
  }
  override async stop(): Promise<void> {
    await super.stop()
    for (const one of this.#telemetry) await one.stop()
  }
}

/**
 * A gateway with every built-in module. `start` rejects with ConfigError, which has all problems of the configuration, the schemas
 * and the ports.
 */
export const createGateway = (options: GatewayOptions = {}): Protogate => {
  const log = options.log ?? createLog({ format: 'json' })
  const compiler = createCompiler(options, log)
  const endpoints = watchEndpoints()
  let gateway: Protogate | undefined
  const metrics = createMetrics({
    owns: (snapshot) => gateway?.owns(snapshot) === true,
    snapshot: () => gateway?.served,
    endpoints,
  })
  gateway = new Protogate(
    {
      clock: compiler.clock,
      log,
      async compile(revision) {
        const compiled = await compiler.compile(revision)
        log.adjust(compiler.sources()!.loaded.config.log)
        return compiled
      },
      listen: (address, settings) => createHttpListener({ ...address, ...settings, log, clock: compiler.clock }),
      attachAdmin: (listener, own) => attachAdmin(listener, own, { log, metrics, endpoints }),
    },
    compiler.sources,
    (own) => [
      createAccessLog({ log, owns: (snapshot) => own.owns(snapshot) && compiler.logsCalls() }),
      metrics,
      endpoints,
    ],
  )
  return gateway
}

/** Compiles a configuration without serving it, and lets go of it again: for `check` and `routes`. */
export const inspectConfig = async <T>(
  options: GatewayOptions,
  log: Log,
  look: (compiled: Compiled) => T,
): Promise<T> => {
  const compiled = await createCompiler(options, log).compile(1)
  try {
    return look(compiled)
  } finally {
    compiled.snapshot.release()
  }
}

const createCompiler = (options: GatewayOptions, log: Log) => {
  const registry = new Registry([...adapters, ...builtins, ...(options.modules ?? [])])
  const clock = systemClock()
  const pool = new SharedResources()
  const handlers = { respond: respondHandler, redirect: redirectHandler }
  let sources: Sources | undefined
  let logsCalls = true
  const { config } = options
  const loadOptions: LoadOptions = {
    ...(typeof config === 'string' ? { file: config } : config === undefined ? {} : { value: config }),
    text: options.text,
    cwd: options.cwd ?? process.cwd(),
    env: options.env ?? process.env,
    registry,
    overrides: options.overrides,
  }
  const compile = async (revision: number): Promise<Compiled> => {
    const { loaded, problems: unknownKeys } = await loadDespite(loadOptions)
    sources = { loaded, schemaFiles: sources?.schemaFiles ?? [] }
    const { schema, problems, files } = await loadSchema(loaded.config.schemas, {
      base: loaded.base,
      from: process.cwd(),
      codec: loaded.config.codec,
    })
    sources = { loaded, schemaFiles: files }
    if (hasErrors(problems)) throw new ConfigError([...unknownKeys, ...problems])
    const input = {
      loaded,
      problems: unknownKeys,
      schema,
      revision,
      registry: loaded.registry,
      clock,
      log,
      pool,
      handlers,
    }
    const { snapshot, warnings } = await compileSnapshot(input)
    logsCalls = loaded.config.log.access
    return {
      snapshot,
      registry: loaded.registry,
      warnings: [...problems, ...warnings],
      listeners: loaded.config.listeners,
      admin: loaded.config.admin === false ? undefined : loaded.config.admin,
      drain: milliseconds(loaded.config.drain),
      limits: listenerLimits(loaded.config.limits),
      trustedProxies: loaded.config.trustedProxies,
    }
  }
  return { clock, compile, sources: () => sources, logsCalls: () => logsCalls }
}

const hasErrors = (problems: readonly Problem[]): boolean => problems.some(({ severity }) => severity === 'error')

const listenerLimits = (limits: LoadedConfig['config']['limits']): Compiled['limits'] => ({
  headersTimeout: milliseconds(limits.headTime),
  maxHeaderBytes: bytes(limits.head),
  maxHeaderLines: limits.headLines,
  maxConnections: limits.sockets,
  bodyIdleTimeout: milliseconds(limits.bodyIdle),
})
