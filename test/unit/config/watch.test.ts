import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type ConfigWatch, type WatchTargets, watchConfig } from '../../../src/config/watch.ts'

const made: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const undo of made.splice(0).reverse()) await undo()
})

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'protogate-watch-'))
  made.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Watching {
  readonly watch: ConfigWatch
  /** The next change, as paths from the folder. */
  next(): Promise<readonly string[]>
  /** Changes that nobody has waited for. */
  readonly left: readonly (readonly string[])[]
}
const watching = async (base: string, targets: Partial<WatchTargets>, since?: number): Promise<Watching> => {
  const watch = watchConfig(
    { files: [], folders: [], beside: undefined, ...targets },
    {
      quiet: 60,
      ...(since === undefined ? {} : { since }),
      onError(error) {
        throw error
      },
    },
  )
  made.push(() => watch.stop())
  const left: (readonly string[])[] = []
  let wake = (): void => {}
  watch.changes.subscribe((paths) => {
    left.push(paths.map((path) => relative(base, path)))
    wake()
  })
  await watch.ready
  return {
    watch,
    left,
    async next() {
      while (left.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return left.shift()!
    },
  }
}

test('a changed file is told once, and the same bytes are no change', async () => {
  const base = folder()
  const file = join(base, 'routes.json')
  writeFileSync(file, '{}')
  const { next, left } = await watching(base, { files: [file] })
  writeFileSync(file, '{ ')
  writeFileSync(file, '{ "version": 1 }')
  expect(await next()).toEqual(['routes.json'])
  writeFileSync(file, '{ "version": 1 }')
  writeFileSync(join(base, 'other.json'), '{}')
  writeFileSync(file, '{ "version": 2 }')
  expect(await next()).toEqual(['routes.json'])
  expect(left).toEqual([])
})

test('an editor that writes another file and renames it over the old one', async () => {
  const base = folder()
  const file = join(base, 'routes.json')
  writeFileSync(file, '{}')
  const { next } = await watching(base, { files: [file] })
  for (const text of ['{ "version": 1 }', '{ "version": 2 }', '{ "version": 3 }']) {
    writeFileSync(`${file}.tmp`, text)
    renameSync(`${file}.tmp`, file)
    expect(await next()).toEqual(['routes.json'])
  }
})

test('a folder that appears after the start, files below it, and their going away', async () => {
  const base = folder()
  const protos = join(base, 'protos')
  const { next } = await watching(base, { folders: [protos], files: [join(base, 'routes.json')] })
  mkdirSync(join(protos, 'acme', 'v1'), { recursive: true })
  writeFileSync(join(protos, 'acme', 'v1', 'books.proto'), 'syntax = "proto3";')
  expect(await next()).toEqual(['protos/acme/v1/books.proto'])
  writeFileSync(join(protos, 'README.md'), 'no schema')
  mkdirSync(join(protos, 'node_modules'))
  writeFileSync(join(protos, 'node_modules', 'x.proto'), '')
  writeFileSync(join(protos, 'set.binpb'), 'x')
  expect(await next()).toEqual(['protos/set.binpb'])
  writeFileSync(join(base, 'routes.json'), '{}')
  expect(await next()).toEqual(['routes.json'])
  unlinkSync(join(protos, 'acme', 'v1', 'books.proto'))
  expect(await next()).toEqual(['protos/acme/v1/books.proto'])
  rmSync(protos, { recursive: true })
  expect(await next()).toEqual(['protos/set.binpb'])
  mkdirSync(protos)
  writeFileSync(join(protos, 'again.proto'), 'syntax = "proto3";')
  expect(await next()).toEqual(['protos/again.proto'])
})

test('.proto files beside nothing else', async () => {
  const base = folder()
  mkdirSync(join(base, 'deep'))
  const { next } = await watching(base, { beside: base })
  writeFileSync(join(base, 'notes.txt'), 'no')
  writeFileSync(join(base, 'deep', 'x.proto'), 'no')
  writeFileSync(join(base, 'hello.proto'), 'syntax = "proto3";')
  expect(await next()).toEqual(['hello.proto'])
})

test('what changed between reading and watching is told', async () => {
  const base = folder()
  const file = join(base, 'routes.json')
  const since = Date.now()
  writeFileSync(file, '{}')
  const { next } = await watching(base, { files: [file] }, since)
  expect(await next()).toEqual(['routes.json'])
})

test('other targets after a reload: new ones are no change, old ones are not watched any more', async () => {
  const base = folder()
  const [one, two] = [join(base, 'one.json'), join(base, 'two.json')]
  writeFileSync(one, '1')
  writeFileSync(two, '2')
  const { watch, next, left } = await watching(base, { files: [one] })
  watch.update({ files: [two], folders: [], beside: undefined }, Date.now())
  writeFileSync(one, '11')
  writeFileSync(two, '22')
  expect(await next()).toEqual(['two.json'])
  expect(left).toEqual([])
})
