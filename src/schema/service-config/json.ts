import {
  createScanner,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
  type SyntaxKind,
} from 'jsonc-parser'
import type { SourceText } from '../parse/index.ts'
import { type ConfigMember, type ConfigNode, type ConfigTree, MAX_DEPTH, mapOf, Report } from './node.ts'

/** JSON, comments and trailing commas let through as in routes.json. */
export const readJson = (source: SourceText): ConfigTree => {
  const report = new Report(source)
  const { problems } = report
  const deep = tooDeep(source.text)
  if (deep !== undefined) {
    report.syntax(`lists and objects are nested more than ${MAX_DEPTH} levels deep`, { offset: deep, length: 1 })
    return { root: undefined, problems }
  }
  const errors: ParseError[] = []
  const tree = parseTree(source.text, errors, { allowTrailingComma: true, disallowComments: false })
  for (const { error, offset, length } of errors)
    report.syntax(`this is no JSON: ${words(printParseErrorCode(error))}`, { offset, length: Math.max(1, length) })
  return { root: tree === undefined || report.failed ? undefined : toNode(tree, report), problems }
}

/** `CommaExpected` → `comma expected`. */
const words = (name: string): string => name.replace(/(?!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase()

const toNode = (node: Node, report: Report): ConfigNode => {
  const at = { offset: node.offset, length: 1 }
  if (node.type === 'array')
    return { kind: 'list', items: (node.children ?? []).map((item) => toNode(item, report)), at }
  if (node.type !== 'object')
    return { kind: 'scalar', value: node.value as unknown, at: { offset: node.offset, length: node.length } }
  const members = (node.children ?? []).flatMap((property): ConfigMember[] => {
    const [key, value] = property.children ?? []
    if (key === undefined || value === undefined) return []
    const place = { offset: key.offset, length: key.length }
    return [{ name: String(key.value), at: place, value: toNode(value, report) }]
  })
  return mapOf(members, at, report)
}

// Numbers of the scanner's tokens: braces and brackets, and the end.
const OPEN: ReadonlySet<SyntaxKind> = new Set([1, 3])
const CLOSE: ReadonlySet<SyntaxKind> = new Set([2, 4])
const END: SyntaxKind = 17
/** Offset of the bracket that goes too deep. */
const tooDeep = (text: string): number | undefined => {
  const scanner = createScanner(text, true)
  let depth = 0
  for (let kind = scanner.scan(); kind !== END; kind = scanner.scan()) {
    if (OPEN.has(kind) && ++depth > MAX_DEPTH) return scanner.getTokenOffset()
    if (CLOSE.has(kind)) depth--
  }
  return undefined
}
