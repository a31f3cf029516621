import {
  Code,
  ConfigError,
  type Endpoint,
  type HttpRequest,
  type HttpResponse,
  type Listener,
  type Log,
  type Problem,
  type Snapshot,
} from '../spi.ts'

export interface AdminState {
  readonly phase: 'starting' | 'serving' | 'draining'
  /** Revision of the snapshot that serves; 0 before the first. */
  readonly revision: number
  /** Endpoints by upstream, and how many of them have not failed. */
  readonly upstreams: ReadonlyMap<string, { readonly healthy: number; readonly total: number }>
}

/** One line of `GET /routes`. */
export interface AdminRoute {
  readonly id: string
  /** Upper case, `*`, or `WS` for an upgrade. */
  readonly method: string
  readonly path: string
  /** `package.Service/Method`; absent for plain HTTP. */
  readonly rpc: string | undefined
  readonly shape: string
  /** Where calls go: names of upstreams, `mock`, `redirect`, `respond`. */
  readonly target: string
}

export interface AdminOptions {
  state(): AdminState
  metrics(accept: string | undefined): Promise<{ readonly contentType: string; readonly body: string }>
  /** Resolves with the new revision; rejects with ConfigError when the configuration is refused. */
  reload(): Promise<number>
  routes(): readonly AdminRoute[]
  readonly log: Log
}

type Handle = (request: HttpRequest, response: HttpResponse) => void | Promise<void>
type Answer = readonly [status: number, value: object]

/**
 * The handler of the admin listener:
 * - `GET /livez`, `GET /healthz`: 200 as long as the process answers.
 * - `GET /readyz`: 200 while it serves, 503 before and while it drains: `{ status, revision, upstreams: { name: "healthy 2/3" } }`.
 * - `GET /metrics`: text format 0.0.4, or OpenMetrics where `Accept` prefers it.
 * - `GET /routes`: `{ revision, routes }`.
 * - `POST /reload`: 200 with the new revision, or 409 with the problems, and the old revision goes on. A page of another site that makes
 *   a browser send it is refused with 403.
 *
 * Errors are `{ code, message }` as those of a call are.
 */
export const createAdmin = (options: AdminOptions): ((request: HttpRequest, response: HttpResponse) => void) => {
  const get = (answer: () => Answer): Methods => new Map([['GET', (_request, response) => json(response, answer())]])
  const alive = get(() => [200, { status: 'ok' }])
  const paths = new Map<string, Methods>([
    ['/livez', alive],
    ['/healthz', alive],
    ['/readyz', get(() => readiness(options.state()))],
    ['/routes', get(() => [200, { revision: options.state().revision, routes: options.routes() }])],
    ['/metrics', new Map([['GET', (request, response) => metricsPage(options, request, response)]])],
    ['/reload', new Map([['POST', (request, response) => reload(options, request, response)]])],
  ])
  return (request, response) => {
    const { method, path } = request.head
    const query = path.indexOf('?')
    const methods = paths.get(query === -1 ? path : path.slice(0, query))
    if (methods === undefined) {
      const known = [...paths.keys()].join(', ')
      fail(response, 404, Code.NOT_FOUND, `the admin listener has no such path; it has ${known}`)
      return
    }
    const handle = methods.get(method === 'HEAD' ? 'GET' : method)
    if (handle === undefined) {
      const allow = [...methods.keys()].flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', ')
      fail(response, 405, Code.UNIMPLEMENTED, `${path} takes ${allow}`, ['allow', allow])
      return
    }
    void run(options, handle, request, response)
  }
}
type Methods = ReadonlyMap<string, Handle>

const run = async (options: AdminOptions, handle: Handle, request: HttpRequest, response: HttpResponse) => {
  try {
    await handle(request, response)
  } catch (err) {
    options.log.warn({ err, path: request.head.path }, 'an admin request failed')
    fail(response, 500, Code.INTERNAL, 'the request failed, see the log')
  }
}

const readiness = ({ phase, revision, upstreams }: AdminState): Answer => {
  const shown = Object.create(null) as Record<string, string>
  for (const [name, { healthy, total }] of upstreams)
    shown[name] = `${healthy === 0 && total > 0 ? 'failed' : 'healthy'} ${healthy}/${total}`
  const ready = phase === 'serving'
  return [ready ? 200 : 503, { status: ready ? 'ok' : phase, revision, upstreams: shown }]
}

const metricsPage = async (options: AdminOptions, request: HttpRequest, response: HttpResponse): Promise<void> => {
  const { contentType, body } = await options.metrics(request.head.headers.get('accept'))
  response.reply(200, ['content-type', contentType, ...COMMON], Buffer.from(body))
}

const reload = async (options: AdminOptions, request: HttpRequest, response: HttpResponse): Promise<void> => {
  if (isForeign(request)) {
    fail(response, 403, Code.PERMISSION_DENIED, 'a reload may not be asked for by a page of another site')
    return
  }
  try {
    json(response, [200, { status: 'ok', revision: await options.reload() }])
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { revision } = options.state()
    const problems: readonly Problem[] = error.problems
    json(response, [409, { status: 'refused', revision, problems }])
  }
}

/** Browsers say where a request comes from; other clients do not (Fetch §3.2, Fetch Metadata). */
const isForeign = ({ head }: HttpRequest): boolean => {
  const origin = head.headers.get('origin')
  const site = head.headers.get('sec-fetch-site')
  return (origin !== undefined && origin !== `${head.scheme}://${head.authority}`) || site === 'cross-site'
}

const COMMON = ['cache-control', 'no-store', 'x-content-type-options', 'nosniff']
const json = (response: HttpResponse, [status, value]: Answer, headers: readonly string[] = []): void =>
  response.reply(
    status,
    ['content-type', 'application/json', ...COMMON, ...headers],
    Buffer.from(`${JSON.stringify(value)}\n`),
  )
const fail = (response: HttpResponse, status: number, code: number, message: string, headers?: readonly string[]) =>
  json(response, [status, { code, message }], headers)

/** What the admin listener needs to know of a gateway. */
export interface AdminGateway {
  readonly state: 'created' | 'ready' | 'draining' | 'stopped'
  /** undefined before the first snapshot. */
  readonly served: Snapshot | undefined
  reload(): Promise<Snapshot>
}
export interface AdminTelemetry {
  readonly log: Log
  readonly metrics: { render: AdminOptions['metrics'] }
  readonly endpoints: { isFailed(endpoint: Endpoint): boolean }
}

/** Claims every request of `listener` for the admin paths of `gateway`. */
export const attachAdmin = (
  listener: Pick<Listener, 'onRequest'>,
  gateway: AdminGateway,
  { log, metrics, endpoints }: AdminTelemetry,
): void => {
  const handle = createAdmin({
    log,
    state: () => stateOf(gateway, endpoints),
    metrics: (accept) => metrics.render(accept),
    reload: async () => (await gateway.reload()).revision,
    routes: () => routesOf(gateway.served),
  })
  listener.onRequest(() => true, handle)
}

const PHASES = { created: 'starting', ready: 'serving', draining: 'draining', stopped: 'draining' } as const

const stateOf = ({ state, served }: AdminGateway, endpoints: AdminTelemetry['endpoints']): AdminState => {
  const upstreams = new Map<string, { healthy: number; total: number }>()
  for (const upstream of served?.upstreams.values() ?? []) {
    const healthy = upstream.endpoints.filter((endpoint) => !endpoints.isFailed(endpoint)).length
    upstreams.set(upstream.name, { healthy, total: upstream.endpoints.length })
  }
  return { phase: PHASES[state], revision: served?.revision ?? 0, upstreams }
}

const routesOf = (snapshot: Snapshot | undefined): readonly AdminRoute[] =>
  (snapshot?.router.routes ?? []).map(({ id, method, template, operation, settings, about }) => ({
    id,
    method,
    path: template,
    rpc: settings.target === 'rpc' ? operation.name : undefined,
    shape: operation.shape,
    target: about?.target ?? settings.target,
  }))
