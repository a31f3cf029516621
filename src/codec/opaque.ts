import { isUtf8 } from 'node:buffer'
import type { FieldType, MessageType } from '../core/descriptor.ts'
import type { ByteWriter, Codec } from '../core/message.ts'
import { fault, valueFault } from './fault.ts'
import { JsonReader, jsonText } from './json/index.ts'
import { makeValue, own, planOf, type Value } from './plan.ts'
import { Sink } from './sink.ts'

const HTTP_BODY = 'google.api.HttpBody'
export const isHttpBody = (type: MessageType | undefined): boolean => type?.name === HTTP_BODY

/** A google.api.HttpBody of these bytes. */
export const httpBody = (bytes: Uint8Array, contentType: string | undefined): Value => {
  const value = makeValue()
  if (contentType !== undefined && contentType !== '') value.contentType = contentType
  if (bytes.length > 0) value.data = bytes
  return value
}

/**
 * Bytes that nobody looks into: HTTP bodies, binary WebSocket frames. As a `google.api.HttpBody` they are its `data`. Otherwise the
 * value is the JSON that they hold: null-prototype objects, whole numbers that a double cannot hold as bigint, duplicate members
 * refused; undefined when there are no bytes. A value is written as JSON, a Uint8Array as it is.
 */
export class OpaqueCodec implements Codec {
  readonly name = 'opaque'

  decode(type: MessageType, bytes: Uint8Array): unknown {
    if (isHttpBody(type)) return httpBody(bytes, undefined)
    if (bytes.length === 0) return undefined
    const reader = new JsonReader(jsonText(bytes), { types: () => undefined, ignoreUnknown: false })
    const value = readAnything(reader)
    reader.finish()
    return value
  }

  encode(type: MessageType, value: unknown, out: ByteWriter): void {
    const sink = new Sink(out)
    if (isHttpBody(type)) sink.raw(dataOf(type, value))
    else if (value instanceof Uint8Array) sink.raw(value)
    else if (value !== undefined) writeAnything(sink, value, 0)
    sink.done()
  }
}

const dataOf = (type: MessageType, value: unknown): Uint8Array => {
  const field: FieldType | undefined = planOf(type).find('data')?.field
  const data = typeof value === 'object' && value !== null ? own(value as Value, field?.jsonName ?? 'data') : undefined
  if (data !== undefined && !(data instanceof Uint8Array)) throw valueFault(`${HTTP_BODY}.data`, 'a Uint8Array')
  return data ?? new Uint8Array(0)
}

/** Text: the frames of a WebSocket. The value is the string. */
export class TextCodec implements Codec {
  readonly name = 'text'

  decode(_type: MessageType, bytes: Uint8Array): string {
    if (!isUtf8(bytes)) throw fault('UTF8_INVALID', 'the text is not UTF-8')
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  }
  encode(_type: MessageType, value: unknown, out: ByteWriter): void {
    const sink = new Sink(out)
    if (value instanceof Uint8Array) sink.raw(value)
    else if (typeof value === 'string') sink.utf8(value)
    else throw valueFault('a text frame', 'a string')
    sink.done()
  }
}

const readAnything = (reader: JsonReader): unknown => {
  const c = reader.peek()
  if (c === 0x22) return reader.string()
  if (c === 0x7b) return readObject(reader)
  if (c === 0x5b) {
    const list: unknown[] = []
    if (reader.open(0x5b)) return list
    do list.push(readAnything(reader))
    while (!reader.close(0x5b))
    return list
  }
  if (reader.takes('null')) return null
  if (reader.takes('true')) return true
  if (reader.takes('false')) return false
  const source = reader.number()
  const number = Number(source)
  const whole = !source.includes('.') && !source.includes('e') && !source.includes('E')
  return whole && !Number.isSafeInteger(number) ? BigInt(source) : number
}

const readObject = (reader: JsonReader): Value => {
  const value = makeValue()
  if (reader.open(0x7b)) return value
  do {
    reader.peek()
    const at = reader.pos
    const name = reader.key()
    if (name in value) throw reader.duplicate(name, at)
    reader.enter(name)
    value[name] = readAnything(reader)
    reader.leave()
  } while (!reader.close(0x7b))
  return value
}

const MAX_LEVELS = 1000

const writeAnything = (sink: Sink, value: unknown, depth: number): void => {
  if (depth > MAX_LEVELS) throw valueFault('a JSON body', `at most ${MAX_LEVELS} levels`)
  switch (typeof value) {
    case 'string':
      sink.jsonString(value)
      return
    case 'bigint':
    case 'boolean':
      sink.ascii(String(value))
      return
    case 'number':
      if (!Number.isFinite(value)) throw valueFault('a JSON body', 'finite numbers')
      sink.ascii(String(value))
      return
    case 'object':
      break
    default:
      throw valueFault('a JSON body', 'JSON values')
  }
  if (value === null) sink.ascii('null')
  else if (Array.isArray(value)) {
    sink.byte(0x5b)
    for (let i = 0; i < value.length; i++) {
      if (i > 0) sink.byte(0x2c)
      writeAnything(sink, value[i], depth + 1)
    }
    sink.byte(0x5d)
  } else writeMembers(sink, value, depth)
}

const writeMembers = (sink: Sink, value: object, depth: number): void => {
  sink.byte(0x7b)
  let first = true
  for (const [name, member] of value instanceof Map ? value : Object.entries(value)) {
    if (member === undefined) continue
    if (!first) sink.byte(0x2c)
    first = false
    sink.jsonString(String(name))
    sink.byte(0x3a)
    writeAnything(sink, member, depth + 1)
  }
  sink.byte(0x7d)
}
