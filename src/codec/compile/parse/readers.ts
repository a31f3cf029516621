import type { TypePlan, Types } from '../../plan.ts'
import { canGenerate, type Mode } from '../scratch.ts'
import type { Reader } from './field.ts'
import { generate } from './generate.ts'
import { knownReader, type Members } from './known.ts'
import { TOP } from './state.ts'
import { Table } from './table.ts'

/** How a message is read. `own`: its JSON is an object of its fields. */
export interface Readers {
  readonly read: Reader
  readonly own: Members | undefined
}

/** More types than this are not worth their program text. */
const MAX_BATCH = 256

/** Readers for all types of a schema, each made once, together with those that it refers to. */
class Compiler {
  readonly #types: Types
  readonly #mode: Mode
  readonly #made = new WeakMap<TypePlan, Readers>()

  constructor(types: Types, mode: Mode) {
    this.#types = types
    this.#mode = mode
  }

  find = (plan: TypePlan): Readers => this.#made.get(plan) ?? this.#batch(plan)

  #batch(root: TypePlan): Readers {
    const fresh = this.#reach(root)
    const tables: Table[] = []
    for (const plan of fresh) {
      const table = plan.wellKnown === undefined ? new Table(plan) : undefined
      if (table !== undefined) tables.push(table)
      this.#made.set(
        plan,
        table === undefined
          ? { read: knownReader(plan, this.#types, this.find), own: undefined }
          : { read: table.words > TOP.length ? never : table.read, own: table },
      )
    }
    for (const table of tables)
      for (const op of table.ops) if (op.plan.field.kind === 'message') op.read = this.#made.get(op.plan.message)!.read
    if (this.#mode === 'generate' && tables.length <= MAX_BATCH) generate(tables, (plan) => this.#made.get(plan)!)
    return this.#made.get(root)!
  }

  /** The type and those that it leads to, as far as nothing is made for them yet. */
  #reach(root: TypePlan): ReadonlySet<TypePlan> {
    const fresh = new Set([root])
    for (const plan of fresh) {
      if (plan.wellKnown !== undefined) continue
      for (const field of plan.fields)
        if (field.field.kind === 'message' && !this.#made.has(field.message)) fresh.add(field.message)
    }
    return fresh
  }
}

const never: Reader = () => -1

const compilers = new WeakMap<Types, Map<Mode, Compiler>>()

/** Readers of a type, whose `Any`s may hold the types that `types` finds. */
export const readersOf = (plan: TypePlan, types: Types, mode?: Mode): Readers => {
  const wanted = mode ?? (canGenerate() ? 'generate' : 'closures')
  let modes = compilers.get(types)
  if (modes === undefined) {
    modes = new Map()
    compilers.set(types, modes)
  }
  let compiler = modes.get(wanted)
  if (compiler === undefined) {
    compiler = new Compiler(types, wanted)
    modes.set(wanted, compiler)
  }
  return compiler.find(plan)
}
