import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { nearest, type Problem } from '../../core/config-error.ts'
import { SourceText } from '../parse/index.ts'
import type { MethodSource, ServiceSource } from '../services.ts'
import { readJson } from './json.ts'
import { Report } from './node.ts'
import { readRules, type SelectedRule } from './rules.ts'
import { readYaml } from './yaml.ts'

export type { SelectedRule } from './rules.ts'

const MAX_BYTES = 4 * 1024 * 1024

export interface LoadedServiceConfig {
  /** In the order of the file. */
  readonly rules: readonly SelectedRule[]
  readonly problems: readonly Problem[]
  /** Hex digest of the bytes. */
  readonly digest: string
}

/** Reads the `http` rules of a service config (`google.api.Service`), in YAML or JSON by the name of the file. Never rejects. */
export const loadServiceConfig = async (file: {
  readonly path: string
  readonly shown: string
}): Promise<LoadedServiceConfig> => {
  const fail = (code: string, message: string): LoadedServiceConfig => ({
    rules: [],
    problems: [{ code, severity: 'error', message, file: file.shown }],
    digest: '',
  })
  let bytes: Buffer
  try {
    const { size } = await stat(file.path)
    if (size > MAX_BYTES) return fail('SCHEMA_TOO_LARGE', `the file has ${size} bytes, at most ${MAX_BYTES} are read`)
    bytes = await readFile(file.path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return fail('SCHEMA_UNREADABLE', `the file cannot be read: ${reason}`)
  }
  if (!isUtf8(bytes)) return fail('SERVICE_CONFIG_SYNTAX', 'the file is not valid UTF-8')
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { ...readServiceConfig(bytes.toString(), file.shown), digest }
}

/** The same from its text. `shown` is the name of the file, which tells YAML from JSON. */
export const readServiceConfig = (text: string, shown: string): Omit<LoadedServiceConfig, 'digest'> => {
  const source = new SourceText(shown, text.startsWith('\uFEFF') ? text.slice(1) : text)
  const { root, problems } = shown.endsWith('.json') ? readJson(source) : readYaml(source)
  const report = new Report(source)
  report.problems.push(...problems)
  const rules = readRules(root, report)
  return { rules, problems: report.problems }
}

/**
 * The services with these rules in place of their own (SEMANTICS §1.8): a rule takes the place of everything that the .proto says of
 * its method, and the last rule for a method counts. What selects no method is a problem.
 */
export const applyRules = (
  services: readonly ServiceSource[],
  rules: readonly SelectedRule[],
): { readonly services: readonly ServiceSource[]; readonly problems: readonly Problem[] } => {
  if (rules.length === 0) return { services, problems: [] }
  const methods = new Set(services.flatMap((service) => service.methods.map((method) => selectorOf(service, method))))
  const bySelector = new Map<string, SelectedRule>()
  const problems: Problem[] = []
  for (const rule of rules) {
    if (methods.has(rule.selector)) bySelector.set(rule.selector, rule)
    else problems.push(unknownSelector(rule, methods))
  }
  const changed = services.map((service): ServiceSource => {
    const own = service.methods.map((method) => {
      const found = bySelector.get(selectorOf(service, method))
      return found === undefined ? method : { ...method, rule: found.rule }
    })
    return { ...service, methods: own }
  })
  return { services: changed, problems }
}

const selectorOf = ({ name }: ServiceSource, method: MethodSource): string => `${name}.${method.name}`

const unknownSelector = ({ selector, report, at }: SelectedRule, methods: ReadonlySet<string>): Problem => {
  const { source } = report
  const code = 'SERVICE_CONFIG_SELECTOR'
  if (selector.includes('*') || selector.includes(','))
    return source.problem(code, `"${selector}": a rule is for one method`, at, {
      hint: 'name it: package.Service.Method',
    })
  const dotted = selector.replace(/^\./, '').replace('/', '.')
  const near = methods.has(dotted) ? dotted : nearest(selector, methods)
  const hint = near === undefined ? 'add its .proto to "schemas", or remove the rule' : `did you mean "${near}"?`
  return source.problem(code, `no method "${selector}" in the schemas`, at, { hint })
}
