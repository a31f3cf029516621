import { describe, expect, test } from 'vitest'
import { chooseStream, parametersOf, wantsProblem } from '../../../../../adapters/inbound/http/accept.ts'

describe('chooseStream', () => {
  test.each([
    [undefined, 'ndjson', 'application/x-ndjson'],
    [undefined, 'array', 'application/json'],
    [undefined, 'sse', 'text/event-stream'],
    ['', 'array', 'application/json'],
    ['*/*', 'ndjson', 'application/x-ndjson'],
    ['*/*', 'sse', 'text/event-stream'],
    ['application/json', 'ndjson', 'application/json'],
    ['application/jsonl', 'ndjson', 'application/jsonl'],
    ['Application/X-NDJSON', 'sse', 'application/x-ndjson'],
    ['text/event-stream', 'ndjson', 'text/event-stream'],
    ['application/json, text/plain, */*', 'ndjson', 'application/json'],
    ['text/html, */*;q=0.1', 'array', 'application/json'],
    ['application/json;q=0.5, text/event-stream', 'ndjson', 'text/event-stream'],
    ['application/json;q=0.5, */*;q=0.8', 'ndjson', 'application/x-ndjson'],
    ['text/event-stream, application/json', 'array', 'text/event-stream'],
    ['application/json, text/event-stream', 'sse', 'application/json'],
    ['text/*', 'ndjson', 'text/event-stream'],
    ['application/*', 'array', 'application/json'],
    ['application/*', 'sse', 'application/x-ndjson'],
    ['application/x-ndjson;q=0, */*', 'ndjson', 'application/jsonl'],
    ['application/json; charset=utf-8; q=0.2', 'ndjson', 'application/json'],
    ['application/json;q=nonsense', 'ndjson', 'application/json'],
  ] as const)('%j with %s', (accept, preferred, contentType) => {
    expect(chooseStream(accept, preferred)?.contentType).toBe(contentType)
  })
  test.each(['text/html', 'image/*', 'application/json;q=0', '*/*;q=0', 'nonsense', 'application/connect+json'])(
    'nothing fits %j',
    (accept) => {
      expect(chooseStream(accept, 'ndjson')).toBeUndefined()
    },
  )
})

test.each([
  [undefined, false],
  ['*/*', false],
  ['application/*', false],
  ['application/json', false],
  ['application/problem+json', true],
  ['application/json, application/problem+json', true],
  ['application/json, application/problem+json;q=0.5', false],
  ['application/json;q=0.4, application/problem+json;q=0.5', true],
  ['application/problem+json;q=0', false],
])('wantsProblem(%j) is %s', (accept, wanted) => {
  expect(wantsProblem(accept)).toBe(wanted)
})

test.each([
  [
    'application/json;a=1;B = 2 ;c',
    [
      ['a', '1'],
      ['b', '2'],
      ['c', undefined],
    ],
  ],
  [
    'application/json;a="x,y;z"; b="q\\"r\\\\", text/html;c=3',
    [
      ['a', 'x,y;z'],
      ['b', 'q"r\\'],
    ],
  ],
  ['application/json;a="never closed, application/json;b=1', [['a', '"never closed, application/json;b=1']]],
  ['*/*;a=1, application/json;b=2', [['b', '2']]],
  ['application/json;a=1;q=0.2, application/json;b=2', [['b', '2']]],
  ['application/json;a=1, application/json;b=2', [['a', '1']]],
  ['text/html;a=1', []],
  [
    ';;,=,application/json;=;',
    [
      ['', ''],
      ['', undefined],
    ],
  ],
])('parameters of %s', (accept, want) => {
  const found = parametersOf(accept, 'application/json').filter(([name]) => name !== 'q')
  expect(found).toEqual(want)
})
