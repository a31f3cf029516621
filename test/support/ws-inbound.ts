import { subscriptions, ws } from '../../adapters/inbound/ws/index.ts'
import { exchangeEnded } from '../../src/core/channels.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { LiveExchange, RequestHead } from '../../src/core/exchange.ts'
import type { Codec } from '../../src/core/message.ts'
import type { Inbound } from '../../src/core/module.ts'
import { errors, type Status } from '../../src/core/status.ts'
import type { HttpListener } from '../../src/listener/listener.ts'
import { ingressOf, type TestIngress } from './ingress.ts'
import { eventually, type LogRecorder, recordingLog, testListener } from './listener.ts'
import { type FakeMatchParts, fakeSchema } from './loopback.ts'

export type SubscriptionsInput = Parameters<typeof subscriptions.parse>[0]

export interface WsRig {
  readonly port: number
  readonly inbound: Inbound
  readonly listener: HttpListener
  readonly ingress: TestIngress
  readonly log: LogRecorder
  /** Exchanges that are over, in the order of their ends. */
  readonly ended: readonly { readonly exchange: LiveExchange; readonly status: Status }[]
  /** Exchanges that are not over. */
  open(): number
  /** Throws when an exchange stays open. */
  stop(): Promise<void>
}

const plain = fakeSchema()
const json = plain.codec('json')
/** As the real one: text that is no JSON is the client's fault. */
const strictJson: Codec = {
  ...json,
  decode(type, bytes) {
    try {
      return json.decode(type, bytes)
    } catch (cause) {
      throw errors.invalidArgument('this is no JSON', { reason: 'JSON_INVALID', cause })
    }
  },
}
/** Codecs over JSON text; `proto` is that text behind one byte 0. */
export const schema = fakeSchema({
  codec: (name) => (name === 'json' ? strictJson : plain.codec(name)),
  // So that details of errors are their bytes.
  type: () => undefined,
})

/** The WebSocket adapter on a free port. `match` says which route a head meets. */
export const startWs = async (
  match: (head: RequestHead) => FakeMatchParts,
  { options = {}, clock = systemClock() }: { options?: SubscriptionsInput; clock?: Clock } = {},
): Promise<WsRig> => {
  const log = recordingLog()
  const config = subscriptions.parse(options)
  const inbound = ws.create({ log, clock })
  const ingress = ingressOf(match, { schema, options: () => config as never })
  const ended: { exchange: LiveExchange; status: Status }[] = []
  const note = (message: unknown): void => {
    const end = message as { exchange: LiveExchange; status: Status }
    if (end.exchange.match.snapshot === ingress.snapshot) ended.push(end)
  }
  exchangeEnded.subscribe(note)
  const { listener, port } = await testListener((given) => inbound.attach(given, ingress))
  return {
    port,
    inbound,
    listener,
    ingress,
    log,
    ended,
    open: () => ingress.snapshot.held,
    async stop() {
      await listener.stop()
      await eventually(() => ingress.snapshot.held === 0)
      exchangeEnded.unsubscribe(note)
    },
  }
}
