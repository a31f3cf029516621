import { describe, expect, test } from 'vitest'
import { classify, DIFFERENCES } from './classes/index.ts'
import { compare } from './compare.ts'
import type { Outcome, Pair, Shape } from './model.ts'
import { FEATURES, makePairs } from './pairs/index.ts'
import { oneLine } from './report/answers.ts'

const pairOf = (feature: string, tag: string): Pair => ({ feature, tag, method: 'GET', target: '/q', headers: [] })
const outcome = (more: Partial<Outcome> & { readonly json?: string } = {}): Outcome => {
  const { json = '{"s":"x"}', ...rest } = more
  const made = { peer: 'Protogate', end: 'whole', status: 200, headers: new Map(), type: 'application/json' } as const
  return { ...made, body: Buffer.from(json), called: '/p.S/M', received: '{s:"x"}', answered: json, ...rest }
}
const refusal = (status: number, peer = 'Protogate'): Outcome =>
  outcome({ peer, status, called: undefined, received: '', json: '' })
const pair = pairOf('query-scalars', 'ok')

describe('where two outcomes part ways', () => {
  test.each<[Shape | undefined, Outcome, Outcome]>([
    [undefined, outcome(), outcome()],
    [undefined, refusal(400), refusal(400)],
    ['refusal', refusal(405), refusal(404)],
    ['ours-refuses', refusal(400), outcome()],
    ['theirs-refuses', outcome(), refusal(400)],
    ['method', outcome(), outcome({ called: '/p.S/Other' })],
    ['message', outcome(), outcome({ received: '{}' })],
    ['end', outcome({ end: 'cut' }), outcome()],
    ['status', outcome({ status: 404 }), outcome({ status: 500 })],
    ['body', outcome(), outcome({ json: '{}' })],
    ['type', outcome(), outcome({ type: 'text/plain' })],
    ['crash', outcome(), outcome({ end: 'crash' })],
    ['no-rule', outcome(), outcome({ end: 'no-rule' })],
  ])('%s', (shape, ours, theirs) => {
    expect(compare(pair, ours, theirs)).toBe(shape)
  })
  test('a failed reply is told in own words, a failure of the backend is not', () => {
    const [ours, theirs] = [outcome({ status: 500, json: '{"code":13}' }), outcome({ status: 500, json: '{"code":2}' })]
    expect(compare(pair, ours, theirs)).toBeUndefined()
    expect(compare({ ...pair, answer: { code: 13 } }, ours, theirs)).toBe('body')
  })
})

describe('the class of a disagreement', () => {
  const of = (feature: string, tag: string, shape: Shape, ours: Outcome, theirs: Outcome): string | undefined =>
    classify({ pair: pairOf(feature, tag), shape, ours, theirs })?.id
  const envoy = (json: string): Outcome => outcome({ peer: 'Envoy', json })

  test('goes by peer, feature, tag and shape', () => {
    const theirs = outcome({ peer: 'Envoy' })
    expect(of('json-any', 'unknown-member', 'ours-refuses', refusal(400), theirs)).toBe('unknown-members')
    expect(of('json-any', 'unknown-member', 'ours-refuses', refusal(400), { ...theirs, peer: 'grpc-gateway' })).toBe(
      undefined,
    )
    expect(of('httpbody', 'unknown-member', 'ours-refuses', refusal(400), theirs)).toBeUndefined()
    expect(of('json-any', 'ok', 'ours-refuses', refusal(400), theirs)).toBeUndefined()
    expect(of('json-any', 'unknown-member', 'theirs-refuses', outcome(), refusal(400, 'Envoy'))).toBeUndefined()
  })
  test.each([
    ['{"s":"x"}', '{"s":"x","i32":0}', 'printed-defaults'],
    ['{"n":{"s":"x"}}', '{"n":{"s":"x","i":0},"b":false}', 'printed-defaults'],
    ['{"s":"x"}', '{"s":"x","i32":1}', undefined],
    ['{"s":"x","i32":0}', '{"s":"x"}', undefined],
    ['{"s":"x"}', '{"s":"y","i32":0}', undefined],
    ['{"flt":1413.4063}', '{"flt":1413.40625}', 'float-digits'],
    ['{"flt":1413.4063}', '{"flt":1413.5}', undefined],
    ['not JSON', 'no JSON either', undefined],
  ])('answers %s and %s: %s', (ours, theirs, id) => {
    expect(of('query-scalars', 'ok', 'body', outcome({ json: ours }), envoy(theirs))).toBe(id)
  })
  test('lines in envelopes are the same ones', () => {
    const lines = outcome({ json: '{"s":"a"}\n{"error":{"code":5,"details":[]}}\n' })
    const wrapped = (text: string): Outcome => outcome({ peer: 'grpc-gateway', json: text })
    const inEnvelopes = '{"result":{"s":"a"}}\n{"error":{"code":5}}\n'
    expect(of('server-streams', 'any:ok', 'body', lines, wrapped(inEnvelopes))).toBe('stream-envelopes')
    expect(of('server-streams', 'any:ok', 'body', lines, wrapped(inEnvelopes.replace('"a"', '"b"')))).toBeUndefined()
  })
  test('names are given once, and each tells its source', () => {
    expect(new Set(DIFFERENCES.map(({ id }) => id)).size).toBe(DIFFERENCES.length)
    for (const { id, what, source, right } of DIFFERENCES) {
      expect(what, id).toMatch(/\.$/)
      expect(source, id).toMatch(/\S{3}/)
      if (right === 'open') expect(source, id).toContain('**Choice**')
    }
  })
})

describe('the requests', () => {
  const encode = (type: string, json: unknown): Buffer => Buffer.from(type + JSON.stringify(json))
  const targets = (seed: number): string[] =>
    Object.keys(FEATURES).flatMap((name) => makePairs(name, seed, 200, encode).map((one) => JSON.stringify(one)))

  test('two hundred different ones for each of more than twenty features', () => {
    expect(Object.keys(FEATURES).length).toBeGreaterThanOrEqual(20)
    expect(new Set(targets(1)).size).toBe(Object.keys(FEATURES).length * 200)
  })
  test('are those of the seed', () => {
    expect(targets(7)).toEqual(targets(7))
    expect(targets(7)).not.toEqual(targets(8))
  })
  test('of a feature that does not exist are an error', () => {
    expect(() => makePairs('no-such', 1, 1, encode)).toThrow(/no feature "no-such"/)
  })
})

test('one line of a document for any bytes', () => {
  expect(oneLine(Buffer.from('a\u00a0b\n'))).toBe('a b')
  expect(oneLine(Buffer.from('a\u0000\t\u2028\u007f'))).toBe('a\\u0000\\t\\u2028\\u007f')
  expect(oneLine(Buffer.from([0xff, 0x0a]))).toBe('0xff0a')
  expect(oneLine(Buffer.from('x'.repeat(200)), 50)).toBe(`${'x'.repeat(30)} … ${'x'.repeat(12)} (200)`)
})
