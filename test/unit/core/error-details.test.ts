import protobuf from 'protobufjs'
import { describe, expect, test } from 'vitest'
import { badRequest, errorInfo, reasonOf, retryInfo } from '../../../src/core/error-details.ts'
import type { ErrorDetail } from '../../../src/core/status.ts'

/** The three messages as google/rpc/error_details.proto numbers them. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
`)
const read = ({ typeUrl, value }: ErrorDetail): unknown => {
  const type = root.lookupType(typeUrl.replace('type.googleapis.com/', ''))
  return type.toObject(type.decode(value), { longs: Number, defaults: true })
}
const long = 'x'.repeat(300)

describe('what is encoded, protobufjs reads', () => {
  test('ErrorInfo', () => {
    expect(errorInfo('WHY').typeUrl).toBe('type.googleapis.com/google.rpc.ErrorInfo')
    expect(read(errorInfo('WHY'))).toEqual({ reason: 'WHY', domain: 'protogate', metadata: {} })
    expect(read(errorInfo('WHY', { one: '€', two: '', [long]: long }))).toEqual({
      reason: 'WHY',
      domain: 'protogate',
      metadata: { one: '€', two: '', [long]: long },
    })
  })
  test('BadRequest', () => {
    const violations = [
      { field: '/a/0', description: 'not a number' },
      { field: 'b.c', description: long },
    ]
    expect(badRequest(violations).typeUrl).toBe('type.googleapis.com/google.rpc.BadRequest')
    expect(read(badRequest(violations))).toEqual({ fieldViolations: violations })
    expect(read(badRequest([]))).toEqual({ fieldViolations: [] })
  })
  test.each([
    [0, 0, 0],
    [1, 0, 1_000_000],
    [1500, 1, 500_000_000],
    [0.000_001, 0, 1],
    [999.999_999_9, 1, 0],
    [86_400_000, 86_400, 0],
    [4_294_967_296_000, 4_294_967_296, 0],
    [-5, 0, 0],
  ])('RetryInfo of %d ms', (ms, seconds, nanos) => {
    expect(read(retryInfo(ms))).toEqual({ retryDelay: { seconds, nanos } })
  })
})

describe('reasonOf', () => {
  test('the reason of the first ErrorInfo', () => {
    expect(reasonOf([badRequest([]), errorInfo('FIRST', { a: 'b' }), errorInfo('SECOND')])).toBe('FIRST')
  })
  test.each([
    ['no details', []],
    ['no ErrorInfo', [retryInfo(1)]],
    ['an empty one', [{ typeUrl: errorInfo('X').typeUrl, value: new Uint8Array() }]],
    ['one whose first field is another', [{ typeUrl: errorInfo('X').typeUrl, value: new Uint8Array([0x12, 1, 65]) }]],
    ['a reason that is too long for one', [errorInfo(long)]],
  ])('%s: nothing', (_what, details) => expect(reasonOf(details)).toBeUndefined())
})
