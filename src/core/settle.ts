import type { LiveExchange } from './exchange.ts'
import type { Reply } from './handler.ts'
import type { Ingress } from './module.ts'
import { Code, GatewayError, makeStatus, toGatewayError } from './status.ts'

/**
 * The one way in: dispatches and calls exactly one of `onReply` and `onError`, whether the handler returned, rejected or threw,
 * or the exchange was cancelled first (then a reply that comes later is cancelled and dropped; an exchange that is over
 * already is not dispatched at all). Only when `onReply` itself throws,
 * which it may do before it has written anything, is `onError` called after it.
 */
export const settle = (
  exchange: LiveExchange,
  ingress: Ingress,
  onReply: (reply: Reply) => void,
  onError: (error: GatewayError) => void,
): void => {
  let settled = false
  const fail = (error: GatewayError): void => {
    if (settled) return
    settled = true
    onError(error)
  }
  const answer = (reply: Reply): void => {
    if (settled) {
      reply.messages.cancel(makeStatus(Code.CANCELLED, 'the call is over'))
      return
    }
    settled = true
    try {
      onReply(reply)
    } catch (thrown) {
      const error = toGatewayError(thrown)
      reply.messages.cancel(error.status)
      onError(error)
    }
  }
  exchange.onEnd((status) => {
    // Nearly every call has been answered by then, and an error is dear.
    if (!settled) fail(new GatewayError(status, status.code === Code.CANCELLED ? 'client' : 'gateway'))
  })
  if (settled) return
  try {
    const result = ingress.dispatch(exchange)
    if (result instanceof Promise) result.then(answer, (thrown: unknown) => fail(toGatewayError(thrown)))
    else answer(result)
  } catch (thrown) {
    fail(toGatewayError(thrown))
  }
}
