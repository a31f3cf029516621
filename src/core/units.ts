const NUMBER = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/
const MS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])
const BYTES = new Map([
  ['B', 1],
  ['kB', 1000],
  ['KB', 1000],
  ['MB', 1000 ** 2],
  ['GB', 1000 ** 3],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
])

const parse = (text: string, units: ReadonlyMap<string, number>): number | undefined => {
  const [, amount, unit] = NUMBER.exec(text) ?? []
  const factor = units.get(unit ?? '')
  if (amount === undefined || factor === undefined) return undefined
  const value = Number(amount) * factor
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined
}

/** `300ms`, `5s`, `1.5m`, `1h` → milliseconds. undefined: not a duration. */
export const parseDuration = (text: string): number | undefined => parse(text, MS)

/** `512B`, `64KiB`, `4MiB`, `1GB` (1000s without the `i`, 1024s with it) → whole bytes. undefined: not a size. */
export const parseSize = (text: string): number | undefined => {
  const bytes = parse(text, BYTES)
  return bytes === undefined ? undefined : Math.floor(bytes)
}

/** Milliseconds as a person writes them: `2s`, `1.5s`, `300ms`. For messages. */
export const formatDuration = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60_000 || ms % 60_000 !== 0) return `${Math.round(ms) / 1000}s`
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : `${ms / 60_000}m`
}

/** Bytes as a person writes them: `4MiB`, `64KiB`, `1000B`. For messages. */
export const formatSize = (bytes: number): string => {
  if (bytes >= 1024 ** 2 && bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2}MiB`
  return bytes >= 1024 && bytes % 1024 === 0 ? `${bytes / 1024}KiB` : `${bytes}B`
}
