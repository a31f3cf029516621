import { describe, expect, test } from 'vitest'
import { Lanes } from './parse-lanes.ts'
import { SAMPLES } from './parse-samples.ts'
import { ELEMENTS, KEYS, SCALARS, schemaTypes } from './parse-schema.ts'

const types = schemaTypes()
const lanes = Object.fromEntries(
  ['One', 'Optional', 'Many', 'Loose', 'Maps', 'Keyed', 'Either', 'Far', 'Leaf'].map((name) => [
    name,
    new Lanes(types.type(`p.${name}`), types.find),
  ]),
) as Record<string, Lanes>
const check = (name: string, text: string | Uint8Array) => lanes[name]!.check(text)

const names = [...ELEMENTS.keys()]
/** `Value` and `NullValue` take null as a value of their own. */
const nullable = new Set(['value', 'nullvalue'])

describe.each(names)('%s', (name) => {
  const { good, bad } = SAMPLES[name]!
  const both = [`${name}_f`, `${name}F`]

  test('one', () => {
    for (const member of both)
      for (const type of ['One', 'Optional'])
        for (const text of good) expect(check(type, `{"${member}":${text}}`), text).toBe('taken')
    for (const text of bad) expect(check('One', `{"${both[0]}":${text}}`), text).toBe('refused')
    for (const text of bad) expect(check('Optional', `{"${both[0]}":${text}}`), text).toBe('refused')
    expect(check('One', `{"${both[0]}":null}`)).toBe('taken')
    expect(check('One', `{"${both[0]}":nulL}`)).toBe('refused')
    expect(check('One', `{"${both[0]}":${good[0]},"${both[1]}":${good[0]}}`)).toBe('refused')
    expect(check('One', `{"${both[0]}":null,"${both[0]}":${good[0]}}`)).toBe('refused')
  })

  test('a list', () => {
    for (const list of ['', good[0], `${good[0]},${good[1]}`, ` ${good[1]} , ${good.join(',\n')}\t`, good.join()])
      expect(check('Many', `{"${both[1]}":[${list}]}`), list).toBe('taken')
    for (const text of bad) {
      expect(check('Many', `{"${both[0]}":[${text}]}`), text).toBe('refused')
      expect(check('Many', `{"${both[0]}":[${good[0]},${text}]}`), text).toBe('refused')
    }
    expect(check('Many', `{"${both[0]}":null}`)).toBe('taken')
    for (const text of ['[null]', `[${good[0]},null]`])
      expect(check('Many', `{"${both[0]}":${text}}`)).toBe(nullable.has(name) ? 'taken' : 'refused')
    for (const text of [
      '1',
      'true',
      '"x"',
      '{}',
      `[${good[0]}`,
      `[${good[0]},]`,
      '[,]',
      '[',
      `[${good[0]} ${good[0]}]`,
    ])
      expect(check('Many', `{"${both[0]}":${text}}`), text).toBe('refused')
  })

  test('values of a map', () => {
    for (const text of good) expect(check('Maps', `{"${both[0]}":{"k":${text}}}`), text).toBe('taken')
    const many = good.map((text, i) => `"${i}":${text}`).join(' , ')
    expect(check('Maps', `{"${both[1]}":{ ${many} }}`)).toBe('taken')
    for (const text of bad) expect(check('Maps', `{"${both[0]}":{"a":${good[0]},"k":${text}}}`), text).toBe('refused')
    expect(check('Maps', `{"${both[0]}":{"k":null}}`)).toBe(nullable.has(name) ? 'taken' : 'refused')
    for (const text of ['null', '{}', '{ }']) expect(check('Maps', `{"${both[0]}":${text}}`)).toBe('taken')
    for (const text of ['[]', '{"k"}', `{"k" ${good[0]}}`, `{"k":${good[0]},}`, '{,}', `{k:${good[0]}}`, '{"k":}', '1'])
      expect(check('Maps', `{"${both[0]}":${text}}`), text).toBe('refused')
    expect(check('Maps', `{"${both[0]}":{"k":${good[0]},"\\u006b":${good[0]}}}`)).toBe('refused')
  })

  test('a member of a oneof', () => {
    const other = name === 'string' ? '"bool_f":true' : '"string_f":"x"'
    for (const text of good) {
      expect(check('Either', `{"${both[0]}":${text}}`), text).toBe('taken')
      expect(check('Either', `{"a":"x","${both[1]}":${text},"c":""}`), text).toBe('taken')
      expect(check('Either', `{${other},"${both[0]}":${text}}`), text).toBe('refused')
      expect(check('Either', `{"${both[0]}":${text},${other}}`), text).toBe('refused')
    }
    expect(check('Either', `{"${both[0]}":null,${other}}`)).toBe(nullable.has(name) ? 'refused' : 'taken')
    expect(check('Either', `{${other},"${both[0]}":null}`)).toBe(nullable.has(name) ? 'refused' : 'taken')
  })
})

describe('lists that are not packed', () => {
  test.each([...SCALARS, 'color'])('%s', (kind) => {
    expect(check('Loose', `{"${kind}F":[${SAMPLES[kind]!.good.join()}]}`)).toBe('taken')
    expect(check('Loose', `{"${kind}F":[]}`)).toBe('taken')
  })
})

describe('keys of maps', () => {
  const keyed = (kind: string, keys: readonly string[]): string =>
    `{"${kind}_f":{${keys.map((key, i) => `"${key}":${i}`).join()}}}`

  test.each(KEYS)('%s', (kind) => {
    const integers = {
      good: ['0', '1', '-1', '127', '128', '300', '-2147483648', '2147483647'],
      bad: ['', '1.0', '1e2', '01', '+1', ' 1', 'a', '--1', '1E1'],
    }
    const { good, bad } =
      kind === 'string'
        ? { good: ['', 'a', 'b\\n', 'é', '\\u00e8', 'x'.repeat(200)], bad: ['\\x', '\\ud800', '\u0001'] }
        : kind === 'bool'
          ? { good: ['true', 'false'], bad: ['', '1', 'True', 'falsee', 'tru'] }
          : integers
    const fit = kind.startsWith('u') || kind.startsWith('f') ? good.filter((key) => !key.startsWith('-')) : good
    expect(check('Keyed', keyed(kind, fit))).toBe('taken')
    for (const key of fit) {
      expect(check('Keyed', keyed(kind, [key]))).toBe('taken')
      expect(check('Keyed', keyed(kind, [key, key])), key).toBe('refused')
      expect(check('Keyed', keyed(kind, [...fit, key])), key).toBe('refused')
    }
    for (const key of bad) expect(check('Keyed', keyed(kind, [key])), key).toBe('refused')
    if (integers.good === good) expect(check('Keyed', keyed(kind, ['0', '-0']))).toBe('refused')
  })

  test.each([
    ['int64', '9223372036854775807', '9223372036854775808'],
    ['int64', '-9223372036854775808', '-9223372036854775809'],
    ['uint64', '18446744073709551615', '18446744073709551616'],
    ['int32', '2147483647', '2147483648'],
  ])('%s ends with %s', (kind, last, beyond) => {
    expect(check('Keyed', keyed(kind, [last]))).toBe('taken')
    expect(check('Keyed', keyed(kind, [beyond]))).toBe('refused')
  })
})

describe('texts', () => {
  test.each(['', '{}', ' {} ', '\n\t\r {\n} \n', '{"t":"x"}', ' { "t" : "x" , "n" : 1 } '])('%j is read', (text) => {
    expect(check('Leaf', text)).toBe('taken')
  })
  test.each([
    ...[
      ' ',
      '\ufeff{}',
      '{}{}',
      '{} x',
      '{}\u0000',
      '{',
      '}',
      '{}}',
      'null',
      '[]',
      '""',
      '1',
      '{"t":"x"}}',
      '{"t":"x"',
      '{"t',
    ],
    ...[
      '{"t":',
      '{"t":"x",',
      "{'t':1}",
      '{t:"x"}',
      '{"t":"x";}',
      '{/**/}',
      '{"t":"x"}\u00a0',
      '{"T":"x"}',
      '{"":1}',
      '{"@type":"x/p.Leaf"}',
    ],
    ...['{"t":"x","u":1}', '{"map_of":{},"mapOf":{}}', '{"\\u0074":"x","t":"y"}', '\u0000', '{\u000b}'],
  ])('%j is not', (text) => {
    expect(check('Leaf', text)).toBe('refused')
  })
  test('that are not UTF-8 are not', () => {
    for (const hex of ['ff', 'c0af', 'e28028', 'eda080', 'f4908080', 'c3', '80'])
      for (const [before, after] of [
        ['{"t":"', '"}'],
        ['{"t":"x', 'yyyyyyyyyyyyyy"}'],
        ['{"', '":1}'],
        ['', '{}'],
        ['{}', ''],
      ] as const)
        expect(
          check('Leaf', Buffer.concat([Buffer.from(before), Buffer.from(hex, 'hex'), Buffer.from(after)])),
          hex,
        ).toBe('refused')
  })
  test('a name with escapes is left to the reference', () => {
    expect(check('Leaf', '{"\\u0074":"x"}')).toBe('over')
  })
  test('so is an Any whose type comes later', () => {
    expect(check('One', '{"anyF":{"t":"x","@type":"x/p.Leaf"}}')).toBe('over')
  })
  test('what stood behind an earlier, longer text is not read', () => {
    const text = '{"string_f":"abc","int32_f":12345,"bool_f":true,"timestamp_f":"2024-02-29T10:00:00Z","any_f":{}}'
    for (let end = 1; end < text.length; end++) {
      expect(check('One', text)).toBe('taken')
      expect(check('One', text.slice(0, end))).toBe('refused')
    }
  })
})

describe('far numbers', () => {
  test.each([
    '{"a":1}',
    '{"a":0,"b":[0,1,-1]}',
    '{"c":{"1":{"a":5},"2":{"d":{"d":{"a":1}}}}}',
    '{"d":{"e":"x","f":"AA==","g":[1.5],"h":{"t":"y"}},"e":"","f":"","g":[],"h":{}}',
  ])('%s', (text) => {
    expect(check('Far', text)).toBe('taken')
  })
})
