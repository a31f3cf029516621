import { GatewayError } from '../core/status.ts'

/** Names whose values never reach a log, wherever they stand; headers first of all. */
export const SECRET_NAMES: readonly string[] = [
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'proxy-authorization',
]

const CENSORED = '[redacted]'
/** What lies deeper is not printed, so that nothing is printed that was not looked at. */
const DEEPEST = 8
const MOST_NAMES = 1000

/**
 * Makes `fields` printable: members called as one of `names` (any case, any depth, and pairs of a flat `[name, value, …]` list) are
 * replaced, errors become plain objects, bytes their number. What needs no change is returned as it came, without a copy.
 */
export const createRedactor = (names: readonly string[]): ((fields: object) => Record<string, unknown>) => {
  const secret = new Set([...SECRET_NAMES, ...names].map((name) => name.toLowerCase()))
  // The same few names come with every line. What comes from outside must not fill the memory.
  const known = new Map<string, boolean>()
  const isSecret = (name: string): boolean => {
    const remembered = known.get(name)
    if (remembered !== undefined) return remembered
    const found = secret.has(name.toLowerCase())
    if (known.size < MOST_NAMES) known.set(name, found)
    return found
  }

  const clean = (value: unknown, depth: number): unknown => {
    if (typeof value === 'bigint') return value.toString()
    if (typeof value !== 'object' || value === null) return value
    if (depth > DEEPEST) return '[deeper]'
    if (value instanceof Error) return clean(describeError(value), depth)
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
    if (Array.isArray(value)) return cleanList(value, depth)
    return value instanceof Date ? value : cleanObject(value, depth)
  }

  const cleanObject = (value: object, depth: number): object => {
    let changed: Record<string, unknown> | undefined
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key]
      const cleaned = isSecret(key) ? CENSORED : clean(member, depth + 1)
      if (cleaned === member) continue
      changed ??= Object.assign(Object.create(null) as Record<string, unknown>, value)
      changed[key] = cleaned
    }
    return changed ?? value
  }

  const cleanList = (list: readonly unknown[], depth: number): readonly unknown[] => {
    let changed: unknown[] | undefined
    for (let i = 0; i < list.length; i++) {
      const cleaned = isSecretPair(list, i) ? CENSORED : clean(list[i], depth + 1)
      if (cleaned === list[i]) continue
      changed ??= [...list]
      changed[i] = cleaned
    }
    return changed ?? list
  }

  /** The value of `['cookie', 'a=b', …]` or of an entry `['cookie', 'a=b']`. */
  const isSecretPair = (list: readonly unknown[], at: number): boolean => {
    const name = at % 2 === 1 ? list[at - 1] : undefined
    return typeof name === 'string' && isSecret(name)
  }

  return (fields) => cleanObject(fields, 0) as Record<string, unknown>
}

/** What a log line says of an error: the stack, the chain of causes, and of a GatewayError its code and who is to blame. */
const describeError = (error: Error): object => {
  const { name, message, stack, cause } = error
  const code = (error as { readonly code?: unknown }).code
  return {
    type: name,
    message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error instanceof GatewayError ? { code: error.status.code, origin: error.origin } : {}),
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause }),
    ...(error instanceof AggregateError ? { errors: error.errors } : {}),
  }
}
