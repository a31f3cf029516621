import type { Problem } from '../core/config-error.ts'
import { type Binding, describeEntry, placeOf, whereIs } from './resolve.ts'

const isStream = ({ entry }: Binding): boolean => entry.route.operation.shape !== 'unary'

/**
 * The RPC bindings of one place in the order in which an upgrade tries them: more conditions, streaming before unary, `path` lines
 * before annotations, GET first (that is what an upgrade is on the wire), then as declared.
 */
export const upgradesOf = (bindings: readonly Binding[]): readonly Binding[] =>
  bindings
    .filter(({ entry }) => entry.route.settings.target === 'rpc')
    .sort(
      (a, b) =>
        b.predicates.count - a.predicates.count ||
        Number(isStream(b)) - Number(isStream(a)) ||
        Number(b.entry.source.origin === 'routes') - Number(a.entry.source.origin === 'routes') ||
        Number(b.method === 'GET') - Number(a.method === 'GET') ||
        a.order - b.order,
    )

/**
 * Warns where an upgrade has no clear answer: two streaming methods in one place, or two unary ones of which none is bound to GET. A
 * `ws: true` line for the place settles it (`settled`: the places of such lines).
 */
export const ambiguousUpgrades = (bindings: readonly Binding[], settled: ReadonlySet<string>): readonly Problem[] => {
  const groups = new Map<string, Binding[]>()
  for (const binding of bindings) {
    if (settled.has(binding.place)) continue
    const key = JSON.stringify([binding.place, binding.predicates.key])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [binding])
    else group.push(binding)
  }
  const problems: Problem[] = []
  for (const group of groups.values()) {
    const [first, ...others] = upgradesOf(group)
    const rival = first === undefined ? undefined : others.find((other) => rivals(first, other))
    if (first === undefined || rival === undefined) continue
    problems.push({
      code: 'ROUTE_WS_AMBIGUOUS',
      severity: 'warning',
      message:
        `a WebSocket to ${first.template.text} reaches ${whereIs(first.entry)} as ${describeEntry(first.entry)}, ` +
        `but ${whereIs(rival.entry)} is bound there too`,
      ...placeOf(rival.entry),
      hint: `choose with a line { "path": "${first.template.text}", "ws": true, "rpc": … } in routes.json`,
    })
  }
  return problems
}

const rivals = (first: Binding, other: Binding): boolean =>
  isStream(first) === isStream(other) &&
  (isStream(first) || first.method !== 'GET') &&
  first.entry.source.origin === other.entry.source.origin &&
  first.entry.route.operation.name !== other.entry.route.operation.name
