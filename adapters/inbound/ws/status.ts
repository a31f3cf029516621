import {
  Code,
  codeName,
  forwardedReply,
  type RouteSettings,
  reasonOf,
  type Schema,
  type Status,
  statusToJson,
} from '../../../src/spi.ts'

/**
 * The last frame of a call: `{"@status":{"code","message","details","trailers"}}`, all four always there. A trailer that came
 * several times is an array; which ones may pass is said by the route.
 */
export const statusFrame = (status: Status, schema: Schema, settings: RouteSettings): Buffer => {
  const trailers: Record<string, string | string[]> = Object.create(null)
  const raw = forwardedReply(status.trailers, settings)
  for (let i = 0; i < raw.length; i += 2) {
    const [name, value] = [raw[i]!, raw[i + 1]!]
    const before = trailers[name]
    trailers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return Buffer.concat([LEAD, statusToJson(status, schema, { trailers }), END])
}
const LEAD = Buffer.from('{"@status":')
const END = Buffer.from('}')

/** Close reason of a status: its stable word, else the name of its code. Empty for OK. */
export const closeReason = (status: Status): string =>
  status.code === Code.OK ? '' : cutReason(reasonOf(status.details) ?? codeName(status.code))

const LONGEST = 123
/** At most 123 bytes of UTF-8, cut between two characters (RFC 6455 §5.5). */
export const cutReason = (reason: string): string => {
  if (Buffer.byteLength(reason) <= LONGEST) return reason
  let cut = ''
  let length = 0
  for (const character of reason) {
    length += Buffer.byteLength(character)
    if (length > LONGEST) break
    cut += character
  }
  return cut
}
