import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type LoadOptions, loadConfig, nothingToServe } from '../../../src/config/load.ts'
import { ConfigError, type Problem } from '../../../src/core/config-error.ts'
import { sampleRegistry } from '../../support/modules.ts'

const made: string[] = []
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})
/** A folder with these files. */
const folder = (files: Readonly<Record<string, string>> = {}): string => {
  const base = mkdtempSync(join(tmpdir(), 'protogate-load-'))
  made.push(base)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(base, name, '..'), { recursive: true })
    writeFileSync(join(base, name), text)
  }
  return base
}
const load = (options: Partial<LoadOptions>) =>
  loadConfig({ cwd: options.cwd ?? folder(), env: {}, registry: sampleRegistry(), ...options })
const problemsOf = async (options: Partial<LoadOptions>): Promise<readonly Problem[]> => {
  try {
    await load(options)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  throw new Error('nothing was refused')
}

const BOOKS = '{ "upstreams": { "books": { "endpoints": ["grpc://h:1"] } } }'

test('protos/ alone: every service, one upstream that makes answers up, loopback', async () => {
  const cwd = folder({ 'protos/a.proto': '' })
  const { config, file, base, mocked, watched } = await load({ cwd })
  expect({ file, base, mocked }).toEqual({ file: undefined, base: cwd, mocked: true })
  expect(config.schemas).toEqual(['protos'])
  expect(config.routes).toMatchObject([{ service: '*' }])
  expect(config.upstreams).toMatchObject({ default: { endpoints: ['mock:'] } })
  expect(config.listeners).toEqual([{ host: '127.0.0.1', port: 8080 }])
  expect(config.admin).toEqual({ host: '127.0.0.1', port: 9090 })
  expect(watched).toEqual({ files: [join(cwd, 'routes.json')], folders: [join(cwd, 'protos')], beside: undefined })
})

test('.proto files without a folder of their own', async () => {
  const cwd = folder({ 'b.proto': '', 'a.proto': '', 'node_modules/x/c.proto': '', 'notes.txt': '' })
  const { config, watched } = await load({ cwd })
  expect(config.schemas).toEqual(['a.proto', 'b.proto'])
  expect(watched.beside).toBe(cwd)
  expect(watched.folders).toEqual([join(cwd, 'protos')])
})

test.each(['binpb', 'pb', 'desc', 'protoset'])(
  'a descriptor set called *.%s is watched as a file',
  async (extension) => {
    const cwd = folder({ 'routes.json': `{ "schemas": ["api.${extension}"] }` })
    const { watched } = await load({ cwd })
    expect(watched.files).toEqual([join(cwd, 'routes.json'), join(cwd, `api.${extension}`)])
    expect(watched.folders).toEqual([])
  },
)

test('an empty folder is nothing to serve in production', () => {
  const empty = folder()
  expect(nothingToServe(empty, {})).toMatchObject({ code: 'NOTHING_TO_SERVE' })
  expect(nothingToServe(empty, { PROTOGATE_CONFIG: 'x.json' })).toBeUndefined()
  expect(nothingToServe(folder({ 'a.proto': '' }), {})).toBeUndefined()
  expect(nothingToServe(folder({ 'routes.json': '{}' }), {})).toBeUndefined()
})

test('paths start at the folder of the file, and places are told', async () => {
  const cwd = folder({
    'etc/routes.json': '{\n  // sample\n  "schemas": ["../protos", "api.binpb"],\n  "drain": "5s",\n}\n',
  })
  const { config, file, base, place, watched } = await load({ cwd, file: 'etc/routes.json' })
  expect(file).toBe(join(cwd, 'etc/routes.json'))
  expect(base).toBe(join(cwd, 'etc'))
  expect(config.drain).toBe('5s')
  expect(place('/drain')).toMatchObject({ line: 4, column: 12, length: 4 })
  expect(place('/schemas/1')).toMatchObject({ line: 3, column: 28, length: 11 })
  expect(place('/schemas')).toMatchObject({ line: 3, column: 3, length: 9 })
  expect(place('/limits/body')).toMatchObject({ line: 1, column: 1, length: 1 })
  expect(watched.files).toEqual([join(cwd, 'etc/routes.json'), join(cwd, 'etc/api.binpb')])
  expect(watched.folders).toEqual([join(cwd, 'protos')])
})

test('flag before environment before file before default', async () => {
  const cwd = folder({
    'routes.json': '{ "listeners": [{ "host": "0.0.0.0", "port": 1 }, { "port": 5 }], "admin": { "port": 2 } }',
  })
  const ports = async (options: Partial<LoadOptions>) => {
    const { config } = await load({ cwd, ...options })
    return [config.listeners, config.admin]
  }
  expect(await ports({})).toEqual([
    [
      { host: '0.0.0.0', port: 1 },
      { host: '127.0.0.1', port: 5 },
    ],
    { host: '127.0.0.1', port: 2 },
  ])
  const env = { PORT: '10', PROTOGATE_ADMIN_PORT: '11' }
  expect(await ports({ env })).toMatchObject([[{ host: '0.0.0.0', port: 10 }, { port: 5 }], { port: 11 }])
  expect(await ports({ env: { ...env, PROTOGATE_PORT: '12', PROTOGATE_HOST: '::1' } })).toMatchObject([
    [{ host: '::1', port: 12 }, { port: 5 }],
    { port: 11 },
  ])
  expect(await ports({ env, overrides: { port: 20, adminPort: 0, host: '127.0.0.2' } })).toMatchObject([
    [{ host: '127.0.0.2', port: 20 }, { port: 5 }],
    { port: 0 },
  ])
})

test('PROTOGATE_CONFIG names the file, the flag wins', async () => {
  const cwd = folder({ 'a.json': '{ "drain": "1s" }', 'b.json': '{ "drain": "2s" }', 'routes.json': '{}' })
  const drain = async (options: Partial<LoadOptions>) => (await load({ cwd, ...options })).config.drain
  expect(await drain({})).toBe('30s')
  expect(await drain({ env: { PROTOGATE_CONFIG: 'a.json' } })).toBe('1s')
  expect(await drain({ env: { PROTOGATE_CONFIG: 'a.json' }, file: 'b.json' })).toBe('2s')
})

test.each([
  ['localhost:50051', '{}', { default: ['grpc://localhost:50051'] }],
  ['[::1]:50051', '{}', { default: ['grpc://[::1]:50051'] }],
  ['https://api.example', BOOKS, { books: ['https://api.example'] }],
  ['books=h:2', BOOKS, { books: ['grpc://h:2'] }],
  ['new=h:2', '{}', { new: ['grpc://h:2'] }],
  ['mock:?seed=7', '{}', { default: ['mock:?seed=7'] }],
  ['grpc://${HOST}', '{}', { default: ['grpc://${HOST}'] }],
])('--upstream %s over %s', async (address, text, expected) => {
  const cwd = folder({ 'routes.json': text })
  for (const options of [{ overrides: { upstream: [address] } }, { env: { PROTOGATE_UPSTREAM: address } }]) {
    const { config, mocked } = await load({ cwd, ...options })
    const endpoints = Object.entries(config.upstreams).map(([name, upstream]) => [name, upstream.endpoints])
    expect(Object.fromEntries(endpoints)).toEqual(expected)
    expect(mocked).toBe(false)
  }
})

test('an override of a discovered upstream, and the place of what was overridden', async () => {
  const cwd = folder({
    'routes.json': '{ "upstreams": { "a": { "discovery": { "dns": { "name": "h" } }, "connectTimeout": "7s" } } }',
  })
  const { config, place } = await load({ cwd, overrides: { upstream: ['h:1'], port: 3 } })
  expect(config.upstreams.a).toMatchObject({ endpoints: ['grpc://h:1'], connectTimeout: '7s' })
  expect(config.upstreams.a).not.toHaveProperty('discovery')
  expect(place('/upstreams/a/endpoints/0')).toBeUndefined()
  expect(place('/listeners/0/port')).toBeUndefined()
})

test('an override that does not say which upstream it means', async () => {
  const text = '{ "upstreams": { "books": { "endpoints": ["grpc://h:1"] }, "shop": { "endpoints": ["http://h:2"] } } }'
  expect(await problemsOf({ text, overrides: { upstream: ['h:9', 'book=h:9'] } })).toMatchObject([
    { code: 'UPSTREAM_OVERRIDE', hint: 'write NAME=ADDRESS with one of books, shop' },
    { code: 'UPSTREAM_OVERRIDE', message: 'no upstream is called "book"', hint: 'did you mean "books"?' },
  ])
  expect(await problemsOf({ env: { PORT: 'http' } })).toMatchObject([{ code: 'ENV_VALUE' }])
})

test('defaults of every part, of modules too; objects without a prototype', async () => {
  const { config } = await load({
    value: {
      policies: [{ retry: {} }],
      routes: [{ path: '/', respond: {} }],
      upstreams: { a: { endpoints: ['grpc://h:1'] } },
    },
  })
  expect(config.policies).toEqual([{ retry: { attempts: 3, wait: '100ms' } }])
  expect(config.routes[0]!.json.emitDefaults).toBe(false)
  expect(config.limits.body).toBe('4MiB')
  expect((config as unknown as { subscriptions: unknown }).subscriptions).toEqual({ origins: [], heartbeat: '25s' })
  for (const part of [config, config.upstreams, config.upstreams.a, config.routes[0]!.respond, config.limits])
    expect(Object.getPrototypeOf(part)).toBe(null)
})

test('names of the prototype are data', async () => {
  const { config } = await load({
    text: `{
      "upstreams": { "__proto__": { "endpoints": ["grpc://h:1"] }, "constructor": { "endpoints": ["grpc://h:2"] } },
      "routes": [{ "path": "/", "rpc": "a.B/C", "to": "__proto__", "set": { "__proto__": 1, "constructor": "x" },
                   "headers": { "__proto__": "y" } }]
    }`,
  })
  expect(Object.keys(config.upstreams)).toEqual(['__proto__', 'constructor'])
  expect(Object.values(config.upstreams)[0]!.connectTimeout).toBe('2s')
  expect(Object.entries(config.routes[0]!.set)).toEqual([
    ['__proto__', 1],
    ['constructor', 'x'],
  ])
  expect(Object.entries(config.routes[0]!.headers!)).toEqual([['__proto__', 'y']])
  expect(({} as Record<string, unknown>).endpoints).toBeUndefined()
})

test('filled in text stands for numbers and truth values, and stays text where text is wanted', async () => {
  const { config } = await load({
    text: '{ "listeners": [{ "port": "${P}" }], "log": { "access": "${A:-false}" }, "upstreams": { "a": { "endpoints": [{ "address": "grpc://h:1", "weight": "${W}", "zone": "${Z}" }] } } }',
    env: { P: '81', W: '3', Z: '1' },
  })
  expect(config.listeners[0]!.port).toBe(81)
  expect(config.log.access).toBe(false)
  expect(config.upstreams.a!.endpoints).toEqual([{ address: 'grpc://h:1', weight: 3, zone: '1' }])
  expect(await problemsOf({ text: '{ "listeners": [{ "port": "81" }] }' })).toMatchObject([{ code: 'CONFIG_TYPE' }])
})

test('printed configuration shows no secret', async () => {
  const cwd = folder({
    key: 'hush-file\n',
    'routes.json':
      '{ "policies": [{ "api-key": { "keys": ["${file:key}", "${API_TOKEN}", "plain"], "header": "${HEADER}" } }] }',
  })
  const { config, redacted, watched } = await load({ cwd, env: { API_TOKEN: 'hush-env', HEADER: 'x-k' } })
  expect(config.policies).toEqual([{ 'api-key': { keys: ['hush-file', 'hush-env', 'plain'], header: 'x-k' } }])
  expect(JSON.stringify(redacted)).not.toContain('hush')
  expect(redacted).toMatchObject({
    policies: [{ 'api-key': { keys: ['${file:key}', '${API_TOKEN}', 'plain'], header: 'x-k' } }],
  })
  expect(watched.files).toContain(join(cwd, 'key'))
})

test('a secret is not quoted by a message about it', async () => {
  const problems = await problemsOf({ text: '{ "drain": "${TOKEN}" }', env: { TOKEN: 'hush' } })
  expect(problems).toMatchObject([{ code: 'CONFIG_VALUE', pointer: '/drain' }])
  expect(JSON.stringify(problems)).not.toContain('hush')
  // Rules that go over several keys quote what they find.
  const cwd = folder({ key: 'hush-file' })
  const more = await problemsOf({
    cwd,
    text: '{ "trustedProxies": ["${file:key}"], "routes": [{ "name": "${TOKEN}", "path": "/a", "respond": {} }, { "name": "${TOKEN}", "path": "/b", "respond": {} }] }',
    env: { TOKEN: 'hush-env' },
  })
  expect(more.map(({ code }) => code)).toEqual(['TRUSTED_PROXY_INVALID', 'ROUTE_NAME_TWICE'])
  expect(more[0]?.message).toContain('"${file:key}" is neither')
  expect(JSON.stringify(more)).not.toContain('hush')
})

test('a file that is not there, or cannot be read', async () => {
  const cwd = folder({ 'routes.json': '{}', 'sub/x.json': '' })
  expect(await problemsOf({ cwd, file: 'route.json' })).toMatchObject([
    { code: 'CONFIG_FILE_MISSING', hint: `did you mean "${join(cwd, 'routes.json')}"?` },
  ])
  expect(await problemsOf({ cwd, file: 'no/such/folder/x' })).toMatchObject([{ code: 'CONFIG_FILE_MISSING' }])
  expect(await problemsOf({ cwd, file: 'sub' })).toMatchObject([{ code: 'CONFIG_FILE_UNREADABLE' }])
})

test('problems of all kinds at once, in the order of the file', async () => {
  const problems = await problemsOf({
    text: `{
      "drain": "\${NONE}",
      "drain": "soon",
      "zzz": 1,
      "routes": [{ "path": "/", "service": "a", "to": 1 }],
      "plugins": ["./none.ts"]
    }`,
  })
  expect(problems.map(({ code, line }) => `${line} ${code}`)).toEqual([
    '3 CONFIG_KEY_TWICE',
    '3 CONFIG_VALUE',
    '4 CONFIG_UNKNOWN_KEY',
    '5 ROUTE_MATCH_AMBIGUOUS',
    '5 CONFIG_TYPE',
    '6 PLUGIN_MISSING',
  ])
})

test('a byte order mark and Windows line ends', async () => {
  const problems = await problemsOf({ text: '\uFEFF{\r\n  "version": 1,\r\n  "drains": "5s"\r\n}\r\n' })
  expect(problems).toMatchObject([{ line: 3, column: 3, length: 8, hint: 'did you mean "drain"?' }])
})
