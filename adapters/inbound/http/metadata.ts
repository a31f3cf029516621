import type { RequestHead } from '../../../src/spi.ts'

/** Response headers that carry a reply's trailers where the client takes no real ones (SEMANTICS §8.4). */
export const TRAILER_PREFIX = 'grpc-trailer-'

/** `te: trailers`: the client wants real trailers (RFC 9110 §6.5.1). HTTP/1.0 has no place for them. */
export const takesTrailers = (head: RequestHead): boolean =>
  head.httpVersion !== '1.0' &&
  head.headers.getAll('te').some((value) => value.split(',').some((part) => /^\s*trailers\s*(;|$)/i.test(part)))

/** `grpc-message` as a header value: UTF-8, percent-encoded outside printable ASCII (gRPC PROTOCOL-HTTP2). */
export const grpcMessage = (message: string): string => {
  let out = ''
  for (const byte of Buffer.from(message))
    out +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${HEX[byte >> 4]}${HEX[byte & 15]}`
  return out
}
const HEX = '0123456789ABCDEF'
