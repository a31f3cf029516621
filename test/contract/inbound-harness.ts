import { exchangeEnded, exchangeStarted } from '../../src/core/channels.ts'
import type { Handler } from '../../src/core/handler.ts'
import type { RouteSettings } from '../../src/core/router.ts'
import type { Shape } from '../../src/core/schema.ts'
import type { Status } from '../../src/core/status.ts'
import { eventually } from '../support/listener.ts'

export interface InboundRoute {
  readonly shape: Exclude<Shape, 'bytes'>
  readonly handler: Handler
  readonly settings?: Partial<RouteSettings>
}
/** An adapter in front of one route, on a real socket. */
export interface RunningInbound {
  /** Begins a call. Nothing is sent of its messages yet. */
  open(): Promise<ClientCall>
  drain(): Promise<void>
  /** Client connections that are open. */
  connections(): number
  stop(): Promise<void>
}
/** One call as a client of the protocol makes it. Messages are JSON values. */
export interface ClientCall {
  /** May be called again and again without waiting; what the socket does not take is kept. */
  send(value: unknown): void
  /** No more messages: the request is whole. */
  halfClose(): void
  /** Stops and goes on reading the socket. */
  pause(): void
  resume(): void
  /** Leaves as a process that dies. */
  vanish(): void
  /** Everything that came, once the call is over. `code` undefined: it was cut without a status. */
  readonly outcome: Promise<{ readonly messages: readonly unknown[]; readonly code: number | undefined }>
}
export type StartInbound = (route: InboundRoute) => Promise<RunningInbound>

/** Resolves when a number has not changed for a while. */
export const settled = async (value: () => number): Promise<void> => {
  let before = value()
  let same = 0
  await eventually(() => {
    same = value() === before ? same + 1 : 0
    before = value()
    return same === 50
  })
}

/** Counts exchanges by the channels that core publishes on. */
export const watchExchanges = (): { open(): number; ends(): readonly Status[]; reset(): void } => {
  let started = 0
  const ends: Status[] = []
  exchangeStarted.subscribe(() => {
    started++
  })
  exchangeEnded.subscribe((message) => {
    ends.push((message as { status: Status }).status)
  })
  return {
    open: () => started - ends.length,
    ends: () => ends,
    reset() {
      started = 0
      ends.length = 0
    },
  }
}
