import { Counter, Gauge, type Registry } from 'prom-client'
import { tally } from '../core/attributes.ts'
import type { AttemptEnded, ExchangeEnded } from '../core/channels.ts'
import type { LiveExchange } from '../core/exchange.ts'
import { boundedCode, codeLabel, OTHER } from './labels.ts'

interface Counts {
  messagesIn: number
  messagesOut: number
  bytesIn: number
  bytesOut: number
}
interface ProtocolTotals extends Counts {
  readonly byCode: Map<number, number>
}

/** Names of upstreams come from the configuration, which may be reloaded for ever. */
const MOST_UPSTREAMS = 1000

/**
 * Totals by inbound protocol, kept as plain numbers and handed to prom-client at a scrape. The messages and bytes of calls that are still
 * open count as well, so that a stream of a day is seen while it runs.
 */
export class ExchangeTotals {
  readonly #open = new Set<LiveExchange>()
  readonly #protocols = new Map<string, ProtocolTotals>()
  readonly #attempts = new Map<string, Map<number, number>>()

  constructor(registry: Registry) {
    const registers = [registry]
    const openNow = (): Map<string, number> => this.#openByProtocol()
    new Gauge({
      name: 'protogate_open_exchanges',
      help: 'Calls that are open, by inbound protocol.',
      labelNames: ['protocol'],
      registers,
      collect() {
        for (const [protocol, count] of openNow()) this.set({ protocol }, count)
      },
    })
    const protocols = this.#protocols
    new Counter({
      name: 'protogate_exchanges_total',
      help: 'Finished calls by inbound protocol and gRPC code, refusals and misses included.',
      labelNames: ['protocol', 'code'],
      registers,
      collect() {
        this.reset()
        for (const [protocol, { byCode }] of protocols)
          for (const [code, count] of byCode) this.inc({ protocol, code: codeLabel(code) }, count)
      },
    })
    this.#addCounts(registers, 'protogate_messages_received_total', 'Messages from clients.', 'messagesIn')
    this.#addCounts(registers, 'protogate_messages_sent_total', 'Messages to clients.', 'messagesOut')
    this.#addCounts(registers, 'protogate_received_bytes_total', 'Bytes of bodies from clients.', 'bytesIn')
    this.#addCounts(registers, 'protogate_sent_bytes_total', 'Bytes of bodies to clients.', 'bytesOut')
    const attempts = this.#attempts
    new Counter({
      name: 'protogate_upstream_attempts_total',
      help: 'Finished calls to endpoints by upstream and gRPC code, each attempt for itself.',
      labelNames: ['upstream', 'code'],
      registers,
      collect() {
        this.reset()
        for (const [upstream, byCode] of attempts)
          for (const [code, count] of byCode) this.inc({ upstream, code: codeLabel(code) }, count)
      },
    })
  }

  started(exchange: LiveExchange): void {
    this.#open.add(exchange)
    if (!this.#protocols.has(exchange.protocol))
      this.#protocols.set(exchange.protocol, {
        messagesIn: 0,
        messagesOut: 0,
        bytesIn: 0,
        bytesOut: 0,
        byCode: new Map(),
      })
  }

  ended({ exchange, status }: ExchangeEnded): void {
    if (!this.#open.delete(exchange)) return
    const totals = this.#protocols.get(exchange.protocol)!
    countCode(totals.byCode, status.code)
    const counted = exchange.get(tally)
    if (counted !== undefined) add(totals, counted)
  }

  attempted({ upstream, code }: AttemptEnded): void {
    const known = this.#attempts.has(upstream) || this.#attempts.size < MOST_UPSTREAMS
    const name = known ? upstream : OTHER
    const byCode = this.#attempts.get(name) ?? new Map<number, number>()
    this.#attempts.set(name, byCode)
    countCode(byCode, code)
  }

  #addCounts(registers: Registry[], name: string, help: string, count: keyof Counts): void {
    const now = (): Map<string, Counts> => this.#countsByProtocol()
    new Counter({
      name,
      help,
      labelNames: ['protocol'],
      registers,
      collect() {
        this.reset()
        for (const [protocol, counts] of now()) this.inc({ protocol }, counts[count])
      },
    })
  }

  #openByProtocol(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const protocol of this.#protocols.keys()) counts.set(protocol, 0)
    for (const { protocol } of this.#open) counts.set(protocol, counts.get(protocol)! + 1)
    return counts
  }

  #countsByProtocol(): Map<string, Counts> {
    const counts = new Map<string, Counts>()
    for (const [protocol, totals] of this.#protocols) counts.set(protocol, { ...totals })
    for (const exchange of this.#open) {
      const counted = exchange.get(tally)
      if (counted !== undefined) add(counts.get(exchange.protocol)!, counted)
    }
    return counts
  }
}

const countCode = (byCode: Map<number, number>, code: number): void => {
  const bounded = boundedCode(code)
  byCode.set(bounded, (byCode.get(bounded) ?? 0) + 1)
}

const add = (sum: Counts, more: Counts): void => {
  sum.messagesIn += more.messagesIn
  sum.messagesOut += more.messagesOut
  sum.bytesIn += more.bytesIn
  sum.bytesOut += more.bytesOut
}
