import { MAX_DEPTH, planOf, type TypePlan, typeOfUrl } from '../../plan.ts'
import { SCRATCH } from '../scratch.ts'
import type { Compiler, Node } from './form.ts'
import { putAscii } from './numbers.ts'
import { AT, type Write } from './page.ts'
import { readLength } from './scalars.ts'
import { closeBrace } from './steps.ts'
import { putText } from './text.ts'

const O = SCRATCH

/** What a type inside of an Any is printed with: its members, or the whole of a well-known one. */
interface Inside {
  readonly node: Node | undefined
  readonly content: Write
}

/**
 * `google.protobuf.Any`: URL and bytes, in this order and once each, of a type that is known. What stands in an Any is at the level of
 * the Any; an Any in an Any is not done, because levels are counted otherwise there.
 */
export const anyWriter = (compiler: Compiler): Write => {
  const insides = new WeakMap<TypePlan, Inside>()
  const insideOf = (plan: TypePlan): Inside => {
    let inside = insides.get(plan)
    if (inside === undefined) {
      const node = plan.wellKnown === undefined ? compiler.node(plan) : undefined
      inside = { node, content: compiler.content(plan) }
      insides.set(plan, inside)
    }
    return inside
  }

  return (buffer, at, end, q, depth) => {
    let p = q
    if (at === end) {
      O[p] = 0x7b
      O[p + 1] = 0x7d
      return p + 2
    }
    if (depth > MAX_DEPTH || buffer[at] !== 0x0a) return -1
    const start = readLength(buffer, at + 1, end)
    if (start < 0) return -1
    const stop = AT[0]!
    let from = end
    if (stop < end) {
      from = buffer[stop] === 0x12 ? readLength(buffer, stop + 1, end) : -1
      if (from < 0 || AT[0] !== end) return -1
    }
    p = putText(buffer, start, stop, putAscii(p, '{"@type":'))
    if (p < 0) return -1
    const type = compiler.types(typeOfUrl(buffer.toString('utf8', start, stop)))
    if (type === undefined) return -1
    const plan = planOf(type)
    if (plan.wellKnown === 'any') return -1
    const { node, content } = insideOf(plan)
    if (node !== undefined) {
      O[p++] = 0x2c
      return closeBrace(node.members(buffer, from, end, p, depth, 0))
    }
    p = content(buffer, from, end, putAscii(p, ',"value":'), depth)
    if (p < 0) return -1
    O[p] = 0x7d
    return p + 1
  }
}
