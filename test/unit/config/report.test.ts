import { describe, expect, test } from 'vitest'
import { renderProblems, summary } from '../../../src/config/report.ts'
import type { Problem } from '../../../src/core/config-error.ts'

const SOURCE = '{\n  "rpc": "acme.v1.Books/Gett"\n}\n'
const error: Problem = {
  code: 'ROUTE_UNKNOWN_RPC',
  severity: 'error',
  message: 'no method "acme.v1.Books/Gett"',
  file: 'etc/my routes.json',
  line: 2,
  column: 10,
  length: 20,
  pointer: '/routes/2/rpc',
  hint: 'did you mean "acme.v1.Books/Get"?',
}
const warning: Problem = { code: 'PORT_ODD', severity: 'warning', message: '100%, really:\nodd' }
const source = (): string => SOURCE

describe('text', () => {
  test('a frame with the hint behind the carets; a problem without a place', () => {
    expect(renderProblems([error, warning], { source })).toBe(
      [
        'etc/my routes.json:2:10 error ROUTE_UNKNOWN_RPC  /routes/2/rpc: no method "acme.v1.Books/Gett"',
        '    2 |   "rpc": "acme.v1.Books/Gett"',
        '      |          ^^^^^^^^^^^^^^^^^^^^ did you mean "acme.v1.Books/Get"?',
        'warning PORT_ODD: 100%, really:·odd',
        '',
      ].join('\n'),
    )
  })

  test('no frame when the file is gone; then the hint has a line of its own', () => {
    expect(renderProblems([error], { source: () => undefined })).toBe(
      'etc/my routes.json:2:10 error ROUTE_UNKNOWN_RPC  /routes/2/rpc: no method "acme.v1.Books/Gett"\n' +
        '  did you mean "acme.v1.Books/Get"?\n',
    )
    expect(renderProblems([{ ...error, line: 99, hint: undefined }], { source })).toBe(
      'etc/my routes.json:99:10 error ROUTE_UNKNOWN_RPC  /routes/2/rpc: no method "acme.v1.Books/Gett"\n',
    )
  })

  test('colours only when asked for, and the same text without them', () => {
    const colored = renderProblems([error], { source, color: true })
    expect(colored).toContain('\u001b[')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it takes the colours away
    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).toBe(renderProblems([error], { source }))
  })

  test('a terminal is not told what to do by a file', () => {
    const text = renderProblems([{ ...error, message: 'a\u001b[31mb' }], {
      source: () => '\n\u001b]0;x\u0007\t"rpc"\n',
    })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })

  test('nothing to say', () => {
    expect(renderProblems([])).toBe('')
    expect(summary([])).toBe('')
    expect(summary([error, error, warning])).toBe('2 errors, 1 warning')
    expect(summary([warning, warning])).toBe('2 warnings')
  })
})

test('json: counts, and the problems as they are', () => {
  expect(JSON.parse(renderProblems([error, warning], { format: 'json' }))).toEqual({
    errors: 1,
    warnings: 1,
    problems: [error, warning],
  })
  expect(JSON.parse(renderProblems([], { format: 'json' }))).toEqual({ errors: 0, warnings: 0, problems: [] })
})

test('github: one annotation each, with what its commands would read escaped', () => {
  expect(renderProblems([error, warning], { format: 'github' })).toBe(
    '::error file=etc/my routes.json,line=2,endLine=2,col=10,endColumn=30,title=ROUTE_UNKNOWN_RPC' +
      '::/routes/2/rpc: no method "acme.v1.Books/Gett"%0Adid you mean "acme.v1.Books/Get"?\n' +
      '::warning title=PORT_ODD::100%25, really:%0Aodd\n',
  )
  expect(renderProblems([{ ...warning, file: 'a:b,c', line: 1 }], { format: 'github' })).toContain('file=a%3Ab%2Cc,')
})

test('sarif: what code scanning needs', () => {
  const { version, runs } = JSON.parse(renderProblems([error, error, warning], { format: 'sarif', version: '1.2.3' }))
  expect(version).toBe('2.1.0')
  expect(runs[0].tool.driver).toEqual({
    name: 'protogate',
    version: '1.2.3',
    rules: [{ id: 'ROUTE_UNKNOWN_RPC' }, { id: 'PORT_ODD' }],
  })
  expect(runs[0].results).toHaveLength(3)
  expect(runs[0].results[0]).toEqual({
    ruleId: 'ROUTE_UNKNOWN_RPC',
    level: 'error',
    message: { text: 'no method "acme.v1.Books/Gett" (did you mean "acme.v1.Books/Get"?)' },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'etc/my%20routes.json' },
          region: { startLine: 2, startColumn: 10, endLine: 2, endColumn: 30 },
        },
        logicalLocations: [{ fullyQualifiedName: '/routes/2/rpc' }],
      },
    ],
  })
  expect(runs[0].results[2]).not.toHaveProperty('locations')
})
