import type { HttpBinding } from '../core/binding.ts'
import type { MessageType } from '../core/descriptor.ts'
import { reasonOf } from '../core/error-details.ts'
import { Bytes, type Codec, type Overlay } from '../core/message.ts'
import { decodeCapture } from '../core/percent.ts'
import { errors, GatewayError } from '../core/status.ts'
import { fault, quote } from './fault.ts'
import { JsonCodec } from './json/index.ts'
import { leafFromText } from './leaf.ts'
import { expected, expectedKind, toMapKey } from './lexical.ts'
import { httpBody, isHttpBody } from './opaque.ts'
import { cleared, holder, isTaken, mergeMissing, put, putEntry, refuseSibling } from './places.ts'
import { type FieldPlan, makeValue, planOf, type TypePlan, type Types, type Value } from './plan.ts'
import { encodeProto } from './proto/index.ts'
import { bindFault, eachPair } from './query.ts'
import { resolveKey, type Target, type Unknown } from './target.ts'

/** Spellings of query keys that are remembered for each binding. They come from outside, so their number is bounded. */
const MAX_KEYS = 256

interface PathTarget {
  readonly path: readonly FieldPlan[]
  readonly name: string
  readonly multi: boolean
  readonly id: string
}
interface Fixed {
  readonly path: readonly FieldPlan[]
  /** A scalar is parsed once; whatever could be written to, for each request. */
  readonly scalar: unknown
  readonly json: Buffer
}

/**
 * Builds the request message of one HTTP binding from body, path variables and query (SEMANTICS §3–§5). What two sources say
 * differently about one field is refused, before the backend is called, unless `compat.conflict` lets one of them win; `set` wins
 * over everything.
 */
export class Binder {
  readonly #type: MessageType
  readonly #plan: TypePlan
  readonly #binding: HttpBinding
  readonly #types: Types
  readonly #json: JsonCodec
  readonly #variables: readonly PathTarget[]
  readonly #fixed: readonly Fixed[]
  readonly #body: FieldPlan | undefined
  readonly #keys = new Map<string, Target>()

  constructor(type: MessageType, binding: HttpBinding, types: Types) {
    this.#type = type
    this.#plan = planOf(type)
    this.#binding = binding
    this.#types = types
    this.#json = new JsonCodec(types)
    this.#body = binding.bodyField === undefined ? undefined : this.#plan.byNumber(binding.bodyField.number)
    this.#variables = binding.variables.map(({ path, multi }) => ({
      path: plansOf(this.#plan, path),
      name: path.map((field) => field.name).join('.'),
      multi,
      id: path.map((field) => field.number).join('.'),
    }))
    this.#fixed = binding.set.map(({ path, json }) => {
      const plans = plansOf(this.#plan, path)
      const text = Buffer.from(JSON.stringify(json))
      const value = this.#parseFixed(plans, text)
      return { path: plans, scalar: typeof value === 'object' ? undefined : value, json: text }
    })
  }

  build(from: Codec, bytes: Uint8Array, overlay: Overlay): Value {
    const whole = this.#isWhole(from, overlay)
    const root = whole ? this.#message(from, bytes) : this.#fromBody(from, bytes, overlay.contentType)
    if (overlay.params.length > 0) this.#bindPath(root, overlay.params)
    if (overlay.query !== '') this.#bindQuery(root, overlay.query, whole)
    if (this.#binding.updateMask !== undefined && !whole) this.#fillMask(root, from, bytes)
    for (const fixed of this.#fixed) this.#fix(root, fixed)
    return root
  }

  /** Raw bytes always are what `body` names; JSON is, unless it is a frame or a stream without a `body`; wire bytes never are. */
  #isWhole(from: Codec, overlay: Overlay): boolean {
    if (from.name === 'opaque') return false
    if (from.name !== 'json' || overlay.whole === true) return true
    return this.#binding.streamed && this.#binding.body === ''
  }

  #message(from: Codec, bytes: Uint8Array): Value {
    if (bytes.length === 0) return makeValue()
    if (from instanceof JsonCodec) return from.parse(this.#type, bytes, this.#binding.ignoreUnknown)
    return from.decode(this.#type, bytes) as Value
  }

  #fromBody(from: Codec, bytes: Uint8Array, contentType: string | undefined): Value {
    const { body, ignoreUnknown } = this.#binding
    if (body === '') {
      if (bytes.length > 0)
        throw fault(
          'BODY_UNEXPECTED',
          `this call takes no body; its request is ${this.#type.name}, fed by path and query`,
        )
      return makeValue()
    }
    if (body === '*') {
      if (from.name !== 'opaque') return this.#message(from, bytes)
      if (isHttpBody(this.#type)) return httpBody(bytes, contentType)
      throw errors.internal(`raw bytes for ${this.#type.name}, which is no google.api.HttpBody`)
    }
    const root = makeValue()
    const field = this.#body
    if (field === undefined) throw errors.internal(`the binding's body names no field of ${this.#type.name}`)
    if (from instanceof JsonCodec) from.parseInto(this.#type, field.field, bytes, root, ignoreUnknown)
    else if (isHttpBody(field.field.message)) {
      if (bytes.length > 0 || contentType !== undefined) root[field.name] = httpBody(bytes, contentType)
    } else
      throw errors.internal(`raw bytes for ${this.#type.name}.${field.field.name}, which is no google.api.HttpBody`)
    return root
  }

  #bindPath(root: Value, params: readonly string[]): void {
    const { compat } = this.#binding
    for (let i = 0; i < this.#variables.length; i++) {
      const { path, name, multi } = this.#variables[i]!
      const text = decodeCapture(params[i] ?? '', multi, compat.unescape)
      if (text === undefined)
        throw bindFault('PATH_INVALID', 'path', name, 'a malformed escape, or bytes that are not UTF-8')
      const leaf = path[path.length - 1]!
      const value = leafFromText(leaf, text, compat.queryForms)
      if (value === undefined)
        throw bindFault('FIELD_INVALID', 'path', name, `expected ${expected(leaf.field)}, found ${quote(text)}`)
      this.#putPath(root, path, value, name)
    }
  }

  #putPath(root: Value, path: readonly FieldPlan[], value: unknown, name: string): void {
    const { conflict } = this.#binding.compat
    if (conflict === 'path') {
      put(cleared(root, path), path[path.length - 1]!, value)
      return
    }
    if (conflict === 'body' && isTaken(root, path)) return
    this.#put(holder(root, path, 'path', name), path[path.length - 1]!, value, 'path', name)
  }

  #bindQuery(root: Value, query: string, whole: boolean): void {
    const seen = new Set<string>()
    const strict = this.#binding.compat.conflict === 'reject'
    // Where the query may not contradict but loses, it makes a message of its own, of which the other one takes what it lacks.
    const into = strict ? root : makeValue()
    eachPair(query, (key, text) => {
      const target = this.#target(key)
      if ('unknown' in target) {
        this.#unknownKey(into, target, key, text, seen)
        return
      }
      if (strict) {
        if (this.#isPathBound(target))
          throw bindFault('FIELD_CONFLICT', 'query', key, 'this field is bound by the path')
        if (!whole && this.#isInBody(target))
          throw bindFault('FIELD_CONFLICT', 'query', key, 'this field is part of the body')
      } else if (this.#isPathBound(target) || (!whole && this.#isInBody(target))) return
      this.#setFromQuery(into, target, key, text, seen)
    })
    if (!strict) mergeMissing(this.#plan, root, into)
  }
  #isPathBound({ id }: Target): boolean {
    return this.#variables.some((variable) => variable.id === id)
  }
  #isInBody({ path }: Target): boolean {
    return this.#binding.body === '*' || (this.#body !== undefined && path[0] === this.#body)
  }

  #target(key: string): Target | Unknown {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    const target = resolveKey(this.#plan, key, this.#binding.compat.queryForms)
    // A copy of the key: a slice of the query would keep all of it in memory.
    if (!('unknown' in target) && this.#keys.size < MAX_KEYS) this.#keys.set(Buffer.from(key).toString(), target)
    return target
  }

  #setFromQuery(root: Value, target: Target, key: string, text: string, seen: Set<string>): void {
    const { leaf, id } = target
    const repeated = leaf.field.repeated
    const first = !seen.has(id)
    if (!first && !repeated) throw bindFault('QUERY_REPEATED', 'query', key, 'given twice, and it is not a list')
    seen.add(id)
    const value = target.json
      ? this.#jsonText(leaf, key, text)
      : leafFromText(leaf, text, this.#binding.compat.queryForms)
    if (value === undefined)
      throw bindFault('FIELD_INVALID', 'query', key, `expected ${expected(leaf.field)}, found ${quote(text)}`)
    const parent = holder(root, target.path, 'query', key)
    if (target.map) {
      putEntry(parent, leaf, target.key, value, key)
    } else if (repeated) {
      const list = parent[leaf.name] as unknown[] | undefined
      if (list === undefined) parent[leaf.name] = [value]
      else if (first) throw bindFault('FIELD_CONFLICT', 'query', key, 'the message sets this field too')
      else list.push(value)
    } else this.#put(parent, leaf, value, 'query', key)
  }

  #jsonText(leaf: FieldPlan, key: string, text: string): unknown {
    if (text === '') throw bindFault('FIELD_INVALID', 'query', key, 'expected JSON text, found nothing')
    try {
      return this.#json.decode(leaf.field.message!, Buffer.from(text))
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown
      throw bindFault(reasonOf(thrown.status.details) ?? 'FIELD_INVALID', 'query', key, thrown.message)
    }
  }

  #unknownKey(root: Value, target: Unknown, key: string, text: string, seen: Set<string>): void {
    const { unknownQuery } = this.#binding
    if (unknownQuery === 'ignore') return
    if (unknownQuery === 'reject') {
      const near = target.hint()
      const hint = near === undefined ? '' : `; did you mean ${quote(near)}?`
      throw bindFault('QUERY_UNKNOWN', 'query', key, `${target.unknown}${hint}`)
    }
    const map = this.#plan.find(unknownQuery.capture)
    if (map?.field.mapKey === undefined)
      throw errors.internal(`${this.#type.name} has no map field ${quote(unknownQuery.capture)} to capture query keys`)
    if (seen.has(`?${key}`)) throw bindFault('QUERY_REPEATED', 'query', key, 'given twice')
    seen.add(`?${key}`)
    const mapKey = toMapKey(map.field.mapKey, key)
    const value = leafFromText(map, text, false)
    if (mapKey === undefined || value === undefined) {
      const wanted = mapKey === undefined ? expectedKind(map.field.mapKey) : expected(map.field)
      throw bindFault('FIELD_INVALID', 'query', key, `expected ${wanted}, to be captured in ${quote(map.name)}`)
    }
    putEntry(root, map, mapKey, value, key)
  }

  /** Sets a singular leaf, unless another source has set it: to the same is fine, to something else is refused. */
  #put(parent: Value, leaf: FieldPlan, value: unknown, where: 'path' | 'query', name: string): void {
    const existing = parent[leaf.name]
    if (existing !== undefined) {
      if (!this.#same(leaf, existing, value))
        throw bindFault('FIELD_CONFLICT', where, name, 'the body gives this field another value')
      return
    }
    refuseSibling(parent, leaf, where, name)
    put(parent, leaf, value)
  }

  #same(leaf: FieldPlan, a: unknown, b: unknown): boolean {
    if (leaf.field.kind === 'message') return this.#wire(leaf, a).equals(this.#wire(leaf, b))
    if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
    return Object.is(a, b)
  }
  #wire(leaf: FieldPlan, value: unknown): Buffer {
    const out = new Bytes()
    encodeProto(leaf.message, value, out, this.#types)
    return out.take()
  }

  /** The field mask of a PATCH, from what the body touches, when the client gave none (SEMANTICS §14). */
  #fillMask(root: Value, from: Codec, bytes: Uint8Array): void {
    const mask = this.#plan.byNumber(this.#binding.updateMask!.number)
    const body = this.#body?.field
    if (mask === undefined || body?.message === undefined || bytes.length === 0) return
    if (!(from instanceof JsonCodec) || mask.name in root) return
    const paths = from.touched(body.message, bytes)
    if (paths.length === 0) return
    const value = makeValue()
    value.paths = paths
    root[mask.name] = value
  }

  #parseFixed(path: readonly FieldPlan[], json: Buffer): unknown {
    const into = makeValue()
    const leaf = path[path.length - 1]!
    const owner = path.length === 1 ? this.#plan : path[path.length - 2]!.message
    this.#json.parseInto(owner.type, leaf.field, json, into, false)
    return into[leaf.name]
  }

  #fix(root: Value, fixed: Fixed): void {
    const { path } = fixed
    const parent = cleared(root, path)
    const leaf = path[path.length - 1]!
    const value = fixed.scalar ?? this.#parseFixed(path, fixed.json)
    if (value === undefined) delete parent[leaf.name]
    else parent[leaf.name] = value
  }
}

const plansOf = (root: TypePlan, path: readonly { readonly number: number }[]): FieldPlan[] => {
  let plan = root
  return path.map(({ number }, i) => {
    const field = plan.byNumber(number)
    if (field === undefined) throw errors.internal(`${plan.type.name} has no field with the number ${number}`)
    if (i < path.length - 1) plan = field.message
    return field
  })
}
