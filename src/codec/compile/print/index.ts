import type { ByteWriter } from '../../../core/message.ts'
import { Bytes } from '../../../core/message.ts'
import type { JsonOptions } from '../../../core/schema.ts'
import { printField } from '../../json/print.ts'
import { makeValue, type TypePlan, type Types } from '../../plan.ts'
import { canGenerate, type Mode } from '../scratch.ts'
import { onlyField } from './closures.ts'
import { PrintCompiler } from './compiler.ts'
import { closeKeys, openKeys } from './keys.ts'
import { begin, close, finish, type Write } from './page.ts'
import { closeText } from './text.ts'
import { refuse } from './well-known.ts'

/**
 * Prints a message from its wire form: true and its JSON in `out`, the same bytes as decoding and printing it makes. false: this
 * message is not done here, for whatever reason, and `out.length` is as it was.
 */
export type Print = (wire: Uint8Array, out: ByteWriter) => boolean

const compilers = new WeakMap<Types, Map<string, PrintCompiler>>()
const compilerOf = (options: JsonOptions, types: Types, mode: Mode): PrintCompiler => {
  const { emitDefaults = false, protoNames = false, enumNumbers = false, int64Numbers = false } = options
  let known = compilers.get(types)
  if (known === undefined) {
    known = new Map()
    compilers.set(types, known)
  }
  const key = [mode, emitDefaults, protoNames, enumNumbers, int64Numbers].join()
  let compiler = known.get(key)
  if (compiler === undefined) {
    compiler = new PrintCompiler({ emitDefaults, protoNames, enumNumbers, int64Numbers }, types, mode)
    known.set(key, compiler)
  }
  return compiler
}

/**
 * The compiled form of a type and options, for wire → JSON: exact, or not at all. Types are compiled once for each `types` and set
 * of options. `mode`: as program text or as closures, by default whichever is allowed; both print alike.
 */
export const makePrint = (
  plan: TypePlan,
  options: JsonOptions,
  types: Types,
  mode: Mode = canGenerate() ? 'generate' : 'closures',
): Print => {
  const compiler = compilerOf(options, types, mode)
  const write = options.field === undefined ? compiler.content(plan) : fieldWriter(plan, options.field, compiler)
  return (wire, out) => {
    const start = out.length
    let done = false
    begin(out)
    openKeys()
    try {
      const buffer = Buffer.isBuffer(wire) ? wire : Buffer.from(wire.buffer, wire.byteOffset, wire.byteLength)
      const q = write(buffer, 0, buffer.length, 0, 0)
      if (q >= 0) {
        finish(q)
        done = true
      }
    } finally {
      if (!done) out.length = start
      close()
      closeKeys()
      closeText()
    }
    return done
  }
}

/** A field that is not there, and one of a well-known type, which is not made of its fields, are for others to explain. */
const fieldWriter = (plan: TypePlan, name: string, compiler: PrintCompiler): Write => {
  const field = plan.find(name)
  if (field === undefined || plan.wellKnown !== undefined) return refuse
  const { forms } = compiler.node(plan)
  if (forms === undefined) return refuse
  const out = new Bytes()
  printField(field, makeValue(), out, compiler.options, compiler.types)
  return onlyField(forms, plan.fields.indexOf(field), out.take(), compiler)
}
