import { describe, expect, test } from 'vitest'
import { decodeCapture } from '../../../src/core/percent.ts'
import { loopbackExchange } from '../../support/loopback.ts'
import { entry, routerOf } from '../../support/routes.ts'
import vectors from '../../vectors/matching.json' with { type: 'json' }

interface Case {
  readonly request: string
  readonly to: string | number
  readonly params?: readonly string[]
  readonly decoded?: readonly string[]
  readonly allow?: readonly string[]
}

for (const set of vectors.sets) {
  const bindings = Object.entries(set.bindings) as [string, string][]
  const parts = {
    mode: set.mode === 'lenient' ? ('lenient' as const) : ('strict' as const),
    trailingSlash: set.trailingSlash === true,
  }
  const entries = bindings.map(([id, rule]) => entry(id, rule, parts))
  // Precedence must not depend on the order in which the entries come.
  const routers = [routerOf(entries), routerOf(entries.toReversed())]

  describe(`matching (SEMANTICS §2, §3): ${set.name}`, () => {
    test.each(set.cases as Case[])('$request → $to', ({ request, to, params, decoded, allow }) => {
      const space = request.indexOf(' ')
      const { head } = loopbackExchange({ method: request.slice(0, space), path: request.slice(space + 1) })
      for (const router of routers) {
        const match = router.find(head, false)
        if (typeof to === 'number') {
          expect(match.miss).toEqual({ httpStatus: to, allow: allow ?? [] })
          expect(match.route.id).toBe(`miss ${to}`)
          continue
        }
        expect({ to: match.route.id, params: match.params }).toEqual({ to, params })
        expect(match.miss).toBeUndefined()
        const { variables } = entries.find(({ route }) => route.id === to)!.template
        if (decoded !== undefined)
          expect(variables.map(({ multi }, i) => decodeCapture(match.params[i]!, multi, 'spec'))).toEqual(decoded)
      }
    })
  })
}
