import type { HttpBinding, Message } from '../../../src/spi.ts'

const NOTHING = new Uint8Array(0)
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
  const named = body.contentType === undefined || body.contentType === '' ? undefined : body.contentType
  // Bytes of no stated type are not to be guessed at by a browser.
  return [data, named ?? (data.length === 0 ? undefined : 'application/octet-stream')]
}
