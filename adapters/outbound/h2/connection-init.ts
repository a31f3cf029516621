import type { Socket } from 'node:net'
import type { Clock } from '../../../src/spi.ts'

/** What a connection is made of, and whom it tells. */
export interface ConnectionInit {
  readonly socket: Socket
  readonly clock: Clock
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly agent: string
  /** Between two pings of a connection that has calls, and how long the answer may take, ms. */
  readonly pingEvery: number
  readonly pingTimeout: number
  /** The peer's settings have come: calls may be sent. */
  ready(): void
  /** A stream has ended, more of them are allowed, or the peer reads again. */
  roomy(): void
  /** No new calls, those that it has go on. */
  draining(): void
  /** Once, last. `note` says why, for the log. */
  closed(note: string): void
}
