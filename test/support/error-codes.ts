import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** A literal that looks like a code: words in capitals with underscores, or one such word. */
const CODE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/
const NAMES: ReadonlySet<string> = new Set(['code', 'reason'])

/** What was found at one place of the sources. */
export interface Found {
  /** The code, or the text of a template that makes some: `${kind}_UNKNOWN`. */
  readonly text: string
  /** `src/config/load.ts:132` */
  readonly place: string
  /** What says the status beside a reason: `Code.NOT_FOUND`, or a constructor such as `errors.notFound`. */
  readonly status: string | undefined
}
export interface Codes {
  /** In the places where codes stand: members, variables and arguments that are called `code` or `reason`. */
  readonly codes: readonly Found[]
  /** Templates in such places. */
  readonly composed: readonly Found[]
  /** Look like a code, and stand where none is looked for. */
  readonly strays: readonly Found[]
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Every `.ts` below these folders, from the root of the repository. */
export const sourceFiles = (folders: readonly string[]): readonly string[] =>
  folders.flatMap((folder) =>
    readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`)
      .sort(),
  )

/**
 * The codes of the sources, read from their syntax trees. A function takes a code when one of its parameters is called `code` or
 * `reason` and is text; then the argument at that place of every call by its name counts.
 */
export const scanCodes = (files: readonly string[]): Codes => {
  const trees = files.map((file) =>
    ts.createSourceFile(file, readFileSync(ROOT + file, 'utf8'), ts.ScriptTarget.ESNext, true, ts.ScriptKind.TS),
  )
  const takers = new Map<string, Set<number>>()
  for (const tree of trees) visit(tree, (node) => collectTaker(node, takers))
  const codes: Found[] = []
  const composed: Found[] = []
  const strays: Found[] = []
  for (const tree of trees) {
    const counted = new Set<ts.Node>()
    visit(tree, (node) => {
      for (const part of places(node, takers).flatMap(outcomes)) {
        if (ts.isStringLiteral(part) && CODE.test(part.text)) {
          counted.add(part)
          codes.push(found(tree, part, part.text, statusBeside(node, tree)))
        } else if (ts.isTemplateExpression(part) && isCodeLike(part)) {
          composed.push(found(tree, part, part.getText(tree).slice(1, -1)))
        }
      }
    })
    visit(tree, (node) => {
      if (ts.isStringLiteral(node) && node.text.includes('_') && CODE.test(node.text) && !counted.has(node))
        if (!isCompared(node)) strays.push(found(tree, node, node.text))
    })
  }
  return { codes, composed, strays }
}

const visit = (node: ts.Node, look: (node: ts.Node) => void): void => {
  look(node)
  ts.forEachChild(node, (child) => visit(child, look))
}

const found = (tree: ts.SourceFile, node: ts.Node, text: string, status?: string): Found => ({
  text,
  place: `${tree.fileName}:${tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1}`,
  status,
})

/** `${kind}_UNKNOWN`: its fixed parts are capitals. Texts for people have others. */
const isCodeLike = (node: ts.TemplateExpression): boolean => {
  const fixed = [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('')
  return /^[A-Z0-9_]+$/.test(fixed)
}

/** Of `reason` in `makeStatus(Code.X, …, { reason })`, `errors.x(…, { reason })` and `{ code: Code.X, reason }`. */
const statusBeside = (node: ts.Node, tree: ts.SourceFile): string | undefined => {
  if (!ts.isPropertyAssignment(node) || nameOf(node.name) !== 'reason') return undefined
  for (const sibling of node.parent.properties)
    if (ts.isPropertyAssignment(sibling) && nameOf(sibling.name) === 'code') return sibling.initializer.getText(tree)
  const call = node.parent.parent
  if (!ts.isCallExpression(call)) return undefined
  const callee = call.expression.getText(tree)
  return callee === 'makeStatus' ? call.arguments[0]?.getText(tree) : callee
}

const nameOf = (node: ts.Node | undefined): string | undefined =>
  node !== undefined && (ts.isIdentifier(node) || ts.isPrivateIdentifier(node) || ts.isStringLiteral(node))
    ? node.text
    : undefined

const collectTaker = (node: ts.Node, takers: Map<string, Set<number>>): void => {
  if (!ts.isFunctionLike(node)) return
  const name = nameOf(node.name) ?? (node.parent === undefined ? undefined : nameOf(declared(node.parent)))
  if (name === undefined) return
  node.parameters.forEach((parameter, index) => {
    if (!NAMES.has(nameOf(parameter.name) ?? '') || parameter.type?.kind !== ts.SyntaxKind.StringKeyword) return
    const indexes = takers.get(name) ?? new Set()
    takers.set(name, indexes.add(index))
  })
}
const declared = (node: ts.Node): ts.Node | undefined =>
  ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node) || ts.isPropertyDeclaration(node)
    ? node.name
    : undefined

/** Expressions that are a code because of where they stand. */
const places = (node: ts.Node, takers: ReadonlyMap<string, ReadonlySet<number>>): readonly ts.Expression[] => {
  if (ts.isPropertyAssignment(node) && NAMES.has(nameOf(node.name) ?? '')) return [node.initializer]
  if (ts.isVariableDeclaration(node) && NAMES.has(nameOf(node.name) ?? '') && node.initializer !== undefined)
    return [node.initializer]
  if (!ts.isCallExpression(node)) return []
  const callee = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression
  const indexes = takers.get(nameOf(callee) ?? '')
  return indexes === undefined ? [] : node.arguments.filter((_, index) => indexes.has(index))
}

/** What an expression may come to: both arms of a condition, both sides of `??`. */
const outcomes = (expression: ts.Expression): readonly ts.Expression[] => {
  if (ts.isConditionalExpression(expression))
    return [...outcomes(expression.whenTrue), ...outcomes(expression.whenFalse)]
  if (ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken)
    return [...outcomes(expression.left), ...outcomes(expression.right)]
  if (ts.isParenthesizedExpression(expression) || ts.isAsExpression(expression)) return outcomes(expression.expression)
  return [expression]
}

/** `x === 'CODE'`, `case 'CODE':`: such a literal makes no code, it asks for one. */
const isCompared = (node: ts.StringLiteral): boolean => {
  const { parent } = node
  if (ts.isCaseClause(parent) || ts.isLiteralTypeNode(parent)) return true
  if (!ts.isBinaryExpression(parent)) return false
  const { kind } = parent.operatorToken
  return kind === ts.SyntaxKind.EqualsEqualsEqualsToken || kind === ts.SyntaxKind.ExclamationEqualsEqualsToken
}
