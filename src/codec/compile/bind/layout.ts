import type { HttpBinding } from '../../../core/binding.ts'
import type { FieldPlan, TypePlan, Types } from '../../plan.ts'
import {
  type FieldParser,
  makeFieldParser,
  makeObjectParser,
  NOTHING_TAKEN,
  type ObjectParser,
  type Parse,
  type Taken,
  takenOf,
} from '../parse/index.ts'
import type { Mode } from '../scratch.ts'
import { type Fixed, fixedOf, plansOf } from './fixed.ts'
import { KeyTable } from './keys.ts'
import { MaskWriter } from './mask.ts'
import { type Node, type Oneof, oneofOf, type Slot, Tree } from './tree.ts'

type Path = readonly FieldPlan[]

/** A binding, resolved against its request type. */
export interface Parts {
  readonly plan: TypePlan
  readonly binding: HttpBinding
  readonly fixed: readonly Fixed[]
  readonly variables: readonly Path[]
  readonly body: FieldPlan | undefined
  readonly mask: FieldPlan | undefined
  readonly parse: Parse
  readonly parseRoot: ObjectParser
  /** The body, when it is one field; and what lies in it, when that is an ordinary message. */
  readonly parseBody: FieldParser | undefined
  readonly parseInBody: ObjectParser | undefined
  readonly taken: Claims
  /** Of the message that is the body. */
  readonly takenInBody: Claims
}

/** Fields that the JSON may not touch: without path variables (later messages of a stream), and with them. */
export interface Claims {
  readonly bySet: Taken
  readonly byAll: Taken
}

/** undefined: a binding that the fast lane does not do at all. */
export const partsOf = (
  plan: TypePlan,
  binding: HttpBinding,
  types: Types,
  parse: Parse,
  mode: Mode | undefined,
): Parts | undefined => {
  const { bodyField, updateMask } = binding
  const fixed = fixedOf(plan, binding.set, types)
  const variables: Path[] = []
  for (const variable of binding.variables) {
    const path = plansOf(plan, variable.path)
    if (path === undefined) return undefined
    variables.push(path)
  }
  const body = bodyField === undefined ? undefined : plan.byNumber(bodyField.number)
  if (fixed === undefined || (body === undefined && binding.body !== '' && binding.body !== '*')) return undefined
  const mask = updateMask === undefined ? undefined : plan.byNumber(updateMask.number)
  if (mask !== undefined && !isMaskable(mask, body)) return undefined
  const set = fixed.map(({ path }) => path)
  const all = [...set, ...variables]
  const inner = body !== undefined && isObject(body) ? body.message : undefined
  const inBody = (paths: readonly Path[]): Taken =>
    inner === undefined
      ? NOTHING_TAKEN
      : takenOf(
          inner,
          fieldsAt(
            paths.filter(([first]) => first === body),
            1,
          ),
        )
  return {
    plan,
    binding,
    fixed,
    variables,
    body,
    mask,
    parse,
    parseRoot: makeObjectParser(plan, types, mode),
    parseBody: body === undefined ? undefined : makeFieldParser(body, types, mode),
    parseInBody: inner === undefined ? undefined : makeObjectParser(inner, types, mode),
    taken: { bySet: takenOf(plan, fieldsAt(set, 0)), byAll: takenOf(plan, fieldsAt(all, 0)) },
    takenInBody: { bySet: inBody(set), byAll: inBody(all) },
  }
}

const fieldsAt = (paths: readonly Path[], level: number): FieldPlan[] =>
  paths.filter((path) => path.length > level).map((path) => path[level]!)

const isObject = ({ field, wellKnown }: FieldPlan): boolean =>
  field.kind === 'message' && !field.repeated && field.mapKey === undefined && wellKnown === undefined

const isMaskable = (mask: FieldPlan, body: FieldPlan | undefined): boolean =>
  body !== undefined &&
  mask !== body &&
  isObject(body) &&
  mask.wellKnown === 'mask' &&
  !mask.field.repeated &&
  mask.field.oneof === undefined

/** What is fed by path, query and `set`. It is made anew when clients have asked for too many fields of it. */
export interface Layout {
  readonly tree: Tree
  readonly keys: KeyTable
  readonly variables: readonly Slot[]
  readonly fixed: readonly Slot[]
  /** The message that is the body, if path or `set` feed parts of it. */
  readonly body: Node | undefined
  readonly bodyOneof: Oneof | undefined
  readonly maskSlot: Slot | undefined
  readonly mask: MaskWriter | undefined
}

/** undefined: two sources feed one field, or one feeds what is no leaf. */
export const layoutOf = ({ plan, binding, fixed, variables, body, mask }: Parts): Layout | undefined => {
  const tree = new Tree(plan, binding.compat.queryForms)
  const slots: Slot[] = []
  for (const path of variables) {
    const slot = tree.slot(path)
    if (slot === undefined || slot.plan.field.repeated) return undefined
    slot.bound = true
    slots.push(slot)
  }
  const constants: Slot[] = []
  for (const { path, wire } of fixed) {
    const slot = tree.slot(path, wire)
    if (slot === undefined || slot.fixed !== wire) return undefined
    constants.push(slot)
  }
  // The body and what path or `set` feed may meet only inside of a message.
  if (body !== undefined && tree.root.slots.has(body)) return undefined
  const maskSlot = mask === undefined ? undefined : tree.slot([mask])
  if (mask !== undefined && maskSlot === undefined) return undefined
  const inner = maskSlot?.leaf === undefined ? undefined : body?.message
  return {
    tree,
    keys: new KeyTable(),
    variables: slots,
    fixed: constants,
    body: body === undefined ? undefined : tree.root.children.get(body),
    bodyOneof: body === undefined ? undefined : oneofOf(tree.root, body),
    maskSlot,
    mask: inner === undefined ? undefined : new MaskWriter(maskSlot!, inner),
  }
}
