import type { StreamFormat } from '../../../src/spi.ts'

interface Range {
  readonly type: string
  readonly subtype: string
  readonly q: number
  /** Place in the header. */
  readonly index: number
  /** Whatever stands behind it, the weight too. */
  readonly parameters: readonly Parameter[]
}
/** Name in lower case; the value undefined when there is no "=". */
export type Parameter = readonly [name: string, value: string | undefined]

/** The media ranges of an Accept header (RFC 9110 §12.5.1). A broken weight counts as 1; parameters are not compared. */
const parseAccept = (header: string): readonly Range[] =>
  splitAt(header, ',').flatMap((part, index) => {
    const [range = '', ...rest] = splitAt(part, ';')
    const [type = '', subtype = ''] = range.trim().toLowerCase().split('/')
    if (type === '' || subtype === '') return []
    const parameters = rest.map(parameterOf)
    return [{ type, subtype, q: weight(parameters), index, parameters }]
  })

/** The parts between commas or semicolons, where these do not stand in a quoted string. */
const splitAt = (text: string, separator: string): readonly string[] => {
  if (!text.includes('"')) return text.split(separator)
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (quoted && c === '\\') i++
    else if (c === '"') quoted = !quoted
    else if (c === separator && !quoted) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, text.slice(start)]
}

const parameterOf = (text: string): Parameter => {
  const equals = text.indexOf('=')
  if (equals === -1) return [text.trim().toLowerCase(), undefined]
  const value = text.slice(equals + 1).trim()
  const inner = /^"(.*)"$/s.exec(value)?.[1]
  return [text.slice(0, equals).trim().toLowerCase(), inner?.replace(/\\(.)/gs, '$1') ?? value]
}

const weight = (parameters: readonly Parameter[]): number => {
  const value = parameters.find(([name]) => name === 'q')?.[1]
  const q = value === undefined ? 1 : Number(value)
  return q >= 0 && q <= 1 ? q : 1
}

interface Match {
  readonly q: number
  /** 2: the type itself was named; 1: `type/*`; 0: every type. */
  readonly specific: number
  readonly index: number
  readonly parameters: readonly Parameter[]
}
/** The most specific range that a type falls into; of equal ones that with the highest weight, then the first. */
const matchOf = (ranges: readonly Range[], mediaType: string): Match | undefined => {
  const [type, subtype] = mediaType.split('/')
  let best: Match | undefined
  for (const range of ranges) {
    const specific = range.type === '*' ? 0 : range.type !== type ? -1 : range.subtype === '*' ? 1 : 2
    if (specific === -1 || (specific === 2 && range.subtype !== subtype)) continue
    if (best === undefined || specific > best.specific || (specific === best.specific && range.q > best.q))
      best = { ...range, specific }
  }
  return best
}

/** Parameters of the range that a media type falls into, in their order. */
export const parametersOf = (accept: string, mediaType: string): readonly Parameter[] =>
  matchOf(parseAccept(accept), mediaType)?.parameters ?? []

export interface StreamChoice {
  readonly format: StreamFormat
  readonly contentType: string
}
const CHOICES: readonly StreamChoice[] = [
  { format: 'ndjson', contentType: 'application/x-ndjson' },
  { format: 'ndjson', contentType: 'application/jsonl' },
  { format: 'array', contentType: 'application/json' },
  { format: 'sse', contentType: 'text/event-stream' },
]
export const STREAM_TYPES: readonly string[] = CHOICES.map(({ contentType }) => contentType)

/**
 * How a stream is written (SEMANTICS §13): by weight; of equal weights what was named itself, in the client's order, before what
 * fell under a wildcard, and there the route's own format first. No Accept: the route's. undefined: nothing is acceptable.
 */
export const chooseStream = (accept: string | undefined, preferred: StreamFormat): StreamChoice | undefined => {
  const ordered = [...CHOICES].sort((a, b) => Number(b.format === preferred) - Number(a.format === preferred))
  if (accept === undefined || accept.trim() === '' || accept.trim() === '*/*') return ordered[0]
  const ranges = parseAccept(accept)
  let best: { readonly choice: StreamChoice; readonly match: Match } | undefined
  for (const choice of ordered) {
    const match = matchOf(ranges, choice.contentType)
    if (match === undefined || match.q === 0) continue
    if (best === undefined || isBetter(match, best.match)) best = { choice, match }
  }
  return best?.choice
}

const isBetter = (a: Match, b: Match): boolean => {
  if (a.q !== b.q) return a.q > b.q
  if ((a.specific === 2) !== (b.specific === 2)) return a.specific === 2
  return a.specific === 2 && a.index < b.index
}

/** The client names `application/problem+json` and does not like JSON better. */
export const wantsProblem = (accept: string | undefined): boolean => {
  if (accept === undefined || !accept.toLowerCase().includes('problem+json')) return false
  const ranges = parseAccept(accept)
  const problem = matchOf(ranges, 'application/problem+json')
  if (problem === undefined || problem.specific !== 2 || problem.q === 0) return false
  const json = matchOf(ranges, 'application/json')
  return json === undefined || json.specific !== 2 || problem.q >= json.q
}
