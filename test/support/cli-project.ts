import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { type CliProcess, startCli } from './cli.ts'

/** Two routes: `GET /v1/hello/{name}` and `POST /hello.v1.Hello/Make`. */
export const HELLO = `syntax = "proto3";
package hello.v1;
import "google/api/annotations.proto";
service Hello {
  rpc Say(SayRequest) returns (SayReply) { option (google.api.http) = { get: "/v1/hello/{name}" }; }
  rpc Make(SayRequest) returns (SayReply);
}
message SayRequest { string name = 1; }
message SayReply { string text = 1; }
`
/** One route: `POST /more.v1.More/Do`. */
export const MORE = `syntax = "proto3";
package more.v1;
service More { rpc Do(Thing) returns (Thing); }
message Thing { string name = 1; }
`

type Files = Readonly<Record<string, string>>

/** Folders and processes of one test; `undo` runs after it, the last first. */
export interface Projects {
  readonly undo: (() => unknown)[]
  /** A new folder with these files. */
  folder(files?: Files): string
  /** `protogate ARGS` on free ports. */
  start(args: readonly string[], cwd: string, env?: Files): CliProcess
}

/** Once at the top of a test file. */
export const projects = (): Projects => {
  const undo: (() => unknown)[] = []
  afterEach(async () => {
    for (const one of undo.splice(0).reverse()) await one()
  })
  return {
    undo,
    folder(files = { 'protos/hello.proto': HELLO }) {
      const base = mkdtempSync(join(tmpdir(), 'protogate-cli-'))
      undo.push(() => rmSync(base, { recursive: true, force: true }))
      for (const [name, text] of Object.entries(files)) put(base, name, text)
      return base
    },
    start(args, cwd, env = {}) {
      const cli = startCli([...args, '--port', '0', '--admin-port', '0'], { cwd, env })
      undo.push(async () => {
        cli.child.kill('SIGKILL')
        await cli.ended
      })
      return cli
    },
  }
}

export const put = (base: string, name: string, text: string): void => {
  mkdirSync(join(base, name, '..'), { recursive: true })
  writeFileSync(join(base, name), text)
}

/** Where a `dev` says that it serves. */
export const addresses = async (cli: CliProcess): Promise<{ readonly http: string; readonly admin: string }> => {
  const [, http, admin] = await cli.until(/http {3}(http:\S+) {3}admin {2}(http:\S+)/)
  return { http: http!, admin: admin! }
}

type Line = Readonly<Record<string, unknown>>
interface Place {
  readonly port: number
}
/** The JSON lines of a `run`. */
export const jsonLines = (cli: CliProcess): readonly Line[] =>
  cli
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
/** Where a `run` says that it serves. */
export const served = async (
  cli: CliProcess,
): Promise<{ readonly port: number; readonly http: string; readonly admin: string }> => {
  const [line] = await cli.until(/^.*"msg":"serving".*$/m)
  const { http, admin } = JSON.parse(line!) as { http: readonly [Place]; admin: Place }
  const [{ port }] = http
  return { port, http: `http://127.0.0.1:${port}`, admin: `http://127.0.0.1:${admin.port}` }
}
