import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'

const root = fileURLToPath(new URL('../..', import.meta.url))
const bin = dirname(process.execPath)
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: '1', CI: '' }
const PROTO = `
syntax = "proto3";
package hello.v1;
import "google/api/annotations.proto";
service Hello {
  rpc Say(Request) returns (Reply) { option (google.api.http) = { get: "/v1/hello/{name}" }; }
  rpc Watch(Request) returns (stream Reply);
}
message Request { string name = 1; }
message Reply { string name = 1; int64 count = 2; }
`

let folder: string
let app: string
const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'protogate-package-'))
  app = join(folder, 'app')
  mkdirSync(join(app, 'protos'), { recursive: true })
  run('npm', ['pack', '--pack-destination', folder], root)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
  writeFileSync(join(app, 'protos', 'hello.proto'), PROTO)
  run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', join(folder, tarball)], app)
}, 300_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Started {
  readonly url: string
  readonly output: () => string
  readonly stop: () => Promise<number | null>
}

/** Starts `npx protogate …` and waits until it says where it listens. */
const start = (args: readonly string[]): Promise<Started> =>
  new Promise((resolve, reject) => {
    const child: ChildProcess = spawn('npx', ['--no-install', 'protogate', ...args], { cwd: app, env, detached: true })
    let output = ''
    const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const [, port] = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output) ?? []
      if (port === undefined) return
      resolve({
        url: `http://127.0.0.1:${port}`,
        output: () => output,
        stop() {
          process.kill(-child.pid!, 'SIGTERM')
          return exited
        },
      })
    }
    child.stdout!.on('data', read)
    child.stderr!.on('data', read)
    void exited.then((code) => reject(new Error(`protogate ended with ${code}:\n${output}`)))
  })

describe('the packed tarball in an empty folder', () => {
  test('serves one .proto over REST and WebSocket by `npx protogate dev`', { timeout: 60_000 }, async () => {
    const started = await start(['dev', '--port', '0', '--admin-port', '0'])
    try {
      const response = await fetch(`${started.url}/v1/hello/World`)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ name: 'World' })

      const socket = new WebSocket(`${started.url.replace('http', 'ws')}/hello.v1.Hello/Watch`)
      const message = await new Promise<string>((resolve, reject) => {
        socket.once('open', () => socket.send('{"name":"World"}'))
        socket.once('message', (data: Buffer) => resolve(data.toString()))
        socket.once('error', reject)
      })
      expect(JSON.parse(message)).toMatchObject({ name: 'World' })
      socket.terminate()
      expect(started.output()).toContain('/v1/hello/{name}')
    } finally {
      await started.stop()
    }
  })

  test('runs plug-ins that import only `protogate/spi`', { timeout: 60_000 }, async () => {
    for (const kind of ['policy', 'outbound', 'discovery'])
      for (const name of readdirSync(join(root, 'examples', kind)))
        if (/\.(ts|json)$/.test(name)) copyFileSync(join(root, 'examples', kind, name), join(app, name))
    const backend = createServer((socket) => {
      let text = ''
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        text += bytes.toString()
        const [, message] = text.split('\n')
        if (text.endsWith('\n\n')) socket.end(`${message}\n# 0\n`)
      })
    })
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
    const { port } = backend.address() as { port: number }
    writeFileSync(join(app, 'endpoints.json'), JSON.stringify([{ address: `jsonl://127.0.0.1:${port}` }]))
    const started = await start(['dev', '--config', 'plugins.json', '--port', '0', '--admin-port', '0'])
    try {
      const refused = await fetch(`${started.url}/v1/hello/World`)
      expect(refused.status).toBe(403)
      const served = await fetch(`${started.url}/v1/hello/World`, { headers: { 'x-team': 'blue' } })
      expect(served.status).toBe(200)
      expect(await served.json()).toEqual({ name: 'World' })
    } finally {
      await started.stop()
      backend.close()
    }
  })

  test('has the files that it needs and no others', () => {
    const files = run('tar', ['-tzf', join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!)], folder)
    const names = files.split('\n').filter((name) => name !== '')
    expect(names).toContain('package/LICENSE')
    expect(names).toContain('package/dist/src/schema/include/google/api/annotations.proto')
    expect(names.filter((name) => /\/(test|bench|node_modules)\/|\.test\./.test(name))).toEqual([])
  })
})
