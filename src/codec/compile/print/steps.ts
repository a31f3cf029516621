import { GROUP } from '../../plan.ts'
import { LIMIT, SCRATCH } from '../scratch.ts'
import { type Compiler, contentOf, type Form, groupEnd, levelOf, type MapKey } from './form.ts'
import { closeMap, isNewPrinted, isNewText, openMap } from './keys.ts'
import { AT, flush, flushCount, type Write } from './page.ts'
import { readTag } from './read.ts'
import { isZero, putRaw, readLength } from './scalars.ts'
import { putText } from './text.ts'
import { refuse } from './well-known.ts'

const O = SCRATCH

/** What a step returns instead of q when there is nothing to print; the key that was written before does not count either. */
export const NOTHING = -2

/**
 * Prints a field whose tag has been read: one value, or all elements that follow each other. AT: where it stopped, which is before
 * the next tag. -1: not done.
 */
export type Step = (buffer: Buffer, at: number, end: number, q: number, depth: number, tag: number) => number

export const stepOf = (form: Form, compiler: Compiler): Step => {
  const { field } = form.plan
  const element = elementOf(form, compiler)
  if (form.mapKey !== undefined) return mapStep(form, form.mapKey, element, compiler)
  return field.repeated ? listStep(form, element) : singleStep(form, element)
}

/** One element with its length, if it has one. */
const elementOf = (form: Form, compiler: Compiler): Write => {
  const { plan, scalar } = form
  if (scalar !== undefined) return scalar
  const level = levelOf(plan)
  if (plan.wire === GROUP) {
    if (plan.wellKnown !== undefined) return refuse
    const node = compiler.node(plan.message)
    const last = groupEnd(plan)
    return (buffer, at, end, q, depth) => {
      O[q] = 0x7b
      return closeBrace(node.grouped(buffer, at, end, q + 1, depth + level, last))
    }
  }
  const content = contentOf(plan, compiler)
  return (buffer, at, end, q, depth) => {
    const start = readLength(buffer, at, end)
    if (start < 0) return -1
    const stop = AT[0]!
    const p = content(buffer, start, stop, q, depth + level)
    AT[0] = stop
    return p > LIMIT ? flush(p) : p
  }
}

/** The brace in place of the last comma, behind members. */
export const closeBrace = (q: number): number => {
  if (q < 0) return -1
  if (O[q - 1] === 0x2c) {
    O[q - 1] = 0x7d
    return q
  }
  O[q] = 0x7d
  return q + 1
}

const singleStep =
  ({ zero, drops }: Form, element: Write): Step =>
  (buffer, at, end, q, depth) => {
    if (zero !== 0 && isZero(buffer, at, end, zero)) {
      AT[0] = at + zero
      return NOTHING
    }
    const p = element(buffer, at, end, q, depth)
    return drops && p === q ? NOTHING : p
  }

const listStep = ({ plan, drops }: Form, element: Write): Step => {
  const { tag: one, packedTag } = plan
  return (buffer, at, end, q, depth, tag) => {
    let p = q
    O[p++] = 0x5b
    let j = at
    let t = tag
    for (;;) {
      const packed = t === packedTag
      let stop = end
      if (packed) {
        j = readLength(buffer, j, end)
        if (j < 0) return -1
        stop = AT[0]!
      }
      while (!packed || j < stop) {
        const before = p
        p = element(buffer, j, stop, p, depth)
        if (p < 0) return -1
        j = AT[0]!
        if (!drops || p !== before) {
          O[p++] = 0x2c
          if (p > LIMIT) p = flush(p)
        }
        if (!packed) break
      }
      if (j >= end) break
      t = readTag(buffer, j, end)
      if (t < 0) return -1
      if (t !== one && t !== packedTag) break
      j = AT[0]!
    }
    AT[0] = j
    if (O[p - 1] !== 0x2c) return NOTHING
    O[p - 1] = 0x5d
    return p
  }
}

const mapStep = (form: Form, key: MapKey, element: Write, compiler: Compiler): Step => {
  const { plan, drops, missing } = form
  const valueTag = (2 << 3) | plan.wire
  const level = levelOf(plan)
  const empty = missing === undefined ? contentOf(plan, compiler) : refuse
  const printKey = keyPrinter(key)
  return (buffer, at, end, q, depth) => {
    const map = openMap()
    let p = q
    O[p++] = 0x7b
    let j = at
    for (;;) {
      const start = readLength(buffer, j, end)
      if (start < 0) return -1
      j = AT[0]!
      const before = p
      const flushed = flushCount()
      p = printKey(buffer, start, j, p, map)
      if (p < 0) return -1
      const k = AT[0]!
      O[p++] = 0x3a
      const from = p
      if (k === j) p = missing === undefined ? empty(buffer, j, j, p, depth + level) : putRaw(p, missing)
      else if (buffer[k] === valueTag) {
        p = element(buffer, k + 1, j, p, depth)
        if (AT[0] !== j) return -1
      } else return -1
      if (p < 0) return -1
      if (!drops || p !== from) {
        O[p++] = 0x2c
        if (p > LIMIT) p = flush(p)
      } else if (flushCount() === flushed) p = before
      else return -1
      if (j >= end) break
      const tag = readTag(buffer, j, end)
      if (tag < 0) return -1
      if (tag !== plan.tag) break
      j = AT[0]!
    }
    closeMap()
    AT[0] = j
    if (O[p - 1] !== 0x2c) return NOTHING
    O[p - 1] = 0x7d
    return p
  }
}

/** The key of the entry between `at` and `end`, when it is the first thing there; AT: what comes behind. -1: there was one like it. */
const keyPrinter = (key: MapKey): Write => {
  if (key.text)
    return (buffer, at, end, q, map) => {
      let start = at
      let stop = at
      if (at < end && buffer[at] === key.tag) {
        start = readLength(buffer, at + 1, end)
        if (start < 0) return -1
        stop = AT[0]!
      }
      if (!isNewText(map, buffer, start, stop)) return -1
      AT[0] = stop
      return putText(buffer, start, stop, q)
    }
  return (buffer, at, end, q, map) => {
    let p = q
    if (!key.quoted) O[p++] = 0x22
    if (at < end && buffer[at] === key.tag) p = key.write(buffer, at + 1, end, p, 0)
    else {
      AT[0] = at
      p = putRaw(p, key.missing)
    }
    if (p < 0 || !isNewPrinted(map, q, p)) return -1
    if (!key.quoted) O[p++] = 0x22
    return p
  }
}
