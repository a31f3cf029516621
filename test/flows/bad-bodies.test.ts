import { expect, test } from 'vitest'
import { things } from '../support/things.ts'

const server = things()

interface ErrorBody {
  readonly code: number
  readonly message: string
  readonly details: readonly {
    readonly '@type': string
    readonly reason?: string
    readonly fieldViolations?: readonly { readonly field?: string; readonly description: string }[]
  }[]
}
const REFUSED: readonly (readonly [what: string, body: string, reason: string, place: string, pointer: string])[] = [
  ['no JSON at all', 'name=x', 'JSON_INVALID', '1:1', ''],
  ['text that is cut', '{\n  "name": "x"', 'JSON_INVALID', '2:14', ''],
  ['a string that is not closed', '{"name": "x', 'JSON_INVALID', '1:12', '/name'],
  ['something behind the end', '{"name": "x"} }', 'JSON_INVALID', '1:15', ''],
  ['a trailing comma', '{"name": "x",\n}', 'JSON_INVALID', '2:1', ''],
  ['a comment', '{"name": "x" // no\n}', 'JSON_INVALID', '1:14', ''],
  ['single quotes', "{'name': 'x'}", 'JSON_INVALID', '1:2', ''],
  ['a control character', '{"name": "a\u0001b"}', 'JSON_INVALID', '1:12', '/name'],
  ['a bad escape', '{"inner": {"someText": "\\x"}}', 'JSON_INVALID', '1:25', '/inner/someText'],
  ['a lone surrogate', '{"name": "\\ud800"}', 'JSON_INVALID', '1:11', '/name'],
  ['a number with a leading zero', '{"count": 012}', 'JSON_INVALID', '1:11', '/count'],
  ['another kind for the whole message', '[]', 'FIELD_INVALID', '1:1', ''],
  ['a string for a number', '{"small":\n "one"}', 'FIELD_INVALID', '2:2', '/small'],
  ['a fraction for a whole number', '{"count": 1.5}', 'FIELD_INVALID', '1:11', '/count'],
  ['a number out of range', '{"small": 2147483648}', 'FIELD_INVALID', '1:11', '/small'],
  ['a number beyond double', '{"d": 1e400}', 'FIELD_INVALID', '1:7', '/d'],
  ['an unknown member', '{\n\n "nmae": "x"}', 'FIELD_UNKNOWN', '3:2', '/nmae'],
  [
    'an unknown member further in',
    '{"children": [{}, {"sub": {"x/y~": 1}}]}',
    'FIELD_UNKNOWN',
    '1:28',
    '/children/1/sub/x~1y~0',
  ],
  ['a member twice', '{"name": "x", "name": "x"}', 'FIELD_DUPLICATE', '1:15', '/name'],
  [
    'a member under both its names',
    '{"inner": {"someText": "x", "some_text": "y"}}',
    'FIELD_DUPLICATE',
    '1:29',
    '/inner/some_text',
  ],
  ['two members of a oneof', '{"inner": {"left": "x",\n"right": "y"}}', 'ONEOF_CONFLICT', '2:10', '/inner/right'],
  ['an unknown name of an enum', '{"kind": "PINK"}', 'FIELD_INVALID', '1:10', '/kind'],
  ['an unknown key of a map', '{"kinds": {"one": "RED"}}', 'FIELD_INVALID', '1:12', '/kinds/one'],
  ['a key of a map twice', '{"labels": {"a": "1", "a": "2"}}', 'FIELD_DUPLICATE', '1:23', '/labels/a'],
  [
    'a member of a Struct twice',
    '{"inner": {"extra": {"b": {"c": 1, "c": 2}}}}',
    'FIELD_DUPLICATE',
    '1:36',
    '/inner/extra/b/c',
  ],
  ['a value of a map', '{"kinds": {"1": "RED", "2": []}}', 'FIELD_INVALID', '1:29', '/kinds/2'],
  ['null in a list', '{"tags": ["a", null]}', 'FIELD_INVALID', '1:16', '/tags/1'],
  ['an object for a list', '{"tags": {"0": "a"}}', 'FIELD_INVALID', '1:10', '/tags'],
  ['a timestamp that is none', '{"at": "2024-02-30T00:00:00Z"}', 'FIELD_INVALID', '1:8', '/at'],
  ['a mask that is none', '{"updateMask": "some_text"}', 'FIELD_INVALID', '1:16', '/updateMask'],
  ['bytes that are no base64', '{"data": "a"}', 'FIELD_INVALID', '1:10', '/data'],
  [
    'a number in a Struct that JSON has not',
    '{"inner": {"extra": {"a": NaN}}}',
    'JSON_INVALID',
    '1:27',
    '/inner/extra/a',
  ],
  ['an Any of an unknown type', '{"any": {"@type": "type.googleapis.com/no.Such"}}', 'ANY_TYPE_UNKNOWN', '1:9', '/any'],
  ['an Any without a type', '{"any": {"value": 1}}', 'FIELD_INVALID', '1:9', '/any'],
  [
    'too deep',
    `{"inner": ${'{"sub": '.repeat(120)}{}${'}'.repeat(121)}`,
    'JSON_TOO_DEEP',
    '1:803',
    `/inner${'/sub'.repeat(99)}`,
  ],
]

test('there are enough of them', () => {
  expect(REFUSED.length).toBeGreaterThanOrEqual(20)
})

test.each(REFUSED)('%s', async (_, body, reason, place, pointer) => {
  const before = server.backend.calls
  const answer = await server.ask('POST', '/v1/things', body)
  expect(answer.status, answer.text).toBe(400)
  const { code, message, details } = answer.json() as ErrorBody
  const found = /^JSON (\d+:\d+)(?: \((\/.*?)\))?: /.exec(message)
  const shown = {
    code,
    reason: details[0]!.reason,
    place: found?.[1],
    pointer: found?.[2] ?? '',
  }
  expect(shown, message).toEqual({ code: 3, reason, place, pointer })
  if (pointer !== '') {
    const violations = details.flatMap(({ fieldViolations }) => fieldViolations ?? [])
    expect(violations).toEqual([{ field: pointer, description: message }])
  }
  // Nothing of the machinery: no stack, no file, no class, no value of JavaScript.
  expect(answer.text).not.toMatch(/\bat \w+ \(|\.ts\b|node:|TypeError|undefined|\[object|internal/)
  expect(server.backend.calls).toBe(before)
})

test('bytes that are not UTF-8, and a byte order mark', async () => {
  for (const bytes of [Buffer.from('{"name":"\xff"}', 'latin1'), Buffer.from('\uFEFF{}')]) {
    const answer = await server.ask('POST', '/v1/things', bytes)
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 3 }])
    expect(answer.text).toMatch(/JSON_INVALID|UTF/)
  }
})

test('the place in a body that feeds one field, and in a line of a stream, is that of its own text', async () => {
  const one = await server.ask('PUT', '/v1/things/n/inner', '{\n"u": "x"}')
  expect((one.json() as ErrorBody).message).toMatch(/^JSON 2:6 \(\/u\): /)
  const lines = await server.ask('POST', '/v1/chat', '{"small":1}\n\n{"small":"x"}\n', {
    'content-type': 'application/x-ndjson',
  })
  expect(lines.text).toContain('JSON 1:10 (/small): ')
})
