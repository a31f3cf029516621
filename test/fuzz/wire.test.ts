import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader } from '../../src/codec/envelope.ts'
import { parseStatus, statusFromGrpc, statusToJson, statusToProblem } from '../../src/codec/status.ts'
import { Code, GatewayError, makeStatus } from '../../src/core/status.ts'
import { bindingOf, encodeValue, overlayOf, transcode, typesOf, VECTOR_PROTOS, vectorTypes } from '../support/codec.ts'
import { EDITION, LEGACY } from '../support/legacy-proto.ts'
import { protobufjsTypes } from '../support/oracles.ts'

const modern = vectorTypes()
// protobufjs refuses a message that lacks a required field; that is not what is compared here.
const OLD = LEGACY.replaceAll('required', 'optional')
const legacy = typesOf(OLD, EDITION)

/** undefined: refused, as it should be, with a GatewayError. */
const attempt = <T>(run: () => T): T | undefined => {
  try {
    return run()
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(GatewayError)
    return undefined
  }
}

/** Wire bytes with a chance of meaning something: few field numbers, small lengths, nested. */
const field: fc.Memo<Buffer> = fc.memo((depth) =>
  fc.oneof(
    fc
      .tuple(fc.integer({ min: 1, max: 48 }), fc.bigInt(0n, 2n ** 64n - 1n))
      .map(([number, value]) => Buffer.concat([varint((number << 3) | 0), varint(value)])),
    fc
      .tuple(fc.integer({ min: 1, max: 48 }), fc.uint8Array({ minLength: 8, maxLength: 8 }))
      .map(([number, value]) => Buffer.concat([varint((number << 3) | 1), value])),
    fc
      .tuple(fc.integer({ min: 1, max: 48 }), fc.uint8Array({ minLength: 4, maxLength: 4 }))
      .map(([number, value]) => Buffer.concat([varint((number << 3) | 5), value])),
    fc
      .tuple(
        fc.integer({ min: 1, max: 48 }),
        depth > 1 ? fields(depth - 1) : fc.string({ maxLength: 6 }).map((text) => Buffer.from(text)),
      )
      .map(([number, value]) => Buffer.concat([varint((number << 3) | 2), varint(value.length), value])),
    fc
      .tuple(fc.integer({ min: 1, max: 48 }), depth > 1 ? fields(depth - 1) : fc.constant(Buffer.alloc(0)))
      .map(([number, value]) => Buffer.concat([varint((number << 3) | 3), value, varint((number << 3) | 4)])),
  ),
)
const fields: fc.Memo<Buffer> = fc.memo((depth) =>
  fc.array(field(depth), { maxLength: 5 }).map((parts) => Buffer.concat(parts)),
)
const varint = (value: number | bigint): Buffer => {
  const out: number[] = []
  let rest = BigInt(value)
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  out.push(Number(rest))
  return Buffer.from(out)
}
const flips = fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { maxLength: 3 })
const damage = (bytes: Buffer, edits: readonly [number, number][], cut: number): Buffer => {
  const copy = Buffer.from(bytes)
  for (const [at, value] of edits) if (copy.length > 0) copy[at % copy.length] = value
  return copy.subarray(0, copy.length - (cut % 4))
}

const targets = [
  { name: 'vec.M', types: modern, texts: VECTOR_PROTOS },
  { name: 'qv.Q', types: modern, texts: VECTOR_PROTOS },
  { name: 'old.Old', types: legacy, texts: [OLD] },
  { name: 'ed.E', types: legacy, texts: [EDITION] },
]

describe.each(targets)('$name', ({ name, types, texts }) => {
  const type = types.type(name)
  const { table } = types
  const [json, proto] = [table.codec('json'), table.codec('proto')]
  const theirs = protobufjsTypes(...texts)(name)

  test('well-formed bytes: decoded, encoded and decoded again they are the same value', () => {
    fc.assert(
      fc.property(fields(3), (bytes) => {
        const value = attempt(() => proto.decode(type, bytes))
        if (value === undefined) return
        const wire = encodeValue(types, type, value)
        expect(proto.decode(type, wire)).toEqual(value)
        const text = attempt(() => transcode(types, type, proto, json, wire))
        if (text !== undefined && Buffer.isBuffer(text)) JSON.parse(text.toString())
      }),
      { numRuns: 1000 },
    )
  })
  test('damaged bytes: nothing but GatewayError comes out', () => {
    fc.assert(
      fc.property(fields(3), flips, fc.nat(20), (bytes, edits, cut) => {
        const broken = damage(bytes, edits, cut)
        attempt(() => transcode(types, type, proto, json, broken))
      }),
      { numRuns: 1500 },
    )
  })
  test('what we read of well-formed bytes, protobufjs reads too, and writes the same JSON', () => {
    let compared = 0
    fc.assert(
      fc.property(fields(3), (bytes) => {
        const ours = attempt(() => transcode(types, type, proto, json, bytes).toString())
        if (ours === undefined) return
        let text: string
        try {
          text = theirs.toJsonString(theirs.decode(bytes))
        } catch {
          return
        }
        compared++
        expect(loose(JSON.parse(ours))).toEqual(loose(JSON.parse(text)))
      }),
      { numRuns: 600, seed: 20261124 },
    )
    expect(compared).toBeGreaterThan(100)
  })
})

/**
 * Floats in single precision and without minus zero, which protobufjs does not write; without maps of closed enums, where it drops
 * an entry that has no value although the first value of the enum is meant.
 */
const loose = (value: unknown): unknown => {
  if (typeof value === 'number') return Math.fround(value) + 0
  if (Array.isArray(value)) return value.map(loose)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'shutMap')
      .map(([key, member]) => [key, loose(member)]),
  )
}

test('frames: any bytes in any pieces give the same as in one', () => {
  const read = (chunks: readonly Uint8Array[]): string => {
    const seen: string[] = []
    const reader = new FrameReader({
      maxBytes: 64,
      compression: true,
      origin: 'client',
      onFrame: (payload, flags) => seen.push(`${flags}:${Buffer.from(payload).toString('hex')}`),
    })
    const end = attempt(() => {
      for (const chunk of chunks) reader.push(chunk)
      reader.end()
      return 'end'
    })
    return `${seen.join(' ')} ${end ?? 'refused'}`
  }
  const frame = fc
    .tuple(fc.constantFrom(0, 0, 0, 1, 2), fc.uint8Array({ maxLength: 70 }))
    .map(([flag, payload]) => Buffer.concat([Buffer.from([flag, 0, 0, 0, payload.length]), payload]))
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.uint8Array({ maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 }),
      (frames, rest, sizes) => {
        const bytes = Buffer.concat([...frames, rest])
        const chunks: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        expect(read(chunks)).toBe(read([bytes]))
      },
    ),
    { numRuns: 1000 },
  )
})

test('statuses: no bytes and no details break an error', () => {
  const schema = { type: (name: string) => modern.find(name) }
  const urls = fc.constantFrom(
    'type.googleapis.com/google.rpc.BadRequest',
    'type.googleapis.com/google.rpc.RetryInfo',
    't/vec.M',
    't/google.protobuf.Any',
    't/no.Such',
    '',
    '/',
  )
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.tuple(urls, fields(2)), { maxLength: 3 }),
      fc.string(),
      (bytes, details, message) => {
        expect(() => parseStatus(bytes)).not.toThrow()
        expect(() => statusFromGrpc(5, message, Buffer.from(bytes).toString('base64'))).not.toThrow()
        const status = makeStatus(Code.NOT_FOUND, message, {
          details: details.map(([typeUrl, value]) => ({ typeUrl, value })),
        })
        const parsed = JSON.parse(statusToJson(status, schema).toString())
        expect(parsed.details).toHaveLength(details.length)
        JSON.parse(statusToProblem(status).toString())
      },
    ),
    { numRuns: 800 },
  )
})

test('queries and captures: nothing but GatewayError comes out', () => {
  const type = modern.type('vec.M')
  const { table } = modern
  const names = [
    ...type.fields.map((one) => one.name),
    's.t',
    's.sub.u',
    'm[k]',
    'mn[1]',
    'rs.t',
    'at.seconds',
    '__proto__',
    'constructor.name',
    'zz',
    '',
  ]
  const value = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom(
      '1',
      '-1',
      'true',
      'RED',
      '2024-01-01T00:00:00Z',
      '1s',
      'a,b',
      '%41',
      '%',
      '%zz',
      '+',
      '{"a":1}',
      'null',
      '1e400',
      'NaN',
    ),
  )
  const query = fc
    .array(fc.tuple(fc.constantFrom(...names), value, fc.constantFrom('=', '', '==')), { maxLength: 5 })
    .map((pairs) => pairs.map(([name, text, sign]) => `${name}${sign}${text}`).join('&'))
  const bindings = [false, true].flatMap((queryForms) =>
    (['reject', 'ignore', { capture: 'm' }] as const).map((unknownQuery) =>
      bindingOf(type, { variables: ['id'], unknownQuery, compat: { queryForms } }),
    ),
  )
  fc.assert(
    fc.property(
      query,
      value,
      fc.constantFrom(...bindings),
      fc.constantFrom('', '{"n":1}', '{"p":"x"}'),
      (text, capture, binding, body) => {
        const whole = body !== ''
        const overlay = overlayOf(binding, { params: [capture], query: text, whole })
        attempt(() => transcode(modern, type, table.codec('json'), table.codec('proto'), body, overlay))
      },
    ),
    { numRuns: 2000 },
  )
  expect(({} as Record<string, unknown>).name).toBe(undefined)
})
