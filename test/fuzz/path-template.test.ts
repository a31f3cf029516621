import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTemplateError, type PathTemplate, parsePrefix, parseTemplate } from '../../src/router/path-template.ts'
import { loopbackExchange } from '../support/loopback.ts'
import { entry, routerOf } from '../support/routes.ts'

/** A template as a tree, from which its text is printed. */
interface Part {
  readonly segments: readonly string[]
  readonly variable: string | undefined
}
interface Model {
  readonly parts: readonly Part[]
  readonly verb: string | undefined
}

const LITERALS = ['a', 'b', 'a%2Fb', 'x:y', '~', '__proto__']
const VERBS = ['v', 'w', 'v:w']

const print = ({ parts, verb }: Model): string => {
  const texts = parts.map(({ segments, variable }) => {
    if (variable === undefined) return segments.join('/')
    return segments.join('/') === '*' ? `{${variable}}` : `{${variable}=${segments.join('/')}}`
  })
  return `/${texts.join('/')}${verb === undefined ? '' : `:${verb}`}`
}

const printParsed = (template: PathTemplate): string => {
  const texts = template.segments.map((segment) =>
    segment.kind === 'literal' ? segment.text : segment.kind === 'star' ? '*' : '**',
  )
  const parts: Part[] = []
  for (let i = 0; i < texts.length; ) {
    const variable = template.variables.find(({ from }) => from === i)
    const to = variable?.to ?? i + 1
    parts.push({ segments: texts.slice(i, to), variable: variable?.path })
    i = to
  }
  return print({ parts, verb: template.verb })
}

const literal = fc.constantFrom(...LITERALS)
const model: fc.Arbitrary<Model> = fc
  .record({
    head: fc.array(fc.oneof(literal, fc.constant('*')), { maxLength: 4 }),
    tail: fc.option(fc.array(literal, { maxLength: 2 }), { nil: undefined }),
    cuts: fc.array(fc.nat({ max: 3 }), { minLength: 7, maxLength: 7 }),
    verb: fc.option(fc.constantFrom(...VERBS), { nil: undefined, freq: 2 }),
  })
  .map(({ head, tail, cuts, verb }) => {
    const segments = tail === undefined ? head : [...head, '**', ...tail]
    const parts: Part[] = []
    for (let i = 0; i < segments.length; ) {
      const length = Math.min(cuts[i]!, segments.length - i)
      const variable = length === 0 ? undefined : `f${i}.__proto__`
      parts.push({ segments: segments.slice(i, i + Math.max(1, length)), variable })
      i += Math.max(1, length)
    }
    // The first colon of a bare last literal would begin the verb.
    const last = parts.at(-1)
    if (last?.variable === undefined && last?.segments[0] === 'x:y')
      parts[parts.length - 1] = { ...last, segments: ['b'] }
    return { parts, verb: parts.length === 0 ? undefined : verb }
  })

describe('templates', () => {
  test('printed, parsed and printed again they are the same, and say what they were made of', () => {
    fc.assert(
      fc.property(model, (made) => {
        const text = print(made)
        const parsed = parseTemplate(text, 'lenient')
        if (isTemplateError(parsed)) throw new Error(`${text} at ${parsed.offset}: ${parsed.message}`)
        expect(printParsed(parsed)).toBe(text)
        expect(parsed.verb).toBe(made.verb)
        expect(parsed.variables.map(({ path }) => path)).toEqual(made.parts.flatMap(({ variable }) => variable ?? []))
        const multi = made.parts.filter(({ variable }) => variable !== undefined)
        expect(parsed.variables.map((variable) => variable.multi)).toEqual(
          multi.map(({ segments }) => segments.length > 1 || segments.includes('**')),
        )
        const strict = parseTemplate(text, 'strict')
        const rest = parsed.segments.findIndex(({ kind }) => kind === 'rest')
        expect(isTemplateError(strict)).toBe(rest !== -1 && rest !== parsed.segments.length - 1)
      }),
      { numRuns: 2000 },
    )
  })

  test('any text is either a template or an error inside it', () => {
    const text = fc.array(
      fc.constantFrom('/', '*', '**', '{', '}', '=', ':', '.', 'a', '1', '%41', '%', 'é', '\ud800'),
      {
        maxLength: 12,
      },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          text.map((parts) => `/${parts.join('')}`),
          fc.string(),
        ),
        (input) => {
          for (const parsed of [parseTemplate(input, 'strict'), parseTemplate(input, 'lenient'), parsePrefix(input)]) {
            if (!isTemplateError(parsed)) {
              expect(parsed.text).toBe(input)
              continue
            }
            expect(parsed.message).not.toBe('')
            expect(parsed.offset).toBeGreaterThanOrEqual(0)
            expect(parsed.offset).toBeLessThanOrEqual(input.length)
          }
        },
      ),
      { numRuns: 5000 },
    )
  })
})

/* The reference: every template a regular expression, all of them tried, the best taken. */

interface Rule {
  readonly method: string
  readonly template: PathTemplate
  readonly trailingSlash: boolean
}
type Answer = { readonly rule: number; readonly params: readonly string[] } | { readonly miss: number; allow: string[] }

const normal = (segment: string): string =>
  segment.replace(/%([0-9a-f]{2})/gi, (escaped, digits) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : escaped.toUpperCase()
  })
const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Over normalised segments with `exact`; without it every literal fits, which cuts the captures out of the raw path. */
const regexOf = ({ segments, variables, prefix }: PathTemplate, exact: boolean): RegExp => {
  const body = segments.map((segment, i) => {
    const opens = variables.some(({ from }) => from === i) ? '(' : ''
    const closes = variables.some(({ to }) => to === i + 1) ? ')' : ''
    const inner =
      segment.kind === 'literal'
        ? `/${exact ? quoted(segment.text) : '[^/]*'}`
        : segment.kind === 'star'
          ? '/[^/]+'
          : '(?:/[^/]*)*'
    return `${opens}${inner}${closes}`
  })
  return new RegExp(`^${body.join('')}${prefix ? '((?:/.*)?)' : ''}$`, 's')
}

const rank = ({ segments, rest, prefix }: PathTemplate): number[] => {
  const ranks = segments.slice(0, rest === -1 ? undefined : rest).map(({ kind }) => (kind === 'literal' ? 0 : 1))
  if (rest !== -1) return [...ranks, 3 - (segments.length - 1 - rest) / 100]
  return [...ranks, prefix ? 4 : 2]
}
const byRank = (a: PathTemplate, b: PathTemplate): number => {
  const [x, y] = [rank(a), rank(b)]
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!
  return 0
}

const reference = (rules: readonly Rule[], method: string, path: string): Answer => {
  const raw = path === '/' ? [] : path.slice(1).split('/')
  if (/%(?![0-9a-f]{2})/i.test(path) || raw.some((segment) => /^\.\.?$/.test(normal(segment))))
    return { miss: 400, allow: [] }
  const allow = new Set<string>()
  const views = [raw.length - 1, -1].map((index) => {
    const slash = raw.length > 1 && raw.at(-1) === ''
    return { slash, stripped: slash ? raw.slice(0, -1) : raw, withVerb: index >= 0 }
  })
  for (const { withVerb, slash, stripped } of views) {
    const last = stripped.at(-1) ?? ''
    const colons = withVerb ? [...last.matchAll(/:/g)].map(({ index }) => index).reverse() : [undefined]
    for (const colon of colons) {
      const verb = colon === undefined ? undefined : normal(last.slice(colon + 1))
      const fits = rules.flatMap((rule, index) => {
        if (rule.template.verb !== verb || (slash && verb !== undefined && !rule.trailingSlash)) return []
        const own = rule.trailingSlash && !rule.template.prefix ? stripped : raw
        const seen = colon === undefined ? own : [...stripped.slice(0, -1), last.slice(0, colon)]
        const text = seen.map((segment) => `/${segment}`).join('')
        if (!regexOf(rule.template, true).test(seen.map((segment) => `/${normal(segment)}`).join(''))) return []
        const [, ...groups] = regexOf(rule.template, false).exec(text)!
        const captures = groups.slice(0, rule.template.variables.length).map((group) => (group ?? '').slice(1))
        const below = raw.length === 0 ? '/' : groups.at(-1)!
        return [{ index, rule, params: rule.template.prefix ? [...captures, below] : captures }]
      })
      for (const { rule } of fits) allow.add(rule.method)
      const methodRank = (name: string): number => [method, 'GET', '*'].indexOf(name)
      const [best] = fits
        .filter(
          ({ rule }) => rule.method === method || rule.method === '*' || (method === 'HEAD' && rule.method === 'GET'),
        )
        .sort(
          (a, b) => byRank(a.rule.template, b.rule.template) || methodRank(a.rule.method) - methodRank(b.rule.method),
        )
      if (best !== undefined) {
        const dots = colon !== undefined && /^\.\.?$/.test(normal(last.slice(0, colon)))
        return dots ? { miss: 400, allow: [] } : { rule: best.index, params: best.params }
      }
    }
  }
  if (allow.size === 0) return { miss: 404, allow: [] }
  if (allow.has('GET')) allow.add('HEAD')
  return { miss: 405, allow: [...allow].sort() }
}

const METHODS = ['GET', 'POST', 'HEAD', '*']
const rule = fc.record({
  method: fc.constantFrom(...METHODS),
  kind: fc.constantFrom('template', 'template', 'template', 'prefix'),
  model,
  trailingSlash: fc.boolean(),
})
const noise = fc.constantFrom(
  'a',
  'b',
  '%61',
  'a%2fb',
  'x:y',
  '',
  'c',
  'c:v',
  ':w',
  '.',
  '%2e.',
  '%zz',
  '__proto__',
  '~:v',
  '%7E',
)
/** A path that was made from template number `from`: stars filled, then changed a little. */
const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT'),
  from: fc.nat(),
  fill: fc.array(noise, { minLength: 8, maxLength: 8 }),
  verb: fc.constantFrom('', '', ':v', ':w', ':v:w', ':%76', ':v:v', '/', ':v/', '//'),
  plain: fc.boolean(),
})

describe('the router', () => {
  test('answers as a reference does that tries every template as a regular expression', () => {
    const seen = { found: 0, verb: 0, multi: 0, 400: 0, 404: 0, 405: 0 }
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 12 }),
        fc.array(request, { minLength: 4, maxLength: 8 }),
        (made, requests) => {
          const taken = new Set<string>()
          const rules: Rule[] = []
          const entries = made.flatMap(({ method, kind, model: tree, trailingSlash }) => {
            const bare = { parts: tree.parts.filter(({ segments }) => !segments.includes('**')), verb: undefined }
            const text = kind === 'prefix' ? `${print(bare) === '/' ? '' : print(bare)}/*` : print(tree)
            const made = entry(String(rules.length), `${kind === 'prefix' ? 'prefix ' : ''}${method} ${text}`, {
              mode: 'lenient',
              trailingSlash,
              target: 'http',
            })
            const { segments, verb, prefix } = made.template
            const key = JSON.stringify([method, segments, verb, prefix])
            if (taken.has(key)) return []
            taken.add(key)
            rules.push({ method, template: made.template, trailingSlash })
            return [made]
          })
          const router = routerOf(entries)
          for (const { method, from, fill, verb, plain } of requests) {
            const { segments, prefix } = rules[from % rules.length]!.template
            let next = 0
            const filled = segments.flatMap((segment) => {
              if (segment.kind === 'literal') return [segment.text]
              return segment.kind === 'star' ? [fill[next++]!] : fill.slice(0, from % 4)
            })
            if (prefix) filled.push(...fill.slice(0, from % 3))
            const path = plain ? `/${fill.slice(0, from % 5).join('/')}${verb}` : `/${filled.join('/')}${verb}`
            const wanted = reference(rules, method, path)
            const match = router.find(loopbackExchange({ method, path: `${path}?a=/b` }).head, false)
            const answer: Answer =
              match.miss === undefined
                ? { rule: Number(match.route.id), params: match.params }
                : { miss: match.miss.httpStatus, allow: [...match.miss.allow] }
            expect({ method, path, ...answer }).toEqual({ method, path, ...wanted })
            if ('rule' in wanted) {
              seen.found++
              const { template } = rules[wanted.rule]!
              if (template.verb !== undefined) seen.verb++
              if (template.variables.some(({ multi }) => multi)) seen.multi++
            } else seen[wanted.miss as 400 | 404 | 405]++
          }
        },
      ),
      { numRuns: 1500 },
    )
    // The random requests must reach every kind of answer, or the test shows nothing.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50)
  })
})
