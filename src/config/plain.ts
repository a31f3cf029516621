/**
 * zod drops a member called `__proto__`, which is data here (a field, a header, an upstream of that name). It travels through
 * the checks under this name and comes out under its own.
 */
const STAND_IN = '\u0000__proto__'

/** A name as the user wrote it. */
export const ownName = (key: PropertyKey): PropertyKey => (key === STAND_IN ? '__proto__' : key)

/** A copy of parsed JSON that zod keeps whole. */
export const sheltered = (value: unknown): unknown => rename(value, (key) => (key === '__proto__' ? STAND_IN : key))

/** A copy whose plain objects have no prototype, so that every name is data; `__proto__` is back. */
export const plain = <T>(value: T): T => rename(value, (key) => ownName(key) as string) as T

const rename = (value: unknown, change: (key: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((member) => rename(member, change))
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return value
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, member] of Object.entries(value)) copy[change(key)] = rename(member, change)
  return copy
}
