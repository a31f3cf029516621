import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { describeProblem, type Problem } from '../../src/core/config-error.ts'
import { makeMetadata } from '../../src/core/metadata.ts'
import type { HttpRule, Operation } from '../../src/core/schema.ts'
import type { RouteEntry } from '../../src/router/entry.ts'
import { isTemplateError, type PathTemplate, parseTemplate } from '../../src/router/path-template.ts'
import { buildRouter } from '../../src/router/router.ts'
import { compileBinding } from '../../src/schema/binding.ts'
import { type LoadedSchema, loadSchema } from '../../src/schema/schema.ts'
import { fakeRoute, fakeSchema, fakeSettings } from '../support/loopback.ts'
import { missRoute, SNAPSHOT } from '../support/routes.ts'

const packages = fileURLToPath(new URL('../../node_modules/', import.meta.url))
const GOOGLE = `${packages}google-gax/build/protos`
const ETCD = `${packages}etcd3/proto`

/** One rule of a method on its way to a route. */
interface Bound {
  readonly operation: Operation
  readonly rule: HttpRule
  readonly template: PathTemplate
}

const bindAll = ({
  schema,
}: LoadedSchema): { readonly bound: readonly Bound[]; readonly refused: readonly Problem[] } => {
  const bound: Bound[] = []
  const refused: Problem[] = []
  for (const operation of schema.operations.values())
    for (const rule of schema.rules(operation.name)) {
      const template = parseTemplate(rule.template, 'strict')
      if (isTemplateError(template)) {
        refused.push({ code: 'TEMPLATE_INVALID', severity: 'error', message: template.message, ...rule.place })
        continue
      }
      const { problems } = compileBinding(
        schema,
        operation,
        {
          method: rule.method,
          variables: template.variables,
          body: rule.body,
          responseBody: rule.responseBody,
          unknownQuery: 'reject',
          ignoreUnknown: false,
          compat: {
            template: 'strict',
            unescape: 'spec',
            trailingSlash: false,
            queryForms: false,
            streamEnvelope: false,
            conflict: 'reject',
          },
        },
        rule.place,
      )
      refused.push(...problems)
      if (problems.length === 0) bound.push({ operation, rule, template })
    }
  return { bound, refused }
}

const BACKEND = fakeSchema()
const entryOf = ({ operation, rule, template }: Bound): RouteEntry => ({
  table: 'plain',
  method: rule.method,
  template,
  operation: operation.name,
  source: { origin: 'annotation', service: operation.name.split('/')[0], place: rule.place },
  route: fakeRoute(
    {
      id: `${operation.name} ${rule.method} ${rule.template}`,
      operation,
      settings: fakeSettings(BACKEND, { target: 'rpc' }),
    },
    BACKEND,
  ),
})

/** A path that the template matches: every star is a segment that no literal of these APIs is. */
const pathOf = ({ segments, verb }: PathTemplate): string => {
  const parts = segments.map((segment) =>
    segment.kind === 'literal' ? segment.text : segment.kind === 'star' ? 'x-1' : 'x-1/y-2',
  )
  return `/${parts.join('/')}${verb === undefined ? '' : `:${verb}`}`
}

const filesWithErrors = (problems: readonly Problem[]): ReadonlySet<string | undefined> =>
  new Set(problems.filter(({ severity }) => severity === 'error').map(({ file }) => file))

describe('Google’s own annotated APIs (google-gax)', async () => {
  const files = globSync('**/*.proto', { cwd: GOOGLE })
  const loaded = await loadSchema([GOOGLE], { base: GOOGLE })
  const { bound, refused } = bindAll(loaded)
  const failed = filesWithErrors(loaded.problems)
  const { router, problems } = buildRouter(bound.map(entryOf), { snapshot: () => SNAPSHOT, fallback: missRoute })

  test('what loads, and each refusal', () => {
    const annotated = bound.filter(({ rule }) => !rule.implicit).length
    console.log(
      [
        `files: ${files.length}, of them loaded: ${files.length - failed.size}`,
        `services: ${loaded.schema.services.size}, methods: ${loaded.schema.operations.size}`,
        `bindings: ${annotated} annotated, ${bound.length - annotated} by default, refused: ${refused.length}`,
        ...[...loaded.problems, ...refused, ...problems].map(describeProblem),
      ].join('\n'),
    )
    expect(files.length).toBeGreaterThanOrEqual(150)
    expect(files.length - failed.size).toBeGreaterThanOrEqual(145)
    expect(annotated).toBeGreaterThanOrEqual(134)
    expect(refused).toEqual([])
  })
  test('the files that are refused are those that no compiler takes: an import that is not there, a name twice', () => {
    const codes = loaded.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code)
    expect([...new Set(codes)].toSorted()).toEqual(['PROTO_DUPLICATE_NAME', 'PROTO_IMPORT_NOT_FOUND'])
  })
  test('every binding is reached by a request for it', () => {
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    const wrong = bound.flatMap((one) => {
      const match = router.find(
        {
          method: one.rule.method,
          path: pathOf(one.template),
          authority: 'a',
          scheme: 'http',
          httpVersion: '1.1',
          headers: makeMetadata(),
        },
        false,
      )
      const captured = match.params.length === one.template.variables.length
      const found = match.route.operation.name
      return found === one.operation.name && captured ? [] : [`${one.rule.method} ${pathOf(one.template)} → ${found}`]
    })
    expect(wrong).toEqual([])
  })
})

describe('etcd’s API (etcd3)', async () => {
  const loaded = await loadSchema([ETCD], { base: ETCD })
  const { bound, refused } = bindAll(loaded)
  test('loads and routes', () => {
    expect(loaded.problems.map(({ code, severity }) => [code, severity])).toEqual([['PROTO_UNKNOWN_OPTION', 'warning']])
    expect(refused).toEqual([])
    expect([...loaded.schema.services.keys()]).toEqual([
      'etcdserverpb.KV',
      'etcdserverpb.Watch',
      'etcdserverpb.Lease',
      'etcdserverpb.Cluster',
      'etcdserverpb.Maintenance',
      'etcdserverpb.Auth',
    ])
    expect(bound.filter(({ rule }) => !rule.implicit)).toHaveLength(44)
    const { problems } = buildRouter(bound.map(entryOf), { snapshot: () => SNAPSHOT, fallback: missRoute })
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  })
})
