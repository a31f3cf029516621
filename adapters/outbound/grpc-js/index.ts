import * as grpc from '@grpc/grpc-js'
import { defineOutbound, type LoadedTls, outboundSettings, parseAddress, readSettings } from '../../../src/spi.ts'
import { GrpcChannel } from './channel.ts'
import { AGENT } from './wire.ts'

/**
 * gRPC backends by @grpc/grpc-js: the reference lane. `grpc://`, `grpcs://` (TLS) and `unix:/path`, which is plain text. Bodies
 * are bytes throughout; retries, balancing and health are the gateway's, so one channel has one endpoint.
 */
export const grpcJs = defineOutbound({
  name: 'grpc-js',
  schemes: ['grpc', 'grpcs', 'unix'],
  config: outboundSettings,
  connect(address, settings, context) {
    const { connectTimeout, maxMessageBytes, tls } = readSettings(settings)
    const { scheme, host, port, path } = parseAddress(address, { grpc: 80, grpcs: 443, unix: 0 })
    const target = scheme === 'unix' ? `unix:${path}` : `dns:${host.includes(':') ? `[${host}]` : host}:${port}`
    return new GrpcChannel({
      target,
      connectTimeout,
      credentials: scheme === 'grpcs' ? secure(tls) : grpc.ChannelCredentials.createInsecure(),
      options: {
        'grpc.primary_user_agent': AGENT,
        'grpc.max_receive_message_length': Number.isFinite(maxMessageBytes) ? maxMessageBytes : -1,
        'grpc.max_send_message_length': -1,
        'grpc.enable_retries': 0,
        // Nothing is kept for a retry; with room here grpc-js would call a message sent while it only lies in its buffer.
        'grpc.retry_buffer_size': 0,
        'grpc.per_rpc_retry_buffer_size': 0,
        'grpc.use_local_subchannel_pool': 1,
        'grpc.enable_channelz': 0,
        'grpc.enable_http_proxy': 0,
        'grpc.service_config_disable_resolution': 1,
        // Servers allow a ping every five minutes unless they were told otherwise; more of them cost the connection.
        'grpc.keepalive_time_ms': 330_000,
        'grpc.keepalive_timeout_ms': 20_000,
        // Between attempts all calls fail: a backend that is back must not wait for the default's two minutes.
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 2000,
        ...(tls.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName }),
      },
      clock: context.clock,
    })
  },
})

const secure = ({ ca, cert, key }: LoadedTls): grpc.ChannelCredentials =>
  grpc.ChannelCredentials.createSsl(ca ?? null, key ?? null, cert ?? null)
