import type { Problem } from '../../core/config-error.ts'
import type { FileNode, ImportNode, Span } from '../parse/index.ts'

/** A parsed file among others: what its imports led to, and what is wrong with it. */
export interface ProtoFile {
  readonly node: FileNode
  /** As other files import it. */
  readonly importName: string
  /** Part of the built-in include root. */
  readonly builtIn: boolean
  /** Its services are offered: it is a source of the configuration. */
  readonly exposed: boolean
  /** In the order of `node.imports`; undefined where nothing was found. */
  readonly imports: (ProtoFile | undefined)[]
  readonly problems: Problem[]
}

export const report = (
  file: ProtoFile,
  at: Span,
  code: string,
  message: string,
  more: { readonly hint?: string | undefined; readonly severity?: 'error' | 'warning' } = {},
): void => {
  file.problems.push(
    file.node.source.problem(code, message, at, { severity: more.severity ?? 'error', hint: more.hint }),
  )
}

export const hasErrors = (file: ProtoFile): boolean => file.problems.some(({ severity }) => severity === 'error')

/** `protos/a.proto:3:9`, for a second place in a message. */
export const placeText = (file: ProtoFile, at: Span): string => {
  const place = file.node.source.place(at.offset)
  return `${place.file}:${place.line}:${place.column}`
}

/** What a file sees: itself, what it imports, and what those import publicly. */
export const visibleFiles = (
  file: ProtoFile,
  imports: (kind: ImportNode['kind']) => boolean,
): ReadonlySet<ProtoFile> => {
  const seen = new Set<ProtoFile>()
  for (const [index, { kind }] of file.node.imports.entries()) {
    const imported = file.imports[index]
    if (imported !== undefined && imports(kind)) seen.add(imported)
  }
  // What is added while it is walked is walked as well.
  for (const found of seen)
    for (const [index, { kind }] of found.node.imports.entries()) {
      const imported = found.imports[index]
      if (imported !== undefined && kind === 'public') seen.add(imported)
    }
  seen.add(file)
  return seen
}

/** The file or one that it sees could not be read whole: a name that is missing may stand in there. */
export const seesBroken = (file: ProtoFile, visible: ReadonlySet<ProtoFile>, broken: ReadonlySet<ProtoFile>): boolean =>
  file.imports.includes(undefined) || [...visible].some((one) => broken.has(one) || one.imports.includes(undefined))

export const joined = (scope: string, name: string): string => (scope === '' ? name : `${scope}.${name}`)
export const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
