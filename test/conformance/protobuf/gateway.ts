import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { type CliProcess, startCli } from '../../support/cli.ts'
import { type EchoBackend, startEchoBackend } from './backend.ts'
import { type Answer, type Asked, INCLUDE, type Testee } from './protocol.ts'

/** The test messages, and the method that takes and gives each of them. */
const MESSAGES: Readonly<Record<string, string>> = {
  'protobuf_test_messages.proto2.TestAllTypesProto2': 'Proto2',
  'protobuf_test_messages.proto3.TestAllTypesProto3': 'Proto3',
  'protobuf_test_messages.editions.TestAllTypesEdition2023': 'Edition2023',
  'protobuf_test_messages.editions.proto2.TestAllTypesProto2': 'EditionProto2',
  'protobuf_test_messages.editions.proto3.TestAllTypesProto3': 'EditionProto3',
}
const SERVICE = 'conformance.gateway.Echo'
const PROTO = `syntax = "proto3";
package conformance.gateway;
import "google/protobuf/test_messages_edition2023.proto";
import "google/protobuf/test_messages_proto2.proto";
import "google/protobuf/test_messages_proto2_editions.proto";
import "google/protobuf/test_messages_proto3.proto";
import "google/protobuf/test_messages_proto3_editions.proto";
service Echo {
${Object.entries(MESSAGES)
  .map(([type, method]) => `  rpc ${method}(${type}) returns (${type});`)
  .join('\n')}
}
`
const strictPath = (method: string): string => `/${SERVICE}/${method}`
const lenientPath = (method: string): string => `/lenient/${method}`

/** What came back over HTTP. */
interface Reply {
  readonly status: number
  readonly text: string
}

/**
 * A gateway in a process of its own, started as a user starts it, and a gRPC backend behind it. JSON goes in by POST, its protobuf
 * is what the backend gets; protobuf goes in as the backend's answer, its JSON is what comes back.
 */
export const gatewayTestee = async (): Promise<Testee> => {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
  const backend = await startEchoBackend(Object.values(MESSAGES).map(strictPath))
  await writeFile(join(folder, 'echo.proto'), PROTO)
  await writeFile(join(folder, 'routes.json'), JSON.stringify(routes(backend)))
  const cli = startCli(['run', '--config', join(folder, 'routes.json'), '--port', '0', '--admin-port', '0'], {
    cwd: folder,
  })
  const pool = new Pool(await address(cli), { connections: 1, bodyTimeout: 30_000, headersTimeout: 30_000 })
  let ended: number | string | undefined
  void cli.ended.then((code) => {
    ended = code
  })

  const post = async (path: string, body: string | Buffer): Promise<Reply> => {
    const response = await pool.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body,
    })
    return { status: response.statusCode, text: await response.body.text() }
  }
  const answer = async ({ type, input, output, ignoreUnknown }: Asked): Promise<Answer> => {
    const method = Object.hasOwn(MESSAGES, type) ? MESSAGES[type]! : undefined
    if (method === undefined) return { broken: `no method for ${type}` }
    const path = ignoreUnknown ? lenientPath(method) : strictPath(method)
    if ('json' in input) {
      backend.expect(output === 'wire' ? new Uint8Array(0) : undefined)
      return ofRequest(await post(path, input.json), backend.got, output)
    }
    backend.expect(input.wire)
    return ofReply(await post(path, '{}'), backend.got, output)
  }

  return {
    async answer(asked) {
      if (ended !== undefined) return { broken: `the gateway has ended: ${ended}` }
      return answer(asked)
    },
    async stop() {
      const early = ended
      cli.child.kill('SIGTERM')
      await pool.close()
      const code = await cli.ended
      backend.stop()
      await rm(folder, { recursive: true, force: true })
      if (early !== undefined || code !== 0)
        throw new Error(`the gateway ended with ${early ?? code}:\n${cli.stderr()}`)
    },
  }
}

const routes = (backend: EchoBackend): object => ({
  schemas: ['echo.proto', INCLUDE],
  upstreams: { testee: { endpoints: [backend.address] } },
  log: { access: false },
  routes: [
    { service: SERVICE, to: 'testee' },
    ...Object.values(MESSAGES).map((method) => ({
      path: lenientPath(method),
      method: 'POST',
      rpc: `${SERVICE}/${method}`,
      to: 'testee',
      json: { ignoreUnknown: true },
    })),
  ],
})

const address = async (cli: CliProcess): Promise<string> => {
  const [line] = await cli.until(/^.*"msg":"serving".*$/m)
  const { http } = JSON.parse(line) as { readonly http: readonly [{ readonly port: number }] }
  return `http://127.0.0.1:${http[0].port}`
}

/** JSON went in. 400 without a call of the backend: it was refused. 500 behind the call: its own message cannot be printed. */
const ofRequest = (reply: Reply, got: readonly Buffer[], output: Asked['output']): Answer => {
  const { status, text } = reply
  if (status === 400 && got.length === 0) return { parse: errorOf(reply) }
  const [bytes] = got
  if (bytes === undefined || got.length !== 1) return { broken: `${status} after ${got.length} calls: ${text}` }
  if (status === 200) return output === 'wire' ? { wire: bytes } : { json: text }
  return status === 500 ? { serialize: errorOf(reply) } : { broken: `${status}: ${text}` }
}

/** Protobuf came from the backend. The way back to protobuf is not on HTTP: there only a refusal counts. */
const ofReply = (reply: Reply, got: readonly Buffer[], output: Asked['output']): Answer => {
  const { status, text } = reply
  if (got.length !== 1) return { broken: `${status} after ${got.length} calls: ${text}` }
  if (status === 200) return output === 'json' ? { json: text } : { skipped: 'a reply over HTTP is JSON' }
  if (status !== 500) return { broken: `${status}: ${text}` }
  return output === 'json' ? { serialize: errorOf(reply) } : { parse: errorOf(reply) }
}

/** An error is a google.rpc.Status, whatever went wrong; anything else throws. */
const errorOf = ({ status, text }: Reply): string => {
  const { code, message } = JSON.parse(text) as { readonly code?: unknown; readonly message?: unknown }
  if (typeof code !== 'number' || typeof message !== 'string') throw new Error(`${status} without a Status: ${text}`)
  return `${code}: ${message}`
}
