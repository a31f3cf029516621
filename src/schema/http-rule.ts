import { nearest, type Problem } from '../core/config-error.ts'
import type { HttpRule, Place } from '../core/schema.ts'
import type { AggregateField, OptionNode, OptionValue, SourceText } from './parse/index.ts'

/** A `google.api.HttpRule` as it was read, not yet checked. */
export interface RawRule {
  readonly place: Place
  readonly members: readonly RawMember[]
  /** What its file says of the decoding of path variables. */
  readonly unescape?: HttpRule['unescape']
}
export interface RawMember {
  /** As written: proto name or lowerCamel; '' when the value of the option is no rule at all. */
  readonly name: string
  /** undefined: something that no member of a rule can be. */
  readonly value: string | RawRule | undefined
  readonly place: Place
}

export interface CompiledRules {
  /** In the order of the file, the rule itself before its `additional_bindings`. Empty only when there are errors. */
  readonly rules: readonly HttpRule[]
  readonly problems: readonly Problem[]
}

const VERBS: ReadonlySet<string> = new Set(['get', 'put', 'post', 'delete', 'patch'])
const MEMBERS: readonly string[] = [...VERBS, 'custom', 'body', 'response_body', 'additional_bindings', 'selector']
/** A member of a rule, by its proto name. */
export const isRuleMember = (name: string): boolean => MEMBERS.includes(name)
const isPattern = (name: string): boolean => VERBS.has(name) || name === 'custom'
/** A method of HTTP is a token (RFC 9110 §5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * The rules of `package.Service/Method`. Without an annotation it has the default binding `POST /package.Service/Method`, whose
 * body is the message.
 */
export const compileRules = (operation: string, raw: RawRule | undefined, place: Place): CompiledRules => {
  if (raw === undefined)
    return {
      rules: [{ method: 'POST', template: `/${operation}`, body: '*', responseBody: '', place, implicit: true }],
      problems: [],
    }
  const compiler = new RuleCompiler(operation)
  compiler.rule(raw, false)
  return { rules: compiler.rules, problems: compiler.problems }
}

type Draft = { -readonly [K in keyof HttpRule]: HttpRule[K] }

class RuleCompiler {
  readonly rules: HttpRule[] = []
  readonly problems: Problem[] = []
  readonly #operation: string

  constructor(operation: string) {
    this.#operation = operation
  }

  rule(raw: RawRule, additional: boolean): void {
    const rule: Draft = { method: '', template: '', body: '', responseBody: '', place: raw.place, implicit: false }
    if (raw.unescape !== undefined) rule.unescape = raw.unescape
    const more: RawRule[] = []
    const seen = new Set<string>()
    const before = this.problems.length
    for (const member of raw.members) {
      const name = protoName(member.name)
      if (name === 'additional_bindings') {
        if (typeof member.value === 'object') more.push(member.value)
        else this.#problem(member.place, '"additional_bindings" is a rule in braces')
        continue
      }
      const other = isPattern(name) ? [...VERBS, 'custom'].find((one) => seen.has(one)) : undefined
      if (seen.has(name)) this.#problem(member.place, `"${name}" is set twice`)
      else if (other !== undefined)
        this.#problem(
          member.place,
          `"${other}" and "${name}" stand in one rule`,
          'put one of them into additional_bindings',
        )
      seen.add(name)
      this.#member(rule, name, member)
    }
    if (rule.method !== '' && rule.template !== '') this.rules.push(rule)
    else if (this.problems.length === before)
      this.#problem(raw.place, 'the rule has no path', 'add get, put, post, delete, patch or custom')
    for (const one of more) {
      if (additional) this.#problem(one.place, '"additional_bindings" cannot stand inside "additional_bindings"')
      else this.rule(raw.unescape === undefined ? one : { ...one, unescape: raw.unescape }, true)
    }
  }

  #member(rule: Draft, name: string, member: RawMember): void {
    if (name === 'custom') {
      this.#custom(rule, member)
      return
    }
    if (name === '') {
      this.#problem(member.place, 'the option is a rule in braces', 'write: { get: "/…" }')
      return
    }
    if (!isRuleMember(name)) {
      const near = nearest(name, MEMBERS)
      const hint = near === undefined ? undefined : `did you mean "${near}"?`
      this.#problem(member.place, `a rule has no "${member.name}"`, hint)
      return
    }
    if (typeof member.value !== 'string') {
      this.#problem(member.place, `"${name}" is a string`)
      return
    }
    if (name === 'body') rule.body = member.value
    else if (name === 'response_body') rule.responseBody = member.value
    else if (name !== 'selector') this.#path(rule, name.toUpperCase(), member.value, member.place)
  }

  #custom(rule: Draft, member: RawMember): void {
    const members = typeof member.value === 'object' ? member.value.members : []
    const kind = members.find(({ name }) => name === 'kind')
    const path = members.find(({ name }) => name === 'path')
    if (typeof kind?.value !== 'string' || typeof path?.value !== 'string') {
      this.#problem(member.place, '"custom" needs a "kind" (the method) and a "path"')
      return
    }
    const other = members.find(({ name }) => name !== 'kind' && name !== 'path')
    if (other !== undefined) this.#problem(other.place, `"custom" has no "${other.name}"`, 'it has "kind" and "path"')
    if (!TOKEN.test(kind.value)) {
      this.#problem(kind.place, `"${kind.value}" is not a method of HTTP`)
      return
    }
    this.#path(rule, kind.value.toUpperCase(), path.value, path.place)
  }

  #path(rule: Draft, method: string, path: string, place: Place): void {
    rule.method = method
    rule.template = path
    rule.place = place
    if (path === '') this.#problem(place, 'the path is empty')
  }

  #problem(place: Place, message: string, hint?: string): void {
    this.problems.push({
      code: 'HTTP_RULE',
      severity: 'error',
      message: `http rule of ${this.#operation}: ${message}`,
      ...place,
      hint,
    })
  }
}

/** `additionalBindings` → `additional_bindings`. */
const protoName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The rule in the options of an rpc: `option (google.api.http) = {…}` and `option (google.api.http).get = "…"`, merged. */
export const rawRule = (options: readonly OptionNode[], source: SourceText): RawRule | undefined => {
  const [first] = options
  if (first === undefined) return undefined
  const members = options.flatMap((option) => {
    const path = option.name.slice(1).map(({ text, offset, length }) => ({ text, offset, length }))
    if (path.length > 0) return membersOf({ name: path[0]!, value: wrapped(path.slice(1), option.value) }, source)
    if (option.value.kind === 'message') return option.value.fields.flatMap((field) => membersOf(field, source))
    return [{ name: '', value: undefined, place: source.place(option.value.offset) }]
  })
  return { place: source.place(first.offset), members: mergeCustom(members) }
}

/** `custom.kind = "X"` is `custom { kind: "X" }`. */
const wrapped = (path: readonly AggregateField['name'][], value: OptionValue): OptionValue =>
  path.reduceRight<OptionValue>(
    (inner, name) => ({ kind: 'message', fields: [{ name, value: inner }], offset: name.offset, length: name.length }),
    value,
  )

const membersOf = (field: AggregateField, source: SourceText): RawMember[] => {
  const values = field.value.kind === 'list' ? field.value.items : [field.value]
  return values.map((value) => ({ name: field.name.text, ...memberValue(field, value, source) }))
}

const memberValue = (
  field: AggregateField,
  value: OptionValue,
  source: SourceText,
): Pick<RawMember, 'value' | 'place'> => {
  const place = source.place(value.offset)
  if (value.kind === 'string') return { value: value.bytes.toString(), place }
  if (value.kind !== 'message') return { value: undefined, place }
  const named = source.place(field.name.offset)
  return { value: { place: named, members: value.fields.flatMap((one) => membersOf(one, source)) }, place: named }
}

const mergeCustom = (members: readonly RawMember[]): readonly RawMember[] => {
  const customs = members.filter(({ name, value }) => name === 'custom' && typeof value === 'object')
  if (customs.length < 2) return members
  const [first] = customs
  const merged = customs.flatMap(({ value }) => (value as RawRule).members)
  return [
    ...members.filter((member) => !customs.includes(member)),
    { name: 'custom', value: { place: first!.place, members: merged }, place: first!.place },
  ]
}
