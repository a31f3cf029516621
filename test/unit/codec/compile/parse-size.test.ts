import { describe, expect, test } from 'vitest'
import { makeParse } from '../../../../src/codec/compile/parse/index.ts'
import { LIMIT } from '../../../../src/codec/compile/scratch.ts'
import { planOf } from '../../../../src/codec/plan.ts'
import { Bytes } from '../../../../src/core/message.ts'
import { typesOf } from '../../../support/codec.ts'
import { Lanes, MODES } from './parse-lanes.ts'

const types = typesOf(`
syntax = "proto3";
package s;
import "google/protobuf/struct.proto";
message M {
  string t = 1;
  bytes b = 2;
  M m = 3;
  repeated M ms = 4;
  map<string, M> map = 5;
  map<string, string> texts = 6;
  map<int32, int32> numbers = 7;
  repeated int32 ints = 8;
  google.protobuf.Struct st = 9;
  repeated bool loose = 536870911 [packed = false];
  repeated string lines = 11;
  repeated int32 far = 536870910 [packed = false];
}
`)
const lanes = new Lanes(types.type('s.M'), types.find)

/** Around the places where a length takes one more byte, and where something is no longer moved at once. */
const EDGES = [4, 112, 128, 512, 2048, 16_384]
const around = (size: number): number[] =>
  Array.from({ length: 12 }, (_, k) => size - 8 + k).filter((each) => each >= 0)

describe('lengths', () => {
  test.each([...EDGES, 2_097_151, 2_097_152])('%d bytes', (size) => {
    for (const length of size > 20_000 ? [size] : around(size)) {
      const text = 'x'.repeat(length)
      expect(lanes.check(`{"t":"${text}"}`)).toBe('taken')
      expect(lanes.check(`{"m":{"t":"${text}"},"ms":[{"t":"${text}"},{"m":{"m":{"t":"${text}"}}}]}`)).toBe('taken')
      if (size > 20_000) continue
      expect(lanes.check(`{"map":{"k":{"t":"${text}"}},"texts":{"${text}":"${text}","a${text}":""}}`)).toBe('taken')
      expect(lanes.check(`{"st":{"a":"${text}","${text}b":{"c":["${text}",{"d":"${text}"}]}}}`)).toBe('taken')
      expect(lanes.check(`{"t":"\\u00e9${text}\\n","lines":["${text}","\\"${text}"]}`)).toBe('taken')
      expect(lanes.check(`{"ints":[${Array.from({ length }, () => 1).join()}]}`)).toBe('taken')
    }
  })
  test('of messages in messages', () => {
    for (const size of [1, 50, 120, 2000, 3000, 16_000, 17_000, 100_000]) {
      const inner = `{"lines":[${Array.from({ length: Math.ceil(size / 12) }, (_, k) => `"line ${k}"`).join()}]}`
      for (const levels of [1, 2, 19, 96])
        expect(lanes.check(`${'{"m":'.repeat(levels)}${inner}${'}'.repeat(levels)}`), `${size} ${levels}`).toBe('taken')
      const nested = `${'{"ms":['.repeat(20)}${inner},${inner}${']}'.repeat(20)}`
      expect(lanes.check(`{"ms":[${nested},${nested},{"m":${nested}}],"map":{"a":${nested},"b":${inner}}}`)).toBe(
        'taken',
      )
    }
  })
  test('of twenty levels around a megabyte', () => {
    const inner = `{"lines":[${Array.from({ length: 80_000 }, () => '"some text"').join()}]}`
    expect(lanes.check(`${'{"m":'.repeat(20)}${inner}${'}'.repeat(20)}`)).toBe('taken')
  })
  test('of so many big messages that they are not worth it', () => {
    const many = (count: number) =>
      `{"ms":[${Array.from({ length: count }, () => `{"t":"${'x'.repeat(600)}","m":{"t":"${'y'.repeat(2100)}"}}`).join()}]}`
    expect(lanes.check(many(500))).toBe('taken')
    expect(lanes.check(many(2600))).toBe('taken')
  })
})

describe('room', () => {
  const parsers = MODES.map((mode) => makeParse(planOf(types.type('s.M')), types.find, mode))
  /** `size`: of the wire bytes, if it is read. */
  const runs = (text: string, size?: number): boolean[] => {
    const bytes = Buffer.from(text)
    return parsers.map((parse) => {
      const out = new Bytes(8)
      const taken = parse(bytes, out)
      expect(out.length > 0).toBe(taken)
      if (taken && size !== undefined) {
        expect(out.length).toBe(size)
        expect([...new Set(out.take().subarray(-6000).toString('hex').match(/.{12}/g))]).toEqual(['f8ffffff0f01'])
      }
      return taken
    })
  }

  test('a text that is longer than the scratch', () => {
    expect(runs(`{"t":"x"}${' '.repeat(LIMIT - 9)}`)).toEqual([true, true])
    expect(runs(`{"t":"x"}${' '.repeat(LIMIT - 8)}`)).toEqual([false, false])
    expect(runs(`{"t":"${'x'.repeat(LIMIT - 8)}"}`)).toEqual([true, true])
    expect(runs(`{"t":"${'x'.repeat(LIMIT + 100)}"}`)).toEqual([false, false])
  })
  test('wire bytes that are longer than their text', () => {
    // Six bytes for each "true,": up to LIMIT, and not beyond.
    const values = (count: number) => `{"loose":[${'true,'.repeat(count)}true]}`
    const most = Math.floor(LIMIT / 6)
    expect(runs(values(most - 2), 6 * (most - 1))).toEqual([true, true])
    expect(runs(values(most + 1))).toEqual([false, false])
    // Six bytes for each "0,": three times as much as there is room for.
    expect(runs(`{"far":[${'0,'.repeat(3_500_000)}0]}`)).toEqual([false, false])
    // And a string, for which there was room when the text began.
    const far = `"far":[${'0,'.repeat(1_000_000)}0]`
    expect(runs(`{${far},"t":"${'x'.repeat(5_000_000)}"}`)).toEqual([false, false])
    expect(runs(`{${far},"map":{"a":{"t":"${'x'.repeat(5_000_000)}"}}}`)).toEqual([false, false])
    expect(runs(`{${far},"b":"${'A'.repeat(5_000_000)}"}`)).toEqual([false, false])
    expect(runs(`{${far},"t":"${'x'.repeat(1_000_000)}"}`)).toEqual([true, true])
    const numbers = `{"st":{"a":[${'1,'.repeat(1_500_000)}1]}}`
    expect(runs(numbers)).toEqual([false, false])
    const nulls = `{"st":{"a":[${'[],'.repeat(1_300_000)}[]]}}`
    expect(runs(nulls)).toEqual([true, true])
  })
})

describe('big maps', () => {
  const entries = (count: number, last = ''): string =>
    `{"texts":{${Array.from({ length: count }, (_, k) => `"key-${k}":"v"`).join()}${last}},"numbers":{${Array.from({ length: count }, (_, k) => `"${k * 3}":${k}`).join()}}}`
  test.each([2, 5, 6, 7, 8, 9, 31, 32, 33, 300, 5000])('%d entries', (count) => {
    expect(lanes.check(entries(count))).toBe('taken')
    for (const at of new Set([0, 1, count >> 1, count - 1]))
      expect(lanes.check(entries(count, `,"key-${at}":"w"`)), `${at}`).toBe('refused')
  })
  test('in each other', () => {
    const inner = `{"map":{${Array.from({ length: 10 }, (_, k) => `"${k}":{"t":"${'x'.repeat(k * 30)}"}`).join()}}}`
    const outer = (last: string) => `{"map":{${Array.from({ length: 10 }, (_, k) => `"${k}":${inner}`).join()}${last}}}`
    expect(lanes.check(outer(''))).toBe('taken')
    expect(lanes.check(outer(',"3":{}'))).toBe('refused')
    expect(lanes.check(outer(`,"x":{"map":{"a":{},"b":{},"a":{}}}`))).toBe('refused')
  })
  test('more than are kept', () => {
    expect(lanes.check(entries(140_000))).toBe('over')
  })
})
