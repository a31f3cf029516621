import { isUtf8 } from 'node:buffer'
import type { FileRegistry } from '@bufbuild/protobuf'
import { dumpMessage } from '../dump.ts'
import type { Outcome, Pair } from '../model.ts'

const LONGEST = 140

/** One line that is the same on every run: control characters escaped, long texts cut, whatever is not UTF-8 in hex. */
export const oneLine = (bytes: Buffer, longest = LONGEST): string => {
  if (!isUtf8(bytes)) return shortened(`0x${bytes.toString('hex')}`, longest)
  // Go prints its errors with a plain or an unbreakable blank, by chance of the build.
  const text = bytes.toString('utf8').replaceAll('\u00a0', ' ').replace(/\n$/, '')
  return shortened([...text].map(visible).join(''), longest)
}

/** As JSON escapes it, where a terminal or an editor would not show it. */
const visible = (char: string): string => {
  const code = char.codePointAt(0)!
  if (code >= 0x20 && code !== 0x7f && code !== 0x2028 && code !== 0x2029 && code !== 0xfeff) return char
  const known = JSON.stringify(char).slice(1, -1)
  return known === char ? `\\u${code.toString(16).padStart(4, '0')}` : known
}

const shortened = (text: string, longest: number): string => {
  if (text.length <= longest) return text
  return `${text.slice(0, longest - 20)} … ${text.slice(-12)} (${text.length})`
}

export const requestLine = ({ feature, method, target, headers, body }: Pair): string => {
  const telling = feature === 'httpbody' || feature.startsWith('content-types')
  const shown = headers.filter(([name, value]) => telling || name !== 'Content-Type' || value !== 'application/json')
  const parts = [
    `${method} ${oneLine(Buffer.from(target, 'latin1'))}`,
    ...shown.map(([name, value]) => `${name}: ${value}`),
  ]
  if (body !== undefined) parts.push(bodyText(body))
  return parts.join('   ')
}

/** Blanks at the ends would not be seen. */
const bodyText = (body: Buffer): string => {
  if (body.length === 0) return '(empty body)'
  const text = oneLine(body)
  return text.trim() === text ? text : `(body: ${JSON.stringify(body.toString('utf8'))})`
}

/** What the backend was told to answer; undefined for an echo. */
export const answerLine = (registry: FileRegistry, pair: Pair, called: string | undefined): string | undefined => {
  const { answer } = pair
  if (answer === undefined) return undefined
  const [, service = '', name = ''] = (called ?? '').split('/')
  const output = registry.getService(service)?.methods.find((one) => one.name === name)?.output.typeName
  const messages = (answer.messages ?? []).map((bytes) => {
    const dumped = shortened(dumpMessage(registry, output ?? '', bytes), LONGEST)
    return pair.feature === 'json-printing' ? `${dumped} = 0x${Buffer.from(bytes).toString('hex')}` : dumped
  })
  const parts = [messages.length === 0 ? 'no message' : messages.join(' ')]
  if (answer.code !== undefined)
    parts.push(`status ${answer.code}${answer.message === undefined ? '' : ` "${answer.message}"`}`)
  if (answer.details !== undefined)
    parts.push(`details ${shortened(dumpMessage(registry, 'google.rpc.Status', answer.details), LONGEST)}`)
  return parts.join(', ')
}

/** Status, what the backend got, what the client got. */
export const outcomeLine = (outcome: Outcome): string => {
  const { end, status, called, received, body, type } = outcome
  if (end === 'crash') return called === undefined ? 'crashes' : `crashes, after calling the backend with ${received}`
  if (end === 'no-rule') return `does not load: ${oneLine(body)}`
  if (end === 'timeout') return 'no answer'
  if (called === undefined) return `${status}${refusalText(body)}`
  const cut = end === 'cut' ? ', cut off' : ''
  const method = called.slice(called.lastIndexOf('.') + 1)
  const got = received === '' ? 'no message' : shortened(received, LONGEST)
  const kind =
    type === 'application/json' || body.length === 0 ? '' : ` ${oneLine(Buffer.from(type, 'latin1')) || 'no type'}:`
  return `${status}${cut}   ${method} gets ${got}   answer${kind} ${body.length === 0 ? 'empty' : jsonLine(body)}`
}

const refusalText = (body: Buffer): string => {
  if (body.length === 0) return ''
  try {
    const { message } = JSON.parse(body.toString('utf8')) as { message?: unknown }
    if (typeof message === 'string') return `   ${oneLine(Buffer.from(message))}`
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return `   ${oneLine(body)}`
}

/** Go's JSON has blanks by chance of the build. */
const jsonLine = (body: Buffer): string => {
  if (!isUtf8(body)) return oneLine(body)
  const lines = body.toString('utf8').split('\n')
  return oneLine(Buffer.from(lines.map((line) => (/^[{[]/.test(line) ? withoutBlanks(line) : line)).join('\n')))
}
const withoutBlanks = (json: string): string => json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1')
