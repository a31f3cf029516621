import { quote } from './fault.ts'
import { type FieldPlan, isDefault, makeValue, type TypePlan, type Value } from './plan.ts'
import { bindFault } from './query.ts'

/** The message that holds the last field of a path. What is missing on the way is made. */
export const holder = (root: Value, path: readonly FieldPlan[], where: 'path' | 'query', name: string): Value => {
  let parent = root
  for (let i = 0; i < path.length - 1; i++) {
    const field = path[i]!
    // A message that is there already has no sibling; a oneof may be huge, and every key of a query comes by here.
    if (!(field.name in parent)) refuseSibling(parent, field, where, name)
    parent = child(parent, field)
  }
  return parent
}
/** The same; other members of oneofs on the way are put out. */
export const cleared = (root: Value, path: readonly FieldPlan[]): Value => {
  let parent = root
  for (let i = 0; i < path.length; i++) {
    const field = path[i]!
    for (const sibling of field.siblings) if (sibling !== field.name) delete parent[sibling]
    if (i < path.length - 1) parent = child(parent, field)
  }
  return parent
}
/** The last field of a path, or another member of a oneof on the way to it, is set. */
export const isTaken = (root: Value, path: readonly FieldPlan[]): boolean => {
  let parent: Value | undefined = root
  for (const field of path) {
    if (parent === undefined) return false
    if (hasSibling(parent, field)) return true
    parent = parent[field.name] as Value | undefined
  }
  return parent !== undefined
}
const hasSibling = (parent: Value, { siblings, name }: FieldPlan): boolean =>
  siblings.some((sibling) => sibling !== name && sibling in parent)

/** Adds what `into` lacks: fields, fields of messages, entries of maps. Lists are not mixed, and of a oneof the set member stays. */
export const mergeMissing = (plan: TypePlan, into: Value, from: Value): void => {
  for (const key of Object.keys(from)) {
    const field = plan.find(key)!
    const value = from[key]
    const existing = into[key]
    if (existing === undefined) {
      if (!hasSibling(into, field)) into[key] = value
    } else if (existing instanceof Map) {
      for (const [entry, one] of value as Map<unknown, unknown>) if (!existing.has(entry)) existing.set(entry, one)
    } else if (field.field.kind === 'message' && !field.field.repeated && field.wellKnown === undefined)
      mergeMissing(field.message, existing as Value, value as Value)
  }
}

const child = (parent: Value, field: FieldPlan): Value => {
  const existing = parent[field.name] as Value | undefined
  if (existing !== undefined) return existing
  const made = makeValue()
  parent[field.name] = made
  return made
}

/** Sets a leaf to what a source says that wins: the default of a field without presence unsets it. */
export const put = (parent: Value, leaf: FieldPlan, value: unknown): void => {
  if (leaf.field.presence || !isDefault(value)) parent[leaf.name] = value
  else delete parent[leaf.name]
}

export const refuseSibling = (parent: Value, field: FieldPlan, where: 'path' | 'query', name: string): void => {
  for (const sibling of field.siblings)
    if (sibling !== field.name && sibling in parent)
      throw bindFault(
        'ONEOF_CONFLICT',
        where,
        name,
        `${quote(sibling)} is set too, and both are of the oneof ${quote(field.field.oneof!)}`,
      )
}

export const putEntry = (parent: Value, field: FieldPlan, mapKey: unknown, value: unknown, key: string): void => {
  let map = parent[field.name] as Map<unknown, unknown> | undefined
  if (map === undefined) {
    map = new Map()
    parent[field.name] = map
  }
  if (map.has(mapKey)) throw bindFault('FIELD_CONFLICT', 'query', key, 'this entry of the map is set already')
  map.set(mapKey, value)
}
