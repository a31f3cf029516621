import { attempt, tally } from '../core/attributes.ts'
import { type ExchangeEnded, exchangeEnded, type RequestRefused, requestRefused } from '../core/channels.ts'
import { reasonOf } from '../core/error-details.ts'
import type { Log, Resource } from '../core/module.ts'
import { Code, codeName } from '../core/status.ts'
import { httpFromStatus } from '../core/status-map.ts'

export interface AccessLogOptions {
  readonly log: Log
  /** True for the snapshots and listeners of the gateway whose calls are written: the channels belong to the whole process. */
  owns(part: object): boolean
}

/**
 * One line for each finished call, misses and refusals included: message `call` and the fields of `accessFields`. A call that
 * failed by the gateway's or a backend's fault (HTTP 5xx by its code, or as answered) is a warning, every other an information. Neither the
 * query, nor headers, nor anything of a body is written. What a listener refused before it was a call is a line `refused`. Runs until
 * `stop`.
 */
export const createAccessLog = ({ log, owns }: AccessLogOptions): Resource => {
  const onEnd = (event: unknown): void => {
    const ended = event as ExchangeEnded
    if (!owns(ended.exchange.match.snapshot)) return
    const fields = accessFields(ended)
    if (isFault(fields.status) || httpFromStatus(ended.status) >= 500) log.warn(fields, 'call')
    else log.info(fields, 'call')
  }
  const onRefused = (event: unknown): void => {
    const { listener, httpStatus, reason, address } = event as RequestRefused
    if (owns(listener)) log.info({ status: httpStatus, reason, peer: address }, 'refused')
  }
  exchangeEnded.subscribe(onEnd)
  requestRefused.subscribe(onRefused)
  return {
    stop() {
      exchangeEnded.unsubscribe(onEnd)
      requestRefused.unsubscribe(onRefused)
      return Promise.resolve()
    },
  }
}

/** Members without a value are left out of the line. Bytes and messages are those of the client's side; `ms` has three decimals. */
export interface AccessFields {
  readonly id: string
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** As the user wrote it: `/v1/books/{id}`. Absent when nothing was found. */
  readonly route: string | undefined
  readonly operation: string | undefined
  /** Name of the inbound adapter. */
  readonly protocol: string
  /** HTTP status of the answer; of a WebSocket the close code. */
  readonly status: number
  /** Name of the gRPC code: `NOT_FOUND`. */
  readonly code: string
  /** Stable word of a refusal: `ROUTE_NOT_FOUND`. */
  readonly reason: string | undefined
  /** What the client was not told: the system's own words about a connection, or what to do. */
  readonly note: string | undefined
  readonly ms: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly messagesIn: number
  readonly messagesOut: number
  /** Of the last attempt. */
  readonly upstream: string | undefined
  readonly address: string | undefined
  readonly peer: string
}

export const accessFields = ({ exchange, status, started, ended }: ExchangeEnded): AccessFields => {
  const { head, match } = exchange
  const counted = exchange.get(tally)
  const tried = exchange.get(attempt)
  const query = head.path.indexOf('?')
  const found = match.miss === undefined
  return {
    id: exchange.id,
    method: head.method,
    path: query === -1 ? head.path : head.path.slice(0, query),
    route: found ? match.route.template : undefined,
    operation: found ? match.route.operation.name : undefined,
    protocol: exchange.protocol,
    status: answered(counted?.httpStatus, status),
    code: codeName(status.code),
    reason: status.code === Code.OK ? undefined : reasonOf(status.details),
    note: status.note,
    ms: Math.round((ended - started) * 1000) / 1000,
    bytesIn: counted?.bytesIn ?? 0,
    bytesOut: counted?.bytesOut ?? 0,
    messagesIn: counted?.messagesIn ?? 0,
    messagesOut: counted?.messagesOut ?? 0,
    upstream: tried?.upstream,
    address: tried?.address,
    peer: exchange.peer.address,
  }
}

/** The status that was written, or, when the call ended before anything was, the one that its code stands for. */
const answered = (written: number | undefined, status: ExchangeEnded['status']): number =>
  written === undefined || written === 0 ? httpFromStatus(status) : written

/** 5xx; a WebSocket's 45xx; its 1011 (internal error) and 1014 (bad gateway). */
const isFault = (status: number): boolean =>
  (status >= 500 && status < 600) || (status >= 4500 && status < 4600) || status === 1011 || status === 1014
