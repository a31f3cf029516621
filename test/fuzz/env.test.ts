import fc from 'fast-check'
import { expect, test } from 'vitest'
import { substitute } from '../../src/config/env.ts'

const options = (env: Record<string, string>) => ({ env, base: '/', readFile: (path: string) => `file ${path}` })
const one = (template: string, env: Record<string, string> = {}) => {
  const { value, problems } = substitute({ at: template }, options(env))
  return { text: (value as { at: string }).at, problems }
}

/** Pieces whose right value is known. */
const piece = fc.oneof(
  fc
    .string({ unit: fc.constantFrom('a', '}', ':', '-', '{', ' ', '"', '\n', 'é') })
    .map((text) => ({ written: text, meant: text })),
  fc.constantFrom('A', 'B_1').map((name) => ({ written: `\${${name}}`, meant: `<${name}>` })),
  fc.constantFrom('A', 'NONE').map((name) => ({ written: `\${${name}:-d}`, meant: name === 'A' ? '<A>' : 'd' })),
  fc.constant({ written: '$${', meant: '${' }),
  fc.constant({ written: '${file:/x}', meant: 'file /x' }),
  fc.constant({ written: '${NONE:-${A}}', meant: '<A>' }),
)
const ENV = { A: '<A>', B_1: '<B_1>' }

test('text made of known pieces has the value of its pieces', () => {
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const { text, problems } = one(pieces.map(({ written }) => written).join(''), ENV)
      expect(problems).toEqual([])
      expect(text).toBe(pieces.map(({ meant }) => meant).join(''))
    }),
    { seed: 20_261_123, numRuns: 2_000 },
  )
})

test('any text ends: with a value, or with a problem that names its place', () => {
  const any = fc.string({
    unit: fc.constantFrom('$', '{', '}', ':', '-', 'A', '_', '1', 'f', 'i', 'l', 'e', '/', ' '),
    maxLength: 60,
  })
  fc.assert(
    fc.property(any, (template) => {
      const { problems } = one(template, ENV)
      for (const { pointer, code, message } of problems) {
        expect(pointer).toBe('/at')
        expect(code).toMatch(/^ENV_[A-Z_]+$/)
        expect(message.length).toBeGreaterThan(0)
      }
      if (!template.includes('${')) expect(one(template).text).toBe(template)
    }),
    { seed: 20_261_124, numRuns: 5_000 },
  )
})

test('escaping makes any text itself', () => {
  fc.assert(
    fc.property(fc.string(), (plain) => {
      expect(
        one(
          plain.replaceAll('${', () => '$${'),
          ENV,
        ),
      ).toEqual({ text: plain, problems: [] })
    }),
    { seed: 20_261_125, numRuns: 2_000 },
  )
})

test('structure and keys never change, whatever the values of variables are', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, content) => {
      const { value: filled } = substitute({ value, at: '${A:-}' }, options({ A: content }))
      expect(shape(filled)).toEqual(shape({ value, at: '' }))
    }),
    { seed: 20_261_126, numRuns: 500 },
  )
})

/** The value without its texts. */
const shape = (value: unknown): unknown => {
  if (typeof value === 'string') return ''
  if (Array.isArray(value)) return value.map(shape)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value).map(([key, member]) => [key, shape(member)])
}

test('defaults nested without end are refused, not followed', () => {
  const { problems } = one('${A:-'.repeat(100_000))
  expect(problems.map(({ code }) => code)).toEqual(['ENV_SYNTAX'])
})
