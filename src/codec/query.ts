import { badRequest } from '../core/error-details.ts'
import { decodeForm } from '../core/percent.ts'
import { errors, type GatewayError } from '../core/status.ts'
import { quote } from './fault.ts'

/** An error of one query key or path variable; `name` is what the client wrote, decoded. */
export const bindFault = (reason: string, where: 'query' | 'path', name: string, problem: string): GatewayError => {
  const message = `${where === 'query' ? 'query parameter' : 'path variable'} ${quote(name)}: ${problem}`
  return errors.invalidArgument(message, { reason, details: [badRequest([{ field: name, description: message }])] })
}

/**
 * The pairs of a query string in their order, decoded by the rules of `application/x-www-form-urlencoded`: `+` is a space. A key
 * without `=` has the value ''. Empty pieces are passed over. A malformed escape, or bytes that are not UTF-8, is QUERY_INVALID.
 */
export const eachPair = (query: string, visit: (key: string, value: string) => void): void => {
  for (let start = 0; start < query.length; ) {
    const next = query.indexOf('&', start)
    const end = next === -1 ? query.length : next
    if (end > start) {
      // Only the piece is searched: a query without "=" would be read to its end for every piece.
      const piece = query.slice(start, end)
      const equals = piece.indexOf('=')
      const rawKey = equals === -1 ? piece : piece.slice(0, equals)
      const key = decodeForm(rawKey)
      if (key === undefined) throw bindFault('QUERY_INVALID', 'query', rawKey, 'a malformed escape in the name')
      const value = equals === -1 ? '' : decodeForm(piece.slice(equals + 1))
      if (value === undefined)
        throw bindFault('QUERY_INVALID', 'query', key, 'a malformed escape, or bytes that are not UTF-8')
      visit(key, value)
    }
    start = end + 1
  }
}
