import type { JsonOptions } from '../../../core/schema.ts'
import type { TypePlan, Types } from '../../plan.ts'
import { LIMIT, type Mode, SCRATCH } from '../scratch.ts'
import { anyWriter } from './any.ts'
import { closureMembers } from './closures.ts'
import { type Compiler, formsOf, type Node } from './form.ts'
import { generate } from './generate.ts'
import { flush, type Write } from './page.ts'
import { closeBrace } from './steps.ts'
import { isUsual, refuse, wellKnownWriter } from './well-known.ts'

const O = SCRATCH

/** Types with more fields, and batches with more types, are not worth program text. */
const MAX_FIELDS = 128
const MAX_TYPES = 256

/** Compiles types for one set of options; each type once. */
export class PrintCompiler implements Compiler {
  readonly options: JsonOptions
  readonly types: Types
  readonly #mode: Mode
  readonly #nodes = new WeakMap<TypePlan, Node>()
  readonly #contents = new WeakMap<TypePlan, Write>()
  readonly #any: Write
  /** Nodes that have been made but not compiled. */
  #pending: Node[] = []

  constructor(options: JsonOptions, types: Types, mode: Mode) {
    this.options = options
    this.types = types
    this.#mode = mode
    this.#any = anyWriter(this)
  }

  node(plan: TypePlan): Node {
    let node = this.#nodes.get(plan)
    if (node === undefined) {
      node = { plan, forms: formsOf(plan, this), members: refuse, grouped: refuse }
      this.#nodes.set(plan, node)
      this.#pending.push(node)
      if (this.#pending.length === 1) this.#compile()
    }
    return node
  }

  content(plan: TypePlan): Write {
    let write = this.#contents.get(plan)
    if (write === undefined) {
      write = this.#contentOf(plan)
      this.#contents.set(plan, write)
    }
    return write
  }
  #contentOf(plan: TypePlan): Write {
    if (plan.wellKnown === 'any') return isUsual(plan) ? this.#any : refuse
    if (plan.wellKnown !== undefined) return wellKnownWriter(plan, this.options.int64Numbers === true)
    const node = this.node(plan)
    return (buffer, at, end, q, depth) => {
      O[q] = 0x7b
      const p = closeBrace(node.members(buffer, at, end, q + 1, depth, 0))
      return p > LIMIT ? flush(p) : p
    }
  }

  /** All pending nodes, and all types that they reach. */
  #compile(): void {
    const batch = this.#pending
    for (let i = 0; i < batch.length; i++)
      for (const { plan } of batch[i]!.forms ?? [])
        if (plan.field.kind === 'message' && plan.wellKnown === undefined) this.node(plan.message)
    const generated = this.#mode === 'generate' && batch.length <= MAX_TYPES
    const narrow = batch.filter(({ forms }) => generated && forms !== undefined && forms.length <= MAX_FIELDS)
    for (const node of batch) {
      if (node.forms === undefined || narrow.includes(node)) continue
      node.members = closureMembers(node.forms, this)
      node.grouped = node.members
    }
    if (narrow.length > 0) generate(narrow, this)
    this.#pending = []
  }
}
