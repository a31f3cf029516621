import { type Handler, makeMessage, makeMetadata, type Reply, unary } from '../spi.ts'

export interface RespondConfig {
  readonly status: number
  /** Names in any case. */
  readonly headers: Readonly<Record<string, string>>
  /** Text is sent as it is, anything else as JSON; absent: no body. */
  readonly body?: unknown
}

/**
 * The target of a `respond` route (shape `bytes`): always the same answer. Without a `content-type` of its own text is
 * `text/plain; charset=utf-8` and everything else `application/json`.
 */
export const respondHandler = ({ status, headers, body }: RespondConfig): Handler => {
  const raw = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value])
  if (body === undefined) return fixedReply(status, raw, new Uint8Array(0))
  const isText = typeof body === 'string'
  if (!raw.some((name, index) => index % 2 === 0 && name === 'content-type'))
    raw.push('content-type', isText ? 'text/plain; charset=utf-8' : 'application/json')
  return fixedReply(status, raw, Buffer.from(isText ? body : JSON.stringify(body)))
}

export interface RedirectConfig {
  /** A path or a URL. */
  readonly location: string
  readonly status: 301 | 302 | 303 | 307 | 308
}

/** The target of a `redirect` route (shape `bytes`): its status and `location`, no body. */
export const redirectHandler = ({ location, status }: RedirectConfig): Handler =>
  fixedReply(status, ['location', location], new Uint8Array(0))

const fixedReply =
  (httpStatus: number, headers: readonly string[], bytes: Uint8Array): Handler =>
  (exchange): Reply => {
    const { route, snapshot } = exchange.match
    const { schema } = snapshot
    const message = makeMessage({ schema, type: route.operation.output, codec: schema.codec('opaque'), bytes })
    return { metadata: makeMetadata([...headers]), messages: unary(message), httpStatus, position: undefined }
  }
