import type { HttpBinding } from '../../core/binding.ts'
import type { MessageType } from '../../core/descriptor.ts'
import type { Codec, Transcode } from '../../core/message.ts'
import { JsonCodec } from '../json/index.ts'
import { planOf, type Types } from '../plan.ts'
import { makeBind } from './bind/index.ts'
import { makeParse } from './parse/index.ts'
import { makePrint } from './print/index.ts'
import type { Mode } from './scratch.ts'

export interface Job {
  readonly type: MessageType
  readonly from: Codec
  readonly to: Codec
  readonly binding: HttpBinding | undefined
  readonly types: Types
  /** Makes every message that the compiled one hands over, and throws what is to be thrown. */
  readonly reference: Transcode
  readonly mode: Mode
}

/** The compiled transcoder of a pair that has one: JSON ⇄ protobuf. undefined: the reference is all there is. */
export const compileTranscode = (job: Job): Transcode | undefined => {
  const { from, to, binding } = job
  if (from instanceof JsonCodec && to.name === 'proto')
    return from.options.field === undefined ? parsing(job) : undefined
  if (from.name === 'proto' && to instanceof JsonCodec && binding === undefined) return printing(job, to)
  return undefined
}

const parsing = ({ type, binding, types, reference, mode }: Job): Transcode => {
  if (binding !== undefined) return makeBind(type, binding, types, reference, mode)
  const parse = makeParse(planOf(type), types, mode)
  return (bytes, out, overlay) => {
    if (!parse(bytes, out)) reference(bytes, out, overlay)
  }
}

const printing = ({ type, types, reference, mode }: Job, to: JsonCodec): Transcode => {
  const print = makePrint(planOf(type), to.options, types, mode)
  return (bytes, out, overlay) => {
    if (!print(bytes, out)) reference(bytes, out, overlay)
  }
}
