import type { ErrorDetail } from './status.ts'

/**
 * Encoders of the four google.rpc error details that the gateway makes itself (google/rpc/error_details.proto).
 * By hand, because core knows no schema: four messages of strings and small numbers.
 */
const PREFIX = 'type.googleapis.com/google.rpc.'
const DOMAIN = 'protogate'

const varint = (value: number): number[] => {
  const out: number[] = []
  let rest = value
  while (rest > 0x7f) {
    out.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  out.push(rest)
  return out
}
const field = (number: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes])
const text = (number: number, value: string): Buffer => field(number, Buffer.from(value))

/** `google.rpc.ErrorInfo` of the domain `protogate`: the stable reason of a refusal. */
export const errorInfo = (reason: string, metadata: Readonly<Record<string, string>> = {}): ErrorDetail => ({
  typeUrl: `${PREFIX}ErrorInfo`,
  value: Buffer.concat([
    text(1, reason),
    text(2, DOMAIN),
    ...Object.entries(metadata).map(([key, value]) => field(3, Buffer.concat([text(1, key), text(2, value)]))),
  ]),
})

/** `google.rpc.BadRequest`: one violation for each field; `field` is a JSON pointer or a query key. */
export const badRequest = (
  violations: readonly { readonly field: string; readonly description: string }[],
): ErrorDetail => ({
  typeUrl: `${PREFIX}BadRequest`,
  value: Buffer.concat(violations.map((v) => field(1, Buffer.concat([text(1, v.field), text(2, v.description)])))),
})

/** `google.rpc.RetryInfo` with a delay in milliseconds. */
export const retryInfo = (ms: number): ErrorDetail => {
  const total = Math.round(Math.max(0, ms) * 1e6)
  const seconds = Math.floor(total / 1e9)
  const nanos = total - seconds * 1e9
  return {
    typeUrl: `${PREFIX}RetryInfo`,
    value: field(1, Buffer.from([0x08, ...varint(seconds), 0x10, ...varint(nanos)])),
  }
}

/** The reason of the first `google.rpc.ErrorInfo` among the details, if there is one. */
export const reasonOf = (details: readonly ErrorDetail[]): string | undefined => {
  const info = details.find((detail) => detail.typeUrl === `${PREFIX}ErrorInfo`)
  if (info === undefined || info.value[0] !== 0x0a) return undefined
  const length = info.value[1] ?? 0
  return length > 0x7f ? undefined : Buffer.from(info.value.subarray(2, 2 + length)).toString()
}
