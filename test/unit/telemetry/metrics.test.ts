import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { tallyOf } from '../../../src/core/attributes.ts'
import { attemptEnded, endpointChanged, exchangeStarted, snapshotChanged } from '../../../src/core/channels.ts'
import { testClock } from '../../../src/core/clock.ts'
import type { LiveExchange } from '../../../src/core/exchange.ts'
import type { Resource } from '../../../src/core/module.ts'
import type { Route } from '../../../src/core/router.ts'
import type { Endpoint, Snapshot } from '../../../src/core/snapshot.ts'
import { Code, errors, makeStatus, OK } from '../../../src/core/status.ts'
import { MOST_SERIES } from '../../../src/telemetry/durations.ts'
import { watchEndpoints } from '../../../src/telemetry/endpoint-states.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import {
  fakeBackend,
  fakeMatch,
  fakeOperation,
  fakeRoute,
  fakeSchema,
  fakeSettings,
  fakeSnapshot,
  type LoopbackInit,
  loopbackExchange,
} from '../../support/loopback.ts'

const running: Resource[] = []
afterEach(async () => {
  for (const resource of running.splice(0)) await resource.stop()
})

const endpoint = (address: string, inFlight = 0): Endpoint => ({
  address,
  weight: 1,
  zone: undefined,
  inFlight,
  channel: { call: fakeBackend().call, stop: () => Promise.resolve() },
})

const OPERATION = fakeOperation({ name: 'acme.v1.Books/Get' })
const schema = fakeSchema({ operations: new Map([[OPERATION.name, OPERATION]]) })
const endpoints = [endpoint('grpc://a:1', 3), endpoint('grpc://b:1')]
let snapshot: Snapshot
beforeEach(() => {
  const call = fakeBackend().call
  const upstream = { name: 'books', endpoints, call, stop: () => Promise.resolve() }
  snapshot = fakeSnapshot({ revision: 41, schema, upstreams: new Map([['books', upstream]]) })
})

const start = (own: () => Snapshot | undefined = () => snapshot) => {
  const states = watchEndpoints()
  const metrics = createMetrics({ owns: (other) => other === own(), snapshot: own, endpoints: states })
  running.push(states, metrics)
  return {
    metrics,
    text: async () => (await metrics.render(undefined)).body,
    /** Samples of one metric, without those of histogram buckets. */
    async samples(name: string) {
      const { body } = await metrics.render(undefined)
      const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      return lines.map((line) => line.slice(name.length))
    },
  }
}

const route = (parts: Partial<Route> = {}): Route =>
  fakeRoute({ template: '/v1/books/{id}', operation: OPERATION, ...parts }, schema)
const call = (init: LoopbackInit = {}, made: Route = route()): LiveExchange =>
  loopbackExchange({ method: 'GET', match: { route: made, params: [], snapshot, miss: undefined }, ...init })

describe('http_server_request_duration_seconds', () => {
  const COUNT = 'http_server_request_duration_seconds_count'

  test('has method, route template and status, in seconds', async () => {
    const { samples, text } = start()
    const clock = testClock()
    const one = call({ clock, path: '/v1/books/7?x=1' })
    tallyOf(one).httpStatus = 200
    clock.advance(250)
    one.end(OK)
    const labels = '{http_request_method="GET",http_route="/v1/books/{id}",http_response_status_code="200"}'
    expect(await samples(COUNT)).toEqual([`${labels} 1`])
    expect(await samples('http_server_request_duration_seconds_sum')).toEqual([`${labels} 0.25`])
    expect(await text()).toContain('http_server_request_duration_seconds_bucket{le="0.1",http_request')
  })

  test('a miss has no route, an invented method is _OTHER, a refusal the status of its code', async () => {
    const { samples } = start()
    const miss = { ...fakeMatch({ miss: { httpStatus: 404, allow: [] } }), snapshot }
    call({ method: 'BREW', match: miss }).end(errors.notFound('no route').status)
    call().cancel(makeStatus(Code.RESOURCE_EXHAUSTED, 'too many'))
    expect(await samples(COUNT)).toEqual([
      '{http_request_method="_OTHER",http_route="",http_response_status_code="404"} 1',
      '{http_request_method="GET",http_route="/v1/books/{id}",http_response_status_code="429"} 1',
    ])
  })

  test('a WebSocket that was accepted is 101 whatever its close code', async () => {
    const { samples } = start()
    for (const code of [1000, 4503, 1006]) {
      const socket = call()
      tallyOf(socket).httpStatus = code
      socket.end(OK)
    }
    expect(await samples(COUNT)).toEqual([
      '{http_request_method="GET",http_route="/v1/books/{id}",http_response_status_code="101"} 3',
    ])
  })

  test('the same labels from another snapshot are the same series, and the number of series is bounded', async () => {
    const { samples } = start()
    for (let i = 0; i < MOST_SERIES + 50; i++) call({}, route({ template: `/${i % (MOST_SERIES + 20)}` })).end(OK)
    const lines = await samples(COUNT)
    expect(lines).toHaveLength(MOST_SERIES + 1)
    expect(lines).toContain('{http_request_method="GET",http_route="/0",http_response_status_code="200"} 2')
    expect(lines).toContain('{http_request_method="GET",http_route="_OTHER",http_response_status_code="200"} 20')
  })
})

describe('attempts', () => {
  const attempt = (exchange: LiveExchange, code: number, operation = OPERATION.name): void =>
    attemptEnded.publish({ exchange, upstream: 'books', address: 'a', operation, code, started: 0, ended: 20 })

  test('rpc_client_call_duration_seconds has the method and the name of the code; unknown ones are _OTHER', async () => {
    const { samples } = start()
    const exchange = call()
    attempt(exchange.fork(), Code.UNAVAILABLE)
    attempt(exchange.fork(), Code.OK)
    attempt(exchange, 4711)
    attempt(exchange, 4712)
    attempt(exchange, Code.OK, 'not.in.Schema/X')
    expect(await samples('rpc_client_call_duration_seconds_count')).toEqual([
      '{rpc_method="acme.v1.Books/Get",rpc_response_status_code="UNAVAILABLE"} 1',
      '{rpc_method="acme.v1.Books/Get",rpc_response_status_code="OK"} 1',
      '{rpc_method="acme.v1.Books/Get",rpc_response_status_code="_OTHER"} 2',
      '{rpc_method="_OTHER",rpc_response_status_code="OK"} 1',
    ])
    expect(await samples('protogate_upstream_attempts_total')).toEqual([
      '{upstream="books",code="UNAVAILABLE"} 1',
      '{upstream="books",code="OK"} 2',
      '{upstream="books",code="_OTHER"} 2',
    ])
  })

  test('a plain HTTP backend is no RPC', async () => {
    const { samples } = start()
    attempt(call({}, route({ settings: fakeSettings(schema, { target: 'http' }) })), Code.OK)
    expect(await samples('rpc_client_call_duration_seconds_count')).toEqual([])
    expect(await samples('protogate_upstream_attempts_total')).toEqual(['{upstream="books",code="OK"} 1'])
  })
})

describe('totals by protocol', () => {
  test('open and finished calls, messages and bytes; those of open calls count', async () => {
    const { samples } = start()
    const open = call({ protocol: 'ws' })
    Object.assign(tallyOf(open), { bytesIn: 5, bytesOut: 50, messagesIn: 1, messagesOut: 10 })
    const over = call({ protocol: 'http' })
    Object.assign(tallyOf(over), { bytesIn: 7, bytesOut: 70, messagesIn: 1, messagesOut: 1 })
    over.end(OK)
    expect(await samples('protogate_open_exchanges')).toEqual(['{protocol="ws"} 1', '{protocol="http"} 0'])
    expect(await samples('protogate_exchanges_total')).toEqual(['{protocol="http",code="OK"} 1'])
    expect(await samples('protogate_messages_sent_total')).toEqual(['{protocol="ws"} 10', '{protocol="http"} 1'])
    expect(await samples('protogate_received_bytes_total')).toEqual(['{protocol="ws"} 5', '{protocol="http"} 7'])
    tallyOf(open).messagesOut = 11
    open.cancel(makeStatus(Code.CANCELLED, 'gone'))
    expect(await samples('protogate_open_exchanges')).toEqual(['{protocol="ws"} 0', '{protocol="http"} 0'])
    expect(await samples('protogate_messages_sent_total')).toEqual(['{protocol="ws"} 11', '{protocol="http"} 1'])
    expect(await samples('protogate_messages_received_total')).toEqual(['{protocol="ws"} 1', '{protocol="http"} 1'])
    expect(await samples('protogate_sent_bytes_total')).toEqual(['{protocol="ws"} 50', '{protocol="http"} 70'])
  })

  test('a call that was open before the metrics were is not counted down', async () => {
    const early = call()
    const { samples } = start()
    early.end(OK)
    expect(await samples('protogate_open_exchanges')).toEqual([])
    expect(await samples('protogate_exchanges_total')).toEqual([])
  })
})

describe('snapshots and endpoints', () => {
  const change = (kind: 'loaded' | 'refused' | 'released', of: Snapshot | undefined = snapshot): void =>
    snapshotChanged.publish({ kind, revision: 1, snapshot: of, problems: [] })

  test('revision, reloads by result', async () => {
    const { samples } = start()
    for (const kind of ['loaded', 'refused', 'released'] as const) change(kind)
    expect(await samples('protogate_snapshot_revision')).toEqual([' 41'])
    expect(await samples('protogate_reloads_total')).toEqual(['{result="loaded"} 1', '{result="refused"} 1'])
    expect(await samples('protogate_last_reload_successful')).toEqual([' 0'])
    change('loaded')
    expect(await samples('protogate_last_reload_successful')).toEqual([' 1'])
  })

  test('endpoints by their last news, and their open calls', async () => {
    const { samples } = start()
    const news = (kind: 'failed' | 'healthy'): void =>
      endpointChanged.publish({ kind, upstream: 'books', address: 'x', endpoint: endpoints[0]!, detail: undefined })
    news('failed')
    expect(await samples('protogate_endpoints')).toEqual([
      '{upstream="books",state="ok"} 1',
      '{upstream="books",state="failed"} 1',
    ])
    news('healthy')
    expect(await samples('protogate_endpoints')).toContain('{upstream="books",state="ok"} 2')
    expect(await samples('protogate_endpoint_open_calls')).toEqual([
      '{upstream="books",address="grpc://a:1"} 3',
      '{upstream="books",address="grpc://b:1"} 0',
    ])
  })

  test('before the first snapshot there is a page too', async () => {
    const { samples } = start(() => undefined)
    expect(await samples('protogate_snapshot_revision')).toEqual([' 0'])
    expect(await samples('protogate_endpoints')).toEqual([])
  })
})

describe('forms', () => {
  test.each([
    [undefined, 'text/plain; version=0.0.4; charset=utf-8'],
    ['*/*', 'text/plain; version=0.0.4; charset=utf-8'],
    ['text/plain, application/openmetrics-text;q=0.5', 'text/plain; version=0.0.4; charset=utf-8'],
    ['application/openmetrics-text;q=0', 'text/plain; version=0.0.4; charset=utf-8'],
    ['application/openmetrics-text; version=1.0.0', 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    ],
  ])('Accept: %s', async (accept, contentType) => {
    expect((await start().metrics.render(accept)).contentType).toBe(contentType)
  })

  test('OpenMetrics names counter families without _total, ends with EOF, and leaves the next text page as it was', async () => {
    const { metrics } = start()
    call().end(OK)
    const open = (await metrics.render('application/openmetrics-text')).body
    expect(open).toContain('# TYPE protogate_exchanges counter\nprotogate_exchanges_total{')
    expect(open).toContain('# HELP process_cpu_seconds CPU')
    expect(open.endsWith('\n# EOF\n')).toBe(true)
    expect(open).not.toContain('\n\n')
    const text = (await metrics.render('text/plain')).body
    expect(text).toContain('# TYPE protogate_exchanges_total counter\nprotogate_exchanges_total{')
    expect(text).not.toContain('# EOF')
  })

  test('every line is a comment or a sample with a finite number', async () => {
    const { text } = start()
    call({}, route({ template: '/"quoted"\\back\nline' })).end(OK)
    const lines = (await text()).split('\n').filter((line) => line !== '')
    for (const line of lines)
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? -?[\d.e+-]+)$/)
    expect(lines.some((line) => line.includes('http_route="/\\"quoted\\"\\\\back\\nline"'))).toBe(true)
  })

  test('the process shows itself', async () => {
    const { samples } = start()
    for (const name of ['process_resident_memory_bytes', 'process_open_fds', 'process_cpu_seconds_total'])
      expect(Number((await samples(name))[0])).toBeGreaterThan(0)
    expect(await samples('nodejs_version_info')).toEqual([`{version="${process.version}"} 1`])
  })
})

describe('several gateways in one process', () => {
  test('each counts its own, and nothing is subscribed after stop', async () => {
    const before = exchangeStarted.hasSubscribers
    const other = fakeSnapshot({ revision: 7 })
    const [mine, theirs] = [start(), start(() => other)]
    call().end(OK)
    snapshotChanged.publish({ kind: 'loaded', revision: 7, snapshot: other, problems: [] })
    attemptEnded.publish({
      exchange: call(),
      upstream: 'u',
      address: 'a',
      operation: 'o',
      code: 0,
      started: 0,
      ended: 1,
    })
    for (const name of ['protogate_exchanges_total', 'protogate_upstream_attempts_total', 'protogate_open_exchanges']) {
      expect(await mine.samples(name)).toHaveLength(1)
      expect(await theirs.samples(name)).toEqual([])
    }
    expect(await mine.samples('protogate_reloads_total')).toContain('{result="loaded"} 0')
    expect(await theirs.samples('protogate_reloads_total')).toContain('{result="loaded"} 1')
    for (const resource of running.splice(0)) await resource.stop()
    expect(exchangeStarted.hasSubscribers).toBe(before)
    for (const channel of [attemptEnded, snapshotChanged, endpointChanged]) expect(channel.hasSubscribers).toBe(false)
  })
})
