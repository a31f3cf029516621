/** Timestamps and durations as text: RFC 3339 and seconds with `s` (google/protobuf/timestamp.proto, duration.proto). */
export interface Instant {
  readonly seconds: bigint
  readonly nanos: number
}

const MIN_SECONDS = -62_135_596_800
const MAX_SECONDS = 253_402_300_799
/** The nanoseconds come on top: the limit is a limit of `seconds` alone. */
const MAX_DURATION = 315_576_000_000

/** `count` digits as a number; -1 when they are not all digits. */
const digits = (text: string, start: number, count: number): number => {
  let value = 0
  for (let i = start; i < start + count; i++) {
    const d = text.charCodeAt(i) - 0x30
    if (!(d >= 0 && d <= 9)) return -1
    value = value * 10 + d
  }
  return value
}

/** Digits from `start` on that make a fraction of a second: nanoseconds and where they end. More than nine, or none: -1. */
const fraction = (text: string, start: number): { nanos: number; end: number } => {
  let end = start
  let nanos = 0
  for (;;) {
    const d = text.charCodeAt(end) - 0x30
    if (!(d >= 0 && d <= 9)) break
    nanos = nanos * 10 + d
    if (++end - start > 9) return { nanos: -1, end }
  }
  if (end === start) return { nanos: -1, end }
  return { nanos: nanos * 10 ** (9 - (end - start)), end }
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const
const leap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar. Years start in March here, so that the leap day is their last. */
const daysOf = (year: number, month: number, day: number): number => {
  const y = month > 2 ? year : year - 1
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

/** The day of a number of days since 1970-01-01: the inverse of `daysOf`. */
const dateOf = (days: number): { year: number; month: number; day: number } => {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  }
}

/** `2024-02-29T12:00:00.5+02:00`, with up to nine digits of a fraction and `Z` or an offset. undefined: not such a time. */
export const timestampFromText = (text: string): Instant | undefined => {
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  const shape =
    text.charCodeAt(4) === 0x2d &&
    text.charCodeAt(7) === 0x2d &&
    text.charCodeAt(10) === 0x54 &&
    text.charCodeAt(13) === 0x3a &&
    text.charCodeAt(16) === 0x3a
  if (!shape || year < 0 || month < 1 || month > 12 || day < 1) return undefined
  if (day > (month === 2 && leap(year) ? 29 : DAYS[month - 1]!)) return undefined
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined
  let at = 19
  let nanos = 0
  if (text.charCodeAt(at) === 0x2e) {
    const part = fraction(text, at + 1)
    if (part.nanos < 0) return undefined
    nanos = part.nanos
    at = part.end
  }
  const offset = offsetOf(text, at)
  if (offset === undefined) return undefined
  const seconds = daysOf(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) return undefined
  return { seconds: BigInt(seconds), nanos }
}

/** `Z` or `+02:00`, as seconds, up to the end of the text. */
const offsetOf = (text: string, at: number): number | undefined => {
  const sign = text.charCodeAt(at)
  if (sign === 0x5a) return text.length === at + 1 ? 0 : undefined
  if ((sign !== 0x2b && sign !== 0x2d) || text.length !== at + 6 || text.charCodeAt(at + 3) !== 0x3a) return undefined
  const hours = digits(text, at + 1, 2)
  const minutes = digits(text, at + 4, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined
  const seconds = hours * 3600 + minutes * 60
  return sign === 0x2d ? -seconds : seconds
}

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`)

/** `.5` as 0, 3, 6 or 9 digits. */
const fractionText = (nanos: number): string => {
  if (nanos === 0) return ''
  const all = `${nanos}`.padStart(9, '0')
  const length = nanos % 1_000_000 === 0 ? 3 : nanos % 1000 === 0 ? 6 : 9
  return `.${all.slice(0, length)}`
}

/** RFC 3339 with `Z`. undefined: outside the years 0001 to 9999, or nanoseconds outside a second. */
export const timestampToText = (seconds: bigint, nanos: number): string | undefined => {
  const total = Number(seconds)
  if (total < MIN_SECONDS || total > MAX_SECONDS || nanos < 0 || nanos > 999_999_999) return undefined
  const days = Math.floor(total / 86_400)
  const rest = total - days * 86_400
  const { year, month, day } = dateOf(days)
  const hour = Math.floor(rest / 3600)
  const minute = Math.floor(rest / 60) % 60
  return `${`${year}`.padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(rest % 60)}${fractionText(nanos)}Z`
}

/** `-1.5s`: digits, at most nine of a fraction, `s`. undefined: not such a duration, or outside its range. */
export const durationFromText = (text: string): Instant | undefined => {
  const negative = text.charCodeAt(0) === 0x2d
  const start = negative ? 1 : 0
  let at = start
  while (text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at++
  if (at === start || at - start > 12) return undefined
  const seconds = digits(text, start, at - start)
  let nanos = 0
  if (text.charCodeAt(at) === 0x2e) {
    const part = fraction(text, at + 1)
    if (part.nanos < 0) return undefined
    nanos = part.nanos
    at = part.end
  }
  if (text.charCodeAt(at) !== 0x73 || at + 1 !== text.length) return undefined
  return durationOf(seconds, nanos, negative)
}

const durationOf = (seconds: number, nanos: number, negative: boolean): Instant | undefined => {
  if (seconds > MAX_DURATION) return undefined
  return negative ? { seconds: BigInt(-seconds), nanos: nanos === 0 ? 0 : -nanos } : { seconds: BigInt(seconds), nanos }
}

/** Seconds with 0, 3, 6 or 9 digits and `s`. undefined: outside its range, or signs that disagree. */
export const durationToText = (seconds: bigint, nanos: number): string | undefined => {
  const whole = Number(seconds)
  if (whole < -MAX_DURATION || whole > MAX_DURATION || nanos < -999_999_999 || nanos > 999_999_999) return undefined
  if ((whole > 0 && nanos < 0) || (whole < 0 && nanos > 0)) return undefined
  const sign = whole < 0 || nanos < 0 ? '-' : ''
  return `${sign}${Math.abs(whole)}${fractionText(Math.abs(nanos))}s`
}

/** Units of Go's durations in nanoseconds; both ways to write micro. */
const GO_UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1000n],
  ['µs', 1000n],
  ['μs', 1000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])

/** Go's `1h30m`, `-1.5h`, `300ms` (only with `compat.queryForms`). */
export const durationFromGo = (text: string): Instant | undefined => {
  const sign = text.charCodeAt(0)
  const negative = sign === 0x2d
  let at = negative || sign === 0x2b ? 1 : 0
  if (text === '0') return { seconds: 0n, nanos: 0 }
  if (at === text.length || text.length > 64) return undefined
  let total = 0n
  while (at < text.length) {
    const start = at
    while (isDigit(text, at)) at++
    const wholePart = text.slice(start, at)
    let part = ''
    if (text.charCodeAt(at) === 0x2e) {
      const from = ++at
      while (isDigit(text, at)) at++
      part = text.slice(from, at)
    }
    if (wholePart === '' && part === '') return undefined
    const from = at
    while (at < text.length && !isDigit(text, at) && text.charCodeAt(at) !== 0x2e) at++
    const unit = GO_UNITS.get(text.slice(from, at))
    if (unit === undefined) return undefined
    total += BigInt(wholePart || '0') * unit + (BigInt(part || '0') * unit) / 10n ** BigInt(part.length)
  }
  return durationOf(Number(total / 1_000_000_000n), Number(total % 1_000_000_000n), negative)
}
const isDigit = (text: string, at: number): boolean => {
  const c = text.charCodeAt(at)
  return c >= 0x30 && c <= 0x39
}
