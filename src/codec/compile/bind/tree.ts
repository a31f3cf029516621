import { type FieldPlan, GROUP, GROUP_END, type TypePlan } from '../../plan.ts'
import { type Leaf, leafOf } from './leaf.ts'

/** A oneof of one message, and which of its members this call has set. */
export interface Oneof {
  stamp: number
  member: FieldPlan | undefined
}

/**
 * A field that path, query or `set` may feed. It lives as long as its tree; what belongs to one call counts while `stamp` is that
 * of the tree, so that nothing has to be cleaned up between two calls.
 */
export interface Slot {
  readonly leaf: Leaf | undefined
  readonly plan: FieldPlan
  readonly node: Node
  readonly oneof: Oneof | undefined
  /** Tag of one element; of a packed list: its own. */
  readonly tag: number
  readonly packed: boolean
  /** Its default is not sent. */
  readonly hidesDefault: boolean
  /** Wire bytes of a field that the route fixes, tag included; empty: it is never sent. */
  readonly fixed: Buffer | undefined
  /** A query may not touch it: path, body or `set` have it. `covered`: not if the bytes are a whole message. */
  bound: boolean
  covered: boolean
  stamp: number
  /** First and last piece of text of this call, for those that are written late. */
  first: number
  last: number
  next: Slot | undefined
}

/** A message that is written field by field: the request itself or one inside of it. */
export interface Node {
  readonly type: TypePlan
  /** The field that it is in its parent; both are undefined of the request itself. */
  readonly plan: FieldPlan | undefined
  readonly parent: Node | undefined
  readonly oneof: Oneof | undefined
  /** Tag that ends it when its wire form is a group; 0 when a length stands before it. */
  readonly endTag: number
  readonly slots: Map<FieldPlan, Slot>
  readonly children: Map<FieldPlan, Node>
  readonly oneofs: Map<string, Oneof>
  stamp: number
  firstSlot: Slot | undefined
  firstChild: Node | undefined
  next: Node | undefined
}

/** So many messages and fields are kept for one binding: what they are is up to clients. */
const MAX_PARTS = 1024

/** The messages and fields of one request type that a binding may feed, made as they are asked for. */
export class Tree {
  readonly root: Node
  /** Number of the call that is going on. */
  stamp = 0
  readonly #goForms: boolean
  #parts = 0

  constructor(type: TypePlan, goForms: boolean) {
    this.root = makeNode(type, undefined, undefined)
    this.#goForms = goForms
  }

  /** No more should be added: clients have asked for more than one usually does. */
  get full(): boolean {
    return this.#parts > MAX_PARTS
  }

  /** The message that holds the last field of a path. undefined: a part of the path is a single value already. */
  holder(path: readonly FieldPlan[]): Node | undefined {
    let node = this.root
    for (let i = 0; i < path.length - 1; i++) {
      const plan = path[i]!
      let child = node.children.get(plan)
      if (child === undefined) {
        if (node.slots.has(plan) || plan.field.repeated || plan.field.mapKey !== undefined) return undefined
        child = makeNode(plan.message, plan, node)
        node.children.set(plan, child)
        this.#parts++
      }
      node = child
    }
    return node
  }

  /**
   * The slot of a field, made if there is none. undefined: it is no leaf, or parts of it are fed on their own. With `fixed` it is
   * one that a route fixes, whatever it is.
   */
  slot(path: readonly FieldPlan[], fixed?: Buffer): Slot | undefined {
    const node = this.holder(path)
    const plan = path[path.length - 1]!
    const known = node?.slots.get(plan)
    if (node === undefined || known !== undefined || node.children.has(plan)) return known
    const leaf = leafOf(plan, this.#goForms)
    if (leaf === undefined && fixed === undefined) return undefined
    const made = makeSlot(node, plan, leaf, fixed)
    node.slots.set(plan, made)
    this.#parts++
    return made
  }

  /** Before each call. */
  begin(): void {
    this.stamp++
    const { root } = this
    root.stamp = this.stamp
    root.firstSlot = undefined
    root.firstChild = undefined
  }

  /** Opens a message for this call, and those that it lies in. false: another member of a oneof is set. */
  touch(node: Node): boolean {
    const { stamp } = this
    if (node.stamp === stamp) return true
    const { parent } = node
    if (parent === undefined || !this.touch(parent) || !this.choose(node.oneof, node.plan!)) return false
    node.stamp = stamp
    node.firstSlot = undefined
    node.firstChild = undefined
    node.next = parent.firstChild
    parent.firstChild = node
    return true
  }

  /** Sets a member of a oneof. false: another one is set. */
  choose(oneof: Oneof | undefined, member: FieldPlan): boolean {
    if (oneof === undefined) return true
    if (oneof.stamp === this.stamp) return oneof.member === member
    oneof.stamp = this.stamp
    oneof.member = member
    return true
  }
}

/** The oneof of a field, made if nobody has asked for it yet. */
export const oneofOf = (node: Node, { field }: FieldPlan): Oneof | undefined => {
  if (field.oneof === undefined) return undefined
  let oneof = node.oneofs.get(field.oneof)
  if (oneof === undefined) {
    oneof = { stamp: 0, member: undefined }
    node.oneofs.set(field.oneof, oneof)
  }
  return oneof
}

const makeNode = (type: TypePlan, plan: FieldPlan | undefined, parent: Node | undefined): Node => ({
  type,
  plan,
  parent,
  oneof: plan === undefined || parent === undefined ? undefined : oneofOf(parent, plan),
  endTag: plan?.wire === GROUP ? ((plan.field.number << 3) | GROUP_END) >>> 0 : 0,
  slots: new Map(),
  children: new Map(),
  oneofs: new Map(),
  stamp: 0,
  firstSlot: undefined,
  firstChild: undefined,
  next: undefined,
})

const makeSlot = (node: Node, plan: FieldPlan, leaf: Leaf | undefined, fixed: Buffer | undefined): Slot => {
  const packed = plan.field.packed && plan.packedTag !== 0
  return {
    leaf,
    plan,
    node,
    oneof: oneofOf(node, plan),
    tag: packed ? plan.packedTag : plan.tag,
    packed,
    hidesDefault: !plan.field.presence && !plan.field.repeated,
    fixed,
    bound: fixed !== undefined,
    covered: false,
    stamp: 0,
    first: 0,
    last: 0,
    next: undefined,
  }
}
