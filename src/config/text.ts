import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import type { Problem } from '../core/config-error.ts'
import type { Place } from '../core/schema.ts'
import { toPointer } from './pointer.ts'

/** Where something stands, with its length in characters of the line. */
export interface Span extends Place {
  readonly length: number
}

/** JSON with comments and trailing commas, parsed. */
export interface JsonText {
  /** Objects have no prototype; undefined when the text is no JSON. */
  readonly value: unknown
  /** Faults of syntax, keys that stand twice. */
  readonly problems: readonly Problem[]
  /** Where the value at a path stands: a text or number itself, an object or list by its key. What is not there: what would hold it. */
  span(path: readonly PropertyKey[]): Span
  /** Where the key of a member stands. */
  keySpan(path: readonly PropertyKey[]): Span
}

const DEEPEST = 100

/** `file` is only a name for messages. */
export const parseText = (source: string, file: string): JsonText => {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source
  const lines = lineStarts(text)
  const place = (offset: number, length: number): Span => {
    const line = lineOf(lines, offset)
    const start = lines[line]!
    const end = (lines[line + 1] ?? text.length + 1) - 1
    return { file, line: line + 1, column: offset - start + 1, length: Math.max(1, Math.min(length, end - offset)) }
  }
  const fail = (code: string, message: string, offset: number, length: number, hint?: string): Problem => ({
    code,
    severity: 'error',
    message,
    hint,
    ...place(offset, length),
  })
  const deep = tooDeep(text)
  const errors: ParseError[] = []
  const root =
    deep === undefined ? parseTree(text, errors, { allowTrailingComma: true, disallowComments: false }) : undefined
  const problems: Problem[] =
    deep === undefined
      ? firstOfLines(
          errors.map((error) => fail('CONFIG_SYNTAX', syntaxMessage(error, text), error.offset, error.length)),
        )
      : [fail('CONFIG_SYNTAX', `lists and objects are nested more than ${DEEPEST} levels deep`, deep, 1)]
  const twice = (pointer: string, key: string, offset: number, length: number): void => {
    problems.push({
      ...fail('CONFIG_KEY_TWICE', `the key "${key}" stands twice in one object`, offset, length, 'keep one of them'),
      pointer,
    })
  }
  return {
    value: root === undefined ? undefined : toValue(root, [], twice),
    problems,
    span(path) {
      const { node, whole } = find(root, path)
      if (node === undefined) return place(0, 1)
      if (node.type !== 'object' && node.type !== 'array') return place(node.offset, node.length)
      const key = node.parent?.type === 'property' && whole ? node.parent.children?.[0] : undefined
      return key === undefined ? place(node.offset, 1) : place(key.offset, key.length)
    },
    keySpan(path) {
      const { node, whole } = find(root, path)
      const key = whole && node?.parent?.type === 'property' ? node.parent.children?.[0] : node
      return key === undefined ? place(0, 1) : place(key.offset, key.length)
    },
  }
}

/** One fault makes others behind it: of a line the first one counts. */
const firstOfLines = (problems: readonly Problem[]): Problem[] => {
  const seen = new Set<number | undefined>()
  return problems.filter(({ line }) => {
    const first = !seen.has(line)
    seen.add(line)
    return first
  })
}

const syntaxMessage = ({ error, offset }: ParseError, text: string): string => {
  if (text.trim() === '') return 'the file is empty: expected an object'
  const name = printParseErrorCode(error)
  if (name === 'CommaExpected' && text[offset] === ']') return 'expected "," or "}" before this'
  if (name === 'CommaExpected' && text[offset] === '}') return 'expected "," or "]" before this'
  return SYNTAX.get(name) ?? name
}

/** In our words; what is missing here needs none. */
const SYNTAX = new Map<string, string>([
  [
    'InvalidSymbol',
    'this is no JSON: expected text in double quotes, a number, true, false, null, an object or a list',
  ],
  ['InvalidNumberFormat', 'this is no number of JSON'],
  ['PropertyNameExpected', 'expected a key in double quotes'],
  ['ValueExpected', 'expected a value'],
  ['ColonExpected', 'expected ":" behind the key'],
  ['CommaExpected', 'expected "," before this'],
  ['CloseBraceExpected', 'expected "}": an object is not closed'],
  ['CloseBracketExpected', 'expected "]": a list is not closed'],
  ['EndOfFileExpected', 'expected the end of the file here'],
  ['InvalidCommentToken', 'this is no comment'],
  ['UnexpectedEndOfComment', 'a comment is not closed: expected "*/"'],
  ['UnexpectedEndOfString', 'text is not closed: expected a double quote'],
  ['UnexpectedEndOfNumber', 'the number is not complete'],
  ['InvalidUnicode', 'expected four hexadecimal digits behind \\u'],
  ['InvalidEscapeCharacter', 'this is no escape of JSON: write \\\\ for a backslash'],
  ['InvalidCharacter', 'control characters must be escaped'],
])

type Twice = (pointer: string, key: string, offset: number, length: number) => void

const toValue = (node: Node, path: readonly PropertyKey[], twice: Twice): unknown => {
  if (node.type === 'array') return (node.children ?? []).map((child, index) => toValue(child, [...path, index], twice))
  if (node.type !== 'object') return node.value as unknown
  const value: Record<string, unknown> = Object.create(null)
  for (const property of node.children ?? []) {
    const [key, member] = property.children ?? []
    if (key === undefined || member === undefined) continue
    const name = key.value as string
    if (name in value) twice(toPointer([...path, name]), name, key.offset, key.length)
    value[name] = toValue(member, [...path, name], twice)
  }
  return value
}

/** The node of a path, or the innermost that is there on the way to it (`whole` is false then). */
const find = (root: Node | undefined, path: readonly PropertyKey[]): { node: Node | undefined; whole: boolean } => {
  let node = root
  for (const step of path) {
    const next = child(node, step)
    if (next === undefined) return { node, whole: false }
    node = next
  }
  return { node, whole: true }
}
const child = (node: Node | undefined, step: PropertyKey): Node | undefined => {
  if (node?.type === 'array') return node.children?.[Number(step)]
  if (node?.type !== 'object') return undefined
  return node.children?.findLast((property) => property.children?.[0]?.value === String(step))?.children?.[1]
}

const lineStarts = (text: string): readonly number[] => {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
const lineOf = (starts: readonly number[], offset: number): number => {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (starts[middle]! <= offset) low = middle
    else high = middle - 1
  }
  return low
}

/** Offset of the bracket that goes too deep for a recursive parser. Brackets in texts and comments do not count. */
const tooDeep = (text: string): number | undefined => {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') at = endOfString(text, at)
    else if (char === '/' && text[at + 1] === '/') at = endOf(text, '\n', at)
    else if (char === '/' && text[at + 1] === '*') at = endOf(text, '*/', at + 2)
    else if (char === '{' || char === '[') {
      if (++depth > DEEPEST) return at
    } else if (char === '}' || char === ']') depth--
  }
  return undefined
}
const endOf = (text: string, mark: string, from: number): number => {
  const at = text.indexOf(mark, from)
  return at === -1 ? text.length : at + mark.length - 1
}
/** At the closing quote, or at the end of the line of a text that is not closed. */
const endOfString = (text: string, from: number): number => {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"' || text[at] === '\n') return at
  }
  return text.length
}
