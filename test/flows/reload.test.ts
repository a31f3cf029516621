import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/index.ts'
import { type EchoBackend, startEchoBackend } from '../support/echo-backend.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The versions give the two fields each other's numbers: a call that begins with one and ends with the other swaps them. */
const version = (name: number, tag: number): string => `
syntax = "proto3";
package swap.v1;
import "google/api/annotations.proto";
service Swap { rpc Echo(Pair) returns (Pair) { option (google.api.http) = { post: "/v1/echo" body: "*" }; } }
message Pair { string name = ${name}; string tag = ${tag}; repeated string filler = 3; }
`

let folder: string
let backend: EchoBackend
let running: RunningGateway

const write = (text: string): void => {
  const next = join(folder, 'swap.next')
  writeFileSync(next, text)
  renameSync(next, join(folder, 'swap.proto'))
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'protogate-reload-'))
  write(version(1, 2))
  backend = await startEchoBackend(['/swap.v1.Swap/Echo'])
  running = await startGateway({ schemas: [folder], upstreams: { swap: { endpoints: [backend.address] } } })
})
afterEach(async () => {
  await running.stop()
  await backend.stop()
  rmSync(folder, { recursive: true, force: true })
})

const call = async (index: number): Promise<void> => {
  const sent = { name: `name ${index}`, tag: `tag ${index}` }
  const response = await fetch(`${running.url}/v1/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(sent),
  })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual(sent)
}

describe('reload under load', () => {
  test('100 reloads: no call fails, none mixes two schemas, memory comes back', { timeout: 120_000 }, async () => {
    let calls = 0
    let stopping = false
    const failures: unknown[] = []
    const client = async (): Promise<void> => {
      while (!stopping) await call(calls++).catch((failure: unknown) => failures.push(failure))
    }
    const reload = async (count: number): Promise<void> => {
      const clients = Array.from({ length: 8 }, client)
      for (let i = 1; i <= count; i++) {
        write(i % 2 === 1 ? version(2, 1) : version(1, 2))
        const before = running.gateway.snapshot.revision
        const { revision } = await running.gateway.reload()
        expect(revision).toBe(before + 1)
        await call(calls++)
      }
      stopping = true
      await Promise.all(clients)
      stopping = false
    }
    const used = (): number => {
      running.lines.length = 0
      collectGarbage()
      return process.memoryUsage().heapUsed
    }
    await reload(20)
    const first = used()
    await reload(100)
    const last = used()
    console.log(
      `${calls} calls during 120 reloads; heap ${(first / 2 ** 20).toFixed(2)} → ${(last / 2 ** 20).toFixed(2)} MiB`,
    )
    expect(failures).toEqual([])
    expect(backend.calls).toBe(calls)
    expect(last - first).toBeLessThan(4 * 2 ** 20)
  })

  test('a bad schema is refused with its place, and the old one serves on', async () => {
    write('syntax = "proto3";\nmessage Pair { string name 1; }\n')
    const refused = await running.gateway.reload().catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ConfigError)
    const [problem] = (refused as ConfigError).problems
    expect(problem).toMatchObject({ severity: 'error', line: 2 })
    expect(problem!.file).toContain('swap.proto')
    expect(running.gateway.snapshot.revision).toBe(1)
    await call(1)

    write(version(2, 1))
    await running.gateway.reload()
    expect(running.gateway.snapshot.revision).toBe(2)
    await call(2)
  })
})
