import { errors, type GatewayError, type Metadata, makeMetadata } from '../../../src/spi.ts'

/** `application/json; charset=utf-8` taken apart: both lower case. */
const parse = (value: string): { readonly type: string; readonly charset: string | undefined } => {
  const [type = '', ...parameters] = value.split(';')
  let charset: string | undefined
  for (const parameter of parameters) {
    const [name = '', text = ''] = parameter.split('=')
    if (name.trim().toLowerCase() === 'charset')
      charset = text
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .toLowerCase()
  }
  return { type: type.trim().toLowerCase(), charset }
}

const LINES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
  'application/jsonlines',
])

/** RFC 7396. */
const MERGE_PATCH = 'application/merge-patch+json'
/** RFC 6902: operations, which no message is. */
const JSON_PATCH = 'application/json-patch+json'
/** `application/grpc+json`, `application/grpc-web+json`: JSON in frames, which no body here is. */
const GRPC = 'application/grpc'

/** What a body is for. `mergePatch`: it is that of a PATCH whose field mask is filled in, so that its nulls are not lost. */
export interface BodyUse {
  readonly streaming: boolean
  readonly patch: boolean
  readonly mergePatch: boolean
}

/**
 * How a JSON body is to be read: `one` value, `lines` of values, or `auto`, an array or values as its first byte says. No
 * Content-Type means JSON (SEMANTICS §4.7). Throws 415 for anything else, for lines where one message is wanted, and for a patch
 * document where it cannot be applied (§14.3).
 */
export const jsonForm = (headers: Metadata, use: BodyUse): 'one' | 'lines' | 'auto' => {
  const { streaming } = use
  const value = headers.get('content-type')
  const { type, charset } = parse(value ?? 'application/json')
  const lines = LINES.has(type)
  const json = type === 'application/json' || (type.endsWith('+json') && type !== JSON_PATCH && !type.startsWith(GRPC))
  if (!lines && !json)
    throw unsupported(
      `the body must be application/json${streaming ? ' or application/x-ndjson' : ''}, not ${JSON.stringify(type)}; add the header "content-type: application/json"`,
      use,
    )
  if (type === MERGE_PATCH && !use.mergePatch)
    throw unsupported(
      use.patch
        ? 'this method takes no merge patch: its request has no field mask that would be filled in to tell what null removes; send application/json'
        : 'a merge patch changes what is there, by PATCH (RFC 7396); send the message as application/json',
      use,
    )
  if (lines && !streaming)
    throw unsupported('this method takes one message: send it as application/json, not as lines', use)
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii')
    throw unsupported('JSON is UTF-8 (RFC 8259 §8.1): send the body without another charset', use)
  if (!streaming) return 'one'
  return lines ? 'lines' : 'auto'
}

/** A refused PATCH is told what would be accepted (RFC 5789 §2.2). */
const unsupported = (message: string, { patch, mergePatch, streaming }: BodyUse): GatewayError => {
  if (!patch) return errors.unsupportedMediaType(message)
  const accepted = ['application/json', ...(mergePatch ? [MERGE_PATCH] : streaming ? ['application/x-ndjson'] : [])]
  return errors.unsupportedMediaType(message, { trailers: makeMetadata(['accept-patch', accepted.join(', ')]) })
}
