import { describe, expect, test } from 'vitest'
import { output } from '../../../src/cli/output.ts'
import { reloadLines } from '../../../src/cli/reload-lines.ts'
import { routeChanges, routeRow } from '../../../src/cli/route-rows.ts'
import type { FieldType, MessageType } from '../../../src/core/descriptor.ts'
import type { Route } from '../../../src/core/router.ts'
import type { Snapshot } from '../../../src/core/snapshot.ts'
import { fakeOperation, fakeRoute, fakeSchema, fakeSettings } from '../../support/loopback.ts'

const field = (parts: Partial<FieldType>): FieldType => ({
  name: 'name',
  jsonName: 'name',
  number: 1,
  kind: 'string',
  repeated: false,
  mapKey: undefined,
  packed: false,
  delimited: false,
  presence: false,
  required: false,
  utf8: true,
  oneof: undefined,
  message: undefined,
  enum: undefined,
  comment: '',
  ...parts,
})
const type = (name: string, fields: readonly FieldType[]): MessageType => ({
  name,
  fields,
  field: () => undefined,
  byNumber: () => undefined,
  comment: '',
})
const thing = type('a.Thing', [field({})])

const schema = fakeSchema()
const operation = fakeOperation({ name: 'a.B/C', input: thing, output: thing })
const route = (path: string, parts: Partial<Route> = {}, settings: Partial<Route['settings']> = {}): Route =>
  fakeRoute({
    id: `GET ${path}`,
    method: 'GET',
    template: path,
    operation,
    settings: fakeSettings(schema, { forwardRequest: new Set(['authorization']), ...settings }),
    about: { target: 'books', guards: [] },
    ...parts,
  })
const changed = (before: Route, now: Route): number => routeChanges([before], [now]).changed.length

describe('what a reload changed', () => {
  test('the same routes compiled again are no change', () => {
    expect(routeChanges([route('/a'), route('/b')], [route('/b'), route('/a')])).toEqual({
      added: [],
      changed: [],
      removed: [],
    })
  })

  test('added and removed by method and path', () => {
    const { added, changed, removed } = routeChanges([route('/a'), route('/b')], [route('/b'), route('/c')])
    expect([added, changed, removed].map((routes) => routes.map(({ template }) => template))).toEqual([
      ['/c'],
      [],
      ['/a'],
    ])
  })

  test('routes of one name are told apart', () => {
    const named = (path: string): Route => route(path, { id: 'books' })
    const { added, removed } = routeChanges([named('/a'), named('/b')], [named('/a'), named('/c')])
    expect([added.map(({ template }) => template), removed.map(({ template }) => template)]).toEqual([['/c'], ['/b']])
    expect(routeChanges([route('/a'), route('/a')], [route('/a')]).removed).toHaveLength(1)
  })

  test.each<[string, Route]>([
    ['a limit', route('/a', {}, { maxBodyBytes: 2 })],
    ['no limit', route('/a', {}, { maxMessageBytes: Number.POSITIVE_INFINITY })],
    ['a header that passes', route('/a', {}, { forwardRequest: new Set(['x']) })],
    ['another target', route('/a', { about: { target: 'mock', guards: [] } })],
    ['a guard', route('/a', { about: { target: 'books', guards: ['jwt'] } })],
    ['another method', route('/a', { operation: { ...operation, name: 'a.B/D' } })],
  ])('%s is a change', (_, now) => expect(changed(route('/a'), now)).toBe(1))

  test('a field with another number is a change, also below; a comment is none', () => {
    const withInput = (input: MessageType): Route => route('/a', { operation: { ...operation, input } })
    const outer = (inner: MessageType): MessageType => type('a.Outer', [field({ kind: 'message', message: inner })])
    const renumbered = type('a.Thing', [field({ number: 2 })])
    expect(changed(route('/a'), withInput(renumbered))).toBe(1)
    expect(changed(withInput(outer(thing)), withInput(outer(renumbered)))).toBe(1)
    expect(changed(route('/a'), withInput(type('a.Thing', [field({ comment: 'new' })])))).toBe(0)
  })

  test('types that contain themselves end', () => {
    const fields: FieldType[] = []
    const tree = type('a.Tree', fields)
    fields.push(field({ kind: 'message', message: tree }))
    const self = route('/a', { operation: { ...operation, input: tree } })
    expect(changed(self, self)).toBe(0)
  })
})

test('the lines about it', () => {
  const snapshot = {
    revision: 7,
    router: { routes: [route('/b', {}, { timeout: 1 }), route('/c')] },
  } as unknown as Snapshot
  const reloaded = { what: 'protos/x.proto', before: [route('/a'), route('/b')], snapshot, ms: 12.4 }
  expect(
    reloadLines(
      reloaded,
      output(() => {}, false),
    ),
  ).toBe(
    [
      '↻ protos/x.proto: +1 route, ~1 changed, -1 removed   revision 7, 12 ms',
      '  + GET /c  →  a.B/C',
      '  ~ GET /b  →  a.B/C',
      '  - GET /a  →  a.B/C',
      '',
    ].join('\n'),
  )
  const many = Array.from({ length: 30 }, (_, n) => route(`/${n}`))
  const lines = reloadLines(
    { ...reloaded, before: many, ms: undefined },
    output(() => {}, false),
  ).split('\n')
  expect(lines).toHaveLength(13)
  expect(lines[0]).toBe('↻ protos/x.proto: +2 routes, ~0 changed, -30 removed   revision 7')
  expect(lines[11]).toBe('  … and 22 more')
})

test('rows of every kind of route', () => {
  const of = (parts: Partial<Route>, settings: Partial<Route['settings']> = {}) =>
    routeRow(route('/a', parts, settings))
  const stream = { ...operation, shape: 'server_stream' as const }
  expect(of({})).toMatchObject({ method: 'GET', rpc: 'a.B/C', kind: 'unary', target: 'books', auth: [] })
  expect(of({ operation: stream })).toMatchObject({ method: 'GET/WS', kind: 'server stream' })
  expect(of({ operation: stream, method: 'WS' })).toMatchObject({ method: 'WS', kind: 'server stream' })
  expect(of({}, { target: 'http' })).toMatchObject({ rpc: null, kind: 'http' })
  expect(of({ method: 'WS' }, { target: 'frames' })).toMatchObject({ method: 'WS', rpc: null, kind: 'websocket' })
  expect(of({ method: 'WS' }, { target: 'tunnel' })).toMatchObject({ rpc: null, kind: 'websocket' })
  expect(of({ about: { target: 'x', guards: ['jwt'] } })).toMatchObject({ auth: ['jwt'], target: 'x' })
})
