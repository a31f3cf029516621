import type { z } from 'zod'
import { outboundSettings } from '../../src/config/outbound-settings.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import { answerOf, backendCall, testContext } from './backend-calls.ts'
import { stopAfterEach } from './cleanup.ts'
import { type GrpcBackend, type GrpcBackendOptions, startGrpcBackend } from './grpc-backend.ts'
import type { GRPC_OUTBOUNDS } from './grpc-outbounds.ts'

/** Backends and channels of one outbound adapter that are stopped after each test. */
export const grpcRig = (outbound: (typeof GRPC_OUTBOUNDS)[number]) => {
  const keep = stopAfterEach()
  const open = (address: string, settings: z.input<typeof outboundSettings> = {}): Channel =>
    keep(outbound.connect(address, outboundSettings.parse(settings), testContext()))
  const start = async (
    options: GrpcBackendOptions = {},
    config: z.input<typeof outboundSettings> = {},
  ): Promise<{ backend: GrpcBackend; channel: Channel }> => {
    const backend = keep(await startGrpcBackend(options))
    return { backend, channel: open(backend.address, config) }
  }
  const say = async (channel: Channel, init: Parameters<typeof backendCall>[1] = {}) => {
    const reply = await channel.call(backendCall('unary', init))
    return { reply, answer: answerOf(reply.messages.unary!) }
  }
  return { keep, open, start, say }
}
