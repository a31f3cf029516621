import { isUtf8 } from 'node:buffer'
import { readFile, realpath, stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { nearest, type Problem } from '../core/config-error.ts'
import { INCLUDE_NAME, includeNames, includeText, isBuiltInName } from './include.ts'
import type { ProtoFile } from './link/index.ts'
import { type Ident, type ParsedProto, parseProto } from './parse/index.ts'
import { type ImportRoot, isInside, type SourceFile, type Sources, shownPath } from './sources.ts'

/** 4 MiB: the largest .proto files that people write have a tenth of that. */
const MAX_FILE_BYTES = 4 * 1024 * 1024
const MAX_FILES = 10_000

export interface LoadedProtos {
  /** The sources first, then what they import. */
  readonly files: readonly ProtoFile[]
  /** Of files that could not be read at all. */
  readonly problems: readonly Problem[]
  /** Texts of the user's files by absolute path, imports included. */
  readonly texts: ReadonlyMap<string, Buffer>
}

/** Reads the sources and what they import. Imports are looked up in the roots, then among the built-in files. Paths are shown as seen from `from`. */
export const loadProtos = async (sources: Sources, from: string): Promise<LoadedProtos> => {
  const loader = new Loader(sources, from)
  for (const source of sources.protos) await loader.source(source)
  await loader.imports()
  return loader.result()
}

/** The named built-in files and what they import, without looking at any other file. */
export const loadBuiltIns = (names: readonly string[]): readonly ProtoFile[] => {
  const files = new Map<string, ProtoFile>()
  const load = (name: string): ProtoFile | undefined => {
    const known = files.get(name)
    if (known !== undefined) return known
    const file = builtInFile(name)
    if (file === undefined) return undefined
    files.set(name, file)
    for (const { path } of file.node.imports) file.imports.push(load(path.text))
    return file
  }
  for (const name of names) load(name)
  return [...files.values()]
}

const parsed = new Map<string, ParsedProto>()
const builtInFile = (name: string): ProtoFile | undefined => {
  const text = includeText(name)
  if (text === undefined) return undefined
  let known = parsed.get(name)
  if (known === undefined) {
    known = parseProto(`${INCLUDE_NAME}/${name}`, text)
    parsed.set(name, known)
  }
  return { ...known, problems: [...known.problems], importName: name, builtIn: true, exposed: false, imports: [] }
}

class Loader {
  readonly #roots: readonly ImportRoot[]
  readonly #sources: readonly SourceFile[]
  readonly #from: string
  /** By real path, or by import name of a built-in file. */
  readonly #files = new Map<string, ProtoFile | undefined>()
  readonly #byImport = new Map<string, ProtoFile | undefined>()
  readonly #texts = new Map<string, Buffer>()
  readonly #problems: Problem[] = []

  constructor({ protos, roots }: Sources, from: string) {
    this.#sources = protos
    this.#roots = roots
    this.#from = from
  }

  result(): LoadedProtos {
    const files = [...this.#files.values()].filter((file) => file !== undefined)
    return { files, problems: this.#problems, texts: this.#texts }
  }

  async source(source: SourceFile): Promise<void> {
    await this.#read(source, true)
  }

  /** Follows the imports of everything that was read, until nothing new turns up. */
  async imports(): Promise<void> {
    for (const file of this.#files.values()) {
      if (file === undefined) continue
      for (const { path } of file.node.imports) file.imports.push(await this.#import(file, path))
    }
  }

  async #import(file: ProtoFile, path: Ident): Promise<ProtoFile | undefined> {
    const name = importName(file, path.text)
    if (name === undefined) {
      this.#report(file, path, 'PROTO_IMPORT', `"${path.text}" is not a path of an import`, {
        hint: 'it is relative to a folder of "schemas", has forward slashes and stays inside',
      })
      return undefined
    }
    if (!this.#byImport.has(name)) this.#byImport.set(name, await this.#find(name))
    const found = this.#byImport.get(name)
    if (found === undefined && !this.#refused.has(name)) this.#missing(file, path)
    return found
  }
  /** Imports that were found and could not be read: that problem is enough. */
  readonly #refused = new Set<string>()

  async #find(name: string): Promise<ProtoFile | undefined> {
    for (const root of this.#roots) {
      const path = join(root.path, name)
      const real = await realpath(path).catch(() => undefined)
      if (real === undefined) continue
      const shown = shownPath(path, this.#from)
      if (!isInside(real, root.real)) {
        this.#refuse(name, shown, 'SCHEMA_SYMLINK', `the symbolic link "${shown}" leads out of the folder, to ${real}`)
        return undefined
      }
      const file = await this.#read({ path, real, shown, importName: name, named: false }, false)
      if (file === undefined) this.#refused.add(name)
      return file
    }
    const copy = await this.#copyOfBuiltIn(name)
    if (copy !== undefined) return copy
    const file = builtInFile(name)
    if (file !== undefined) this.#files.set(name, file)
    return file
  }

  /** A copy of a built-in file anywhere in the user's folders (`third_party/google/api/http.proto`) stands for it. */
  async #copyOfBuiltIn(name: string): Promise<ProtoFile | undefined> {
    if (includeText(name) === undefined) return undefined
    const copy = this.#sources.find(({ importName }) => importName.endsWith(`/${name}`))
    return copy === undefined ? undefined : this.#read(copy, false)
  }

  async #read(source: SourceFile, configured: boolean): Promise<ProtoFile | undefined> {
    if (this.#files.has(source.real)) return this.#files.get(source.real)
    const text = await this.#text(source)
    const file =
      text === undefined
        ? undefined
        : this.#parse(source, text, configured && (source.named || !isBuiltInName(source.importName)))
    this.#files.set(source.real, file)
    return file
  }

  #parse(source: SourceFile, text: string, exposed: boolean): ProtoFile {
    const { node, problems } = parseProto(source.shown, text)
    return { node, problems: [...problems], importName: source.importName, builtIn: false, exposed, imports: [] }
  }

  async #text({ path, shown, importName }: SourceFile): Promise<string | undefined> {
    if (this.#texts.size >= MAX_FILES) {
      this.#refuse(importName, shown, 'SCHEMA_TOO_LARGE', `more than ${MAX_FILES} .proto files`)
      return undefined
    }
    try {
      const { size } = await stat(path)
      if (size > MAX_FILE_BYTES) {
        this.#refuse(
          importName,
          shown,
          'SCHEMA_TOO_LARGE',
          `the file has ${size} bytes, at most ${MAX_FILE_BYTES} are read`,
        )
        this.#texts.set(path, Buffer.alloc(0))
        return undefined
      }
      const bytes = await readFile(path)
      this.#texts.set(path, bytes)
      if (isUtf8(bytes)) return bytes.toString()
      const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
      const hint = wide ? 'it looks like UTF-16: save it as UTF-8' : undefined
      this.#refuse(importName, shown, 'PROTO_NOT_UTF8', 'the file is not valid UTF-8', hint)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#texts.set(path, Buffer.alloc(0))
      this.#refuse(importName, shown, 'SCHEMA_UNREADABLE', `the file cannot be read: ${reason}`)
    }
    return undefined
  }

  #missing(file: ProtoFile, path: Ident): void {
    const folders = this.#roots.map(({ shown }) => shown).join(', ')
    const searched = `${folders}${folders === '' ? '' : ' and '}the built-in files`
    this.#report(file, path, 'PROTO_IMPORT_NOT_FOUND', `import "${path.text}" not found, searched ${searched}`, {
      hint: this.#suggestion(path.text),
    })
  }

  #suggestion(name: string): string | undefined {
    const deeper = this.#sources.find((source) => source.importName.endsWith(`/${name}`))
    if (deeper !== undefined)
      return `"${deeper.shown}" ends in it: add "${deeper.shown.slice(0, -name.length - 1)}" to "schemas"`
    const near = nearest(name, [...this.#sources.map(({ importName }) => importName), ...includeNames()])
    return near === undefined ? undefined : `did you mean "${near}"?`
  }

  #refuse(importName: string, file: string, code: string, message: string, hint?: string): void {
    this.#refused.add(importName)
    this.#problems.push({ code, severity: 'error', message, file, hint })
  }
  #report(file: ProtoFile, at: Ident, code: string, message: string, more: Partial<Problem>): void {
    file.problems.push(file.node.source.problem(code, message, at, more))
  }
}

/**
 * The path that an import means. protoc knows none that begins with a dot; other tools read `./kv.proto` as a neighbour of the
 * file that imports it, and so does this. undefined: no path of an import, or one that leads out.
 */
const importName = (file: ProtoFile, text: string): string | undefined => {
  const relative = text.startsWith('./') || text.startsWith('../')
  const name = relative ? posix.join(posix.dirname(file.importName), text) : text
  const whole = !name.includes('\\') && !name.includes('\0')
  return whole && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..') ? name : undefined
}
