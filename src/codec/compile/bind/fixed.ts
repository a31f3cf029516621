import type { HttpBinding } from '../../../core/binding.ts'
import { Bytes } from '../../../core/message.ts'
import { JsonCodec } from '../../json/index.ts'
import { type FieldPlan, makeValue, type TypePlan, type Types } from '../../plan.ts'
import { encodeProto } from '../../proto/index.ts'

/** The fields of a path, as plans of the type. undefined: the type does not have them. */
export const plansOf = (
  root: TypePlan,
  path: readonly { readonly number: number }[],
): readonly FieldPlan[] | undefined => {
  const plans: FieldPlan[] = []
  let plan: TypePlan | undefined = root
  for (const { number } of path) {
    const field: FieldPlan | undefined = plan?.byNumber(number)
    if (field === undefined) return undefined
    plans.push(field)
    plan = field.field.kind === 'message' ? field.message : undefined
  }
  return plans
}

/** A field that the route fixes and its wire bytes, tag included; empty when the value means that it is not sent. */
export interface Fixed {
  readonly path: readonly FieldPlan[]
  readonly wire: Buffer
}

/** What `set` of a binding fixes. undefined: something of it is not for the fast lane. */
export const fixedOf = (root: TypePlan, set: HttpBinding['set'], types: Types): readonly Fixed[] | undefined => {
  const json = new JsonCodec(types)
  const all: Fixed[] = []
  for (const { path, json: value } of set) {
    const plans = plansOf(root, path)
    const leaf = plans?.at(-1)
    if (plans === undefined || leaf === undefined) return undefined
    const owner = plans.length === 1 ? root : plans[plans.length - 2]!.message
    // What lies in a well-known type lies in another one, or directly in it.
    if (owner.wellKnown !== undefined) return undefined
    const into = makeValue()
    json.parseInto(owner.type, leaf.field, Buffer.from(JSON.stringify(value)), into, false)
    const out = new Bytes()
    encodeProto(owner, into, out, types)
    all.push({ path: plans, wire: out.take() })
  }
  return all
}
