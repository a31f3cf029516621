import type { ByteWriter, Overlay } from '../../../core/message.ts'
import { decodeForm } from '../../../core/percent.ts'
import { GatewayError } from '../../../core/status.ts'
import type { FieldPlan } from '../../plan.ts'
import { resolveKey } from '../../target.ts'
import { parsedAll, takenOf } from '../parse/index.ts'
import { SCRATCH } from '../scratch.ts'
import { hashStep } from './keys.ts'
import { type Layout, layoutOf, type Parts } from './layout.ts'
import { FORM, PLAIN } from './leaf.ts'
import { addPiece, closeNode, keepOf, MAX_PIECES, openNode, putFields, putPiece, type Raw } from './pieces.ts'
import { loadText, MAX_TEXT, RAW } from './text.ts'
import type { Node, Slot, Tree } from './tree.ts'

/** Makes the messages of one binding. What it does not make it hands over. */
export class Weaver {
  readonly #parts: Parts
  readonly #keep: readonly number[]
  /** Each message is whole: a stream without a `body`. */
  readonly #streamed: boolean
  readonly #starBody: boolean
  #layout: Layout
  #pieces = 0

  constructor(parts: Parts, layout: Layout) {
    const { binding } = parts
    this.#parts = parts
    this.#layout = layout
    this.#keep = binding.variables.map(({ multi }) => keepOf(multi, binding.compat.unescape))
    this.#streamed = binding.streamed && binding.body === ''
    this.#starBody = binding.body === '*'
  }

  /** false: handed over, and `out` is as it was. */
  run(bytes: Uint8Array, out: ByteWriter, overlay: Overlay): boolean {
    const { params, query } = overlay
    const parts = this.#parts
    const whole = this.#streamed || overlay.whole === true
    const object = whole || this.#starBody
    if (params.length === 0 && query === '' && parts.fixed.length === 0 && object) return parts.parse(bytes, out)
    if (!fits(query, params)) return false
    if (this.#layout.tree.full) this.#layout = layoutOf(parts) ?? this.#layout
    const { tree } = this.#layout
    tree.begin()
    this.#pieces = 0
    if (!this.#touchFixed() || (!whole && bytes.length > 0 && !this.#chooseBody())) return false
    const raw: Raw = { query, params, keep: this.#keep }
    let q = params.length === 0 ? 0 : this.#putPath(0, raw)
    if (q >= 0 && query !== '') q = this.#putQuery(q, raw, whole)
    if (q < 0) return false
    const inBody = whole || bytes.length === 0 ? undefined : this.#layout.body
    q = putFields(q, tree, tree.root, raw, inBody)
    if (q >= 0 && bytes.length > 0) q = object ? this.#putObject(q, bytes, raw, whole) : this.#putBody(q, bytes, raw)
    if (q < 0) return false
    out.ensure(q)
    copyOut(q, out.buffer, out.length)
    out.length += q
    return true
  }

  #touchFixed(): boolean {
    const { tree, fixed } = this.#layout
    for (const slot of fixed) if (!this.#open(tree, slot)) return false
    return true
  }
  /** The body may be a member of a oneof. */
  #chooseBody(): boolean {
    const { body } = this.#parts
    return body === undefined || this.#layout.tree.choose(this.#layout.bodyOneof, body)
  }

  /** The first piece of a field. false: another source has it, or another member of its oneof. */
  #open(tree: Tree, slot: Slot): boolean {
    const { node } = slot
    if (!tree.touch(node) || !tree.choose(slot.oneof, slot.plan)) return false
    slot.stamp = tree.stamp
    slot.first = -1
    slot.next = node.firstSlot
    node.firstSlot = slot
    return true
  }

  /** One piece of text for a field: written now, or kept until what it belongs to is written. */
  #feed(q: number, slot: Slot, raw: Raw, source: number, start: number, end: number): number {
    const { tree } = this.#layout
    if (slot.stamp !== tree.stamp) {
      if (!this.#open(tree, slot)) return -1
    } else if (!slot.plan.field.repeated) return -1
    if (slot.node === tree.root && !slot.packed) return putPiece(q, slot, raw, source, start, end)
    if (this.#pieces === MAX_PIECES) return -1
    addPiece(this.#pieces++, slot, source, start, end)
    return q
  }

  /** Captures stand in RAW behind the query. */
  #putPath(q: number, raw: Raw): number {
    const { variables } = this.#layout
    let at = q
    let start = raw.query.length
    for (let i = 0; i < variables.length && at >= 0; i++) {
      const text = raw.params[i]
      if (text === undefined || !loadText(text, start)) return -1
      at = this.#feed(at, variables[i]!, raw, i, start, start + text.length)
      start += text.length
    }
    return at
  }

  #putQuery(q: number, raw: Raw, whole: boolean): number {
    const { query } = raw
    const { length } = query
    const { keys } = this.#layout
    const bytes = RAW
    if (!loadText(query, 0)) return -1
    let at = q
    for (let i = 0; i < length; i++) {
      const start = i
      let hash = 0
      let c = 0
      for (; i < length; i++) {
        c = bytes[i]!
        if (c === 0x3d || c === 0x26) break
        hash = hashStep(hash, c)
      }
      const end = i
      let escaped = false
      if (i < length && c === 0x3d) {
        i++
        for (; i < length; i++) {
          c = bytes[i]!
          if (c === 0x26) break
          if (c === 0x25 || c === 0x2b) escaped = true
        }
      } else if (end === start) continue
      let slot = keys.find(start, end, hash)
      if (slot === undefined) {
        slot = this.#resolve(query.slice(start, end), hash)
        if (slot === undefined) return -1
      }
      const from = Math.min(end + 1, i)
      if (slot === null) {
        if (escaped && decodeForm(query.slice(from, i)) === undefined) return -1
        continue
      }
      if (slot.bound || (slot.covered && !whole)) return -1
      at = this.#feed(at, slot, raw, escaped ? FORM : PLAIN, from, i)
      if (at < 0) return -1
    }
    return at
  }

  /** What a raw key names, remembered. null: to be passed over; undefined: handed over. */
  #resolve(rawKey: string, hash: number): Slot | null | undefined {
    const { tree, keys } = this.#layout
    const key = tree.full ? undefined : decodeForm(rawKey)
    if (key === undefined) return undefined
    const path = this.#find(key)
    if (path === undefined) return undefined
    const slot = path === null ? null : tree.slot(path)
    if (slot === undefined || (slot !== null && slot.leaf === undefined)) return undefined
    if (slot !== null && (this.#starBody || path![0] === this.#parts.body)) slot.covered = true
    keys.remember(rawKey, hash, slot)
    return slot
  }
  #find(key: string): readonly FieldPlan[] | null | undefined {
    const { plan, binding } = this.#parts
    try {
      const target = resolveKey(plan, key, binding.compat.queryForms)
      if ('unknown' in target) return binding.unknownQuery === 'ignore' ? null : undefined
      return target.json || target.map ? undefined : target.path
    } catch (thrown) {
      // The reference lane finds the same and throws it.
      if (thrown instanceof GatewayError) return undefined
      throw thrown
    }
  }

  /** A whole object, of which no member may stand in the fields that are written already. */
  #putObject(q: number, bytes: Uint8Array, { params, query }: Raw, whole: boolean): number {
    const { plan, parseRoot, taken } = this.#parts
    const claimed =
      whole && query !== ''
        ? takenOf(plan, fedFields(this.#layout.tree.root))
        : params.length === 0
          ? taken.bySet
          : taken.byAll
    const at = parseRoot(bytes, 0, q, claimed)
    return at >= 0 && parsedAll() ? at : -1
  }

  /** The field that the body is. If parts of it are written already, they and the body make one message. */
  #putBody(q: number, bytes: Uint8Array, raw: Raw): number {
    const { parseBody, parseInBody, takenInBody } = this.#parts
    const { body, tree, mask, maskSlot } = this.#layout
    if (parseBody === undefined) return -1
    let at: number
    if (body !== undefined && body.stamp === tree.stamp) {
      const start = openNode(q, body)
      at = putFields(start, tree, body, raw, undefined)
      if (at < 0 || parseInBody === undefined) return -1
      at = parseInBody(bytes, 0, at, raw.params.length === 0 ? takenInBody.bySet : takenInBody.byAll)
      if (at >= 0) at = closeNode(start, at, body)
    } else at = parseBody(bytes, 0, q)
    if (at < 0 || !parsedAll()) return -1
    return mask === undefined || maskSlot!.stamp === tree.stamp ? at : mask.put(at, bytes)
  }
}

/** A native copy is faster from some length on. */
const copyOut = (q: number, to: Buffer, at: number): void => {
  if (q > 48) {
    SCRATCH.copy(to, at, 0, q)
    return
  }
  const scratch = SCRATCH
  for (let i = 0; i < q; i++) to[at + i] = scratch[i]!
}

const fits = (query: string, params: readonly string[]): boolean => {
  let { length } = query
  for (const param of params) length += param.length
  return length <= MAX_TEXT
}

/** The fields of a message that this call feeds. */
const fedFields = (node: Node): FieldPlan[] => {
  const fields: FieldPlan[] = []
  for (let slot = node.firstSlot; slot !== undefined; slot = slot.next) fields.push(slot.plan)
  for (let child = node.firstChild; child !== undefined; child = child.next) fields.push(child.plan!)
  return fields
}
