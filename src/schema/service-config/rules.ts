import { nearest } from '../../core/config-error.ts'
import { isRuleMember, type RawMember, type RawRule } from '../http-rule.ts'
import type { ConfigMember, ConfigNode, Report } from './node.ts'

/** A rule of a service config with the method that it is for. */
export interface SelectedRule {
  /** `package.Service.Method`. */
  readonly selector: string
  readonly rule: RawRule
  readonly report: Report
  readonly at: ConfigMember['at']
}

const TYPE = 'google.api.Service'
/** Members of `google.api.Service`, and the `type` that tells what the file is. */
const SERVICE_MEMBERS: readonly string[] = [
  ...['type', 'config_version', 'name', 'id', 'title', 'producer_project_id', 'apis', 'types', 'enums'],
  ...['documentation', 'backend', 'http', 'quota', 'authentication', 'context', 'usage', 'endpoints', 'control'],
  ...['logs', 'metrics', 'monitored_resources', 'billing', 'logging', 'monitoring', 'system_parameters'],
  ...['system_types', 'source_info', 'publishing', 'aspects', 'visibility', 'experimental'],
]
const HTTP_MEMBERS: readonly string[] = ['rules', 'fully_decode_reserved_expansion']
const START = { offset: 0, length: 1 }

/** The rules of one file in their order. What else stands in a service config is not for a gateway, and passed over. */
export const readRules = (root: ConfigNode | undefined, report: Report): readonly SelectedRule[] => {
  if (root?.kind !== 'map' || !isService(root.members, report)) {
    if (!report.failed)
      report.error(
        'SERVICE_CONFIG',
        `the file is no service config: it does not say what it is`,
        START,
        `begin it with: type: ${TYPE}`,
      )
    return []
  }
  for (const { name, at } of root.members)
    if (!SERVICE_MEMBERS.includes(protoName(name)))
      report.warning('SERVICE_CONFIG', `${TYPE} has no member "${name}"`, at, meant(name, SERVICE_MEMBERS))
  const http = memberOf(root.members, 'http')
  if (http === undefined || isNull(http.value)) {
    report.warning('SERVICE_CONFIG', 'the service config has no rules', START, 'add: http: { rules: … }')
    return []
  }
  return httpRules(http, report)
}

const isService = (members: readonly ConfigMember[], report: Report): boolean => {
  const type = memberOf(members, 'type')
  if (type === undefined) return false
  if (type.value.kind === 'scalar' && type.value.value === TYPE) return true
  report.error('SERVICE_CONFIG', `the type of the file is not ${TYPE}`, type.value.at, `write ${TYPE}`)
  return false
}

const httpRules = (http: ConfigMember, report: Report): readonly SelectedRule[] => {
  if (http.value.kind !== 'map') {
    report.error('SERVICE_CONFIG', '"http" is a map with "rules"', http.at)
    return []
  }
  const { members } = http.value
  for (const { name, at } of members)
    if (!HTTP_MEMBERS.includes(protoName(name)))
      report.error('SERVICE_CONFIG', `"http" has no member "${name}"`, at, meant(name, HTTP_MEMBERS))
  const decoding = decodingOf(memberOf(members, 'fully_decode_reserved_expansion'), report)
  const rules = memberOf(members, 'rules')
  if (rules === undefined || isNull(rules.value)) {
    report.warning('SERVICE_CONFIG', 'the service config has no rules', http.at)
    return []
  }
  if (rules.value.kind !== 'list') {
    report.error('SERVICE_CONFIG', '"rules" is a list', rules.at, 'begin each rule with "- selector:"')
    return []
  }
  return rules.value.items.flatMap((item) => selectedRule(item, decoding, report))
}

/**
 * By the words of google/api/http.proto: true decodes everything but `%2F`, which is how variables are decoded here anyway; false
 * leaves all reserved characters of RFC 6570 encoded. Not said: as the route says.
 */
const decodingOf = (member: ConfigMember | undefined, report: Report): RawRule['unescape'] => {
  if (member === undefined || isNull(member.value)) return undefined
  const value = member.value.kind === 'scalar' ? member.value.value : undefined
  if (typeof value === 'boolean') return value ? 'spec' : 'keep-reserved'
  report.error('SERVICE_CONFIG', `"${member.name}" is true or false`, member.value.at)
  return undefined
}

const selectedRule = (item: ConfigNode, decoding: RawRule['unescape'], report: Report): readonly SelectedRule[] => {
  if (item.kind !== 'map') {
    report.error('SERVICE_CONFIG', 'a rule is a map with a "selector" and a path', item.at)
    return []
  }
  const selector = memberOf(item.members, 'selector')
  if (selector?.value.kind !== 'scalar' || typeof selector.value.value !== 'string') {
    const misspelt = item.members.find(({ name }) => meant(name, ['selector']) !== undefined)
    const hint =
      selector === undefined && misspelt !== undefined
        ? 'did you mean "selector"?'
        : 'write: selector: package.Service.Method'
    const at = selector?.value.at ?? misspelt?.at ?? item.at
    report.error('SERVICE_CONFIG', 'the rule does not say which method it is for', at, hint)
    return []
  }
  const rule = { ...ruleOf(item.members, report.source.place(item.at.offset), report), unescape: decoding }
  return [{ selector: selector.value.value, rule, report, at: selector.value.at }]
}

const ruleOf = (members: readonly ConfigMember[], place: RawRule['place'], report: Report): RawRule => ({
  place,
  members: members.flatMap((member) => (isNull(member.value) ? [] : rawMembers(member, report))),
})

const rawMembers = ({ name, value, at }: ConfigMember, report: Report): readonly RawMember[] => {
  const named = protoName(name)
  const place = report.source.place(at.offset)
  if (named === 'additional_bindings') {
    if (value.kind !== 'list') {
      report.error('SERVICE_CONFIG', `"${name}" is a list of rules`, at)
      return []
    }
    return value.items.flatMap((item): RawMember[] => {
      const own = report.source.place(item.at.offset)
      if (item.kind === 'map') return [{ name, value: ruleOf(item.members, own, report), place: own }]
      report.error('SERVICE_CONFIG', `"${name}" is a list of rules`, item.at)
      return []
    })
  }
  if (value.kind === 'map') return [{ name, value: ruleOf(value.members, place, report), place }]
  const text = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined
  return [{ name, value: text, place: isRuleMember(named) ? report.source.place(value.at.offset) : place }]
}

const memberOf = (members: readonly ConfigMember[], name: string): ConfigMember | undefined =>
  members.find((member) => protoName(member.name) === name)
const isNull = (node: ConfigNode): boolean => node.kind === 'scalar' && node.value === null

const meant = (name: string, known: readonly string[]): string | undefined => {
  const near = nearest(protoName(name), known)
  return near === undefined ? undefined : `did you mean "${near}"?`
}
/** JSON names stand for proto names. */
const protoName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
