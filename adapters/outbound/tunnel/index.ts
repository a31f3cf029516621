import {
  type Channel,
  type Context,
  defineOutbound,
  type OutboundSettings,
  outboundSettings,
  parseAddress,
  readSettings,
} from '../../../src/spi.ts'
import { TunnelChannel } from './channel.ts'

/** ms that a backend may take from the connection to its answer. */
const HANDSHAKE = 10_000

/**
 * WebSocket upgrades passed on byte by byte to `http://` and `https://` backends, extensions and all, without looking inside. It
 * serves exchanges that carry `upgrade`. Plain requests of the same schemes are the business of `http`, which comes first.
 */
export const tunnel = defineOutbound<OutboundSettings>({
  name: 'tunnel',
  schemes: ['http', 'https'],
  serves: 'tunnel',
  config: outboundSettings,
  connect(address: string, settings: OutboundSettings, { clock }: Context): Channel {
    const { scheme, host, port, path, authority } = parseAddress(address, { http: 80, https: 443 })
    const { connectTimeout, tls } = readSettings(settings)
    const { ca, cert, key, serverName } = tls
    return new TunnelChannel({
      secure: scheme === 'https',
      host,
      port,
      authority,
      basePath: path,
      connectTimeout,
      handshakeTimeout: HANDSHAKE,
      tls: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(serverName === undefined ? {} : { servername: serverName }),
      },
      clock,
    })
  },
})
