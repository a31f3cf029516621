import {
  type Channel,
  type Context,
  defineOutbound,
  type OutboundSettings,
  outboundSettings,
  parseAddress,
  readSettings,
} from '../../../src/spi.ts'
import { WsChannel } from './channel.ts'

/** ms that a backend may take from the connection to its answer. */
const HANDSHAKE = 10_000

/**
 * WebSocket backends, frame by frame: `ws://` and `wss://` (TLS). The calls have the shape `bidi`; messages with the codec `text`
 * are text frames, all others binary ones.
 */
export const ws = defineOutbound<OutboundSettings>({
  name: 'ws',
  schemes: ['ws', 'wss'],
  serves: 'frames',
  config: outboundSettings,
  connect(address: string, settings: OutboundSettings, { clock }: Context): Channel {
    const { scheme, host, port, path } = parseAddress(address, { ws: 80, wss: 443 })
    const { connectTimeout, maxMessageBytes, tls } = readSettings(settings)
    const { ca, cert, key, serverName } = tls
    return new WsChannel({
      origin: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
      basePath: path,
      connectTimeout,
      handshakeTimeout: HANDSHAKE,
      maxMessageBytes,
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
