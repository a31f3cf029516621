import { z } from 'zod'

/** Digits are bounded so that what matches is also a safe integer of milliseconds or bytes. */
const DURATION = String.raw`\d{1,9}(?:\.\d{1,6})? ?(?:ms|s|m|h)`
const SIZE = String.raw`\d{1,15} ?B|\d{1,6}(?:\.\d{1,6})? ?(?:kB|KB|MB|GB|KiB|MiB|GiB)`

interface UnitOptions {
  /** `"none"` is allowed as well: no limit. */
  readonly none?: boolean
}

const text = (pattern: string, examples: string, none: boolean): z.ZodString => {
  const error = `expected ${examples}${none ? ', or "none"' : ''}`
  return z.string({ error }).regex(new RegExp(none ? `^(?:none|${pattern})$` : `^(?:${pattern})$`), { error })
}

/** A length of time in routes.json: `"300ms"`, `"5s"`, `"1.5m"`, `"1h"`. It stays a string; `parseDuration` gives milliseconds. */
export const duration = (options: UnitOptions = {}): z.ZodString =>
  text(DURATION, 'a duration such as "300ms", "5s", "1m" or "1h"', options.none === true)

/** A number of bytes in routes.json: `"512B"`, `"64KiB"`, `"4MiB"`, `"1GB"`. It stays a string; `parseSize` gives bytes. */
export const size = (options: UnitOptions = {}): z.ZodString =>
  text(SIZE, 'a size such as "64KiB" or "4MiB"', options.none === true)
