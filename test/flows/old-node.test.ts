import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const BIN = fileURLToPath(new URL('../../bin/protogate.js', import.meta.url))
/** Runs bin/protogate.js in a process that says that it is this version of Node. */
const as = (version: string) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, BIN, '--version'],
    {
      encoding: 'utf8',
    },
  )
}

test.each(['12.20.0', '18.19.1', '20.20.2', '24.11.9'])(
  'Node %s gets one line that names the version needed',
  (version) => {
    const { status, stdout, stderr } = as(version)
    expect([status, stdout, stderr]).toEqual([1, '', `protogate needs Node 24.12 or newer; this is Node ${version}\n`])
  },
)

test.each(['24.12.0', '24.21.0', '26.0.0'])('Node %s runs it', (version) => {
  const { status, stdout } = as(version)
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)])
})
