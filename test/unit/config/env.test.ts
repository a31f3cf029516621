import { expect, test } from 'vitest'
import { type Environment, substitute } from '../../../src/config/env.ts'

const files: Record<string, string> = { '/base/key': 'from base\n', '/run/secrets/x': 'hush\r\n', '/two': 'a\n\n' }
const fill = (value: unknown, env: Environment = {}) =>
  substitute(value, {
    env,
    base: '/base',
    readFile(path) {
      const text = files[path]
      if (text === undefined) throw new Error(`ENOENT: ${path}`)
      return text
    },
  })
const text = (template: string, env: Environment = {}): unknown => {
  const { value, problems } = fill({ at: template }, env)
  expect(problems).toEqual([])
  return (value as { at: unknown }).at
}
const codes = (template: string, env: Environment = {}): readonly string[] =>
  fill({ at: template }, env).problems.map(({ code, pointer, message }) => `${code} ${pointer} ${message}`)

test.each([
  ['plain', {}, 'plain'],
  ['${A}', { A: 'x' }, 'x'],
  ['${A}', { A: '' }, ''],
  ['a${A}b${B}c', { A: '1', B: '2' }, 'a1b2c'],
  ['${A:-d}', {}, 'd'],
  ['${A:-d}', { A: '' }, 'd'],
  ['${A:-d}', { A: 'x' }, 'x'],
  ['${A:-}', {}, ''],
  ['${A:-grpc://127.0.0.1:50051}', {}, 'grpc://127.0.0.1:50051'],
  ['${A:-${B:-deep}}', {}, 'deep'],
  ['${A:-${B}}', { B: 'b' }, 'b'],
  ['${A:-${B}}', { A: 'a' }, 'a'],
  ['$${A}', { A: 'x' }, '${A}'],
  ['$$${A}', { A: 'x' }, '$${A}'],
  ['${A:-$${x}', {}, '${x'],
  ['$A $ {A} $', { A: 'x' }, '$A $ {A} $'],
  ['${file:/run/secrets/x}', {}, 'hush'],
  ['${file:key}', {}, 'from base'],
  ['${file:/two}', {}, 'a\n'],
  ['Bearer ${file:/run/secrets/x}', {}, 'Bearer hush'],
])('%s with %o is %j', (template, env, expected) => {
  expect(text(template, env)).toBe(expected)
})

test('what was filled in is not read again', () => {
  expect(text('${A}', { A: '${B}', B: 'no' })).toBe('${B}')
})

test.each([
  ['${A}', 'ENV_MISSING /at the environment variable A is not set and has no default'],
  ['${}', 'ENV_SYNTAX /at "${}" is no substitution: expected the name of an environment variable, or "file:"'],
  ['${1A}', 'ENV_SYNTAX /at "${1A}" is no substitution: expected the name of an environment variable, or "file:"'],
  [
    '${A',
    'ENV_SYNTAX /at "${A" is no substitution: expected "}" or ":-" and a default behind the name of the variable',
  ],
  [
    '${A-x}',
    'ENV_SYNTAX /at "${A-x}" is no substitution: expected "}" or ":-" and a default behind the name of the variable',
  ],
  ['${A:-x', 'ENV_SYNTAX /at "${A:-x" is no substitution: the closing "}" is missing'],
  ['${file:}', 'ENV_SYNTAX /at "${file:}" is no substitution: expected a path behind "file:"'],
  ['${file:/none', 'ENV_SYNTAX /at "${file:/none" is no substitution: the closing "}" is missing'],
  ['${file:/none}', 'ENV_FILE_UNREADABLE /at the file "/none" cannot be read: ENOENT: /none'],
])('%s is refused', (template, expected) => {
  expect(codes(template)).toEqual([expected])
})

test('a default that is not needed is not asked for what it lacks', () => {
  expect(codes('${A:-${B}}', { A: 'a' })).toEqual([])
  expect(codes('${A:-${file:/none}}', { A: 'a' })).toEqual([])
  expect(codes('${A:-${B}}')).toHaveLength(1)
})

test('a near name is suggested', () => {
  expect(fill({ at: '${BOOKS_URL}' }, { BOOK_URL: 'x' }).problems[0]?.hint).toBe('did you mean "BOOK_URL"?')
})

test('values only, never keys or structure; every place is told', () => {
  const { value, written, problems } = fill(
    JSON.parse('{ "${A}": ["${A}", 1, null, { "__proto__": "${A}" }], "a/b~c": "${TOKEN}", "f": "${file:key}" }'),
    { A: '{"x":1}', TOKEN: 't' },
  )
  expect(problems).toEqual([])
  expect(Object.getPrototypeOf(value)).toBe(null)
  expect(JSON.stringify(value)).toBe(
    '{"${A}":["{\\"x\\":1}",1,null,{"__proto__":"{\\"x\\":1}"}],"a/b~c":"t","f":"from base"}',
  )
  expect([...written]).toEqual([
    ['/${A}/0', { text: '${A}', secret: false }],
    ['/${A}/3/__proto__', { text: '${A}', secret: false }],
    ['/a~1b~0c', { text: '${TOKEN}', secret: true }],
    ['/f', { text: '${file:key}', secret: true }],
  ])
})

test('names of the prototype are variables like others', () => {
  expect(codes('${constructor}', { PATH: 'x' })).toHaveLength(1)
  expect(text('${toString:-x}')).toBe('x')
})
