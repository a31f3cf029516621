import { stringBytes } from './lexer.ts'
import type { Reader } from './reader.ts'
import type { AggregateField, Ident, OptionNode, OptionPart, OptionValue, Span } from './syntax.ts'

/** Deepest nesting of braces and brackets in an option value, and of parts in the name of an option. */
const MAX_DEPTH = 64

/** `name = value`, the part that option statements and bracketed lists share. */
export const readOption = (reader: Reader): OptionNode => {
  const start = reader.token
  const name: OptionPart[] = [optionPart(reader)]
  while (reader.take('.')) {
    if (name.length === MAX_DEPTH) reader.fail(`the name of the option has more than ${MAX_DEPTH} parts`)
    name.push(optionPart(reader))
  }
  reader.expect('=', 'behind the name of the option')
  const value = reader.is('{') ? aggregate(reader, '}') : scalar(reader)
  return { name, value, ...reader.since(start) }
}

/** `[deprecated = true, (my.option) = 1]`, or nothing. */
export const readBracketedOptions = (reader: Reader): readonly OptionNode[] => {
  if (!reader.take('[')) return []
  const options: OptionNode[] = []
  do options.push(readOption(reader))
  while (reader.take(','))
  reader.expect(']', 'behind the options')
  return options
}

const optionPart = (reader: Reader): OptionPart => {
  if (!reader.take('(')) return { ...reader.name('the name of an option'), extension: false }
  const name = reader.typeName('the name of an option')
  reader.expect(')', 'behind the name of the option')
  return { ...name, extension: true }
}

const scalar = (reader: Reader): OptionValue => {
  const start = reader.token
  if (start.kind === 'string') return { kind: 'string', ...readString(reader) }
  const negative = reader.take('-')
  const { kind, text } = reader.token
  if (kind === 'integer') {
    const { value } = reader.integer('the value of the option')
    return { kind, value: negative ? -value : value, ...reader.since(start) }
  }
  if (kind === 'float') {
    reader.advance()
    return { kind, value: negative ? -Number(text) : Number(text), ...reader.since(start) }
  }
  if (kind !== 'name') reader.fail(`the value of the option is missing, ${reader.found()}`)
  const special = SPECIAL[text.toLowerCase()]
  if (negative && special === undefined) reader.fail(`only a number can follow "-", ${reader.found()}`)
  reader.advance()
  if (special !== undefined && (negative || text === 'inf' || text === 'nan'))
    return { kind: 'float', value: negative ? -special : special, ...reader.since(start) }
  return { kind, text, ...reader.since(start) }
}

const SPECIAL: Readonly<Record<string, number>> = Object.assign(Object.create(null), {
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  nan: Number.NaN,
})

/** Adjacent strings are one. */
export const readString = (reader: Reader): Span & { readonly bytes: Buffer } => {
  const start = reader.token
  const parts: Buffer[] = []
  if (start.kind !== 'string') reader.fail(`a string is missing, ${reader.found()}`)
  while (reader.token.kind === 'string') {
    parts.push(stringBytes(reader.token))
    reader.advance()
  }
  return { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), ...reader.since(start) }
}

/** A message in the text format, in `{}` or `<>`. `#` begins a comment up to its end. */
const aggregate = (reader: Reader, close: '}' | '>', depth = 0): OptionValue => {
  const open = reader.token
  if (depth > MAX_DEPTH) reader.fail(`the value is nested deeper than ${MAX_DEPTH} levels`)
  const outermost = depth === 0
  if (outermost) reader.lexer.hash = true
  try {
    reader.advance()
    const fields: AggregateField[] = []
    while (!reader.is(close)) {
      if (reader.token.kind === 'end')
        reader.fail(`the "${open.text}" of this value is not closed, "${close}" is missing`, open)
      fields.push(aggregateField(reader, depth))
      if (!reader.take(',')) reader.take(';')
    }
    if (outermost) reader.lexer.hash = false
    reader.advance()
    return { kind: 'message', fields, ...reader.since(open) }
  } finally {
    if (outermost) reader.lexer.hash = false
  }
}

const aggregateField = (reader: Reader, depth: number): AggregateField => {
  const name = aggregateName(reader)
  const colon = reader.take(':')
  if (reader.is('[')) return { name, value: list(reader, depth + 1) }
  const value = nested(reader, depth + 1)
  if (value !== undefined) return { name, value }
  if (!colon) reader.fail(`":" is missing behind "${name.text}", ${reader.found()}`)
  return { name, value: scalar(reader) }
}

/** `name`, `[package.extension]` or `[type.googleapis.com/package.Type]`. */
const aggregateName = (reader: Reader): Ident => {
  const start = reader.token
  if (!reader.take('[')) return reader.name('the name of a field')
  let text = ''
  while (!reader.is(']')) {
    if (reader.token.kind !== 'name' && !reader.is('.') && !reader.is('/') && !reader.is('-'))
      reader.fail(`"]" is missing behind the name of an extension, ${reader.found()}`)
    text += reader.advance().text
  }
  reader.advance()
  return { text: `[${text}]`, ...reader.since(start) }
}

const nested = (reader: Reader, depth: number): OptionValue | undefined => {
  if (reader.is('{')) return aggregate(reader, '}', depth)
  if (reader.is('<')) return aggregate(reader, '>', depth)
  return undefined
}

const list = (reader: Reader, depth: number): OptionValue => {
  const start = reader.advance()
  const items: OptionValue[] = []
  if (!reader.is(']'))
    do items.push(nested(reader, depth) ?? scalar(reader))
    while (reader.take(','))
  reader.expect(']', 'behind the list')
  return { kind: 'list', items, ...reader.since(start) }
}
