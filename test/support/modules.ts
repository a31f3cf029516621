import { type Module, Registry } from '../../src/core/module.ts'
import {
  defineBalancer,
  defineDiscovery,
  defineInbound,
  defineOutbound,
  definePolicy,
  duration,
  z,
} from '../../src/spi.ts'

/** Modules that do nothing, with schemas to check a configuration against. */
export const sampleModules: readonly Module[] = [
  definePolicy({
    name: 'api-key',
    stage: 'guard',
    config: z
      .strictObject({
        header: z.string().default('x-api-key').describe('Header with the key'),
        keys: z.array(z.string()).min(1).describe('Keys that are let in'),
      })
      .describe('Lets in who knows a key'),
    create: () => (next) => next,
  }),
  definePolicy({
    name: 'retry',
    stage: 'resilience',
    config: z
      .strictObject({ attempts: z.int().min(1).max(10).default(3), wait: duration().default('100ms') })
      .describe('Calls again'),
    create: () => (next) => next,
  }),
  defineBalancer({ name: 'round-robin', config: z.strictObject({}), create: () => ({ pick: ([first]) => first }) }),
  defineDiscovery({
    name: 'dns',
    config: z.strictObject({ name: z.string() }),
    watch: () => {
      throw new Error('not watched here')
    },
  }),
  defineOutbound({
    name: 'grpc-js',
    schemes: ['grpc', 'grpcs', 'unix'],
    config: z.looseObject({}),
    connect: () => {
      throw new Error('not connected here')
    },
  }),
  defineOutbound({
    name: 'http',
    schemes: ['http', 'https'],
    config: z.looseObject({}),
    connect: () => {
      throw new Error('not connected here')
    },
  }),
  defineInbound({
    name: 'ws',
    section: 'subscriptions',
    config: z.strictObject({
      origins: z.array(z.string()).default([]),
      heartbeat: duration().default('25s'),
    }),
    create: () => ({ attach() {}, drain: () => Promise.resolve() }),
  }),
]

export const sampleRegistry = (): Registry => new Registry(sampleModules)
