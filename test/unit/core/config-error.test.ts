import { describe, expect, test } from 'vitest'
import { ConfigError, describeProblem, nearest, type Problem } from '../../../src/core/config-error.ts'

const problem: Problem = { code: 'ROUTE_UNKNOWN_RPC', severity: 'error', message: 'no method "a.B/C"' }

describe('problems in words', () => {
  test.each([
    [problem, 'error ROUTE_UNKNOWN_RPC: no method "a.B/C"'],
    [{ ...problem, file: 'routes.json' }, 'routes.json error ROUTE_UNKNOWN_RPC: no method "a.B/C"'],
    [
      {
        ...problem,
        file: 'routes.json',
        line: 14,
        column: 18,
        pointer: '/routes/2/rpc',
        hint: 'did you mean "a.B/D"?',
      },
      'routes.json:14:18 error ROUTE_UNKNOWN_RPC /routes/2/rpc: no method "a.B/C" (did you mean "a.B/D"?)',
    ],
    [
      { ...problem, severity: 'warning' as const, file: 'x', line: 3, pointer: '' },
      'x:3:1 warning ROUTE_UNKNOWN_RPC: no method "a.B/C"',
    ],
  ])('%#', (given, text) => expect(describeProblem(given)).toBe(text))

  test('a ConfigError carries them all', () => {
    const error = new ConfigError([problem, { ...problem, code: 'OTHER' }])
    expect([error.name, error.problems.length]).toEqual(['ConfigError', 2])
    expect(error.message.split('\n')).toEqual([
      'error ROUTE_UNKNOWN_RPC: no method "a.B/C"',
      'error OTHER: no method "a.B/C"',
    ])
  })
})

describe('nearest', () => {
  const known = ['endpoints', 'balancer', 'health', 'policies', 'tls', 'acme.v1.Books/Get', 'acme.v1.Books/List']
  test.each([
    ['endpoint', 'endpoints'],
    ['Balancer', 'balancer'],
    ['polices', 'policies'],
    ['healht', 'health'],
    ['tsl', 'tls'],
    ['tl', 'tls'],
    ['acme.v1.Books/Got', 'acme.v1.Books/Get'],
    ['acme.v1.Boks/Lst', 'acme.v1.Books/List'],
    ['zzz', undefined],
    ['', undefined],
    ['__proto__', undefined],
  ])('%s: %s', (name, wanted) => expect(nearest(name, known)).toBe(wanted))

  test('the nearer of two, the first of two that are as near; of none nothing', () => {
    expect(nearest('policy', ['police', 'policys'])).toBe('police')
    expect(nearest('routes', ['route', 'routes2', 'routes'])).toBe('routes')
    expect(nearest('x', [])).toBeUndefined()
  })
})
