import { styleText } from 'node:util'

type Fields = Readonly<Record<string, unknown>>
type Style = Parameters<typeof styleText>[0]

const LEVELS: Readonly<Record<string, readonly [Style, string]>> = {
  trace: ['gray', 'trace'],
  debug: ['gray', 'debug'],
  info: ['green', 'info '],
  warn: ['yellow', 'warn '],
  error: ['red', 'error'],
  fatal: ['red', 'fatal'],
}
const HEAD = new Set(['level', 'time', 'msg'])
/** What stands behind the sentence of a finished call: the rest is for machines. */
const OF_CALL = new Set(['operation', 'reason', 'upstream', 'messagesIn', 'messagesOut', 'note'])
/** Where the backend is matters when something was wrong with it. */
const OF_FAULT = new Set([...OF_CALL, 'address'])
const isOf =
  (names: ReadonlySet<string>) =>
  ([key, value]: readonly [string, unknown]): boolean =>
    names.has(key) && (typeof value !== 'number' || value > 1)

/**
 * One JSON log line for human eyes: `12:03:04.123 info  message key=value`, the stack of an error below it. Colours follow the
 * terminal, NO_COLOR and FORCE_COLOR. Text that is no such line is returned unchanged.
 */
export const prettyLine = (line: string): string => {
  let fields: Fields
  try {
    fields = JSON.parse(line) as Fields
  } catch {
    return line
  }
  const [color, label] = LEVELS[String(fields.level)] ?? ['gray', printable(String(fields.level))]
  const isCall = fields.msg === 'call' && typeof fields.path === 'string'
  const stacks: string[] = []
  const rest = Object.entries(fields)
    .filter(isCall ? isOf(fields.note === undefined ? OF_CALL : OF_FAULT) : ([key]) => !HEAD.has(key))
    .map(([key, value]) => pair(key, value, stacks))
  const time = paint('gray', String(fields.time ?? '').slice(11, 23))
  const text = isCall ? callText(fields) : printable(String(fields.msg ?? ''), KEEP_LINES)
  return `${[time, paint(color, label), text, ...rest].join(' ')}\n${stacks.join('')}`
}

const callText = (fields: Fields): string => {
  const status = Number(fields.status)
  const ok = fields.code === 'OK'
  const color = status >= 500 && status < 1000 ? 'red' : ok && status < 400 ? 'green' : 'yellow'
  const outcome = ok ? String(status) : `${status} ${printable(String(fields.code))}`
  const request = printable(`${String(fields.method)} ${String(fields.path)}`)
  return `${request} ${paint(color, outcome)} ${Number(fields.ms)} ms`
}

interface Described {
  readonly stack?: unknown
  readonly cause?: unknown
}

const pair = (key: string, value: unknown, stacks: string[]): string => {
  const name = paint('gray', `${printable(key)}=`)
  const error = value as Described | null
  if (typeof error?.stack !== 'string') return name + show(value)
  stacks.push(`${paint('gray', printable(chain(error), KEEP_LINES))}\n`)
  const { stack: _stack, cause: _cause, ...shown } = error
  return name + show(shown)
}

/** The stack of an error, then those of its causes. */
const chain = ({ stack, cause }: Described): string => {
  const text = String(stack)
  if (cause === undefined) return text
  const next = cause as Described | null
  return `${text}\ncaused by: ${typeof next?.stack === 'string' ? chain(next) : show(cause)}`
}

const show = (value: unknown): string =>
  typeof value === 'string' && /^[\w./:@*{}+-]+$/.test(value) ? value : printable(JSON.stringify(value))

/**
 * A log line repeats what clients sent, and a terminal obeys control characters: they become their escapes. Line ends stay in
 * messages and stacks, which are ours.
 */
const printable = (text: string, pattern = EVERY_CONTROL): string =>
  text.replace(pattern, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const EVERY_CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const KEEP_LINES = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g

const paint = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout })
