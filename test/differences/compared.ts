import type { FileRegistry } from '@bufbuild/protobuf'
import type { Difference } from './classes/difference.ts'
import { classify } from './classes/index.ts'
import { compare } from './compare.ts'
import type { Disagreement, Outcome, Pair } from './model.ts'
import { noRule, observe } from './observe.ts'
import type { Peers } from './peers/index.ts'

export const PEERS = ['Envoy', 'grpc-gateway'] as const
export type PeerName = (typeof PEERS)[number]

/** A pair with what all three did, and the class of each peer's disagreement. */
export interface Compared {
  readonly pair: Pair
  readonly ours: Outcome
  readonly theirs: Readonly<Record<PeerName, Outcome>>
  /** Absent: that peer agrees. `class` undefined: nothing explains it. */
  readonly disagreements: Readonly<Partial<Record<PeerName, Disagreement & { readonly class: Difference | undefined }>>>
}

/** Sends a pair to all three at once; each has its own backend. */
export const comparePair = async (peers: Peers, pair: Pair, registry: FileRegistry): Promise<Compared> => {
  const refused = pair.rpc === undefined ? undefined : peers.refusedRules.get(pair.rpc)
  const [ours, envoy, grpcGateway] = await Promise.all([
    observe(peers.ours, pair, registry),
    refused === undefined ? observe(peers.envoy, pair, registry) : noRule('Envoy', refused),
    observe(peers.grpcGateway, pair, registry),
  ])
  const theirs = { Envoy: envoy, 'grpc-gateway': grpcGateway }
  const disagreements: { -readonly [name in PeerName]?: Disagreement & { readonly class: Difference | undefined } } = {}
  for (const name of PEERS) {
    const disagreement = disagreementOf(pair, ours, theirs[name])
    if (disagreement !== undefined) disagreements[name] = { ...disagreement, class: classify(disagreement) }
  }
  return { pair, ours, theirs, disagreements }
}

export const disagreementOf = (pair: Pair, ours: Outcome, theirs: Outcome): Disagreement | undefined => {
  const shape = compare(pair, ours, theirs)
  return shape === undefined ? undefined : { pair, shape, ours, theirs }
}
