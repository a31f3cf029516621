import type { RequestHead } from '../../src/core/exchange.ts'
import type { Handler } from '../../src/core/handler.ts'
import type { Ingress } from '../../src/core/module.ts'
import type { RouteMatch, RouteSettings } from '../../src/core/router.ts'
import {
  type FakeMatchParts,
  type FakeSnapshot,
  fakeMatch,
  fakeSchema,
  fakeSettings,
  fakeSnapshot,
} from './loopback.ts'

export interface TestIngress extends Ingress {
  readonly snapshot: FakeSnapshot
}
/**
 * An ingress without configuration: `match` says which route a head meets, and each call is dispatched to its handler. Its
 * snapshot counts its holders.
 */
export const ingressOf = (
  match: (head: RequestHead) => FakeMatchParts,
  parts: Parameters<typeof fakeSnapshot>[0] = {},
): TestIngress => {
  const snapshot = fakeSnapshot({
    ...parts,
    router: {
      find: (head): RouteMatch => fakeMatch({ snapshot, ...match(head) }),
      findOperation: () => undefined,
      routes: [],
    },
  })
  return { snapshot, dispatch: (exchange) => exchange.match.route.handler(exchange) }
}

/** An ingress with one route for everything. `settings` replaces single settings of it. */
export const singleRoute = (
  handler: Handler,
  { settings, ...parts }: FakeMatchParts & { readonly settings?: Partial<RouteSettings> | undefined } = {},
): TestIngress => {
  const schema = fakeSchema()
  return ingressOf(() => ({ ...parts, route: { settings: fakeSettings(schema, settings), ...parts.route, handler } }), {
    schema,
  })
}
