import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/core/status.ts'
import { type Types, typesOf, VECTOR_PROTOS, vectorTypes } from '../support/codec.ts'
import { checkForeign, randomBase } from '../support/fuzz/cases.ts'
import { made } from '../support/fuzz/choices.ts'
import type { Panel } from '../support/fuzz/foreign.ts'
import { mutateJson, tokensOf } from '../support/fuzz/mutate.ts'
import { EDITION, LEGACY } from '../support/legacy-proto.ts'
import { bufbuildMessage, bufbuildOracle, bufbuildTypes, ownOracle, protobufjsOracle } from '../support/oracles.ts'
import { readVectors } from '../support/vectors.ts'

/** One type in three implementations of ProtoJSON: ours, that of protobufjs, that of @bufbuild/protobuf. */
const panelOf = (name: string, types: Types, texts: readonly string[]): Panel & { readonly name: string } => {
  const type = types.type(name)
  return {
    name,
    type,
    find: types.find,
    reference: ownOracle(type, types.find, false),
    others: [protobufjsOracle(type, texts), bufbuildOracle(type)],
  }
}

const legacy = typesOf(LEGACY, EDITION)
const modern = vectorTypes()
const panels = [
  panelOf('qv.Q', modern, VECTOR_PROTOS),
  panelOf('vec.M', modern, VECTOR_PROTOS),
  panelOf('old.Old', legacy, [LEGACY]),
  panelOf('ed.E', legacy, [EDITION]),
]
const vec = panels[1]!

/** A message: its JSON in any spelling and its wire bytes in any form. */
const base = (panel: Panel) => made((choices) => randomBase(panel, choices))
const mutants = (panel: Panel) =>
  made((choices) => {
    const { json } = randomBase(panel, choices)
    return mutateJson(json, tokensOf(json), choices)
  })

describe.each(panels)('$name: what fits', (panel) => {
  test('all three read it alike and print it alike, and it comes back the same', () => {
    const { name, reference } = panel
    fc.assert(
      fc.property(base(panel), ({ json, wire }) => {
        checkForeign(panel, name, { direction: 'JSON to wire', bytes: json })
        checkForeign(panel, name, { direction: 'wire to JSON', bytes: wire })
        // Some have two members of a oneof, or a member twice.
        if (outcome(panel, json) === 'refused') return
        const parsed = reference.parse(json)
        const printed = reference.print(parsed)
        expect(reference.print(reference.parse(Buffer.from(printed)))).toBe(printed)
        expect(Buffer.from(reference.parse(Buffer.from(printed))).equals(Buffer.from(parsed))).toBe(true)
      }),
      { numRuns: 120, seed: 20261124 },
    )
  })
})

const outcome = ({ reference }: Panel, json: Buffer): string => {
  try {
    return reference.print(reference.parse(json))
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(GatewayError)
    return 'refused'
  }
}

test('test/vectors/protojson.json: the oracles agree, or the disagreement is listed', () => {
  const { cases } = readVectors<{ cases: { body: string | null; repeat?: number; ignoreUnknown?: boolean }[] }>(
    'protojson.json',
  )
  const used = new Set<string>()
  for (const { body, repeat, ignoreUnknown } of cases) {
    if (body === null || repeat !== undefined || ignoreUnknown === true) continue
    const bytes = Buffer.from(body)
    for (const name of checkForeign(vec, 'vec.M', { direction: 'JSON to wire', bytes })) used.add(name)
  }
  expect(used.size).toBeGreaterThan(10)
})

describe.each(panels)('$name: mutated texts', (panel) => {
  test('nothing but GatewayError comes out, and what is accepted round-trips', () => {
    fc.assert(
      fc.property(mutants(panel), (json) => {
        const printed = outcome(panel, json)
        if (printed !== 'refused') expect(outcome(panel, Buffer.from(printed))).toBe(printed)
      }),
      { numRuns: 600 },
    )
  })
  test('what is accepted or refused, the others accept or refuse, or the disagreement is listed', () => {
    fc.assert(
      fc.property(mutants(panel), (bytes) => {
        checkForeign(panel, panel.name, { direction: 'JSON to wire', bytes })
      }),
      { numRuns: 300, seed: 20261124 },
    )
  })
  test('bytes that are no text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        outcome(panel, Buffer.from(bytes))
        outcome(panel, Buffer.from(Buffer.from(bytes).toString('latin1')))
      }),
      { numRuns: 500 },
    )
  })
})

test('every float and every double survives its text', () => {
  const bits = Buffer.alloc(8)
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (raw) => {
      bits.writeBigUInt64LE(raw)
      const [float, double] = [bits.readFloatLE(), bits.readDoubleLE()]
      const text = vec.reference.print(modernWire({ f: float, d: double }))
      const parsed = modern.table.codec('json').decode(vec.type, Buffer.from(text)) as { f?: number; d?: number }
      expect(parsed.f ?? 0).toBe(float)
      expect(parsed.d ?? 0).toBe(double)
    }),
    { numRuns: 2000 },
  )
})
const modernWire = (value: Record<string, unknown>): Uint8Array => {
  const schema = bufbuildMessage(bufbuildRegistry, 'vec.M')
  return toBinary(schema, create(schema, value))
}
const bufbuildRegistry = bufbuildTypes([vec.type])

test('hostile texts end in time', () => {
  const big = 200_000
  const any = (levels: number, inner: string): string => {
    let text = inner
    for (let i = 0; i < levels; i++) text = `{"value":${text},"@type":"type.googleapis.com/google.protobuf.Any"}`
    return text
  }
  const texts = [
    `{"n":${'9'.repeat(big)}}`,
    `{"n":0.${'0'.repeat(big)}1e${big + 1}}`,
    `{"n":"${'1'.repeat(big)}e-${big}"}`,
    '{"n":1e999999999999999999999999}',
    `{"y":"${'A'.repeat(big * 4)}"}`,
    `{"id":"${'\\u0041'.repeat(big)}"}`,
    `{"id":"${'\\'.repeat(big)}"}`,
    `{"any":${any(97, `{"@type":"type.googleapis.com/vec.Sub","t":"${'x'.repeat(big * 10)}"}`)}}`,
    `{"any":${any(97, `[${'1,'.repeat(big)}1]`)}}`,
    `{"m":{${Array.from({ length: big / 10 }, (_, i) => `"k${i}":""`).join(',')}}}`,
    `{"r":[${'0,'.repeat(big)}0]}`,
    `{"rs":[${'{},'.repeat(big)}{}]}`,
    `${' '.repeat(big * 10)}{`,
    `{"${'z'.repeat(big)}":1}`,
    `${'\n'.repeat(big)}x`,
    `{"mask":"${'a,'.repeat(big)}a"}`,
    `{"mask":"${'A'.repeat(big)}"}`,
  ]
  for (const text of texts) outcome(vec, Buffer.from(text))
})
