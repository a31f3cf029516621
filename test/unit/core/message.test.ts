import { describe, expect, test } from 'vitest'
import type { HttpBinding } from '../../../src/core/binding.ts'
import { Bytes, type Codec, makeMessage, type Overlay } from '../../../src/core/message.ts'
import type { Schema } from '../../../src/core/schema.ts'
import { fakeSchema, fakeType } from '../../support/loopback.ts'

const type = fakeType()
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** A schema that counts its transcodings. */
const counting = (): { schema: Schema; calls: string[] } => {
  const calls: string[] = []
  const plain = fakeSchema()
  const schema: Schema = {
    ...plain,
    transcoder(of, from, to, binding) {
      const transcode = plain.transcoder(of, from, to, binding)
      return (bytes, out, overlay) => {
        calls.push(`${from.name} to ${to.name}${overlay === undefined ? '' : ` with ${overlay.query}`}`)
        transcode(bytes, out, overlay)
      }
    },
  }
  return { schema, calls }
}
const jsonOf = (schema: Schema, value: unknown, overlay?: Overlay) =>
  makeMessage({ schema, type, codec: schema.codec('json'), bytes: Buffer.from(JSON.stringify(value)), overlay })
const overlay: Overlay = { binding: {} as HttpBinding, params: [], query: 'a=1', contentType: undefined }
const another = (codec: Codec): Codec => ({ ...codec })

describe('as', () => {
  test('in its own codec: the very same bytes', () => {
    const { schema, calls } = counting()
    const message = jsonOf(schema, { a: 1 })
    expect(message.as(schema.codec('json'))).toBe(message.bytes)
    expect(calls).toEqual([])
  })
  test('in another codec: made once', () => {
    const { schema, calls } = counting()
    const message = jsonOf(schema, { a: 1 })
    const proto = message.as(schema.codec('proto'))
    expect(text(proto)).toBe('\0{"a":1}')
    expect(message.as(schema.codec('proto'))).toBe(proto)
    expect(calls).toEqual(['json to proto'])
  })
  test('two forms are remembered, the older goes for a third', () => {
    const { schema, calls } = counting()
    const message = jsonOf(schema, [1])
    const [a, b, c] = [another(schema.codec('proto')), another(schema.codec('proto')), another(schema.codec('proto'))]
    const first = message.as(a)
    const second = message.as(b)
    expect([message.as(a), message.as(b)]).toEqual([first, second])
    expect([message.as(a) === first, message.as(b) === second, calls.length]).toEqual([true, true, 2])
    const third = message.as(c)
    expect([message.as(b) === second, message.as(c) === third, calls.length]).toEqual([true, true, 3])
    expect(message.as(a)).not.toBe(first)
    expect(calls).toHaveLength(4)
  })
  test('with an overlay its own codec is no short cut', () => {
    const { schema, calls } = counting()
    const message = jsonOf(schema, { a: 1 }, overlay)
    message.as(schema.codec('json'))
    message.as(schema.codec('json'))
    expect(calls).toEqual(['json to json with a=1'])
  })
  test('what throws is not remembered', () => {
    const { schema, calls } = counting()
    const message = makeMessage({ schema, type, codec: schema.codec('json'), bytes: Buffer.from('{') })
    expect(() => message.as(schema.codec('proto'))).toThrow()
    expect(() => message.as(schema.codec('proto'))).toThrow()
    expect(calls).toHaveLength(2)
  })
})

describe('writeTo', () => {
  test('behind what is there, in its own codec and in another, growing the buffer', () => {
    const { schema } = counting()
    const message = jsonOf(schema, 'x'.repeat(100))
    const out = new Bytes(4)
    out.ensure(2)
    out.buffer.write('<>')
    out.length = 2
    message.writeTo(schema.codec('json'), out)
    message.writeTo(schema.codec('proto'), out)
    const json = `"${'x'.repeat(100)}"`
    expect(text(out.take())).toBe(`<>${json}\0${json}`)
  })
})

describe('value and with', () => {
  test('decoded on first call only', () => {
    const { schema } = counting()
    let decoded = 0
    const json = schema.codec('json')
    const codec: Codec = {
      ...json,
      decode(of, bytes) {
        decoded++
        return json.decode(of, bytes)
      },
    }
    const message = makeMessage({ schema, type, codec, bytes: Buffer.from('{"a":1}') })
    expect(decoded).toBe(0)
    const value = message.value()
    expect([value, message.value() === value, decoded]).toEqual([{ a: 1 }, true, 1])
  })
  test('with an overlay: of the message that the backend would get', () => {
    const { schema, calls } = counting()
    expect(jsonOf(schema, { a: 1 }, overlay).value()).toEqual({ a: 1 })
    expect(calls).toEqual(['json to proto with a=1'])
  })
  test('with: another message in proto; the first is as it was, the overlay is used up', () => {
    const { schema } = counting()
    const message = jsonOf(schema, { a: 1 }, overlay)
    const changed = message.with({ b: 2 })
    expect([changed.codec, text(changed.bytes), changed.overlay, changed.type]).toEqual([
      schema.codec('proto'),
      '\0{"b":2}',
      undefined,
      type,
    ])
    expect([changed.value(), message.value()]).toEqual([{ b: 2 }, { a: 1 }])
  })
  test.each(['opaque', 'text'])('with: %s stays what it is', (name) => {
    const { schema } = counting()
    const codec = schema.codec(name)
    const message = makeMessage({ schema, type, codec, bytes: Buffer.from('old'), encoding: 'gzip' })
    const changed = message.with(Buffer.from('new'))
    expect([changed.codec, text(changed.bytes), changed.encoding, message.encoding]).toEqual([
      codec,
      'new',
      'identity',
      'gzip',
    ])
  })
})

describe('Bytes', () => {
  test('ensure keeps what was written and makes room, at least doubling', () => {
    const out = new Bytes(4)
    out.ensure(4)
    const before = out.buffer
    out.buffer.write('abcd')
    out.length = 4
    out.ensure(0)
    expect(out.buffer).toBe(before)
    out.ensure(1)
    expect([out.buffer.length, text(out.take())]).toEqual([8, 'abcd'])
    out.ensure(1000)
    expect(out.buffer.length).toBe(1004)
  })
})
