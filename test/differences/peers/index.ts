import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { ConfigInput } from '../../../src/index.ts'
import { createGateway } from '../../../src/index.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import type { Installed } from '../setup/install.ts'
import { Backend } from './backend.ts'
import { envoyConfig } from './envoy.ts'
import { freePort, localPeer, type Peer, processPeer } from './peer.ts'

export interface Peers {
  readonly ours: Peer
  readonly envoy: Peer
  readonly grpcGateway: Peer
  /** Methods (`/package.Service/Method`) whose rule Envoy refuses to load, with its words. They are taken out of its schema. */
  readonly refusedRules: ReadonlyMap<string, string>
  stop(): Promise<void>
}

type RouteSettings = Omit<NonNullable<ConfigInput['routes']>[number], 'service' | 'to'>

/** Protogate over all rules, in this process; `settings` are those of the one route that serves them. */
export const startOurs = async (protos: string, settings: RouteSettings = {}): Promise<Peer> => {
  const backend = await Backend.start()
  const gateway = createGateway({
    env: {},
    log: createLog({ format: 'json', level: 'silent', write: () => {} }),
    config: {
      listeners: [{ host: '127.0.0.1', port: 0 }],
      admin: false,
      schemas: [protos],
      upstreams: { backend: { endpoints: [`grpc://127.0.0.1:${backend.port}`] } },
      routes: [
        { ...settings, service: '*', to: 'backend', forward: { request: ['x-pair', 'if-match', 'if-none-match'] } },
      ],
    },
  })
  await gateway.start()
  return localPeer(backend, gateway.addresses().http[0]!.port, () => gateway.stop())
}

/** All three, each with its own backend. What was started is stopped when one of them can not start. */
export const startPeers = async (installed: Installed, services: readonly string[]): Promise<Peers> => {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-differences-'))
  const started: Peer[] = []
  const stop = async (): Promise<void> => {
    for (const peer of started) await peer.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  const add = async (peer: Promise<Peer>): Promise<Peer> => {
    const ready = await peer
    started.push(ready)
    return ready
  }
  try {
    const ours = await add(startOurs(installed.protos))
    const refusedRules = new Map<string, string>()
    const envoy = await add(startEnvoy(installed, services, folder, refusedRules))
    const grpcGateway = await add(startGrpcGateway(installed, folder))
    return { ours, envoy, grpcGateway, refusedRules, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A rule that Envoy does not take is fatal to it, so it is started until it takes what is left. */
const startEnvoy = async (
  installed: Installed,
  services: readonly string[],
  folder: string,
  refused: Map<string, string>,
): Promise<Peer> => {
  const backend = await Backend.start()
  const descriptors = join(folder, 'rules.binpb')
  const file = join(folder, 'envoy.json')
  const flags = ['--concurrency', '1', '--log-level', 'warn', '--disable-hot-restart']
  for (;;) {
    const port = await freePort()
    writeFileSync(descriptors, withoutMethods(readFileSync(installed.descriptors), refused))
    writeFileSync(file, envoyConfig(port, backend.port, descriptors, services))
    const command = [installed.envoy, '-c', file, ...flags]
    try {
      return await processPeer('Envoy', backend, port, command, join(folder, `envoy-${refused.size}.log`))
    } catch (error) {
      const [, service, method, why] =
        /Cannot register '([\w.]+)\.(\w+)': ([^\n`]*)/.exec((error as Error).message) ?? []
      const name = `/${service}/${method}`
      if (why === undefined || refused.has(name)) {
        await backend.stop()
        throw error
      }
      refused.set(name, why)
    }
  }
}

const withoutMethods = (bytes: Uint8Array, names: ReadonlyMap<string, string>): Uint8Array => {
  const set = fromBinary(FileDescriptorSetSchema, bytes)
  for (const file of set.file)
    for (const service of file.service)
      service.method = service.method.filter(({ name }) => !names.has(`/${file.package}.${service.name}/${name}`))
  return toBinary(FileDescriptorSetSchema, set)
}

const startGrpcGateway = async (installed: Installed, folder: string): Promise<Peer> => {
  const backend = await Backend.start()
  const port = await freePort()
  const flags = ['-listen', `127.0.0.1:${port}`, '-backend', `127.0.0.1:${backend.port}`]
  return processPeer('grpc-gateway', backend, port, [installed.grpcGateway, ...flags], join(folder, 'grpc-gateway.log'))
}
