import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { concatMap, debounceTime, filter, from, merge, type Observable, Subject, share } from 'rxjs'
import type { Resource } from '../core/module.ts'

/** What a configuration was made from. Absolute paths; none of them has to exist. */
export interface WatchTargets {
  readonly files: readonly string[]
  /** Schema files in these folders and below count; hidden folders and node_modules do not. */
  readonly folders: readonly string[]
  /** .proto files right in this folder count as well. */
  readonly beside: string | undefined
}

export interface WatchOptions {
  /** Quiet time in ms after the last event, before anything is read. */
  readonly quiet?: number
  /** Wall clock (ms) before the configuration was read: what changed since then, and before the watch began, is told first. */
  readonly since?: number
  readonly onError: (error: Error) => void
}

export interface ConfigWatch extends Resource {
  /** Absolute paths whose content is another than at the last time, whatever the file system said of them. Hot. */
  readonly changes: Observable<readonly string[]>
  /** Resolves when changes from now on will be seen. */
  readonly ready: Promise<void>
  /** Watches something else, after a reload that began to read at `since`. What has changed since then is told. */
  update(targets: WatchTargets, since?: number): void
}

const QUIET = 75

/**
 * Watches the files of a configuration. Several events in short order make one change; a file that was written with the same bytes
 * makes none. Editors that write another file and rename it, folders that appear later and files that go away are seen.
 */
export const watchConfig = (targets: WatchTargets, { quiet = QUIET, since, onError }: WatchOptions): ConfigWatch => {
  const events = new Subject<void>()
  const checks = new Subject<void>()
  let current = targets
  let compared = targets
  let contents: Promise<Contents> = fingerprint(targets, since)
  let watcher: FSWatcher | undefined
  let stopped = false
  const ready = Promise.withResolvers<void>()

  const start = (): void => {
    const opened = watch(
      [...current.folders, ...current.files, ...(current.beside === undefined ? [] : [current.beside])],
      {
        ignoreInitial: true,
        ignored: ignoring(current),
      },
    )
    watcher = opened
    opened.on('all', () => events.next())
    opened.on('error', (error) => onError(error instanceof Error ? error : new Error(String(error))))
    opened.once('ready', () => {
      checks.next()
      void contents.then(() => ready.resolve())
    })
  }

  /** One after the other, so that no comparison sees half of an update. */
  const changed = async (): Promise<readonly string[]> => {
    let paths: readonly string[] = []
    contents = contents.then(async (before) => {
      const now = await fingerprint(compared)
      paths = difference(before, now)
      return now
    })
    await contents
    return paths
  }
  const changes = merge(events.pipe(debounceTime(quiet)), checks).pipe(
    concatMap(() => from(changed())),
    filter((paths) => paths.length > 0 && !stopped),
    share(),
  )
  const own = changes.subscribe({ error: onError })
  start()
  return {
    changes,
    ready: ready.promise,
    update(next, readSince) {
      if (stopped || JSON.stringify(next) === JSON.stringify(current)) return
      const old = watcher
      current = next
      contents = contents.then((before) => {
        compared = next
        return adopt(before, next, readSince)
      })
      start()
      old?.close().catch(onError)
    },
    async stop() {
      if (stopped) return
      stopped = true
      own.unsubscribe()
      events.complete()
      checks.complete()
      ready.resolve()
      await watcher?.close()
    },
  }
}

type Contents = ReadonlyMap<string, string>
/** File systems stamp with the time of the last tick of the kernel: up to 10 ms ago. */
const CLOCK_TICK = 10
const SCHEMA_FILE = /\.(?:proto|binpb)$/

/** Content of all that counts, as hashes. What changed after `since` gets none, so that it differs from the next time. */
const fingerprint = async (targets: WatchTargets, since?: number): Promise<Contents> => {
  const contents = new Map<string, string>()
  for (const path of await filesOf(targets)) {
    const hash = await hashOf(path, since)
    if (hash !== undefined) contents.set(path, hash)
  }
  return contents
}

/** After a reload: what is new among the targets was just read and is no change, unless it is newer than that. */
const adopt = async (before: Contents, next: WatchTargets, since: number | undefined): Promise<Contents> => {
  const ignored = ignoring(next)
  const known = [...before].filter(([path]) => !ignored(path))
  return new Map([...(await fingerprint(next, since)), ...known])
}

const filesOf = async ({ files, folders, beside }: WatchTargets): Promise<readonly string[]> => {
  const all = new Set(files)
  for (const folder of folders) for (const file of await schemaFiles(folder, true)) all.add(file)
  if (beside !== undefined)
    for (const file of await schemaFiles(beside, false)) if (file.endsWith('.proto')) all.add(file)
  return [...all]
}

const schemaFiles = async (folder: string, deep: boolean): Promise<readonly string[]> => {
  const found: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (deep && !isHidden(entry.name)) found.push(...(await schemaFiles(path, true)))
    } else if (SCHEMA_FILE.test(entry.name)) found.push(path)
  }
  return found
}

const hashOf = async (path: string, since: number | undefined): Promise<string | undefined> => {
  try {
    if (since !== undefined && (await isNewer(path, since))) return ''
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  } catch {
    return undefined
  }
}
const isNewer = async (path: string, since: number): Promise<boolean> => {
  const [own, target] = [await lstat(path), await stat(path)]
  return Math.max(own.ctimeMs, target.ctimeMs) >= since - CLOCK_TICK
}

const difference = (before: Contents, now: Contents): readonly string[] => {
  const changed = [...now].filter(([path, hash]) => before.get(path) !== hash).map(([path]) => path)
  return [...changed, ...[...before.keys()].filter((path) => !now.has(path))].sort()
}

/** Everything but the targets, the way to them and the schema files below them. */
const ignoring = ({ files, folders, beside }: WatchTargets) => {
  const wanted = new Set([...files, ...folders, ...(beside === undefined ? [] : [beside])])
  const ways = new Set<string>()
  for (const path of wanted) for (let up = dirname(path); !ways.has(up); up = dirname(up)) ways.add(up)
  return (path: string, stats?: { isFile(): boolean }): boolean => {
    if (wanted.has(path) || ways.has(path)) return false
    if (beside !== undefined && dirname(path) === beside && path.endsWith('.proto')) return false
    const folder = folders.find((one) => path.startsWith(one + sep))
    if (folder === undefined) return true
    const steps = relative(folder, path).split(sep)
    if (stats?.isFile() === true) return steps.slice(0, -1).some(isHidden) || !SCHEMA_FILE.test(path)
    return steps.some(isHidden)
  }
}
const isHidden = (name: string): boolean => name.startsWith('.') || name === 'node_modules'
