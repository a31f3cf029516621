import { z } from 'zod'
import type { Module, ModuleOf, Registry } from '../core/module.ts'

/** `{ name: config }` with exactly one key: which module, and what it is told. */
export type Choice = Readonly<Record<string, unknown>>

/** Name and configuration of the one module that a choice names. */
export const chosen = (choice: Choice): readonly [name: string, config: unknown] => Object.entries(choice)[0]!

/**
 * The union of all modules of a kind, as an object in which each is an optional key: so an unknown name gets its nearest
 * neighbour, a fault inside a module's part its own place, and an editor completes the names.
 */
export const choiceOf = (registry: Registry, kind: 'policy' | 'balancer' | 'discovery'): z.ZodType<Choice> => {
  const shape: Record<string, z.ZodType> = Object.create(null)
  for (const module of registry.all(kind)) shape[module.name] = configOf(module).optional()
  return z
    .strictObject({ ...shape })
    .refine((value) => Object.keys(value).length === 1, {
      error: `expected exactly one key, the name of a ${kind}`,
      when: ({ value }) => typeof value === 'object' && value !== null && Object.keys(value).length !== 1,
    })
    .meta({ title: kind, minProperties: 1, maxProperties: 1 }) as z.ZodType<Choice>
}

/** Top-level keys of the inbound adapters with their schemas: a part that is not in the file has its defaults. */
export const inboundSections = (registry: Registry): Record<string, z.ZodType> => {
  const sections = new Map<string, { schema: z.ZodType; module: string }>()
  for (const module of registry.all('inbound')) {
    const key = module.section ?? module.name
    const schema = configOf(module)
    const other = sections.get(key)
    if (other !== undefined && other.schema !== schema)
      throw new Error(`the inbound adapters "${other.module}" and "${module.name}" give "${key}" different schemas`)
    sections.set(key, { schema, module: module.name })
  }
  return Object.fromEntries([...sections].map(([key, { schema }]) => [key, schema.prefault({})]))
}

/** A module's schema. It must come from `z` of protogate/spi, because checks and the published JSON Schema are made from it. */
export const configOf = (module: Module | ModuleOf<string, unknown>): z.ZodType => {
  const schema = module.config
  if (typeof schema !== 'object' || schema === null || !('_zod' in schema))
    throw new Error(`the ${module.kind} "${module.name}" has no zod schema as its config (take z from protogate/spi)`)
  return schema as unknown as z.ZodType
}
