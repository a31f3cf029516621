import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  Parser,
  type YAMLError,
} from 'yaml'
import type { SourceText } from '../parse/index.ts'
import {
  type ConfigMember,
  type ConfigNode,
  type ConfigTree,
  MAX_DEPTH,
  MAX_NODES,
  mapOf,
  Report,
  type Span,
} from './node.ts'

/** Each one is looked up in the whole document. */
const MAX_ALIASES = 100

/**
 * One document of YAML 1.2. Its nesting is looked at before its nodes are made: the package makes them by functions that call
 * themselves, and deep ones have ended whole processes. Its own check for keys that stand twice is quadratic, so it is made here.
 */
export const readYaml = (source: SourceText): ConfigTree => {
  const report = new Report(source)
  const { problems } = report
  const none = { root: undefined, problems }
  const tokens = [...new Parser().parse(source.text)]
  const deep = tooDeep(tokens)
  if (deep !== undefined) {
    report.syntax(`lists and maps are nested more than ${MAX_DEPTH} levels deep`, { offset: deep, length: 1 })
    return none
  }
  const composer = new Composer({ prettyErrors: false, stringKeys: true, uniqueKeys: false, logLevel: 'error' })
  const [document, second] = [...composer.compose(tokens, true, source.text.length)]
  for (const error of document?.errors ?? []) tell(error, report)
  for (const { message, pos } of document?.warnings ?? [])
    report.warning('SERVICE_CONFIG_SYNTAX', `${lower(message)}; it is passed over`, spanOf(pos))
  if (second !== undefined)
    report.syntax(
      'the file has more than one YAML document',
      { offset: second.range[0], length: 1 },
      'make it two files',
    )
  if (report.failed || document?.contents == null) return none
  return { root: new Reader(document, report).node(document.contents, 1), problems }
}

/** Offset of a token that lies too deep. */
const tooDeep = (tokens: readonly CST.Token[]): number | undefined => {
  const open: { readonly token: CST.Token; readonly depth: number }[] = tokens.map((token) => ({ token, depth: 0 }))
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    if (depth > MAX_DEPTH) return token.offset
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, depth: depth + 1 })
    if (!('items' in token)) continue
    for (const { key, value } of token.items) {
      if (key != null) open.push({ token: key, depth: depth + 1 })
      if (value !== undefined) open.push({ token: value, depth: depth + 1 })
    }
  }
  return undefined
}

const tell = ({ code, message, pos }: YAMLError, report: Report): void => {
  const { text } = report.source
  if (code === 'BAD_ALIAS' && text[pos[0]] === '*')
    report.syntax('a star outside of quotes is an alias in YAML', spanOf(pos), 'write "*" in quotes')
  else if (code === 'UNEXPECTED_TOKEN' && text[pos[0]] === '{')
    report.syntax(`this is no YAML: ${lower(message)}`, spanOf(pos), 'inside of braces a path with "{" needs quotes')
  else report.syntax(`this is no YAML: ${lower(message)}`, spanOf(pos))
}
const spanOf = ([start, end]: readonly [number, number]): Span => ({ offset: start, length: Math.max(1, end - start) })
const lower = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1)

class Reader {
  readonly #document: Document.Parsed
  readonly #report: Report
  #nodes = 0
  #aliases = 0

  constructor(document: Document.Parsed, report: Report) {
    this.#document = document
    this.#report = report
  }

  node(node: Node | null, depth: number): ConfigNode {
    const at = this.#at(node)
    if (++this.#nodes > MAX_NODES || depth > MAX_DEPTH + 1) {
      this.#report.syntax('too many values, or aliases that go in a circle', at)
      return { kind: 'scalar', value: null, at }
    }
    if (isAlias(node)) {
      const target = ++this.#aliases > MAX_ALIASES ? undefined : node.resolve(this.#document)
      if (target !== undefined) return this.node(target, depth + 1)
      const problem = this.#aliases > MAX_ALIASES ? `more than ${MAX_ALIASES} aliases` : `no anchor "${node.source}"`
      this.#report.syntax(problem, at)
    }
    if (isSeq<Node>(node)) return { kind: 'list', items: node.items.map((item) => this.node(item, depth + 1)), at }
    if (isMap<Node, Node>(node)) {
      const members = node.items.map(({ key, value }): ConfigMember => {
        const name = isScalar(key) ? String(key.value) : ''
        return { name, at: this.#at(key), value: this.node(value, depth + 1) }
      })
      return mapOf(members, at, this.#report)
    }
    return { kind: 'scalar', value: isScalar(node) ? node.value : null, at }
  }

  #at(node: Node | null): Span {
    const [start = 0, end = start + 1] = node?.range ?? []
    return { offset: start, length: Math.max(1, isScalar(node) ? end - start : 1) }
  }
}
