import { defineOutbound, outboundSettings, parseAddress, readSettings } from '../../../src/spi.ts'
import { H2Channel } from './channel.ts'

/**
 * gRPC backends over HTTP/2 of our own: the fast lane. `grpc://`, `grpcs://` (TLS) and `unix:/path`, which is plain text. One
 * channel has one endpoint; balancing, retries and health are the gateway's.
 */
export const h2 = defineOutbound({
  name: 'h2',
  schemes: ['grpc', 'grpcs', 'unix'],
  config: outboundSettings,
  connect(address, settings, context) {
    const { connectTimeout, maxMessageBytes, tls } = readSettings(settings)
    const { scheme, host, port, path, authority } = parseAddress(address, { grpc: 80, grpcs: 443, unix: 0 })
    return new H2Channel({
      dial: scheme === 'unix' ? { path } : { host, port, tls: scheme === 'grpcs' ? tls : undefined },
      authority,
      connectTimeout,
      maxMessageBytes,
      clock: context.clock,
    })
  },
})
