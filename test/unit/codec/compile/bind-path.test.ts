import { describe, expect, test } from 'vitest'
import { readVectors } from '../../../support/vectors.ts'
import { callsOf, MODES, type Outcome } from './bind-lanes.ts'

describe.each(MODES)('%s', (mode) => {
  const { bind, woven, refused, handed } = callsOf(mode)

  describe('path', () => {
    test('variables of the request and of messages in it', () => {
      expect(woven({ variables: ['id', 's.t', 's.sub.t', 'n'] }, { params: ['a', 'b', 'c', '-5'] })).toEqual({
        id: 'a',
        n: -5n,
        s: { t: 'b', sub: { t: 'c' } },
      })
      expect(
        woven({ variables: ['at', 'wn', 'c', 'y'] }, { params: ['2024-02-29T10:00:00Z', '7', 'RED', 'AQI'] }),
      ).toMatchObject({ at: { seconds: 1709200800n }, wn: { value: 7n }, c: 1, y: Buffer.from([1, 2]) })
    })
    test.each([
      ['id', 'a%20b%2Fc+', 'a b/c+'],
      ['id=**', 'a%20b%2Fc/d%2f', 'a b%2Fc/d%2f'],
      ['id=**', '%C3%A9%F0%9F%98%80', 'é😀'],
      ['id', '%00%7F%25', '\0\x7f%'],
      ['id', `${'x'.repeat(500)}%20`, `${'x'.repeat(500)} `],
      ['id', 'x'.repeat(500), 'x'.repeat(500)],
      ['ws', '%61%C3%A9', { value: 'aé' }],
    ])('%s: %.20s', (variable, raw, want) => {
      expect(woven({ variables: [variable] }, { params: [raw] })).toEqual({ [variable.split('=')[0]!]: want })
    })
    test.each([
      ['spec', 'a%2Fb?c@'],
      ['keep-reserved', 'a%2Fb%3Fc%40'],
      ['all', 'a/b?c@'],
    ] as const)('%s', (mode, want) => {
      expect(woven({ variables: ['id=**'], compat: { unescape: mode } }, { params: ['a%2Fb%3Fc%40'] })).toEqual({
        id: want,
      })
    })
    test.each(['%', '%4', '%G1', '%1', '%FF', '%C3', '%ED%A0%80', 'x%'])('refuses %s', (raw) => {
      expect(refused({ variables: ['id'] }, { params: [raw] })).toBe('PATH_INVALID')
      expect(refused({ variables: ['ws'] }, { params: [raw] })).toBe('PATH_INVALID')
    })
    test('an escape that the end of the capture cuts off is not completed by what stands behind it', () => {
      expect(refused({ variables: ['id', 'Renamed'] }, { params: ['a%', '41'] })).toBe('PATH_INVALID')
      expect(refused({ variables: ['id'] }, { params: ['a%4'], query: '1=2' })).toBe('PATH_INVALID')
    })
    test('characters that should have been escaped are handed over', () => {
      expect(handed({ variables: ['id'] }, { params: ['é\ud800'] })).toEqual({ id: 'é\ufffd' })
      expect(handed({ variables: ['id'] }, { params: [`${'é'.repeat(40)}`] })).toEqual({ id: 'é'.repeat(40) })
    })
    test('the default of a field without presence is not sent, that of one with presence is', () => {
      expect(woven({ variables: ['n', 's.t', 'oi', 'wn', 'd'] }, { params: ['0', '', '0', '0', '0e5'] })).toEqual({
        s: {},
        oi: 0,
        wn: {},
      })
      expect(woven({ variables: ['d'] }, { params: ['-0'] })).toEqual({ d: -0 })
    })
    test('a field that is bound twice', () => {
      expect(handed({ variables: ['id', 'id'] }, { params: ['a', 'a'] })).toEqual({ id: 'a' })
      expect(refused({ variables: ['id', 'id'] }, { params: ['a', 'b'] })).toBe('FIELD_CONFLICT')
    })
    test('later messages of a stream have none', () => {
      const init = { variables: ['id'], streamed: true }
      expect(woven(init, { body: '{"id":"x","n":1}' })).toEqual({ id: 'x', n: 1n })
      expect(woven({ ...init, body: '*' }, { body: '{"id":"x","n":1}' })).toEqual({ id: 'x', n: 1n })
      expect(woven({ ...init, body: 's' }, { body: '{"t":"x"}' })).toEqual({ s: { t: 'x' } })
      expect(woven({ variables: ['s.t'], streamed: true, body: 's' }, { body: '{"t":"x"}' })).toEqual({ s: { t: 'x' } })
    })
  })

  test('test/vectors/percent.json', () => {
    interface Capture {
      readonly raw: string
      readonly multi: boolean
    }
    const { captures, form } = readVectors<{ captures: Capture[]; form: readonly { raw: string }[] }>('percent.json')
    const isSound = (outcome: Outcome): boolean => outcome.refused !== undefined || !outcome.handedOver
    for (const { raw, multi } of captures)
      for (const mode of ['spec', 'keep-reserved', 'all'] as const) {
        const init = { variables: [multi ? 'id=**' : 'id'], compat: { unescape: mode } }
        expect(isSound(bind('vec.M', init, { params: [raw] }))).toBe(true)
      }
    for (const { raw } of form) expect(isSound(bind('vec.M', {}, { query: `id=${raw}` }))).toBe(true)
    expect(captures.length + form.length).toBeGreaterThan(20)
  })
})
