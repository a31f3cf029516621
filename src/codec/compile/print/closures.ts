import { MAX_DEPTH } from '../../plan.ts'
import { LIMIT, SCRATCH } from '../scratch.ts'
import type { Compiler, Form, Members } from './form.ts'
import { AT, flush, flushCount, type Write } from './page.ts'
import { readTag, skip } from './read.ts'
import { putRaw } from './scalars.ts'
import { NOTHING, type Step, stepOf } from './steps.ts'

const O = SCRATCH

/** Fields by tag, in either form. */
const placesOf = (forms: readonly Form[]): ReadonlyMap<number, number> => {
  const places = new Map<number, number>()
  forms.forEach(({ plan }, i) => {
    places.set(plan.tag, i)
    if (plan.packedTag !== 0) places.set(plan.packedTag, i)
  })
  return places
}

/** The members of a message without generated code: a step for each field. */
export const closureMembers = (forms: readonly Form[], compiler: Compiler): Members => {
  const places = placesOf(forms)
  const steps: readonly Step[] = forms.map((form) => stepOf(form, compiler))
  const oneofs = Math.max(-1, ...forms.map(({ oneof }) => oneof)) + 1
  const defaults = forms.some(({ absent }) => absent !== undefined)

  const putAbsent = (q: number, from: number, to: number): number => {
    let p = q
    for (let i = from; i < to; i++) {
      const { absent, key } = forms[i]!
      if (absent === undefined) continue
      if (p > LIMIT) p = flush(p)
      p = putRaw(putRaw(p, key), absent)
      O[p++] = 0x2c
    }
    return p
  }

  return (buffer, at, end, q, depth, group) => {
    if (depth > MAX_DEPTH) return -1
    const seen = oneofs === 0 ? undefined : new Uint8Array(oneofs)
    let next = 0
    let p = q
    let j = at
    let open = group !== 0
    while (j < end) {
      const tag = readTag(buffer, j, end)
      if (tag < 0) return -1
      j = AT[0]!
      if (tag === group) {
        open = false
        break
      }
      const i = places.get(tag)
      if (i === undefined) {
        j = skip(buffer, j, end, tag, depth)
        if (j < 0) return -1
        continue
      }
      if (i < next) return -1
      if (p > LIMIT) p = flush(p)
      if (defaults) p = putAbsent(p, next, i)
      const { key, oneof, absent } = forms[i]!
      if (p > LIMIT) p = flush(p)
      const printed = steps[i]!(buffer, j, end, putRaw(p, key), depth, tag)
      j = AT[0]!
      if (printed === -1) return -1
      next = i + 1
      if (printed === NOTHING) {
        if (absent !== undefined) p = putAbsent(p, i, next)
        continue
      }
      p = printed
      O[p++] = 0x2c
      if (oneof < 0) continue
      if (seen![oneof] === 1) return -1
      seen![oneof] = 1
    }
    if (open) return -1
    if (p > LIMIT) p = flush(p)
    if (defaults) p = putAbsent(p, next, forms.length)
    AT[0] = j
    return p
  }
}

/** The JSON of one field of a message, `absent` when it is not there. The other fields are read and printed, and then forgotten. */
export const onlyField = (forms: readonly Form[], wanted: number, absent: Buffer, compiler: Compiler): Write => {
  const places = placesOf(forms)
  const steps: readonly Step[] = forms.map((form) => stepOf(form, compiler))
  const oneofs = Math.max(-1, ...forms.map(({ oneof }) => oneof)) + 1
  return (buffer, at, end, q, depth) => {
    const seen = new Uint8Array(oneofs)
    let next = 0
    let p = q
    let found = false
    for (let j = at; j < end; ) {
      const tag = readTag(buffer, j, end)
      if (tag < 0) return -1
      j = AT[0]!
      const i = places.get(tag)
      if (i === undefined) {
        j = skip(buffer, j, end, tag, depth)
        if (j < 0) return -1
        continue
      }
      if (i < next) return -1
      next = i + 1
      const flushed = flushCount()
      const printed = steps[i]!(buffer, j, end, p, depth, tag)
      j = AT[0]!
      if (printed === -1) return -1
      if (printed === NOTHING) continue
      const { oneof } = forms[i]!
      if (oneof >= 0 && seen[oneof] === 1) return -1
      if (oneof >= 0) seen[oneof] = 1
      if (i === wanted) {
        p = printed
        found = true
      } else if (flushCount() !== flushed) return -1
    }
    return found ? p : putRaw(p, absent)
  }
}
