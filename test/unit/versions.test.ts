import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
}
interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
}
const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const lock = JSON.parse(read('package-lock.json')) as { readonly packages: Readonly<Record<string, Locked>> }
const manifest = JSON.parse(read('package.json')) as Manifest

/** Lowest versions without a known hole in what we use, and the hole. In place of `npm audit`, whose service need not answer. */
const FLOORS: readonly (readonly [name: string, floor: string, why: string])[] = [
  ['protobufjs', '8.0.1', 'CVE-2026-41242: code execution from a crafted schema'],
  ['@grpc/grpc-js', '1.10.9', 'CVE-2024-37168: memory beyond the receive limit'],
  ['ws', '8.21.1', 'CVE-2026-48779, CVE-2026-62389: memory by tiny fragments'],
  ['undici', '8.9.0', 'CVE-2026-13697: the cache keeps private responses; CVE-2026-22036: decompression chain'],
  ['node', '24.12.0', 'type stripping without a flag, security fixes of the current line'],
]

/** Below 0, 0 or above, as semver orders versions. A pre-release stands before its release; two of them are compared as text. */
const compareVersions = (a: string, b: string): number => {
  const [coreA = '', ...preA] = a.replace(/\+.*$/, '').split('-')
  const [coreB = '', ...preB] = b.replace(/\+.*$/, '').split('-')
  const partsA = coreA.split('.').map(Number)
  const partsB = coreB.split('.').map(Number)
  for (let i = 0; i < 3; i++) {
    const difference = (partsA[i] ?? 0) - (partsB[i] ?? 0)
    if (difference !== 0) return difference
  }
  if (preA.length === 0 || preB.length === 0) return preB.length - preA.length
  return preA.join('-') < preB.join('-') ? -1 : Number(preA.join('-') > preB.join('-'))
}

/** Every copy of a package in the tree: path → version. */
const copiesOf = (name: string): readonly (readonly [path: string, version: string])[] =>
  Object.entries(lock.packages).flatMap(([path, { version }]) =>
    path === `node_modules/${name}` || path.endsWith(`/node_modules/${name}`) ? [[path, version ?? ''] as const] : [],
  )

test('versions are compared by their numbers', () => {
  const rising = ['0.9.9', '1.0.0-beta', '1.0.0-rc', '1.0.0', '1.0.9', '1.0.10', '1.10.0', '2.0.0', '10.0.0']
  for (const [i, low] of rising.entries())
    for (const [j, high] of rising.entries())
      expect(Math.sign(compareVersions(low, high)), `${low} ${high}`).toBe(Math.sign(i - j))
})

test.each(FLOORS)('every copy of %s is at least %s: %s', (name, floor) => {
  const copies = copiesOf(name)
  expect(copies.length).toBeGreaterThan(0)
  expect(copies.filter(([, version]) => compareVersions(version, floor) < 0)).toEqual([])
})

test('there is one protobufjs: two copies would not know each other’s types', () => {
  expect(copiesOf('protobufjs')).toEqual([['node_modules/protobufjs', manifest.dependencies.protobufjs]])
})

describe('the lock file', () => {
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')

  test('does not say where a package was fetched from, but what it holds', () => {
    expect(packages.length).toBeGreaterThan(100)
    expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
    expect(packages.filter(([, { integrity }]) => integrity === undefined)).toEqual([])
  })

  test('lets nobody run a script at its installation but who was allowed to', () => {
    const scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)
    expect(scripts).toEqual(Object.keys(manifest.allowScripts).map((name) => `node_modules/${name}`))
  })
})

test('every dependency says in docs/dependencies.md what it is for', () => {
  const listed = read('docs/dependencies.md')
    .split('\n')
    .flatMap((line) => /^\| (\S+) \|/.exec(line)?.[1] ?? [])
    .filter((name) => name !== 'Package' && !/^-+$/.test(name))
  expect(listed).toEqual(Object.keys(manifest.dependencies))
})
