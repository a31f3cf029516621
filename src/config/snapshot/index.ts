import { snapshotChanged } from '../../core/channels.ts'
import type { Clock } from '../../core/clock.ts'
import { ConfigError, type Problem } from '../../core/config-error.ts'
import type { Log, ModuleOf, Registry, Resource } from '../../core/module.ts'
import type { Router } from '../../core/router.ts'
import type { Schema } from '../../core/schema.ts'
import type { SharedResources } from '../../core/shared.ts'
import type { Snapshot, Upstream } from '../../core/snapshot.ts'
import { buildRouter } from '../../router/router.ts'
import type { LoadedConfig } from '../load.ts'
import { sectionOf } from '../schema.ts'
import { type Compilation, stopAll } from './compile.ts'
import { fallbackRoute } from './fallback.ts'
import { buildPolicies } from './policies.ts'
import { buildRoutes, errorsOf } from './routes.ts'
import type { OwnHandlers } from './targets.ts'
import { buildUpstreams } from './upstreams.ts'

export interface SnapshotInput {
  readonly loaded: LoadedConfig
  /** What is known to be wrong with it already; told together with what is found here. */
  readonly problems: readonly Problem[]
  readonly schema: Schema
  readonly revision: number
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Log
  /** What outlives a snapshot: connections, and whatever modules take from `context.shared`. */
  readonly pool: SharedResources
  readonly handlers: OwnHandlers
}

/**
 * Compiles a configuration: upstreams, policies, bindings, router. Rejects with a ConfigError that has every problem, after
 * everything that was created on the way is stopped again. What it returns is held once, by the caller: `release` it.
 */
export const compileSnapshot = async (
  input: SnapshotInput,
): Promise<{ readonly snapshot: Snapshot; readonly warnings: readonly Problem[] }> => {
  const compilation: Compilation = { ...input, problems: [...input.problems], owned: [] }
  try {
    const upstreams = await buildUpstreams(compilation)
    const policies = await buildPolicies(compilation, input.loaded.config.policies, '/policies')
    const entries = await buildRoutes(compilation, upstreams, policies)
    let snapshot: Snapshot | undefined
    const { router, problems } = buildRouter(entries, {
      snapshot: () => snapshot!,
      fallback: (miss) =>
        fallbackRoute(
          compilation,
          policies.map(({ policy }) => policy),
          miss,
        ),
    })
    compilation.problems.push(...problems.map((problem) => placed(problem, input.loaded)))
    if (errorsOf(compilation.problems).length > 0) throw new ConfigError(compilation.problems)
    snapshot = new CompiledSnapshot(input, router, upstreams.all, compilation.owned)
    return { snapshot, warnings: compilation.problems }
  } catch (error) {
    await stopAll(compilation.owned, input.log)
    throw error
  }
}

/** The router knows where an annotation stands, but of a line of routes.json only the pointer. */
const placed = (problem: Problem, { place }: LoadedConfig): Problem =>
  problem.file === undefined && problem.pointer !== undefined ? { ...problem, ...place(problem.pointer) } : problem

class CompiledSnapshot implements Snapshot {
  readonly revision: number
  readonly router: Router
  readonly schema: Schema
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly #input: SnapshotInput
  readonly #owned: readonly Resource[]
  #holders = 1

  constructor(
    input: SnapshotInput,
    router: Router,
    upstreams: ReadonlyMap<string, Upstream>,
    owned: readonly Resource[],
  ) {
    this.revision = input.revision
    this.schema = input.schema
    this.router = router
    this.upstreams = upstreams
    this.#input = input
    this.#owned = owned
  }

  options<C>(module: ModuleOf<string, C>): C {
    return sectionOf(this.#input.loaded.config, module as ModuleOf<'inbound', C>)
  }

  retain(): void {
    if (this.#holders === 0) throw new Error('a snapshot was used after its last holder let go of it')
    this.#holders++
  }

  release(): void {
    this.#holders--
    if (this.#holders !== 0) return
    void stopAll(this.#owned, this.#input.log).then(() => {
      if (snapshotChanged.hasSubscribers)
        snapshotChanged.publish({ kind: 'released', revision: this.revision, problems: [], snapshot: this })
    })
  }
}
