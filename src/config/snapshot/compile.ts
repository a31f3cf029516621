import type { Clock } from '../../core/clock.ts'
import type { Problem } from '../../core/config-error.ts'
import type { Context, Log, Module, Registry, Resource } from '../../core/module.ts'
import type { Schema } from '../../core/schema.ts'
import type { SharedResources } from '../../core/shared.ts'
import type { LoadedConfig } from '../load.ts'
import type { OwnHandlers } from './targets.ts'

/** What every part of a compilation works with: the input, and where problems and resources are collected. */
export interface Compilation {
  readonly loaded: LoadedConfig
  readonly schema: Schema
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Log
  readonly pool: SharedResources
  readonly handlers: OwnHandlers
  readonly problems: Problem[]
  /** Stopped in reverse order when the snapshot is released, or when the compilation is refused. */
  readonly owned: Resource[]
}

export type ProblemText = Pick<Problem, 'code' | 'message'> & Partial<Pick<Problem, 'severity' | 'hint'>>

/** Notes a problem at a place of routes.json. */
export const report = (compilation: Compilation, pointer: string, problem: ProblemText): void => {
  const place = compilation.loaded.place(pointer)
  compilation.problems.push({ severity: 'error', pointer, ...place, ...problem })
}

/** The context of one module: what it owns and shares is counted on this snapshot. */
export const contextFor = (compilation: Compilation, module: Pick<Module, 'kind' | 'name'>): Context => ({
  ...resourcesFor(compilation, module),
  schema: compilation.schema,
})

/** The part of it that knows no schema, for what outlives a snapshot: what is owned and shared is counted on `owned`. */
export const resourcesFor = (
  { log, clock, pool, owned }: Pick<Compilation, 'log' | 'clock' | 'pool' | 'owned'>,
  module: Pick<Module, 'kind' | 'name'>,
): Omit<Context, 'schema'> => ({
  log,
  clock,
  own(resource) {
    owned.push(resource)
  },
  shared(key, make) {
    const lease = pool.acquire(`${module.kind} ${module.name} ${key}`, make)
    owned.push({ stop: () => lease.release() })
    return lease.value
  },
})

/** Stops what was created, last first. Failures are logged: the rest must still be stopped. */
export const stopAll = async (owned: readonly Resource[], log: Log): Promise<void> => {
  for (const resource of owned.toReversed()) {
    try {
      await resource.stop()
    } catch (error) {
      log.warn({ err: error }, 'a resource of a snapshot did not stop')
    }
  }
}
