export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Does `accept` put OpenMetrics before the text format? Without a header, or with both alike, the text format is meant. */
export const prefersOpenMetrics = (accept: string | undefined): boolean => {
  if (accept === undefined) return false
  let open = 0
  let text = 0
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    const parsed = quality === undefined ? 1 : Number(quality.slice(2))
    const q = Number.isNaN(parsed) ? 0 : parsed
    if (type === 'application/openmetrics-text') open = Math.max(open, q)
    else if (type === 'text/plain' || type === 'text/*' || type === '*/*') text = Math.max(text, q)
  }
  return open > text
}

/**
 * The Prometheus text format 0.0.4 as OpenMetrics 1.0: a counter's family is named without `_total`, no empty lines, `# EOF` last.
 * prom-client's own switch renames the counters of the registry for good, so that every later text scrape is wrong.
 */
export const toOpenMetrics = (text: string): string => {
  const lines = text.split('\n').filter((line) => line !== '')
  const counters = new Set<string>()
  for (const line of lines) {
    const name = /^# TYPE (\S+)_total counter$/.exec(line)?.[1]
    if (name !== undefined) counters.add(name)
  }
  const named = lines.map((line) => {
    const [, start, name, rest] = /^(# (?:HELP|TYPE) )(\S+)_total( .*)$/.exec(line) ?? []
    return name !== undefined && counters.has(name) ? `${start}${name}${rest}` : line
  })
  return `${named.join('\n')}\n# EOF\n`
}
