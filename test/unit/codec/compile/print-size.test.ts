import { describe, expect, test } from 'vitest'
import { makePrint } from '../../../../src/codec/compile/print/index.ts'
import { LIMIT, SCRATCH } from '../../../../src/codec/compile/scratch.ts'
import { planOf } from '../../../../src/codec/plan.ts'
import { Bytes } from '../../../../src/core/message.ts'
import { typesOf } from '../../../support/codec.ts'
import { blob, checkPrint, integer, MODES, messageBytes, randomOf, tagBytes } from '../../../support/compiled-print.ts'

const types = typesOf(`
syntax = "proto3"; package size;
import "google/protobuf/struct.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/any.proto";
message M { string text = 1; bytes raw = 2; repeated int32 numbers = 3; repeated string texts = 4; M child = 5;
  repeated M children = 6; map<string, M> map = 7; google.protobuf.Value value = 8; google.protobuf.FieldMask mask = 9;
  map<int64, string> names = 10; int64 last = 11; repeated google.protobuf.Struct structs = 12; google.protobuf.Any any = 13; }`)
const type = types.type('size.M')
const done = (wire: Buffer): void => {
  for (const mode of MODES) expect(checkPrint(type, wire, types.find, mode)).toBe('printed')
}

describe('around the border of the memory', () => {
  // `{"text":"` and `"}` stand around the text.
  const around = [LIMIT, SCRATCH.length].flatMap((border) =>
    [-8193, -13, -12, -11, -1, 0, 1, 9].map((delta) => border + delta),
  )
  test('a text', () => {
    for (const size of around) done(Buffer.concat([blob(1, Buffer.alloc(size - 11, 'x')), integer(11, -1)]))
  })
  test('base64, and what comes behind it', () => {
    for (const size of around) {
      const raw = Buffer.alloc(Math.floor((size * 3) / 4), 'bytes')
      done(Buffer.concat([blob(2, raw), blob(3, Buffer.from([1, 2, 3])), blob(4, 'behind'), blob(5, blob(1, 'child'))]))
    }
  })
  test('a list, an object and a map that start there', () => {
    for (const size of around) {
      const text = blob(1, Buffer.alloc(size - 30, 'x'))
      const small = Buffer.concat([blob(3, Buffer.alloc(50, 7)), blob(7, Buffer.concat([blob(1, 'k'), blob(2, '')]))])
      const names = blob(10, Buffer.concat([integer(1, -5), blob(2, 'five')]))
      done(Buffer.concat([text, blob(3, ''), blob(5, small), blob(6, ''), blob(6, small), names]))
    }
  })
})

describe('up to twenty megabytes', () => {
  const SIZE = 20_000_000
  test.each([
    ['plain', Buffer.alloc(SIZE, 'plain text ')],
    ['lines', Buffer.alloc(SIZE, `${'x'.repeat(79)}\n`)],
    ['escapes', Buffer.alloc(SIZE, '"')],
    ['control characters', Buffer.alloc(SIZE / 2, 1)],
    ['not ASCII', Buffer.alloc(SIZE - (SIZE % 15), 'żółw "日本語"')],
  ])('a text: %s', (_, text) => {
    const whole = text.subarray(0, text.lastIndexOf('"') > text.length - 20 ? text.lastIndexOf('"') : text.length)
    done(Buffer.concat([blob(1, whole), blob(2, 'behind')]))
  })
  test('a text that is not UTF-8 at its end is handed over, and nothing of it is left', () => {
    const text = Buffer.alloc(SIZE, 'é')
    const wire = blob(1, Buffer.concat([text, Buffer.from([0xff])]))
    for (const mode of MODES) expect(checkPrint(type, wire, types.find, mode)).toBe('handed over')
    // All text has left the memory when the failure comes.
    const late = Buffer.concat([blob(1, Buffer.alloc(SIZE, 'x')), blob(4, Buffer.from([0xff]))])
    for (const mode of MODES) expect(checkPrint(type, late, types.find, mode)).toBe('handed over')
  })
  test('bytes', () => {
    done(blob(2, Buffer.alloc(SIZE, 'bytes')))
  })
  test('many elements', () => {
    done(blob(3, Buffer.alloc(4_500_000, 7)))
    done(Buffer.concat(Array.from({ length: 200_000 }, (_, i) => blob(4, `element ${i} of the long list`))))
    const child = Buffer.concat([blob(1, 'child'), blob(3, Buffer.from([1, 2, 3]))])
    done(Buffer.concat(Array.from({ length: 200_000 }, () => blob(6, child))))
  })
  test('many entries of maps', () => {
    const entry = (i: number): Buffer =>
      Buffer.concat([blob(1, `key number ${i} of it`), blob(2, blob(1, 'value of it'))])
    done(Buffer.concat(Array.from({ length: 120_000 }, (_, i) => blob(7, entry(i)))))
    const name = (i: number): Buffer =>
      Buffer.concat([integer(1, i * 1000), blob(2, 'the name of this number, which is long')])
    done(Buffer.concat(Array.from({ length: 120_000 }, (_, i) => blob(10, name(i)))))
  })
  test('many members of a struct', () => {
    const member = (i: number): Buffer =>
      blob(1, Buffer.concat([blob(1, `a member with the number ${i}`), blob(2, blob(3, 'and its value'))]))
    const struct = Buffer.concat(Array.from({ length: 80_000 }, (_, i) => member(i)))
    done(Buffer.concat([blob(8, blob(5, struct)), blob(12, struct)]))
  })
  test('many paths of a mask, and an Any with a long text', () => {
    done(blob(9, Buffer.concat(Array.from({ length: 600_000 }, () => blob(1, 'a_path.of_mask')))))
    done(blob(13, Buffer.concat([blob(1, 'x/size.M'), blob(2, blob(1, Buffer.alloc(SIZE, 'any')))])))
  })
  test('deep objects with much behind each of their ends', () => {
    let wire = blob(1, Buffer.alloc(LIMIT - 3000, 'x'))
    const behind = Buffer.concat([integer(11, -1), blob(12, '')])
    for (let i = 0; i < 99; i++) wire = Buffer.concat([blob(5, wire), blob(9, blob(1, 'mask')), behind])
    done(wire)
  })
})

test('a field that has left the memory cannot be forgotten any more: handed over', () => {
  const wire = Buffer.concat([blob(1, Buffer.alloc(SCRATCH.length, 'x')), blob(4, 'wanted')])
  for (const mode of MODES) {
    expect(checkPrint(type, wire, types.find, mode, { field: 'texts' })).toBe('handed over')
    expect(checkPrint(type, wire, types.find, mode, { field: 'text' })).toBe('printed')
  }
})

describe('one field (response_body)', () => {
  test('of every kind, with the others around it and without itself', () => {
    const entry = blob(7, Buffer.concat([blob(1, 'k'), blob(2, blob(1, 'v'))]))
    const parts = [
      blob(1, 'text'),
      blob(2, 'raw'),
      blob(3, Buffer.from([1, 0])),
      blob(4, 'a'),
      blob(5, ''),
      blob(6, ''),
      entry,
    ]
    const more = [blob(8, integer(4, 1)), blob(9, ''), integer(11, 5), integer(99, 1)]
    for (const field of type.fields)
      for (const wire of [Buffer.concat([...parts, ...more]), Buffer.alloc(0), blob(3, ''), integer(11, 0)])
        for (const mode of MODES)
          for (const options of [
            { field: field.name },
            { field: field.jsonName, emitDefaults: true, int64Numbers: true },
          ])
            expect(checkPrint(type, wire, types.find, mode, options), field.name).toBe('printed')
  })
  test('one that the type does not have, and that of a well-known type', () => {
    for (const mode of MODES) {
      const out = new Bytes()
      expect(makePrint(planOf(type), { field: 'nobody' }, types.find, mode)(blob(1, 'x'), out)).toBe(false)
      const value = types.type('google.protobuf.Value')
      expect(checkPrint(value, blob(3, 'x'), types.find, mode, { field: 'stringValue' })).toBe('handed over')
    }
  })
  test('others that are broken', () => {
    const wire = Buffer.concat([blob(1, Buffer.from([0xff])), blob(4, 'wanted')])
    for (const mode of MODES) expect(checkPrint(type, wire, types.find, mode, { field: 'texts' })).toBe('handed over')
  })
})

test('bytes that are no Buffer, and a part of larger memory', () => {
  const text = `${'plain '.repeat(20)}"é"`
  const wire = Buffer.concat([blob(1, text), tagBytes(11, 0), Buffer.from([5])])
  const memory = new Uint8Array(wire.length + 77)
  memory.set(wire, 33)
  for (const mode of MODES) {
    expect(checkPrint(type, memory.subarray(33, 33 + wire.length), types.find, mode)).toBe('printed')
    expect(checkPrint(type, Uint8Array.from(wire), types.find, mode)).toBe('printed')
  }
})

test('the next message knows nothing of the one before', () => {
  const random = randomOf(5)
  const broken = Buffer.concat([blob(7, blob(1, 'same')), blob(7, blob(1, 'same'))])
  for (let i = 0; i < 300; i++) {
    const wire = messageBytes(random, type, { wild: false })
    for (const mode of MODES) {
      expect(checkPrint(type, wire, types.find, mode)).toBe('printed')
      expect(checkPrint(type, broken, types.find, mode)).toBe('handed over')
    }
  }
})
