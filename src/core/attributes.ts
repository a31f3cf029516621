import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type AttributeKey, attributeKey, type Exchange } from './exchange.ts'
import { type Metadata, makeMetadata } from './metadata.ts'

/** An upgrade that has not been answered yet. The tunnel takes it over after the policies. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /**
   * Hands the socket over: it is paused, nobody else reads it any more, and what the client has sent already is returned. Until then
   * the inbound adapter watches it, so that a client that leaves cancels the call. Once only.
   */
  take(): Buffer
}
export const upgrade: AttributeKey<Upgrade> = attributeKey('upgrade')

/** What an inbound adapter counts for logs and metrics. Plain numbers: written on the hot path. */
export interface Tally {
  /** HTTP status of the answer; for a WebSocket the close code. 0 until it is known. */
  httpStatus: number
  /** Bytes of bodies and messages, as on the client's side. */
  bytesIn: number
  bytesOut: number
  messagesIn: number
  messagesOut: number
}
export const tally: AttributeKey<Tally> = attributeKey('tally')
/** The exchange's tally, made on first use. */
export const tallyOf = (exchange: Exchange): Tally => {
  const found = exchange.get(tally)
  if (found !== undefined) return found
  const made: Tally = { httpStatus: 0, bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0 }
  exchange.set(tally, made)
  return made
}

/**
 * Subprotocols that the client offered, for a WebSocket proxied frame by frame. The one that the backend chose is
 * `sec-websocket-protocol` in the reply's metadata.
 */
export const offeredSubprotocols: AttributeKey<readonly string[]> = attributeKey('offered-subprotocols')
/** How one end closed a WebSocket proxied frame by frame, for the other end to be told the same. 1005: without a code. */
export interface CloseFrame {
  readonly code: number
  readonly reason: string
}
export const clientClose: AttributeKey<CloseFrame> = attributeKey('client-close')
export const backendClose: AttributeKey<CloseFrame> = attributeKey('backend-close')
/** Upstream name and address of the last attempt, for the access log. */
export const attempt: AttributeKey<{ readonly upstream: string; readonly address: string }> = attributeKey('attempt')
/** Raw path with query that an HTTP or WebSocket backend is asked for, after `stripPrefix` and `rewrite`. Absent: `head.path`. */
export const targetPath: AttributeKey<string> = attributeKey('target-path')
/**
 * Headers that policies add to the answer, whatever it becomes: a reply or an error (CORS, rate limits). They are the gateway's own:
 * no allow-list holds for them.
 */
export const responseHeaders: AttributeKey<Metadata> = attributeKey('response-headers')
/** The exchange's response headers, made on first use. */
export const responseHeadersOf = (exchange: Exchange): Metadata => {
  const found = exchange.get(responseHeaders)
  if (found !== undefined) return found
  const made = makeMetadata()
  exchange.set(responseHeaders, made)
  return made
}
