import { z } from 'zod'
import type { Registry } from '../core/module.ts'
import { configSchema } from './schema.ts'

/** One node of a JSON Schema, as far as it is read and written here. */
export interface JsonSchema {
  [key: string]: unknown
  $ref?: string
  $defs?: Record<string, JsonSchema>
  title?: string
  description?: string
  default?: unknown
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  pattern?: string
  anyOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  additionalProperties?: boolean | JsonSchema
  required?: string[]
}

/** Text that holds a substitution may stand for any value. */
const SUBSTITUTION = '\\$\\{.+\\}'

/**
 * The JSON Schema (draft 2020-12) of routes.json with the modules of `registry`: what may be written, before defaults and
 * substitution.
 */
export const publishedSchema = (registry: Registry): JsonSchema => {
  const { $schema, ...root } = z.toJSONSchema(configSchema(registry), {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => allowSubstitution(jsonSchema as JsonSchema),
  }) as JsonSchema
  const $defs: Record<string, JsonSchema> = {}
  const body = hoist(root, $defs) as JsonSchema
  // What these mean when they are absent depends on what else there is (`defaults.ts`).
  for (const key of ['schemas', 'routes']) delete body.properties?.[key]?.default
  return { $schema: $schema as string, title: 'routes.json of Protogate', ...body, $defs }
}

/** Parts with a title move to `$defs` under it; what their place says of them stays beside the reference. */
const hoist = (node: unknown, defs: Record<string, JsonSchema>): unknown => {
  if (Array.isArray(node)) return node.map((member) => hoist(member, defs))
  if (typeof node !== 'object' || node === null) return node
  const { title, ...own } = node as JsonSchema
  const named = typeof title === 'string'
  const { description, default: fallback, ...body } = own
  const inner = named ? body : own
  const hoisted = Object.fromEntries(
    Object.entries(inner).map(([key, value]) => [key, hoist(value, defs)]),
  ) as JsonSchema
  if (!named) return hoisted
  defs[title] = hoisted
  return {
    $ref: `#/$defs/${title}`,
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  }
}

/** Numbers, truth values, words and patterns take `${NAME}` as well, so that an editor does not mark it. */
const allowSubstitution = (schema: JsonSchema): void => {
  if (schema.type === 'number' || schema.type === 'integer' || schema.type === 'boolean') {
    if (schema.const !== undefined || schema.enum !== undefined) return
    schema.type = [schema.type, 'string']
    schema.pattern = SUBSTITUTION
    return
  }
  if (schema.type !== 'string') return
  if (schema.pattern !== undefined && !schema.pattern.endsWith(SUBSTITUTION))
    schema.pattern = `(?:${schema.pattern})|${SUBSTITUTION}`
  if (schema.enum === undefined) return
  const words = schema.enum
  delete schema.enum
  delete schema.type
  schema.anyOf = [
    { type: 'string', enum: words },
    { type: 'string', pattern: SUBSTITUTION },
  ]
}
