import { h2 } from '../../adapters/outbound/h2/index.ts'
import { outboundSettings } from '../../src/config/outbound-settings.ts'
import type { Channel } from '../../src/core/snapshot.ts'
import { collect } from '../../src/core/stream.ts'
import { backendCall, testContext } from './backend-calls.ts'
import { stopAfterEach } from './cleanup.ts'
import { startFramesPeer } from './frames-peer.ts'

/** Peers that write their frames themselves, and channels of the outbound `h2` to them, stopped after each test. */
export const h2Rig = () => {
  const keep = stopAfterEach()
  const open = (address: string): Channel => keep(h2.connect(address, outboundSettings.parse({}), testContext()))
  const start = async (...parts: Parameters<typeof startFramesPeer>) => {
    const peer = keep(await startFramesPeer(...parts))
    return { peer, channel: open(peer.address) }
  }
  const say = async (channel: Channel, init: Parameters<typeof backendCall>[1] = {}) =>
    (await collect((await channel.call(backendCall('unary', init))).messages)).status
  return { start, say }
}
