import type { HttpBinding } from '../../../core/binding.ts'
import type { MessageType } from '../../../core/descriptor.ts'
import type { Transcode } from '../../../core/message.ts'
import { planOf, type Types } from '../../plan.ts'
import { makeParse } from '../parse/index.ts'
import type { Mode } from '../scratch.ts'
import { layoutOf, partsOf } from './layout.ts'
import { Weaver } from './weaver.ts'

/**
 * The transcoder JSON → protobuf of one HTTP binding: body, path variables, query and what the route fixes, in one pass. Whatever is
 * unusual or wrong goes to `reference`, which makes the whole message again or throws: what comes out decodes to the same Value as
 * what `reference` makes. Without an overlay it is the plain transcoder of the type.
 */
export const makeBind = (
  type: MessageType,
  binding: HttpBinding,
  types: Types,
  reference: Transcode,
  mode?: Mode,
): Transcode => {
  const plan = planOf(type)
  const parse = makeParse(plan, types, mode)
  const parts = partsOf(plan, binding, types, parse, mode)
  const layout = parts === undefined ? undefined : layoutOf(parts)
  const weaver = parts === undefined || layout === undefined ? undefined : new Weaver(parts, layout)
  return (bytes, out, overlay) => {
    const done = overlay === undefined ? parse(bytes, out) : weaver?.run(bytes, out, overlay) === true
    if (!done) reference(bytes, out, overlay)
  }
}
