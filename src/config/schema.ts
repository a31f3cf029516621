import { z } from 'zod'
import type { ModuleOf, Registry } from '../core/module.ts'
import { type Choice, choiceOf, inboundSections } from './modules-schema.ts'
import { routeSchema } from './route-schema.ts'
import { duration, size } from './units.ts'
import { upstreamSchema } from './upstream-schema.ts'

/** routes.json, checked, every default filled in. Objects have no prototype. Durations and sizes are still text. */
export type Config = z.output<ReturnType<typeof buildSchema>>
/** What may be written in routes.json, or given to `createGateway`. */
export type ConfigInput = z.input<ReturnType<typeof buildSchema>> & InboundParts
/** Parts of the built-in inbound adapters. What they may hold is said by the adapters' own schemas. */
interface InboundParts {
  readonly http?: object
  readonly subscriptions?: object
}
export type RouteConfig = Config['routes'][number]
export type UpstreamConfig = Config['upstreams'][string]
/** `{ name: config }` with exactly one key. */
export type PolicyEntry = Choice

const port = z.int().min(0).max(65535)
const host = z.string().min(1)

const limits = z
  .strictObject({
    timeout: duration({ none: true }).default('30s').describe('Longest time of a unary call'),
    streamIdle: duration({ none: true }).default('5m').describe('Longest silence of a stream'),
    bodyIdle: duration({ none: true })
      .default('60s')
      .describe('Longest silence while a body is sent, received or proxied'),
    body: size({ none: true })
      .default('4MiB')
      .describe('Largest body of a request; streamed and proxied bodies are not counted'),
    message: size({ none: true }).default('4MiB').describe('Largest message of a stream or socket'),
    head: size().default('16KiB').describe('Largest head of a request'),
    headLines: z.int().min(1).max(10_000).default(100).describe('Most header lines of a request'),
    headTime: duration().default('10s').describe('Longest time until the head of a request is there'),
    sockets: z.int().min(1).default(10_000).describe('Most connections of clients at once'),
  })
  .prefault({})
  .describe('Limits of everything; a route may have its own')

const log = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .optional()
      .describe('Least severe level that is written. Default: LOG_LEVEL of the environment, else "info"'),
    access: z.boolean().default(true).describe('A line for every call'),
    redact: z
      .array(z.string().min(1))
      .default([])
      .describe('Names of headers and fields whose values are hidden, beside the usual ones'),
  })
  .prefault({})
  .describe('Logs')

const codec = z
  .strictObject({
    compiled: z
      .boolean()
      .default(true)
      .describe(
        'Messages go between JSON and protobuf in one compiled pass; false: decoded and encoded again, for comparison',
      ),
  })
  .prefault({})
  .describe('How messages are converted. The answers are the same')

const buildSchema = (registry: Registry) => {
  const policies = z.array(choiceOf(registry, 'policy')).meta({ title: 'policies' })
  const shape = {
    $schema: z.string().optional().describe('Where the JSON Schema of this file is, for editors'),
    version: z.literal(1).default(1).describe('Version of the format'),
    listeners: z
      .array(
        z.strictObject({
          host: host.default('127.0.0.1').describe('Address to listen on; "0.0.0.0" is every IPv4 one, "::" every one'),
          port: port.default(8080).describe('Port; 0 takes a free one'),
        }),
      )
      .min(1)
      .prefault([{}])
      .describe('Where clients connect. Default: one listener with the values below'),
    admin: z
      .union([
        z.literal(false),
        z.strictObject({
          host: host.default('127.0.0.1').describe('Address to listen on'),
          port: port.default(9090).describe('Port; 0 takes a free one'),
        }),
      ])
      .prefault({})
      .describe('Health and metrics: /livez /healthz /readyz /metrics; false for none'),
    schemas: z
      .array(z.string().min(1))
      .default(['protos'])
      .describe(
        'Folders of .proto files, .proto files, descriptor sets (.binpb), service configs with HTTP rules (.yaml, .json), by paths from the folder of this file. Default: protos/, else the .proto files in that folder',
      ),
    upstreams: z.record(z.string().min(1), upstreamSchema(registry, policies)).default({}).describe('Backends by name'),
    policies: policies.default([]).describe('Policies of every route, outermost first'),
    routes: z
      .array(routeSchema(policies))
      .default([])
      .describe('What is served. Default: every service of the schemas, by the only upstream'),
    limits,
    trustedProxies: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Addresses and CIDR blocks of proxies in front of the gateway. They are believed in whom they forward for (x-forwarded-for) and in the id of a call (x-request-id)',
      ),
    drain: duration().default('30s').describe('Longest time that calls in flight have when the gateway stops'),
    plugins: z
      .array(z.string().min(1))
      .default([])
      .describe('Modules of your own: paths beside this file, or packages'),
    log,
    codec,
  }
  const sections = inboundSections(registry)
  const taken = Object.keys(sections).find((key) => key in shape)
  if (taken !== undefined) throw new Error(`an inbound adapter may not take the key "${taken}" of routes.json`)
  return z.strictObject({ ...shape, ...(sections as Record<never, never>) })
}

/** The schema of routes.json with the modules of `registry` in it: their names, their parts, their defaults. */
export const configSchema = (registry: Registry): ReturnType<typeof buildSchema> => buildSchema(registry)

/** The part of an inbound adapter, checked by its schema. */
export const sectionOf = <C>(config: Config, module: ModuleOf<'inbound', C> & { readonly section?: string }): C =>
  (config as unknown as Record<string, C>)[module.section ?? module.name]!
