import type { FieldType, MessageType } from '../../../../src/core/descriptor.ts'
import { SAMPLES } from './parse-samples.ts'

/** JSON texts from random numbers: spellings that fit a type, and mutations of them. */

/** Numbers below a limit, from a list that is used again and again. */
export type Pick = (limit: number) => number
export const picker = (numbers: readonly number[]): Pick => {
  let at = 0
  let lap = 0
  return (limit) => {
    if (at === numbers.length) {
      at = 0
      lap++
    }
    return ((numbers[at++] ?? 0) + lap * 7919) % limit
  }
}

const SPACES = ['', '', '', '', ' ', '\n  ', '\t', '\r\n']
const TEXTS = [
  '',
  'a',
  'name',
  'Grüße',
  '世界',
  '😀',
  '\\n',
  '\\"',
  '\\\\',
  '\\/',
  '\\u0041',
  '\\ud83d\\ude00',
  '\\u00e9',
  ' ',
  '\u007f',
  'x'.repeat(64),
]

const KNOWN: Readonly<Record<string, string>> = {
  Timestamp: 'timestamp',
  Duration: 'duration',
  FieldMask: 'fieldmask',
  Any: 'any',
}

/** The text of an object that fits the type. */
export const objectText = (type: MessageType, pick: Pick, depth = 0): string => {
  const gap = () => SPACES[pick(SPACES.length)]
  const seen = new Set<string>()
  const members: string[] = []
  const count = pick(depth > 3 ? 2 : 7)
  for (let k = 0; k < count && type.fields.length > 0; k++) {
    const field = type.fields[pick(type.fields.length)]!
    const group = field.oneof ?? ` ${field.name}`
    if (seen.has(group)) continue
    seen.add(group)
    const name = pick(2) === 0 ? field.name : field.jsonName
    members.push(`${gap()}${JSON.stringify(name)}${gap()}:${gap()}${memberText(field, pick, depth)}${gap()}`)
  }
  return `{${members.length === 0 ? gap() : members.join(',')}}`
}

const memberText = (field: FieldType, pick: Pick, depth: number): string => {
  const gap = () => SPACES[pick(SPACES.length)]
  if (pick(12) === 0 && field.oneof === undefined) return 'null'
  if (field.mapKey !== undefined) {
    const entries = Array.from(
      { length: pick(5) },
      (_, k) => `${gap()}${keyText(field.mapKey!, pick, k)}${gap()}:${gap()}${elementText(field, pick, depth)}`,
    )
    return `{${entries.slice(0, field.mapKey === 'bool' ? 2 : 5).join(',')}}`
  }
  if (!field.repeated) return elementText(field, pick, depth)
  return `[${Array.from({ length: pick(5) }, () => gap() + elementText(field, pick, depth) + gap()).join(',')}]`
}

/** Keys that differ when `k` does. */
const keyText = (kind: string, pick: Pick, k: number): string => {
  if (kind === 'string') return `"${k}${TEXTS[pick(TEXTS.length)]}"`
  if (kind === 'bool') return k === 0 ? '"true"' : '"false"'
  return `"${k + 5 * pick(100_000)}"`
}

const elementText = (field: FieldType, pick: Pick, depth: number): string => {
  const name = field.message?.name ?? field.enum?.name ?? ''
  const short = name.startsWith('google.protobuf.') ? name.slice(16) : undefined
  if (short === 'NullValue') return 'null'
  if (short === 'Struct') return jsonObject(pick, depth)
  if (short === 'ListValue') return jsonList(pick, depth)
  if (short === 'Value') return jsonText(pick, depth)
  if (short?.endsWith('Value')) return sample(short.toLowerCase(), pick)
  if (short !== undefined && KNOWN[short] !== undefined) return sample(KNOWN[short], pick)
  if (field.kind === 'message') return objectText(field.message!, pick, depth + 1)
  if (field.kind === 'enum') {
    const names = [...field.enum!.numbers]
    const [text, number] = names[pick(names.length)]!
    return pick(3) === 0 ? `${number}` : JSON.stringify(text)
  }
  if (field.kind === 'string') return `"${Array.from({ length: pick(6) }, () => TEXTS[pick(TEXTS.length)]).join('')}"`
  return sample(field.kind, pick)
}
const sample = (name: string, pick: Pick): string => {
  const { good } = SAMPLES[name]!
  return good[pick(good.length)]!
}

const jsonText = (pick: Pick, depth: number): string => {
  switch (pick(depth > 4 ? 5 : 7)) {
    case 0:
      return 'null'
    case 1:
      return pick(2) === 0 ? 'true' : 'false'
    case 2:
      return `"${TEXTS[pick(TEXTS.length)]}"`
    case 3:
      return `${pick(100_000) - 50_000}`
    case 4:
      return `${pick(65_536) / 7}`
    case 5:
      return jsonObject(pick, depth)
    default:
      return jsonList(pick, depth)
  }
}
const jsonObject = (pick: Pick, depth: number): string =>
  `{${Array.from({ length: pick(4) }, (_, k) => `${keyText('string', pick, k)}:${jsonText(pick, depth + 1)}`).join(',')}}`
const jsonList = (pick: Pick, depth: number): string =>
  `[${Array.from({ length: pick(4) }, () => jsonText(pick, depth + 1)).join(',')}]`

const PIECES = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '0',
  '1',
  '-',
  '.',
  'e',
  'null',
  'true',
  '"a"',
  '\u0000',
  '\u001f',
  '\\u',
  '\\ud800',
  'é',
  '\ufeff',
  '9'.repeat(19),
  '=',
  '/',
  '_',
  '1e5',
  '""',
  'Z',
  's',
  '@type',
]

/** The bytes with a few places changed. */
export const mutate = (text: Buffer, pick: Pick): Buffer => {
  let bytes = text
  for (let k = pick(3); k >= 0; k--) {
    const at = pick(bytes.length + 1)
    const end = Math.min(bytes.length, at + pick(4))
    switch (pick(6)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
        break
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(PIECES[pick(PIECES.length)]!), bytes.subarray(at)])
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(PIECES[pick(PIECES.length)]!), bytes.subarray(end)])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(pick(at + 1))])
        break
      case 4:
        bytes = bytes.subarray(0, at)
        break
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([pick(256)]), bytes.subarray(end)])
    }
  }
  return bytes
}
