import { duration, parseDuration, parseSize, size, z } from '../../../src/spi.ts'

/** An origin, `*` for every one, `https://*.example.com` for every subdomain, or `null` (sandboxed pages, local files). */
const ORIGIN = /^(?:\*|null|[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[^\s/?#*@]+)$/i

/** `subscriptions` of routes.json, as far as it holds for every WebSocket. */
export const subscriptions = z
  .strictObject({
    origins: z
      .array(z.string().regex(ORIGIN, { error: 'expected an origin such as "https://app.example", or "*"' }))
      .optional()
      .describe(
        'Origins of pages that may open a WebSocket: exact, "https://*.example.com" for subdomains, "*" for all. Default: pages of the same host',
      ),
    heartbeat: duration({ none: true })
      .default('25s')
      .describe('Time between pings. A client that misses two answers in a row is cut off'),
    limits: z
      .strictObject({
        sockets: z.int().min(1).default(10_000).describe('Most WebSockets at once'),
        socketsPerAddress: z
          .int()
          .min(1)
          .optional()
          .describe('Most WebSockets of one client address at once. Default: no limit of its own'),
        sendBuffer: size()
          .default('1MiB')
          .describe('Bytes that wait for a slow client before its backend is told to wait; it goes on at a quarter'),
        closeTime: duration()
          .default('30s')
          .describe(
            'How long a client may take to read what was sent and to answer a close before its connection is cut',
          ),
        drainTime: duration()
          .default('5s')
          .describe('How long calls may go on when the gateway stops, before their sockets are closed with 1012'),
      })
      .prefault({})
      .describe('Limits of WebSockets'),
  })
  .describe('WebSockets: who may open them and how long they live')

export type Subscriptions = z.output<typeof subscriptions>

/** The same, in ms and bytes. */
export interface SocketOptions {
  /** Lower case; undefined: the same host. */
  readonly origins: readonly string[] | undefined
  readonly heartbeat: number
  readonly maxSockets: number
  readonly maxPerAddress: number
  readonly highWater: number
  readonly lowWater: number
  readonly closeTime: number
  readonly drainTime: number
}

const read = (config: Subscriptions): SocketOptions => {
  const { limits } = config
  const highWater = parseSize(limits.sendBuffer)!
  return {
    origins: config.origins?.map((origin) => origin.toLowerCase()),
    heartbeat: config.heartbeat === 'none' ? Number.POSITIVE_INFINITY : parseDuration(config.heartbeat)!,
    maxSockets: limits.sockets,
    maxPerAddress: limits.socketsPerAddress ?? Number.POSITIVE_INFINITY,
    highWater,
    lowWater: Math.floor(highWater / 4),
    closeTime: parseDuration(limits.closeTime)!,
    drainTime: parseDuration(limits.drainTime)!,
  }
}

const known = new WeakMap<Subscriptions, SocketOptions>()
/** Read once for each snapshot. */
export const socketOptions = (config: Subscriptions): SocketOptions => {
  let options = known.get(config)
  if (options === undefined) {
    options = read(config)
    known.set(config, options)
  }
  return options
}
