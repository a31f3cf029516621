import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, type Server, type ServerInit, startServer } from './processes.ts'
import { installed } from './setup.ts'
import type { Peer } from './workloads.ts'

export type ContenderName = 'protogate' | Peer

/** The server behind every contender, and its two ports. */
export interface Backends {
  readonly server: Server
  readonly grpc: number
  readonly http: number
}

/** One scheduler thread for one core. */
const GO = { GOMAXPROCS: '1' }

export const startBackends = async (folder: string): Promise<Backends> => {
  const [grpc, http] = (await freePorts(2)) as [number, number]
  const server = await startServer({
    name: 'backend',
    side: 'load',
    command: [installed.backend, '-grpc', `127.0.0.1:${grpc}`, '-http', `127.0.0.1:${http}`],
    env: { ...GO, GOGC: '400' },
    port: grpc,
    logs: folder,
  })
  return { server, grpc, http }
}

/** Rejects when it can not be had; the message says why. */
export const startContender = async (
  name: ContenderName,
  backends: Backends,
  folder: string,
  profile: string | undefined,
): Promise<Server> => {
  const [port, adminPort] = (await freePorts(2)) as [number, number]
  const place = { port, adminPort, folder, ...backends }
  return startServer({ name, side: 'gateway', port, logs: folder, ...commands[name](place, profile) })
}

interface Place extends Backends {
  readonly port: number
  readonly adminPort: number
  readonly folder: string
}
type Command = Pick<ServerInit, 'command' | 'env'>

const commands: Readonly<Record<ContenderName, (place: Place, profile: string | undefined) => Command>> = {
  protogate(place, profile) {
    const config = join(place.folder, 'routes.json')
    writeFileSync(config, JSON.stringify(routes(place)))
    const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
    return {
      command: [process.execPath, ...profiling, main, 'run', '--config', config],
      env: { NODE_ENV: 'production' },
    }
  },
  envoy(place) {
    const envoy = installed.envoy()
    if (envoy === undefined) throw new Error('not installed: npm run bench -- --setup')
    const config = join(place.folder, 'envoy.json')
    writeFileSync(config, JSON.stringify(envoyConfig(place)))
    return { command: [envoy, '-c', config, '--concurrency', '1', '--log-level', 'warn', '--disable-hot-restart'] }
  },
  'grpc-gateway': ({ port, grpc }) => ({
    command: [installed.grpcGateway, '-listen', `127.0.0.1:${port}`, '-backend', `127.0.0.1:${grpc}`],
    env: GO,
  }),
}

/** No peer writes an access log, so Protogate writes none either. */
const routes = ({ port, adminPort, grpc, http }: Place) => ({
  version: 1,
  listeners: [{ host: '127.0.0.1', port }],
  admin: { host: '127.0.0.1', port: adminPort },
  log: { level: 'warn', access: false },
  schemas: [fileURLToPath(new URL('./bench.proto', import.meta.url))],
  upstreams: {
    grpc: { endpoints: [`grpc://127.0.0.1:${grpc}`] },
    http: { endpoints: [`http://127.0.0.1:${http}`] },
  },
  routes: [
    { service: 'bench.gateway.v1.Catalog', to: 'grpc' },
    { path: '/plain/*', to: 'http' },
  ],
})

const API = 'type.googleapis.com/envoy.extensions'

/** Defaults printed as grpc-gateway prints them, streams as lines as everybody sends them, no limit that a burst could meet. */
const envoyConfig = ({ port, grpc, http }: Place) => ({
  static_resources: {
    listeners: [
      {
        name: 'http',
        address: address(port),
        filter_chains: [
          {
            filters: [
              {
                name: 'envoy.filters.network.http_connection_manager',
                typed_config: {
                  '@type': `${API}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                  stat_prefix: 'http',
                  route_config: {
                    virtual_hosts: [
                      {
                        name: 'all',
                        domains: ['*'],
                        routes: [
                          { match: { prefix: '/plain/' }, route: { cluster: 'http', timeout: '0s' } },
                          { match: { prefix: '/' }, route: { cluster: 'grpc', timeout: '0s' } },
                        ],
                      },
                    ],
                  },
                  http_filters: [
                    {
                      name: 'envoy.filters.http.grpc_json_transcoder',
                      typed_config: {
                        '@type': `${API}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder`,
                        proto_descriptor: installed.descriptors,
                        services: ['bench.gateway.v1.Catalog'],
                        print_options: { always_print_primitive_fields: true, stream_newline_delimited: true },
                      },
                    },
                    {
                      name: 'envoy.filters.http.router',
                      typed_config: { '@type': `${API}.filters.http.router.v3.Router` },
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        ...cluster('grpc', grpc),
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': `${API}.upstreams.http.v3.HttpProtocolOptions`,
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
      },
      cluster('http', http),
    ],
  },
})

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
const UNLIMITED = 1_000_000
const cluster = (name: string, port: number) => ({
  name,
  type: 'STATIC',
  connect_timeout: '2s',
  circuit_breakers: {
    thresholds: [{ max_connections: UNLIMITED, max_requests: UNLIMITED, max_pending_requests: UNLIMITED }],
  },
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
  },
})
