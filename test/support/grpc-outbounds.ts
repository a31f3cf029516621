import { grpcJs } from '../../adapters/outbound/grpc-js/index.ts'
import { h2 } from '../../adapters/outbound/h2/index.ts'

/** The adapters that speak gRPC: what is asked of one is asked of both. For `describe.each`. */
export const GRPC_OUTBOUNDS = [h2, grpcJs] as const
