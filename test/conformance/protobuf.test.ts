import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { describeIf } from '../support/required.ts'
import { DOCUMENT, gatewayTable, libraryTable, withTables } from './protobuf/document.ts'
import { type Figures, LEVELS, type PARTS, readFigures, sum } from './protobuf/figures.ts'
import { LANES } from './protobuf/lanes.ts'
import { runSuite } from './protobuf/run-suite.ts'
import { findRunner, type Runner } from './protobuf/runner.ts'
import { FAULTY } from './protobuf/testees.ts'

const WHILE = { timeout: 120_000 }
const HINT = 'its runner does not start here (npm run conformance:json -- --prepare fetches what it lacks)'
const documented = readFileSync(DOCUMENT, 'utf8')

const part = ({ counts }: Figures, name: (typeof PARTS)[number]) => sum(LEVELS.map((level) => counts[name][level]))

describeIf<Runner>(await findRunner(), 'the protobuf conformance suite', HINT, (runner) => {
  test.each(LANES)('%s: every required and every recommended test of JSON and of the wire', WHILE, async (lane) => {
    const figures = await runSuite(runner, lane)
    expect(figures.failures).toEqual([])
    const [json, wire] = [part(figures, 'json'), part(figures, 'wire')]
    expect(json.passed).toBeGreaterThanOrEqual(2700)
    expect(json.refused).toBeGreaterThanOrEqual(400)
    expect(wire.passed).toBeGreaterThanOrEqual(2800)
    expect([json.skipped, wire.skipped]).toEqual([0, 0])
    // The suite is about odd messages, and still the compiled lane makes most of them itself: it is what is tested here.
    const { count, of } = figures.handedOver!
    expect(of).toBeGreaterThan(4000)
    expect(count / of).toSatisfy((share: number) => (lane === 'reference' ? share === 1 : share < 0.4))
    const rows = libraryTable(new Map([[lane, figures]])).split('\n')
    expect(documented).toContain(rows.at(-1))
  })

  test('a gateway in between: all of JSON, and every broken reply of the backend is an error', WHILE, async () => {
    const figures = await runSuite(runner, 'gateway')
    expect(figures.failures).toEqual([])
    const [json, wire] = [part(figures, 'json'), part(figures, 'wire')]
    expect(json.passed).toBeGreaterThanOrEqual(2700)
    expect(json.skipped).toBe(0)
    // The same bytes that the suite wants to see refused by a library.
    expect(wire.passed).toBe(wire.refused)
    expect(wire.refused).toBeGreaterThanOrEqual(760)
    expect(documented).toContain(gatewayTable(figures))
  })

  test('a testee that is wrong fails, and where it is wrong alone', WHILE, async () => {
    const figures = await runSuite(runner, FAULTY)
    expect(figures.failures.length).toBeGreaterThan(500)
    expect(part(figures, 'json').failed).toBe(figures.failures.length)
    expect(part(figures, 'wire').failed).toBe(0)
  })
})

describe('figures', () => {
  const line = (name: string, response: string): string =>
    `conformance test: name=${name}, request=x  json_payload: "{}" message_type: "m", response=x  ${response}`
  const summary = (passed: number, skipped: number, failed: number): string =>
    `CONFORMANCE SUITE ${failed === 0 ? 'PASSED' : 'FAILED'}: ${passed} successes, ${skipped} skipped, 0 expected failures, ${failed} unexpected failures.`
  const output = [
    line('Required.Proto3.JsonInput.A.ProtobufOutput', 'protobuf_payload: ""'),
    line('Recommended.Proto3.JsonInput.B', 'parse_error: "line 1: \\"x\\""'),
    line('Required.Proto2.ProtobufInput.C.JsonOutput', 'json_payload: "{ parse_error: \\"x\\" }"'),
    'ERROR, test=Required.Proto2.ProtobufInput.C.JsonOutput: Output was not equivalent, request=x, response=x',
    line('Required.Proto2.ProtobufInput.D.INT32', 'parse_error: ""'),
    line('Required.Proto3.ProtobufInput.E.ProtobufOutput', 'skipped: "no"'),
    'SKIPPED, test=Required.Proto3.ProtobufInput.E.ProtobufOutput request=x, response=x',
  ]

  test('are told apart by part, level and outcome', () => {
    const { counts, failures } = readFigures([...output, summary(3, 1, 1)].join('\n'))
    expect(counts.json).toEqual({
      Required: { passed: 1, failed: 1, skipped: 0, refused: 0 },
      Recommended: { passed: 1, failed: 0, skipped: 0, refused: 1 },
    })
    expect(counts.wire.Required).toEqual({ passed: 1, failed: 0, skipped: 1, refused: 1 })
    expect(counts.text.Required.passed).toBe(0)
    expect(failures).toEqual([expect.stringMatching(/^Required\.Proto2\.ProtobufInput\.C\.JsonOutput: Output was not/)])
  })
  test('that do not add up are no figures', () => {
    expect(() => readFigures([...output, summary(4, 1, 1)].join('\n'))).toThrow('counts 4 as passed')
    expect(() => readFigures([...output, summary(3, 1, 0)].join('\n'))).toThrow('counts 0 as failed')
    expect(() => readFigures(output.join('\n'))).toThrow('no totals')
    expect(() => readFigures([line('Odd.A', 'skipped: ""'), summary(1, 0, 0)].join('\n'))).toThrow('Odd.A')
  })
  test('of a testee that failed are none', () => {
    expect(() => readFigures(`${output.join('\n')}\nTESTEE FAILED: no port\n${summary(3, 1, 1)}`)).toThrow('no port')
  })
  test('of what the compiled part of a lane has left to the reference', () => {
    const said = [...output, summary(3, 1, 1), 'HANDED OVER: 2 of 7', 'HANDED OVER: 0 of 1'].join('\n')
    expect(readFigures(said).handedOver).toEqual({ count: 2, of: 8 })
    expect(readFigures([...output, summary(3, 1, 1)].join('\n')).handedOver).toBe(undefined)
  })
  test('stand between the marks of the document and nowhere else', () => {
    const text = 'a\n<!-- x -->\nold\n<!-- /x -->\nb\n'
    expect(withTables(text, { x: '| new |' })).toBe('a\n<!-- x -->\n| new |\n<!-- /x -->\nb\n')
    expect(() => withTables(text, { y: '' })).toThrow('"y"')
  })
})
