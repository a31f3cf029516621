import { describe, expect, test } from 'vitest'
import { isTemplateError, type PathTemplate, parsePrefix, parseTemplate } from '../../../src/router/path-template.ts'
import vectors from '../../vectors/templates.json' with { type: 'json' }

interface Case {
  readonly template: string
  readonly strict: string | { readonly offset: number; readonly message: string }
  readonly lenient?: string | { readonly offset: number; readonly message: string }
  readonly segments?: readonly string[]
  readonly variables?: readonly object[]
  readonly verb?: string
}

const texts = (template: PathTemplate): string[] =>
  template.segments.map((segment) => (segment.kind === 'literal' ? segment.text : segment.kind === 'star' ? '*' : '**'))

const check = (parsed: ReturnType<typeof parseTemplate>, wanted: Case, verdict: Case['strict'], prefix: boolean) => {
  if (typeof verdict === 'object') {
    expect(parsed).toEqual({ offset: verdict.offset, message: expect.stringContaining(verdict.message) })
    return
  }
  if (isTemplateError(parsed)) throw new Error(`${parsed.offset}: ${parsed.message}`)
  expect(texts(parsed)).toEqual(wanted.segments)
  expect(parsed.variables).toEqual(wanted.variables)
  expect(parsed.verb).toBe(wanted.verb)
  expect(parsed.text).toBe(wanted.template)
  expect(parsed.rest).toBe((wanted.segments ?? []).indexOf('**'))
  expect(parsed.prefix).toBe(prefix)
}

describe('templates (SEMANTICS §1, §19)', () => {
  test.each(vectors.cases as Case[])('$template', (wanted) => {
    check(parseTemplate(wanted.template, 'strict'), wanted, wanted.strict, false)
    check(parseTemplate(wanted.template, 'lenient'), wanted, wanted.lenient ?? wanted.strict, false)
  })
})

describe('prefixes', () => {
  test.each(vectors.prefixes as Case[])('$template', (wanted) => {
    check(parsePrefix(wanted.template), wanted, wanted.strict, true)
  })
})
