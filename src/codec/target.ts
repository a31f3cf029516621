import { hintFor, quote } from './fault.ts'
import { isLeaf } from './leaf.ts'
import { expectedKind, toMapKey } from './lexical.ts'
import { type FieldPlan, MAX_DEPTH, type TypePlan } from './plan.ts'
import { bindFault } from './query.ts'

/** What a query key names: a leaf field, or with `m[key]` an entry of a map. */
export interface Target {
  readonly path: readonly FieldPlan[]
  readonly leaf: FieldPlan
  /** The same for every spelling of the same field. */
  readonly id: string
  /** The value is JSON text (`compat.queryForms` for Struct and Value). */
  readonly json: boolean
  readonly map: boolean
  readonly key: unknown
}
/** The key names no field; `hint` looks for the nearest name that there is, which only an error wants to know. */
export interface Unknown {
  readonly unknown: string
  hint(): string | undefined
}
const noHint = (): undefined => undefined

/**
 * Resolves a query key against the request message: parts joined by dots, each a proto name or a JSON name. A key that names
 * something that no query can express is refused: QUERY_UNSUPPORTED.
 */
export const resolveKey = (root: TypePlan, key: string, forms: boolean): Target | Unknown => {
  const bracket = key.indexOf('[')
  const indexed = bracket > 0 && key.endsWith(']')
  const name = indexed ? key.slice(0, bracket) : key
  const path: FieldPlan[] = []
  let plan = root
  // A JSON name may itself hold a dot.
  const whole = root.find(name)
  const parts = whole === undefined ? name.split('.') : [name]
  if (parts.length > MAX_DEPTH)
    throw bindFault('QUERY_UNSUPPORTED', 'query', key, `nested deeper than ${MAX_DEPTH} levels`)
  for (let i = 0; i < parts.length; i++) {
    const field = plan.find(parts[i]!)
    if (field === undefined) return unknownPart(parts, i, plan)
    path.push(field)
    if (i === parts.length - 1) break
    const next = inside(field, key)
    if (next === undefined) return { unknown: `${quote(parts.slice(0, i + 1).join('.'))} has no fields`, hint: noHint }
    plan = next
  }
  const leaf = path[path.length - 1]!
  const id = path.map((field) => field.field.number).join('.')
  if (leaf.field.mapKey !== undefined)
    return mapTarget(path, leaf, id, indexed ? key.slice(bracket + 1, -1) : undefined, key, forms)
  if (indexed) return { unknown: `${quote(name)} is not a map`, hint: noHint }
  const json = forms && (leaf.wellKnown === 'struct' || leaf.wellKnown === 'value')
  if (!json && !isLeaf(leaf))
    throw unsupported(key, `is a message of the type ${leaf.field.message!.name}; name one of its fields`)
  return { path, leaf, id, json, map: false, key: undefined }
}

const unknownPart = (parts: readonly string[], at: number, plan: TypePlan): Unknown => ({
  unknown: `${plan.type.name} has no field ${quote(parts[at]!)}`,
  hint: () => hintAt(parts, at, plan),
})
const hintAt = (parts: readonly string[], at: number, plan: TypePlan): string | undefined => {
  const found = hintFor(parts[at]!, plan.names())
  return found === undefined ? undefined : [...parts.slice(0, at), found].join('.')
}

/** The message to go on in after a dot; undefined: there is none. */
const inside = (field: FieldPlan, key: string): TypePlan | undefined => {
  if (field.field.mapKey !== undefined) throw unsupported(key, 'goes through a map')
  if (field.field.kind !== 'message') return undefined
  if (field.field.repeated) throw unsupported(key, 'goes through a list of messages')
  if (field.wellKnown === undefined) return field.message
  if (isLeaf(field)) return undefined
  throw unsupported(key, `goes into a ${field.field.message!.name}`)
}

const mapTarget = (
  path: readonly FieldPlan[],
  leaf: FieldPlan,
  id: string,
  text: string | undefined,
  key: string,
  forms: boolean,
): Target => {
  if (text === undefined || !forms)
    throw unsupported(
      key,
      forms ? 'is a map; write name[key]=value' : 'is a map (compat.queryForms allows name[key]=value)',
    )
  if (!isLeaf(leaf)) throw unsupported(key, 'is a map of messages')
  const kind = leaf.field.mapKey!
  const mapKey = toMapKey(kind, text)
  if (mapKey === undefined)
    throw bindFault('FIELD_INVALID', 'query', key, `expected ${expectedKind(kind)} as the key, found ${quote(text)}`)
  return { path, leaf, id: `${id}[${text}]`, json: false, map: true, key: mapKey }
}

const unsupported = (key: string, problem: string) =>
  bindFault('QUERY_UNSUPPORTED', 'query', key, `${problem}; a query sets only scalars and lists of scalars`)
