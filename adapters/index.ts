import type { Module } from '../src/spi.ts'
import { http as httpInbound } from './inbound/http/index.ts'
import { ws as wsInbound } from './inbound/ws/index.ts'
import { grpcJs } from './outbound/grpc-js/index.ts'
import { h2 } from './outbound/h2/index.ts'
import { http as httpOutbound } from './outbound/http/index.ts'
import { mock } from './outbound/mock/index.ts'
import { tunnel } from './outbound/tunnel/index.ts'
import { ws as wsOutbound } from './outbound/ws/index.ts'

/**
 * The built-in adapters: one line each. Inbound adapters are asked in this order who takes a request, and `http` takes whatever
 * is left; of two outbound adapters with the same scheme the first is its default.
 */
export const adapters: readonly Module[] = [wsInbound, httpInbound, h2, grpcJs, httpOutbound, wsOutbound, tunnel, mock]
