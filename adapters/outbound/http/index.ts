import { createRequire } from 'node:module'
import type * as Undici from 'undici'
import { defineOutbound, outboundSettings, parseAddress, readSettings } from '../../../src/spi.ts'
import { HttpChannel } from './channel.ts'

const require = createRequire(import.meta.url)

/**
 * HTTP/1.1 backends by undici: `http://` and `https://`. Bodies pass through as they are, in pieces and in both directions;
 * nothing is retried, redirected or inflated. A path in the address is put before every path that is asked for.
 */
export const http = defineOutbound({
  name: 'http',
  schemes: ['http', 'https'],
  serves: 'http',
  config: outboundSettings,
  connect(address, settings, context) {
    const { scheme, authority, path } = parseAddress(address, { http: 80, https: 443 })
    const { connectTimeout, tls } = readSettings(settings)
    // Loading it takes longer than all the rest of a start: only who has such a backend pays.
    const { Pool, buildConnector }: typeof Undici = require('undici')
    const connect = buildConnector({
      timeout: connectTimeout,
      allowH2: false,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
    })
    const { serverName } = tls
    const pool = new Pool(`${scheme}://${authority}`, {
      connect:
        serverName === undefined ? connect : (options, done) => connect({ ...options, servername: serverName }, done),
      allowH2: false,
      pipelining: 1,
      maxResponseSize: -1,
    })
    return new HttpChannel({ basePath: path, connectTimeout, pool, clock: context.clock })
  },
})
