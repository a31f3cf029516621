import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Observable } from 'rxjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { rewrite, stripPrefix, unknownVariables } from '../../../src/config/snapshot/paths.ts'
import { emptyMetadata } from '../../../src/core/metadata.ts'
import {
  defineDiscovery,
  defineOutbound,
  definePolicy,
  type Module,
  type OutboundModule,
  type Resource,
  type Stage,
} from '../../../src/core/module.ts'
import type { EndpointSpec, Snapshot } from '../../../src/core/snapshot.ts'
import { ended } from '../../../src/core/stream.ts'
import { ConfigError, type ConfigInput, createGateway, type Problem, type Protogate } from '../../../src/index.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { loopbackExchange } from '../../support/loopback.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'protogate-snapshot-'))
  writeFileSync(
    join(folder, 'a.proto'),
    `syntax = "proto3";
package a.v1;
import "google/api/annotations.proto";
service A {
  rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/a/{id}" }; }
  rpc List(M) returns (stream M);
}
service B { rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/a/{id}" }; } }
message M { string id = 1; repeated string tags = 2; }
`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Life {
  readonly started: string[]
  readonly stopped: string[]
}
const life = (): Life & { resource(name: string): Resource } => {
  const started: string[] = []
  const stopped: string[] = []
  return {
    started,
    stopped,
    resource(name) {
      started.push(name)
      return {
        stop() {
          stopped.push(name)
          return Promise.resolve()
        },
      }
    },
  }
}
type Lives = ReturnType<typeof life>

const policy = (name: string, stage: Stage, lives?: Lives): Module =>
  definePolicy({
    name,
    stage,
    config: z.strictObject({ fail: z.boolean().default(false) }),
    create({ fail }, context) {
      if (lives !== undefined) context.own(lives.resource(`own ${name}`))
      if (lives !== undefined) context.shared('one', () => lives.resource(`shared ${name}`))
      if (fail) throw new Error('as asked')
      return (next) => (exchange) => next(exchange)
    },
  })
const outbound = (lives: Lives): Module =>
  defineOutbound({
    name: 'fake',
    schemes: ['fake'],
    config: z.object({}),
    connect: (address) => ({
      ...lives.resource(`channel ${address}`),
      call: () => ({ metadata: emptyMetadata(), messages: ended(), httpStatus: undefined, position: undefined }),
    }),
  })

/** What stands inside `config` is read again by each reload. */
const gateway = (config: ConfigInput, modules: readonly Module[] = []): Protogate =>
  createGateway({
    cwd: folder,
    env: {},
    modules,
    log: createLog({ format: 'json', write: () => {} }),
    config: { listeners: [{ port: 0 }], admin: false, schemas: ['a.proto'], ...config },
  })
const problemsOf = async (
  config: Omit<ConfigInput, 'listeners' | 'admin'>,
  modules?: readonly Module[],
): Promise<Problem[]> => {
  const one = gateway(config, modules)
  const thrown = await one.start().then(
    () => one.stop(),
    (error: unknown) => error,
  )
  return thrown instanceof ConfigError ? [...thrown.problems] : []
}
const mock = { m: { endpoints: ['mock:'] } }

describe('problems are told with their pointer and a hint', () => {
  test.each<[string, Omit<ConfigInput, 'listeners' | 'admin'>, Partial<Problem>]>([
    [
      'service',
      { upstreams: mock, routes: [{ service: 'a.v1.AA' }] },
      { code: 'ROUTE_UNKNOWN_SERVICE', pointer: '/routes/0/service', hint: 'did you mean "a.v1.A"?' },
    ],
    [
      'rpc',
      { upstreams: mock, routes: [{ path: '/x', rpc: 'a.v1.A/Gett' }] },
      {
        code: 'ROUTE_UNKNOWN_RPC',
        pointer: '/routes/0/rpc',
        hint: expect.stringMatching(/^did you mean "a\.v1\.A\/Get" \(.*a\.proto:5\)\?$/),
      },
    ],
    [
      'upstream',
      { upstreams: mock, routes: [{ service: 'a.v1.A', to: 'n' }] },
      { code: 'ROUTE_UNKNOWN_UPSTREAM', pointer: '/routes/0/to', hint: 'did you mean "m"?' },
    ],
    [
      'kind of upstream',
      { upstreams: mock, routes: [{ path: '/x', to: 'm' }] },
      { code: 'UPSTREAM_KIND', pointer: '/routes/0/to' },
    ],
    ['template', { upstreams: mock, routes: [{ path: '/x/{', rpc: 'a.v1.A/Get' }] }, { code: 'TEMPLATE_INVALID' }],
    [
      'variable',
      { upstreams: mock, routes: [{ path: '/x/{idd}', rpc: 'a.v1.A/Get' }] },
      { code: 'BINDING_UNKNOWN_FIELD' },
    ],
    [
      'repeated variable',
      { upstreams: mock, routes: [{ path: '/x/{tags}', rpc: 'a.v1.A/Get' }] },
      { code: 'BINDING_REPEATED' },
    ],
    [
      'scheme',
      { upstreams: { m: { endpoints: ['grcp://a:1'] } }, routes: [] },
      { code: 'ENDPOINT_SCHEME', pointer: '/upstreams/m/endpoints/0', hint: 'did you mean "grpc"?' },
    ],
    [
      'no scheme',
      { upstreams: { m: { endpoints: ['host:50051'] } }, routes: [] },
      { code: 'ENDPOINT_SCHEME', hint: 'did you mean "grpc://host:50051"?' },
    ],
    [
      'rewrite',
      { upstreams: { h: { endpoints: ['http://a:1'] } }, routes: [{ path: '/x/{id}', to: 'h', rewrite: '/y/{idd}' }] },
      { code: 'REWRITE_VARIABLE', pointer: '/routes/0/rewrite' },
    ],
    [
      'two services on one path',
      { upstreams: mock, routes: [{ service: '*' }] },
      { code: 'ROUTE_DUPLICATE', severity: 'error' },
    ],
    [
      'weights',
      {
        upstreams: { a: { endpoints: ['mock:'] }, b: { endpoints: ['mock:'] } },
        routes: [{ service: 'a.v1.A', to: { a: 0, b: 0 } }],
      },
      { code: 'ROUTE_TARGET_MISSING' },
    ],
    [
      'mixed upgrade',
      {
        upstreams: { w: { endpoints: ['ws://a:1'] }, h: { endpoints: ['http://a:1'] } },
        routes: [{ path: '/x', ws: true, to: { w: 1, h: 1 } }],
      },
      { code: 'UPSTREAM_MIXED' },
    ],
  ])('unknown or wrong %s', async (_name, config, expected) => {
    expect(await problemsOf(config)).toContainEqual(expect.objectContaining(expected))
  })

  test('a method that no request can have is a warning', async () => {
    const one = gateway({ upstreams: mock, routes: [{ path: '/x', method: 'FETCH', rpc: 'a.v1.A/Get' }] })
    await one.start()
    expect(one.warnings.map(({ code, pointer }) => [code, pointer])).toEqual([
      ['ROUTE_METHOD_UNREACHABLE', '/routes/0/path'],
    ])
    await one.stop()
  })

  test('all of them at once', async () => {
    const problems = await problemsOf({
      upstreams: mock,
      routes: [{ service: 'nope.v1.X' }, { path: '/x', rpc: 'a.v1.A/Nope' }, { path: '/y', to: 'm' }],
    })
    expect(problems.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['ROUTE_UNKNOWN_SERVICE', 'ROUTE_UNKNOWN_RPC', 'UPSTREAM_KIND']),
    )
  })

  test.each(['grcp://a:1', 'grpc://'])(
    'what is wrong with the upstream %s is not told again of its routes',
    async (at) => {
      const problems = await problemsOf({
        upstreams: { m: { endpoints: [at] } },
        routes: [{ service: 'a.v1.A' }, { path: '/x', to: 'm' }, { path: '/x', ws: true, to: 'm' }],
      })
      expect(problems.map(({ pointer }) => pointer?.startsWith('/upstreams/m'))).toEqual([true])
    },
  )
})

describe('outbound adapters', () => {
  const serving = (name: string, scheme: string, serves?: OutboundModule['serves']): Module =>
    defineOutbound({ ...(outbound(life()) as OutboundModule), name, schemes: [scheme], ...(serves && { serves }) })

  test('of plug-ins serve what they say, by their own schemes', async () => {
    const modules = [serving('calls', 'calls'), serving('pages', 'pages', 'http'), serving('talk', 'talk', 'frames')]
    const upstreams = Object.fromEntries(
      ['calls', 'pages', 'talk'].map((name) => [name, { endpoints: [`${name}://a:1`] }]),
    )
    const routes = [
      { service: 'a.v1.A', to: 'calls' },
      { path: '/p/*', to: 'pages' },
      { path: '/t', ws: true, to: 'talk' },
    ]
    expect(await problemsOf({ upstreams, routes }, modules)).toEqual([])
    const crossed = [
      { service: 'a.v1.A', to: 'pages' },
      { path: '/p/*', to: 'talk' },
      { path: '/t', ws: true, to: 'calls' },
    ]
    expect((await problemsOf({ upstreams, routes: crossed }, modules)).map(({ code }) => code)).toEqual([
      'UPSTREAM_KIND',
      'UPSTREAM_KIND',
      'UPSTREAM_MIXED',
    ])
  })
  test('one that is named serves a scheme that another has by default', async () => {
    const upstreams = { web: { endpoints: ['http://a:1'], outbound: 'calls' } }
    const routes = [{ service: 'a.v1.A' }, { path: '/p/*', to: 'web' }]
    expect(await problemsOf({ upstreams, routes }, [serving('calls', 'http')])).toEqual([])
  })
})

describe('policies', () => {
  test.each([
    ['reuse before guard', ['cache', 'auth'], true],
    ['transform before guard', ['edit', 'auth'], true],
    ['guard first', ['auth', 'cache', 'edit'], false],
    ['observe before guard', ['watch', 'auth'], false],
  ])('%s', async (_name, names, refused) => {
    const modules = [
      policy('cache', 'reuse'),
      policy('auth', 'guard'),
      policy('edit', 'transform'),
      policy('watch', 'observe'),
    ]
    const [first, ...rest] = names
    const config = {
      upstreams: mock,
      policies: [{ [first!]: {} }],
      routes: [{ service: 'a.v1.A', policies: rest.map((name) => ({ [name]: {} })) }],
    }
    const codes = (await problemsOf(config, modules)).map(({ code }) => code)
    expect(codes).toEqual(refused ? ['POLICY_ORDER'] : [])
  })

  test('one that does not start is a problem, and what was created before it is stopped', async () => {
    const lives = life()
    const config = {
      upstreams: mock,
      policies: [{ good: {} }, { bad: { fail: true } }],
      routes: [{ service: 'a.v1.A' }],
    }
    const [problem] = await problemsOf(config, [policy('good', 'limit', lives), policy('bad', 'limit', lives)])
    expect(problem).toMatchObject({ code: 'POLICY_START_FAILED', pointer: '/policies/1/bad' })
    expect(problem!.message).toContain('as asked')
    expect([...lives.stopped].sort()).toEqual([...lives.started].sort())
  })
})

const released = async (snapshot: Snapshot, stopped: readonly string[], count: number): Promise<void> => {
  for (let i = 0; i < 200 && stopped.length < count; i++) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(() => snapshot.retain()).toThrow('last holder')
}

describe('a reload', () => {
  test('keeps what both snapshots share, stops what only the old one had', async () => {
    const lives = life()
    const upstream = { endpoints: ['fake://a', 'fake://b'] }
    const config = { upstreams: { f: upstream }, policies: [{ p: {} }], routes: [{ service: 'a.v1.A' }] }
    const one = gateway(config, [outbound(lives), policy('p', 'limit', lives)])
    await one.start()
    const first = one.snapshot
    upstream.endpoints = ['fake://b', 'fake://c']
    await one.reload()
    await released(first, lives.stopped, 2)
    expect([...lives.stopped].sort()).toEqual(['channel fake://a', 'own p'])
    expect(lives.started).toEqual([
      'channel fake://a',
      'channel fake://b',
      'own p',
      'shared p',
      'channel fake://c',
      'own p',
    ])
    await one.stop()
    await released(one.snapshot, lives.stopped, lives.started.length)
    expect([...lives.stopped].sort()).toEqual([...lives.started].sort())
  })

  test('what a channel owns lives as long as the channel, whichever snapshot opened it', async () => {
    const lives = life()
    const module: Module = {
      ...(outbound(lives) as OutboundModule),
      connect(address, _config, context) {
        context.own(lives.resource(`pool of ${address}`))
        return (outbound(lives) as OutboundModule).connect(address, {}, context)
      },
    }
    const one = gateway({ upstreams: { f: { endpoints: ['fake://a'] } }, routes: [{ service: 'a.v1.A' }] }, [module])
    await one.start()
    const first = one.snapshot
    await one.reload()
    await released(first, [], 0)
    expect(lives.stopped).toEqual([])
    await one.stop()
    await released(one.snapshot, lives.stopped, 2)
    expect(lives.stopped).toEqual(['channel fake://a', 'pool of fake://a'])
  })

  test('opens channels anew when the content of their TLS files has changed', async () => {
    const lives = life()
    const ca = join(folder, 'ca.pem')
    writeFileSync(ca, 'first')
    const config = { upstreams: { f: { endpoints: ['fake://a'], tls: { ca } } }, routes: [{ service: 'a.v1.A' }] }
    const one = gateway(config, [outbound(lives)])
    await one.start()
    await one.reload()
    expect(lives.started).toEqual(['channel fake://a'])
    const old = one.snapshot
    writeFileSync(ca, 'second')
    await one.reload()
    expect(lives.started).toEqual(['channel fake://a', 'channel fake://a'])
    await released(old, lives.stopped, 1)
    expect(lives.stopped).toEqual(['channel fake://a'])
    await one.stop()
  })

  test('opens channels anew when the plug-in that makes them has changed', async () => {
    const plugin = join(folder, 'calls.ts')
    const write = (version: string): void =>
      writeFileSync(
        plugin,
        `import { defineOutbound, emptyMetadata, ended, z } from 'protogate/spi'
export const calls = defineOutbound({
  name: 'calls',
  schemes: ['calls'],
  config: z.object({}),
  connect: () => ({
    call: () => ({ metadata: emptyMetadata(), messages: ended(), httpStatus: ${version}, position: undefined }),
    stop: () => Promise.resolve(),
  }),
})
`,
      )
    write('200')
    const one = gateway({
      plugins: [plugin],
      upstreams: { c: { endpoints: ['calls://a'] } },
      routes: [{ service: 'a.v1.A' }],
    })
    await one.start()
    const answered = async (): Promise<number | undefined> =>
      (await one.snapshot.upstreams.get('c')!.call(loopbackExchange())).httpStatus
    expect(await answered()).toBe(200)
    write('201')
    await one.reload()
    expect(await answered()).toBe(201)
    await one.stop()
  })

  test('a discovery is asked again by each snapshot and left by the old one', async () => {
    let subscribed = 0
    const source = defineDiscovery({
      name: 'found',
      config: z.strictObject({}),
      watch: () =>
        new Observable<readonly EndpointSpec[]>((subscriber) => {
          subscribed++
          subscriber.next([{ address: 'mock:', weight: 1, zone: undefined }])
          return () => {
            subscribed--
          }
        }),
    })
    const one = gateway({ upstreams: { d: { discovery: { found: {} } } }, routes: [{ service: 'a.v1.A' }] }, [source])
    await one.start()
    const first = one.snapshot
    expect(first.upstreams.get('d')!.endpoints.map((endpoint) => endpoint.address)).toEqual(['mock:'])
    await one.reload()
    await released(first, [], 0)
    expect(subscribed).toBe(1)
    await one.stop()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(subscribed).toBe(0)
  })

  test('of changed addresses is told to be taken up at the next start', async () => {
    const listener = { host: '127.0.0.1', port: 0 }
    const one = gateway({ upstreams: mock, routes: [{ service: 'a.v1.A' }], listeners: [listener] })
    await one.start()
    await one.reload()
    expect(one.warnings).toEqual([])
    listener.host = '127.0.0.2'
    await one.reload()
    expect(one.warnings.map(({ code }) => code)).toEqual(['LISTENER_CHANGED'])
    expect(one.addresses().http[0]!.host).toBe('127.0.0.1')
    await one.stop()
  })
})

describe('paths of a proxy', () => {
  test.each([
    ['/shop', '/shop/a?b', '/a?b'],
    ['/shop/', '/shop/a', '/a'],
    ['/shop', '/shop', '/'],
    ['/shop', '/shop?x', '/?x'],
    ['/shop', '/shopping', '/shopping'],
    ['/', '/a', '/a'],
  ])('stripPrefix %s of %s is %s', (prefix, path, expected) => {
    expect(stripPrefix(prefix)(path, [])).toBe(expected)
  })
  test.each([
    ['/y/{b}/{a}', ['a', 'b'], '/x?q', ['1', '2'], '/y/2/1?q'],
    ['/y/*', [], '/x/r?q', ['/r'], '/y/r?q'],
    ['/*', [], '/x', [''], '/'],
    ['/y/{a}/*', ['a'], '/x/1/r', ['1', '/r'], '/y/1/r'],
  ])('rewrite %s', (template, variables, path, params, expected) => {
    expect(rewrite(template, variables)(path, params)).toBe(expected)
    expect(unknownVariables(template, variables)).toEqual([])
  })
})

test('a misspelt key or upstream does not hide a misspelt method', async () => {
  const config = {
    upstreams: mock,
    routes: [{ path: '/x', rpc: 'a.v1.A/Gett', to: 'n', timout: '5s' }],
  } as unknown as ConfigInput
  expect((await problemsOf(config)).map(({ code, pointer }) => [code, pointer])).toEqual([
    ['CONFIG_UNKNOWN_KEY', '/routes/0/timout'],
    ['ROUTE_UNKNOWN_UPSTREAM', '/routes/0/to'],
    ['ROUTE_UNKNOWN_RPC', '/routes/0/rpc'],
  ])
})
