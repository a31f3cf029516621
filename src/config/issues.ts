import { z } from 'zod'
import { nearest, type Problem } from '../core/config-error.ts'
import { ownName } from './plain.ts'
import { valueAt } from './pointer.ts'

type Issue = z.core.$ZodIssue

/** Something wrong at a path of the configuration. Where that is in a file is found later. */
export interface Fault extends Pick<Problem, 'code' | 'message'> {
  readonly path: readonly PropertyKey[]
  readonly severity?: Problem['severity'] | undefined
  readonly hint?: string | undefined
  /** The key is wrong, not its value. */
  readonly onKey?: boolean
}

/**
 * Checks with zod and tells every fault in our words, with what was expected, what was found and the nearest known name.
 * `shown` gives the value that a message may quote for a path: what the user wrote, not what was filled in.
 */
export const check = <T>(
  schema: z.ZodType<T>,
  value: unknown,
  shown: (path: readonly PropertyKey[]) => unknown = (path) => valueAt(value, path),
): { readonly data: T | undefined; readonly faults: readonly Fault[]; readonly issues: readonly Issue[] } => {
  const result = schema.safeParse(value, { error: rememberKeys })
  if (result.success) return { data: result.data, faults: [], issues: [] }
  const { issues } = result.error
  const unknown = new Set(issues.filter(({ code }) => code === 'unrecognized_keys').map(({ path }) => path.join('\0')))
  const faults = issues
    .filter(({ code, path }) => code !== 'custom' || !unknown.has(path.join('\0')))
    .flatMap((issue) => faultsOf(issue, [], value, shown))
  return { data: undefined, faults, issues }
}

/** zod names the unknown keys but not the known ones: they travel in the message. */
const rememberKeys: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'unrecognized_keys') return undefined
  const inst = issue.inst as z.ZodObject | undefined
  const known = Object.keys(inst?.def.shape ?? {})
  return JSON.stringify({ known, kind: inst === undefined ? undefined : z.globalRegistry.get(inst)?.title })
}

const faultsOf = (
  issue: Issue,
  base: readonly PropertyKey[],
  value: unknown,
  shown: (path: readonly PropertyKey[]) => unknown,
): readonly Fault[] => {
  const path = [...base, ...issue.path]
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKeys(issue, path)
    case 'invalid_union':
      return fromUnion(issue, path, value, shown)
    case 'invalid_type':
    case 'invalid_value':
      return [wrongValue([issue], path, value, shown)]
    case 'custom':
      return [{ code: 'CONFIG_VALUE', path, message: issue.message }]
    default:
      return [{ code: 'CONFIG_VALUE', path, message: `${limitOf(issue)}, found ${show(shown(path))}` }]
  }
}

const MODULE_KINDS = ['policy', 'balancer', 'discovery']

const unknownKeys = (issue: Issue & { code: 'unrecognized_keys' }, path: readonly PropertyKey[]): readonly Fault[] => {
  const { known, kind } = JSON.parse(issue.message) as { known: readonly string[]; kind?: string }
  return issue.keys.map((key) => {
    const near = nearest(key, known)
    const list = known.length === 0 ? 'none is known here' : `known here: ${known.join(', ')}`
    const hint = near === undefined ? list : `did you mean "${near}"?`
    const at = { path: [...path, key], onKey: true, hint }
    if (kind === undefined || !MODULE_KINDS.includes(kind))
      return { code: 'CONFIG_UNKNOWN_KEY', message: `unknown key ${show(ownName(key))}`, ...at }
    return { code: `${kind.toUpperCase()}_UNKNOWN`, message: `no ${kind} is called ${show(ownName(key))}`, ...at }
  })
}

/** The faults of the branch that was meant: the one whose outer form fits. None fits: what each of them expects. */
const fromUnion = (
  issue: Issue & { code: 'invalid_union' },
  path: readonly PropertyKey[],
  value: unknown,
  shown: (path: readonly PropertyKey[]) => unknown,
): readonly Fault[] => {
  const isOuter = (inner: Issue): boolean =>
    inner.path.length === 0 && (inner.code === 'invalid_type' || inner.code === 'invalid_value')
  const fitting = issue.errors.filter((branch) => !branch.some(isOuter)).sort((a, b) => a.length - b.length)[0]
  if (fitting !== undefined) return fitting.flatMap((inner) => faultsOf(inner, path, value, shown))
  return [wrongValue(issue.errors.flat().filter(isOuter), path, value, shown)]
}

const wrongValue = (
  issues: readonly Issue[],
  path: readonly PropertyKey[],
  value: unknown,
  shown: (path: readonly PropertyKey[]) => unknown,
): Fault => {
  const expected = oneOf(issues.flatMap(expectations))
  if (valueAt(value, path) === undefined)
    return {
      code: 'CONFIG_MISSING_KEY',
      path: path.slice(0, -1),
      message: `the key "${String(path.at(-1))}" is missing`,
      hint: `expected ${expected}`,
    }
  const found = shown(path)
  const own = issues.length === 1 && !/^Invalid /.test(issues[0]!.message) ? issues[0]!.message : undefined
  if (own !== undefined) return { code: 'CONFIG_TYPE', path, message: `${own}, found ${show(found)}` }
  const words = issues.flatMap((issue) => (issue.code === 'invalid_value' ? issue.values : []))
  const near =
    typeof found === 'string'
      ? nearest(
          found,
          words.filter((word) => typeof word === 'string'),
        )
      : undefined
  const code = words.length > 0 ? 'CONFIG_VALUE' : 'CONFIG_TYPE'
  const hint = near === undefined ? undefined : `did you mean "${near}"?`
  return { code, path, message: `expected ${expected}, found ${show(found)}`, hint }
}

const NAMES = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['object', 'an object'],
  ['record', 'an object'],
  ['array', 'a list'],
  ['null', 'null'],
])
const expectations = (issue: Issue): readonly string[] => {
  if (issue.code === 'invalid_value') return issue.values.map((word) => show(word))
  return issue.code === 'invalid_type' ? [NAMES.get(issue.expected) ?? issue.expected] : []
}

const oneOf = (words: readonly string[]): string => {
  const all = [...new Set(words)]
  return all.length < 2 ? (all[0] ?? 'something else') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`
}

/** What a limit of the schema asks for. Schemas that word it themselves are taken at their word. */
const limitOf = (issue: Issue): string => {
  const { message } = issue
  if (!/^(?:Invalid|Too )/.test(message)) return message
  if (issue.code === 'too_small') return `expected ${bound('at least', issue.minimum, issue.origin)}`
  if (issue.code === 'too_big') return `expected ${bound('at most', issue.maximum, issue.origin)}`
  return message.replace(/^Invalid [a-z ]+: /, 'expected: ')
}
const bound = (which: string, limit: number | bigint, origin: string): string => {
  if (origin === 'string')
    return limit === 1 && which === 'at least' ? 'text that is not empty' : `${which} ${limit} characters`
  if (origin === 'array') return `${which} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
  return `${which} ${limit}`
}

const LONGEST = 60
/** A value as a message quotes it: short, on one line. */
export const show = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
