import { errors, type Metadata } from '../../../src/spi.ts'

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

/**
 * How a JSON body is to be read: `one` value, `lines` of values, or `auto`, an array or values as its first byte says. No
 * Content-Type means JSON (SEMANTICS §4.7). Throws 415 for anything else, and for lines where one message is wanted.
 */
export const jsonForm = (headers: Metadata, streaming: boolean): 'one' | 'lines' | 'auto' => {
  const value = headers.get('content-type')
  const { type, charset } = parse(value ?? 'application/json')
  const lines = LINES.has(type)
  if (!lines && type !== 'application/json' && !type.endsWith('+json'))
    throw errors.unsupportedMediaType(
      `the body must be application/json${streaming ? ' or application/x-ndjson' : ''}, not ${JSON.stringify(type)}; add the header "content-type: application/json"`,
    )
  if (lines && !streaming)
    throw errors.unsupportedMediaType('this method takes one message: send it as application/json, not as lines')
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii')
    throw errors.unsupportedMediaType('JSON is UTF-8 (RFC 8259 §8.1): send the body without another charset')
  if (!streaming) return 'one'
  return lines ? 'lines' : 'auto'
}
