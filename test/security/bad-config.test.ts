import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ConfigError, createGateway, type Problem } from '../../src/index.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { stopAfterEach } from '../support/cleanup.ts'
import { protoFolder } from '../support/proto-folder.ts'

const keep = stopAfterEach()
const busy: Server[] = []
afterEach(() => {
  for (const server of busy.splice(0)) server.close()
})

const THINGS = `syntax = "proto3";
package things.v1;
import "google/api/annotations.proto";
service Things {
  rpc Get(Thing) returns (Thing) { option (google.api.http) = { get: "/v1/things/{id}" }; }
}
message Thing { string id = 1; }
`
const LINES = (route: string): string => `{
  "listeners": [{ "host": "127.0.0.1", "port": 0 }],
  "admin": { "host": "127.0.0.1", "port": 0 },
  "upstreams": { "mock": { "endpoints": ["mock:"] } },
  "routes": [
    { "service": "things.v1.Things", "to": "mock" },
    ${route}
  ]
}
`
const GOOD = { 'protos/things.proto': THINGS, 'routes.json': LINES('{ "path": "/x", "respond": { "body": "x" } }') }

const make = (cwd: string) => keep(createGateway({ cwd, env: {}, log: createLog({ format: 'json', write() {} }) }))
/** The problems that `work` is refused with, with paths as seen from `cwd`. */
const problemsOf = async (work: Promise<unknown>, cwd: string): Promise<readonly Problem[]> => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown).toBeInstanceOf(ConfigError)
  return JSON.parse(JSON.stringify((thrown as ConfigError).problems).replaceAll(`${cwd}/`, '')) as Problem[]
}

/** What is changed in a folder that serves, and the one problem that it makes. */
const BAD: readonly (readonly [name: string, files: Readonly<Record<string, string>>, problem: Partial<Problem>])[] = [
  [
    'a broken .proto',
    { 'protos/more.proto': 'syntax = "proto3";\nmessage More {\n  string name 1;\n}\n' },
    { code: 'PROTO_SYNTAX', file: 'protos/more.proto', line: 3, column: 15 },
  ],
  [
    'a .proto that is cut short',
    { 'protos/things.proto': THINGS.slice(0, -10) },
    { code: 'PROTO_SYNTAX', file: 'protos/things.proto', line: 7 },
  ],
  [
    'a missing import',
    { 'protos/more.proto': 'syntax = "proto3";\nimport "google/api/anotations.proto";\n' },
    {
      code: 'PROTO_IMPORT_NOT_FOUND',
      file: 'protos/more.proto',
      line: 2,
      column: 8,
      hint: 'did you mean "google/api/annotations.proto"?',
    },
  ],
  [
    'a type that is not there',
    { 'protos/more.proto': 'syntax = "proto3";\nmessage More {\n  Thingy thing = 1;\n}\n' },
    { code: 'PROTO_UNKNOWN_TYPE', file: 'protos/more.proto', line: 3, column: 3 },
  ],
  [
    'a binding of a field that is not there',
    { 'protos/things.proto': THINGS.replace('{id}', '{name}') },
    { code: 'BINDING_UNKNOWN_FIELD', file: 'protos/things.proto', line: 5 },
  ],
  [
    'a template that is not closed',
    { 'protos/things.proto': THINGS.replace('{id}', '{id') },
    { code: 'TEMPLATE_INVALID', file: 'protos/things.proto', line: 5 },
  ],
  [
    'an rpc that is not there',
    { 'routes.json': LINES('{ "path": "/x", "rpc": "things.v1.Things/Gett", "to": "mock" }') },
    {
      code: 'ROUTE_UNKNOWN_RPC',
      file: 'routes.json',
      line: 7,
      pointer: '/routes/1/rpc',
      hint: 'did you mean "things.v1.Things/Get" (protos/things.proto:5)?',
    },
  ],
  [
    'a service that is not there',
    { 'routes.json': LINES('{ "service": "things.v1.Thing", "to": "mock" }') },
    { code: 'ROUTE_UNKNOWN_SERVICE', file: 'routes.json', line: 7, hint: 'did you mean "things.v1.Things"?' },
  ],
  [
    'the same binding in two services',
    {
      'protos/more.proto': THINGS.replaceAll('things.v1', 'more.v1'),
      'routes.json': LINES('{ "service": "more.v1.Things", "to": "mock" }'),
    },
    {
      code: 'ROUTE_DUPLICATE',
      message: expect.stringMatching(
        /things\.v1\.Things\/Get \(protos\/things\.proto:5:70\).*more\.v1\.Things\/Get \(protos\/more\.proto:5:70\)/,
      ),
    },
  ],
  [
    'the same path in two lines',
    {
      'routes.json': LINES(
        '{ "path": "/x", "respond": { "body": "x" } },\n    { "path": "/x", "respond": { "body": "y" } }',
      ),
    },
    { code: 'ROUTE_DUPLICATE', file: 'routes.json', line: 8, pointer: '/routes/2/path' },
  ],
  [
    'JSON that is not closed',
    { 'routes.json': '{ "routes": [' },
    { code: 'CONFIG_SYNTAX', file: 'routes.json', line: 1 },
  ],
]

describe.each(BAD)('%s', (_name, files, problem) => {
  test('no start: its code and its place', async () => {
    const cwd = protoFolder({ ...GOOD, ...files })
    const gateway = make(cwd)
    expect(await problemsOf(gateway.start(), cwd)).toEqual([expect.objectContaining({ severity: 'error', ...problem })])
    expect(gateway.addresses()).toEqual({ http: [], admin: undefined })
  })

  test('no reload: the old one answers, and the next good one is taken', async () => {
    const cwd = protoFolder(GOOD)
    const gateway = make(cwd)
    await gateway.start()
    const { http, admin } = gateway.addresses()
    const ask = async (): Promise<number> => (await fetch(`http://127.0.0.1:${http[0]!.port}/v1/things/a`)).status
    expect(await ask()).toBe(200)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text)
    expect(await problemsOf(gateway.reload(), cwd)).toEqual([expect.objectContaining(problem)])
    expect([await ask(), gateway.snapshot.revision]).toEqual([200, 1])
    const refused = await fetch(`http://127.0.0.1:${admin!.port}/reload`, { method: 'POST' })
    expect([refused.status, await refused.json()]).toMatchObject([
      409,
      { revision: 1, problems: [{ code: problem.code }] },
    ])

    for (const name of Object.keys(files)) rmSync(join(cwd, name))
    for (const [name, text] of Object.entries(GOOD)) writeFileSync(join(cwd, name), text)
    const taken = await fetch(`http://127.0.0.1:${admin!.port}/reload`, { method: 'POST' })
    expect([taken.status, await taken.json()]).toEqual([200, { status: 'ok', revision: 2 }])
    expect(await ask()).toBe(200)
  })
})

test('all problems at once', async () => {
  const wrong = ['a broken .proto', 'a .proto that is cut short']
  const files = BAD.filter(([name]) => wrong.includes(name)).map(([, changed]) => changed)
  const cwd = protoFolder(Object.assign({ ...GOOD, 'protos/x.proto': 'import "no.proto";' }, ...files))
  const problems = await problemsOf(make(cwd).start(), cwd)
  expect(problems.map(({ file }) => file)).toEqual(['protos/more.proto', 'protos/things.proto', 'protos/x.proto'])
})

describe('a port in use', () => {
  const take = async (): Promise<number> => {
    const server = createServer().listen(0, '127.0.0.1')
    busy.push(server)
    await new Promise((resolve) => server.once('listening', resolve))
    return (server.address() as { port: number }).port
  }

  test.each(['listeners', 'admin'])(
    'of %s: refused with the address; nothing else goes on listening',
    async (which) => {
      const port = await take()
      const taken = `{ "host": "127.0.0.1", "port": ${port} }`
      const free = '{ "host": "127.0.0.1", "port": 0 }'
      const cwd = protoFolder({
        'protos/things.proto': THINGS,
        'routes.json': `{
          "listeners": [${free}${which === 'listeners' ? `, ${taken}` : ''}],
          "admin": ${which === 'admin' ? taken : free}
        }`,
      })
      const gateway = make(cwd)
      expect(await problemsOf(gateway.start(), cwd)).toEqual([
        expect.objectContaining({
          code: 'PORT_IN_USE',
          message: `127.0.0.1:${port} is already in use by another process`,
          hint: expect.stringContaining(String(port)),
        }),
      ])
      expect(gateway.state).toBe('stopped')
    },
  )
})
