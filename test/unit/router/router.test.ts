import { describe, expect, test } from 'vitest'
import type { Miss, Router } from '../../../src/core/router.ts'
import { buildRouter } from '../../../src/router/router.ts'
import { loopbackExchange } from '../../support/loopback.ts'
import { entry, missRoute, routerOf, SNAPSHOT } from '../../support/routes.ts'

interface Ask {
  readonly host?: string
  readonly headers?: readonly string[]
  readonly upgrade?: boolean
}
const find = (router: Router, request: string, { host = 'gateway.test', headers = [], upgrade = false }: Ask = {}) => {
  const [method = '', path = ''] = request.split(' ')
  const { head } = loopbackExchange({ method, path, headers })
  return router.find({ ...head, authority: host }, upgrade)
}
const to = (router: Router, request: string, ask?: Ask): string => find(router, request, ask).route.id

describe('hosts', () => {
  const router = routerOf([
    entry('none', 'GET /x'),
    entry('exact', 'GET /x', { host: 'API.example' }),
    entry('wild', 'GET /x', { host: '*.example' }),
    entry('deep', 'GET /x', { host: '*.b.example' }),
    entry('only', 'GET /only', { host: 'api.example' }),
    entry('six', 'GET /x', { host: '[::1]' }),
    entry('rest', 'prefix * /*', { host: 'web.test' }),
    entry('rest post', 'POST /y'),
  ])

  test.each([
    ['api.example', 'exact'],
    ['API.Example:8443', 'exact'],
    ['api.example.', 'exact'],
    ['api.example.:80', 'exact'],
    ['www.example', 'wild'],
    ['a.b.example', 'deep'],
    ['a.a.b.example', 'deep'],
    ['b.example', 'wild'],
    ['example', 'none'],
    ['.example', 'none'],
    ['api.example.org', 'none'],
    ['[::1]:8080', 'six'],
    ['[::1]', 'six'],
    ['', 'none'],
    ['__proto__', 'none'],
  ])('%s', (host, id) => expect(to(router, 'GET /x', { host })).toBe(id))

  test('a host without a route for the path leaves it to the less specific ones', () => {
    expect(to(router, 'POST /y', { host: 'api.example' })).toBe('rest post')
    expect(to(router, 'GET /only')).toBe('miss 404')
  })

  test('what a host has, a prefix too, goes before routes without a host', () => {
    expect(to(router, 'GET /x', { host: 'web.test' })).toBe('rest')
  })

  test('Allow names the methods of every host that fits', () => {
    const both = routerOf([
      entry('a', 'GET /x'),
      entry('b', 'PUT /x', { host: 'h' }),
      entry('c', 'POST /x', { host: 'i' }),
    ])
    expect(find(both, 'DELETE /x', { host: 'h' }).miss?.allow).toEqual(['GET', 'HEAD', 'PUT'])
  })
})

describe('conditions', () => {
  const router = routerOf([
    entry('plain', 'GET /x'),
    entry('header', 'GET /x', { headers: { 'X-Beta': '1' } }),
    entry('both', 'GET /x', { headers: { 'x-beta': '1' }, query: { v: '2' } }),
    entry('query', 'GET /x', { query: { v: 'a b' } }),
    entry('two', 'GET /x', { query: { v: '2', w: '' } }),
    entry('proto', 'GET /x', { query: Object.fromEntries([['__proto__', '1']]) }),
    entry('lone', 'GET /lone', { headers: { 'x-beta': '1' } }),
    entry('any', '* /m', { headers: { 'x-beta': '1' } }),
    entry('get', 'GET /m'),
  ])

  test.each([
    ['GET /x', [], 'plain'],
    ['GET /x', ['x-beta', '1'], 'header'],
    ['GET /x', ['x-beta', '2'], 'plain'],
    ['GET /x', ['x-beta', '2', 'x-beta', '1'], 'header'],
    ['GET /x?v=2', ['x-beta', '1'], 'both'],
    ['GET /x?v=2', [], 'plain'],
    ['GET /x?v=a+b', [], 'query'],
    ['GET /x?%76=a%20b', [], 'query'],
    ['GET /x?v=1&v=a+b', [], 'query'],
    ['GET /x?v=a+b&bad=%zz', [], 'query'],
    ['GET /x?v=%zz', [], 'plain'],
    ['GET /x?w&v=2', [], 'two'],
    ['GET /x?w=&v=2', [], 'two'],
    ['GET /x?v=2', [], 'plain'],
    ['GET /x?__proto__=1', [], 'proto'],
    ['GET /lone', [], 'miss 404'],
    ['POST /lone', ['x-beta', '1'], 'miss 405'],
    ['GET /m', ['x-beta', '1'], 'any'],
    ['GET /m', [], 'get'],
  ] as const)('%s %j → %s', (request, headers, id) => expect(to(router, request, { headers })).toBe(id))

  test('with equally many conditions the first in the file is tried first', () => {
    const a = entry('a', 'GET /x', { headers: { a: '1' } })
    const b = entry('b', 'GET /x', { headers: { b: '1' } })
    const headers = ['a', '1', 'b', '1']
    expect(to(routerOf([a, b]), 'GET /x', { headers })).toBe('a')
    expect(to(routerOf([b, a]), 'GET /x', { headers })).toBe('b')
  })
})

describe('two entries for the same requests', () => {
  const place = (line: number) => ({ file: 'a.proto', line, column: 3 })
  const build = (...entries: Parameters<typeof routerOf>[0][number][]) =>
    buildRouter(entries, { snapshot: () => SNAPSHOT, fallback: missRoute })

  test('a line with a path beats an annotation, in whatever order and form', () => {
    const line = entry('line', 'GET /v1/{id}', { source: { origin: 'routes', pointer: '/routes/0' } })
    const annotation = entry('annotation', 'GET /v1/{name=*}')
    for (const entries of [
      [line, annotation],
      [annotation, line],
    ]) {
      const { router, problems } = build(...entries)
      expect(problems).toEqual([])
      expect(to(router, 'GET /v1/7')).toBe('line')
      expect(router.routes.map(({ id }) => id)).toEqual(['line'])
      expect(router.findOperation('test.annotation/Do')?.route.id).toBe('annotation')
    }
  })

  test('a line for every method beats the annotations of its path', () => {
    const { router, problems } = build(
      entry('annotation', 'GET /v1/{id}'),
      entry('line', '* /v1/{id}', { source: { origin: 'routes' } }),
    )
    expect(problems).toEqual([])
    expect(to(router, 'GET /v1/7')).toBe('line')
  })

  test('two lines are an error that names both; the first holds', () => {
    const { router, problems } = build(
      entry('one', 'GET /x', { source: { origin: 'routes', pointer: '/routes/0' } }),
      entry('two', 'GET /x', { source: { origin: 'routes', pointer: '/routes/4' } }),
    )
    expect(problems).toEqual([
      {
        code: 'ROUTE_DUPLICATE',
        severity: 'error',
        message: 'GET /x is bound by the route "one" (/routes/0) and by the route "two" (/routes/4)',
        pointer: '/routes/4',
        hint: expect.stringContaining('remove one'),
      },
    ])
    expect(to(router, 'GET /x')).toBe('one')
  })

  test('two services are an error that names both places', () => {
    const { problems } = build(
      entry('a', 'GET /v1/{x}:do', { source: { place: place(7) } }),
      entry('b', 'GET /v1/{y}:do', { source: { place: place(70) } }),
    )
    expect(problems).toEqual([
      {
        code: 'ROUTE_DUPLICATE',
        severity: 'error',
        message: 'GET /v1/{y}:do is bound by test.a/Do (a.proto:7:3) and by test.b/Do (a.proto:70:3)',
        file: 'a.proto',
        line: 70,
        column: 3,
        hint: expect.stringContaining('"prefix"'),
      },
    ])
  })

  test('a line settles what two services quarrel about', () => {
    const { problems } = build(
      entry('a', 'GET /x'),
      entry('b', 'GET /x'),
      entry('line', 'GET /x', { source: { origin: 'routes' } }),
    )
    expect(problems).toEqual([])
  })

  test('within one service it is a warning and the later holds', () => {
    const source = { service: 'test.S', pointer: '/routes/0' }
    const { router, problems } = build(
      entry('a', 'GET /x', { source: { ...source, place: place(1) } }),
      entry('b', 'GET /x', { source: { ...source, place: place(2) } }),
      entry('c', 'GET /x', { source: { ...source, place: place(3) } }),
    )
    expect(problems.map(({ code, severity, line }) => ({ code, severity, line }))).toEqual([
      { code: 'ROUTE_SHADOWED', severity: 'warning', line: 2 },
      { code: 'ROUTE_SHADOWED', severity: 'warning', line: 3 },
    ])
    expect(problems[1]?.message).toBe(
      'GET /x is bound by test.b/Do (a.proto:2:3) and by test.c/Do (a.proto:3:3); the later one holds',
    )
    expect(to(router, 'GET /x')).toBe('c')
  })

  test('one service on two lines is an error of routes.json', () => {
    const { problems } = build(
      entry('a', 'GET /x', { source: { service: 'test.S', pointer: '/routes/0', place: place(1) } }),
      entry('b', 'GET /x', { source: { service: 'test.S', pointer: '/routes/1', place: place(1) } }),
    )
    expect(problems).toMatchObject([{ code: 'ROUTE_DUPLICATE', severity: 'error', pointer: '/routes/1' }])
    expect(problems[0]).not.toHaveProperty('file')
  })

  test.each([
    ['verb', entry('b', 'GET /x/{id}:do')],
    ['method', entry('b', 'PUT /x/{id}')],
    ['every method', entry('b', '* /x/{id}')],
    ['host', entry('b', 'GET /x/{id}', { host: 'h' })],
    ['header', entry('b', 'GET /x/{id}', { headers: { a: '1' } })],
    ['query', entry('b', 'GET /x/{id}', { query: { a: '1' } })],
    ['template', entry('b', 'GET /x/{id=**}')],
    ['prefix', entry('b', 'prefix GET /x/{id}/*')],
    ['table', entry('b', 'ws /x/{id}')],
    ['a colon that is no verb', entry('b', 'GET /x/{id=a:do}')],
  ])('another %s is no duplicate', (_what, other) => {
    expect(build(entry('a', 'GET /x/{id}'), entry('c', 'GET /x/a:do'), other).problems).toEqual([])
  })

  test.each([
    ['host in capitals', { host: 'H.example' }, { host: 'h.example:80' }],
    ['headers in another order', { headers: { a: '1', B: '2' } }, { headers: { b: '2', a: '1' } }],
    ['queries in another order', { query: { a: '1', b: '2' } }, { query: { b: '2', a: '1' } }],
  ])('%s: the same', (_what, a, b) => {
    expect(build(entry('a', 'GET /x', a), entry('b', 'GET /x', b)).problems).toHaveLength(1)
  })

  test('two WebSocket lines of one path are an error, whatever their method', () => {
    const source = { origin: 'routes' as const }
    const { problems } = build(entry('a', 'ws /x', { source }), { ...entry('b', 'ws /x', { source }), method: 'POST' })
    expect(problems).toMatchObject([{ code: 'ROUTE_DUPLICATE', message: expect.stringContaining('WebSocket /x') }])
  })
})

describe('upgrades', () => {
  const upgrade = { upgrade: true }

  test('WebSocket lines first, then RPC bindings whatever their method, streaming before unary', () => {
    const router = routerOf([
      entry('line', 'ws /line'),
      entry('under the line', 'GET /line'),
      entry('unary', 'GET /both'),
      entry('stream', 'POST /both', { shape: 'server_stream' }),
      entry('post', 'POST /post/{id}'),
      entry('proxy', '* /proxy', { target: 'http' }),
      entry('bodies', '* /bodies', { target: 'http', shape: 'bytes' }),
      entry('chats', 'prefix ws /chat/*', { target: 'tunnel' }),
      entry('verb', 'POST /post/{id}:run', { shape: 'bidi' }),
    ])
    expect(to(router, 'GET /line', upgrade)).toBe('line')
    expect(to(router, 'GET /line')).toBe('under the line')
    expect(to(router, 'GET /both', upgrade)).toBe('stream')
    expect(find(router, 'GET /post/7', upgrade).params).toEqual(['7'])
    expect(to(router, 'GET /post/7:run', upgrade)).toBe('verb')
    expect(find(router, 'GET /proxy', upgrade).miss).toEqual({ httpStatus: 404, allow: [] })
    expect(to(router, 'GET /bodies', upgrade)).toBe('miss 404')
    expect(find(router, 'GET /chat/a/b?x', upgrade)).toMatchObject({ route: { id: 'chats' }, params: ['/a/b'] })
    expect(to(router, 'GET /chat/a')).toBe('miss 404')
    expect(to(router, 'GET /%zz', upgrade)).toBe('miss 400')
    expect(to(router, 'GET /post/..:run', upgrade)).toBe('miss 400')
  })

  test('host and conditions count; a more specific host is asked whole before the next', () => {
    const router = routerOf([
      entry('line', 'ws /x'),
      entry('rpc of the host', 'POST /x', { host: 'h' }),
      entry('beta', 'ws /x', { headers: { beta: '1' } }),
    ])
    expect(to(router, 'GET /x', upgrade)).toBe('line')
    expect(to(router, 'GET /x', { ...upgrade, headers: ['beta', '1'] })).toBe('beta')
    expect(to(router, 'GET /x', { ...upgrade, host: 'h' })).toBe('rpc of the host')
  })

  test('two streaming methods in one place: a warning that asks for a line; the first declared answers', () => {
    const entries = [
      entry('watch', 'GET /x/{id}', { shape: 'server_stream' }),
      entry('chat', 'POST /x/{name}', { shape: 'bidi' }),
    ]
    const { router, problems } = buildRouter(entries, { snapshot: () => SNAPSHOT, fallback: missRoute })
    expect(problems).toMatchObject([
      {
        code: 'ROUTE_WS_AMBIGUOUS',
        severity: 'warning',
        message: 'a WebSocket to /x/{id} reaches test.watch/Do as GET /x/{id}, but test.chat/Do is bound there too',
        hint: expect.stringContaining('"ws": true'),
      },
    ])
    expect(to(router, 'GET /x/7', upgrade)).toBe('watch')
    expect(routerOf([...entries, entry('line', 'ws /x/{y}')]).routes).toHaveLength(3)
  })

  test('of two unary methods GET answers, as an upgrade is a GET; without GET it is a warning', () => {
    expect(to(routerOf([entry('post', 'POST /x'), entry('get', 'GET /x')]), 'GET /x', upgrade)).toBe('get')
    const { problems } = buildRouter([entry('post', 'POST /x'), entry('put', 'PUT /x')], {
      snapshot: () => SNAPSHOT,
      fallback: missRoute,
    })
    expect(problems).toMatchObject([{ code: 'ROUTE_WS_AMBIGUOUS' }])
  })

  test('one method bound twice is not ambiguous', () => {
    const parts = { operation: 'test.S/Watch', shape: 'server_stream' as const }
    expect(routerOf([entry('a', 'GET /x', parts), entry('b', 'POST /x', parts)]).routes).toHaveLength(2)
  })
})

describe('preflights', () => {
  const headers = (method: string) => ['origin', 'https://app.example', 'access-control-request-method', method]
  const preflight = { ...entry('p', 'GET /x').route, id: 'preflight of get' }
  const router = routerOf([
    { ...entry('get', 'GET /x/{id}'), preflight },
    entry('put', 'PUT /x/{id}'),
    entry('proxy', 'prefix * /web/*', { target: 'http' }),
    entry('any rpc', '* /rpc'),
    entry('own get', 'GET /own'),
    entry('own options', 'OPTIONS /own', { target: 'http' }),
    entry('get proxy', 'GET /get-proxy', { target: 'http' }),
  ])

  test('the requested method finds the route, which answers by its preflight', () => {
    const match = find(router, 'OPTIONS /x/7', { headers: headers('GET') })
    expect({ id: match.route.id, params: match.params, miss: match.miss }).toEqual({
      id: 'preflight of get',
      params: ['7'],
      miss: undefined,
    })
  })
  test('no preflight ever reaches a method: the fallback answers', () => {
    expect(find(router, 'OPTIONS /x/7', { headers: headers('PUT') }).miss).toEqual({
      httpStatus: 405,
      allow: ['GET', 'HEAD', 'PUT'],
    })
    expect(find(router, 'OPTIONS /rpc', { headers: headers('POST') }).miss).toEqual({
      httpStatus: 405,
      allow: ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'],
    })
    expect(to(router, 'OPTIONS /get-proxy', { headers: headers('GET') })).toBe('miss 405')
  })
  test('a proxy of every method passes it to its backend', () => {
    expect(to(router, 'OPTIONS /web/x', { headers: headers('DELETE') })).toBe('proxy')
  })
  test('a route that binds OPTIONS itself gets it', () => {
    expect(to(router, 'OPTIONS /own', { headers: headers('GET') })).toBe('own options')
  })
  test('misses', () => {
    expect(to(router, 'OPTIONS /nowhere', { headers: headers('GET') })).toBe('miss 404')
    expect(to(router, 'OPTIONS /x/..', { headers: headers('GET') })).toBe('miss 400')
    expect(to(router, 'OPTIONS /x/7', { headers: headers('DELETE') })).toBe('miss 405')
  })
  test('OPTIONS without a requested method, and other methods with one, are ordinary', () => {
    expect(to(router, 'OPTIONS /x/7')).toBe('miss 405')
    expect(to(router, 'OPTIONS /own')).toBe('own options')
    expect(to(router, 'GET /x/7', { headers: headers('PUT') })).toBe('get')
  })
  test('Allow names OPTIONS where it is answered', () => {
    const open = routerOf([entry('get', 'GET /x')], { allowOptions: true })
    expect(find(open, 'PUT /x').miss?.allow).toEqual(['GET', 'HEAD', 'OPTIONS'])
    expect(find(open, 'PUT /y').miss).toEqual({ httpStatus: 404, allow: [] })
  })
})

describe('the rest of the router', () => {
  test('findOperation: by name, the annotation before a line, nothing for strangers', () => {
    const router = routerOf([
      entry('line', 'GET /line', { operation: 'test.S/Get', source: { origin: 'routes' } }),
      entry('annotation', 'GET /annotation', { operation: 'test.S/Get' }),
      entry('only line', 'GET /only', { operation: 'test.S/Put', source: { origin: 'routes' } }),
    ])
    expect(router.findOperation('test.S/Get')).toMatchObject({
      route: { id: 'annotation' },
      params: [],
      miss: undefined,
    })
    expect(router.findOperation('test.S/Get')?.snapshot).toBe(SNAPSHOT)
    expect(router.findOperation('test.S/Put')?.route.id).toBe('only line')
    expect(router.findOperation('__proto__')).toBeUndefined()
    expect(router.findOperation('test.S/Nope')).toBeUndefined()
  })

  test('routes: once each, by template, method and id, whatever the order of the entries', () => {
    const b = entry('b', 'GET /b')
    const entries = [b, entry('c', 'POST /a'), entry('a', 'GET /a'), { ...b, template: entry('', 'GET /z').template }]
    const ids = ['a', 'c', 'b']
    expect(routerOf(entries).routes.map(({ id }) => id)).toEqual(ids)
    expect(routerOf(entries.toReversed()).routes.map(({ id }) => id)).toEqual(ids)
  })

  test('the snapshot is asked at each match, the fallback once for each kind of miss', () => {
    let asked = 0
    const misses: Miss[] = []
    const router = routerOf([entry('a', 'GET /a'), entry('b', 'PUT /b')], {
      snapshot() {
        asked++
        return SNAPSHOT
      },
      fallback(miss) {
        misses.push(miss)
        return missRoute(miss)
      },
    })
    expect(asked).toBe(0)
    for (const request of ['GET /a', 'GET /x', 'GET /y', 'PUT /a', 'POST /a', 'GET /b', 'GET /..', 'GET /%'])
      expect(find(router, request).snapshot).toBe(SNAPSHOT)
    expect(asked).toBe(8)
    expect(misses).toEqual([
      { httpStatus: 404, allow: [] },
      { httpStatus: 405, allow: ['GET', 'HEAD'] },
      { httpStatus: 405, allow: ['PUT'] },
      { httpStatus: 400, allow: [] },
    ])
  })

  test('no entries: everything is a 404', () => {
    const router = routerOf([])
    expect(to(router, 'GET /')).toBe('miss 404')
    expect(to(router, 'GET /x', { upgrade: true })).toBe('miss 404')
    expect(router.routes).toEqual([])
  })
})
