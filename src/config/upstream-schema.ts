import { z } from 'zod'
import type { Registry } from '../core/module.ts'
import { choiceOf } from './modules-schema.ts'
import { duration, size } from './units.ts'

const address = z
  .string()
  .min(1)
  .describe(
    'URL of a backend: grpc://, grpcs://, http://, https://, ws://, wss:// with host and port; unix:/path; mock:',
  )

const endpoint = z
  .union([
    address,
    z.strictObject({
      address,
      weight: z.int().min(0).max(1_000_000).default(1).describe('Share of the calls, relative to the other endpoints'),
      zone: z.string().min(1).optional().describe('Where it runs; balancers may prefer their own zone'),
    }),
  ])
  .meta({ title: 'endpoint' })

const tls = z
  .strictObject({
    ca: z
      .string()
      .optional()
      .describe('Certificates that sign the backend: path of a PEM file, or the PEM text. Default: those of Node'),
    cert: z.string().optional().describe('Our certificate for the backend: path of a PEM file, or the PEM text'),
    key: z
      .string()
      .optional()
      .describe('Its private key: path of a PEM file, or the PEM text (take it from ${file:…})'),
    serverName: z
      .string()
      .min(1)
      .optional()
      .describe('Name that the certificate of the backend must have. Default: the host of the address'),
  })
  .describe('TLS towards the backends (grpcs://, https://, wss://)')

const limits = z
  .strictObject({
    message: size({ none: true }).default('4MiB').describe('Largest message that is taken from a backend'),
  })
  .prefault({})
  .describe('Limits towards the backends')

/** One member of `upstreams`. */
export const upstreamSchema = (registry: Registry, policies: z.ZodType<readonly Readonly<Record<string, unknown>>[]>) =>
  z
    .strictObject({
      endpoints: z.array(endpoint).min(1).optional().describe('Where the backends are'),
      discovery: choiceOf(registry, 'discovery')
        .optional()
        .describe('Where the list of endpoints comes from, in place of "endpoints"'),
      balancer: choiceOf(registry, 'balancer').optional().describe('Which endpoint gets a call'),
      policies: policies.default([]).describe('Policies around every attempt of a call'),
      tls: tls.optional(),
      outbound: outboundName(registry)
        .optional()
        .describe('Outbound adapter to use in place of the one of the address scheme'),
      connectTimeout: duration().default('2s').describe('Longest time to wait for a connection'),
      limits,
    })
    .meta({ title: 'upstream' })

const outboundName = (registry: Registry): z.ZodType<string> => {
  const names = registry.all('outbound').map(({ name }) => name)
  return names.length === 0 ? z.string() : z.enum(names)
}
