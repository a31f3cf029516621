import { type Codec, errors, type JsonOptions, type RouteSettings, type Schema } from '../../../src/spi.ts'
import { parametersOf } from './accept.ts'

type Option = 'emitDefaults' | 'protoNames' | 'enumNumbers' | 'int64Numbers'
/** Parameters of a media type in Accept, by their name in lower case. */
const OPTIONS: ReadonlyMap<string, Option> = new Map([
  ['emitdefaults', 'emitDefaults'],
  ['protonames', 'protoNames'],
  ['enumnumbers', 'enumNumbers'],
  ['int64numbers', 'int64Numbers'],
])
const ANY = new RegExp([...OPTIONS.keys()].join('|'), 'i')
const VALUES: ReadonlyMap<string | undefined, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])

/**
 * The codec of a JSON reply: the route's, unless the client asks for other options by parameters of the media type that it is
 * answered with (SEMANTICS §6.5). At most 16 codecs for a route. Throws 406 when one of them has no meaning.
 */
export const replyCodec = (
  accept: string | undefined,
  mediaType: string,
  settings: RouteSettings,
  schema: Schema,
): Codec => {
  const { replyJson } = settings
  if (accept === undefined || replyJson === undefined || !ANY.test(accept)) return settings.replyCodec
  const asked: { -readonly [K in keyof JsonOptions]: JsonOptions[K] } = { ...replyJson }
  for (const [name, value] of parametersOf(accept, mediaType)) {
    const option = OPTIONS.get(name)
    if (option === undefined) continue
    const on = VALUES.get(value?.toLowerCase())
    if (on === undefined)
      throw errors.notAcceptable(
        `Accept: the parameter ${option} is true or false, not ${value === undefined ? 'without a value' : JSON.stringify(value)}`,
      )
    asked[option] = on
  }
  return schema.codec('json', asked)
}
