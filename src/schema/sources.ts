import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { nearest, type Problem } from '../core/config-error.ts'

/** A folder in which imports are looked up. */
export interface ImportRoot {
  readonly path: string
  /** Without symbolic links. */
  readonly real: string
  readonly shown: string
}
/** A .proto file of the configuration. */
export interface SourceFile {
  readonly path: string
  readonly real: string
  readonly shown: string
  /** As other files import it. */
  readonly importName: string
  /** Named by itself in `schemas`, and not only part of a folder. */
  readonly named: boolean
}
export interface Sources {
  readonly protos: readonly SourceFile[]
  readonly roots: readonly ImportRoot[]
  /** Descriptor sets. */
  readonly descriptors: readonly Pick<SourceFile, 'path' | 'shown'>[]
  /** Service configs. */
  readonly configs: readonly Pick<SourceFile, 'path' | 'shown'>[]
  readonly problems: readonly Problem[]
}

/** Names of descriptor sets. */
export const DESCRIPTOR_SET = /\.(?:binpb|pb|desc|dsc|protoset|fds|binarypb)$/
/** Names of service configs. */
export const SERVICE_CONFIG = /\.(?:ya?ml|json)$/
const MAX_FILES = 10_000
const MAX_DEPTH = 40
/** Folders that hold other people's files, which nobody means by naming the folder around them. */
const SKIPPED: ReadonlySet<string> = new Set(['node_modules'])

/** A path as it is shown: relative to `from` when it lies inside, with forward slashes. */
export const shownPath = (path: string, from: string): string => {
  const inside = relative(from, path)
  const shown = inside === '' ? '.' : inside.startsWith('..') || isAbsolute(inside) ? path : inside
  return sep === '/' ? shown : shown.replaceAll(sep, '/')
}
/** `real` is `folder` or lies in it; both without symbolic links. */
export const isInside = (real: string, folder: string): boolean => {
  const path = relative(folder, real)
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)
}

/**
 * Finds what `schemas` means: folders (every .proto in them, recursively), .proto files, descriptor sets, service configs, all
 * relative to `base`. Paths are shown as seen from `from`.
 */
export const findSources = async (sources: readonly string[], base: string, from: string): Promise<Sources> => {
  const finder = new Finder(resolve(base), from)
  for (const source of sources) await finder.add(source)
  return finder.result()
}

class Finder {
  readonly #base: string
  readonly #from: string
  readonly #protos = new Map<string, SourceFile>()
  readonly #roots = new Map<string, ImportRoot>()
  readonly #descriptors = new Map<string, Pick<SourceFile, 'path' | 'shown'>>()
  readonly #configs = new Map<string, Pick<SourceFile, 'path' | 'shown'>>()
  readonly #problems: Problem[] = []

  constructor(base: string, from: string) {
    this.#base = base
    this.#from = from
  }

  result(): Sources {
    return {
      protos: [...this.#protos.values()],
      roots: [...this.#roots.values()],
      descriptors: [...this.#descriptors.values()],
      configs: [...this.#configs.values()],
      problems: this.#problems,
    }
  }

  async add(source: string): Promise<void> {
    const path = resolve(this.#base, source)
    const shown = shownPath(path, this.#from)
    try {
      const about = await stat(path)
      if (about.isDirectory()) await this.#folder(path, shown)
      else if (path.endsWith('.proto')) await this.#file(path, shown)
      else if (DESCRIPTOR_SET.test(path)) this.#descriptors.set(path, { path, shown })
      else if (SERVICE_CONFIG.test(path)) this.#configs.set(path, { path, shown })
      else
        this.#problem(shown, 'SCHEMA_KIND', `"${source}" is no kind of schema`, {
          hint: 'a folder, a .proto file, a descriptor set (.binpb) or a service config (.yaml, .json)',
        })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        this.#unreadable(shown, error)
        return
      }
      this.#problem(shown, 'SCHEMA_NOT_FOUND', `no file or folder "${source}"`, { hint: await this.#nearby(path) })
    }
  }

  async #file(path: string, shown: string): Promise<void> {
    const folder = dirname(path)
    await this.#root(folder)
    let importName = posix(relative(folder, path))
    if (isInside(folder, this.#base) && folder !== this.#base) {
      for (let parent = dirname(folder); isInside(parent, this.#base); parent = dirname(parent)) {
        await this.#root(parent)
        if (parent === this.#base) break
      }
      importName = posix(relative(this.#base, path))
    }
    const real = await realpath(path)
    const known = this.#protos.get(real)
    this.#protos.set(real, { path, real, shown, importName, ...known, named: true })
  }

  async #folder(path: string, shown: string): Promise<void> {
    const root = await this.#root(path)
    const before = this.#protos.size
    const found = await this.#walk(root, path, new Set(), 0)
    if (!found && this.#protos.size === before)
      this.#problem(shown, 'SCHEMA_EMPTY', `the folder "${shown}" has no .proto files`, { severity: 'warning' })
  }

  async #root(path: string): Promise<ImportRoot> {
    const real = await realpath(path)
    const known = this.#roots.get(real)
    if (known !== undefined) return known
    const root = { path, real, shown: shownPath(path, this.#from) }
    this.#roots.set(real, root)
    return root
  }

  /** Sorted, so that the same files give the same schema and the same problems on every machine. true: it has .proto files. */
  async #walk(root: ImportRoot, folder: string, seen: Set<string>, depth: number): Promise<boolean> {
    if (depth > MAX_DEPTH) {
      this.#problem(shownPath(folder, this.#from), 'SCHEMA_TOO_LARGE', `folders are nested deeper than ${MAX_DEPTH}`)
      return true
    }
    const entries = await readdir(folder, { withFileTypes: true })
    let found = false
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) continue
      const path = join(folder, entry.name)
      const kind = await this.#kindOf(root, path, entry)
      if (kind?.folder === true) {
        if (seen.has(kind.real)) continue
        seen.add(kind.real)
        if (await this.#walk(root, path, seen, depth + 1)) found = true
      } else if (kind !== undefined && entry.name.endsWith('.proto')) {
        found = true
        if (!this.#keep(root, path, kind.real)) return true
      }
    }
    return found
  }

  #keep(root: ImportRoot, path: string, real: string): boolean {
    if (this.#protos.size >= MAX_FILES) {
      this.#problem(root.shown, 'SCHEMA_TOO_LARGE', `more than ${MAX_FILES} .proto files`)
      return false
    }
    const importName = posix(relative(root.path, path))
    if (!this.#protos.has(real))
      this.#protos.set(real, { path, real, shown: shownPath(path, this.#from), importName, named: false })
    return true
  }

  /** undefined: neither file nor folder, or a link that may not be followed. */
  async #kindOf(
    root: ImportRoot,
    path: string,
    entry: Dirent,
  ): Promise<{ readonly real: string; readonly folder: boolean } | undefined> {
    const real = await realpath(path).catch(() => undefined)
    if (!entry.isSymbolicLink())
      return entry.isDirectory() || entry.isFile() ? { real: real ?? path, folder: entry.isDirectory() } : undefined
    const shown = shownPath(path, this.#from)
    const about = real === undefined ? undefined : await stat(real)
    const matters = about?.isDirectory() === true || entry.name.endsWith('.proto')
    if (!matters) return undefined
    if (real === undefined) {
      this.#problem(shown, 'SCHEMA_SYMLINK', `the symbolic link "${shown}" leads nowhere`)
      return undefined
    }
    if (!isInside(real, root.real)) {
      this.#problem(shown, 'SCHEMA_SYMLINK', `the symbolic link "${shown}" leads out of the folder, to ${real}`, {
        hint: 'name its target in "schemas" if it is meant',
      })
      return undefined
    }
    return { real, folder: about!.isDirectory() }
  }

  async #nearby(path: string): Promise<string | undefined> {
    const names = await readdir(dirname(path)).catch(() => [])
    const near = nearest(path.slice(dirname(path).length + 1), names)
    return near === undefined ? undefined : `did you mean "${shownPath(join(dirname(path), near), this.#base)}"?`
  }

  #unreadable(file: string, error: unknown): void {
    this.#problem(
      file,
      'SCHEMA_UNREADABLE',
      `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  #problem(file: string, code: string, message: string, more: Partial<Problem> = {}): void {
    this.#problems.push({ code, severity: 'error', message, file, ...more })
  }
}

const posix = (path: string): string => (sep === '/' ? path : path.replaceAll(sep, '/'))
