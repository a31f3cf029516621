import { z } from 'zod'
import { parseDuration, parseSize } from '../core/units.ts'
import { type LoadedTls, loadTls } from '../upstream/tls.ts'
import { duration, size } from './units.ts'

/** What an upstream tells its outbound adapter: `connectTimeout`, `limits` and `tls` of routes.json. The `config` of the module. */
export const outboundSettings = z
  .strictObject({
    connectTimeout: duration().default('2s').describe('Longest time to wait for a connection'),
    limits: z
      .strictObject({
        message: size({ none: true }).default('4MiB').describe('Largest message that is taken from the backend'),
      })
      .prefault({})
      .describe('Limits towards the backend'),
    tls: z
      .strictObject({
        ca: z.string().optional().describe('Certificates that sign the backend: PEM text or file'),
        cert: z.string().optional().describe('Our certificate for the backend: PEM text or file'),
        key: z.string().optional().describe('Its private key: PEM text or file'),
        serverName: z.string().optional().describe('Name that the certificate of the backend must have'),
      })
      .optional()
      .describe('TLS towards the backend'),
  })
  .describe('What an upstream says to its outbound adapter')
export type OutboundSettings = z.output<typeof outboundSettings>

/** The same in numbers, with the files read. */
export interface ReadSettings {
  /** ms */
  readonly connectTimeout: number
  /** Infinity: no limit. */
  readonly maxMessageBytes: number
  readonly tls: LoadedTls
}

/** Throws ConfigError when a file of `tls` cannot be read. */
export const readSettings = ({ connectTimeout, limits, tls }: OutboundSettings): ReadSettings => ({
  connectTimeout: parseDuration(connectTimeout) ?? Number.NaN,
  maxMessageBytes: limits.message === 'none' ? Number.POSITIVE_INFINITY : (parseSize(limits.message) ?? Number.NaN),
  tls: loadTls(tls),
})
