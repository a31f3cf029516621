import type { Exchange } from '../../core/exchange.ts'
import { compose, type Policy, type Reply } from '../../core/handler.ts'
import { emptyMetadata } from '../../core/metadata.ts'
import type { PolicyModule, Stage } from '../../core/module.ts'
import { ended } from '../../core/stream.ts'
import type { PolicyEntry } from '../schema.ts'
import { type Compilation, contextFor, report } from './compile.ts'

/** A policy that was created for one place of the configuration. */
export interface BuiltPolicy {
  readonly module: PolicyModule
  readonly policy: Policy
  readonly pointer: string
}

/** Creates the policies of a list, in its order. A policy that fails to start is a problem of its place. */
export const buildPolicies = async (
  compilation: Compilation,
  entries: readonly PolicyEntry[],
  pointer: string,
): Promise<readonly BuiltPolicy[]> => {
  const built: BuiltPolicy[] = []
  for (const [index, entry] of entries.entries()) {
    const [name, config] = Object.entries(entry)[0]!
    const at = `${pointer}/${index}/${name}`
    const module = compilation.registry.get('policy', name)
    if (module === undefined) continue
    try {
      built.push({ module, policy: await module.create(config, contextFor(compilation, module)), pointer: at })
    } catch (error) {
      report(compilation, at, {
        code: 'POLICY_START_FAILED',
        message: `the policy "${name}" did not start: ${error instanceof Error ? error.message : String(error)}`,
      })
    }
  }
  return built
}

/** What may never stand before a guard, and why. */
const NEVER_BEFORE_GUARD: Partial<Record<Stage, string>> = {
  reuse: 'an answer made for one caller would be given to another before anybody asked who that is',
  transform: 'a guard would judge a request that the client did not send',
}

/** Reports policies that stand before a guard and may not. `policies` in the order in which a call meets them. */
export const checkOrder = (compilation: Compilation, policies: readonly BuiltPolicy[]): void => {
  for (const [index, early] of policies.entries()) {
    const reason = NEVER_BEFORE_GUARD[early.module.stage]
    const guard = policies.slice(index + 1).find(({ module }) => module.stage === 'guard')
    if (reason === undefined || guard === undefined) continue
    report(compilation, early.pointer, {
      code: 'POLICY_ORDER',
      message: `"${early.module.name}" stands before the guard "${guard.module.name}": ${reason}`,
      hint: `move "${guard.module.name}" before "${early.module.name}"`,
    })
  }
}

const passed: Reply = { metadata: emptyMetadata(), messages: ended(), httpStatus: undefined, position: undefined }
const pass = (): Reply => passed

/** The guard policies alone around nothing: throws or rejects when one of them refuses. */
export const guardOf = (policies: readonly BuiltPolicy[]): ((exchange: Exchange) => void | Promise<void>) => {
  const guards = policies.filter(({ module }) => module.stage === 'guard').map(({ policy }) => policy)
  if (guards.length === 0) return () => {}
  const check = compose(guards, pass)
  return (exchange) => {
    const result = check(exchange)
    return result instanceof Promise ? result.then(() => {}) : undefined
  }
}
