import type { FileRegistry } from '@bufbuild/protobuf'
import { classify, DIFFERENCES } from './classes/index.ts'
import { type Compared, disagreementOf, PEERS } from './compared.ts'
import { observe } from './observe.ts'
import { startOurs } from './peers/index.ts'

const TRIED = 40

/**
 * Tries every switch on requests of its class: with it, Protogate must agree with the peer, or what is left must have another class.
 * Answers with what is not so.
 */
export const trySwitches = async (
  compared: readonly Compared[],
  protos: string,
  registry: FileRegistry,
): Promise<string[]> => {
  const wrong: string[] = []
  for (const difference of DIFFERENCES) {
    if (difference.switch === undefined) continue
    const ours = await startOurs(protos, difference.switch.settings)
    try {
      for (const peer of PEERS) {
        const own = spread(compared.filter((one) => one.disagreements[peer]?.class === difference))
        if (own.length === 0 || difference.switch.except === peer) continue
        for (const { pair, theirs } of own) {
          const left = disagreementOf(pair, await observe(ours, pair, registry), theirs[peer])
          if (left === undefined || left.shape === difference.switch.leaves) continue
          const other = classify(left)
          if (other === undefined || other === difference)
            wrong.push(
              `${difference.id}: with its switch ${peer} still differs (${left.shape}) on ${pair.method} ${pair.target}`,
            )
        }
      }
    } finally {
      await ours.stop()
    }
  }
  return wrong
}

/** Some of many, from all over the list, so that every feature is among them. */
const spread = <T>(list: readonly T[]): readonly T[] => {
  const step = Math.max(1, Math.floor(list.length / TRIED))
  return list.filter((_, index) => index % step === 0)
}
