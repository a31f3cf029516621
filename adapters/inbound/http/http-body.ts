import type { HttpBinding, Message } from '../../../src/spi.ts'

const NOTHING = new Uint8Array(0)
/** A type that is not in printable ASCII is none (RFC 9110 §8.3.1), and a line break in it would be a header of the backend's choice. */
const HEADER_VALUE = /^[\x20-\x7e]+$/
interface HttpBodyValue {
  readonly contentType?: string
  readonly data?: Uint8Array
}
/** Bytes and content type of a `google.api.HttpBody`, or of the field of the reply that is one. */
export const httpBodyOf = (
  message: Message,
  binding: HttpBinding | undefined,
): [data: Uint8Array, contentType: string | undefined] => {
  const field = binding?.responseField
  const value = message.value<Record<string, unknown> & HttpBodyValue>()
  const body = field === undefined ? value : ((value[field.jsonName] ?? {}) as HttpBodyValue)
  const data = body.data ?? NOTHING
  const named = body.contentType !== undefined && HEADER_VALUE.test(body.contentType) ? body.contentType : undefined
  // Bytes of no stated type, or of one that no header can carry, are not to be guessed at by a browser.
  return [data, named ?? (data.length === 0 ? undefined : 'application/octet-stream')]
}
