import { createHash } from 'node:crypto'
import type { OutboundModule, Resource } from '../../core/module.ts'
import type { Channel } from '../../core/snapshot.ts'
import { loadTls } from '../../upstream/tls.ts'
import { configOf } from '../modules-schema.ts'
import type { UpstreamConfig } from '../schema.ts'
import { type Compilation, resourcesFor, stopAll } from './compile.ts'

/** What an upstream says of its channels. */
export type ChannelSettings = Partial<Pick<UpstreamConfig, 'connectTimeout' | 'limits' | 'tls'>>

/**
 * A hold on the channel to an address; `stop` lets go of it. Snapshots share channels: the same address with the same adapter,
 * settings and TLS files is the same connection, and what it owns lives as long as it.
 */
export const openChannel = (
  { pool, log, clock }: Pick<Compilation, 'pool' | 'log' | 'clock'>,
  module: OutboundModule,
  address: string,
  { connectTimeout, limits, tls }: ChannelSettings,
): Channel => {
  const settings = { connectTimeout, limits, ...(tls === undefined ? {} : { tls }) }
  const key = [module.name, identity(module), address, JSON.stringify(settings), fingerprint(tls)].join(' ')
  const lease = pool.acquire(`channel ${key}`, () => {
    const owned: Resource[] = []
    const config = configOf(module).parse(settings)
    const channel = module.connect(address, config, resourcesFor({ pool, log, clock, owned }, module))
    return {
      call: channel.call,
      async stop() {
        await channel.stop()
        await stopAll(owned, log)
      },
    }
  })
  return { call: lease.value.call, stop: () => lease.release() }
}

const identities = new WeakMap<OutboundModule, number>()
let last = 0
/** A plug-in that has changed is another module of the same name: it makes its own channels. */
const identity = (module: OutboundModule): number => {
  const known = identities.get(module) ?? ++last
  identities.set(module, known)
  return known
}

/** Certificates are renewed under the same names: their content counts. Throws ConfigError when a file cannot be read. */
const fingerprint = (tls: UpstreamConfig['tls']): string => {
  if (tls === undefined) return ''
  const { ca, cert, key } = loadTls(tls)
  const hash = createHash('sha256')
  for (const pem of [ca, cert, key]) hash.update(`${pem?.length ?? -1} `).update(pem ?? '')
  return hash.digest('hex')
}
