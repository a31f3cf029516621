/** Fails when the scripts do not run on the Node that the project pins (.nvmrc), or the lock file misses a package. */
import { readFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8')
const pinned = read('.nvmrc').trim()
const problems: string[] = []
if (process.versions.node.split('.')[0] !== pinned.split('.')[0])
  problems.push(`Node ${process.versions.node} runs the scripts, .nvmrc pins ${pinned}`)

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly resolved?: string }>>
}
const manifest = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>
const lock = JSON.parse(read('package-lock.json')) as Lock
for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
  if (!/^\d+\.\d+\.\d+$/.test(version)) problems.push(`${name} is not pinned exactly: "${version}"`)
  const locked = lock.packages[`node_modules/${name}`]?.version
  if (locked !== version) problems.push(`${name} is ${version} in package.json and ${locked} in package-lock.json`)
}
const copies = Object.keys(lock.packages).filter((path) => path.endsWith('node_modules/protobufjs'))
if (copies.length !== 1) problems.push(`one protobufjs is wanted in the tree, found: ${copies.join(', ')}`)
if (Object.values(lock.packages).some((entry) => entry.resolved !== undefined))
  problems.push('package-lock.json names where packages were fetched from (npm config omit-lockfile-registry-resolved)')

for (const problem of problems) console.error(`check:node: ${problem}`)
process.exit(problems.length === 0 ? 0 : 1)
